"""Queries of *Clôtures*: closed months as booked, open months, pending adjustments, and pro-rata earnings.

Parts are shown in cents as everywhere (`payouts/shown_cents.py`).
"""

from typing import Final

from allive.dashboards.access import Principal, require_platform
from allive.dashboards.serving import Row, Rows, ServingCopy
from allive.payouts.shown_cents import cents_of_parts, nearest_cents, split_cents

_CLOSED_READ: Final = (
    "settlement_month",
    "run_hash",
    "closed_at",
    "payment_date",
    "periods",
    "idle_periods",
    "envelope_nanos",
    "envelope_cents",
    "direct_nanos",
    "pool_nanos",
    "pool_members",
    "pool_rule",
    "earned_cents",
    "adjustment_cents",
    "brought_forward_cents",
    "paid_cents",
    "paid_artists",
    "carried_forward_cents",
    "open_periods",
    "open_envelope_cents",
    "minimum_payout_cents",
)
_PAYOUT_READ: Final = (
    "settlement_month",
    "artist_id",
    "artist_name",
    "category",
    "watch_ms",
    "paying_subscribers",
    "direct_nanos",
    "pool_nanos",
    "earned_nanos",
    "earned_cents",
    "adjustment_cents",
    "brought_forward_cents",
    "paid_cents",
    "carried_forward_cents",
    "carry_reason",
)
_OPEN_READ: Final = (
    "settlement_month",
    "last_day",
    "periods",
    "idle_periods",
    "envelope_nanos",
    "direct_nanos",
    "pool_nanos",
    "pool_members",
)
PENDING_COLUMNS: Final = (
    "settlement_month",
    "artist_id",
    "artist_name",
    "booked_earned_cents",
    "adjustment_cents",
    "pending_adjustment_cents",
)
PRO_RATA_COLUMNS: Final = (
    "settlement_month",
    "artist_id",
    "artist_name",
    "category",
    "current_earned_nanos",
    "pro_rata_earned_nanos",
    "difference_nanos",
    "current_earned_cents",
    "pro_rata_earned_cents",
    "difference_cents",
)
CLOSED_COLUMNS: Final = (*_CLOSED_READ, "direct_cents", "pool_cents")
PAYOUT_COLUMNS: Final = (*_PAYOUT_READ, "direct_cents", "pool_cents")
BLOCKER_COLUMNS: Final = ("settlement_month", "reason", "subject_id", "found")
_CLOSED: Final = f"select {', '.join(_CLOSED_READ)} from published.closed_months order by settlement_month desc"
_OPEN: Final = f"""
select {", ".join(_OPEN_READ)}
from marts.fct_settlement_months
where not is_closed and periods > 0
order by settlement_month
"""
_BLOCKERS: Final = f"""
select {", ".join(BLOCKER_COLUMNS)}
from marts.fct_close_blockers
where settlement_month = $1
order by reason, subject_id
"""
_PAYOUTS: Final = f"""
select {", ".join(_PAYOUT_READ)}
from published.artist_payouts
where settlement_month = $1
order by paid_cents desc, earned_cents desc, artist_id
"""
_CARRIED: Final = f"""
select {", ".join(_PAYOUT_READ)}
from published.artist_payouts
where settlement_month = $1 and carried_forward_cents <> 0
order by abs(carried_forward_cents) desc, artist_id
"""
_PENDING: Final = """
select
    months.settlement_month,
    months.artist_id,
    coalesce(artists.artist_name, months.artist_id) as artist_name,
    months.booked_earned_cents,
    months.adjustment_cents,
    months.pending_adjustment_cents
from marts.fct_artist_months as months
left join marts.dim_artists as artists using (artist_id)
where months.pending_adjustment_cents <> 0
order by abs(months.pending_adjustment_cents) desc, months.settlement_month, months.artist_id
"""
_PRO_RATA: Final = """
select
    months.settlement_month,
    months.artist_id,
    coalesce(artists.artist_name, months.artist_id) as artist_name,
    months.category,
    months.current_earned_nanos,
    months.pro_rata_earned_nanos,
    months.current_earned_nanos - months.pro_rata_earned_nanos as difference_nanos,
    months.current_earned_cents,
    months.pro_rata_earned_cents,
    months.current_earned_cents - months.pro_rata_earned_cents as difference_cents
from marts.fct_artist_months as months
left join marts.dim_artists as artists using (artist_id)
where months.settlement_month = $1 and (months.current_earned_nanos <> 0 or months.pro_rata_earned_nanos <> 0)
order by difference_nanos desc, months.artist_id
"""


def closed_months(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the closed months with their control totals, latest first."""
    require_platform(principal)
    return tuple(_with_parts_of_run(row) for row in copy.rows(_CLOSED))


def open_months(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the months with periods to settle that are not closed, on today's data, oldest first."""
    require_platform(principal)
    return tuple(
        {**_with_parts_of_run(row), "envelope_cents": nearest_cents(row["envelope_nanos"])} for row in copy.rows(_OPEN)
    )


def close_blockers(principal: Principal, copy: ServingCopy, month: str) -> Rows:
    """Return the problems in the data that prevent an open month from closing (RULES.md §4, §5.4)."""
    require_platform(principal)
    return copy.rows(_BLOCKERS, month)


def artist_payouts(principal: Principal, copy: ServingCopy, month: str) -> Rows:
    """Return the booked amounts of a closed month, artist by artist, highest payment first."""
    require_platform(principal)
    return tuple(_with_parts(row) for row in copy.rows(_PAYOUTS, month))


def carried_balances(principal: Principal, copy: ServingCopy, month: str) -> Rows:
    """Return the balances that a closed month carried forward, largest first."""
    require_platform(principal)
    return tuple(_with_parts(row) for row in copy.rows(_CARRIED, month))


def pending_adjustments(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the corrections to closed months that the next close would make on today's data, largest first."""
    require_platform(principal)
    return copy.rows(_PENDING)


def pro_rata(principal: Principal, copy: ServingCopy, month: str) -> Rows:
    """Return each artist's earnings under both rules on today's data, largest gain from the user-centric one first."""
    require_platform(principal)
    return copy.rows(_PRO_RATA, month)


def _with_parts_of_run(row: Row) -> Row:
    direct_cents, pool_cents = cents_of_parts((row["direct_nanos"], row["pool_nanos"]))
    return {**row, "direct_cents": direct_cents, "pool_cents": pool_cents}


def _with_parts(row: Row) -> Row:
    direct_cents, pool_cents = split_cents(row["earned_cents"], (row["direct_nanos"], row["pool_nanos"]))
    return {**row, "direct_cents": direct_cents, "pool_cents": pool_cents}
