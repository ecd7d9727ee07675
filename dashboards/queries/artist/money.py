"""An artist's money: the booked amounts of closed months, and estimates for open months on today's data.

Booked figures are read from the closed months (`published`) and never computed again here. Their parts are shown in
cents as everywhere (`payouts/shown_cents.py`).
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from allive.dashboards.access import Principal, require_artist
from allive.dashboards.serving import Row, Rows, ServingCopy
from allive.payouts.shown_cents import cents_of_parts, nearest_cents, split_cents

_BOOKED_MONTHS: Final = """
    select
        payouts.settlement_month, payouts.category, payouts.watch_ms, payouts.paying_subscribers, payouts.direct_nanos,
        payouts.pool_nanos, payouts.earned_nanos, payouts.earned_cents, payouts.adjustment_cents,
        payouts.brought_forward_cents, payouts.paid_cents, payouts.carried_forward_cents, payouts.carry_reason,
        months.payment_date, months.minimum_payout_cents, months.pool_rule, months.pool_members,
        months.direct_nanos as whole_direct_nanos, months.pool_nanos as whole_pool_nanos,
    from published.artist_payouts as payouts
    inner join published.closed_months as months using (settlement_month)
    where payouts.artist_id = ?
    order by payouts.settlement_month
"""
_CURRENT_MONTHS: Final = """
    select
        artists.settlement_month, months.is_closed, months.first_day, months.last_day, months.periods,
        months.direct_nanos as whole_direct_nanos, months.pool_nanos as whole_pool_nanos, months.pool_members,
        months.pool_rule, months.envelope_cents,
        months.minimum_payout_cents, artists.category, artists.is_pool_member, artists.current_watch_ms,
        artists.current_paying_subscribers, artists.current_direct_nanos, artists.current_to_pool_nanos,
        artists.current_pool_nanos, artists.current_earned_nanos, artists.current_earned_cents,
        artists.pro_rata_direct_nanos, artists.pro_rata_earned_nanos,
        artists.pro_rata_earned_cents,
    from marts.fct_artist_months as artists
    inner join marts.fct_settlement_months as months using (settlement_month)
    where artists.artist_id = ? and months.periods > 0
    order by artists.settlement_month
"""
_ESTIMATES: Final = """
    select settlement_month, seen_on, earned_nanos, earned_cents, direct_nanos, pool_nanos, watch_ms
    from published.estimates
    where artist_id = ?
    order by settlement_month, seen_on
"""
_ADJUSTMENTS: Final = """
    select settlement_month, corrects_month, adjustment_cents
    from published.adjustments
    where artist_id = ?
    order by settlement_month, corrects_month
"""
_LIVE_EARNINGS: Final = """
    select
        lives.settlement_month, lives.live_id, coalesce(lives.title, lives.live_id) as title, lives.watch_ms,
        lives.paying_subscribers, lives.direct_nanos, artists.current_earned_cents, artists.current_direct_nanos,
        artists.current_pool_nanos,
    from marts.fct_artist_lives as lives
    inner join marts.fct_artist_months as artists using (artist_id, settlement_month)
    where artist_id = ?
    order by lives.settlement_month desc, lives.direct_nanos desc, lives.watch_ms desc, lives.live_id
"""
_STATEMENTS: Final = """
    select settlement_month
    from published.statements
    where artist_id = ?
    order by settlement_month desc
"""


def booked_months(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the artist's row in each closed month that has one, oldest first, with the month's pool and terms.

    `direct_cents` and `pool_cents` are the parts of `earned_cents`; `whole_pool_cents` is the month's pool.
    """
    require_artist(principal, artist_id)
    return tuple(_with_parts(row) for row in copy.rows(_BOOKED_MONTHS, artist_id))


def current_months(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the artist's months on today's data, closed and open, oldest first; only those with subscriptions.

    `current_direct_cents` and `current_pool_cents` are the parts of `current_earned_cents`; `current_to_pool_cents` is
    the gift of a known artist, and `whole_pool_cents` the month's pool.
    """
    require_artist(principal, artist_id)
    return tuple(
        {
            **_with_parts(row, prefix="current_"),
            "current_to_pool_cents": nearest_cents(row["current_to_pool_nanos"]),
        }
        for row in copy.rows(_CURRENT_MONTHS, artist_id)
    )


def estimates(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the estimates of open months on each day with a published copy, oldest first, in cents.

    Copies of earlier releases have no cents; those of their nanos can differ by one.
    """
    require_artist(principal, artist_id)
    return tuple(_with_estimated_parts(row) for row in copy.rows(_ESTIMATES, artist_id))


def adjustments(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the adjustments that closes made to earlier months, in cents."""
    require_artist(principal, artist_id)
    return copy.rows(_ADJUSTMENTS, artist_id)


def live_earnings(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return each live's direct earnings per month on today's data: latest month first, highest earnings first.

    `direct_cents` are the parts of the month's `current_direct_cents`.
    """
    require_artist(principal, artist_id)
    months = groupby(copy.rows(_LIVE_EARNINGS, artist_id), key=lambda row: row["settlement_month"])
    return tuple(live for _, of_month in months for live in _with_live_cents(of_month))


def statement_months(principal: Principal, copy: ServingCopy, artist_id: str) -> tuple[str, ...]:
    """Return the months that have a statement, latest first."""
    require_artist(principal, artist_id)
    return tuple(row["settlement_month"] for row in copy.rows(_STATEMENTS, artist_id))


def _with_parts(row: Row, *, prefix: str = "") -> Row:
    parts = row[f"{prefix}direct_nanos"], row[f"{prefix}pool_nanos"]
    direct_cents, pool_cents = split_cents(row[f"{prefix}earned_cents"], parts)
    with_parts = {**row, f"{prefix}direct_cents": direct_cents, f"{prefix}pool_cents": pool_cents}
    if "whole_pool_nanos" in row:
        _, with_parts["whole_pool_cents"] = cents_of_parts((row["whole_direct_nanos"], row["whole_pool_nanos"]))
    return with_parts


def _with_estimated_parts(row: Row) -> Row:
    cents = row["earned_cents"]
    return _with_parts({**row, "earned_cents": nearest_cents(row["earned_nanos"]) if cents is None else cents})


def _with_live_cents(of_month: Iterable[Row]) -> Iterator[Row]:
    lives = tuple(of_month)
    direct_cents = _with_parts(lives[0], prefix="current_")["current_direct_cents"]
    for live, cents in zip(lives, split_cents(direct_cents, [live["direct_nanos"] for live in lives]), strict=True):
        yield {**live, "direct_cents": cents}
