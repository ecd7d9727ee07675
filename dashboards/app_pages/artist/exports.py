"""An artist's figures as CSV, for `artist=<artist_id>`: the columns of the tables, groups under five left empty."""

from collections.abc import Mapping
from typing import Any, Final

from allive.dashboards.access import Principal
from allive.dashboards.app_pages.artist.audience import EXPORT, told
from allive.dashboards.exports import Export, ExportParameterError, export
from allive.dashboards.queries.artist import money, payments, watching
from allive.dashboards.serving import Row, ServingCopy
from allive.dashboards.small_groups import is_small

MONTHS: Final = "artist-months"
PAYMENTS: Final = "artist-payments"
LIVES: Final = "artist-lives"
AUDIENCE: Final = EXPORT

_MONTHS: Final = (
    "settlement_month",
    "category",
    "watch_ms",
    "paying_subscribers",
    "direct_nanos",
    "pool_nanos",
    "earned_nanos",
    "direct_cents",
    "pool_cents",
    "earned_cents",
    "adjustment_cents",
    "brought_forward_cents",
    "paid_cents",
    "carried_forward_cents",
    "carry_reason",
    "payment_date",
)
_PAYMENTS: Final = (
    "settlement_month",
    "end_to_end_id",
    "state",
    "state_on",
    "ordered_cents",
    "withheld_cents",
    "returned_cents",
    "withheld_back_cents",
    "requested_on",
    "executed_on",
    "reason_fr",
    "reason_en",
)
_LIVES: Final = (
    "settlement_month",
    "live_id",
    "title",
    "watch_ms",
    "paying_subscribers",
    "direct_nanos",
    "direct_cents",
)
_AUDIENCE: Final = (
    "month",
    "viewers",
    "new_viewers",
    "returning_viewers",
    "sole_artist_viewers",
    "share_bp",
    "watch_ms",
    "is_running",
)


@export(MONTHS)
def _months(principal: Principal, copy: ServingCopy, parameters: Mapping[str, str]) -> Export:
    rows = money.booked_months(principal, copy, _artist(parameters))
    return Export.of((_without_few(row, "paying_subscribers") for row in rows), _MONTHS)


@export(PAYMENTS)
def _payments(principal: Principal, copy: ServingCopy, parameters: Mapping[str, str]) -> Export:
    return Export.of(payments.payments(principal, copy, _artist(parameters)), _PAYMENTS)


@export(LIVES)
def _lives(principal: Principal, copy: ServingCopy, parameters: Mapping[str, str]) -> Export:
    rows = money.live_earnings(principal, copy, _artist(parameters))
    return Export.of((_without_few(row, "paying_subscribers") for row in rows), _LIVES)


@export(AUDIENCE)
def _audience(principal: Principal, copy: ServingCopy, parameters: Mapping[str, str]) -> Export:
    rows = watching.audience(principal, copy, _artist(parameters))
    months = (vars(told(row)) for row in rows)
    return Export.of((_without_few(month, "viewers") for month in months), _AUDIENCE)


def _artist(parameters: Mapping[str, str]) -> str:
    artist_id = parameters.get("artist")
    if not artist_id:
        raise ExportParameterError("Found no artist in the address; expected `?artist=<artist_id>`.")
    return artist_id


def _without_few(row: Row, column: str) -> dict[str, Any]:
    return {**row, column: None if is_small(row[column]) else row[column]}
