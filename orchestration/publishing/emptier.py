"""Refuses to replace a serving copy with a much emptier one (docs/adr/0020).

Dashboards show what is published: a copy that lost closed months, or a large part of its rows, looks like a platform
that lost them. It is refused. An operator can still publish it with the code in the refusal, which is recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from allive.ingestion.settings import Settings
from allive.payouts import audit

ACTION: Final = "publish_emptier"
CODE_DIGITS: Final = 12
MOST_LOST_PART: Final = 10
"""A table can lose up to one row in this many: corrections and late refunds remove far fewer."""
FEWEST_LOST_ROWS: Final = 20
"""A table that loses at most this many rows is accepted, unless it loses all of them."""
MAY_SHRINK: Final = frozenset({"fct_close_blockers"})
"""Marts that shrink when problems are solved."""


class EmptierCopyError(Exception):
    """The new copy has much less data than the one in service, which stays."""


@dataclass(frozen=True)
class Contents:
    """The size of a copy: rows by mart, loaded records by record type, and the run hash of each closed month."""

    rows: Mapping[str, int] = field(default_factory=dict)
    records: Mapping[str, int] = field(default_factory=dict)
    closed: Mapping[str, str] = field(default_factory=dict)


def read_contents(con: duckdb.DuckDBPyConnection) -> Contents:
    """Read the size of an open copy; tables that an earlier version did not publish are left out."""
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
    """Return what a new copy would lose compared with the one before, in words; empty if it can replace that copy.

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
    """Raise if a copy of this state would lose much, unless an operator has accepted exactly this copy.

    Raises:
        EmptierCopyError: It would; the message lists the losses and what to do.
    """
    lost = what_is_lost(before, now)
    code = state[:CODE_DIGITS]
    if not lost or any(entry["action"] == ACTION and entry["code"] == code for entry in audit.entries(settings)):
        return
    raise EmptierCopyError(
        f"The new serving copy has much less data than the one in service, which stays: {'; '.join(lost)}. Expected "
        f"every closed month unchanged, and no table to lose more than a {MOST_LOST_PART}th of its rows. Were raw/ or "
        "payouts/ restored from an older copy? Check with `allive doctor`. If the loss is correct: "
        f"`allive publish {code} --why …`."
    )


def accept(settings: Settings, code: str, *, operator: str, why: str) -> None:
    """Record that the copy with this code is allowed to replace a fuller one."""
    audit.record(settings, action=ACTION, operator=operator, code=code, why=why)
