"""Parts shared by the management pages: choices, comparison with the month before, and tables below charts.

Every chart is followed by the same figures as a folded table with a CSV export.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from allive.dashboards import charts, formatting, layout
from allive.dashboards.charts_management import Look
from allive.dashboards.queries.management.overview import platform_months
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

_CHOICE_WIDTH: Final = 340


def choose_month(viewer: Viewer, months: Sequence[str], *, key: str, default: str | None = None) -> str:
    """Return the month that the reader chose among `months`, which must not be empty."""
    texts = Texts("platform", viewer.language)
    return choose(
        texts("choose.month"),
        {month: formatting.month_name(month, viewer.language) for month in months},
        key=key,
        default=default,
    )


def last_full_month(viewer: Viewer, months: Sequence[str]) -> str:
    """Return the latest month with complete data, or the latest if there is none. `months` are latest first."""
    complete = {row["month"] for row in platform_months(viewer.principal, viewer.copy) if row["is_complete"]}
    return next((month for month in months if month in complete), months[0])


def choose(label: str, options: Mapping[str, str], *, key: str, default: str | None = None) -> str:
    """Return the key of the option that the reader chose."""
    keys = list(options)
    chosen: str = st.selectbox(
        label,
        keys,
        index=keys.index(default) if default in keys else 0,
        format_func=lambda one: options[one],
        key=key,
        width=_CHOICE_WIDTH,
    )
    return chosen


def sentence(text: str) -> str:
    """Return a text with a capital first letter.

    >>> sentence("pas exclusif")
    'Pas exclusif'
    """
    return text[:1].upper() + text[1:]


def look(viewer: Viewer, description: str) -> Look:
    """Return how charts are drawn for the reader of this page."""
    return Look(language=viewer.language, dark=charts.is_dark(), description=description)


def change(viewer: Viewer, now: int, before: int | None, shown: Callable[[int], str], *, than: str) -> str:
    """Return a figure's change from the month before in words, such as « +12 par rapport à février 2021 »."""
    texts = Texts("platform", viewer.language)
    month = formatting.month_name(than, viewer.language) if than else ""
    if before is None:
        return texts("change.first")
    if now == before:
        return texts("change.none", month=month)
    difference = f"+{shown(now - before)}" if now > before else shown(now - before)
    return texts("change.by", difference=difference, month=month)


def figures(
    viewer: Viewer,
    columns: Sequence[layout.Column],
    rows: Sequence[Mapping[str, str]],
    *,
    caption: str,
    export: str,
    parameters: Mapping[str, str] | None = None,
    total: Mapping[str, str] | None = None,
    label: str = "",
) -> None:
    """Draw a chart's figures as a folded table with its CSV export."""
    with st.expander(label or Texts("platform", viewer.language)("figures")):
        layout.table(columns, rows, caption=caption, viewer=viewer, total=total)
        layout.export_link(viewer, export, **(parameters or {}))
