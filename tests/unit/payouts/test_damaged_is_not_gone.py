"""If raw tables are damaged or older than a closed month, `verify` fails and no month can close.

Data that is absent by rule is different: a copy of payouts/ alone, and versions beyond the look-back.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

import allive.ingestion.compaction
import allive.ingestion.load
from allive.ingestion.compaction import compact
from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.load import load_new_files
from allive.ingestion.pins_repair import repair_pins
from allive.ingestion.raw_tables import pins_path, read_pins, stored_files, table_path
from allive.ingestion.settings import Settings
from allive.ingestion.vacuum import vacuum
from allive.payouts.ledger import closed_months
from allive.payouts.pins import closed_versions, pin_refusals
from allive.payouts.verification import Check, verify
from tests.closed_chain import Chain
from tests.oracle import read_landing
from tests.oracle.pseudonyms import KEY
from tests.oracle.settlement import months_later
from tests.worlds import World

pytestmark = pytest.mark.slow

SEED = 3


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A data home with five closed months, the first one beyond the look-back; its raw logs are trimmed."""
    home = tmp_path_factory.mktemp("closed") / "home"
    settings = Settings(home=home, pseudonym_key=KEY, memory_limit="512MB", threads=1)
    chain = Chain(settings.payouts_dir)
    world = World.random(SEED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(allive.ingestion.load, "validate", lambda *_: ())
        patch.setattr(allive.ingestion.compaction, "FEWEST_FILES", 2)
        for month in world.deliver_by_month(settings.landing_dir):
            for record_type in RECORD_TYPES:
                load_new_files(settings, record_type)
            if chain.months:
                compact(settings)
                vacuum(settings, grace=timedelta())
            chain.raw_versions = dict(read_pins(settings).versions)
            chain.close(month, read_landing(settings.landing_dir))
            if not pins_path(settings).with_name("first").exists():
                pins_path(settings).with_name("first").write_bytes(pins_path(settings).read_bytes())
    for _ in range(5 - len(chain.months)):
        chain.close(months_later(chain.months[-1], 1), read_landing(settings.landing_dir))
    return settings


@pytest.fixture
def copied(closed: Settings, tmp_path: Path) -> Settings:
    """A copy to damage."""
    shutil.copytree(closed.home, tmp_path / "home")
    return Settings(home=tmp_path / "home", pseudonym_key=KEY, memory_limit="512MB", threads=1)


def entry(settings: Settings, table: str) -> Path:
    return max((table_path(settings, table) / "_delta_log").glob("*.json"))


def data_file(settings: Settings, table: str) -> Path:
    files = stored_files(settings, table, read_pins(settings).layouts[table])
    return table_path(settings, table) / max(files, key=lambda file: file.size).path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-15])


def restore_pins_of_the_first_close(settings: Settings) -> None:
    shutil.copy(pins_path(settings).with_name("first"), pins_path(settings))


DAMAGES: dict[str, Callable[[Settings], object]] = {
    "pins cut": lambda s: cut(pins_path(s)),
    "pins gone": lambda s: pins_path(s).unlink(),
    "pins of the first close": restore_pins_of_the_first_close,
    "a log entry cut": lambda s: cut(entry(s, "subscriptions")),
    "a log gone": lambda s: shutil.rmtree(table_path(s, "subscriptions") / "_delta_log"),
    "a table gone": lambda s: shutil.rmtree(table_path(s, "lives")),
    "a Parquet file gone": lambda s: data_file(s, "heartbeats").unlink(),
    "a Parquet file cut": lambda s: cut(data_file(s, "artists")),
    "the register cut": lambda s: (s.raw_dir / "versions.sqlite").write_bytes(b"no database, whatever its name" * 99),
    "the register gone": lambda s: (s.raw_dir / "versions.sqlite").unlink(),
}


def test_a_whole_home_is_proven_and_nothing_is_written_for_it(closed: Settings) -> None:
    before = {path: path.stat().st_mtime_ns for path in (closed.home, *closed.home.rglob("*"))}
    verification = verify(closed)
    assert not verification.findings, "\n".join(map(str, verification.findings))
    assert not verification.unchecked
    assert pin_refusals(closed) == []
    assert {path: path.stat().st_mtime_ns for path in (closed.home, *closed.home.rglob("*"))} == before


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_a_failure_and_never_not_there(copied: Settings, damage: Callable[[Settings], object]) -> None:
    damage(copied)
    last = closed_months(copied)[-1]
    verification = verify(copied, last)
    assert not verification.unchecked
    findings = [finding for finding in verification.findings if finding.check is Check.WATCHING]
    assert findings
    assert findings == list(verification.findings)
    assert "raw/" in findings[0].found


def test_a_copy_of_payouts_alone_is_not_provable_and_no_failure(copied: Settings) -> None:
    shutil.rmtree(copied.raw_dir)
    verification = verify(copied)
    assert not verification.findings
    assert {one.month for one in verification.unchecked} == {*verification.months}
    assert {one.why for one in verification.unchecked} == {"raw/ is not in this data home"}


def forget(settings: Settings, month: str) -> None:
    """Delete a month's versions of `lives` and `heartbeats`, and all earlier ones, from the register."""
    control = json.loads((settings.payouts_dir / month / "control.json").read_bytes())
    with closing(sqlite3.connect(settings.raw_dir / "versions.sqlite")) as register, register:
        for table in ("lives", "heartbeats"):
            register.execute(
                "delete from versions where raw_table = ? and version <= ?", [table, control["raw_versions"][table]]
            )


def test_a_version_beyond_the_look_back_is_absent_by_rule_and_one_within_is_not(copied: Settings) -> None:
    first, *_ = months = list(closed_months(copied))
    forget(copied, first)
    verification = verify(copied, first)
    assert not verification.findings
    assert ["beyond the look-back" in one.why for one in verification.unchecked] == [True]
    assert pin_refusals(copied) == []

    within = months[1]
    assert closed_version(copied, within, "heartbeats") != read_pins(copied).versions["heartbeats"]
    forget(copied, within)
    verification = verify(copied, within)
    assert [finding.check for finding in verification.findings] == [Check.WATCHING]
    assert not verification.unchecked


def closed_version(settings: Settings, month: str, table: str) -> int:
    control = json.loads((settings.payouts_dir / month / "control.json").read_bytes())
    version: int = control["raw_versions"][table]
    return version


def test_pins_older_than_a_closed_month_are_refused_until_they_are_repaired(copied: Settings) -> None:
    pins = read_pins(copied)
    restore_pins_of_the_first_close(copied)
    reasons = pin_refusals(copied)
    assert any("raw/heartbeats: found version" in reason and "allive doctor --repair" in reason for reason in reasons)
    repair_pins(copied, operator="tests", at_least=closed_versions(copied))
    assert read_pins(copied) == pins
    assert pin_refusals(copied) == []


def test_raw_tables_that_are_gone_after_a_close_are_refused(copied: Settings) -> None:
    """Otherwise the next run would build an empty platform, as if the data home were before its first load."""
    shutil.rmtree(copied.raw_dir)
    (reason,) = pin_refusals(copied)
    assert reason.startswith("raw/: found nothing, expected the tables")


def test_lost_pins_are_refused_after_a_close(copied: Settings) -> None:
    pins_path(copied).unlink()
    (reason,) = pin_refusals(copied)
    assert "no such file" in reason


def test_a_kept_catalogue_that_nothing_tells_any_more_is_refused(copied: Settings) -> None:
    (copied.raw_dir / "versions.sqlite").unlink()
    assert any("in neither its log nor the register" in reason for reason in pin_refusals(copied))


def test_before_a_close_there_is_nothing_to_be_older_than(tmp_path: Path) -> None:
    assert pin_refusals(Settings(home=tmp_path)) == []
