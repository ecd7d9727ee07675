"""The results of a bench: rows to compare, and aims that were met or missed."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One contestant's best run. `seconds` is None if it did not finish; `note` says why, or what it did."""

    name: str
    seconds: float | None = None
    to_ours: float | None = None
    to_floor: float | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Aim:
    """A target. `kept` says whether this run met it; None if that could not be judged."""

    text: str
    found: str
    kept: bool | None


@dataclass(frozen=True)
class Section:
    """One comparison: its title, rows and aims."""

    title: str
    rows: Sequence[Row]
    aims: Sequence[Aim]


_COLUMNS_OF_A_FILE = 200


def open_console() -> Console:
    """Return the console for reports: as wide as the terminal; 200 columns in a file or a pipe."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _COLUMNS_OF_A_FILE
    return console


def print_report(console: Console, sections: Sequence[Section]) -> None:
    """Print everything as one table: a block per section, with its aims below its rows."""
    table = Table(title="Bench", title_justify="left", caption_justify="left")
    table.add_column("contestant")
    for heading in ("seconds", "÷ ours", "÷ floor", "CPU s", "peak MB"):
        table.add_column(heading, justify="right")
    table.add_column("note", overflow="fold")
    for section in sections:
        table.add_section()
        table.add_row(f"[bold]{escape(section.title)}[/bold]")
        for row in section.rows:
            table.add_row(
                escape(row.name),
                _figure(row.seconds, 2),
                _figure(row.to_ours, 2),
                _figure(row.to_floor, 2),
                _figure(row.cpu_seconds, 2),
                _figure(None if row.peak_bytes is None else row.peak_bytes / 1e6, 0),
                escape(row.note),
            )
        for aim in section.aims:
            verdict = {True: "[green]PASS[/green]", False: "[red]FAIL[/red]", None: "[yellow]not judged[/yellow]"}[
                aim.kept
            ]
            table.add_row(f"{verdict} {escape(aim.text)}", *[""] * 5, escape(aim.found))
    console.print(table)


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
