"""One artist's slices by subscriber: read from a file, split again, and shown so that no one can be recognised."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final, TypeVar

import duckdb

from allive.payouts.closed_month.findings import Place
from allive.payouts.closed_month.slices import DESTINATIONS, Slice, names_by_pseudonym
from allive.payouts.explanation.account import SlicePart, SubscriberPart, ToPool
from allive.payouts.ledger import FORMAT_WITH_PERIOD_PSEUDONYMS, PERIOD_ID, period_column
from allive.payouts.shown_cents import split_cents
from allive.payouts.user_centric import largest_remainder

FEWEST_TOLD: Final = 5
"""Fewer subscribers than this are shown as one line, and a line that sums up the rest has at least this many."""

_ROWS_PER_FETCH: Final = 10_000
_Line = TypeVar("_Line")


@dataclass(frozen=True)
class Totals:
    """Sums of a slices file, in nanos; `direct_nanos` and `to_pool_nanos` by artist."""

    envelope_nanos: int
    pool_nanos: int
    direct_nanos: dict[str, int]
    to_pool_nanos: dict[str, int]

    @property
    def artists(self) -> set[str]:
        """Artists with a slice."""
        return {*self.direct_nanos, *self.to_pool_nanos}


@dataclass
class _Sums:
    periods: int = 0
    envelope_nanos: int = 0
    weight: int = 0
    total_weight: int = 0
    amount_nanos: int = 0


@dataclass
class Watchers:
    """Subscribers whose envelopes were split, in part, by watching one artist; sums by pseudonym.

    `slices` are the artist's, if they were asked for.
    """

    paying: defaultdict[str, _Sums] = field(default_factory=lambda: defaultdict(_Sums))
    to_pool: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    slices: list[SlicePart] = field(default_factory=list)


def read_totals(path: Path) -> Totals:
    """Sum up a slices file."""
    with duckdb.connect() as con:
        rows = con.execute(
            """
            select artist_id, destination, cast(sum(amount_nanos) as hugeint)
            from read_parquet($path) group by artist_id, destination
            """,
            {"path": str(path)},
        ).fetchall()
    by_destination: dict[str, dict[str, int]] = {"direct": {}, "pool": {}}
    for artist_id, destination, nanos in rows:
        if artist_id is not None:
            by_destination[destination][artist_id] = nanos
    return Totals(
        envelope_nanos=sum(nanos for _, _, nanos in rows),
        pool_nanos=sum(nanos for _, destination, nanos in rows if destination == "pool"),
        direct_nanos=by_destination["direct"],
        to_pool_nanos=by_destination["pool"],
    )


def read_watchers(
    place: Place, path: Path, artist_id: str, *, pseudonyms: Callable[[str], str] | None = None
) -> Watchers:
    """Sum up an artist's slices by subscriber, and split each of their periods again (RULES.md §5.3).

    With `pseudonyms`, which gives those of periods that the file names by id, every slice is returned too.
    """
    watchers = Watchers()
    for name, rows in groupby(_periods_with(path, artist_id), key=attrgetter("period")):
        period = tuple(rows)
        envelope_nanos = sum(one.amount_nanos for one in period)
        place.same(
            f"period {name!r}, amounts and destinations",
            found={_key(one): (one.amount_nanos, one.destination) for one in period},
            expected={
                key: (nanos, DESTINATIONS.get(key[1]))
                for key, nanos in largest_remainder(envelope_nanos, {_key(one): one.weight for one in period}).items()
            },
        )
        own = [one for one in period if one.artist_id == artist_id]
        if pseudonyms is not None:
            watchers.slices += _slice_parts(pseudonyms(name), own, of=period)
        direct = [one for one in own if one.destination == "direct"]
        if direct:
            sums = watchers.paying[period[0].subscriber_pseudonym]
            sums.periods += 1
            sums.envelope_nanos += envelope_nanos
            sums.weight += sum(one.weight for one in direct)
            sums.total_weight += sum(one.weight for one in period)
            sums.amount_nanos += sum(one.amount_nanos for one in direct)
        for one in own:
            if one.destination != "direct":
                watchers.to_pool[one.subscriber_pseudonym] += one.amount_nanos
    return watchers


def subscriber_parts(watchers: Watchers, *, direct_cents: int) -> tuple[SubscriberPart, ...]:
    """Return one line per paying subscriber, the largest amount first; for fewer than 5, only their total."""
    paying = watchers.paying
    if len(paying) < FEWEST_TOLD:
        together = sum(sums.amount_nanos for sums in paying.values())
        return (SubscriberPart(None, together, direct_cents),) if paying else ()
    largest_first = sorted(paying.items(), key=lambda item: (-item[1].amount_nanos, item[0]))
    shown = split_cents(direct_cents, [sums.amount_nanos for _, sums in largest_first])
    return tuple(
        SubscriberPart(
            subscriber_pseudonym=pseudonym,
            amount_nanos=sums.amount_nanos,
            amount_cents=cents,
            periods=sums.periods,
            envelope_nanos=sums.envelope_nanos,
            weight=sums.weight,
            total_weight=sums.total_weight,
            share_bp=(2 * 10_000 * sums.weight + sums.total_weight) // (2 * sums.total_weight),
        )
        for (pseudonym, sums), cents in zip(largest_first, shown, strict=True)
    )


def to_pool(watchers: Watchers) -> ToPool | None:
    """Return the pool's income from watching the artist while their category was `known`."""
    known = watchers.to_pool
    if not known:
        return None
    return ToPool(len(known), sum(known.values())) if len(known) >= FEWEST_TOLD else ToPool(None, None)


def first_and_rest(lines: Sequence[_Line], *, most: int) -> tuple[Sequence[_Line], Sequence[_Line]]:
    """Cut a list after at most `most` lines, so that the rest is empty or has at least 5 subscribers.

    The rest's sum can be computed as total minus listed lines: for a rest of one it would reveal that subscriber.

    >>> [tuple(map(len, first_and_rest(range(lines), most=20))) for lines in (4, 20, 21, 24, 25, 26)]
    [(4, 0), (20, 0), (16, 5), (19, 5), (20, 5), (20, 6)]
    """
    shown = len(lines) if len(lines) <= most else min(most, len(lines) - FEWEST_TOLD)
    return lines[:shown], lines[shown:]


def _slice_parts(name: str, own: Iterable[Slice], *, of: Sequence[Slice]) -> Iterator[SlicePart]:
    for one in own:
        yield SlicePart(
            period_pseudonym=name,
            subscriber_pseudonym=one.subscriber_pseudonym,
            category=one.category or "",
            destination=one.destination,
            envelope_nanos=sum(other.amount_nanos for other in of),
            weight=one.weight,
            total_weight=sum(other.weight for other in of),
            amount_nanos=one.amount_nanos,
        )


def _periods_with(path: Path, artist_id: str) -> Iterator[Slice]:
    """Yield all slices of the periods in which the artist was watched, period by period."""
    column = period_column(FORMAT_WITH_PERIOD_PSEUDONYMS) if names_by_pseudonym(path) else PERIOD_ID
    with duckdb.connect() as con:
        rows = con.execute(
            f"""
            select
                {column}, subscriber_pseudonym, artist_id, category, cast(weight as hugeint),
                cast(amount_nanos as hugeint), destination
            from read_parquet($path)
            where {column} in (select {column} from read_parquet($path) where artist_id = $artist_id)
            order by {column}
            """,
            {"path": str(path), "artist_id": artist_id},
        )
        while batch := rows.fetchmany(_ROWS_PER_FETCH):
            yield from _as_slices(batch)


def _as_slices(rows: Iterable[tuple[str, str, str, str, int, int, str]]) -> Iterator[Slice]:
    return (Slice(*row) for row in rows)


def _key(one: Slice) -> tuple[str, str]:
    return one.artist_id or "", one.category or ""
