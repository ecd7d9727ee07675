"""What runs by the clock, in Europe/Paris."""

import dagster as dg

from ingestion.settings import Settings
from orchestration.defs.ingestion.upkeep import raw_upkeep
from orchestration.defs.jobs import monthly_payout, refresh
from orchestration.defs.payouts.months import MONTHS
from payouts.ledger import closed_months
from payouts.months import PARIS

TIMEZONE = PARIS.key

daily_refresh = dg.ScheduleDefinition(
    name="daily_refresh",
    job=refresh,
    cron_schedule="0 5 * * *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 05:00: what landed overnight is in the dashboards before anyone looks.",
)
nightly_upkeep = dg.ScheduleDefinition(
    name="nightly_upkeep",
    job=raw_upkeep,
    cron_schedule="30 5 * * *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 05:30, after the refresh: yesterday's many small raw files become few.",
)


@dg.schedule(
    job=monthly_payout,
    cron_schedule="0 6 3 * *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="On the 3rd at 06:00: the previous month's payout (RULES.md §6).",
)
def monthly_payout_schedule(
    context: dg.ScheduleEvaluationContext,
) -> dg.RunRequest | dg.SkipReason:
    """Ask for the payout of the month before, unless there is nothing to close."""
    tick = context.scheduled_execution_time.astimezone(PARIS)
    months_over = MONTHS.get_partition_keys(current_time=tick)
    if not months_over:
        first = MONTHS.start.strftime("%Y-%m")
        return dg.SkipReason(f"No month was over on {tick.date()}: the first settlement month is {first}.")
    month, settings = months_over[-1], Settings()
    if month in closed_months(settings):
        return dg.SkipReason(f"{month} is closed already.")
    if not settings.raw_dir.exists():
        return dg.SkipReason("Nothing has ever been loaded: there is nothing to settle.")
    return dg.RunRequest(run_key=month, partition_key=month, tags={"allive/month": month})


@dg.definitions
def schedules() -> dg.Definitions:
    """Collect the schedules."""
    return dg.Definitions(schedules=[daily_refresh, nightly_upkeep, monthly_payout_schedule])
