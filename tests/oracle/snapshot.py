"""Everything that has landed up to a moment: records, rejects, and which record of a key is in force.

A run sees one snapshot. Two snapshots of the same set of lines give the same results, however the
lines were spread over files.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tests.oracle.catalogue import Catalogue
from tests.oracle.landed_files import LandedFile, UnreadableFile, is_delivered, read_file
from tests.oracle.landed_records import (
    RECORD_CLASSES,
    Artist,
    Heartbeat,
    Subscription,
    content_order,
    instant,
    judge,
)
from tests.oracle.player_health import Health, PlayerDay, health_of
from tests.oracle.watch_time import WatchTime


class Reject(NamedTuple):
    """A line that was set aside, and why."""

    record_type: str
    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class Snapshot:
    """The accepted records by type, the rejects, and the unreadable files."""

    records: dict[str, list[Any]]
    rejects: frozenset[Reject] = frozenset()
    unreadable: frozenset[tuple[str, str]] = frozenset()
    first_names: dict[str, str] | None = None
    """File name → the smallest name with the same content; a file is identified by its content."""

    @classmethod
    def of(cls, records: Iterable[Any]) -> "Snapshot":
        """A snapshot of typed records, for tests that need no files."""
        by_type: dict[str, list[Any]] = {name: [] for name in RECORD_CLASSES}
        names = {record_class: name for name, record_class in RECORD_CLASSES.items()}
        for record in records:
            by_type[names[type(record)]].append(record)
        return cls(by_type)

    @cached_property
    def watch(self) -> WatchTime:
        """Watch time, which "knows nothing of catalogue, credits, categories or subscriptions" (§3)."""
        heartbeats: list[Heartbeat] = self.records["heartbeats"]
        return WatchTime.of(heartbeats)

    @cached_property
    def player_health(self) -> dict[PlayerDay, Health]:
        """Player health by device, app version and day."""
        return health_of(self.records["heartbeats"], self.periods, self.watch)

    @cached_property
    def periods(self) -> dict[str, Subscription]:
        """The record in force of each period_id."""
        return _latest(self.records["subscriptions"], lambda record: record.period_id)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Lives, credits and categories in force (what a closed month pins, §6)."""
        return Catalogue(
            lives=_latest(self.records["lives"], lambda record: record.live_id),
            credits=_credit_sets(self.records["live_credits"]),
            categories=tuple(
                change
                for change in _latest(
                    self.records["artist_categories"],
                    lambda record: (record.artist_id, record.valid_from),
                ).values()
                if not change.is_deleted
            ),
        )

    @cached_property
    def artists(self) -> dict[str, Artist]:
        """The record in force of each artist."""
        return _latest(self.records["artists"], lambda record: record.artist_id)


def read_landing(landing: Path, *, loaded_at: datetime | None = None) -> Snapshot:
    """Read a whole landing folder: each content once, every line checked.

    `loaded_at` is the time of the load, for the rule `in_future`; by default it is now.
    """
    load_ms = instant(loaded_at or datetime.now(UTC))
    records: dict[str, list[Any]] = {name: [] for name in RECORD_CLASSES}
    rejects: set[Reject] = set()
    unreadable: set[tuple[str, str]] = set()
    first_names: dict[str, str] = {}
    for record_type, accepted in records.items():
        known: dict[str, str] = {}
        folder = landing / record_type
        for path in sorted(folder.rglob("*"), key=lambda path: str(path.relative_to(landing))):
            if not is_delivered(path):
                continue
            name = str(path.relative_to(landing))
            try:
                file: LandedFile = read_file(path, name)
            except UnreadableFile:
                unreadable.add((record_type, name))
                continue
            first_names[name] = known.setdefault(file.content_hash, name)
            if first_names[name] != name:
                continue
            for line in file.lines:
                verdict = judge(record_type, line.values, loaded_at=load_ms)
                if isinstance(verdict, str):
                    rejects.add(Reject(record_type, name, line.number, verdict))
                else:
                    accepted.append(verdict)
    return Snapshot(records, frozenset(rejects), frozenset(unreadable), first_names)


def _latest(records: Iterable[Any], key: Any) -> dict[Any, Any]:
    """ "Latest" is the greatest `updated_at` (missing = the oldest), then the greatest content."""
    in_force: dict[Any, Any] = {}
    for record in records:
        rival = in_force.get(key(record))
        if rival is None or _recency(record) > _recency(rival):
            in_force[key(record)] = record
    return in_force


def _recency(record: Any) -> tuple[Any, ...]:
    missing_is_oldest = (record.updated_at is not None, record.updated_at or 0)
    return (missing_is_oldest, content_order(record))


def _credit_sets(lines: Iterable[Any]) -> dict[str, tuple[tuple[str, int], ...]]:
    """live_id → its (artist_id, share_bp) in force.

    "The whole set with the newest updated_at replaces the older ones"; sets tied on updated_at
    merge; identical lines count once.
    """
    sets: dict[str, dict[tuple[bool, int], set[tuple[str, int]]]] = defaultdict(dict)
    for line in lines:
        age = (line.updated_at is not None, line.updated_at or 0)
        sets[line.live_id].setdefault(age, set()).add((line.artist_id, line.share_bp))
    return {live_id: tuple(sorted(by_age[max(by_age)])) for live_id, by_age in sets.items()}
