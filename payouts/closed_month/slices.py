"""Streams slices from Parquet, one period at a time: checks each period's split and sums it up (RULES.md §5)."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from allive.payouts.closed_month.findings import Place
from allive.payouts.user_centric import NANOS_PER_CENT, earned_cents, largest_remainder, pool_shares

DESTINATIONS: Final = {"emerging": "direct", "independent": "direct", "known": "pool"}
"""Where a slice goes, by the artist's category on the day of the watching."""

_MONEY: Final = pa.decimal128(38, 0)
_TYPES: Final = {
    "period_id": pa.string(),
    "subscriber_pseudonym": pa.string(),
    "artist_id": pa.string(),
    "category": pa.string(),
    "weight": _MONEY,
    "amount_nanos": _MONEY,
    "destination": pa.string(),
}
_BATCH_ROWS: Final = 16_384


class Slice(NamedTuple):
    """A row of a slices file."""

    period_id: str
    subscriber_pseudonym: str
    artist_id: str | None
    category: str | None
    weight: int
    amount_nanos: int
    destination: str


@dataclass
class Sums:
    """Sums of a month's slices; `weight`, `direct` and `payers` (pseudonyms of subscribers) are by artist."""

    periods: int = 0
    idle_periods: int = 0
    envelope_nanos: int = 0
    pool_nanos: int = 0
    direct: Counter[str] = field(default_factory=Counter)
    weight: Counter[str] = field(default_factory=Counter)
    payers: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, period: Iterable[Slice]) -> None:
        """Add the slices of one period."""
        self.periods += 1
        for one in period:
            self.envelope_nanos += one.amount_nanos
            if one.destination == "pool":
                self.pool_nanos += one.amount_nanos
            if one.artist_id is None:
                self.idle_periods += 1
                continue
            self.weight[one.artist_id] += one.weight
            if one.destination == "direct":
                self.direct[one.artist_id] += one.amount_nanos
                self.payers[one.artist_id].add(one.subscriber_pseudonym)


@dataclass(frozen=True)
class Earnings:
    """Each artist's earnings, by artist."""

    pool_nanos: dict[str, int]
    earned_nanos: dict[str, int]
    earned_cents: dict[str, int]


def earnings(sums: Sums, members: Iterable[str], *, rule: str) -> Earnings:
    """Share the pool and round to cents (RULES.md §5.4, §5.5)."""
    pool = pool_shares(sums.pool_nanos, members, sums.direct, rule=rule)
    earned = {artist: sums.direct[artist] + pool.get(artist, 0) for artist in {*sums.direct, *pool}}
    return Earnings(pool, earned, earned_cents(earned))


def check_slices(place: Place, path: Path) -> Sums | None:
    """Check every period of a slices file; return its sums, or None if it cannot be read to its end."""
    sums = Sums()
    previous = ""
    with place.reading():
        for period_id, rows in groupby(read_slices(path), key=itemgetter(0)):
            period = list(rows)
            fault = f"it comes after {previous!r}" if period_id <= previous else _fault_in(period)
            place.holds(
                f"period {period_id!r}",
                fault is None,
                found=fault,
                expected="its envelope split by weight, its slices in order (RULES.md §5.3)",
            )
            previous = period_id
            sums.add(period)
        return sums
    return None


def read_slices(path: Path) -> Iterator[Slice]:
    """Yield the rows of a slices file, with one batch in memory at a time.

    Raises:
        ValueError: A column is missing or has another type.
    """
    with pq.ParquetFile(path) as slices:
        found = {column.name: column.type for column in slices.schema_arrow}
        if found != _TYPES:
            raise ValueError(f"the columns are {found}, expected {_TYPES}")
        for batch in slices.iter_batches(_BATCH_ROWS, use_threads=False):
            columns = batch.to_pydict()
            for row in zip(*(columns[name] for name in _TYPES), strict=True):
                yield Slice(row[0], row[1], row[2], row[3], int(row[4]), int(row[5]), row[6])


def periods_in_two_months(files: Mapping[Path, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each period that is in slices files of several months, with those months; merges the files as it reads."""
    streams = [_period_ids(path, month) for path, month in files.items()]
    for period_id, found in groupby(heapq.merge(*streams), key=itemgetter(0)):
        months = {month for _, month in found}
        if len(months) > 1:
            yield period_id, tuple(sorted(months))


def _period_ids(path: Path, month: str) -> Iterator[tuple[str, str]]:
    with pq.ParquetFile(path) as slices:
        for batch in slices.iter_batches(_BATCH_ROWS, columns=["period_id"], use_threads=False):
            for period_id, _ in groupby(batch.column(0).to_pylist()):
                yield str(period_id), month


def _fault_in(period: list[Slice]) -> str | None:
    """Return what is wrong with one period's slices; None if nothing is."""
    envelope = sum(one.amount_nanos for one in period)
    if envelope <= 0 or envelope % NANOS_PER_CENT:
        return f"an envelope of {envelope} nanos, not a whole number of cents"
    if len({one.subscriber_pseudonym for one in period}) > 1:
        return "several subscribers"
    if period[0].artist_id is None:
        (*more, idle) = period
        is_idle = not more and (idle.category, idle.weight, idle.destination) == (None, 0, "pool")
        return None if is_idle else "an idle period that is not one row to the pool"
    return _fault_in_split(envelope, {(one.artist_id or "", one.category or ""): one for one in period}, period)


def _fault_in_split(envelope: int, by_key: dict[tuple[str, str], Slice], period: list[Slice]) -> str | None:
    if list(by_key.values()) != period or any(earlier > later for earlier, later in pairwise(by_key)):
        return "slices out of order, or one twice"
    amounts = largest_remainder(envelope, {key: one.weight for key, one in by_key.items()})
    for (artist, category), one in by_key.items():
        if one.weight <= 0 or one.destination != DESTINATIONS.get(category):
            return f"a slice of {artist!r} ({category}) of weight {one.weight} to {one.destination!r}"
        if one.amount_nanos != amounts[artist, category]:
            return f"{one.amount_nanos} nanos for {artist!r} ({category}) instead of {amounts[artist, category]}"
    return None
