"""Builds the warehouse: puts its inputs in place, lets dbt build and test it, and records the inputs of the build.

A warehouse that was fully built from the current inputs (raw versions, bookings, code) is not built again. If only some
inputs changed since then, only the nodes that depend on them are built and tested again. A warehouse is deleted first
if another version of the project built it, or if anything but the project has written to it: it can be rebuilt, and
foreign rows in an incremental model cannot be distinguished from its own.
"""

import functools
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import ingestion.raw_tables
import ingestion.raw_versions
import payouts.bookings
import payouts.look_back
import payouts.policy
from ingestion.raw_tables import Pins, count_records, create_raw_views, read_pins
from ingestion.settings import Settings
from orchestration import spark, warm_worker
from orchestration.dbt_invocation import NodeResult, invoke_dbt, parsed_manifest
from orchestration.dbt_sources import SOURCE_OF_RAW_TABLE
from orchestration.parsed_project import (
    ParsedProject,
    dbt_arguments,
    parsed_project,
    profile_environment,
)
from payouts.bookings import create_booking_views, kept_catalogues
from payouts.look_back import look_back_of_next_run
from payouts.warehouse_mark import draw_token, forget_mark, is_as_left, note_mark, why_not_as_left

_MADE_OF_HEARTBEATS = ("int_playback_days", "int_player_days")


@dataclass(frozen=True)
class Build:
    """The state of the warehouse: built now (`built`), or already built from the same inputs."""

    inputs: "Inputs"
    built: bool
    built_at: str
    nodes: tuple[NodeResult, ...]
    dropped_because: str | None = None
    """Why the earlier warehouse was deleted and rebuilt from scratch; None if it was kept."""

    @property
    def broken(self) -> tuple[NodeResult, ...]:
        """The nodes that failed, or were skipped because another failed."""
        return tuple(node for node in self.nodes if not node.holds)


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
    dropped_because = _drop_what_is_not_as_left(settings)
    finished = read_finished_build(settings)
    if finished is not None and finished.inputs == inputs:
        _follow_layouts(settings, pins)
        return finished
    dropped_because = dropped_because or _drop_what_cannot_be_continued(settings, builder, pins)
    if not settings.warehouse_path.exists():
        finished = None  # deleted: there is no earlier build to continue
    token = draw_token()
    prepare(settings, builder, pins, token)
    unit_tests = _read_nodes(project.unit_tests_path)
    select = _changed_since(finished.inputs, inputs) if finished and unit_tests is not None else ()
    run = run_dbt if settings.engine == "duckdb" else functools.partial(run_spark_and_dbt, builder)
    if settings.engine == "duckdb":
        _build_playbacks_in_portions(settings, project, project_dir, pins, on_node)
    nodes = warm_worker.heard(
        on_node, run, settings, project, project_dir, select=select, with_unit_tests=unit_tests is None
    )
    if unit_tests is None:
        _remember_unit_tests(project, nodes)
    build = Build(
        inputs=inputs,
        built=True,
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        nodes=_with_remembered(_with_row_counts(settings, project, nodes), finished if select else None, unit_tests),
        dropped_because=dropped_because,
    )
    if not build.broken:
        _note_finished_build(settings, build)
    note_mark(settings, token)
    return build


@dataclass(frozen=True)
class Inputs:
    """Everything that determines the content of the warehouse."""

    code: str
    """Hash of the dbt project, the engine and the code that creates the views."""
    batch_number: int
    versions: dict[str, int | None]
    booked: tuple[str, ...]
    """Closed months, each with the catalogue it keeps, and whether the next run adjusts it."""

    @property
    def fingerprint(self) -> str:
        """One hash of all inputs."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_inputs(settings: Settings, project: ParsedProject, pins: Pins) -> Inputs:
    """Return the inputs that a build would use now."""
    views = (ingestion.raw_tables, ingestion.raw_versions, payouts.bookings, payouts.look_back, payouts.policy)
    sources = [Path(str(module.__file__)) for module in views]
    if project.engine == "spark":
        sources += sorted(Path(str(spark.__file__)).parent.glob("*.py"))
    code = [
        project.content_hash,
        duckdb.__version__,
        *(hashlib.sha256(path.read_bytes()).hexdigest() for path in sources),
    ]
    look_back = look_back_of_next_run(settings)
    return Inputs(
        code=hashlib.sha256("\n".join(code).encode()).hexdigest(),
        batch_number=pins.batch_number,
        versions=dict(sorted(pins.versions.items())),
        booked=tuple(
            f"{month} {catalogue}" + (", in the look-back" if month in look_back else "")
            for month, catalogue in kept_catalogues(settings).items()
        ),
    )


def _changed_since(before: Inputs, now: Inputs) -> tuple[str, ...]:
    """The dbt selectors of everything that depends on changed inputs; empty: build everything."""
    if before.code != now.code:
        return ()
    changed = [table for table, version in now.versions.items() if before.versions.get(table) != version]
    selectors = [f"source:{SOURCE_OF_RAW_TABLE[table]}+" for table in changed]
    return (*selectors, *(["source:booked+"] if before.booked != now.booked else []))


def _with_remembered(
    nodes: tuple[NodeResult, ...], finished: Build | None, unit_tests: tuple[NodeResult, ...] | None
) -> tuple[NodeResult, ...]:
    """Add the earlier results of nodes that did not need to be built again, in the earlier build's order."""
    new = {node.unique_id: node for node in nodes}
    earlier = (*(finished.nodes if finished else ()), *(unit_tests or ()))
    known = {node.unique_id: replace(node, is_remembered=True) for node in earlier}
    # Dagster needs the outputs of one step in topological order, which is dbt's order.
    return tuple({**known, **new}.values())


def open_warehouse(settings: Settings, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open the warehouse file with the limits from the settings."""
    # No bound values: the first one makes DuckDB import pandas, which a run with nothing new does not need.
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.duckdb_memory_limit,
        "temp_directory": str(settings.temp_dir),
    }
    if settings.threads:
        config["threads"] = settings.threads
    con = duckdb.connect(settings.warehouse_path, read_only=read_only, config=config)
    con.execute("set TimeZone = 'UTC'")
    return con


def read_finished_build(settings: Settings) -> Build | None:
    """Return the last build that finished without a failure, or None if there is none.

    There is also none if anything but the project has written to the warehouse since.
    """
    if not settings.warehouse_path.exists():
        return None
    with open_warehouse(settings, read_only=True) as con:
        if not is_as_left(settings, con):
            return None
        row = con.execute("select inputs, built_at, nodes from build.finished").fetchone()
    if row is None:
        return None
    inputs = json.loads(row[0])
    return Build(
        inputs=Inputs(**{**inputs, "booked": tuple(inputs["booked"])}),
        built=False,
        built_at=row[1],
        nodes=tuple(replace(node, is_remembered=True) for node in _nodes_from_json(row[2])),
    )


def delete_warehouse(settings: Settings) -> None:
    """Delete the warehouse, so that the next build starts from the raw tables and the closed months."""
    forget_mark(settings)
    for path in (settings.warehouse_path, Path(f"{settings.warehouse_path}.wal")):
        path.unlink(missing_ok=True)


def _drop_what_is_not_as_left(settings: Settings) -> str | None:
    """Delete a warehouse that anything but the project wrote to, or that is truncated; return why."""
    if not settings.warehouse_path.exists():
        return None
    why = why_not_as_left(settings)
    if why is None:
        return None
    delete_warehouse(settings)
    return f"The warehouse was deleted and is built from the raw tables: {why}."


def _drop_what_cannot_be_continued(settings: Settings, project: ParsedProject, pins: Pins) -> str | None:
    """Delete a warehouse whose incremental rows might come from another project or other raw tables; return why."""
    if not settings.warehouse_path.exists():
        return None
    with open_warehouse(settings, read_only=True) as con:
        built_by, batch_number = con.execute("select project, batch_number from build.begun").fetchone() or (None, 0)
    if built_by != project.content_hash:
        why = "another version of the dbt project, or another engine, built it"
    elif batch_number > pins.batch_number:
        why = f"it contains batch {batch_number}, but the raw tables end with batch {pins.batch_number}"
    else:
        return None
    delete_warehouse(settings)
    return f"The warehouse was deleted and is built from the raw tables: {why}."


def prepare(settings: Settings, project: ParsedProject, pins: Pins, token: str) -> None:
    """Prepare the warehouse file for a build of these pins: create its views, and record the start with `token`.

    Raises:
        duckdb.IOException: Another process has it open.
    """
    settings.warehouse_path.parent.mkdir(parents=True, exist_ok=True)
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    with open_warehouse(settings, read_only=False) as con:
        # Open first: if another process reads the file, this fails before anything is written, and the mark stays true.
        forget_mark(settings)
        con.execute("create schema if not exists build")
        con.execute("create or replace table build.finished (inputs varchar, built_at varchar, nodes varchar)")
        con.execute("create or replace table build.begun (project varchar, batch_number bigint, token varchar)")
        con.execute("insert into build.begun values (?, ?, ?)", [project.content_hash, pins.batch_number, token])
        create_raw_views(con, settings, pins)
        create_booking_views(con, settings)


def _follow_layouts(settings: Settings, pins: Pins) -> None:
    """Point the views to the current files, if the same records were rewritten into other files since."""
    with open_warehouse(settings, read_only=True) as con:
        layouts = dict(con.execute("select table_name, version from raw.layouts").fetchall())
        (token,) = con.execute("select token from build.begun").fetchone() or ("",)
    if layouts != pins.layouts:
        with open_warehouse(settings, read_only=False) as con:
            forget_mark(settings)
            create_raw_views(con, settings, pins)
            create_booking_views(con, settings)
        note_mark(settings, token)


def files_in_views(settings: Settings) -> frozenset[Path]:
    """The files that the warehouse's views read, from the layouts that were pinned when it was last updated."""
    if not settings.warehouse_path.exists():
        return frozenset()
    with open_warehouse(settings, read_only=True) as con:
        views = con.execute("select sql from duckdb_views() where schema_name in ('raw', 'booked')").fetchall()
    # Each quoted text that ends in .parquet is a path; a quote inside a path is doubled.
    return frozenset(
        Path(literal.replace("''", "'"))
        for (sql,) in views
        for literal in re.findall(r"'((?:[^']|'')*\.parquet)'", sql)
    )


def _build_playbacks_in_portions(
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


def warm_up_dbt(settings: Settings) -> None:
    """Do the one-time work of the first `run_dbt` of a process early: imports, the manifest, dbt's own schemas.

    Does not touch the warehouse. If the project does not parse, the run reports it.
    """
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    try:
        project = parsed_project(settings)
    except RuntimeError:
        return
    with profile_environment(settings):
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


def _remember_unit_tests(project: ParsedProject, nodes: Iterable[NodeResult]) -> None:
    unit_tests = [node for node in nodes if node.unique_id.startswith("unit_test.")]
    if all(node.holds for node in unit_tests):
        project.unit_tests_path.write_text(_nodes_to_json(unit_tests), encoding="utf-8")


def _with_row_counts(
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
                rows = con.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
                counted.append(NodeResult(**{**asdict(node), "rows": rows[0] if rows else None}))
            else:
                counted.append(node)
    return tuple(counted)


def _note_finished_build(settings: Settings, build: Build) -> None:
    with open_warehouse(settings, read_only=False) as con:
        con.execute(
            "insert into build.finished values (?, ?, ?)",
            [json.dumps(asdict(build.inputs)), build.built_at, _nodes_to_json(build.nodes)],
        )
        # All their tests have passed: macros/by_month.sql does not look at them again until they change.
        con.execute("update build.months_built set is_proven = true where not is_proven")


def _read_nodes(path: Path) -> tuple[NodeResult, ...] | None:
    return _nodes_from_json(path.read_text(encoding="utf-8")) if path.exists() else None


def _nodes_to_json(nodes: Iterable[NodeResult]) -> str:
    return json.dumps([asdict(node) for node in nodes])


def _nodes_from_json(text: str) -> tuple[NodeResult, ...]:
    return tuple(NodeResult(**{**node, "examples": tuple(node.get("examples", ()))}) for node in json.loads(text))
