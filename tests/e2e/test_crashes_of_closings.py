"""Closings killed at random moments: the month is there completely or not at all, always with the same bytes."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from allive.ingestion.settings import Settings
from allive.payouts import audit, ledger
from allive.payouts.errors import Refusal
from tests.e2e import closed_months
from tests.e2e.closed_months import KEY_FILE
from tests.e2e.killing import Campaign
from tests.pipeline import Pipeline

SHARE_OF_KILLS = 0.85
"""Share of all crash-test kills, per scenario: a thorough session kills closings about 200 times in total."""
SHARE_WITHOUT_KEY = 0.05
KILLED_AGAIN = 3
"""One in this many reruns is killed as well."""


@dataclass(frozen=True)
class Scenario:
    """A data home before a close, and the result of an undisturbed close on the same pinned input."""

    before: Settings
    month: str
    files: dict[str, bytes]
    closings: list[dict[str, str]]
    names: set[str]


@pytest.fixture(scope="module", params=["2021-01", "2021-02"])
def scenario(request: pytest.FixtureRequest, golden: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """A data home's first run, or a run that brings balances forward and chains to the run before."""
    month = request.param
    folder = tmp_path_factory.mktemp(month)
    before = closed_months.settings_of(folder / "before")
    shutil.copytree(golden.settings.home, before.home)
    before.payouts_dir.mkdir(exist_ok=True)
    (before.payouts_dir / KEY_FILE).write_text("0123456789abcdef\n", encoding="ascii")
    if month == "2021-02":
        closed_months.close(before.home, month="2021-01")
        Pipeline(before).build()
    undisturbed = closed_months.copy_home(before, folder / "undisturbed")
    closed_months.close(undisturbed.home, month=month)
    files = closed_months.month_files(undisturbed, month)
    assert files
    return Scenario(
        before,
        month,
        files,
        closed_months.recorded_closings(undisturbed, month),
        closed_months.names(undisturbed),
    )


def test_the_manifest_of_the_undisturbed_close_names_every_byte(scenario: Scenario) -> None:
    manifest = json.loads(scenario.files[ledger.MANIFEST_FILE])
    data = scenario.files.keys() - {ledger.MANIFEST_FILE}
    assert manifest["files"] == {name: hashlib.sha256(scenario.files[name]).hexdigest() for name in data}
    (line,) = scenario.closings
    assert line["manifest_sha256"] == hashlib.sha256(scenario.files[ledger.MANIFEST_FILE]).hexdigest()


def test_killed_closings_end_in_the_bytes_of_an_undisturbed_one(scenario: Scenario, kills: int, tmp_path: Path) -> None:
    def new_home() -> Settings:
        return closed_months.copy_home(scenario.before, tmp_path / "home")

    campaign = _campaign(f"closings of {scenario.month}", scenario, new_home)
    for number, settings in enumerate(campaign.kills(round(kills * SHARE_OF_KILLS))):
        _assert_whole_or_not_at_all(settings, scenario)
        if number % KILLED_AGAIN == 0 and not _is_closed(settings, scenario) and campaign.kill(settings):
            _assert_whole_or_not_at_all(settings, scenario)
        _close_again(settings, scenario.month)
        assert closed_months.month_files(settings, scenario.month) == scenario.files
        assert closed_months.recorded_closings(settings, scenario.month) == scenario.closings
        assert closed_months.names(settings) == scenario.names


def test_a_killed_closing_keeps_the_key_of_the_pseudonyms(scenario: Scenario, kills: int, tmp_path: Path) -> None:
    """If the closing makes the key itself, the rerun's files use that key. Only the first run makes one."""

    def new_home() -> Settings:
        settings = closed_months.copy_home(scenario.before, tmp_path / "home")
        (settings.payouts_dir / KEY_FILE).unlink()
        return settings

    if ledger.closed_months(scenario.before):
        settings = new_home()
        with pytest.raises(Refusal, match="found no file, expected the key that months up to 2021-01 were closed with"):
            closed_months.close(settings.home, month=scenario.month)
        assert not (settings.payouts_dir / KEY_FILE).exists()
        return
    campaign = _campaign(f"closings of {scenario.month} without a key", scenario, new_home)
    campaign.to_meet = frozenset()
    campaign.events = {
        "the key was about to be made": lambda settings: (settings.payouts_dir / ".pseudonym.part").exists(),
        "the key was made": lambda settings: (settings.payouts_dir / KEY_FILE).exists(),
    }
    kept = 0
    for settings in campaign.kills(round(kills * SHARE_WITHOUT_KEY)):
        path = settings.payouts_dir / KEY_FILE
        made = path.read_text(encoding="ascii") if path.exists() else None
        _close_again(settings, scenario.month)
        key = path.read_text(encoding="ascii")
        assert made in {None, key}
        kept += made is not None
        assert closed_months.names(settings) == scenario.names
        undisturbed = closed_months.copy_home(scenario.before, tmp_path / "undisturbed")
        (undisturbed.payouts_dir / KEY_FILE).write_text(key, encoding="ascii")
        closed_months.close(undisturbed.home, month=scenario.month)
        assert closed_months.month_files(settings, scenario.month) == closed_months.month_files(
            undisturbed, scenario.month
        )
        shutil.rmtree(undisturbed.home)
    assert kept


def test_a_key_that_was_linked_and_not_tidied_leaves_nothing(scenario: Scenario, tmp_path: Path) -> None:
    """No event comes between linking and tidying, so no kill would ever hit this state."""
    settings = closed_months.copy_home(scenario.before, tmp_path / "home")
    (settings.payouts_dir / ".pseudonym.part").hardlink_to(settings.payouts_dir / KEY_FILE)
    closed_months.close(settings.home, month=scenario.month)
    assert closed_months.month_files(settings, scenario.month) == scenario.files
    assert closed_months.names(settings) == scenario.names


def _campaign(name: str, scenario: Scenario, new_home: Callable[[], Settings]) -> Campaign:
    month = scenario.month
    log = audit.log_path(scenario.before)
    logged = log.stat().st_size if log.exists() else 0

    def is_recorded(settings: Settings) -> bool:
        log = audit.log_path(settings)
        return log.exists() and b'"action": "close"' in log.read_bytes()[logged:]

    return Campaign(
        name=name,
        work=partial(closed_months.close, month=month),
        new_home=new_home,
        state_of=lambda settings: closed_months.state_of(settings, month),
        events={
            "writing began": lambda settings: closed_months.has_aside(settings, month),
            "the manifest was begun": lambda settings: closed_months.has_aside(settings, month, ledger.MANIFEST_FILE),
            "the closing was announced": lambda settings: closed_months.is_announced(settings, month),
            "the month appeared": lambda settings: ledger.month_dir(settings, month).exists(),
            "the line was recorded": is_recorded,
        },
        to_meet=frozenset(
            {
                "before writing",
                "half written",
                "announced, not closed",
                "closed, not recorded",
                "recorded, not tidied",
            }
        ),
    )


def _is_closed(settings: Settings, scenario: Scenario) -> bool:
    return scenario.month in ledger.closed_months(settings)


def _assert_whole_or_not_at_all(settings: Settings, scenario: Scenario) -> None:
    assert closed_months.month_files(settings, scenario.month) in (None, scenario.files)
    recorded = closed_months.recorded_closings(settings, scenario.month)
    assert recorded in ([], scenario.closings)
    assert _is_closed(settings, scenario) or not recorded


def _close_again(settings: Settings, month: str) -> None:
    """Close as if the killed command had never run; a month that is already closed is refused as such."""
    if month in ledger.closed_months(settings):
        with pytest.raises(Refusal, match="closed already"):
            closed_months.close(settings.home, month=month)
    else:
        closed_months.close(settings.home, month=month)
