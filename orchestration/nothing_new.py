"""Finds without Dagster that a refresh would change nothing, and gives its outcome (docs/adr/0028).

Each step of the job asks the same function that the step itself uses to decide that it has nothing to do. If any of
them finds something to do, or cannot answer, the job runs.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.settings import Settings
from allive.ingestion.waiting import has_new_files, has_nothing_new
from allive.orchestration.dbt_manifest import asset_of, check_of, with_every_test
from allive.orchestration.outcome import NOTHING_NEW, UP_TO_DATE, FailedCheck, RunOutcome
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.run_history import is_settled
from allive.orchestration.serving_copy import find_copy_in_service
from allive.orchestration.sound_pins import require_sound_pins
from allive.orchestration.terminal import say
from allive.orchestration.warehouse import Build, find_current_build
from allive.payouts.interrupted_closings import finish_interrupted_closings

_log = logging.getLogger("allive.runs")


def outcome_of_nothing_new(settings: Settings) -> RunOutcome | None:
    """Return the outcome of a refresh that has nothing to load, build or publish; None if the job must run.

    Finishes what a crash interrupted, as the job does. The data home must be locked by this process.

    Raises:
        UnsoundPinsError: The raw layer contradicts itself or a closed month.
    """
    if not is_settled(settings) or has_new_files(settings):
        return None
    finish_interrupted_closings(settings)
    if repaired := require_sound_pins(settings):
        say(repaired)
    try:
        return _outcome(settings)
    except Exception:  # noqa: BLE001 - whatever stops the look, the job decides
        # It meets the same error in the step that it belongs to, and reports it there.
        _log.info("not known to be up to date: the whole refresh runs", exc_info=True)
        return None


def _outcome(settings: Settings) -> RunOutcome | None:
    if not has_nothing_new(settings):
        return None
    project = parsed_project(settings)
    build = find_current_build(settings, project)
    if build is None:
        return None
    copy = find_copy_in_service(settings, inputs=build.inputs.fingerprint)
    if copy is None:
        return None
    manifest = with_every_test(json.loads(project.manifest_path.read_bytes()))
    _log.info("nothing new: up to date with inputs %s of %s", build.inputs.fingerprint[:12], build.built_at)
    return RunOutcome(
        run_id="",
        success=True,
        assets={
            **{f"raw/{record_type}": {"verdict": NOTHING_NEW} for record_type in RECORD_TYPES},
            **{"/".join(asset_of(manifest["nodes"][model])): metadata for model, metadata in _models(build)},
            "serving/allive": {
                "state": UP_TO_DATE,
                "file": copy.path.name,
                "dagster/row_count": sum(copy.rows.values()),
            },
        },
        failed_checks=tuple(_failed_checks(build, manifest)),
        failures=(),
    )


def _models(build: Build) -> Iterator[tuple[str, dict[str, Any]]]:
    for node in build.nodes:
        if node.unique_id.startswith(("model.", "seed.", "snapshot.")):
            yield node.unique_id, build.metadata_of(node)


def _failed_checks(build: Build, manifest: Mapping[str, Any]) -> Iterator[FailedCheck]:
    """The tests of the build that warn; a test that fails leaves no finished build."""
    for node in build.nodes:
        if node.status == "warn":
            asset, name = check_of(manifest, node.unique_id)
            yield FailedCheck(asset=asset, name=name, severity="WARN", description=node.description or "", metadata={})
