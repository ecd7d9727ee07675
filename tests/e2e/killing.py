"""Kills work for real: each piece of work runs in its own process and gets a SIGKILL at a random moment.

The processes are forked from a server that has imported the modules they need and has opened nothing, so that a hundred
kills cost little. Half of the moments are uniform over the duration of the work. The others follow an event in the file
system, so that states that last only a millisecond are met too.
"""

import multiprocessing
import os
import random
import shutil
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from allive.ingestion.settings import Settings

Work = Callable[[Path], object]
"""Work on a data home: a function of an importable module."""

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    # DuckDB and pyarrow import the last two when they are first used.
    ["tests.e2e.raw_layer", "tests.e2e.closed_months", "tests.e2e.payments_work", "pandas", "pyarrow.dataset"]
)

_NEVER_S = 60
_SOON_AFTER_EVENT_S = 0.004
_SLOW_FSYNC_S = 0.002
_RUNS_TO_MEASURE = 3
_TRIES_PER_KILL = 5
_TRIES_AT_LEAST = 80


class WorkFailedError(AssertionError):
    """The work raised an error instead of being killed."""


@dataclass(frozen=True)
class Ending:
    """How a process ended."""

    was_killed: bool
    seconds: float
    """Since the start of the work."""


def _work(work: Work, home: Path, out: Connection) -> None:
    _slow_the_disk()
    out.send("begun")
    try:
        work(home)
    except BaseException as error:
        out.send(f"{type(error).__name__}: {error}")
        raise
    out.send("done")


def _slow_the_disk() -> None:
    """Make every fsync as slow as on a slow disk, so that kills also hit the moments between two of them."""
    fsync = os.fsync

    def slow_fsync(descriptor: int) -> None:
        fsync(descriptor)
        time.sleep(_SLOW_FSYNC_S)

    os.fsync = slow_fsync


def run(
    work: Work,
    home: Path,
    *,
    kill_after_s: float = _NEVER_S,
    event: Callable[[], bool] = lambda: True,
) -> Ending:
    """Do the work in its own process; kill it some time after an event, unless it ends first.

    Raises:
        WorkFailedError: the work raised an error before it was killed.
    """
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_work, args=(work, home, sender))
    process.start()
    sender.close()
    assert receiver.recv() == "begun"
    begun = time.perf_counter()
    while not event() and not receiver.poll():
        assert time.perf_counter() - begun < _NEVER_S, f"the event did not come and the work did not end, in {home}"
    has_ended = receiver.poll(kill_after_s)
    if not has_ended:
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
    seconds = time.perf_counter() - begun
    said = _last_word(receiver)
    process.join()
    receiver.close()
    if said not in {None, "done"}:
        raise WorkFailedError(f"in {home}: {said}")
    was_killed = process.exitcode == -signal.SIGKILL and said is None
    process.close()
    return Ending(was_killed, seconds)


def _last_word(receiver: Connection) -> str | None:
    """The last message of the process; None if it died while working."""
    try:
        return str(receiver.recv())
    except EOFError:
        return None


@dataclass
class Campaign:
    """Kills one kind of work until a given number of kills have interrupted it.

    Attributes:
        new_home: Makes a data home to work on.
        events: Moments of special interest, by name: functions that look for the event in the file system.
        state_of: Names the state of an interrupted home.
        to_meet: States that must be met; otherwise the kills would test nothing.
        states: How often each state was met.
    """

    name: str
    work: Work
    new_home: Callable[[], Settings]
    state_of: Callable[[Settings], str]
    events: Mapping[str, Callable[[Settings], bool]]
    to_meet: frozenset[str] = frozenset()
    states: Counter[str] = field(default_factory=Counter)
    in_vain: int = 0
    """Processes that finished their work before they could be killed."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.name)
        self._typical_s = statistics.median(self._measure() for _ in range(_RUNS_TO_MEASURE))
        print(f"{self.name}: undisturbed in {self._typical_s * 1000:.0f} ms; seed {self.name!r}")

    def _measure(self) -> float:
        settings = self.new_home()
        seconds = run(self.work, settings.home).seconds
        shutil.rmtree(settings.home)
        return seconds

    def kill(self, settings: Settings, *, at_event: str | None = None) -> bool:
        """Kill the work on a home at a random moment; return whether that interrupted it."""
        if at_event is None:
            after_s = self.rng.uniform(0, self._typical_s)
            ending = run(self.work, settings.home, kill_after_s=after_s)
        else:
            after_s = self.rng.choice((0, self.rng.uniform(0, _SOON_AFTER_EVENT_S)))
            ending = run(self.work, settings.home, kill_after_s=after_s, event=lambda: self.events[at_event](settings))
        if not ending.was_killed:
            self.in_vain += 1
            self._typical_s += (min(ending.seconds, self._typical_s) - self._typical_s) / 4
            return False
        state = self.state_of(settings)
        self.states[state] += 1
        moment = f"{after_s * 1000:.1f} ms after {at_event or 'its beginning'}"
        print(f"{self.name} {self.states.total()}: killed {moment}: {state}")
        return True

    def kills(self, count: int) -> Iterator[Settings]:
        """Yield homes in which a kill has just interrupted the work.

        Yields `count` homes, or more until every state of `to_meet` has been met.
        """
        names = list(self.events)
        hits = 0
        for attempt in range(max(count * _TRIES_PER_KILL, _TRIES_AT_LEAST)):
            settings = self.new_home()
            at_event = names[attempt // 2 % len(names)] if attempt % 2 else None
            if self.kill(settings, at_event=at_event):
                hits += 1
                yield settings
            shutil.rmtree(settings.home)
            if hits >= count and self.to_meet <= self.states.keys():
                print(f"{self.name}: {self.states.total()} kills, {self.in_vain} came too late; {dict(self.states)}")
                return
        raise AssertionError(
            f"{self.name}: {hits} of {count} kills hit the work, {self.in_vain} came too late; "
            f"never met: {', '.join(self.to_meet - self.states.keys()) or 'nothing'}"
        )
