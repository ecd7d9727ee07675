"""Queries of *Données*: freshness, rejected records, held batches, checks, data docs and unusual days."""

from typing import Final

from allive.dashboards.access import Principal, require_platform
from allive.dashboards.serving import Rows, ServingCopy

FRESHNESS_COLUMNS: Final = ("record_type", "records", "last_loaded_at", "last_event_at")
REJECT_COLUMNS: Final = ("record_type", "reason", "rejects", "last_loaded_at")
HELD_COLUMNS: Final = ("batch", "record_type", "reason", "found", "held_at", "records", "first_day", "last_day")
CHECK_COLUMNS: Final = (
    "name",
    "asset",
    "kind",
    "status",
    "severity",
    "failures",
    "message",
    "description",
    "checked_at",
)
DAY_COLUMNS: Final = ("day", "watch_ms", "usual_watch_ms", "playbacks")
_FRESHNESS: Final = f"select {', '.join(FRESHNESS_COLUMNS)} from published.freshness order by record_type"
_REJECTS: Final = (
    f"select {', '.join(REJECT_COLUMNS)} from published.rejects order by rejects desc, record_type, reason"
)
_HELD: Final = f"select {', '.join(HELD_COLUMNS)} from published.held_batches order by held_at desc, batch"
_CHECKS: Final = f"""
select {", ".join(CHECK_COLUMNS)}
from published.checks
order by case status when 'error' then 0 when 'fail' then 1 when 'warn' then 2 else 3 end, asset, name
"""
_ODD_DAYS: Final = f"""
select {", ".join(DAY_COLUMNS)}
from marts.fct_watch_days
where is_out_of_band or playbacks = 0
order by day desc
"""


def odd_days(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the days without a heartbeat or far from the same weekday in the weeks before, latest first."""
    require_platform(principal)
    return copy.rows(_ODD_DAYS)


def freshness(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the number of records per type, with the times of the last load and the last event."""
    require_platform(principal)
    return copy.rows(_FRESHNESS)


def rejects(principal: Principal, copy: ServingCopy) -> Rows:
    """Return rejected records by type and reason, most frequent first."""
    require_platform(principal)
    return copy.rows(_REJECTS)


def held_batches(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the batches that wait for a decision, latest first."""
    require_platform(principal)
    return copy.rows(_HELD)


def checks(principal: Principal, copy: ServingCopy) -> Rows:
    """Return every check with its result in the last build, failures first."""
    require_platform(principal)
    return copy.rows(_CHECKS)


def has_data_docs(principal: Principal, copy: ServingCopy) -> bool:
    """Return whether a validation has left a page; earlier code left none."""
    require_platform(principal)
    return copy.has_data_docs
