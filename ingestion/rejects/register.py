"""Which rejected line stands in which line of an export: how a delivery of it is known to answer rejects.

The files of an export carry its id in their names. Whoever delivers one keeps that part of the name, and its lines
where they are; what is given up is left blank.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.durable import sync_file
from ingestion.settings import Settings

DELIVERED_AS: Final = r"rejects-([0-9a-f]{8}-\d+)"
"""What the name of a delivered export holds; the group is the name of the export's file in the register."""
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
"""`identity`: what the record is known by, unless the reject is about that; `batch_number`: the last one by then."""


def new_export_id() -> str:
    """A name that no other export has."""
    return secrets.token_hex(4)


def export_files(settings: Settings) -> list[Path]:
    """The files of the register, one an export."""
    return sorted(_folder(settings).glob("*.parquet"))


@contextmanager
def registering(settings: Settings, export_id: str) -> Iterator[pq.ParquetWriter]:
    """Open the register for the lines of an export; they count when all of it was written."""
    path = _folder(settings) / f"{export_id}.parquet"
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
    """Lines of an export as the register takes them."""
    return pa.record_batch([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def _folder(settings: Settings) -> Path:
    return settings.raw_dir / "_exports"
