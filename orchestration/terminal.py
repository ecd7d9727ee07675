"""Output of the commands: progress, tables, refusals. Nothing here makes decisions."""

import logging
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from allive.ingestion.private_files import is_read_only
from allive.ingestion.settings import Settings
from allive.orchestration import progress

_COLUMNS = 80

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


@contextmanager
def showing_progress() -> Iterator[None]:
    """Show progress: one updating line on a terminal, otherwise one line per stage."""
    if not err.is_terminal:
        seen: list[str] = []

        def say_once(stage: str, _detail: str) -> None:
            if seen[-1:] != [stage]:
                seen.append(stage)
                err.print(f"… {escape(stage)}")

        with progress.listening(say_once):
            yield
        return
    with err.status("starting") as status:

        def update(stage: str, detail: str) -> None:
            status.update(f"{escape(stage)} [dim]{escape(detail)}[/dim]" if detail else escape(stage))

        with progress.listening(update):
            yield


def log_to_file(settings: Settings) -> None:
    """Send log messages to `logs/allive.log`; the terminal is for the operator.

    Nothing is logged in a read-only data home.
    """
    folder = settings.home / "logs"
    handler: logging.Handler = logging.NullHandler()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(folder / "allive.log", encoding="utf-8")
    except OSError as error:
        if not is_read_only(error):
            raise
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def say(text: str) -> None:
    """Print a line."""
    out.print(escape(text))


def say_points(title: str, points: Iterable[str]) -> None:
    """Print a title and a list of points, wrapped at 80 columns without breaking names or commands."""
    out.print(escape(title))
    for point in points:
        out.print(escape(folded(point, first="  - ", indent="    ")))


def folded(text: str, *, first: str = "", indent: str = "") -> str:
    """Wrap a text at spaces, at 80 columns.

    >>> folded("a word " * 12, first="- ", indent="  ").splitlines()[1]
    '  word'
    """
    return textwrap.fill(
        text,
        _COLUMNS,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def visible(text: str) -> str:
    r"""Return an outside text with its control characters escaped, so that a terminal does not obey them.

    >>> print(visible("été\x1b[2J"))
    été\x1b[2J
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def refuse(title: str, reasons: Iterable[str]) -> None:
    """Print a refusal on stderr, one line per reason."""
    err.print(f"[bold red]{escape(title)}[/bold red]")
    _list(reasons)


def warn(title: str, warnings: Iterable[str]) -> None:
    """Print warnings on stderr, one line each. Warnings do not refuse anything."""
    err.print(f"[bold yellow]{escape(title)}[/bold yellow]")
    _list(warnings)


def _list(lines: Iterable[str]) -> None:
    """Print each line as a point; an indented line belongs to the point before it."""
    for line in lines:
        err.print(f"    {escape(line)}" if line.startswith(" ") else f"  - {escape(line)}")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table, with whole numbers and amounts aligned to the right."""
    rows = [tuple(row) for row in rows]
    shown = Table(title=escape(title), title_justify="left")
    for index, column in enumerate(columns):
        is_number = bool(rows) and all(_is_number(row[index]) for row in rows)
        shown.add_column(column, justify="right" if is_number else "left", no_wrap=is_number)
    for row in rows:
        shown.add_row(*(escape(_as_text(value)) for value in row))
    # Without a terminal rich would cut the table at 80 columns: allow the width it needs.
    Console(width=None if out.is_terminal else 160, file=sys.stdout).print(shown)


def euros(cents: int) -> str:
    """Return an amount of cents in euros.

    >>> euros(123456)
    '1,234.56 EUR'
    """
    return f"{Decimal(cents) / 100:,.2f} EUR"


def euros_of_nanos(nanos: int) -> str:
    """Return an amount of nanos (billionths of a euro) in euros, cut to the cent for display.

    >>> euros_of_nanos(1_239_999_999)
    '1.23 EUR'
    """
    return euros(nanos // 10_000_000)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return value.endswith(" EUR")
    return value is None or isinstance(value, int | Decimal)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)
