"""Queries of *Vue d'ensemble*: the platform by month and by day."""

from typing import Final

from allive.dashboards.access import Principal, require_platform
from allive.dashboards.serving import Rows, ServingCopy
from allive.payouts.shown_cents import nearest_cents

_MONTH_READ: Final = (
    "month",
    "known_until_day",
    "is_complete",
    "active_subscribers",
    "active_subscribers_at_start",
    "active_subscribers_at_end",
    "new_subscribers",
    "churned_subscribers",
    "reactivated_subscribers",
    "gross_churn_bp",
    "net_churn_bp",
    "mrr_incl_vat_cents",
    "mrr_excl_vat_cents",
    "envelope_nanos",
    "watch_ms",
    "counting_watch_ms",
    "watchers",
    "idle_subscribers",
    "idle_share_bp",
    "playbacks",
    "viewing_sessions",
    "peak_concurrent_playbacks",
    "peak_at",
)
MONTH_COLUMNS: Final = (*_MONTH_READ, "envelope_cents")
DAY_COLUMNS: Final = (
    "day",
    "month",
    "active_subscribers",
    "new_subscribers",
    "churned_subscribers",
    "reactivated_subscribers",
    "watchers",
    "watchers_7d",
    "watchers_28d",
    "watch_ms",
    "playbacks",
    "viewing_sessions",
    "peak_concurrent_playbacks",
    "peak_at",
)
_MONTHS: Final = f"select {', '.join(_MONTH_READ)} from marts.fct_platform_months order by month"
_DAYS: Final = f"select {', '.join(DAY_COLUMNS)} from marts.fct_platform_days order by day"
_DAYS_UNTIL: Final = f"""
select {", ".join(DAY_COLUMNS)}
from marts.fct_platform_days
where month <= $1 and day >= cast($1 || '-01' as date) - interval 2 month
order by day
"""


def platform_months(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the platform's figures by calendar month, oldest first."""
    require_platform(principal)
    return tuple({**row, "envelope_cents": nearest_cents(row["envelope_nanos"])} for row in copy.rows(_MONTHS))


def platform_days(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the platform's figures by day, oldest first."""
    require_platform(principal)
    return copy.rows(_DAYS)


def platform_days_until(principal: Principal, copy: ServingCopy, month: str) -> Rows:
    """Return the days of a month and of the two months before it."""
    require_platform(principal)
    return copy.rows(_DAYS_UNTIL, month)
