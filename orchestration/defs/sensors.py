"""What runs when something happens: files landed, a run failed."""

import hashlib
import json

import dagster as dg

from ingestion.contracts import RECORD_TYPES
from ingestion.seen_files import SeenFiles
from ingestion.settings import Settings
from orchestration.alerts import Alert, send
from orchestration.defs.jobs import monthly_payout, refresh, republish

LOOK_EVERY_S = 60
_NOTHING_NEW = "Nothing new has landed since the last refresh was asked for."


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a refresh when files have landed. A file that was loaded already costs a look, not a load.",
)
def landed_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask once for the files that have landed since the last request. Reads no content.

    They are remembered at the next look only: the cursor is kept together with the request, so none gets lost.
    """
    settings = Settings()
    asked = {
        record_type: SeenFiles(settings.dagster_dir / "asked_for" / f"{record_type}.sqlite")
        for record_type in RECORD_TYPES
    }
    fresh = {record_type: memory.find_fresh(settings.landing_dir, record_type) for record_type, memory in asked.items()}
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
