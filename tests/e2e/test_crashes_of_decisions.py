"""Decisions on held files, killed at random moments: each is carried out once and completely, or not at all."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from allive.ingestion.batches import UnknownBatchError, discard, list_held, release
from allive.ingestion.decisions import read_decisions
from allive.ingestion.promotion import staging_folder
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.settings import Settings
from tests.e2e import raw_layer
from tests.e2e.killing import Campaign

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE_OF_KILLS = 0.07
"""Share of all crash-test kills, per test."""
ALL = ()
ONE = (raw_layer.DECIDED_ALONE,)
DECIDE = {
    "release": (release, ALL, raw_layer.release_held),
    "release one": (release, ONE, raw_layer.release_one),
    "discard": (discard, ALL, raw_layer.discard_held),
    "discard one": (discard, ONE, raw_layer.discard_one),
}


@dataclass(frozen=True)
class Outcome:
    """The state that a decision leaves."""

    visible: raw_layer.Rows
    held: list[tuple]
    decisions: list[tuple[str, tuple[str, ...], str]]
    files: list[str]


@dataclass(frozen=True)
class Held:
    """A data home that is loaded except for one held batch, and the outcome of each undisturbed decision on it."""

    before: Settings
    batch_id: str
    outcomes: dict[str, Outcome]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    before = raw_layer.settings_of(tmp_path_factory.mktemp("held") / "home")
    raw_layer.deliver_first(before.landing_dir)
    raw_layer.load_everything(before.home)
    outcomes = {}
    for decision, (_, _, work) in DECIDE.items():
        settings = _copy(before, tmp_path_factory.mktemp(decision))
        work(settings.home)
        outcomes[decision] = _outcome(settings)
    (batch,) = list_held(before)
    return Held(before, batch.batch_id, outcomes)


@pytest.mark.parametrize("decision", DECIDE)
def test_killed_decisions_end_as_if_nothing_had_happened(decision: str, held: Held, kills: int, tmp_path: Path) -> None:
    undisturbed = held.outcomes[decision]
    visible_before = raw_layer.visible(held.before)
    campaign = _campaign(decision, held.before, tmp_path, f"{decision} again")
    for settings in campaign.kills(round(kills * SHARE_OF_KILLS)):
        assert raw_layer.visible(settings) in (visible_before, undisturbed.visible)
        _decide_again(settings, decision, held.batch_id)
        assert _outcome(settings) == undisturbed
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
    return Outcome(
        raw_layer.visible(settings),
        raw_layer.held(settings),
        raw_layer.decisions(settings),
        raw_layer.files(settings),
    )


def _copy(before: Settings, folder: Path) -> Settings:
    return raw_layer.settings_of(shutil.copytree(before.home, folder / "home"))


def _campaign(decision: str, before: Settings, tmp_path: Path, name: str) -> Campaign:
    pinned = read_pins(before)
    last = pinned.versions["subscriptions"] or 0
    kind, _, is_one = decision.partition(" ")
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
            "the discard was noted": lambda settings: any(settings.held_dir.glob("discarded/*/batch.json")),
        },
    }
    to_meet = {
        "release": {"staged, not decided", "decided, not committed", "pinned, not tidied"},
        # Discarding all files removes the folder quickly; discarding one file rewrites the others.
        "discard": {"nothing decided", "recorded, not carried out", *(["carried out, not tidied"] if is_one else [])},
    }
    return Campaign(
        name=name,
        work=DECIDE[decision][2],
        new_home=lambda: _copy(before, tmp_path),
        state_of=_state_of,
        events=events[kind],
        to_meet=frozenset(to_meet[kind]),
    )


def _state_of(settings: Settings) -> str:
    promotion = raw_layer.state_of(settings)
    if promotion not in {"between batches", "before staging"}:
        return promotion
    if not read_decisions(settings):
        return "nothing decided"
    if not any(settings.held_dir.glob("discarded/*/batch.json")):
        return "recorded, not carried out"
    return "carried out, not tidied"


def _decide_again(settings: Settings, decision: str, batch_id: str) -> None:
    """Decide as if the killed command had never run; a file that is already decided is refused as such."""
    refusal = None
    decide, files, _ = DECIDE[decision]
    try:
        decide(settings, batch_id, files, operator="tests", why="looked at")
    except UnknownBatchError as error:
        refusal = str(error)
    if refusal:
        ((decided, _, _),) = raw_layer.decisions(settings)
        assert f"its {decided} was decided" in refusal
