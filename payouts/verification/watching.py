"""Computes watch time from heartbeats a second time (RULES.md §3), in one pass over the days of paid periods."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow.parquet as pq

from allive.ingestion.raw_versions import Records

_GAP_CAP_MS: Final = 30_000
_PLAYBACK: Final = ("playback_id", "subscriber_id", "live_id")
_ORDER: Final = ("event_at", "sequence", "state", "position_ms")
_WATCHED: Final = ("subscriber_id", "live_id", "day")
_BEAT: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    **dict.fromkeys(_PLAYBACK, pl.String),
    "event_at": pl.Datetime("us", "UTC"),
    "sequence": pl.Int64,
    "state": pl.String,
    "position_ms": pl.Int64,
    "day": pl.Date,
}
_STORED: Final = {name: type_ for name, type_ in _BEAT.items() if name != "day"} | {"batch_number": pl.Int64}
_BYTES_A_HEARTBEAT: Final = 400
"""The most memory that one heartbeat takes while the ones read together are sorted (docs/adr/0022)."""
_DAY_OF_FILE: Final = re.compile(r"event_day=(\d{4}-\d{2}-\d{2}|__HIVE_DEFAULT_PARTITION__)")
_DAY: Final = pl.col("event_at").dt.convert_time_zone("Europe/Paris").dt.date()


@dataclass(frozen=True)
class _Reading:
    """One read: the files of some days or, for one large day, the heartbeats of a part of the subscribers."""

    is_covered: bool
    files: dict[date, list[Path]] = field(default_factory=dict)
    strays: list[Path] = field(default_factory=list)
    """Files with many days, from which only these days are read."""
    part: int = 0
    parts: int = 1


def watched_days(
    pinned: Records,
    covered: Collection[date],
    *,
    memory_bytes: int,
    progress: Callable[[date], None] = lambda _: None,
) -> pl.DataFrame:
    """Return the watch time on the covered days: `watch_ms` by `subscriber_id`, `live_id` and `day`.

    Each heartbeat of those days is read once, day by day. If the last one of a playback is playing, it waits for the
    next one, which can come days later. On days that are not covered, only waiting playbacks are read.

    Args:
        pinned: The heartbeats that count.
        covered: Days in Paris.
        memory_bytes: Memory for heartbeats held at a time, besides the sums; a day that needs more is read in parts.
        progress: Called with the last day being read.

    Raises:
        ValueError: A file holds heartbeats of another day than its folder says.
    """
    waiting = pl.DataFrame(schema=_BEAT)
    sums = [pl.DataFrame(schema={name: _BEAT[name] for name in _WATCHED} | {"watch_ms": pl.Int64})]
    for reading in _readings(pinned, covered, at_once=max(1, memory_bytes // _BYTES_A_HEARTBEAT)):
        is_in_part = pl.col("subscriber_id").hash() % reading.parts == reading.part
        waited = waiting.filter(is_in_part)
        if waited.is_empty() and not reading.is_covered:
            continue
        progress(max(reading.files))
        beats = _scan(reading, pinned.up_to).filter(is_in_part)
        if not reading.is_covered:
            beats = beats.join(waited.lazy(), on=_PLAYBACK, how="semi")
        playing = _playing(pl.concat([waited, _of_their_days(beats.collect())])).filter(pl.col("day").is_in([*covered]))
        is_last = pl.col("next_event_at").is_null()
        waiting = pl.concat([waiting.filter(~is_in_part), playing.filter(is_last).select(*_BEAT)])
        sums.append(playing.filter(~is_last).group_by(_WATCHED).agg(watch_ms=_credit_ms().sum()))
    return pl.concat(sums).group_by(_WATCHED).agg(pl.col("watch_ms").sum()).filter(pl.col("watch_ms") > 0)


def _playing(beats: pl.DataFrame) -> pl.DataFrame:
    """Return the playing heartbeats, each with the next one of its playback (RULES.md §3.2).

    Duplicates need not be removed: of heartbeats that are equal in every ordering column, only the last one earns,
    because each of the others has a next one at the same instant.
    """
    ordered = beats.sort(_ORDER, nulls_last=False)
    return ordered.with_columns(
        next_event_at=pl.col("event_at").shift(-1).over(_PLAYBACK),
        next_position_ms=pl.col("position_ms").shift(-1).over(_PLAYBACK),
    ).filter(pl.col("state") == "playing")


def _credit_ms() -> pl.Expr:
    """Return the credit of a playing heartbeat (RULES.md §3.3): 0 if the position did not change until the next one."""
    gap_ms = (pl.col("next_event_at") - pl.col("event_at")).dt.total_milliseconds()
    stood_still = (pl.col("position_ms") == pl.col("next_position_ms")).fill_null(value=False)
    return pl.when(stood_still).then(0).otherwise(pl.min_horizontal(gap_ms, _GAP_CAP_MS))


def _readings(pinned: Records, covered: Collection[date], *, at_once: int) -> Iterator[_Reading]:
    """Yield the reads in day order: several days together while they have few heartbeats, a large day in parts."""
    by_day: defaultdict[date, list[Path]] = defaultdict(list)
    strays = []
    for path in pinned.files:
        if day := _day_of(path):
            by_day[day].append(path)
        else:
            strays.append(path)
    strays_of = _count_days(strays)
    first = min(covered, default=date.max)
    together, heartbeats = _Reading(is_covered=False), 0
    for day in sorted(by_day.keys() | strays_of.keys()):
        if day < first:
            continue
        of_day = sum(pq.read_metadata(path).num_rows for path in by_day[day]) + strays_of.get(day, 0)
        is_covered = day in covered
        if is_covered != together.is_covered or heartbeats + of_day > at_once:
            yield from _in_parts(together, -(-heartbeats // at_once))
            together, heartbeats = _Reading(is_covered), 0
        together.files[day] = by_day[day]
        if day in strays_of:
            together.strays[:] = strays
        heartbeats += of_day
    yield from _in_parts(together, -(-heartbeats // at_once))


def _in_parts(reading: _Reading, parts: int) -> Iterator[_Reading]:
    for part in range(parts):
        yield replace(reading, part=part, parts=parts)


def _count_days(strays: Sequence[Path]) -> dict[date, int]:
    if not strays:
        return {}
    scan = pl.scan_parquet([*strays], hive_partitioning=False, glob=False, schema=_STORED, extra_columns="ignore")
    return dict(scan.group_by(_DAY).len().collect().iter_rows())


def _scan(reading: _Reading, up_to: int | None) -> pl.LazyFrame:
    of_days = []
    places = [(pl.lit(day), paths) for day, paths in reading.files.items() if paths]
    for day, paths in [*places, *([(_DAY, reading.strays)] if reading.strays else [])]:
        # Files of later versions of the project have more columns.
        scan = pl.scan_parquet([*paths], hive_partitioning=False, glob=False, schema=_STORED, extra_columns="ignore")
        if up_to is not None:
            scan = scan.filter(pl.col("batch_number") <= up_to)
        beats = scan.with_columns(pl.col("sequence").fill_null(0), day=day).select(*_BEAT)
        of_days.append(beats.filter(pl.col("day").is_in([*reading.files])) if paths is reading.strays else beats)
    return pl.concat(of_days)


def _of_their_days(beats: pl.DataFrame) -> pl.DataFrame:
    """Return the heartbeats if all are on the Paris day of their file (RULES.md §3.4)."""
    event_at = pl.col("event_at").dt.convert_time_zone("Europe/Paris")
    days = beats.group_by("day").agg(first=event_at.min(), last=event_at.max())
    for day, first, last in days.iter_rows():
        if not first.date() == day == last.date():
            raise ValueError(
                f"the files of {day} hold heartbeats from {first} to {last}: those of another day in Paris"
            )
    return beats


def _day_of(path: Path) -> date | None:
    """Return the day of all heartbeats in a file; None for a file of strays, each with its own day."""
    found = _DAY_OF_FILE.search(path.as_posix())
    if found is None:
        raise ValueError(f"{path.name} is in no folder of a day, expected event_day=YYYY-MM-DD")
    return None if found[1].startswith("__") else date.fromisoformat(found[1])
