"""The management pages' tables as CSV exports, under the names that the pages link to."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from allive.dashboards.access import Principal
from allive.dashboards.exports import Export, ExportParameterError, Make, export
from allive.dashboards.queries.management import (
    catalogue,
    data,
    emerging,
    overview,
    payments,
    payouts,
    players,
    scenarios,
    subscribers,
)
from allive.dashboards.serving import Rows, ServingCopy

_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")

WHOLE_TABLES: Final[Mapping[str, tuple[Callable[[Principal, ServingCopy], Rows], tuple[str, ...]]]] = {
    "platform-months": (overview.platform_months, overview.MONTH_COLUMNS),
    "platform-days": (overview.platform_days, overview.DAY_COLUMNS),
    "subscriber-cohorts": (subscribers.subscriber_cohorts, subscribers.COHORT_COLUMNS),
    "emerging-visibility": (emerging.emerging_visibility, emerging.VISIBILITY_COLUMNS),
    "category-starts": (emerging.category_starts, emerging.START_COLUMNS),
    "closed-months": (payouts.closed_months, payouts.CLOSED_COLUMNS),
    "pending-adjustments": (payouts.pending_adjustments, payouts.PENDING_COLUMNS),
    "open-balances": (payments.open_balances, payments.BALANCE_COLUMNS),
    "payment-holds": (payments.holds, payments.HOLD_COLUMNS),
    "ibans-set-aside": (payments.ibans_set_aside, payments.IBAN_COLUMNS),
    "payments-otherwise": (payments.paid_otherwise, payments.OTHERWISE_COLUMNS),
    "unmatched-movements": (payments.unmatched_movements, payments.MOVEMENT_COLUMNS),
    "freshness": (data.freshness, data.FRESHNESS_COLUMNS),
    "rejects": (data.rejects, data.REJECT_COLUMNS),
    "held-batches": (data.held_batches, data.HELD_COLUMNS),
    "checks": (data.checks, data.CHECK_COLUMNS),
    "player-signs": (players.player_signs, players.SIGN_COLUMNS),
    "player-days": (players.player_days, players.DAY_COLUMNS),
    "odd-days": (data.odd_days, data.DAY_COLUMNS),
}
"""Exports without parameters: their query and their columns."""
MONTH_TABLES: Final[Mapping[str, tuple[Callable[[Principal, ServingCopy, str], Rows], tuple[str, ...]]]] = {
    "artist-visibility": (emerging.artist_visibility, emerging.ARTIST_COLUMNS),
    "artist-payouts": (payouts.artist_payouts, payouts.PAYOUT_COLUMNS),
    "close-blockers": (payouts.close_blockers, payouts.BLOCKER_COLUMNS),
    "carried-balances": (payouts.carried_balances, payouts.PAYOUT_COLUMNS),
    "pro-rata": (payouts.pro_rata, payouts.PRO_RATA_COLUMNS),
}
"""Exports for one month, `month=YYYY-MM`."""


def _whole(name: str) -> Make:
    read, columns = WHOLE_TABLES[name]

    def make(principal: Principal, copy: ServingCopy, parameters: Mapping[str, str]) -> Export:  # noqa: ARG001 - none
        return Export.of(read(principal, copy), columns)

    return make


def _of_month(name: str) -> Make:
    read, columns = MONTH_TABLES[name]

    def make(principal: Principal, copy: ServingCopy, parameters: Mapping[str, str]) -> Export:
        return Export.of(read(principal, copy, _month(parameters)), columns)

    return make


@export("lives")
def lives(principal: Principal, copy: ServingCopy, parameters: Mapping[str, str]) -> Export:
    """Return the catalogue with the page's filters applied; without `month`, viewing is 0."""
    month = _month(parameters) if parameters.get("month") else ""
    rows = catalogue.lives(
        principal,
        copy,
        month,
        artist_id=parameters.get("artist") or None,
        eligibility=parameters.get("eligibility") or None,
    )
    return Export.of(rows, catalogue.LIVE_COLUMNS)


@export("payments")
def payments_of_month(principal: Principal, copy: ServingCopy, parameters: Mapping[str, str]) -> Export:
    """Return the payments of a settlement month; without `month`, of all."""
    month = _month(parameters) if parameters.get("month") else ""
    return Export.of(payments.payments(principal, copy, month), payments.PAYMENT_COLUMNS)


@export("what-if")
def scenario_artists(principal: Principal, copy: ServingCopy, parameters: Mapping[str, str]) -> Export:
    """Return a month under a scenario, artist by artist."""
    scenario = parameters.get("scenario", "")
    return Export.of(
        scenarios.scenario_artists(principal, copy, _month(parameters), scenario), scenarios.SCENARIO_COLUMNS
    )


def _month(parameters: Mapping[str, str]) -> str:
    month = parameters.get("month", "")
    if not _MONTH.fullmatch(month):
        raise ExportParameterError(f"Found month={month!r}; expected a month such as 2021-02.")
    return month


for _name in WHOLE_TABLES:
    export(_name)(_whole(_name))
for _name in MONTH_TABLES:
    export(_name)(_of_month(_name))
