"""Converts rows computed in Python to a table that DuckDB loads in one step: inserting each row takes milliseconds."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa

_TYPES: Final[dict[Any, pa.DataType]] = {
    str: pa.string(),
    str | None: pa.string(),
    int: pa.int64(),
    int | None: pa.int64(),
    bool: pa.bool_(),
    bool | None: pa.bool_(),
    date: pa.date32(),
    date | None: pa.date32(),
    datetime: pa.timestamp("us", tz="UTC"),
    datetime | None: pa.timestamp("us", tz="UTC"),
}


def as_table(row_type: type, rows: Sequence[Any]) -> pa.Table:
    """Return instances of a dataclass as an Arrow table of their fields; its columns are typed even without rows."""
    schema = pa.schema([(field.name, _TYPES[field.type]) for field in fields(row_type)])
    columns = [[getattr(row, name) for row in rows] for name in schema.names]
    return pa.table(columns, schema=schema)
