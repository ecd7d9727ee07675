"""The parts that every page is made of: its head, cards, tables, notices, links. Knows no figure of its own.

Cards and tables are plain HTML: they reflow on a phone, a screen reader reads them, and one element is drawn instead of
dozens. Everything that comes from data is escaped here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import streamlit as st

from dashboards import formatting
from dashboards.texts import Texts
from dashboards.viewer import Viewer

STALE_AFTER: Final = timedelta(hours=36)
"""A copy older than a missed daily refresh; the page says so."""
MOST_ROWS_SHOWN: Final = 100
_SPARK_HALF: Final = 4
"""Half of a trend line's strength, in percent of its height."""

_STYLE: Final = Path(__file__).with_name("layout.css")


@dataclass(frozen=True)
class Card:
    """One figure with its name; `note` says what it means or what it is compared with. All texts are ready to print."""

    label: str
    value: str
    note: str = ""
    key: str = ""
    """Names the figure in the page's markup, such as `paid`."""
    is_main: bool = False
    trend: Sequence[int | float | None] = ()
    trend_label: str = ""
    """What the small line shows, for those who do not see it."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its key in the rows, its heading, whether its values are numbers."""

    key: str
    heading: str
    is_number: bool = False


@dataclass(frozen=True)
class FileLink:
    """A file that the gate hands out, as a line of a list: what it is, a remark, and the link."""

    title: str
    note: str
    path: str
    label: str


def page_head(viewer: Viewer, title: str, intro: str = "", *, tag: str = "") -> None:
    """Draw a page's title, what it is about, how old its data are, and a notice where they are stale."""
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
    """Return whether a copy is older than a missed daily refresh."""
    return datetime.now(UTC) - published_at > STALE_AFTER


def cards(figures: Sequence[Card]) -> None:
    """Draw figures as cards that flow into as many columns as there is room for."""
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
    """Draw a table of texts; the first column names the row. Only the first hundred rows are drawn, and it says so.

    `row_keys`, as many as rows, name them in the markup.
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
    """Draw the link to a table as CSV; the route authorizes again and leaves an audit record."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    label = Texts("shell", viewer.language)("export.csv")
    file_link(f"/files/exports/{quote(name)}.csv{query}", label)


def file_link(path: str, label: str) -> None:
    """Draw a link to a file that the gate hands out."""
    st.html(f'<a class="al-link" href="{escape(path)}" target="_blank" rel="noopener">{escape(label)}</a>')


def file_list(files: Sequence[FileLink]) -> None:
    """Draw links to files as one list; a link's name says which file it is, also out of its line."""
    st.html(f'<ul class="al-files">{"".join(_file(file) for file in files)}</ul>')


def nothing_yet(title: str, text: str, *, icon: str = ":material/hourglass_empty:") -> None:
    """Draw the designed state of a part that has nothing to show: what is missing, and when it will be there."""
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
    """Return the trend as a strip cut out of the text's colour: Streamlit takes drawings out of what it is given."""
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
