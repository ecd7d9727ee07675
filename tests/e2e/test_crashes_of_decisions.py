"""Decisions on a held batch that are killed at random moments: each is carried out whole, once, or not at all."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingestion.batches import UnknownBatchError, discard, list_held, release
from ingestion.decisions import read_decisions
from ingestion.promotion import staging_folder
from ingestion.raw_tables import read_pins
from ingestion.settings import Settings
from tests.e2e import raw_layer
from tests.e2e.killing import Campaign

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE_OF_KILLS = 0.07
"""Of each test, of all kills of the crash tests."""
DECIDE = {"release": release, "discard": discard}
WORK = {"release": raw_layer.release_held, "discard": raw_layer.discard_held}


@dataclass(frozen=True)
class Outcome:
    """What a decision leaves."""

    visible: raw_layer.Rows
    decisions: list[tuple[str, str, str]]
    files: list[str]


@dataclass(frozen=True)
class Held:
    """A data home that is loaded but for one held batch, and what each decision on it leaves undisturbed."""

    before: Settings
    batch_id: str
    outcomes: dict[str, Outcome]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    before = raw_layer.settings_of(tmp_path_factory.mktemp("held") / "home")
    raw_layer.deliver_first(before.landing_dir)
    raw_layer.load_everything(before.home)
    outcomes = {}
    for decision, work in WORK.items():
        settings = _copy(before, tmp_path_factory.mktemp(decision))
        work(settings.home)
        outcomes[decision] = _outcome(settings)
    (batch,) = list_held(before)
    return Held(before, batch.batch_id, outcomes)


@pytest.mark.parametrize("decision", ["release", "discard"])
def test_killed_decisions_end_as_if_nothing_had_happened(decision: str, held: Held, kills: int, tmp_path: Path) -> None:
    undisturbed = held.outcomes[decision]
    visible_before = raw_layer.visible(held.before)
    campaign = _campaign(decision, held.before, tmp_path, f"{decision} again")
    for settings in campaign.kills(round(kills * SHARE_OF_KILLS)):
        assert raw_layer.visible(settings) in (visible_before, undisturbed.visible)
        _decide_again(settings, decision, held.batch_id)
        assert _outcome(settings) == undisturbed
        assert list_held(settings) == ()
        assert raw_layer.unlisted_files(settings) == []
        assert raw_layer.load_everything(settings.home) == []
        assert _outcome(settings) == undisturbed


@pytest.mark.parametrize(("killed", "then"), [("release", "discard"), ("discard", "release")])
def test_what_a_killed_decision_decided_stands_against_the_opposite_one(
    killed: str, then: str, held: Held, kills: int, tmp_path: Path
) -> None:
    campaign = _campaign(killed, held.before, tmp_path, f"{killed}, then {then}")
    stood = set()
    for settings in campaign.kills(round(kills * SHARE_OF_KILLS)):
        _decide_again(settings, then, held.batch_id)
        ((decided, _, _),) = raw_layer.decisions(settings)
        assert _outcome(settings) == held.outcomes[decided]
        assert list_held(settings) == ()
        raw_layer.load_everything(settings.home)
        assert _outcome(settings) == held.outcomes[decided]
        stood.add(decided)
    assert stood == {"release", "discard"}


def test_a_load_carries_out_a_discard_that_was_recorded(held: Held, kills: int, tmp_path: Path) -> None:
    campaign = _campaign("discard", held.before, tmp_path, "discard, then load")
    for settings in campaign.kills(round(kills * SHARE_OF_KILLS)):
        is_decided = bool(read_decisions(settings))
        assert raw_layer.load_everything(settings.home) == []
        assert bool(list_held(settings)) is not is_decided
        if is_decided:
            assert _outcome(settings) == held.outcomes["discard"]


def _outcome(settings: Settings) -> Outcome:
    return Outcome(raw_layer.visible(settings), raw_layer.decisions(settings), raw_layer.files(settings))


def _copy(before: Settings, folder: Path) -> Settings:
    return raw_layer.settings_of(shutil.copytree(before.home, folder / "home"))


def _campaign(decision: str, before: Settings, tmp_path: Path, name: str) -> Campaign:
    pinned = read_pins(before)
    last = pinned.versions["subscriptions"] or 0
    events: dict[str, dict[str, Callable[[Settings], bool]]] = {
        "release": {
            "staging began": lambda settings: any(staging_folder(settings, "").glob("*")),
            "the release was decided": lambda settings: raw_layer.staged_with(settings, "promotion.json"),
            "records were committed": lambda settings: raw_layer.logged(settings, "subscriptions", beyond=last),
            "the batch was pinned": lambda settings: read_pins(settings) != pinned,
            "the release was recorded": lambda settings: bool(read_decisions(settings)),
        },
        "discard": {
            "the command began": lambda _: True,
            "the discard was recorded": lambda settings: bool(read_decisions(settings)),
            "the batch was moved": lambda settings: any(settings.held_dir.glob("discarded/*/batch.json")),
        },
    }
    to_meet = {
        "release": {"staged, not decided", "decided, not committed", "pinned, not tidied"},
        "discard": {"nothing decided", "recorded, not carried out", "carried out, not tidied"},
    }
    return Campaign(
        name=name,
        work=WORK[decision],
        new_home=lambda: _copy(before, tmp_path),
        state_of=_state_of,
        events=events[decision],
        to_meet=frozenset(to_meet[decision]),
    )


def _state_of(settings: Settings) -> str:
    promotion = raw_layer.state_of(settings)
    if promotion not in {"between batches", "before staging"}:
        return promotion
    if not read_decisions(settings):
        return "nothing decided"
    if list_held(settings):
        return "recorded, not carried out"
    return "carried out, not tidied"


def _decide_again(settings: Settings, decision: str, batch_id: str) -> None:
    """Decide as if the killed command had not been; a batch that is decided already is refused as such."""
    refusal = None
    try:
        DECIDE[decision](settings, batch_id, operator="tests", why="looked at")
    except UnknownBatchError as error:
        refusal = str(error)
    if refusal:
        ((decided, _, _),) = raw_layer.decisions(settings)
        assert f"its {decided} was decided" in refusal
