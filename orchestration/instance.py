"""Dagster's own storage in the data home: its settings and how to open it."""

import os

from dagster import DagsterInstance

from allive.ingestion.settings import Settings
from allive.orchestration.event_log import open_with_kept_connections

DAGSTER_YAML = """\
# `allive` writes this file once. You can edit it, for example to add `storage:` for Postgres.
telemetry:
  enabled: false
nux:
  enabled: false

# A crashed run is started again; a failed check or a refused closing is not: it would fail again.
run_monitoring:
  enabled: true
run_retries:
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false

# Every run holds the data home's lock, so a second run would only wait for it: let it wait in the queue.
# The pool `warehouse` does the same for everything that opens the DuckDB file.
concurrency:
  runs:
    max_concurrent_runs: 1
  pools:
    default_limit: 1
    granularity: run

freshness:
  enabled: true

# Steps report with events and print nothing.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager

retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: {skipped: 7, failure: 30, success: -1}
"""


def write_instance_settings(settings: Settings) -> None:
    """Write `dagster.yaml`, unless it exists, and set DAGSTER_HOME of this process to its folder."""
    settings.dagster_dir.mkdir(parents=True, exist_ok=True)
    target = settings.dagster_dir / "dagster.yaml"
    if not target.exists():
        target.write_text(DAGSTER_YAML, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_dir)


def is_of_the_home(settings: Settings) -> bool:
    """Whether Dagster works on the data home's own instance, as under `allive up`.

    `dagster dev` alone makes a temporary one, which knows none of the home's runs and settings:
    nothing starts by itself there.
    """
    return os.environ.get("DAGSTER_HOME") == str(settings.dagster_dir)


def open_instance(settings: Settings) -> DagsterInstance:
    """Open the data home's Dagster instance. Its runs are visible in the UI."""
    write_instance_settings(settings)
    return open_with_kept_connections(str(settings.dagster_dir))
