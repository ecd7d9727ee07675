"""Settles a month under another policy: weights and members from the warehouse, money in plain integers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

import duckdb

from allive.payouts.run import NANOS_PER_CENT
from allive.payouts.settlement import ArtistMonth, Settlement
from allive.payouts.simulation.arithmetic import earned_cents, largest_remainder, pool_shares
from allive.payouts.simulation.statement import sql

DIRECT: Final = "direct"
_WEIGHT_PER_MS: Final = 10_000
_ROWS_PER_FETCH: Final = 10_000


@dataclass(frozen=True)
class Frame:
    """A month's first and last day, and the run whose catalogue settles it; None means today's."""

    first_day: date
    last_day: date
    is_closed: bool
    catalogue: str | None


@dataclass(frozen=True)
class SimulatedSettlement:
    """A month under another policy.

    Attributes:
        own_envelopes: Number of periods whose envelope differs from the one the month's policy gives; they keep it.
        lives_left_out: Lives that count and were watched, but whose credits or categories are invalid.
    """

    settlement: Settlement
    own_envelopes: int
    lives_left_out: tuple[str, ...]


class _Weight(NamedTuple):
    """A row of `weights.sql`."""

    period_id: str
    subscriber_id: str
    has_own_envelope: bool
    envelope_cents: int
    artist_id: str | None
    category: str | None
    destination: str
    live_left_out: str | None
    weight: int | None


@dataclass
class Sums:
    """Sums over the periods of a month, by artist; `weights` by artist and category.

    Attributes:
        destinations: Where the slices of each category go.
    """

    periods: int = 0
    idle_periods: int = 0
    own_envelopes: int = 0
    envelope_nanos: int = 0
    direct_nanos: Counter[str] = field(default_factory=Counter)
    weights: Counter[tuple[str, str]] = field(default_factory=Counter)
    destinations: dict[str, str] = field(default_factory=dict)
    payers: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    lives_left_out: set[str] = field(default_factory=set)


def read_frame(con: duckdb.DuckDBPyConnection, month: str) -> Frame:
    """Return the frame of a month of the warehouse."""
    row = con.execute(
        "select first_day, last_day, is_closed, catalogue from marts.fct_settlement_months where settlement_month = ?",
        [month],
    ).fetchone()
    assert row is not None  # noqa: S101 - the month was read from the same mart
    return Frame(*row)


def settle_under(
    con: duckdb.DuckDBPyConnection,
    settlement: Settlement,
    frame: Frame,
    policy: dict[str, Any],
    *,
    is_pro_rata: bool = False,
) -> SimulatedSettlement:
    """Settle the month of `settlement` under `policy` (RULES.md §5); with its own policy nothing changes."""
    sums = _sum_up(_weights(con, settlement, frame, policy))
    return settle_sums(
        settlement,
        policy,
        sums,
        members=read_pool_members(con, frame, policy),
        categories=read_categories(con, frame),
        is_pro_rata=is_pro_rata,
    )


def settle_sums(
    settlement: Settlement,
    policy: dict[str, Any],
    sums: Sums,
    *,
    members: tuple[str, ...],
    categories: dict[str, str],
    is_pro_rata: bool,
) -> SimulatedSettlement:
    """Settle the month under `policy`, from the sums of its periods and the members of its pool."""
    if is_pro_rata:
        pot = largest_remainder(sums.envelope_nanos, sums.weights)
        direct = Counter[str]()
        for (artist_id, category), nanos in pot.items():
            direct[artist_id] += nanos * (sums.destinations[category] == DIRECT)
    else:
        direct = sums.direct_nanos
    pool_nanos = sums.envelope_nanos - direct.total()
    pool = pool_shares(pool_nanos, members, direct, rule=policy["pool_rule"])
    artists = _artists(sums, direct=direct, pool=pool, categories=categories)
    return SimulatedSettlement(
        settlement=replace(
            settlement,
            totals=settlement.totals
            | {
                "periods": sums.periods,
                "idle_periods": sums.idle_periods,
                "envelope_nanos": sums.envelope_nanos,
                "direct_nanos": direct.total(),
                "pool_nanos": pool_nanos,
            },
            policy=policy,
            pool_members=members,
            artists=artists,
        ),
        own_envelopes=sums.own_envelopes,
        lives_left_out=tuple(sorted(sums.lives_left_out)),
    )


def _sum_up(weights: Iterable[_Weight]) -> Sums:
    sums = Sums()
    for _, rows in groupby(weights, key=attrgetter("period_id")):
        period = list(rows)
        envelope_nanos = period[0].envelope_cents * NANOS_PER_CENT
        claims = {
            (one.artist_id, one.category): one.weight
            for one in period
            if one.artist_id is not None and one.category is not None and one.weight is not None
        }
        sums.destinations.update({one.category: one.destination for one in period if one.category is not None})
        sums.periods += 1
        sums.idle_periods += not claims
        sums.own_envelopes += period[0].has_own_envelope
        sums.envelope_nanos += envelope_nanos
        sums.weights.update(claims)
        sums.lives_left_out.update(one.live_left_out for one in period if one.live_left_out is not None)
        for (artist_id, category), nanos in largest_remainder(envelope_nanos, claims).items():
            if sums.destinations[category] == DIRECT:
                sums.direct_nanos[artist_id] += nanos
                sums.payers[artist_id].add(period[0].subscriber_id)
    return sums


def _artists(
    sums: Sums, *, direct: Counter[str], pool: dict[str, int], categories: dict[str, str]
) -> tuple[ArtistMonth, ...]:
    watched = Counter[str]()
    for (artist_id, _), weight in sums.weights.items():
        watched[artist_id] += weight
    earned = {artist_id: direct[artist_id] + pool.get(artist_id, 0) for artist_id in {*direct, *pool}}
    cents = earned_cents(earned)
    return tuple(
        ArtistMonth(
            artist_id=artist_id,
            category=categories.get(artist_id),
            is_pool_member=artist_id in pool,
            watch_ms=watched[artist_id] // _WEIGHT_PER_MS,
            paying_subscribers=len(sums.payers.get(artist_id, ())),
            direct_nanos=direct[artist_id],
            pool_nanos=pool.get(artist_id, 0),
            earned_nanos=earned.get(artist_id, 0),
            earned_cents=cents.get(artist_id, 0),
        )
        for artist_id in sorted({*earned, *watched, *categories})
    )


def _weights(
    con: duckdb.DuckDBPyConnection, settlement: Settlement, frame: Frame, policy: dict[str, Any]
) -> Iterator[_Weight]:
    rows = con.execute(
        sql("weights"),
        {
            "month": settlement.settlement_month,
            "catalogue": frame.catalogue,
            "own_envelope_cents": settlement.policy["envelope_cents"],
            "envelope_cents": policy["envelope_cents"],
            "minimum_live_s": policy["minimum_live_s"],
        },
    )
    while batch := rows.fetchmany(_ROWS_PER_FETCH):
        yield from (_Weight(*row) for row in batch)


def read_pool_members(con: duckdb.DuckDBPyConnection, frame: Frame, policy: dict[str, Any]) -> tuple[str, ...]:
    """Return the members of the month's pool under `policy` (RULES.md §5.4)."""
    rows = con.execute(
        sql("pool_members"),
        {
            "first_day": frame.first_day,
            "last_day": frame.last_day,
            "catalogue": frame.catalogue,
            "minimum_live_s": policy["minimum_live_s"],
            "minimum_pool_share_bp": policy["minimum_pool_share_bp"],
        },
    ).fetchall()
    return tuple(artist_id for (artist_id,) in rows)


def read_categories(con: duckdb.DuckDBPyConnection, frame: Frame) -> dict[str, str]:
    """Return the artists' categories on the month's last day."""
    rows = con.execute(sql("categories"), {"catalogue": frame.catalogue, "last_day": frame.last_day}).fetchall()
    return dict(rows)
