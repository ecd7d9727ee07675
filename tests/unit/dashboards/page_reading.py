"""Reads a page that was run without a browser: its figures, table cells, texts and charts, by their keys."""

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
from streamlit.testing.v1 import AppTest


class _Marked(HTMLParser):
    """Collects the text under `data-figure`, under `data-row` and `data-column`, in links, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.figures: dict[str, str] = {}
        self.cells: dict[tuple[str, str], str] = {}
        self.links: dict[str, str] = {}
        self.texts: list[str] = []
        self._figure: str | None = None
        self._row = ""
        self._column: str | None = None
        self._is_value = False
        self._link: str | None = None
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._is_style = tag == "style"
        if tag == "li":
            self._figure = given.get("data-figure")
        if tag == "tr":
            self._row = given.get("data-row") or ""
        if tag in {"td", "th"}:
            self._column = given.get("data-column")
        self._is_value = given.get("class") == "al-value"
        if tag == "a":
            self._link = given.get("href")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._column = None
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        if self._is_style:
            return
        self.texts.append(data)
        if self._figure and self._is_value:
            self.figures[self._figure] = data
        if self._row and self._column:
            self.cells.setdefault((self._row, self._column), data)
        if self._link:
            self.links[self._link] = data


def marked(page: AppTest) -> _Marked:
    """Parse the HTML elements of a page."""
    parser = _Marked()
    for element in page.get("html"):
        parser.feed(element.proto.body)
    return parser


def figures(page: AppTest) -> dict[str, str]:
    """The cards' values by key."""
    return marked(page).figures


def cells(page: AppTest) -> dict[tuple[str, str], str]:
    """The tables' cells by row key and column key."""
    return marked(page).cells


def words(page: AppTest) -> str:
    """All text of a page, except in charts."""
    elements = [*page.title, *page.subheader, *page.markdown, *page.caption, *page.info, *page.warning]
    return "\n".join([*(element.value for element in elements), *marked(page).texts])


@dataclass(frozen=True)
class DrawnChart:
    """A chart: its specification, and the rows of each of its datasets."""

    specification: dict[str, Any]
    datasets: list[list[dict[str, Any]]]


def charts(page: AppTest) -> list[DrawnChart]:
    """The charts, in page order."""
    return [
        DrawnChart(
            specification=json.loads(element.proto.spec),
            datasets=[
                *([_rows(element.proto.data.data)] if element.proto.HasField("data") else []),
                *_inline(json.loads(element.proto.spec)),
            ],
        )
        for element in page.get("vega_lite_chart")
    ]


def _rows(stream: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pa.ipc.open_stream(stream).read_all().to_pylist()
    return found


def _inline(part: Any) -> list[list[dict[str, Any]]]:
    """The rows that are inline in a specification."""
    if isinstance(part, list):
        return [rows for one in part for rows in _inline(one)]
    if not isinstance(part, dict):
        return []
    own = [part["values"]] if "values" in part and isinstance(part["values"], list) else []
    inner = [rows for key, value in part.items() if key != "values" for rows in _inline(value)]
    return [rows for rows in own + inner if rows and isinstance(rows[0], dict)]
