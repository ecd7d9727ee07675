"""Two processes close the same month at the same moment: one closes it, the other is refused, nothing is mixed."""

import hashlib
import json
import multiprocessing
from collections import Counter
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final

import pytest

from allive.ingestion.settings import Settings
from allive.payouts import ledger
from allive.payouts.errors import Refusal
from tests.e2e import closed_months
from tests.e2e.conftest import USUAL, Chances
from tests.pipeline import new_pipeline
from tests.two_years.cast import everything_at_the_beginning
from tests.two_years.story import Story

PROCESSES: Final = multiprocessing.get_context("forkserver")
LONGEST_S: Final = 60
MONTH: Final = "2020-08"
REFUSALS: Final = {
    "met the other at work": "Another process is closing a month right now: wait for it, then look again.",
    "came after the other": "It is closed already (run ",
}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, parsed_home: Path) -> Settings:
    """A data home with one month closed and the next one built, which brings balances forward, adjusts, and pays."""
    pipeline = new_pipeline(tmp_path_factory.mktemp("races") / "before", parsed=parsed_home)
    story = Story(pipeline)
    story.lands(everything_at_the_beginning())
    story.ordinary_month_lands("2020-07")
    story.close("2020-07")
    story.ordinary_month_lands(MONTH)
    story.afterthoughts_land()
    pipeline.run()
    (pipeline.settings.payouts_dir / closed_months.KEY_FILE).write_text("tests", encoding="ascii")
    return pipeline.settings


def test_of_two_closings_one_wins_and_the_other_is_refused(before: Settings, chances: Chances, tmp_path: Path) -> None:
    undisturbed = closed_months.copy_home(before, tmp_path / "undisturbed")
    closed_months.close_unlocked(undisturbed.home, month=MONTH)
    files = closed_months.month_files(undisturbed, MONTH)
    assert files is not None
    assert {"adjustments.csv", "resettled/2020-07.parquet", "transfers.csv"} <= files.keys()
    homes = [closed_months.copy_home(before, tmp_path / str(number)) for number in range(chances.races)]
    said = run_races([settings.home for settings in homes])
    losers: Counter[str] = Counter()
    for settings, (first, second) in zip(homes, zip(*said, strict=True), strict=True):
        assert (first is None) != (second is None), f"both or neither closed the month: {first}, {second}"
        refused = first or second or ""
        assert refused.startswith(f"{MONTH} cannot ")
        [how] = [how for how, reason in REFUSALS.items() if reason in refused]
        losers[how] += 1
        losers["first" if first else "second"] += 1
        assert_closed_once(settings, undisturbed, files)
    print(f"The losers of {chances.races} races: {dict(losers)}")
    assert losers["met the other at work"] > chances.races / 2, "in too few races were both at work at the same time"
    # If there are few races, the faster process can win all of them.
    assert chances == USUAL or {"first", "second"} <= losers.keys(), "not a race: the same process won every time"


def run_races(homes: list[Path]) -> list[list[str | None]]:
    """Let two processes close the month in each home at the same time; return each one's refusals, None if it closed.

    The same two processes run all races: their modules are imported already, so only chance decides who wins.
    """
    barrier = PROCESSES.Barrier(2)
    pipes = [PROCESSES.Pipe(duplex=False) for _ in range(2)]
    runners = [PROCESSES.Process(target=close_each, args=(homes, barrier, sender)) for _, sender in pipes]
    for runner, (_, sender) in zip(runners, pipes, strict=True):
        runner.start()
        sender.close()
    said = [receiver.recv() for receiver, _ in pipes]
    for runner in runners:
        runner.join()
    return said


def close_each(homes: list[Path], barrier: Barrier, out: Connection) -> None:
    """Close the month in one home after another, starting each together with the other process."""
    said: list[str | None] = []
    for home in homes:
        barrier.wait(timeout=LONGEST_S)
        try:
            closed_months.close_unlocked(home, month=MONTH)
        except Refusal as refusal:
            said.append(str(refusal))
        else:
            said.append(None)
    out.send(said)


def assert_closed_once(settings: Settings, undisturbed: Settings, files: dict[str, bytes]) -> None:
    """Check that the month is as one undisturbed closing leaves it: same bytes, one line in the log, no other files."""
    found = closed_months.month_files(settings, MONTH)
    assert found == files
    manifest = json.loads(found[ledger.MANIFEST_FILE])
    assert manifest["files"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in found.items() if name != ledger.MANIFEST_FILE
    }
    [line] = closed_months.recorded_closings(settings, MONTH)
    assert [line] == closed_months.recorded_closings(undisturbed, MONTH)
    assert line["manifest_sha256"] == hashlib.sha256(found[ledger.MANIFEST_FILE]).hexdigest()
    assert closed_months.names(settings) == closed_months.names(undisturbed)
