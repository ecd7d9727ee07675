"""Sensors: what to run when files land, a run fails, a payout ends or an operator orders a close."""

import hashlib
import json
from datetime import UTC, datetime

import dagster as dg

from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.paris_days import PARIS
from allive.ingestion.seen_files import SeenFiles
from allive.ingestion.settings import Settings
from allive.orchestration.alerts import Alert, send
from allive.orchestration.defs.jobs import monthly_payout, payout, refresh, republish
from allive.orchestration.defs.schedules import ask_for_due_month
from allive.orchestration.instance import is_of_the_home
from allive.orchestration.run_tags import COMMAND, STARTED_BY
from allive.payouts.close_orders import open_orders
from allive.payouts.ledger import closed_months

LOOK_EVERY_S = 60
_AT_FIRST = dg.DefaultSensorStatus.RUNNING if is_of_the_home(Settings()) else dg.DefaultSensorStatus.STOPPED
_NOTHING_NEW = "Nothing new has landed since the last refresh was requested."


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=_AT_FIRST,
    description="Requests a refresh when files have landed. Files that are loaded already are not loaded again.",
)
def landed_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Request one run for the files that have landed since the last request. Reads no content.

    The files are remembered only at the next look: the cursor is saved together with the request, so none gets lost.
    """
    settings = Settings()
    asked = {
        record_type: SeenFiles(settings.dagster_dir / "asked_for" / f"{record_type}.sqlite")
        for record_type in RECORD_TYPES
    }
    fresh = {record_type: memory.look(settings.landing_dir, record_type).fresh for record_type, memory in asked.items()}
    stamps = [(file.name, *file.stamp) for files in fresh.values() for file in files]
    if not stamps:
        return dg.SkipReason(_NOTHING_NEW)
    found = hashlib.sha256(json.dumps(stamps).encode()).hexdigest()
    if found == context.cursor:
        for record_type, files in fresh.items():
            asked[record_type].remember(files)
        return dg.SkipReason(_NOTHING_NEW)
    context.update_cursor(found)
    return dg.RunRequest(run_key=found)


@dg.run_failure_sensor(
    default_status=_AT_FIRST,
    monitor_all_code_locations=True,
    description="Sends an alert over settings.alert_channel when a run of the service failed, with the reason.",
)
def run_failure_alert(context: dg.RunFailureSensorContext) -> None:
    """Send one alert per failed run, with each step's error."""
    run = context.dagster_run
    steps = [
        f"{event.step_key}: {event.step_failure_data.user_failure_data.description}"
        if event.step_failure_data.user_failure_data
        else f"{event.step_key}: {event.step_failure_data.error_display_string.splitlines()[0]}"
        for event in context.get_step_failure_events()
    ]
    send(
        Settings(),
        Alert(
            subject=f"Run {run.run_id[:8]} of {run.job_name} failed",
            found=tuple(steps) or (context.failure_event.message or "no step reported a reason",),
            next_step=f"Look at run {run.run_id} in the orchestrator's UI; fix the errors, then `allive run`.",
        ),
    )


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[monthly_payout, payout],
    request_jobs=[republish, monthly_payout],
    default_status=_AT_FIRST,
    description="After a payout by the service: publishes its bookings, and continues with the next month that is due.",
)
def payout_done(context: dg.RunStatusSensorContext) -> list[dg.RunRequest]:
    """Request the runs that follow a payout."""
    return requests_after(context.dagster_run)


def requests_after(run: dg.DagsterRun) -> list[dg.RunRequest]:
    """Request a new serving copy, once per run. If the run closed its month and another is due, request that month too.

    A command publishes by itself. After a run that closed nothing, the schedule asks again tomorrow.
    """
    settings = Settings()
    if run.tags.get(STARTED_BY) == COMMAND:
        return []
    requests = [dg.RunRequest(run_key=run.run_id, job_name=republish.name)]
    month = run.tags.get("dagster/partition")
    if run.job_name == monthly_payout.name and month in closed_months(settings):
        today = datetime.now(UTC).astimezone(PARIS).date()
        following_one = ask_for_due_month(settings, today=today, key=f"after {run.run_id}")
        if isinstance(following_one, dg.RunRequest):
            requests.append(following_one.with_replaced_attrs(job_name=monthly_payout.name))
    return requests


@dg.sensor(
    job=payout,
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=_AT_FIRST,
    description="Carries out the orders to close that operators gave or approved on the page /orders.",
)
def ordered_closings(_context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run for each order that nothing else carries out. Orders for a second person wait for approval."""
    settings = Settings()
    orders = open_orders(settings)
    # A command and the schedule carry out their own orders, unless these had to wait for a second person.
    ready = [order for order in orders if order.approved_by or (order.origin == "gate" and not settings.second_person)]
    if not ready:
        return dg.SkipReason(
            f"{len(orders)} open, waiting for a person or for their run." if orders else "No order is open."
        )
    return [
        dg.RunRequest(
            run_key=order.order_id,
            partition_key=order.settlement_month,
            run_config={"ops": {"payouts__closed_month": {"config": {"order": order.order_id}}}},
        )
        for order in ready
    ]


@dg.definitions
def sensors() -> dg.Definitions:
    """Collect the sensors."""
    return dg.Definitions(sensors=[landed_files, run_failure_alert, payout_done, ordered_closings])
