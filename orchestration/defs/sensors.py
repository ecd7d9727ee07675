"""What runs when something happens: files landed, a run failed."""

import hashlib
import json

import dagster as dg

from ingestion.contracts import RECORD_TYPES
from ingestion.landing import find_files
from ingestion.settings import Settings
from orchestration.alerts import Alert, send
from orchestration.defs.jobs import monthly_payout, refresh, republish

LOOK_EVERY_S = 60


def landing_cursor(settings: Settings) -> str | None:
    """Return a hash of what lies in landing, by names, sizes and times; None if nothing does. Reads no content."""
    files = [
        (file.name, *file.stamp)
        for record_type in RECORD_TYPES
        for file in find_files(settings.landing_dir, record_type)
    ]
    return hashlib.sha256(json.dumps(files).encode()).hexdigest() if files else None


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a refresh when files have landed. A file that was loaded already costs a look, not a load.",
)
def landed_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Compare what lies in landing with what lay there at the last request."""
    settings = Settings()
    found = landing_cursor(settings)
    if found is None:
        return dg.SkipReason(f"Nothing has landed in {settings.landing_dir}.")
    if found == context.cursor:
        return dg.SkipReason("Nothing new has landed since the last refresh was asked for.")
    context.update_cursor(found)
    return dg.RunRequest(run_key=found)


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    monitor_all_code_locations=True,
    description="Tells a person, over settings.alert_channel, that a run of the service failed and why.",
)
def run_failure_alert(context: dg.RunFailureSensorContext) -> None:
    """Send one alert a failed run, naming the steps and their own words."""
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
            found=tuple(steps) or (context.failure_event.message or "no step said why",),
            next_step=f"Look at run {run.run_id} in the orchestrator's UI; mend what it names, then `allive run`.",
        ),
    )


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[monthly_payout],
    request_job=republish,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="After the scheduled payout: shows in the serving copy what was booked.",
)
def payout_done(context: dg.RunStatusSensorContext) -> dg.RunRequest:
    """Ask for a new serving copy, once a payout run."""
    return dg.RunRequest(run_key=context.dagster_run.run_id)


@dg.definitions
def sensors() -> dg.Definitions:
    """Collect the sensors."""
    return dg.Definitions(sensors=[landed_files, run_failure_alert, payout_done])
