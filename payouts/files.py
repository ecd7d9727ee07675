"""The files of a closed month, byte for byte the same from the same run: CSV, Parquet, control totals, manifest."""

import csv
import hashlib
import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.settings import Settings
from payouts import pseudonyms
from payouts.ledger import CONTROL_FILE, MANIFEST_FILE, PAYOUTS_FILE, SLICES_FILE
from payouts.run import ClosedRun, PayoutLine, as_row

_MONEY: Final = pa.decimal128(38, 0)
_SLICES_FIELDS: "Final[list[pa.Field[Any]]]" = [
    pa.field("period_id", pa.string(), nullable=False),
    pa.field("subscriber_pseudonym", pa.string(), nullable=False),
    pa.field("artist_id", pa.string()),
    pa.field("category", pa.string()),
    pa.field("weight", _MONEY, nullable=False),
    pa.field("amount_nanos", _MONEY, nullable=False),
    pa.field("destination", pa.string(), nullable=False),
]
_SLICES_SCHEMA: Final = pa.schema(_SLICES_FIELDS)
_ROWS_PER_GROUP: Final = 131_072
_SLICES_SQL: Final = f"""
    select
        period_id,
        {pseudonyms.PSEUDONYM_SQL} as subscriber_pseudonym,
        artist_id,
        category,
        weight,
        cast(amount_nanos as decimal(38, 0)) as amount_nanos,
        destination
    from marts.fct_period_slices
    where settlement_month = $settlement_month
    order by period_id, artist_id nulls first, category
"""


def write_month(
    folder: Path,
    run: ClosedRun,
    *,
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    previous_run_hash: str,
) -> str:
    """Write the month's files into an empty folder, durably, and return the run hash."""
    _write_payouts(folder / PAYOUTS_FILE, run)
    _write_slices(folder / SLICES_FILE, run.settlement_month, con=con, settings=settings)
    _write_json(folder / CONTROL_FILE, run.control)
    files = {path.name: sha256_of(path) for path in sorted(folder.iterdir(), key=lambda path: path.name)}
    run_hash = chain_hash(previous_run_hash, files)
    _write_json(
        folder / MANIFEST_FILE,
        {
            "settlement_month": run.settlement_month,
            "run_hash": run_hash,
            "previous_run_hash": previous_run_hash,
            "files": files,
        },
    )
    for path in folder.iterdir():
        sync(path)
    sync(folder)
    return run_hash


def chain_hash(previous_run_hash: str, data_files: dict[str, str]) -> str:
    r"""Return the run hash: SHA-256 over the previous run's hash and the data files' names and hashes, by name.

    >>> chain_hash("0" * 64, {}) == hashlib.sha256(b"0" * 64 + b"\n").hexdigest()
    True
    """
    lines = [previous_run_hash, *(f"{data_files[name]}  {name}" for name in sorted(data_files))]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Force a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_payouts(path: Path, run: ClosedRun) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in fields(PayoutLine)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(as_row(line) for line in run.lines)


def _write_slices(path: Path, month: str, *, con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    # The writer of one library with fixed groups, fed in order: DuckDB's own cuts row groups by thread.
    slices = con.execute(_SLICES_SQL, {"settlement_month": month, **pseudonyms.pads(settings)}).to_arrow_reader(
        _ROWS_PER_GROUP
    )
    with pq.ParquetWriter(path, _SLICES_SCHEMA, compression="zstd") as writer:
        for batch in slices:
            writer.write_table(pa.Table.from_batches([batch]).cast(_SLICES_SCHEMA), row_group_size=_ROWS_PER_GROUP)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
