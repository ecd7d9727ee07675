"""The register of exported lines: which rejected line is in which line of an export, so that a delivery can answer it.

The files of an export have its id in their names. A corrected file must be delivered with that part of the name, and
with its lines in the same places; lines that are given up are left blank.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from allive.ingestion.durable import sync_file
from allive.ingestion.rejects.exported import exports_folder
from allive.ingestion.settings import Settings

_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("export_file", pa.string()),
    pa.field("export_line", pa.int64()),
    pa.field("record_type", pa.string()),
    pa.field("file_hash", pa.string()),
    pa.field("source_line", pa.int64()),
    pa.field("identity", pa.string()),
    pa.field("batch_number", pa.int64()),
]
SCHEMA: Final = pa.schema(_FIELDS)
"""`identity`: the record's ids, unless the reject is about them; `batch_number`: the last batch at that time."""


def new_export_id() -> str:
    """An id that no other export has."""
    return secrets.token_hex(4)


@contextmanager
def registering(settings: Settings, export_id: str) -> Iterator[pq.ParquetWriter]:
    """Open the register for the lines of an export; they count once all of them are written."""
    path = exports_folder(settings) / f"{export_id}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    try:
        with pq.ParquetWriter(unfinished, SCHEMA) as writer:
            yield writer
        sync_file(unfinished)
        unfinished.replace(path)
        sync_file(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def as_batch(columns: dict[str, list[Any]]) -> pa.RecordBatch:
    """Lines of an export in the form of the register."""
    return pa.record_batch([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)
