"""Output of the commands: progress, tables, refusals. Nothing here makes decisions."""

import logging
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from allive.ingestion.private_files import is_read_only
from allive.ingestion.settings import Settings
from allive.orchestration import progress
from allive.payouts.shown_cents import euros

_COLUMNS = 80
_GAP = 2
_LONGEST_WORD = 60
_SHORTEST_FOLD = 10
_BOX = Box("    \n    \n ─  \n    \n    \n ─  \n    \n    \n")
"""Lines only below the headings and above the totals, with a gap between columns."""

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


def artist_shown(artist_id: str, name: str | None) -> str:
    """Return an artist's id and name for one column of a table.

    >>> artist_shown("art-001", "Zoé"), artist_shown("art-002", None)
    ('art-001 Zoé', 'art-002')
    """
    return visible(f"{artist_id} {name or ''}".rstrip())


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


@dataclass(frozen=True)
class Amount:
    """An amount of cents in a table, which names the currency once, in its title.

    >>> str(Amount(-123456))
    '-1,234.56'
    """

    cents: int

    def __str__(self) -> str:
        return euros(self.cents).removesuffix(" EUR")


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, total: Sequence[Any] | None = None
) -> None:
    """Print a table with whole numbers and amounts aligned to the right, and its totals below a line.

    It fits 80 columns, or the terminal: texts are folded between words. Only numbers and words can make it wider.
    """
    rows = [tuple(row) for row in rows]
    every = rows if total is None else [*rows, tuple(total)]
    if any(isinstance(value, Amount) for row in every for value in row):
        title = f"{title}, in EUR"
    texts = [[_as_text(value) for value in row] for row in every]
    numeric = [bool(every) and all(_is_number(row[index]) for row in every) for index in range(len(columns))]
    widths = _widths([list(columns), *texts], numeric, fitting=out.width if out.is_terminal else _COLUMNS)
    shown = Table(box=_BOX, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), show_footer=total is not None)
    for index, column in enumerate(columns):
        shown.add_column(
            column,
            footer=escape(texts[-1][index]) if total is not None else "",
            justify="right" if numeric[index] else "left",
            width=widths[index],
            overflow="fold",
        )
    for line in texts[: len(rows)]:
        shown.add_row(*(escape(text) for text in line))
    out.print(escape(folded(title)), style="italic")
    # A console of this width: rich would fold the columns again to fit a narrower terminal.
    Console(width=sum(widths) + _GAP * (len(widths) - 1), file=sys.stdout).print(shown)
    out.print()


def _widths(lines: Sequence[Sequence[str]], numeric: Sequence[bool], *, fitting: int) -> list[int]:
    """Return the columns' widths: that of their content, and if that is too wide, texts are folded, the widest first.

    They are folded between words, then within long ones. Numbers, and columns of single words such as ids, stay whole.
    """
    columns = [[line[index] for line in lines] for index in range(len(numeric))]
    widths = [max(cell_len(part) for cell in column for part in cell.split("\n")) for column in columns]
    words = [
        width if is_number else max((cell_len(word) for cell in column for word in cell.split()), default=0)
        for column, is_number, width in zip(columns, numeric, widths, strict=True)
    ]
    broken = [
        min(word, _SHORTEST_FOLD if any(" " in cell for cell in column[1:]) else _LONGEST_WORD)
        if not is_number
        else word
        for column, is_number, word in zip(columns, numeric, words, strict=True)
    ]
    for least in (words, broken):
        while sum(widths) + _GAP * (len(widths) - 1) > fitting:
            foldable = [index for index, width in enumerate(widths) if width > least[index]]
            if not foldable:
                break
            widths[max(foldable, key=lambda index: widths[index])] -= 1
    return widths


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return value.endswith(" %")
    return value is None or isinstance(value, int | Decimal | Amount)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)
