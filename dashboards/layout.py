"""The building blocks of every page: head, cards, tables, notices, links. Contains no figures of its own.

Cards and tables are plain HTML: they reflow on a phone, work with screen readers, and are one element instead of
dozens. All text from data is escaped here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import streamlit as st

from allive.dashboards import formatting
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

STALE_AFTER: Final = timedelta(hours=36)
"""A copy older than this has missed a daily refresh, and the page shows a notice."""
MOST_ROWS_SHOWN: Final = 100
_SPARK_HALF: Final = 4
"""Half the thickness of a trend line, in percent of its height."""

_STYLE: Final = Path(__file__).with_name("layout.css")


@dataclass(frozen=True)
class Card:
    """One figure with its name; `note` explains it or compares it. All texts are already formatted."""

    label: str
    value: str
    note: str = ""
    key: str = ""
    """Identifies the figure in the page's markup, such as `paid`."""
    is_main: bool = False
    trend: Sequence[int | float | None] = ()
    trend_label: str = ""
    """Text alternative of the trend line, for screen readers."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its key in the rows, its heading, and whether its values are numbers."""

    key: str
    heading: str
    is_number: bool = False


@dataclass(frozen=True)
class FileLink:
    """A line in a list of files served by the gate: title, note and link."""

    title: str
    note: str
    path: str
    label: str


def page_head(viewer: Viewer, title: str, intro: str = "", *, tag: str = "") -> None:
    """Draw a page's title, the age of its data, a notice if they are stale, and the introduction."""
    texts = Texts("shell", viewer.language)
    copy = viewer.copy
    st.title(title, anchor=False)
    as_of = (
        texts("data.until", at=formatting.instant(copy.data_until_at, viewer.language))
        if copy.data_until_at
        else texts("data.none")
    )
    published = texts("data.published", at=formatting.instant(copy.published_at, viewer.language))
    mark = f' <span class="al-tag">{escape(tag)}</span>' if tag else ""
    st.html(_STYLE)
    st.html(f'<p class="al-asof">{escape(as_of)} · {escape(published)}{mark}</p>')
    if is_stale(copy.published_at):
        st.warning(texts("data.stale"), icon=":material/history:")
    if intro:
        st.markdown(intro)


def is_stale(published_at: datetime) -> bool:
    """Return whether a copy has missed a daily refresh."""
    return datetime.now(UTC) - published_at > STALE_AFTER


def cards(figures: Sequence[Card]) -> None:
    """Draw figures as cards in as many columns as fit."""
    st.html(f'<ul class="al-cards">{"".join(_card(card) for card in figures)}</ul>')


def table(
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, str]],
    *,
    caption: str,
    viewer: Viewer,
    row_keys: Sequence[str] = (),
    total: Mapping[str, str] | None = None,
) -> None:
    """Draw a table of texts; the first column is the row heading. Above 100 rows it is cut, and the caption says so.

    `row_keys` identify the rows in the markup, one per row.
    """
    shown = rows[:MOST_ROWS_SHOWN]
    keys = row_keys or [""] * len(rows)
    head = "".join(f'<th scope="col"{_number(column)}>{escape(column.heading)}</th>' for column in columns)
    body = "".join(_row(columns, row, key) for row, key in zip(shown, keys, strict=False))
    foot = f"<tfoot>{_row(columns, total, 'total', css=' class=al-total')}</tfoot>" if total else ""
    if len(rows) > len(shown):
        texts = Texts("shell", viewer.language)
        caption = f"{caption} {texts('table.cut', shown=len(shown), all=formatting.count(len(rows), viewer.language))}"
    st.html(
        f'<div class="al-scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table class="al-table">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table></div>"
    )


def export_link(viewer: Viewer, name: str, **parameters: str) -> None:
    """Draw the link to a CSV export; its route authorizes the request again and records it in the audit log."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    label = Texts("shell", viewer.language)("export.csv")
    file_link(f"/files/exports/{quote(name)}.csv{query}", label)


def file_link(path: str, label: str) -> None:
    """Draw a link to a file served by the gate."""
    st.html(f'<a class="al-link" href="{escape(path)}" target="_blank" rel="noopener">{escape(label)}</a>')


def file_list(files: Sequence[FileLink]) -> None:
    """Draw links to files as one list. Each link's accessible name includes the file's title."""
    st.html(f'<ul class="al-files">{"".join(_file(file) for file in files)}</ul>')


def nothing_yet(title: str, text: str, *, icon: str = ":material/hourglass_empty:") -> None:
    """Draw a section's empty state: what is missing, and when it will appear."""
    with st.container(border=True):
        st.markdown(f"{icon} **{title}**  \n{text}")


def _card(card: Card) -> str:
    css = "al-card al-main" if card.is_main else "al-card"
    key = f' data-figure="{escape(card.key)}"' if card.key else ""
    note = f'<span class="al-note">{escape(card.note)}</span>' if card.note else ""
    return (
        f'<li class="{css}"{key}><span class="al-label">{escape(card.label)}</span>'
        f'<span class="al-value">{escape(card.value)}</span>{note}{_spark(card)}</li>'
    )


def _file(file: FileLink) -> str:
    title = f'<span class="al-file-title">{escape(file.title)}</span>' if file.title else ""
    note = f'<span class="al-note">{escape(file.note)}</span>' if file.note else ""
    name = f"{file.label}, {file.title}" if file.title else file.label
    link = f'<a class="al-link" href="{escape(file.path)}" target="_blank" rel="noopener" aria-label="{escape(name)}">'
    return f'<li class="al-file">{title}{note}{link}{escape(file.label)}</a></li>'


def _spark(card: Card) -> str:
    """Return the trend line as a clipped block in the text's colour, because Streamlit removes SVG from HTML."""
    known = [(place, value) for place, value in enumerate(card.trend) if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    low, high = min(value for _, value in known), max(value for _, value in known)
    points = [
        (100 * place / (len(card.trend) - 1), 90 - 80 * (value - low) / (high - low) if high > low else 50)
        for place, value in known
    ]
    upper = [f"{x:.1f}% {y - _SPARK_HALF:.1f}%" for x, y in points]
    lower = [f"{x:.1f}% {y + _SPARK_HALF:.1f}%" for x, y in reversed(points)]
    return (
        f'<span class="al-spark" role="img" aria-label="{escape(card.trend_label)}" '
        f'style="clip-path:polygon({",".join(upper + lower)})"></span>'
    )


def _row(columns: Sequence[Column], row: Mapping[str, str], key: str, *, css: str = "") -> str:
    first, *others = columns
    cells = "".join(
        f'<td{_number(column)} data-column="{escape(column.key)}">{escape(row.get(column.key, ""))}</td>'
        for column in others
    )
    mark = f' data-row="{escape(key)}"' if key else ""
    name = (
        f'<th scope="row" data-column="{escape(first.key)}">'
        f'<span class="al-row-name">{escape(row.get(first.key, ""))}</span></th>'
    )
    return f"<tr{css}{mark}>{name}{cells}</tr>"


def _number(column: Column) -> str:
    return ' class="al-number"' if column.is_number else ""
