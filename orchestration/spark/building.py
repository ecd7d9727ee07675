"""Builds the models on Spark: creates source and earlier tables, runs dbt, and makes the new tables current."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from allive.ingestion.counted import counted
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.settings import Settings
from allive.orchestration.dbt_invocation import NodeResult, invoke_dbt
from allive.orchestration.parsed_project import ParsedProject
from allive.orchestration.spark.built_tables import BuiltTables, lay_out, note_build, read_built_tables, tables_dir
from allive.orchestration.spark.registration import register_tables
from allive.orchestration.spark.session import spark_session
from allive.orchestration.spark.sources import create_booked_tables, create_raw_tables

NOTHING = BuiltTables(project="", batch_number=0, build=0, tables=())


def build_models(
    settings: Settings, project: ParsedProject, project_dir: Path, *, select: tuple[str, ...]
) -> tuple[NodeResult, ...]:
    """Build models and seeds on Spark: all, or those that the dbt selectors choose. Tests are not run.

    The tables become current if all of them were built; otherwise nothing changes. The data home must be locked.
    """
    pins = read_pins(settings)
    continued = continued_tables(settings, project)
    build = read_built_tables(settings).build + 1
    nodes: dict[str, Any] = json.loads(project.manifest_path.read_bytes())["nodes"]
    extended = {
        f"{node['schema']}.{node['alias']}"
        for node in nodes.values()
        if node["config"].get("materialized") == "incremental"
    }
    selectors = ["--select", *select, *continued.views] if select else []
    excluded = [*("--exclude-resource-type", "test"), *("--exclude-resource-type", "unit_test")]
    with spark_session(settings) as session:
        create_raw_tables(session, settings, pins)
        create_booked_tables(session, settings)
        lay_out(session, settings, continued, build=build, extended=extended)
        built = invoke_dbt(
            settings,
            project,
            project_dir,
            ["build", *selectors, *excluded],
            ALLIVE_SPARK_TABLES=str(tables_dir(settings) / str(build)),
        )
        if all(node.holds for node in built):
            note_build(session, settings, project=project.content_hash, batch_number=pins.batch_number, build=build)
    return built


def is_built(settings: Settings, project: ParsedProject) -> bool:
    """Whether there are tables of this project that a partial build can continue from."""
    return bool(continued_tables(settings, project).tables)


def continued_tables(settings: Settings, project: ParsedProject) -> BuiltTables:
    """The tables to continue from; none if they come from another version of the project or from later raw tables."""
    built = read_built_tables(settings)
    is_continued = built.project == project.content_hash and built.batch_number <= read_pins(settings).batch_number
    return built if is_continued else NOTHING


def register_models(
    con: duckdb.DuckDBPyConnection, settings: Settings, project: ParsedProject, nodes: tuple[NodeResult, ...]
) -> tuple[NodeResult, ...]:
    """Show the current tables in the DuckDB warehouse. A node fails if its table breaks its contract's `not_null`."""
    register_tables(con, settings, read_built_tables(settings).tables)
    described = json.loads(project.manifest_path.read_bytes())["nodes"]
    return tuple(_with_contract(con, node, described.get(node.unique_id, {})) for node in nodes)


def registered_tables(settings: Settings) -> set[tuple[str, str]]:
    """Schema and name of the tables that are views over Spark's files in the DuckDB warehouse."""
    if settings.engine != "spark":
        return set()
    return {(table.schema, table.name) for table in read_built_tables(settings).tables}


def _with_contract(con: duckdb.DuckDBPyConnection, node: NodeResult, described: dict[str, Any]) -> NodeResult:
    required = [
        name
        for name, column in described.get("columns", {}).items()
        if any(constraint["type"] == "not_null" for constraint in column.get("constraints") or ())
    ]
    if not node.holds or not required or described["config"]["materialized"] == "view":
        return node
    counts = ", ".join(f"count(*) - count({name})" for name in required)
    missing = con.execute(f"select {counts} from {described['schema']}.{described['alias']}").fetchone() or ()
    broken = [f"{name} ({counted(rows, 'row')})" for name, rows in zip(required, missing, strict=True) if rows]
    if not broken:
        return node
    message = f"the contract requires a value in every row; found none in {', '.join(broken)}"
    return replace(node, status="error", message=message)
