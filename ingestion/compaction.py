"""Rewriting the many small files of five-minute deliveries into few: the same records, in a new layout of the table.

A partition's files (those of a day of heartbeats) are merged when they have become many, the smallest first, and a
large one only together with half its size at least: a record is rewritten a few times in its life, and a night costs
what came since the last. A merged file is written aside and compared with its sources by hashes of their rows; then it
is renamed into the table, committed as a change of layout (`dataChange` false) and pinned. A kill at any point leaves
the old layout or the new one, and the next compaction goes on; files that are in no layout are left to the vacuum.

The caller holds the data home's lock (`ingestion.lock`).
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

from ingestion.batches import finish_decisions
from ingestion.contracts.fields import sql_text
from ingestion.durable import sync_file
from ingestion.engine import connect
from ingestion.raw_tables import (
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
from ingestion.raw_versions import last_batch_of
from ingestion.settings import Settings

TARGET_BYTES = 128 << 20
"""A file of this size is left as it is."""
FEWEST_FILES = 8
"""So many files of a partition are worth merging."""
_SMALL_BYTES = 1 << 20
_FILES_PER_COMMIT = 64
_BYTES_PER_COMMIT = 1 << 30
# Within a file: by playback where watch time is computed from it, else in the order of arrival.
_ORDER = {"heartbeats": "playback_id, event_at"}
_ARRIVAL = "batch_number, source_file, source_line"

Progress = Callable[[str, int, int], None]
"""Called with a table, and the bytes of it that were rewritten and that are to be."""


class CompactionError(Exception):
    """Compacting stopped, and readers go on seeing what they saw."""


@dataclass(frozen=True)
class Merge:
    """Files of one partition that are to become one."""

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
    """What compacting did to a table, or would do."""

    table: str
    files: int
    """Of the table before."""
    merged: int
    """Of these, how many were merged."""
    into: int
    """How many files they became."""
    records: int
    bytes_read: int
    bytes_written: int
    """0 where nothing was done."""


def plan_merges(files: Iterable[StoredFile]) -> list[Merge]:
    """Which files are to become one, in which order does not matter.

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
    """The smallest files, up to the first that is more than twice all before it together."""
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
        CompactionError: a merged file does not hold what its sources hold, or the table is ahead of its pins.
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
    """Pin the newest layout: what a compaction left committed that was killed before it pinned it."""
    drop_half_written_commits(settings, table)
    delta, pins = open_table(settings, table), read_pins(settings)
    if delta is None or delta.version() == pins.layouts[table]:
        return
    newest_batch = last_batch_of(settings, table, delta.version())
    if newest_batch > pins.batch_number:
        raise CompactionError(
            f"raw/{table} holds batch {newest_batch}, expected none after {pins.batch_number}, which is pinned: were "
            "the pins restored without the tables? Restore raw/ whole."
        )
    write_pins(settings, replace(pins, layouts={**pins.layouts, table: delta.version()}))


def _portions(merges: list[Merge]) -> Iterator[list[Merge]]:
    """Merges that are committed together: enough to make a commit worth while, few enough to lose to a crash."""
    portion: list[Merge] = []
    for merge in merges:
        portion.append(merge)
        if len(portion) == _FILES_PER_COMMIT or sum(one.size for one in portion) >= _BYTES_PER_COMMIT:
            yield portion
            portion = []
    if portion:
        yield portion


def _rewrite(settings: Settings, table: str, merge: Merge, workshop: Path) -> StoredFile:
    """Write the records of some files aside as one, and make sure that they are the same."""
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
            f"copy ({merged} order by {_ORDER.get(table, _ARRIVAL)}) to {sql_text(str(target))} ({PARQUET_OPTIONS})"
        ).fetchall()[0]
        found = _fingerprint(con, table, scan_of(table, [target], lacked=()))
        expected = _fingerprint(con, table, scan_of_stored(settings, table, merge.files))
    if found != expected:
        raise CompactionError(
            f"a merged file of raw/{table} holds {found[0]} records (hash {found[1]}), expected the {expected[0]} "
            f"(hash {expected[1]}) of {len(sources)} files such as {sources[0].name}. Nothing was changed; if it "
            "happens again, leave the raw tables as they are and report it."
        )
    sync_file(target)
    first_batch = min(file.first_batch for file in merge.files)
    return StoredFile(
        path, size, records, first_batch, last_batch, partition, null_counts=null_counts_of(table, statistics)
    )


def _fingerprint(con: duckdb.DuckDBPyConnection, table: str, scan: str) -> tuple[int, int | None]:
    """What two scans share exactly if they read the same rows, in whatever order (but for a chance of 2^-64)."""
    row = con.execute(
        f"select count(*), sum(cast(hash({', '.join(columns_of(table))}) as hugeint)) from ({scan})"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without groups has one row
    return row


def _replace(settings: Settings, table: str, merges: list[Merge], rewritten: list[StoredFile], workshop: Path) -> None:
    folder = table_path(settings, table)
    for file in rewritten:
        os.rename(workshop / table / file.path, folder / file.path)  # noqa: PTH104 - as in `ingestion.promotion`
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
