"""Charts as Vega-Lite specifications, built with Altair, in the theme's colours and the reader's language.

Series never differ by colour alone: they also have names, dashes or shapes. Titles are statements, shown as headings
above the chart; `description` is the text alternative for screen readers.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import altair as alt
import streamlit as st

from allive.dashboards.formatting import Language

LIGHT: Final = {
    "emerging": "#B83A0C",
    "independent": "#0B6E69",
    "known": "#5B4BC4",
    "pool": "#8A6A00",
    "other": "#4B5563",
    "text": "#1E1A28",
    "muted": "#5A5465",
    "grid": "#E4DBCD",
}
DARK: Final = {
    "emerging": "#FF9A5C",
    "independent": "#3CC9BE",
    "known": "#A99BFF",
    "pool": "#E2BC4A",
    "other": "#AEB4C0",
    "text": "#F4EFE7",
    "muted": "#BDB6C8",
    "grid": "#332E42",
}

_NUMBERS: Final = {
    Language.FRENCH: alt.NumberLocale(
        decimal=",", thousands="\u202f", grouping=[3], currency=["", "\u202f€"], percent="\u202f%", minus="\u2212"
    ),
    Language.ENGLISH: alt.NumberLocale(decimal=".", thousands=",", grouping=[3], currency=["€", ""], minus="\u2212"),
}


def is_dark() -> bool:
    """Return whether the reader sees the dark theme."""
    return st.context.theme.type == "dark"


def palette(*, dark: bool) -> dict[str, str]:
    """Return the colours of the theme, by meaning."""
    return DARK if dark else LIGHT


def specification(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart,
    *,
    language: Language,
    dark: bool,
    description: str = "",
) -> dict[str, Any]:
    """Return the chart as a specification to draw, with locale, font and colours set.

    `description` becomes the chart's accessible name; `filled` sets it for a shape.
    """
    # Each `configure_…` would copy the chart with all its data. Encodings were validated when they were created.
    specified: dict[str, Any] = chart.properties(description=description).to_dict(validate=False)
    return {**specified, "config": _config(language, dark=dark)}


def filled(shape: Mapping[str, Any], *, description: str, **data: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    """Return a specification with its named data (`alt.NamedData`) replaced by these rows.

    A chart's shape is the same for everyone and slow to build with Altair; filling in the rows is fast.

    Raises:
        KeyError: The shape names data that were not given.
    """
    return {**_with_rows(shape, data), "description": description}


def _with_rows(part: Any, data: Mapping[str, Sequence[Mapping[str, object]]]) -> Any:
    if isinstance(part, Mapping):
        return {
            key: {"values": list(data[value["name"]])} if key == "data" and "name" in value else _with_rows(value, data)
            for key, value in part.items()
        }
    return [_with_rows(one, data) for one in part] if isinstance(part, list) else part


@cache
def _config(language: Language, *, dark: bool) -> dict[str, Any]:
    colours = palette(dark=dark)
    months = language.locale.months["format"]
    configured = (
        alt.Chart({"values": []})
        .mark_point()
        .configure(
            locale=alt.Locale(
                number=_NUMBERS[language],
                time=alt.TimeLocale(
                    dateTime="%A %e %B %Y, %X",
                    date="%d/%m/%Y",
                    time="%H:%M",
                    periods=["AM", "PM"],
                    days=[language.locale.days["format"]["wide"][place] for place in (6, 0, 1, 2, 3, 4, 5)],
                    shortDays=[language.locale.days["format"]["abbreviated"][place] for place in (6, 0, 1, 2, 3, 4, 5)],
                    months=[months["wide"][place] for place in range(1, 13)],
                    shortMonths=[months["abbreviated"][place] for place in range(1, 13)],
                ),
            ),
            font="Inter, 'Helvetica Neue', Arial, sans-serif",
            background="transparent",
        )
        .configure_view(strokeWidth=0)
        .configure_axis(
            labelColor=colours["muted"],
            titleColor=colours["muted"],
            gridColor=colours["grid"],
            domainColor=colours["grid"],
            tickColor=colours["grid"],
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(
            labelColor=colours["text"], titleColor=colours["muted"], orient="top", title=None, labelFontSize=13
        )
        .configure_text(color=colours["text"], fontSize=12)
    )
    config: dict[str, Any] = configured.to_dict()["config"]
    return config


def warm_up() -> None:
    """Build in advance what slows down the first chart: Altair's schema, and the config per language and theme."""
    for language in Language:
        for dark in (False, True):
            _config(language, dark=dark)


def draw(specified: dict[str, Any]) -> None:
    """Draw a specification at full width, without Streamlit's own chart theme."""
    st.vega_lite_chart(specified, width="stretch", theme=None)
