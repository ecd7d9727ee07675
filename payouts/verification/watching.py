"""Watch time from heartbeats a second time (RULES.md §3), for some subscribers and some days."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow.parquet as pq

from ingestion.raw_versions import Records

Watched = dict[str, list[tuple[str, date, int]]]
"""By subscriber: live, Paris day, ms."""

_GAP_CAP_MS: Final = 30_000
_PLAYBACK: Final = ("playback_id", "subscriber_id", "live_id")
_ORDER: Final = ("event_at", "sequence", "state", "position_ms")
_HEARTBEATS_AT_ONCE: Final = 2_000_000
_DAY_OF_FILE: Final = re.compile(r"event_day=(\d{4}-\d{2}-\d{2})")


def watched_in_groups(
    pinned: Records, subscribers: Sequence[str], *, first: date, end: date
) -> Iterator[tuple[pl.DataFrame, Watched]]:
    """Yield groups of subscribers (`subscriber_id`) with what they watched on the days `[first, end)`.

    A group fits into memory. The heartbeat after one of the last day may be of any later day: for the playbacks that
    were still playing all later files are read too.
    """
    wanted = [path for path in pinned.files if (_day_of(path) or first) >= first]
    within = Records(tuple(path for path in wanted if (_day_of(path) or first) < end), pinned.up_to)
    later = Records(tuple(path for path in wanted if (_day_of(path) or first) >= end), pinned.up_to)
    heartbeats = sum(pq.read_metadata(path).num_rows for path in within.files)
    groups = max(1, -(-heartbeats // _HEARTBEATS_AT_ONCE))
    for group in range(groups):
        members = pl.DataFrame({"subscriber_id": subscribers[group::groups]})
        yield members, _watched(within, later, members, first=first, end=end)


def _watched(within: Records, later: Records, subscribers: pl.DataFrame, *, first: date, end: date) -> Watched:
    beats = _scan(within).join(subscribers.lazy(), on="subscriber_id", how="semi").collect()
    if later.files:
        open_playbacks = beats.filter(pl.col("state") == "playing").select(_PLAYBACK).unique().lazy()
        beats = pl.concat([beats, _scan(later).join(open_playbacks, on=_PLAYBACK, how="semi").collect()])
    # Heartbeats equal in all that orders them are one; a missing position comes first.
    ordered = beats.unique().sort([*_PLAYBACK, *_ORDER], nulls_last=False)
    is_same_playback = pl.all_horizontal(pl.col(name) == pl.col(name).shift(-1) for name in _PLAYBACK)
    has_moved = (pl.col("position_ms") != pl.col("position_ms").shift(-1)).fill_null(value=True)
    gap_ms = (pl.col("event_at").shift(-1) - pl.col("event_at")).dt.total_milliseconds()
    days = (
        ordered.with_columns(
            credit_ms=pl.when((pl.col("state") == "playing") & is_same_playback & has_moved)
            .then(pl.min_horizontal(gap_ms, pl.lit(_GAP_CAP_MS)))
            .otherwise(0),
            day=pl.col("event_at").dt.convert_time_zone("Europe/Paris").dt.date(),
        )
        .filter((pl.col("credit_ms") > 0) & (pl.col("day") >= first) & (pl.col("day") < end))
        .group_by("subscriber_id", "live_id", "day")
        .agg(pl.col("credit_ms").sum())
    )
    watched: Watched = defaultdict(list)
    for subscriber_id, live_id, day, credit_ms in days.rows():
        watched[subscriber_id].append((live_id, day, credit_ms))
    return watched


def _scan(records: Records) -> pl.LazyFrame:
    columns = [*_PLAYBACK, *_ORDER]
    if not records.files:
        types = dict.fromkeys(columns, pl.String) | {"event_at": pl.Datetime("us", "UTC")}
        return pl.LazyFrame(schema=types | {"sequence": pl.Int64, "position_ms": pl.Int64})
    scan = pl.scan_parquet([*records.files], hive_partitioning=False)
    if records.up_to is not None:
        scan = scan.filter(pl.col("batch_number") <= records.up_to)
    return scan.select(columns).with_columns(pl.col("sequence").fill_null(0))


def _day_of(path: Path) -> date | None:
    found = _DAY_OF_FILE.search(path.as_posix())
    return date.fromisoformat(found[1]) if found else None
