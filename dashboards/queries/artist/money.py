"""An artist's money: the booked amounts of closed months, and estimates for open months on today's data.

Booked figures are read from the closed months (`published`) and never computed again here.
"""

from typing import Final

from allive.dashboards.access import Principal, require_artist
from allive.dashboards.serving import Rows, ServingCopy

_BOOKED_MONTHS: Final = """
    select
        payouts.settlement_month, payouts.category, payouts.watch_ms, payouts.paying_subscribers, payouts.direct_nanos,
        payouts.pool_nanos, payouts.earned_nanos, payouts.earned_cents, payouts.adjustment_cents,
        payouts.brought_forward_cents, payouts.paid_cents, payouts.carried_forward_cents, payouts.carry_reason,
        months.payment_date, months.minimum_payout_cents, months.pool_rule, months.pool_members,
        months.pool_nanos as whole_pool_nanos,
    from published.artist_payouts as payouts
    inner join published.closed_months as months using (settlement_month)
    where payouts.artist_id = ?
    order by payouts.settlement_month
"""
_CURRENT_MONTHS: Final = """
    select
        artists.settlement_month, months.is_closed, months.first_day, months.last_day, months.periods,
        months.pool_nanos as whole_pool_nanos, months.pool_members, months.pool_rule, months.envelope_cents,
        months.minimum_payout_cents, artists.category, artists.is_pool_member, artists.current_watch_ms,
        artists.current_paying_subscribers, artists.current_direct_nanos, artists.current_to_pool_nanos,
        artists.current_pool_nanos, artists.current_earned_nanos, artists.current_earned_cents,
        artists.pro_rata_direct_nanos, artists.pro_rata_earned_nanos,
    from marts.fct_artist_months as artists
    inner join marts.fct_settlement_months as months using (settlement_month)
    where artists.artist_id = ? and months.periods > 0
    order by artists.settlement_month
"""
_ESTIMATES: Final = """
    select settlement_month, seen_on, earned_nanos, direct_nanos, pool_nanos, watch_ms
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
    select settlement_month, live_id, coalesce(title, live_id) as title, watch_ms, paying_subscribers, direct_nanos
    from marts.fct_artist_lives
    where artist_id = ?
    order by settlement_month desc, direct_nanos desc, watch_ms desc, live_id
"""
_STATEMENTS: Final = """
    select settlement_month
    from published.statements
    where artist_id = ?
    order by settlement_month desc
"""


def booked_months(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the artist's row in each closed month that has one, oldest first, with the month's pool and terms."""
    require_artist(principal, artist_id)
    return copy.rows(_BOOKED_MONTHS, artist_id)


def current_months(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the artist's months on today's data, closed and open, oldest first; only those with subscriptions."""
    require_artist(principal, artist_id)
    return copy.rows(_CURRENT_MONTHS, artist_id)


def estimates(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the estimates of open months on each day with a published copy, oldest first."""
    require_artist(principal, artist_id)
    return copy.rows(_ESTIMATES, artist_id)


def adjustments(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the adjustments that closes made to earlier months, in cents."""
    require_artist(principal, artist_id)
    return copy.rows(_ADJUSTMENTS, artist_id)


def live_earnings(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return each live's direct earnings per month on today's data: latest month first, highest earnings first."""
    require_artist(principal, artist_id)
    return copy.rows(_LIVE_EARNINGS, artist_id)


def statement_months(principal: Principal, copy: ServingCopy, artist_id: str) -> tuple[str, ...]:
    """Return the months that have a statement, latest first."""
    require_artist(principal, artist_id)
    return tuple(row["settlement_month"] for row in copy.rows(_STATEMENTS, artist_id))
