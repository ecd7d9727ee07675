"""Spark's tables in the DuckDB warehouse: views over their files, with the types that DuckDB's own build would use."""

import re
from collections.abc import Iterable
from typing import Final

import duckdb

from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text
from allive.orchestration.spark.built_tables import SparkTable, files_of

_DUCKDB_TYPES: Final = {
    "string": "varchar",
    "bigint": "bigint",
    "int": "integer",
    "double": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
}


def register_tables(con: duckdb.DuckDBPyConnection, settings: Settings, tables: Iterable[SparkTable]) -> None:
    """Show Spark's tables in the warehouse under their own names, replacing existing views."""
    for table in tables:
        con.execute(f"create schema if not exists {table.schema}")
        con.execute(f"create or replace view {table.full_name} as {scan_of(settings, table)}")


def scan_of(settings: Settings, table: SparkTable) -> str:
    """SQL that reads a table from its files, with explicit columns; a table without rows might have no file."""
    columns = {name: duckdb_type(type_) for name, type_ in table.columns.items()}
    files = ", ".join(sql_text(str(file)) for file in files_of(settings, table))
    if not files:
        return f"select {', '.join(f'cast(null as {type_}) as {name}' for name, type_ in columns.items())} where false"
    listed = ", ".join(f"cast({name} as {type_}) as {name}" for name, type_ in columns.items())
    partition = table.partition_column
    hive = (
        f"hive_partitioning = true, hive_types = {{'{partition}': {columns[partition]}}}"
        if partition
        else "hive_partitioning = false"
    )
    return f"select {listed} from read_parquet([{files}], {hive})"


def duckdb_type(spark_type: str) -> str:
    """The type of a column in DuckDB.

    >>> duckdb_type("timestamp"), duckdb_type("decimal(38,0)")
    ('timestamptz', 'decimal(38,0)')
    """
    return spark_type if re.fullmatch(r"decimal\(\d+,\d+\)", spark_type) else _DUCKDB_TYPES[spark_type]
