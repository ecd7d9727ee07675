"""The raw layer: Delta tables of accepted records and of rejects, and the pinned versions that readers use.

A table's newest version can be half of a promotion; the versions in `pins.json` never are. Files can be merged
(`allive.ingestion.compaction`), so a version identifies records, up to its last batch, and not files: its records are
read from the current files.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import duckdb
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema, Transaction
from deltalake import Field as DeltaField
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, RemoveAction

from allive.ingestion.contracts import CONTRACTS, RECORD_TYPES
from allive.ingestion.durable import read_json, sync_file, write_json
from allive.ingestion.home_format import FORMAT_WITH_STRAYS
from allive.ingestion.pin_problems import REPAIR, PinProblem, PinsError, Trouble
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text

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
    "device": "VARCHAR",
    "app_version": "VARCHAR",
}

_LATER_REJECT_COLUMNS = ("device", "app_version")
# Files from before the log recorded which later columns a file has: they can have these columns or lack them.
_UNLOGGED = frozenset({"currency", "refunded_cents"})

_DELTA_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "long",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMPTZ": "timestamp",
    "DECIMAL(18,3)": "decimal(18,3)",
}
# Only `allive.ingestion.vacuum` cleans up: the log never expires by itself. Checkpoints drop rewritten files after a
# while.
_PROPERTIES = {
    "delta.logRetentionDuration": f"interval {timedelta(days=36_500).days} days",
    "delta.deletedFileRetentionDuration": "interval 2 days",
}
# The rejects' log is the permanent register of all contents. In the other tables, app transactions only show how far an
# interrupted promotion got; the more of them a table has, the more slowly it opens.
_FORGETFUL = {"delta.setTransactionRetentionDuration": "interval 30 days"}
ROW_GROUP_ROWS = 122_880
PARQUET_OPTIONS = (
    "format parquet, parquet_version v2, compression zstd, compression_level 1, write_bloom_filter false, "
    f"row_group_size {ROW_GROUP_ROWS}, return_stats"
)
"""How DuckDB's `copy` writes accepted records (docs/adr/0011)."""
# A raw view reads its files in groups by age: a reader of new batches opens few other files (docs/adr/0014).
_NEWEST_FILES = 16
_OLDER_TIMES = 4


# The partition value of stray files: Delta's convention for a partition without a value.
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def folder_of(partition: Mapping[str, str | None]) -> str:
    """A partition's folder inside its table, with a slash at its end; empty if there is no partition.

    >>> folder_of({"event_day": "2021-02-01"}), folder_of({"event_day": None}), folder_of({})
    ('event_day=2021-02-01/', 'event_day=__HIVE_DEFAULT_PARTITION__/', '')
    """
    return "".join(f"{column}={_NO_VALUE if value is None else value}/" for column, value in partition.items())


def is_stray(path: Path | str) -> bool:
    """True for a file of strays: heartbeats of many days, each of the Paris day of its `event_at` (docs/adr/0026)."""
    return Path(path).parent.name.endswith(f"={_NO_VALUE}")


def columns_of(table: str) -> dict[str, str]:
    """The columns of a raw table and their DuckDB types, in order."""
    return REJECT_COLUMNS if table == REJECTS else CONTRACTS[table].columns


def later_columns_of(table: str) -> dict[str, str]:
    """The columns of a raw table, with their DuckDB types, that files of earlier versions of the project lack."""
    if table == REJECTS:
        return {name: REJECT_COLUMNS[name] for name in _LATER_REJECT_COLUMNS}
    return {field.column_name: field.type.sql_type for field in CONTRACTS[table].fields if field.is_later}


def null_counts_of(table: str, statistics: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """The number of nulls in each later column of a written file, from the statistics that DuckDB's `copy` returned."""
    return {name: int(statistics[f'"{name}"']["null_count"]) for name in later_columns_of(table)}


def properties_of(table: str) -> dict[str, str]:
    """The Delta properties of a raw table."""
    return _PROPERTIES if table == REJECTS else _PROPERTIES | _FORGETFUL


def partition_column_of(table: str) -> str | None:
    """The column that a raw table is partitioned by, if any."""
    return None if table == REJECTS else CONTRACTS[table].partition_column


@dataclass(frozen=True)
class Pins:
    """The state that readers see: the records of each raw table, the last batch in them, and the files to read."""

    versions: dict[str, int | None]
    """The Delta version that added the table's last batch: changes only with the records."""
    batch_number: int
    layouts: dict[str, int | None] = field(default_factory=dict)
    """The Delta version whose files contain these records: changes also when files are rewritten."""


def pins_path(settings: Settings) -> Path:
    """The path of the pins."""
    return settings.raw_dir / "pins.json"


def read_pins(settings: Settings) -> Pins:
    """The versions that readers see now; None for every table before the first load.

    Raises:
        PinsError: they cannot be read, or are lost although there are tables (to take that for "nothing was ever
            loaded" would publish an empty platform).
    """
    for is_last_look in (False, True):
        try:
            content = pins_path(settings).read_bytes()
        except FileNotFoundError:
            if not (tables := _tables_with_a_log(settings)) or _first_batch_is_being_promoted(settings):
                return Pins(dict.fromkeys(TABLES), 0, dict.fromkeys(TABLES))
            if is_last_look:  # the very first batch might have been pinned between the two looks
                raise PinsError([_lost(tables)]) from None
        else:
            return _parsed(content)
    raise AssertionError  # both looks return or raise


def _lost(tables: list[str]) -> PinProblem:
    return PinProblem(
        Trouble.LOST,
        where="raw/pins.json",
        found=f"no such file beside {len(tables)} loaded tables",
        expected="the versions of the tables that readers may see",
        advice=REPAIR,
    )


def _tables_with_a_log(settings: Settings) -> list[str]:
    return [table for table in TABLES if (table_path(settings, table) / "_delta_log").is_dir()]


def _first_batch_is_being_promoted(settings: Settings) -> bool:
    """True if the very first batch is decided, and perhaps half committed: there are no pins before it is promoted."""
    for path in (settings.raw_dir / "_staging").glob("*/promotion.json"):
        try:
            plan = read_json(path)
        except ValueError:  # `allive.ingestion.promotion.decided_promotions` reports it
            continue
        if isinstance(plan, dict) and plan.get("batch_number") == 1:
            return True
    return False


def _parsed(content: bytes) -> Pins:
    try:
        stored = json.loads(content)
        versions = {table: stored["versions"].get(table) for table in TABLES}
        layouts = versions | stored.get("layouts", {})
        unknown = {*stored["versions"], *layouts} - {*TABLES}
        batch_number = stored["batch_number"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(f"{len(content)} bytes that cannot be read ({type(error).__name__})") from None
    if unknown:
        raise _broken(f"tables that this version of the project does not know ({', '.join(sorted(unknown))})")
    for table in TABLES:
        version, layout = versions[table], layouts[table]
        if (version, layout) != (None, None) and not (_is_number(version) and _is_number(layout) and layout >= version):
            raise _broken(f"version {version!r} and layout {layout!r} of {table}")
    is_empty = all(version is None for version in versions.values())
    if not _is_number(batch_number) or (batch_number == 0) is not is_empty:
        raise _broken(f"batch number {batch_number!r} with {'no' if is_empty else 'some'} versions")
    return Pins(versions, batch_number, layouts)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _broken(found: str) -> PinsError:
    problem = PinProblem(
        Trouble.BROKEN,
        where="raw/pins.json",
        found=found,
        expected="a version and a layout of each table, and the number of the last batch",
        advice=REPAIR,
    )
    return PinsError([problem])


def write_pins(settings: Settings, pins: Pins) -> None:
    """Make a batch visible to readers: records and rejects at the same time."""
    write_json(
        pins_path(settings),
        {"versions": pins.versions, "batch_number": pins.batch_number, "layouts": pins.layouts},
    )


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a raw table: its path inside the table, and its figures in the Delta log."""

    path: str
    size: int
    records: int
    batch_number: int
    partition: Mapping[str, str | None]
    null_counts: Mapping[str, int] = field(default_factory=dict)
    """The number of nulls in each later column that the file has."""

    def as_action(self) -> AddAction:
        """The entry in the Delta log."""
        return StoredFile(
            self.path,
            self.size,
            self.records,
            self.batch_number,
            self.batch_number,
            self.partition,
            self.null_counts,
        ).as_action(is_new=True)


def format_of_files(files: Iterable[DataFile]) -> int:
    """The lowest format of a data home that can contain these files."""
    return FORMAT_WITH_STRAYS if any(is_stray(file.path) for file in files) else 1


@dataclass(frozen=True)
class StoredFile:
    """A file of a raw table as its log lists it: of one batch, or of several if it was compacted."""

    path: str
    size: int
    records: int
    first_batch: int
    last_batch: int
    partition: Mapping[str, str | None]
    null_counts: Mapping[str, int] = field(default_factory=dict)
    """As in `DataFile`; empty in the log of an earlier version of the project."""

    def lacked_columns(self, table: str) -> frozenset[str] | None:
        """The later columns of its table that the file lacks; None if only the file itself can show it."""
        lacked = frozenset(later_columns_of(table)).difference(self.null_counts)
        return None if lacked & _UNLOGGED else lacked

    def as_action(self, *, is_new: bool) -> AddAction:
        """The entry in the Delta log; `is_new` is false if the same records were in other files before."""
        return AddAction(
            path=self.path,
            size=self.size,
            partition_values=dict(self.partition),
            modification_time=0,
            data_change=is_new,
            stats=json.dumps(
                {
                    "numRecords": self.records,
                    "minValues": {"batch_number": self.first_batch},
                    "maxValues": {"batch_number": self.last_batch},
                    "nullCount": dict(self.null_counts),
                }
            ),
        )

    def as_removal(self, at: datetime) -> RemoveAction:
        """The entry in the Delta log that removes the file; its records are in other files."""
        return RemoveAction(
            self.path,
            data_change=False,
            deletion_timestamp=int(at.timestamp() * 1000),
            size=self.size,
            partition_values=dict(self.partition),
        )


def table_path(settings: Settings, table: str) -> Path:
    """The folder of a raw table."""
    return settings.raw_dir / table


def open_table(settings: Settings, table: str) -> DeltaTable | None:
    """A raw table at its newest version; None before its first batch."""
    path = str(table_path(settings, table))
    return DeltaTable(path) if DeltaTable.is_deltatable(path) else None


def commit_batch(
    settings: Settings, table: str, files: Iterable[DataFile], app_ids: Iterable[str], *, batch_number: int
) -> int:
    """Commit a batch's files, which are already in the table's folder. To repeat it changes nothing.

    Args:
        settings: the data home.
        table: the raw table.
        files: the batch's files.
        app_ids: one app transaction per landed file, so that each file is loaded exactly once.
        batch_number: recorded in the log even for a batch without records, so that the pins can be rebuilt.

    Returns:
        The table's version that contains the batch.
    """
    fields = [
        DeltaField(name, PrimitiveType(_DELTA_TYPES[sql_type]), nullable=True)
        for name, sql_type in columns_of(table).items()
    ]
    partition_column = partition_column_of(table)
    partition_by = [partition_column] if partition_column else []
    path = table_path(settings, table)
    path.mkdir(parents=True, exist_ok=True)
    delta = open_table(settings, table) or DeltaTable.create(
        str(path), schema=Schema(fields), partition_by=partition_by, configuration=properties_of(table)
    )
    files, app_ids = list(files), list(app_ids)
    if delta.transaction_version(app_ids[0]) is None and not _holds_any(delta, files):
        _grow(delta, fields)
        # Without a time they are kept forever.
        at = None if table == REJECTS else round(datetime.now(UTC).timestamp() * 1000)
        delta.create_write_transaction(
            actions=[file.as_action() for file in files],
            mode="append",
            schema=delta.schema(),
            partition_by=partition_by,
            commit_properties=CommitProperties(
                app_transactions=[Transaction(app_id, 1, at) for app_id in app_ids],
                custom_metadata={"allive": "promotion", "allive_batch": str(batch_number)},
            ),
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
        )
        delta.update_incremental()
    version = delta.version()
    log = path / "_delta_log"
    sync_file(log / f"{version:020}.json")
    sync_file(log)
    return version


def _grow(delta: DeltaTable, fields: Iterable[DeltaField]) -> None:
    """Add the missing columns to a table of an earlier version of the project, in a table version without a batch."""
    known = {field.name for field in delta.schema().fields}
    if missing := [field for field in fields if field.name not in known]:
        delta.alter.add_columns(missing)


def _holds_any(delta: DeltaTable, files: Iterable[DataFile]) -> bool:
    """True if a batch's files are in the table: then it was committed, even if its app transactions have expired."""
    names = {file.path for file in files}
    return bool(names) and any(
        unquote(path) in names for path in delta.get_add_actions(flatten=True).column("path").to_pylist()
    )


def drop_half_written_commits(settings: Settings, table: str) -> None:
    """After a crash, delete the files that a killed commit left, `<version>.json#<number>`. No reader uses them."""
    for leftover in (table_path(settings, table) / "_delta_log").glob("*.json#*"):
        leftover.unlink()


def stored_files(settings: Settings, table: str, layout: int | None) -> list[StoredFile]:
    """The Parquet files of a raw table's Delta version."""
    if layout is None:
        return []
    actions = DeltaTable(str(table_path(settings, table)), version=layout).get_add_actions(flatten=True)
    partition_column = partition_column_of(table)
    names = ("path", "size_bytes", "num_records", "min.batch_number", "max.batch_number")
    columns = [actions.column(name).to_pylist() if name in actions.column_names else None for name in names]
    later = [name for name in later_columns_of(table) if f"null_count.{name}" in actions.column_names]
    null_counts = [
        {name: count for name, count in zip(later, counts, strict=True) if count is not None}
        for counts in zip(*(actions.column(f"null_count.{name}").to_pylist() for name in later), strict=True)
    ] or [{} for _ in columns[0] or ()]
    if partition_column:
        days = actions.column(f"partition.{partition_column}").to_pylist()
        partitions = [{partition_column: None if day is None else str(day)} for day in days]
    else:
        partitions = [{} for _ in columns[0] or ()]
    # The Delta protocol URL-encodes the paths in the log.
    return [
        StoredFile(unquote(path), size, records, first_batch, last_batch, partition, counts)
        for (path, size, records, first_batch, last_batch), partition, counts in zip(
            zip(*(column or () for column in columns), strict=True), partitions, null_counts, strict=True
        )
    ]


def count_records(settings: Settings, table: str, layout: int | None) -> int:
    """The number of records in a raw table's Delta version, from its log: no data file is read."""
    return sum(file.records for file in stored_files(settings, table, layout))


def create_raw_views(con: duckdb.DuckDBPyConnection, settings: Settings, pins: Pins) -> None:
    """Create the schema `raw`: one view per table over its pinned files, and the tables `raw.pins` and `raw.layouts`.

    The views list columns and files explicitly, so a file that appears later, or a further column in it, changes
    nothing. A table without files is an empty typed view.
    """
    con.execute("create schema if not exists raw")
    for table in TABLES:
        files = stored_files(settings, table, pins.layouts[table])
        con.execute(f"create or replace view raw.{table} as {_scan_by_age(settings, table, files)}")
    for name, versions in (("pins", pins.versions), ("layouts", pins.layouts)):
        con.execute(f"create or replace table raw.{name} (table_name varchar, version bigint)")
        con.executemany(f"insert into raw.{name} values (?, ?)", [*versions.items()])


def _scan_by_age(settings: Settings, table: str, files: Iterable[StoredFile]) -> str:
    """SQL that reads files in groups, each with the highest batch number of its records.

    If a query asks only for later batches than that, its plan skips the group without reading even the footers.
    """
    ordered = sorted(files, key=lambda file: (file.last_batch, file.path), reverse=True)
    groups, size = [], _NEWEST_FILES
    while ordered:
        groups.append(ordered[:size])
        ordered, size = ordered[size:], size * _OLDER_TIMES
    return " union all ".join(
        scan_of_stored(settings, table, group, up_to=group[0].last_batch if group != groups[0] else None)
        for group in groups
    ) or scan_of(table, [])


def scan_of_stored(settings: Settings, table: str, files: Iterable[StoredFile], *, up_to: int | None = None) -> str:
    """SQL that reads a raw table from the files in its log, as `scan_of`. Files with the same columns share a scan."""
    folder = table_path(settings, table)
    alike: defaultdict[frozenset[str] | None, list[Path]] = defaultdict(list)
    for file in files:
        alike[file.lacked_columns(table)].append(folder / file.path)
    return " union all ".join(
        scan_of(table, paths, up_to=up_to, lacked=lacked) for lacked, paths in alike.items()
    ) or scan_of(table, [])


def scan_of(
    table: str, files: Iterable[Path], *, up_to: int | None = None, lacked: Collection[str] | None = None
) -> str:
    """SQL that reads a raw table from its files, with explicit columns (a view cannot bind values).

    Files of strays are read in a separate branch. The other files have their day in the folder name, so a query for
    some days opens only the files of these days.

    Args:
        table: the raw table.
        files: its files, or files that will be added to it.
        up_to: only the records of batches up to this number.
        lacked: the later columns that all of the files lack; they have the other ones. If None, columns are matched by
            name, and every query opens the footers of all files.
    """
    strays: list[Path] = []
    dated: list[Path] = []
    for file in files:
        (strays if is_stray(file) else dated).append(file)
    parts = [
        _scan_alike(table, part, up_to=up_to, lacked=lacked, are_strays=part is strays)
        for part in (dated, strays)
        if part
    ]
    if not parts:
        empty = ", ".join(f"cast(null as {t}) as {name}" for name, t in columns_of(table).items())
        return f"select {empty} where false"
    return " union all ".join(parts)


def _scan_alike(
    table: str, files: Iterable[Path], *, up_to: int | None, lacked: Collection[str] | None, are_strays: bool
) -> str:
    columns = columns_of(table)
    literals = ", ".join(sql_text(file) for file in files)
    partition_column = None if are_strays else partition_column_of(table)
    hive = (
        f", hive_partitioning = true, hive_types = {{'{partition_column}': date}}"
        if partition_column
        else ", hive_partitioning = false"
    )
    where = "" if up_to is None else f" where batch_number <= {up_to:d}"
    later = later_columns_of(table)
    computed = {name: f"cast(null as {columns[name]}) as {name}" for name in lacked or ()}
    if are_strays and (column := partition_column_of(table)):
        computed[column] = f"{CONTRACTS[table].partition_sql} as {column}"
    listed = ", ".join(computed.get(name, name) for name in columns)
    if lacked is not None or not later:
        return f"select {listed} from read_parquet([{literals}]{hive}){where}"
    # If none of the files has the later columns, the empty select provides them.
    named = ", ".join(f"cast(null as {t}) as {name}" for name, t in later.items())
    return (
        f"select {listed} from (from read_parquet([{literals}], union_by_name = true{hive}) "
        f"union all by name select {named} where false){where}"
    )
