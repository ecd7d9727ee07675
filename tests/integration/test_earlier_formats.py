"""Months that an earlier version closed still verify, or verification says which part it cannot check."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from allive.ingestion.settings import Settings
from allive.payouts import closing, ledger
from allive.payouts.errors import Refusal
from allive.payouts.pseudonyms import PseudonymKeyError
from allive.payouts.verification import Verdict, verify
from tests.fixtures.homes import MONTHS_OF_FORMAT_1, PSEUDONYM_KEY, unpack_format_1
from tests.oracle.pseudonyms import check_value, period_pseudonym
from tests.pipeline import Pipeline, new_pipeline

LAST_RUN_HASH = "375fbf3393b06ddedf44f68313fafd4c33e8f4b79dcb14ca7b920a3a08ec1779"
AUDIT_HEAD = "41b74f6356b039be0b1e0e4c884244d5b3aa9cb23bf4c65f6b1ebee782b3d38f"
"""Noted by the version that wrote the home."""
PAID_CENTS = {"2021-01": 9271, "2021-02": 13520, "2021-03": 12636}
"""Shown by that version when it closed the months."""
_DEADLINE_S = 240
_BIND_READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'


@pytest.fixture(scope="module")
def format_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data home of format 1. Read only."""
    return unpack_format_1(tmp_path_factory.mktemp("format-1"))


@pytest.fixture
def home(format_1: Path, tmp_path: Path) -> Path:
    """A copy of the data home of format 1."""
    return Path(shutil.copytree(format_1, tmp_path / "home"))


@pytest.fixture
def continued(home: Path, parsed_home: Path) -> Pipeline:
    """The pipeline of a version that writes format 2, on the data home of format 1."""
    pipeline = new_pipeline(home, parsed=parsed_home)
    pipeline.build()
    return pipeline


def settings_of(home: Path) -> Settings:
    return Settings(home=home, pseudonym_key=PSEUDONYM_KEY)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "ALLIVE_HOME": str(home), "ALLIVE_PSEUDONYM_KEY": PSEUDONYM_KEY, "COLUMNS": "80"}


VERIFY = (sys.executable, "-m", "allive.orchestration.cli", "verify")


def allive_verify(home: Path, *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, *VERIFY]
    return subprocess.run(
        command, env=environment(home), capture_output=True, text=True, timeout=_DEADLINE_S, check=False
    )


def content(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_a_home_of_format_1_is_proven_from_its_heartbeats_on(format_1: Path) -> None:
    verification = verify(settings_of(format_1))
    assert verification.findings == ()
    assert verification.unchecked == ()
    assert verification.verdict is Verdict.PROVEN
    assert [(one.month, one.verdict) for one in verification.verdicts] == [
        (month, Verdict.PROVEN) for month in MONTHS_OF_FORMAT_1
    ]
    assert all(count.compared for count in verification.counts)
    assert (verification.last_run_hash, verification.audit_head) == (LAST_RUN_HASH, AUDIT_HEAD)


def test_its_months_are_read_as_they_were_shown(format_1: Path) -> None:
    settings = settings_of(format_1)
    assert ledger.last_run_hash(settings) == LAST_RUN_HASH
    paid = {
        month: sum(int(row["paid_cents"]) for row in ledger.read_lines(settings, month)) for month in MONTHS_OF_FORMAT_1
    }
    assert paid == PAID_CENTS


def test_without_its_heartbeats_it_is_not_provable_and_nothing_of_it_is_wrong(home: Path) -> None:
    shutil.rmtree(home / "raw")
    shown = allive_verify(home)
    assert shown.returncode == 3, shown.stderr
    assert "Nothing wrong was found, but not everything could be checked:" in shown.stderr
    assert "changed or cut" not in shown.stdout + shown.stderr
    assert shown.stdout.count("  not provable  ") == len(MONTHS_OF_FORMAT_1)
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_verified_by_the_command_it_stays_as_it_was_but_for_the_record(home: Path) -> None:
    before = content(home)
    shown = allive_verify(home)
    assert shown.returncode == 0, shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 80
    after = content(home)
    log = after["payouts/audit.ndjson"]
    assert log.startswith(before["payouts/audit.ndjson"])
    assert log.count(b'"verdict": "proven"') == 1
    assert {name: after[name] for name in before if name != "payouts/audit.ndjson"} == {
        name: before[name] for name in before if name != "payouts/audit.ndjson"
    }
    again = verify(settings_of(home), anchor=AUDIT_HEAD)
    assert again.verdict is Verdict.PROVEN


def test_a_changed_cent_of_it_is_a_failure(home: Path) -> None:
    path = home / "payouts" / "2021-01" / "artist_payouts.csv"
    path.write_bytes(path.read_bytes().replace(b"1480", b"1481", 1))
    shown = allive_verify(home)
    assert shown.returncode == 1
    assert "checks failed: fix the errors below." in shown.stderr
    assert "2021-01  FAILED" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


@pytest.fixture
def read_only(home: Path) -> Iterator[tuple[str, ...]]:
    """Words to put before a command, so that no process can write to the copy while the command runs."""
    if os.geteuid():
        paths = [home, *home.rglob("*")]
        for path in paths:
            path.chmod(path.stat().st_mode & ~0o222)
        yield ()
        for path in paths:
            path.chmod(path.stat().st_mode | 0o200)
        return
    # The superuser ignores file modes, so use a read-only mount that only the command sees.
    trial = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{_BIND_READ_ONLY} && ! touch "$1/x" 2>/dev/null', "sh", str(home)],
        check=False,
        timeout=_DEADLINE_S,
        capture_output=True,
    )
    if trial.returncode:
        pytest.skip(f"the superuser can write to any folder here: {trial.stderr.decode().strip() or 'no mounts'}")
    yield ("unshare", "-m", "sh", "-c", f'{_BIND_READ_ONLY} && shift && exec "$@"', "sh", str(home))


def test_it_is_proven_on_a_read_only_copy_and_nothing_is_written(home: Path, read_only: tuple[str, ...]) -> None:
    before = content(home)
    shown = allive_verify(home, *read_only)
    assert shown.returncode == 0, shown.stderr
    assert "Not recorded: the data home is read-only." in shown.stdout
    assert content(home) == before


def names_in(path: Path) -> set[str]:
    return set(pq.read_table(path).column(0).to_pylist())


@pytest.mark.slow
def test_a_chain_of_format_1_goes_on_in_format_2(continued: Pipeline) -> None:
    """A booked period keeps its month, whatever its record says later and however the months name it.

    After March, a period of February's month that nobody knew is delivered, and one that January booked with dates in
    May. April settles February again, under pseudonyms, with what format 1 booked there. May settles neither again.
    """
    settings = continued.settings
    months = settings.payouts_dir
    before = {name: hash_ for name, hash_ in content(months).items() if name != "audit.ndjson"}
    (moved, *_) = sorted(names_in(months / "2021-01" / "slices.parquet"))
    deliver(
        continued,
        f"{moved},sub-moved,2021-05-01,2021-05-31,paid,2021-04-20T08:00:00Z",
        "late,sub-late,2021-02-01,2021-02-28,paid,2021-04-20T08:00:00Z",
        "new,sub-late,2021-05-01,2021-05-31,paid,2021-04-20T08:00:00Z",
    )
    for month in ("2021-04", "2021-05"):
        continued.close(month)

    found = {path.relative_to(months).as_posix(): names_in(path) for path in months.rglob("*.parquet")}
    assert {name: content(months)[name] for name in before} == before
    assert period_pseudonym("new") in found["2021-05/slices.parquet"]
    assert period_pseudonym(moved) not in found["2021-05/slices.parquet"]
    again = found["2021-04/resettled/2021-02.parquet"]
    assert period_pseudonym("late") in again
    assert len(again & {*map(period_pseudonym, found["2021-02/slices.parquet"])}) == len(again) - 1
    with continued.warehouse() as con:
        booked = con.execute("select period_id, settlement_month from booked.periods").fetchall()
    assert len(dict(booked)) == len(booked)
    assert dict(booked)[moved] == "2021-01"
    assert dict(booked)["late"] == "2021-02"

    control = ledger.read_control(settings, "2021-05")
    assert control["pseudonym_key_check"] == check_value(PSEUDONYM_KEY)
    assert "receipts_root" in control
    assert control["receipts_root"] is None
    formats = [ledger.read_manifest(settings, month).format for month in ledger.closed_months(settings)]
    assert formats == [1, 1, 1, 2, 2]
    verification = verify(settings)
    assert verification.verdict is Verdict.PROVEN, (verification.findings, verification.unchecked)

    refuse_another_key(continued)


def deliver(pipeline: Pipeline, *rows: str) -> None:
    folder = pipeline.landing / "subscriptions"
    folder.mkdir(parents=True, exist_ok=True)
    header = "period_id,subscriber_id,period_start,period_end,status,updated_at"
    (folder / "later.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    pipeline.load()


def refuse_another_key(pipeline: Pipeline) -> None:
    """Neither a build nor a close is begun under another key, from a warehouse that was built under the right one."""
    pipeline.build()
    other = Pipeline(pipeline.settings.model_copy(update={"pseudonym_key": None}))
    key = other.settings.payouts_dir / ".pseudonym.key"
    for written in (None, "another"):
        if written is not None:
            key.write_text(written)
        for act in (closing.settle_month, closing.preview_month):
            with pytest.raises(Refusal, match="pseudonym"):
                act(other.settings, "2021-06")
        assert key.exists() is (written is not None)
        other.settings.warehouse_path.unlink(missing_ok=True)
        with pytest.raises(PseudonymKeyError):
            other.build()
    assert "2021-06" not in ledger.closed_months(other.settings)
