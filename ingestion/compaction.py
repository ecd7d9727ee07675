"""Merges the many small files of five-minute deliveries into few: the same records, in a new layout of the table.

A partition's files (those of a day of heartbeats) are merged when there are many, the smallest first. A large file is
merged only with files that together have at least half its size. A record is therefore rewritten only a few times, and
a night's work depends on what was delivered since the last one.

A merged file is first written outside the table and compared with its sources by row hashes. Then it is renamed into
the table, committed as a change of layout (`dataChange` false) and pinned. If the process is killed at any point,
readers see the old layout or the new one, and the next compaction continues. Files that are in no layout are left to
the vacuum.

The caller holds the data home's lock (`allive.ingestion.lock`).
"""

import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties

from allive.ingestion.batches import finish_decisions
from allive.ingestion.durable import sync_file
from allive.ingestion.engine import connect
from allive.ingestion.raw_tables import (
    PARQUET_OPTIONS,
    TABLES,
    StoredFile,
    columns_of,
    drop_half_written_commits,
    folder_of,
    null_counts_of,
    open_table,
    partition_column_of,
    properties_of,
    read_pins,
    scan_of,
    scan_of_stored,
    stored_files,
    table_path,
    write_pins,
)
from allive.ingestion.raw_versions import last_batch_of
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text

TARGET_BYTES = 128 << 20
"""Files of this size or more are not merged."""
FEWEST_FILES = 8
"""The smallest number of files of a partition that is worth merging."""
_SMALL_BYTES = 1 << 20
_FILES_PER_COMMIT = 64
_BYTES_PER_COMMIT = 1 << 30
# The order within a file: by playback if watch time is computed from it, otherwise by arrival.
_ORDER = {"heartbeats": "playback_id, event_at"}
_ARRIVAL = "batch_number, source_file, source_line"

Progress = Callable[[str, int, int], None]
"""Called with a table, the bytes rewritten so far, and all bytes to rewrite."""


class CompactionError(Exception):
    """Compacting stopped. Readers see the same data as before."""


@dataclass(frozen=True)
class Merge:
    """Files of one partition to merge into one."""

    files: tuple[StoredFile, ...]

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(file.size for file in self.files)

    @property
    def records(self) -> int:
        """Records in the files."""
        return sum(file.records for file in self.files)


@dataclass(frozen=True)
class Compacted:
    """The result of compacting a table, or in a dry run the plan."""

    table: str
    files: int
    """The table's files before."""
    merged: int
    """How many of them were merged."""
    into: int
    """How many files they became."""
    records: int
    bytes_read: int
    bytes_written: int
    """0 if nothing was done."""


def plan_merges(files: Iterable[StoredFile]) -> list[Merge]:
    """The merges to make, in no particular order.

    >>> day = [StoredFile(f"{i}", size, 1, i, i, {}) for i, size in enumerate([3 << 20, 90 << 20] + 8 * [1 << 20])]
    >>> [sorted(file.size >> 20 for file in merge.files) for merge in plan_merges(day)]
    [[1, 1, 1, 1, 1, 1, 1, 1, 3]]
    >>> plan_merges(day[:7])
    []
    """
    partitions = defaultdict(list)
    for file in files:
        if file.size < TARGET_BYTES:
            partitions[tuple(file.partition.items())].append(file)
    return [
        merge
        for small in partitions.values()
        for merge in _cut(_worth_merging(sorted(small, key=lambda file: (file.size, file.path))))
    ]


def _worth_merging(ascending: list[StoredFile]) -> list[StoredFile]:
    """The smallest files, up to the first one that is more than twice as large as all smaller ones together."""
    size, count = 0, 0
    for file in ascending:
        if file.size > max(_SMALL_BYTES, 2 * size):
            break
        size, count = size + file.size, count + 1
    return ascending[:count] if count >= FEWEST_FILES else []


def _cut(files: list[StoredFile]) -> Iterator[Merge]:
    group: list[StoredFile] = []
    for file in files:
        group.append(file)
        if sum(one.size for one in group) >= TARGET_BYTES:
            yield Merge(tuple(group))
            group = []
    if len(group) > 1:
        yield Merge(tuple(group))


def compact(
    settings: Settings,
    *,
    tables: Iterable[str] = TABLES,
    is_dry_run: bool = False,
    progress: Progress = lambda _table, _done, _of: None,
) -> tuple[Compacted, ...]:
    """Merge the small files of the raw tables; readers see the same records as before.

    Raises:
        CompactionError: a merged file differs from its sources, or the table is ahead of its pins.
    """
    if not is_dry_run:
        finish_decisions(settings)
    workshop = settings.raw_dir / "_compacting"
    shutil.rmtree(workshop, ignore_errors=True)
    try:
        return tuple(
            _compact_table(settings, table, workshop, is_dry_run=is_dry_run, progress=progress)
            for table in tables
            if read_pins(settings).layouts[table] is not None
        )
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _compact_table(
    settings: Settings, table: str, workshop: Path, *, is_dry_run: bool, progress: Progress
) -> Compacted:
    if not is_dry_run:
        _catch_up(settings, table)
    files = stored_files(settings, table, read_pins(settings).layouts[table])
    merges = plan_merges(files)
    planned = Compacted(
        table=table,
        files=len(files),
        merged=sum(len(merge.files) for merge in merges),
        into=len(merges),
        records=sum(merge.records for merge in merges),
        bytes_read=sum(merge.size for merge in merges),
        bytes_written=0,
    )
    if is_dry_run or not merges:
        return planned
    done = written = 0
    for portion in _portions(merges):
        rewritten = []
        for merge in portion:
            rewritten.append(_rewrite(settings, table, merge, workshop))
            done += merge.size
            progress(table, done, planned.bytes_read)
        _replace(settings, table, portion, rewritten, workshop)
        written += sum(file.size for file in rewritten)
    DeltaTable(str(table_path(settings, table))).create_checkpoint()
    return replace(planned, bytes_written=written)


def _catch_up(settings: Settings, table: str) -> None:
    """Pin the newest layout, in case a compaction was killed after its commit and before its pin."""
    drop_half_written_commits(settings, table)
    delta, pins = open_table(settings, table), read_pins(settings)
    if delta is None or delta.version() == pins.layouts[table]:
        return
    newest_batch = last_batch_of(settings, table, delta.version())
    if newest_batch > pins.batch_number:
        raise CompactionError(
            f"raw/{table} holds batch {newest_batch}, expected none after {pins.batch_number}, which is pinned: were "
            "the pins restored without the tables? Restore all of raw/."
        )
    write_pins(settings, replace(pins, layouts={**pins.layouts, table: delta.version()}))


def _portions(merges: list[Merge]) -> Iterator[list[Merge]]:
    """Groups of merges to commit together: enough to make a commit worthwhile, few enough to lose in a crash."""
    portion: list[Merge] = []
    for merge in merges:
        portion.append(merge)
        if len(portion) == _FILES_PER_COMMIT or sum(one.size for one in portion) >= _BYTES_PER_COMMIT:
            yield portion
            portion = []
    if portion:
        yield portion


def _rewrite(settings: Settings, table: str, merge: Merge, workshop: Path) -> StoredFile:
    """Write the records of some files to one file outside the table, and check that they are the same."""
    partition = merge.files[0].partition
    last_batch = max(file.last_batch for file in merge.files)
    path = f"{folder_of(partition)}merged-{last_batch:06}-{secrets.token_hex(4)}.parquet"
    target = workshop / table / path
    target.parent.mkdir(parents=True, exist_ok=True)
    sources = [table_path(settings, table) / file.path for file in merge.files]
    stored = ", ".join(name for name in columns_of(table) if name != partition_column_of(table))
    with connect(settings) as con:
        con.execute("set preserve_insertion_order = true")
        merged = f"select {stored} from ({scan_of_stored(settings, table, merge.files)})"
        _, records, size, _, statistics, *_ = con.execute(
            f"copy ({merged} order by {_ORDER.get(table, _ARRIVAL)}) to {sql_text(target)} ({PARQUET_OPTIONS})"
        ).fetchall()[0]
        found = _fingerprint(con, table, scan_of(table, [target], lacked=()))
        expected = _fingerprint(con, table, scan_of_stored(settings, table, merge.files))
    if found != expected:
        raise CompactionError(
            f"a merged file of raw/{table} holds {found[0]} records (hash {found[1]}), expected the {expected[0]} "
            f"(hash {expected[1]}) of {len(sources)} files such as {sources[0].name}. Nothing was changed; if it "
            "happens again, do not touch the raw tables, and report it."
        )
    sync_file(target)
    first_batch = min(file.first_batch for file in merge.files)
    return StoredFile(
        path, size, records, first_batch, last_batch, partition, null_counts=null_counts_of(table, statistics)
    )


def _fingerprint(con: duckdb.DuckDBPyConnection, table: str, scan: str) -> tuple[int, int | None]:
    """Row count and hash: equal only if two scans read the same rows, in any order (except for a chance of 2^-64)."""
    row = con.execute(
        f"select count(*), sum(cast(hash({', '.join(columns_of(table))}) as hugeint)) from ({scan})"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without groups has one row
    return row


def _replace(settings: Settings, table: str, merges: list[Merge], rewritten: list[StoredFile], workshop: Path) -> None:
    folder = table_path(settings, table)
    for file in rewritten:
        os.rename(workshop / table / file.path, folder / file.path)  # noqa: PTH104 - as in `allive.ingestion.promotion`
    for directory in {(folder / file.path).parent for file in rewritten}:
        sync_file(directory)
    delta = DeltaTable(str(folder))
    if delta.metadata().configuration != properties_of(table):
        delta.alter.set_table_properties(properties_of(table))
    now = datetime.now(UTC)
    partition_column = partition_column_of(table)
    delta.create_write_transaction(
        actions=[
            *(file.as_action(is_new=False) for file in rewritten),
            *(file.as_removal(now) for merge in merges for file in merge.files),
        ],
        mode="append",
        schema=delta.schema(),
        partition_by=[partition_column] if partition_column else [],
        commit_properties=CommitProperties(custom_metadata={"allive": "compaction"}),
        post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
    )
    delta.update_incremental()
    log = folder / "_delta_log"
    sync_file(log / f"{delta.version():020}.json")
    sync_file(log)
    pins = read_pins(settings)
    write_pins(settings, replace(pins, layouts={**pins.layouts, table: delta.version()}))
