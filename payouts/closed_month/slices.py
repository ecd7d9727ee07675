"""Streams slices from Parquet, one period at a time: checks each period's split and sums it up (RULES.md §5).

A period's name is its id in months of format 1, and its pseudonym in later ones.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby, islice, pairwise
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from allive.payouts.closed_month.findings import Place
from allive.payouts.ledger import MONTH_FORMAT, PERIOD_ID, period_column
from allive.payouts.user_centric import NANOS_PER_CENT, earned_cents, largest_remainder, pool_shares

DESTINATIONS: Final = {"emerging": "direct", "independent": "direct", "known": "pool"}
"""Where a slice goes, by the artist's category on the day of the watching."""

_MONEY: Final = pa.decimal128(38, 0)
_TYPES: Final = {
    "subscriber_pseudonym": pa.string(),
    "artist_id": pa.string(),
    "category": pa.string(),
    "weight": _MONEY,
    "amount_nanos": _MONEY,
    "destination": pa.string(),
}
_BATCH_ROWS: Final = 16_384
_SORTED_AT_ONCE: Final = 500_000
"""How many periods of format 1 are sorted in memory at a time, by their pseudonyms."""
_PSEUDONYM_BYTES: Final = 16

Pseudonyms = Callable[[str], str]
"""Returns the pseudonym of a period's id, 32 hexadecimal digits."""


class Slice(NamedTuple):
    """A row of a slices file."""

    period: str
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
        for name, rows in groupby(read_slices(path), key=itemgetter(0)):
            period = list(rows)
            fault = f"it comes after {previous!r}" if name <= previous else _fault_in(period)
            place.holds(
                f"period {name!r}",
                fault is None,
                found=fault,
                expected="its envelope split by weight, its slices in order (RULES.md §5.3)",
            )
            previous = name
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
        expected = {_name_column(slices): pa.string()} | _TYPES
        if found != expected:
            raise ValueError(f"the columns are {found}, expected {expected}")
        for batch in slices.iter_batches(_BATCH_ROWS, use_threads=False):
            columns = batch.to_pydict()
            for row in zip(*(columns[name] for name in expected), strict=True):
                yield Slice(row[0], row[1], row[2], row[3], int(row[4]), int(row[5]), row[6])


def names_by_pseudonym(path: Path) -> bool:
    """Whether a slices file names periods by their pseudonyms."""
    with pq.ParquetFile(path) as slices:
        return _name_column(slices) != PERIOD_ID


def periods_in_two_months(
    files: Mapping[Path, str], *, pseudonyms: Pseudonyms | None = None
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each period that is in slices files of several months, with those months; merges the files as it reads.

    Args:
        files: The slices files, each with the month that books its periods.
        pseudonyms: Gives names of one kind to files of several formats. Without it, only files of one format are
            compared with one another.
    """
    by_pseudonym = {path for path in files if names_by_pseudonym(path)}
    by_id = files.keys() - by_pseudonym
    if pseudonyms is not None and by_id and by_pseudonym:
        with ExitStack() as temporary:
            streams = [_names(path, files[path]) for path in by_pseudonym]
            for path in by_id:
                streams += _pseudonyms_of(path, files[path], pseudonyms, temporary)
            yield from _in_two_months(streams)
        return
    for alike in (by_id, by_pseudonym):
        yield from _in_two_months([_names(path, files[path]) for path in alike])


def _in_two_months(streams: Iterable[Iterator[tuple[str, str]]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, found in groupby(heapq.merge(*streams), key=itemgetter(0)):
        months = {month for _, month in found}
        if len(months) > 1:
            yield name, tuple(sorted(months))


def _name_column(slices: pq.ParquetFile) -> str:
    """Return the file's column of names, by its first column; that of the newest format if it is neither."""
    return PERIOD_ID if slices.schema_arrow.names[:1] == [PERIOD_ID] else period_column(MONTH_FORMAT)


def _names(path: Path, month: str) -> Iterator[tuple[str, str]]:
    with pq.ParquetFile(path) as slices:
        for batch in slices.iter_batches(_BATCH_ROWS, columns=[_name_column(slices)], use_threads=False):
            for name, _ in groupby(batch.column(0).to_pylist()):
                yield str(name), month


def _pseudonyms_of(
    path: Path, month: str, pseudonyms: Pseudonyms, temporary: ExitStack
) -> Iterator[Iterator[tuple[str, str]]]:
    """Yield streams of the pseudonyms of a file's periods, each sorted: parts of the file, kept in temporary files."""
    ids = (period_id for period_id, _ in _names(path, month))
    while part := sorted(bytes.fromhex(pseudonyms(period_id)) for period_id in islice(ids, _SORTED_AT_ONCE)):
        kept = temporary.enter_context(TemporaryFile())  # noqa: SIM115 - it is one
        kept.write(b"".join(part))
        kept.seek(0)
        yield _kept_names(kept, month)


def _kept_names(kept: IO[bytes], month: str) -> Iterator[tuple[str, str]]:
    while name := kept.read(_PSEUDONYM_BYTES):
        yield name.hex(), month


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
