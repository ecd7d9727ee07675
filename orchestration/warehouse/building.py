"""Builds the warehouse from its current inputs, or finds that it is built from them already."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from allive.ingestion.raw_tables import read_pins
from allive.ingestion.settings import Settings
from allive.orchestration import spark, warm_worker
from allive.orchestration.parsed_project import ParsedProject, parsed_project
from allive.orchestration.warehouse.dbt_runs import (
    build_playbacks_in_portions,
    run_dbt,
    run_spark_and_dbt,
    with_row_counts,
)
from allive.orchestration.warehouse.finished import (
    Build,
    note_finished_build,
    read_finished_build,
    read_unit_tests,
    remember_unit_tests,
    with_remembered,
)
from allive.orchestration.warehouse.inputs import changed_since, read_inputs
from allive.orchestration.warehouse.layouts import follow_layouts
from allive.orchestration.warehouse.preparing import (
    drop_what_cannot_be_continued,
    drop_what_is_not_as_left,
    prepare,
)
from allive.payouts.warehouse_mark import draw_token, note_mark, why_not_as_left


def find_current_build(settings: Settings, project: ParsedProject) -> Build | None:
    """Return the finished build if it was made from exactly the current inputs; None if `build_warehouse` would build.

    Builds and deletes nothing. `project` is the current project for DuckDB; the data home must be locked. Returns None
    for Spark, whose tables are outside the warehouse file.

    Raises:
        WarehouseInUseError: Another process is writing to the warehouse.
    """
    if settings.engine != "duckdb" or not settings.warehouse_path.exists() or why_not_as_left(settings):
        return None
    pins = read_pins(settings)
    finished = read_finished_build(settings)
    if finished is None or finished.inputs != read_inputs(settings, project, pins):
        return None
    follow_layouts(settings, pins)
    return finished


def build_warehouse(
    settings: Settings,
    *,
    project_dir: Path | None = None,
    on_node: Callable[[str, str], None] = lambda _name, _status: None,
) -> Build:
    """Build the warehouse from the pinned raw tables and the bookings, unless it is already built from them.

    `on_node` is called for each node that dbt has finished. The data home must be locked. A warehouse built with
    another `project_dir` only closes months under settings that name the same one (`Settings.with_project`): the
    project states the policy.
    """
    if project_dir is not None:
        settings = settings.with_project(project_dir)
    project_dir = settings.dbt_project_dir
    if settings.engine == "spark":
        spark.require_spark()
    project = parsed_project(settings, project_dir=project_dir)
    builder = parsed_project(settings, project_dir=project_dir, engine=settings.engine)
    pins = read_pins(settings)
    inputs = read_inputs(settings, builder, pins)
    dropped_because = drop_what_is_not_as_left(settings)
    finished = read_finished_build(settings)
    if finished is not None and finished.inputs == inputs:
        follow_layouts(settings, pins)
        return finished
    dropped_because = dropped_because or drop_what_cannot_be_continued(settings, builder, pins)
    if not settings.warehouse_path.exists():
        finished = None  # deleted: there is no earlier build to continue
    token = draw_token()
    prepare(settings, builder, pins, token)
    unit_tests = read_unit_tests(project)
    select = changed_since(finished.inputs, inputs) if finished and unit_tests is not None else ()
    run = run_dbt if settings.engine == "duckdb" else functools.partial(run_spark_and_dbt, builder)
    if settings.engine == "duckdb":
        build_playbacks_in_portions(settings, project, project_dir, pins, on_node)
    nodes = warm_worker.call_with_listener(
        on_node, run, settings, project, project_dir, select=select, with_unit_tests=unit_tests is None
    )
    if unit_tests is None:
        remember_unit_tests(project, nodes)
    build = Build(
        inputs=inputs,
        built=True,
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        nodes=with_remembered(with_row_counts(settings, project, nodes), finished if select else None, unit_tests),
        dropped_because=dropped_because,
    )
    if not build.broken:
        note_finished_build(settings, build)
    note_mark(settings, token)
    return build
