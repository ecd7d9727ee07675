"""The raw layer: Delta tables of accepted records and of rejects, and the versions readers pin.

A table's newest version may be half of a promotion; what `pins.json` names never is.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import duckdb
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema, Transaction
from deltalake import Field as DeltaField
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction

from ingestion.contracts import CONTRACTS, RECORD_TYPES
from ingestion.contracts.fields import sql_text
from ingestion.durable import read_json, sync_file, write_json
from ingestion.settings import Settings

REJECTS = "rejects"
TABLES: tuple[str, ...] = (*RECORD_TYPES, REJECTS)
REJECT_COLUMNS: dict[str, str] = {
    "record_type": "VARCHAR",
    "source_file": "VARCHAR",
    "source_line": "BIGINT",
    "reason": "VARCHAR",
    "raw": "VARCHAR",
    "batch_number": "BIGINT",
    "file_hash": "VARCHAR",
}

_DELTA_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "long",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMPTZ": "timestamp",
    "DECIMAL(18,3)": "decimal(18,3)",
}
# Closed months pin versions: neither the log nor the files of one may ever expire by itself.
_FOR_EVER = {
    "delta.logRetentionDuration": f"interval {timedelta(days=36_500).days} days",
    "delta.deletedFileRetentionDuration": f"interval {timedelta(days=36_500).days} days",
}


def columns_of(table: str) -> dict[str, str]:
    """The columns of a raw table and their DuckDB types, in order."""
    return REJECT_COLUMNS if table == REJECTS else CONTRACTS[table].columns


def partition_column_of(table: str) -> str | None:
    """The column by which a raw table's files are laid out, if any."""
    return None if table == REJECTS else CONTRACTS[table].partition_column


@dataclass(frozen=True)
class Pins:
    """What readers may see: a version of each raw table, and the last batch that is in them."""

    versions: dict[str, int | None]
    batch_number: int


def _pins_path(settings: Settings) -> Path:
    return settings.raw_dir / "pins.json"


def read_pins(settings: Settings) -> Pins:
    """The versions that readers may see now; none of any table before the first load."""
    stored = read_json(_pins_path(settings)) or {"versions": {}, "batch_number": 0}
    return Pins(
        versions={table: stored["versions"].get(table) for table in TABLES},
        batch_number=stored["batch_number"],
    )


def write_pins(settings: Settings, pins: Pins) -> None:
    """Let readers see a batch: records and rejects at once."""
    write_json(_pins_path(settings), {"versions": pins.versions, "batch_number": pins.batch_number})


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a raw table: its path inside the table, and what Delta notes of it."""

    path: str
    size: int
    records: int
    batch_number: int
    partition: Mapping[str, str | None]

    def as_action(self) -> AddAction:
        """The entry of the Delta log."""
        bounds = {"batch_number": self.batch_number}
        return AddAction(
            path=self.path,
            size=self.size,
            partition_values=dict(self.partition),
            modification_time=0,
            data_change=True,
            stats=json.dumps({"numRecords": self.records, "minValues": bounds, "maxValues": bounds}),
        )


def table_path(settings: Settings, table: str) -> Path:
    """Where a raw table lies."""
    return settings.raw_dir / table


def open_table(settings: Settings, table: str) -> DeltaTable | None:
    """A raw table at its newest version; None before its first batch."""
    path = str(table_path(settings, table))
    return DeltaTable(path) if DeltaTable.is_deltatable(path) else None


def commit_batch(settings: Settings, table: str, files: Iterable[DataFile], app_ids: Iterable[str]) -> int:
    """Register a batch's files, which lie in the table already; a second time changes nothing.

    Args:
        settings: where the raw layer lies.
        table: the raw table.
        files: the batch's files.
        app_ids: an app transaction for each landed file; what makes it loaded exactly once.

    Returns:
        The table's version that holds the batch.
    """
    schema = Schema(
        [
            DeltaField(name, PrimitiveType(_DELTA_TYPES[sql_type]), nullable=True)
            for name, sql_type in columns_of(table).items()
        ]
    )
    partition_column = partition_column_of(table)
    partition_by = [partition_column] if partition_column else []
    path = table_path(settings, table)
    path.mkdir(parents=True, exist_ok=True)
    delta = open_table(settings, table) or DeltaTable.create(
        str(path), schema=schema, partition_by=partition_by, configuration=_FOR_EVER
    )
    transactions = list(app_ids)
    if delta.transaction_version(transactions[0]) is None:
        delta.create_write_transaction(
            actions=[file.as_action() for file in files],
            mode="append",
            schema=schema,
            partition_by=partition_by,
            commit_properties=CommitProperties(app_transactions=[Transaction(app_id, 1) for app_id in transactions]),
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
        )
        delta.update_incremental()
    version = delta.version()
    log = path / "_delta_log"
    sync_file(log / f"{version:020}.json")
    sync_file(log)
    return version


def drop_half_written_commits(settings: Settings, table: str) -> None:
    """After a crash: drop what a killed commit left of itself, `<version>.json#<number>`, which no reader looks at."""
    for leftover in (table_path(settings, table) / "_delta_log").glob("*.json#*"):
        leftover.unlink()


def pinned_files(settings: Settings, table: str, version: int | None) -> list[Path]:
    """The Parquet files of a raw table's version."""
    if version is None:
        return []
    path = table_path(settings, table)
    actions = DeltaTable(str(path), version=version).get_add_actions(flatten=True)
    # Paths in the log are URL-encoded, by the protocol.
    return [path / unquote(name) for name in actions.column("path").to_pylist()]


def create_raw_views(con: duckdb.DuckDBPyConnection, settings: Settings, pins: Pins) -> None:
    """Create the schema `raw`: a view a table over the pinned files, and the table `raw.pins`.

    Columns and files are spelled out: a file that appears later, or a column more in it, changes
    nothing. A table without files is an empty typed view.
    """
    con.execute("create schema if not exists raw")
    for table in TABLES:
        files = pinned_files(settings, table, pins.versions[table])
        con.execute(f"create or replace view raw.{table} as {scan_of(table, files)}")
    con.execute("create or replace table raw.pins (table_name varchar, version bigint)")
    con.executemany("insert into raw.pins values (?, ?)", [*pins.versions.items()])


def scan_of(table: str, files: Iterable[Path]) -> str:
    """SQL that reads a raw table from its files, with explicit columns (a view binds no values)."""
    columns = columns_of(table)
    literals = ", ".join(sql_text(os.fspath(file)) for file in files)
    if not literals:
        empty = ", ".join(f"cast(null as {t}) as {name}" for name, t in columns.items())
        return f"select {empty} where false"
    partition_column = partition_column_of(table)
    hive = (
        f", hive_partitioning = true, hive_types = {{'{partition_column}': date}}"
        if partition_column
        else ", hive_partitioning = false"
    )
    return f"select {', '.join(columns)} from read_parquet([{literals}]{hive})"
