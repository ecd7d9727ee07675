"""Stages a batch: turns landed files into Parquet files of accepted records and of rejects.

Each file is read in one pass. Nothing staged is visible to readers.
"""

import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from allive.ingestion.contracts import Contract
from allive.ingestion.contracts.typing_sql import ACCEPTED, ODD, judged_records, odd_notes
from allive.ingestion.day_files import READ_FILES, WrittenFile, lay_out, write_apart
from allive.ingestion.file_notes import FileNote
from allive.ingestion.landed_content import Limits
from allive.ingestion.landing import LandedFile
from allive.ingestion.raw_tables import (
    REJECTS,
    DataFile,
    folder_of,
    later_columns_of,
    null_counts_of,
    scan_of,
)
from allive.ingestion.readers import FirstReads, ReadFiles, Source, open_sources
from allive.ingestion.sql_text import sql_text
from allive.ingestion.staged_files import StagedFile


@dataclass
class FileCounts:
    """Counts of one landed file's accepted and rejected records."""

    accepted: int = 0
    rejects: dict[str, int] = field(default_factory=dict)
    """Rejected records by reason."""
    first_lines: dict[str, int] = field(default_factory=dict)
    """The first line that was rejected for each reason."""

    @property
    def rejected(self) -> int:
        """Rejected records of the file."""
        return sum(self.rejects.values())

    @property
    def records(self) -> int:
        """All records of the file."""
        return self.accepted + self.rejected


@dataclass
class DeviceCounts:
    """Counts of the accepted and rejected records that name one device."""

    records: int
    rejects: dict[str, int]
    """Rejected records by reason."""
    first_file: str
    """The landed file with its first reject, at `first_line`."""
    first_line: int

    @property
    def rejected(self) -> int:
        """Rejected records of the device."""
        return sum(self.rejects.values())


@dataclass(frozen=True)
class OddField:
    """The values of a field of accepted records that were not kept as written."""

    records: int
    file: str
    line: int
    written: str
    """The beginning of the first value, in `file` at `line`; empty if it is not text."""


@dataclass
class StagedBatch:
    """A staged batch."""

    files: list[StagedFile]
    counts: dict[str, FileCounts]
    """Counts by landed file name."""
    devices: dict[str, DeviceCounts]
    """Counts by device, for devices with rejects; empty for record types without a device."""
    odd: dict[str, OddField]
    """Odd values by field, for fields that were not kept as written in at least one accepted record."""
    hashes: dict[str, str]
    """Content hash by landed file name."""
    notes: tuple[FileNote, ...] = ()
    """Oddities of files that were read anyway."""

    @property
    def records(self) -> int:
        """Accepted records."""
        return sum(counts.accepted for counts in self.counts.values())

    @property
    def rejects(self) -> int:
        """Rejected records, not counting files that were set aside."""
        return sum(counts.rejected for counts in self.counts.values())


@dataclass(frozen=True)
class UnreadableFile:
    """A landed file that is set aside as a whole."""

    file: LandedFile
    why: str
    bytes_hash: str


_DEVICE = "device"


class StagingInterruptedError(Exception):
    """Some files turned out to be unreadable, or changed since they were found: stage again without them."""

    def __init__(self, unreadable: list[tuple[LandedFile, str]], not_taken: list[tuple[LandedFile, str]]) -> None:
        super().__init__("; ".join(f"{file.name}: {reason}" for file, reason in (*unreadable, *not_taken)))
        self.unreadable = unreadable
        self.not_taken = not_taken


def stage_files(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    files: list[LandedFile],
    unreadable: Sequence[UnreadableFile],
    *,
    folder: Path,
    batch_id: str,
    batch_number: int,
    loaded_at: datetime,
    limits: Limits,
    on_read: FirstReads,
) -> StagedBatch:
    """Type and judge every record of the files, and write accepted and rejected ones to `folder`.

    Raises:
        StagingInterruptedError: some files cannot be read to the end; the caller must delete the folder.
    """
    parameters = {"batch_number": batch_number, "loaded_ms": int(loaded_at.timestamp() * 1000)}
    read, written = _judge_files(
        con, contract, files, folder=folder, parameters=parameters, limits=limits, on_read=on_read
    )
    odd_records = [file for file in written if file.outcome == ODD]
    rejected = [file for file in written if file.outcome not in {ACCEPTED, ODD}]
    odd = _find_odd_fields(con, contract, odd_records) if odd_records else {}
    accepted = lay_out(con, contract, [file for file in written if file.outcome == ACCEPTED], odd_records, folder)
    accepted = [_named(file, folder, f"{batch_id}-{i}") for i, file in enumerate(accepted)]
    staged = [_staged(contract, file, folder, batch_number) for file in accepted]
    if rejected or unreadable:
        staged.append(
            _write_rejects(
                con,
                contract,
                rejected,
                unreadable,
                hashes=read.hashes,
                target=folder / f"{batch_id}.parquet",
                batch_number=batch_number,
            )
        )
    return StagedBatch(
        files=staged,
        counts=_count(con, files, accepted, rejected),
        devices=_count_devices(con, contract, accepted, rejected),
        odd=odd,
        hashes=read.hashes,
        notes=tuple(read.notes),
    )


def _judge_files(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    files: list[LandedFile],
    *,
    folder: Path,
    parameters: dict[str, int],
    limits: Limits,
    on_read: FirstReads,
) -> tuple[ReadFiles, list[WrittenFile]]:
    """Write the judged records in one pass, or in two if a line of JSON looked complete but was not."""
    read, is_trusted = ReadFiles(limits), True
    while True:
        on_read.begin_pass()
        sources = open_sources(contract, files, read, on_read, is_json_trusted=is_trusted)
        try:
            return read, [
                file
                for number, source in enumerate(sources)
                for file in _judge(con, contract, source, folder / f"part-{number}", parameters)
            ]
        except Exception as error:
            if read.unreadable or read.not_taken:
                raise StagingInterruptedError(read.unreadable, read.not_taken) from error
            # DuckDB quotes part of a broken line in its message. If it cuts a character, Python cannot decode it.
            if not is_trusted or not isinstance(error, duckdb.InvalidInputException | UnicodeDecodeError):
                raise
        for part in folder.iterdir():
            shutil.rmtree(part)
        read, is_trusted = ReadFiles(limits), False


def _judge(
    con: duckdb.DuckDBPyConnection, contract: Contract, source: Source, folder: Path, parameters: dict[str, int]
) -> list[WrittenFile]:
    # The bare stream: a RecordBatchReader goes through Arrow's own scanner, whose threads then compete with DuckDB's.
    con.register("landed", source.batches.__arrow_c_stream__())  # type: ignore[no-untyped-call]
    try:
        return write_apart(con, judged_records(contract, source.query), contract, folder, parameters)
    finally:
        con.unregister("landed")


def _find_odd_fields(
    con: duckdb.DuckDBPyConnection, contract: Contract, odd_records: list[WrittenFile]
) -> dict[str, OddField]:
    rows = con.execute(
        f"""
        select
            field, count(*),
            unnest(min_by({{file: source_file, line: source_line, written: written}}, (source_file, source_line)))
        from ({odd_notes(contract, READ_FILES)})
        group by field
        """,
        {"files": [str(file.path) for file in odd_records]},
    ).fetchall()
    return {name: OddField(*values) for name, *values in rows}


def _named(file: WrittenFile, folder: Path, name: str) -> WrittenFile:
    """Move a file to the path that it will have in its table, where the folder gives the day of its records."""
    path = folder / f"{folder_of(file.partition)}{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    file.path.rename(path)
    return replace(file, path=path)


def _staged(contract: Contract, file: WrittenFile, folder: Path, batch_number: int) -> StagedFile:
    path = file.path.relative_to(folder).as_posix()
    return StagedFile(
        source=path,
        table=contract.record_type,
        data=DataFile(
            path=path,
            size=file.size,
            records=file.records,
            batch_number=batch_number,
            partition=file.partition,
            null_counts=null_counts_of(contract.record_type, file.statistics),
        ),
    )


def _count(
    con: duckdb.DuckDBPyConnection, files: list[LandedFile], accepted: list[WrittenFile], rejected: list[WrittenFile]
) -> dict[str, FileCounts]:
    counts = {file.name: FileCounts() for file in files}
    # Only rejects need the first line: it is reported for them, and not for accepted records.
    if accepted:
        for name, records in con.execute(
            "select source_file, count(*) from read_parquet(?, hive_partitioning = false) group by 1",
            [[str(file.path) for file in accepted]],
        ).fetchall():
            counts[name].accepted = records
    if rejected:
        for name, reason, records, first_line in con.execute(
            f"select source_file, outcome, count(*), min(source_line) from {_WITH_OUTCOMES} group by 1, 2",
            [[str(file.path) for file in rejected]],
        ).fetchall():
            counts[name].rejects[reason] = records
            counts[name].first_lines[reason] = first_line
    return counts


_WITH_OUTCOMES = "read_parquet(?, hive_partitioning = true, hive_types = {'outcome': varchar})"


def _count_devices(
    con: duckdb.DuckDBPyConnection, contract: Contract, accepted: list[WrittenFile], rejected: list[WrittenFile]
) -> dict[str, DeviceCounts]:
    """Count the records of each device that has rejects. Accepted records are read only if there are such devices."""
    if not rejected or _DEVICE not in contract.field_names:
        return {}
    devices: dict[str, DeviceCounts] = {}
    for device, reason, records, (file, line) in con.execute(
        f"select device, outcome, count(*), min((source_file, source_line)) from {_WITH_OUTCOMES} "
        "where device is not null group by 1, 2 order by 4",
        [[str(file.path) for file in rejected]],
    ).fetchall():
        counts = devices.setdefault(device, DeviceCounts(0, {}, file, line))
        counts.records += records
        counts.rejects[reason] = records
    if devices and accepted:
        for device, records in con.execute(
            "select device, count(*) from read_parquet(?, hive_partitioning = false) "
            "where device is not null group by 1",
            [[str(file.path) for file in accepted]],
        ).fetchall():
            if device in devices:
                devices[device].records += records
    return devices


def _write_rejects(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    rejected: list[WrittenFile],
    unreadable: Sequence[UnreadableFile],
    *,
    hashes: dict[str, str],
    target: Path,
    batch_number: int,
) -> StagedFile:
    """Write the file of `raw/rejects`: rejected records, and one row without a line per file that was set aside."""
    con.register("hashes", pa.table({"name": [*hashes], "hash": [*hashes.values()]}))
    con.register(
        "unreadable",
        pa.table(
            {
                "name": pa.array([entry.file.name for entry in unreadable], pa.string()),
                "why": pa.array([entry.why for entry in unreadable], pa.string()),
                "hash": pa.array([entry.bytes_hash for entry in unreadable], pa.string()),
            }
        ),
    )
    first_column = next(iter(contract.columns))
    sender = later_columns_of(REJECTS)
    missing = {name: f"cast(null as {sql_type})" for name, sql_type in sender.items()}
    of_records = [f"records.{name}" if name in contract.field_names else missing[name] for name in sender]
    from_records = f"""
        union all
        select records.source_file, records.source_line, records.outcome,
            rtrim(records.{first_column}, chr(13) || chr(10)), hashes.hash, {", ".join(of_records)}
        from read_parquet($files, hive_partitioning = true, hive_types = {{'outcome': varchar}}) as records
        left join hashes on hashes.name = records.source_file
    """
    rows = con.execute(
        f"""
        copy (
            select
                {sql_text(contract.record_type)} as record_type, source_file, source_line, reason, raw,
                cast($batch_number as bigint) as batch_number, file_hash, {", ".join(sender)}
            from (
                select
                    name as source_file, cast(null as bigint) as source_line,
                    'unreadable' as reason, why as raw, hash as file_hash,
                    {", ".join(f"{null} as {name}" for name, null in missing.items())}
                from unreadable
                {from_records if rejected else ""}
            )
            order by source_file, source_line
        ) to {sql_text(target)} (format parquet, compression zstd, return_stats)
        """,
        {"batch_number": batch_number} | ({"files": [str(file.path) for file in rejected]} if rejected else {}),
    ).fetchall()
    return _staged_rejects(target, rows, batch_number)


def _staged_rejects(target: Path, rows: list[Any], batch_number: int) -> StagedFile:
    """A staged file of `raw/rejects`, from the figures that `copy` returned."""
    _, records, size, _, statistics, *_ = rows[0]
    counts = null_counts_of(REJECTS, statistics)
    return StagedFile(target.name, REJECTS, DataFile(target.name, size, records, batch_number, {}, counts))


def stage_accepted(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    query: str,
    *,
    folder: Path,
    batch_id: str,
    parameters: dict[str, Any],
) -> list[StagedFile]:
    """Stage rows that need no judging: they have the raw table's columns and follow its contract."""
    judged = f"select {sql_text(ACCEPTED)} as outcome, * from ({query})"
    written = write_apart(con, judged, contract, folder / "part-0", parameters)
    files = enumerate(lay_out(con, contract, written, [], folder))
    named = [_named(file, folder, f"{batch_id}-{i}") for i, file in files]
    return [_staged(contract, file, folder, parameters["batch_number"]) for file in named]


def stage_landed(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    files: Iterable[StagedFile],
    names: Collection[str],
    *,
    source: Path,
    target: Path,
    batch_id: str,
    batch_number: int,
) -> list[StagedFile]:
    """Copy the records and rejects of some landed files from staged files into another folder.

    One staged file contains records of many landed files. This second pass is needed only to separate them: when some
    are held, or released without the others.

    Args:
        con: an open connection.
        contract: the contract of the record type.
        files: the staged files.
        names: the landed files.
        source: the folder of the staged files.
        target: the folder to write to.
        batch_id: the beginning of the new files' names.
        batch_number: the batch number that the records get.
    """
    files = list(files)
    records = [source / file.source for file in files if file.table == contract.record_type]
    rejects = [source / file.source for file in files if file.table == REJECTS]
    con.register("chosen", pa.table({"name": pa.array(sorted(names), pa.string())}))
    chosen = (
        "select * replace (cast($batch_number as bigint) as batch_number) from ({}) "
        "where source_file in (select name from chosen)"
    )
    staged = stage_accepted(
        con,
        contract,
        chosen.format(scan_of(contract.record_type, records)),
        folder=target,
        batch_id=batch_id,
        parameters={"batch_number": batch_number},
    )
    if rejects:
        path = target / f"{batch_id}.parquet"
        rows = con.execute(
            f"copy ({chosen.format(scan_of(REJECTS, rejects))} order by source_file, source_line) "
            f"to {sql_text(path)} (format parquet, compression zstd, return_stats)",
            {"batch_number": batch_number},
        ).fetchall()
        if rows[0][1]:
            staged.append(_staged_rejects(path, rows, batch_number))
        else:
            path.unlink()
    con.unregister("chosen")
    return staged
