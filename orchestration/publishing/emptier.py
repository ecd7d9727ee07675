"""No serving copy is replaced by an emptier one without a word (docs/adr/0020).

Dashboards show what is published: a copy that lost closed months, or a large part of its rows, looks like a platform
that lost them. It is refused, and published all the same only for who gives the refusal's code, on record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from ingestion.settings import Settings
from payouts import audit

ACTION: Final = "publish_emptier"
CODE_DIGITS: Final = 12
MOST_LOST_PART: Final = 10
"""A table may lose up to one row in so many: corrections and late refunds do not come near it."""
FEWEST_LOST_ROWS: Final = 20
"""A table that loses fewer is not judged, unless it loses all."""
MAY_SHRINK: Final = frozenset({"fct_close_blockers"})
"""Marts that become emptier when things get better."""


class EmptierCopyError(Exception):
    """The new copy holds much less than the one in service, which stays."""


@dataclass(frozen=True)
class Contents:
    """How much a copy holds: rows by mart, records by record type as loaded, and the run hash of each closed month."""

    rows: Mapping[str, int] = field(default_factory=dict)
    records: Mapping[str, int] = field(default_factory=dict)
    closed: Mapping[str, str] = field(default_factory=dict)


def read_contents(con: duckdb.DuckDBPyConnection) -> Contents:
    """Read how much an open copy holds; what an earlier version did not publish is left out."""
    there = {
        name
        for (name,) in con.execute("select table_name from duckdb_tables() where schema_name = 'published'").fetchall()
    }

    def pairs(table: str, columns: str) -> dict[str, Any]:
        return dict(con.execute(f"select {columns} from published.{table}").fetchall()) if table in there else {}

    return Contents(
        rows=pairs("marts", "mart, rows"),
        records=pairs("freshness", "record_type, records"),
        closed=pairs("closed_months", "settlement_month, run_hash"),
    )


def what_is_lost(before: Contents, now: Contents) -> list[str]:
    """Return what a new copy would lose against the one before, in words; nothing where it may take its place.

    >>> what_is_lost(Contents({"dim_lives": 200}, closed={"2021-01": "a"}), Contents({"dim_lives": 0}))
    ['2021-01 is not closed any more', 'dim_lives: 0 rows, 200 before']
    >>> what_is_lost(Contents({"dim_lives": 200}), Contents({"dim_lives": 180}))
    []
    """
    lost = [f"{month} is not closed any more" for month in sorted(before.closed.keys() - now.closed.keys())]
    lost += [
        f"{month} is another run than before"
        for month in sorted(before.closed.keys() & now.closed.keys())
        if before.closed[month] != now.closed[month]
    ]
    for unit, had, has in (("rows", before.rows, now.rows), ("records", before.records, now.records)):
        lost += [
            f"{name}: {has[name]:,} {unit}, {had[name]:,} before"
            for name in sorted(had.keys() & has.keys() - MAY_SHRINK)
            if _is_much_less(has[name], had[name])
        ]
    return lost


def _is_much_less(now: int, before: int) -> bool:
    is_much = before - now > FEWEST_LOST_ROWS and (before - now) * MOST_LOST_PART > before
    return is_much or (now == 0 and before > 0)


def refuse_emptier(settings: Settings, before: Contents, now: Contents, *, state: str) -> None:
    """Raise if a copy of this state would lose much, unless somebody has accepted just that.

    Raises:
        EmptierCopyError: It would; the message says what, and the way out.
    """
    lost = what_is_lost(before, now)
    code = state[:CODE_DIGITS]
    if not lost or any(entry["action"] == ACTION and entry["code"] == code for entry in audit.entries(settings)):
        return
    raise EmptierCopyError(
        f"The new serving copy would hold much less than the one in service, which stays: {'; '.join(lost)}. Expected "
        f"every closed month as it is, and no table to lose more than a {MOST_LOST_PART}th of its rows. Were raw/ or "
        "payouts/ restored from an older copy? Look with `allive doctor`. If it is right so: "
        f"`allive publish {code} --why …`."
    )


def accept(settings: Settings, code: str, *, operator: str, why: str) -> None:
    """Put on record that the copy with this code may take the place of a fuller one."""
    audit.record(settings, action=ACTION, operator=operator, code=code, why=why)
