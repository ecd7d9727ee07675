"""The sources of Spark: the pinned raw files, through folders of links, and the bookings, with explicit columns."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from allive.ingestion.paris_days import spark_paris_day
from allive.ingestion.raw_tables import (
    TABLES,
    Pins,
    columns_of,
    is_stray,
    partition_column_of,
    stored_files,
    table_path,
)
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import spark_text, sql_text
from allive.payouts.bookings import create_booking_views

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PARIS_DAY: Final = spark_paris_day("`event_at`")
_SPARK_TYPES: Final = {
    "VARCHAR": "string",
    "BIGINT": "bigint",
    "UBIGINT": "decimal(20, 0)",
    "INTEGER": "int",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMPTZ": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}


def spark_type(duckdb_type: str) -> str:
    """The type of a column in Spark.

    >>> spark_type("TIMESTAMP WITH TIME ZONE"), spark_type("DECIMAL(18,3)")
    ('timestamp', 'DECIMAL(18,3)')
    """
    return duckdb_type if re.fullmatch(r"DECIMAL\(\d+, ?\d+\)", duckdb_type) else _SPARK_TYPES[duckdb_type]


def create_raw_tables(session: "SparkSession", settings: Settings, pins: Pins) -> None:
    """Create schema `raw`: a table over links to the pinned version's files, with explicit columns.

    Spark reads whole folders, and a raw table's folder also has files that a later version added or removed.
    """
    session.sql("create schema if not exists raw")
    for table in TABLES:
        root = table_path(settings, table)
        files = [root / file.path for file in stored_files(settings, table, pins.layouts[table])]
        columns = {name: spark_type(type_) for name, type_ in columns_of(table).items()}
        folder = settings.spark_dir / "raw" / table
        if day := partition_column_of(table):
            link_files(folder, root, (file for file in files if not is_stray(file)))
            create_table(session, f"raw.{table}_by_day", columns, folder, day)
            strays = [file for file in files if is_stray(file)]
            _create_view(session, settings, table, strays=strays)
        else:
            link_files(folder, root, files)
            create_table(session, f"raw.{table}", columns, folder)


def _create_view(session: "SparkSession", settings: Settings, table: str, *, strays: list[Path]) -> None:
    """Combine a table's files by day and its stray files, whose day comes from their event time, in one view."""
    day = partition_column_of(table)
    folder = settings.spark_dir / "raw" / f"{table}_strays"
    link_files(folder, table_path(settings, table), strays)
    columns = columns_of(table)
    parts = [f"select {', '.join(f'`{name}`' for name in columns)} from raw.{table}_by_day"]
    if strays:
        stored = {name: spark_type(type_) for name, type_ in columns.items() if name != day}
        create_table(session, f"raw.{table}_strays", stored, folder)
        listed = ", ".join(f"{_PARIS_DAY} as `{name}`" if name == day else f"`{name}`" for name in columns)
        parts.append(f"select {listed} from raw.{table}_strays")
    session.sql(f"create or replace view raw.{table} as {' union all '.join(parts)}")


def create_booked_tables(session: "SparkSession", settings: Settings) -> None:
    """Create schema `booked` from copies of the views in the DuckDB warehouse."""
    folder = settings.spark_dir / "booked"
    session.sql("create schema if not exists booked")
    with duckdb.connect() as con:
        con.execute(f"set memory_limit = {sql_text(settings.duckdb_memory_limit)}")
        con.execute(f"set temp_directory = {sql_text(settings.temp_dir)}")
        con.execute("set TimeZone = 'UTC'")
        create_booking_views(con, settings)
        views = con.execute("select table_name from information_schema.tables where table_schema = 'booked'").fetchall()
        for (view,) in views:
            (folder / view).mkdir(parents=True, exist_ok=True)
            file = sql_text(folder / view / "booked.parquet")
            con.execute(f"copy booked.{view} to {file} (format parquet)")
            described = con.execute(f"describe booked.{view}").fetchall()
            columns = {name: spark_type(type_) for name, type_, *_ in described}
            create_table(session, f"booked.{view}", columns, folder / view)


def link_files(folder: Path, root: Path, files: Iterable[Path]) -> None:
    """Make a folder contain links to exactly these files of a root, under the same paths. Only changes take time."""
    wanted = {file.relative_to(root).as_posix(): file for file in files}
    folder.mkdir(parents=True, exist_ok=True)
    known = {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
    for name in known - wanted.keys():
        (folder / name).unlink()
    for name in wanted.keys() - known:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(wanted[name], place)
        except OSError:  # another device, or a file system without hard links
            place.symlink_to(wanted[name])


def create_table(
    session: "SparkSession", name: str, columns: dict[str, str], folder: Path, partition_column: str | None = None
) -> None:
    """Create (again) a table over the Parquet files of a folder."""
    listed = ", ".join(f"`{column}` {type_}" for column, type_ in columns.items())
    partitioned = f" partitioned by (`{partition_column}`)" if partition_column else ""
    session.sql(f"drop table if exists {name}")
    session.sql(f"create table {name} ({listed}) using parquet{partitioned} location {spark_text(folder)}")
    if partition_column:
        session.sql(f"alter table {name} recover partitions")
