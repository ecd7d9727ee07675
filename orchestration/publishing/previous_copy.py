"""What a new copy takes over from the one in service: tables that cannot, or need not, be computed again."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

CARRIED_TABLES: Final = ("estimates", "what_if", "what_if_months")


@dataclass(frozen=True)
class PreviousCopy:
    """The copy in service before this one; a table that it does not have, or has in another shape, is left out."""

    path: Path
    inputs: str
    rows: dict[str, int]
    tables: dict[str, pa.Table] = field(repr=False)


def read_previous_copy(link: Path) -> PreviousCopy | None:
    """Read the copy that `link` points to; None where there is none, or it is no readable serving copy."""
    if not link.exists():
        return None
    path = link.resolve()
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
    except duckdb.Error:  # cut short, or written by another version: the next copy takes its place
        return None
    return PreviousCopy(path=path, inputs=row[0] if row else "", rows=dict(rows), tables=tables)
