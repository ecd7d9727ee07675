"""The code location that Dagster loads: everything under `defs/`, nothing else."""

import warnings
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Collect the assets, jobs, schedules and sensors of `defs/`; every run stays in one process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # references to code are in beta
        found = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
        with_references = dg.with_source_code_references([*(found.assets or ())])
    return dg.Definitions(
        assets=with_references,
        asset_checks=found.asset_checks,
        jobs=found.jobs,
        schedules=found.schedules,
        sensors=found.sensors,
        resources=found.resources,
        executor=dg.in_process_executor,
    )
