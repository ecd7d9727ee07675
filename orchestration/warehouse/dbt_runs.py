"""The dbt and Spark runs of a build: `dbt build` on selectors, the models of heartbeats in portions, the row counts.

The warm worker calls these functions by name, in another process.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import duckdb

from allive.ingestion.raw_tables import Pins, count_records
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_name
from allive.orchestration import spark, warm_worker
from allive.orchestration.dbt_invocation import NodeResult, invoke_dbt, parsed_manifest
from allive.orchestration.parsed_project import (
    ParsedProject,
    dbt_arguments,
    parsed_project,
    profile_environment,
    without_dbt_flags,
)
from allive.payouts.warehouse_file import open_warehouse

_MADE_OF_HEARTBEATS = ("int_playback_days", "int_player_days")


def warm_up_dbt(settings: Settings) -> None:
    """Do the one-time work of the first `run_dbt` of a process early: imports, the manifest, dbt's own schemas.

    Does not touch the warehouse. If the project does not parse, the run reports it.
    """
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    try:
        project = parsed_project(settings)
    except RuntimeError:
        return
    with without_dbt_flags(), profile_environment(settings):
        dbtRunner(manifest=parsed_manifest(project)).invoke(
            [
                "list",
                *dbt_arguments(settings, project_dir=settings.dbt_project_dir, target=project.folder),
                "--no-write-json",
            ]
        )


def run_dbt(
    settings: Settings, project: ParsedProject, project_dir: Path, *, select: tuple[str, ...], with_unit_tests: bool
) -> tuple[NodeResult, ...]:
    """Run `dbt build` on the selectors (without any: on everything) in this process."""
    arguments = ["--select", *select] if select else []
    if not with_unit_tests:
        arguments += ["--exclude-resource-type", "unit_test"]
    return invoke_dbt(settings, project, project_dir, ["build", *arguments])


def build_playbacks_in_portions(
    settings: Settings,
    project: ParsedProject,
    project_dir: Path,
    pins: Pins,
    on_node: Callable[[str, str], None],
) -> None:
    """Build the models made of heartbeats in portions of the playbacks, if one statement cannot hold the new ones.

    The sorted lists of these models do not spill to disk (docs/adr/0006).
    """
    portions = math.ceil(_new_heartbeats(settings, pins) / settings.heartbeats_a_statement)
    if portions <= 1:
        return
    with open_warehouse(settings, read_only=False) as con:
        for model in _MADE_OF_HEARTBEATS:
            con.execute(f"drop table if exists intermediate.{model}")
    for number in range(portions):
        nodes = warm_worker.call(run_dbt_portion, settings, project, project_dir, portion=f"{number}/{portions}")
        if broken := [node for node in nodes if not node.holds]:
            raise RuntimeError(f"{broken[0].unique_id}, portion {number + 1} of {portions}: {broken[0].message}")
        on_node(f"{', '.join(_MADE_OF_HEARTBEATS)}, portion {number + 1} of {portions},", "success")


def _new_heartbeats(settings: Settings, pins: Pins) -> int:
    with open_warehouse(settings, read_only=True) as con:
        try:
            row = con.execute("select coalesce(max(batch_number), -1) from intermediate.int_playback_days").fetchone()
        except duckdb.CatalogException:  # nothing is built yet: all of them, counted in the table's log
            return count_records(settings, "heartbeats", pins.layouts["heartbeats"])
        new = con.execute("select count(*) from raw.heartbeats where batch_number > ?", row or [-1]).fetchone()
    return int(new[0]) if new else 0


def run_dbt_portion(
    settings: Settings, project: ParsedProject, project_dir: Path, *, portion: str
) -> tuple[NodeResult, ...]:
    """Run the models made of heartbeats on a portion of the playbacks, such as `0/4`."""
    models = ["stg_player__heartbeats", *_MADE_OF_HEARTBEATS]
    return invoke_dbt(settings, project, project_dir, ["run", "--select", *models], ALLIVE_PORTION=portion)


def run_spark_and_dbt(
    builder: ParsedProject,
    settings: Settings,
    project: ParsedProject,
    project_dir: Path,
    *,
    select: tuple[str, ...],
    with_unit_tests: bool,
) -> tuple[NodeResult, ...]:
    """Build the models on Spark, show its tables in the DuckDB warehouse, and test them there.

    The tests run only if every model was built.
    """
    goes_on = spark.is_built(settings, builder)
    built = spark.build_models(settings, builder, project_dir, select=select if goes_on else ())
    if not all(node.holds for node in built):
        return built
    with open_warehouse(settings, read_only=False) as con:
        built = spark.register_models(con, settings, builder, built)
    invoke_dbt(settings, project, project_dir, ["run", "--select", "config.materialized:view"])
    arguments = ["--resource-type", "test", *(["--select", *select] if select else [])]
    if with_unit_tests:
        arguments += ["--resource-type", "unit_test"]
    return (*built, *invoke_dbt(settings, project, project_dir, ["build", *arguments]))


def with_row_counts(
    settings: Settings, project: ParsedProject, nodes: tuple[NodeResult, ...]
) -> tuple[NodeResult, ...]:
    """Count the rows of the tables that were built (views are counted in the tables built from them)."""
    manifest = json.loads(project.manifest_path.read_bytes())["nodes"]
    with open_warehouse(settings, read_only=True) as con:
        tables = set(con.execute("select schema_name, table_name from duckdb_tables()").fetchall())
        tables |= spark.registered_tables(settings)
        counted = []
        for node in nodes:
            described = manifest.get(node.unique_id, {})
            relation = (described.get("schema"), described.get("alias"))
            if relation in tables and not node.unique_id.startswith("test."):
                schema, table = relation
                rows = con.execute(f"select count(*) from {sql_name(schema)}.{sql_name(table)}").fetchone()
                counted.append(NodeResult(**{**asdict(node), "rows": rows[0] if rows else None}))
            else:
                counted.append(node)
    return tuple(counted)
