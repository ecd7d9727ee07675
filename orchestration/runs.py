"""Runs a job for a command: in this process, through the Dagster instance, so that the UI shows the run."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from allive.ingestion.settings import Settings
from allive.orchestration.instance import open_instance
from allive.orchestration.outcome import FailedCheck, RunOutcome
from allive.orchestration.run_tags import COMMAND, STARTED_BY
from allive.orchestration.sound_pins import require_sound_pins
from allive.orchestration.terminal import say
from allive.payouts.interrupted_closings import finish_interrupted_closings


def run_job(
    settings: Settings,
    name: str,
    *,
    partition_key: str | None = None,
    ops: Mapping[str, Any] | None = None,
    verbose: bool = False,
) -> RunOutcome:
    """Run a job of the definitions in this process and return its result.

    `ops` is the config of its ops by name. The data home must be locked by this process (`hold_data_home`).

    Raises:
        UnsoundPinsError: The raw layer contradicts itself or a closed month.
    """
    from allive.orchestration.definitions import defs  # noqa: PLC0415 - loads the dbt manifest, 2 s

    finish_interrupted_closings(settings)
    if repaired := require_sound_pins(settings):
        say(repaired)
    console = {"console": {"config": {"log_level": "DEBUG" if verbose else "CRITICAL"}}}
    with open_instance(settings) as instance:
        _give_up_dead_runs(instance)
        result = (
            defs()
            .resolve_job_def(name)
            .execute_in_process(
                instance=instance,
                partition_key=partition_key,
                run_config={"loggers": console, "ops": dict(ops or {})},
                tags={STARTED_BY: COMMAND},
                raise_on_error=False,
            )
        )
    return RunOutcome(
        run_id=result.run_id,
        success=result.success,
        assets={
            event.asset_key.to_user_string(): {
                key: value.value for key, value in event.materialization.metadata.items()
            }
            for event in result.get_asset_materialization_events()
            if event.asset_key is not None
        },
        failed_checks=tuple(
            FailedCheck(
                asset=check.asset_key.to_user_string(),
                name=check.check_name,
                severity=check.severity.value,
                description=check.description or "",
                metadata={key: value.value for key, value in check.metadata.items()},
            )
            for check in result.get_asset_check_evaluations()
            if not check.passed
        ),
        failures=_failures(result.all_events),
    )


def _failures(events: Sequence[dg.DagsterEvent]) -> tuple[str, ...]:
    """Return the errors of the failed steps; if the run failed before its first step, the error of the run."""
    of_steps = tuple(_own_words(event) for event in events if event.is_step_failure)
    of_run = (event.job_failure_data.error for event in events if event.is_job_failure)
    return of_steps or tuple((error.cause or error).message.strip() for error in of_run if error is not None)


def _own_words(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    cause = data.error.cause if data.error and data.error.cause else data.error
    return cause.message.strip() if cause else event.message or "no reason given"


def _give_up_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark unfinished runs of earlier commands as failed: this process holds the lock, so those commands have ended."""
    unfinished = instance.get_runs(
        dg.RunsFilter(
            tags={STARTED_BY: COMMAND},
            statuses=[
                dg.DagsterRunStatus.NOT_STARTED,
                dg.DagsterRunStatus.STARTING,
                dg.DagsterRunStatus.STARTED,
            ],
        )
    )
    for run in unfinished:
        instance.report_run_failed(run, "The command that ran this was killed; its finished steps remain valid.")
