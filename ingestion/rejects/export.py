"""Exports rejected lines, as delivered, to files that can be corrected and delivered again.

There is one file per record type and format (for CSV, per header), and next to it a file that says for each line where
it came from, what is wrong with it and what was expected. The files contain personal data: only their owner can read
them.
"""

import csv
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from allive.ingestion.contracts import CONTRACTS, RECORD_TYPES
from allive.ingestion.contracts.words import advice_of, expected_of, fields_of, identity_of
from allive.ingestion.durable import sync_file
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.rejects.delivered import CsvHeader, is_csv, values_of
from allive.ingestion.rejects.register import SCHEMA, as_batch, new_export_id, registering
from allive.ingestion.rejects.relation import Rejects, Wanted, reasons_about
from allive.ingestion.settings import Settings

_LINES_AT_ONCE: Final = 10_000
_SIDE_COLUMNS: Final = ("line", "source_file", "source_line", "reason", "field", "value", "expected", "to_do")


class ExportRefusedError(Exception):
    """Rejects cannot be exported to this folder."""


@dataclass(frozen=True)
class ExportedFile:
    """A file of an export."""

    path: Path
    reasons_path: Path
    records: int
    header_is_unknown: bool
    """True if its CSV header must be added at the top before delivery: the landed file no longer exists."""


@dataclass(frozen=True)
class Export:
    """An export and its files."""

    export_id: str
    files: tuple[ExportedFile, ...]


@dataclass(frozen=True)
class _Part:
    """Rejects that are written to one file."""

    record_type: str
    is_csv: bool
    header: CsvHeader | None


def export_rejects(settings: Settings, rejects: Rejects, wanted: Wanted, *, to: Path | None) -> Export:
    """Write the open ones of the wanted rejects to files. Files that were set aside are left out.

    Args:
        settings: the data home, which must be locked, because the export is registered.
        rejects: its rejects.
        wanted: which of them to export.
        to: the folder to write to; a new one in `exports/` by default.

    Raises:
        ExportRefusedError: the folder is in landing.
    """
    export_id = new_export_id()
    folder = (to or settings.home / "exports" / f"rejects-{export_id}").resolve()
    if folder.is_relative_to(settings.landing_dir.resolve()):
        raise ExportRefusedError(
            f"Found {folder}, which is in landing; expected another folder. First correct the lines, then deliver them "
            "by rename."
        )
    wanted = replace(wanted, is_open=True)
    parts = _parts(rejects, wanted)
    if not parts:
        return Export(export_id, ())
    batch_number = read_pins(settings).batch_number
    with registering(settings, export_id) as register:
        written = [
            _write_part(
                rejects,
                wanted,
                part,
                files,
                folder / part.record_type / f"rejects-{export_id}-{number}",
                register=register,
                batch_number=batch_number,
            )
            for number, (part, files) in enumerate(parts.items(), start=1)
        ]
    return Export(export_id, tuple(written))


def _parts(rejects: Rejects, wanted: Wanted) -> dict[_Part, list[tuple[str, str]]]:
    """The landed files (name and content hash) whose lines are written to each file."""
    where, bound = wanted.as_sql()
    parts: dict[_Part, list[tuple[str, str]]] = {}
    for record_type, file, file_hash in rejects.con.execute(
        f"select distinct record_type, source_file, file_hash from rejects where {where} and source_line is not null "
        "order by all",
        bound,
    ).fetchall():
        header = rejects.header_of(record_type, file, file_hash) if is_csv(file) else None
        parts.setdefault(_Part(record_type, is_csv(file), header), []).append((file, file_hash))
    return dict(sorted(parts.items(), key=lambda entry: RECORD_TYPES.index(entry[0].record_type)))


def _write_part(
    rejects: Rejects,
    wanted: Wanted,
    part: _Part,
    files: list[tuple[str, str]],
    stem: Path,
    *,
    register: pq.ParquetWriter,
    batch_number: int,
) -> ExportedFile:
    stem.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = stem.name + (".csv" if part.is_csv else ".ndjson")
    # Landing ignores names that begin with `_`, so the folder can be delivered unchanged.
    path, reasons_path = stem.with_name(name), stem.with_name(f"_{stem.name}.reasons.csv")
    contract = CONTRACTS[part.record_type]
    line, records = 1, 0
    with ExitStack() as stack:
        lines, reasons = (stack.enter_context(_private(one)) for one in (path, reasons_path))
        side = csv.writer(reasons, lineterminator="\n")
        side.writerow(_SIDE_COLUMNS)
        if part.is_csv:
            # Leave a line for the header even if it is not known: the person who delivers the file adds it.
            line += 1
            if part.header is not None:
                lines.write(part.header.line + "\n")
        for batch in _lines_of(rejects, wanted, part, files):
            registered: dict[str, list[Any]] = {field.name: [] for field in SCHEMA}
            for row in batch.to_pylist():
                lines.write(row["raw"] + "\n")
                values = values_of(row["raw"], part.header, is_from_csv=part.is_csv) or {}
                about = fields_of(contract, row["reason"])
                side.writerow(
                    (
                        line,
                        row["source_file"],
                        row["source_line"],
                        row["reason"],
                        " ".join(about),
                        " ".join(values.get(field, "") for field in about),
                        expected_of(contract, row["reason"]),
                        advice_of(row["reason"]),
                    )
                )
                entry = row | {
                    "export_file": stem.name.removeprefix("rejects-"),
                    "export_line": line,
                    "record_type": part.record_type,
                    "batch_number": batch_number,
                }
                for field, column in registered.items():
                    column.append(entry[field])
                # A quoted cell can contain line ends.
                line += 1 + row["raw"].count("\n")
                records += 1
            register.write_batch(as_batch(registered))
    for one in (path, reasons_path):
        sync_file(one)
    return ExportedFile(path, reasons_path, records, part.is_csv and part.header is None)


def _lines_of(rejects: Rejects, wanted: Wanted, part: _Part, files: list[tuple[str, str]]) -> Iterator[pa.RecordBatch]:
    where, bound = wanted.as_sql()
    names, hashes = ([pair[index] for pair in files] for index in (0, 1))
    rejects.con.register(
        "part", pa.table({"name": pa.array(names, pa.string()), "hash": pa.array(hashes, pa.string())})
    )
    yield from rejects.con.execute(
        f"""
        select
            source_file, source_line, reason, raw, file_hash,
            case when not list_contains($about, reason) then {rejects.identity_of_raw(part.record_type)} end as identity
        from rejects
        where {where} and record_type = $part_type and source_line is not null
            and (source_file, file_hash) in (select (name, hash) from part)
        order by source_file, source_line
        """,
        bound
        | {
            "part_type": part.record_type,
            "about": reasons_about(part.record_type, identity_of(CONTRACTS[part.record_type])),
        },
    ).to_arrow_reader(_LINES_AT_ONCE)


def _private(path: Path) -> IO[str]:
    """Open a new file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return open(descriptor, "w", encoding="utf-8", newline="")  # noqa: PTH123 - by descriptor
