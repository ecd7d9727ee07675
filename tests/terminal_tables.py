"""Reads the tables that commands print, by the lines that are drawn below their headings and above their totals."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

RULE: Final = re.compile(r"─+( ─+)* *")


@dataclass
class Printed:
    """A table: its title, its rows by heading, and the row of its totals; cells without the blanks around them."""

    title: str
    rows: list[dict[str, str]] = field(default_factory=list)
    total: dict[str, str] = field(default_factory=dict)

    def cents(self, column: str) -> list[int]:
        """A column of amounts, in cents."""
        return [cents(row[column]) for row in self.rows]


def cents(amount: str) -> int:
    """An amount as printed, in cents.

    >>> cents("1,234.56"), cents("-0.05")
    (123456, -5)
    """
    assert re.fullmatch(r"-?[\d,]+\.\d\d", amount), amount
    return int(amount.replace(",", "").replace(".", ""))


def tables(text: str, *, filled: str = "") -> Iterator[Printed]:
    """Yield the tables of an output; a line without a value in the column `filled`, if it exists, continues a row."""
    for block in re.split(r"\n\s*\n", text):
        lines = block.splitlines()
        rules = [index for index, line in enumerate(lines) if RULE.fullmatch(line)]
        if not rules:
            continue
        head, end = rules[0], rules[1] if len(rules) > 1 else len(lines)
        spans = [match.span() for match in re.finditer("─+", lines[head])]
        headings, *rows = [[line[start:stop].strip() for start, stop in spans] for line in lines[head - 1 : end]]
        found = Printed(title=lines[head - 2])
        for cells in rows[1:]:
            row = dict(zip(headings, cells, strict=True))
            if found.rows and not row.get(filled, "x"):
                found.rows[-1] = {name: f"{found.rows[-1][name]} {cell}".strip() for name, cell in row.items()}
            else:
                found.rows.append(row)
        if end < len(lines):
            last = [lines[end + 1][start:stop].strip() for start, stop in spans]
            found.total = dict(zip(headings, last, strict=True))
        yield found
