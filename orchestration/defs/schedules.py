"""Schedules, in Europe/Paris."""

from datetime import date

import dagster as dg

from allive.dashboards.serving import ServingCopyMissingError, current_copy
from allive.ingestion.paris_days import PARIS
from allive.ingestion.settings import Settings
from allive.orchestration.defs.ingestion.upkeep import raw_upkeep
from allive.orchestration.defs.jobs import monthly_payout, refresh
from allive.orchestration.instance import is_of_the_home
from allive.payouts.due import due_months
from allive.payouts.ledger import closed_months
from allive.payouts.months import following, payout_day

TIMEZONE = PARIS.key
_AT_FIRST = dg.DefaultScheduleStatus.RUNNING if is_of_the_home(Settings()) else dg.DefaultScheduleStatus.STOPPED

daily_refresh = dg.ScheduleDefinition(
    name="daily_refresh",
    job=refresh,
    cron_schedule="0 5 * * *",
    execution_timezone=TIMEZONE,
    default_status=_AT_FIRST,
    description="Every day at 05:00: files landed overnight are in the dashboards before anyone looks.",
)
nightly_upkeep = dg.ScheduleDefinition(
    name="nightly_upkeep",
    job=raw_upkeep,
    cron_schedule="30 5 * * *",
    execution_timezone=TIMEZONE,
    default_status=_AT_FIRST,
    description="Every day at 05:30, after the refresh: merges yesterday's small raw files.",
)


@dg.schedule(
    job=monthly_payout,
    cron_schedule="0 6 * * *",
    execution_timezone=TIMEZONE,
    default_status=_AT_FIRST,
    description="Every day at 06:00: pays out the oldest due month, from the 3rd of the next month on (RULES.md §6).",
)
def monthly_payout_schedule(
    context: dg.ScheduleEvaluationContext,
) -> dg.RunRequest | dg.SkipReason:
    """Request the payout of the oldest month that is due, every day until it is closed; or return why there is none."""
    settings, today = Settings(), context.scheduled_execution_time.astimezone(PARIS).date()
    return ask_for_due_month(settings, today=today, key=today.isoformat())


def ask_for_due_month(settings: Settings, *, today: date, key: str) -> dg.RunRequest | dg.SkipReason:
    """Request a run of the oldest month that is due on a day in Paris, or return why there is none.

    Months close one after the other: a later one waits until this one is closed.
    """
    if not settings.raw_dir.exists():
        return dg.SkipReason("Nothing has ever been loaded: there is nothing to settle.")
    closed = closed_months(settings)
    try:
        first_month = None if closed else _first_month(settings)
    except ServingCopyMissingError:
        return dg.SkipReason("Nothing is published yet: the first month to close is not known. Run `allive run`.")
    if not closed and first_month is None:
        return dg.SkipReason("No period is known yet: there is no first month to close. Deliver subscriptions.")
    due = due_months(closed, first_month=first_month, today=today)
    if not due:
        coming = following(closed[-1]) if closed else str(first_month)
        return dg.SkipReason(f"No month is due on {today}: {coming} is due from {payout_day(coming)} on.")
    month = due[0]
    return dg.RunRequest(
        run_key=f"{month} {key}",
        partition_key=month,
        tags={"allive/month": month, "allive/months_due": str(len(due))},
    )


def _first_month(settings: Settings) -> str | None:
    """The first month with periods, from the serving copy: the warehouse can be in use."""
    rows = current_copy(settings).rows(
        "select min(settlement_month) as month from marts.fct_settlement_months where periods > 0"
    )
    month: str | None = rows[0]["month"]
    return month


@dg.definitions
def schedules() -> dg.Definitions:
    """Collect the schedules."""
    return dg.Definitions(schedules=[daily_refresh, nightly_upkeep, monthly_payout_schedule])
