"""Builds the same data home on both engines, and compares their rows and closed months."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb

from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.load import load_new_files
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.settings import DBT_PROJECT_DIR, Settings
from allive.orchestration import spark, warehouse
from allive.orchestration.dbt_invocation import NodeResult, invoke_dbt
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.spark.built_tables import read_built_tables
from allive.orchestration.spark.registration import scan_of
from allive.payouts import ledger
from allive.payouts.warehouse_mark import draw_token

# Hashes of a month's inputs: each engine has its own, and never reads the other's.
NOT_COMPARED = frozenset({"inputs"})
MODELS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")


def load(settings: Settings) -> None:
    """Load the landed files."""
    for record_type in RECORD_TYPES:
        load_new_files(settings, record_type)


def twin(settings: Settings, home: Path, *, engine: str) -> Settings:
    """The same raw tables and closed months in another home, for the other engine."""
    other = settings.model_copy(update={"home": home, "engine": engine})
    for folder in (settings.raw_dir, settings.payouts_dir):
        if folder.exists():
            shutil.copytree(folder, home / folder.name, dirs_exist_ok=True)
    return Settings(**other.model_dump(include=set(other.model_fields_set)))


def build_on_duckdb(settings: Settings, *, select: tuple[str, ...] = ()) -> None:
    """Build the models (all, or the selected ones), without tests."""
    project = parsed_project(settings)
    warehouse.prepare(settings, project, read_pins(settings), draw_token())
    chosen = ["--select", *select] if select else []
    all_built(invoke_dbt(settings, project, DBT_PROJECT_DIR, ["build", *chosen, *MODELS]))


def build_on_spark(settings: Settings, *, select: tuple[str, ...] = ()) -> None:
    """Build the models (all, or the selected ones), without tests."""
    all_built(spark.build_models(settings, parsed_project(settings, engine="spark"), DBT_PROJECT_DIR, select=select))


def all_built(nodes: Iterable[NodeResult]) -> None:
    """Fail unless every node was built."""
    broken = [node for node in nodes if not node.holds]
    assert not broken, "\n".join(f"{node.unique_id}: {node.status} {node.message}" for node in broken)


def compare(on_duckdb: Settings, on_spark: Settings, *, only: tuple[str, ...] = ()) -> int:
    """Compare every table row by row, and the column types of marts; return the number of rows compared.

    The tables are those of DuckDB's build, so that one that Spark lacks is noticed. `only` names some of them.
    """
    compared = 0
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"attach '{on_duckdb.warehouse_path}' as ours (read_only)")
        tables = con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'ours' "
            "and schema_name in ('staging', 'intermediate', 'marts') order by all"
        ).fetchall()
        built = {(table.schema, table.name): table for table in read_built_tables(on_spark).tables}
        wanted = [pair for pair in tables if not only or pair[1] in only]
        assert wanted, "DuckDB built no table to compare"
        for schema, name in wanted:
            assert (schema, name) in built, f"Spark did not build {schema}.{name}"
            described = con.execute(f"describe ours.{schema}.{name}").fetchall()
            columns = ", ".join(column for column, *_ in described if column not in NOT_COMPARED)
            theirs = f"select {columns} from ({scan_of(on_spark, built[schema, name])})"
            if schema == "marts":
                types = con.execute(f"describe {theirs}").fetchall()
                assert [row[:2] for row in types] == [row[:2] for row in described], f"types of {schema}.{name}"
            ours = f"select {columns} from ours.{schema}.{name}"
            for found, missing in ((ours, theirs), (theirs, ours)):
                rows = con.execute(f"({found}) except all ({missing}) limit 3").fetchall()
                side = "DuckDB" if found == ours else "Spark"
                assert not rows, f"{schema}.{name}: only on {side}: {rows}"
            row = con.execute(f"select count(*) from ours.{schema}.{name}").fetchone()
            compared += row[0] if row else 0
    return compared


def compare_month(on_duckdb: Settings, on_spark: Settings, month: str) -> int:
    """Compare a closed month file by file; return the number of files."""
    ours, theirs = (
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (ledger.month_dir(settings, month) for settings in (on_duckdb, on_spark))
    )
    assert {"slices.parquet", "artist_payouts.csv", "control.json", "manifest.json"} <= ours.keys()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    return len(ours)
