"""The previous serving copy: tables that a new copy reuses because they cannot, or need not, be computed again.

A new copy is also compared with it, and must not have much less data (`allive.orchestration.publishing.emptier`).
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from allive.orchestration.publishing.emptier import Contents, read_contents

CARRIED_TABLES: Final = ("estimates", "what_if", "what_if_months")


@dataclass(frozen=True)
class PreviousCopy:
    """The copy in service before this one. Tables that it does not have are left out."""

    path: Path
    inputs: str
    rows: dict[str, int]
    tables: dict[str, pa.Table] = field(repr=False)
    contents: Contents = field(default_factory=Contents, repr=False)
    is_in_service: bool = True
    """Whether the link points to it. If not, that copy cannot be read, and this is the newest one that can."""


def read_previous_copy(link: Path) -> PreviousCopy | None:
    """Read the copy that `link` points to, or else the newest copy that can be read; None if there is none."""
    in_service = link.resolve()
    kept = sorted(link.parent.glob("allive-*-*.duckdb"), reverse=True)
    for path in [in_service, *(path for path in kept if path.resolve() != in_service)]:
        copy = _read(path) if path.exists() and path != link else None
        if copy is not None:
            return replace(copy, is_in_service=path == in_service)
    return None


def _read(path: Path) -> PreviousCopy | None:
    try:
        with duckdb.connect(path, read_only=True) as con:
            row = con.execute("select inputs from published.copy").fetchone()
            rows = con.execute("select mart, rows from published.marts order by mart").fetchall()
            there = con.execute("select table_name from duckdb_tables() where schema_name = 'published'").fetchall()
            tables = {
                name: con.execute(f"select * from published.{name}").to_arrow_table()
                for name in CARRIED_TABLES
                if (name,) in there
            }
            contents = read_contents(con)
    except duckdb.Error:  # truncated, or written by another version: try the next copy
        return None
    return PreviousCopy(path, inputs=row[0] if row else "", rows=dict(rows), tables=tables, contents=contents)
