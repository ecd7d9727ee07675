"""Loads killed at random moments: after a rerun, everything is as if nothing had happened."""

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from allive.ingestion.pins_check import check_pins
from allive.ingestion.pins_repair import REPAIRS_FILE, repair_pins
from allive.ingestion.promotion import staging_folder
from allive.ingestion.raw_tables import REJECTS, pins_path, read_pins
from allive.ingestion.settings import Settings
from tests.e2e import raw_layer
from tests.e2e.killing import Campaign

SHARE_OF_KILLS = 0.15
"""Share of all crash-test kills, per scenario."""
KILLED_AGAIN = 3
"""One in this many reruns is killed as well."""


@dataclass(frozen=True)
class Scenario:
    """A data home before a load, and the result of an undisturbed load."""

    name: str
    before: Settings
    visible_before: raw_layer.Rows
    visible: raw_layer.Rows
    held: list[tuple]
    files: list[str]


@pytest.fixture(scope="module", params=["first", "second"])
def scenario(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """A data home's first load, or a later one, with files already loaded and held."""
    folder = tmp_path_factory.mktemp(request.param)
    before = raw_layer.settings_of(folder / "before")
    raw_layer.deliver_first(before.landing_dir)
    if request.param == "second":
        raw_layer.load_everything(before.home)
        raw_layer.deliver_second(before.landing_dir)
    undisturbed = raw_layer.settings_of(folder / "undisturbed")
    shutil.copytree(before.home, undisturbed.home)
    raw_layer.load_everything(undisturbed.home)
    return Scenario(
        request.param,
        before,
        raw_layer.visible(before),
        raw_layer.visible(undisturbed),
        raw_layer.held(undisturbed),
        raw_layer.files(undisturbed),
    )


def test_the_undisturbed_load_has_all_that_can_happen(scenario: Scenario) -> None:
    by_reason = Counter(row[2] for tables in scenario.visible.values() for row in tables.get(REJECTS, []))
    assert by_reason["unreadable"] >= 1
    assert by_reason["malformed"] == by_reason["bad_state"] == by_reason["missing_live_id"] == 1
    assert [(held[0], held[1]) for held in scenario.held] == [
        ("subscriptions", ("subscriptions/many_rejects.ndjson", "subscriptions/more_rejects.ndjson"))
    ]
    assert len(scenario.visible["subscriptions/a.ndjson"]["subscriptions"]) == 20, "the good file of the same batch"


def test_killed_loads_end_as_if_nothing_had_happened(scenario: Scenario, kills: int, tmp_path: Path) -> None:
    campaign = _campaign(scenario, tmp_path)
    for number, settings in enumerate(campaign.kills(round(kills * SHARE_OF_KILLS))):
        _assert_whole_files(settings, scenario)
        if number % KILLED_AGAIN == 0 and campaign.kill(settings):
            _assert_whole_files(settings, scenario)
        assert check_pins(settings) == ()
        if number % KILLED_AGAIN == 1:
            pins_path(settings).unlink(missing_ok=True)
            repair_pins(settings, operator="tests", at_least={})
            _assert_whole_files(settings, scenario)
        raw_layer.load_everything(settings.home)
        assert raw_layer.visible(settings) == scenario.visible
        assert raw_layer.held(settings) == scenario.held
        assert [name for name in raw_layer.files(settings) if not name.endswith(REPAIRS_FILE)] == scenario.files
        assert raw_layer.unlisted_files(settings) == []
        assert raw_layer.load_everything(settings.home) == []


def _campaign(scenario: Scenario, tmp_path: Path) -> Campaign:
    rejects = read_pins(scenario.before).versions[REJECTS] or 0
    heartbeats = read_pins(scenario.before).versions["heartbeats"] or 0
    pins_before = read_pins(scenario.before).batch_number

    def new_home() -> Settings:
        return raw_layer.settings_of(shutil.copytree(scenario.before.home, tmp_path / "home"))

    return Campaign(
        name=f"{scenario.name} load",
        work=raw_layer.load_everything,
        new_home=new_home,
        state_of=raw_layer.state_of,
        events={
            "staging began": lambda settings: any(staging_folder(settings, "").glob("*")),
            "a promotion was decided": lambda settings: raw_layer.staged_with(settings, "promotion.json"),
            "records were committed": lambda settings: raw_layer.logged(settings, "heartbeats", beyond=heartbeats),
            "rejects were committed": lambda settings: raw_layer.logged(settings, REJECTS, beyond=rejects),
            "a batch was pinned": lambda settings: read_pins(settings).batch_number > pins_before,
            "files were about to be held": lambda settings: raw_layer.staged_with(settings, "held/batch.json"),
            "files were held": lambda settings: any(settings.held_dir.glob("*/batch.json")),
        },
        to_meet=frozenset(
            {
                "staged, not decided",
                "decided, not committed",
                "records committed, rejects not",
                "committed, not pinned",
                "pinned, not tidied",
                "between batches",
            }
        ),
    )


def _assert_whole_files(settings: Settings, scenario: Scenario) -> None:
    """Check that each landed file is visible with all rows and rejects or not at all; visible files stay visible."""
    found = raw_layer.visible(settings)
    assert [file for file, rows in found.items() if rows != scenario.visible.get(file)] == []
    assert [file for file in scenario.visible_before if file not in found] == []
    held = raw_layer.held(settings)
    assert held in ([], scenario.held)
