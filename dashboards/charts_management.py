"""The charts of the management pages: pure functions of their rows, with cached results.

Figures come with their formatted text, so that nothing is formatted twice. Every series has its name on the chart or
its own dash, and every bar has its figure, so that no information is in the colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any, Final

import altair as alt

from allive.dashboards import charts
from allive.dashboards.formatting import Language

HEIGHT: Final = 280
_REMEMBERED: Final = 512
_ROW_HEIGHT: Final = 34
_LABEL_GAP: Final = 0.09
_LONG_NAME: Final = 15
_ROOM_FOR_FIGURES: Final = 1.25
_FILLS: Final = (1.0, 0.4, 0.7)
_BP: Final = 10_000


@dataclass(frozen=True)
class Series:
    """A line or a kind of bar: its name in the legend, its colour by meaning, its dash."""

    name: str
    colour: str
    dash: tuple[int, ...] = (1, 0)


@dataclass(frozen=True)
class Mark:
    """One figure of a chart: its place on the axis, its series, its value and its formatted text."""

    place: str
    series: str
    value: float
    text: str = ""


@dataclass(frozen=True)
class Look:
    """How a chart is drawn for a reader: language, theme, and text alternative."""

    language: Language
    dark: bool
    description: str


@lru_cache(maxsize=_REMEMBERED)
def days(
    marks: tuple[Mark, ...],
    *,
    series: tuple[Series, ...],
    unit: str,
    number: str = ",.0f",
    zero: bool = True,
    look: Look,
) -> dict[str, Any]:
    """Return lines over days; `place` is an ISO day, `number` a D3 format for the axis."""
    x = alt.X(
        "place:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%e %b", tickCount=6, grid=False)
    )
    y = alt.Y("value:Q", title=unit, scale=alt.Scale(zero=zero, nice=True), axis=alt.Axis(format=number, tickCount=5))
    lines = alt.Chart(_data(marks)).encode(x=x, y=y)
    chart = lines.mark_line(strokeWidth=2.25).encode(
        color=_colour(series, look), strokeDash=_dash(series), tooltip=[_text("place"), _text("series"), _text("text")]
    )
    return charts.specification(
        chart.properties(height=HEIGHT, width="container"),
        language=look.language,
        description=look.description,
        dark=look.dark,
    )


@lru_cache(maxsize=_REMEMBERED)
def months(
    marks: tuple[Mark, ...], *, series: tuple[Series, ...], unit: str, number: str = ",.0f", look: Look
) -> dict[str, Any]:
    """Return lines over months with points, and the figure at the latest one; `place` is the month's name."""
    places = _places(marks)
    newest = _apart(
        [mark for mark in marks if mark.place == places[-1]], least=_LABEL_GAP * max(m.value for m in marks)
    )
    x = alt.X("place:N", title=None, sort=places, axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False))
    y = alt.Y("value:Q", title=unit, axis=alt.Axis(format=number, tickCount=5), scale=alt.Scale(nice=True))
    tooltip = [_text("place"), _text("series"), _text("text")]
    base = alt.Chart(_data(marks)).encode(x=x, y=y, color=_colour(series, look))
    lines = base.mark_line(strokeWidth=2.25, point=alt.OverlayMarkDef(size=45)).encode(
        strokeDash=_dash(series), tooltip=tooltip
    )
    labels = (
        alt.Chart(_data(newest))
        .mark_text(
            align="right", baseline="bottom", dy=-8, dx=4, fontWeight=600, color=charts.palette(dark=look.dark)["text"]
        )
        .encode(x=x, y=y, text="text:N")
    )
    return charts.specification(
        alt.layer(lines, labels).properties(height=HEIGHT, width="container"),
        language=look.language,
        description=look.description,
        dark=look.dark,
    )


@lru_cache(maxsize=_REMEMBERED)
def stacks(
    marks: tuple[Mark, ...], *, series: tuple[Series, ...], unit: str, number: str = ",.0f", look: Look
) -> dict[str, Any]:
    """Return stacked columns over months, with negative parts below the zero line."""
    order = [one.name for one in series]
    places = _places(marks)
    values = [
        {"place": mark.place, "series": mark.series, "value": mark.value, "text": mark.text, "order": place}
        for mark in marks
        for place in [order.index(mark.series)]
    ]
    x = alt.X("place:N", title=None, sort=places, axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False))
    y = alt.Y("value:Q", title=unit, stack="zero", axis=alt.Axis(format=number, tickCount=5))
    chart = (
        alt.Chart({"values": values})
        .mark_bar(cornerRadius=2, strokeWidth=1)
        .encode(
            x=x,
            y=y,
            color=_colour(series, look),
            stroke=_stroke(series, look),
            fillOpacity=_fill(series),
            order="order:Q",
            tooltip=[_text("place"), _text("series"), _text("text")],
        )
    )
    return charts.specification(
        chart.properties(height=HEIGHT, width="container"),
        language=look.language,
        description=look.description,
        dark=look.dark,
    )


@lru_cache(maxsize=_REMEMBERED)
def bars(marks: tuple[Mark, ...], *, series: tuple[Series, ...], look: Look) -> dict[str, Any]:
    """Return grouped bars for each place, each with its figure next to it."""
    places = _places(marks)
    names = [one.name for one in series]
    y = alt.Y(
        "place:N", title=None, sort=places, axis=alt.Axis(ticks=False, domain=False, labelLimit=150, labelPadding=8)
    )
    offset = alt.YOffset("series:N", sort=names)
    most = max(mark.value for mark in marks) or 1
    x = alt.X("value:Q", axis=None, scale=alt.Scale(domain=[0, _ROOM_FOR_FIGURES * most], nice=False))
    base = alt.Chart(_data(marks)).encode(y=y, x=x, yOffset=offset)
    drawn = base.mark_bar(cornerRadius=2, strokeWidth=1).encode(
        color=_colour(series, look),
        stroke=_stroke(series, look),
        fillOpacity=_fill(series),
        tooltip=[_text("place"), _text("series"), _text("text")],
    )
    labels = base.mark_text(align="left", dx=5).encode(text="text:N")
    height = max(90, len(places) * (_ROW_HEIGHT if len(names) == 1 else 26 * len(names) + 12))
    return charts.specification(
        alt.layer(drawn, labels).properties(height=height, width="container"),
        language=look.language,
        description=look.description,
        dark=look.dark,
    )


@lru_cache(maxsize=_REMEMBERED)
def differences(marks: tuple[Mark, ...], *, series: tuple[Series, ...], look: Look) -> dict[str, Any]:
    """Return bars on both sides of a zero line, each with its signed figure next to it."""
    places = _places(marks)
    y = alt.Y(
        "place:N", title=None, sort=places, axis=alt.Axis(ticks=False, domain=False, labelLimit=130, labelPadding=8)
    )
    x = alt.X("value:Q", axis=None, scale=alt.Scale(nice=False, padding=56))
    base = alt.Chart(_data(marks)).encode(y=y, x=x)
    drawn = base.mark_bar(cornerRadius=2, height=alt.RelativeBandSize(0.62)).encode(
        color=_colour(series, look), tooltip=[_text("place"), _text("text")]
    )
    right = base.transform_filter("datum.value >= 0").mark_text(align="left", dx=5).encode(text="text:N")
    left = base.transform_filter("datum.value < 0").mark_text(align="right", dx=-5).encode(text="text:N")
    zero = (
        alt.Chart({"values": [{"zero": 0}]})
        .mark_rule(color=charts.palette(dark=look.dark)["muted"])
        .encode(x=alt.X("zero:Q", axis=None))
    )
    return charts.specification(
        alt.layer(drawn, zero, right, left).properties(height=max(120, 28 * len(places)), width="container"),
        language=look.language,
        description=look.description,
        dark=look.dark,
    )


@lru_cache(maxsize=_REMEMBERED)
def heat_map(marks: tuple[Mark, ...], *, unit: str, look: Look) -> dict[str, Any]:
    """Return a heat map of cohorts (`place`) by months since the first (`series`), in basis points, with figures."""
    colours = charts.palette(dark=look.dark)
    low, high = ("#2A2438", colours["known"]) if look.dark else ("#EEEAFB", colours["known"])
    columns = sorted({mark.series for mark in marks}, key=int)
    least = min(min(mark.value for mark in marks) // 1_000 * 1_000, _BP - 1_000)
    readable_from = least + 0.6 * (_BP - least)
    x = alt.X(
        "series:O", title=unit, sort=columns, axis=alt.Axis(labelAngle=0, orient="top", ticks=False, domain=False)
    )
    y = alt.Y("place:N", title=None, sort=_places(marks), axis=alt.Axis(ticks=False, domain=False))
    base = alt.Chart(_data(marks)).encode(x=x, y=y)
    cells = base.mark_rect(cornerRadius=4, stroke="#14121D" if look.dark else "#FBF8F3", strokeWidth=3).encode(
        color=alt.Color("value:Q", scale=alt.Scale(domain=[least, _BP], range=[low, high]), legend=None),
        tooltip=[_text("place"), _text("series"), _text("text")],
    )
    on_cell = ("#F4EFE7", "#14121D") if look.dark else ("#1E1A28", "#FFFFFF")
    figures = base.mark_text(fontSize=12).encode(
        text="text:N",
        color=alt.condition(f"datum.value > {readable_from}", alt.value(on_cell[1]), alt.value(on_cell[0])),
    )
    return charts.specification(
        alt.layer(cells, figures).properties(height=max(110, 32 * len(_places(marks)) + 40), width="container"),
        language=look.language,
        description=look.description,
        dark=look.dark,
    )


@lru_cache(maxsize=_REMEMBERED)
def day_heat(marks: tuple[Mark, ...], *, look: Look) -> dict[str, Any]:
    """Return a heat map of players (`place`) by ISO day (`series`), in basis points, with whole percentages."""
    colours = charts.palette(dark=look.dark)
    low, high = ("#2A2438", colours["emerging"]) if look.dark else ("#F6EDE4", colours["emerging"])
    most = max(1_000, *(mark.value for mark in marks))
    values = [
        {**row, "percent": round(mark.value / 100)} for row, mark in zip(_data(marks)["values"], marks, strict=True)
    ]
    axis = alt.Axis(format="%e", labelAngle=0, orient="top", ticks=False, domain=False, labelOverlap="greedy")
    x = alt.X("utcyearmonthdate(series):O", title=None, axis=axis)
    y = alt.Y("place:N", title=None, sort=_places(marks), axis=alt.Axis(ticks=False, domain=False, labelLimit=130))
    base = alt.Chart({"values": values}).encode(x=x, y=y)
    cells = base.mark_rect(cornerRadius=3, stroke="#14121D" if look.dark else "#FBF8F3", strokeWidth=2).encode(
        color=alt.Color("value:Q", scale=alt.Scale(domain=[0, most], range=[low, high]), legend=None),
        tooltip=[_text("place"), _text("series"), _text("text")],
    )
    on_cell = ("#F4EFE7", "#14121D") if look.dark else ("#1E1A28", "#FFFFFF")
    figures = base.mark_text(fontSize=10).encode(
        text="percent:Q",
        color=alt.condition(f"datum.value > {0.6 * most}", alt.value(on_cell[1]), alt.value(on_cell[0])),
    )
    return charts.specification(
        alt.layer(cells, figures).properties(height=30 * len(_places(marks)) + 40, width="container"),
        language=look.language,
        description=look.description,
        dark=look.dark,
    )


def _apart(marks: Sequence[Mark], *, least: float) -> tuple[Mark, ...]:
    """Return marks with overlapping labels moved up until they are `least` apart."""
    moved: list[Mark] = []
    for mark in sorted(marks, key=lambda one: one.value):
        value = max(mark.value, moved[-1].value + least) if moved else mark.value
        moved.append(replace(mark, value=value))
    return tuple(moved)


def iso(day: date) -> str:
    """Return a day in the ISO format that charts take."""
    return day.isoformat()


def _data(marks: Sequence[Mark]) -> dict[str, list[dict[str, object]]]:
    return {
        "values": [
            {"place": mark.place, "series": mark.series, "value": mark.value, "text": mark.text} for mark in marks
        ]
    }


def _places(marks: Sequence[Mark]) -> list[str]:
    return list(dict.fromkeys(mark.place for mark in marks))


def _colour(series: Sequence[Series], look: Look) -> alt.Color:
    colours = charts.palette(dark=look.dark)
    scale = alt.Scale(domain=[one.name for one in series], range=[colours[one.colour] for one in series])
    return alt.Color("series:N", scale=scale, legend=_legend(series), sort=None)


def _stroke(series: Sequence[Series], look: Look) -> alt.Stroke:
    colours = charts.palette(dark=look.dark)
    scale = alt.Scale(domain=[one.name for one in series], range=[colours[one.colour] for one in series])
    return alt.Stroke("series:N", scale=scale, legend=_legend(series), sort=None)


def _dash(series: Sequence[Series]) -> alt.StrokeDash:
    scale = alt.Scale(domain=[one.name for one in series], range=[list(one.dash) for one in series])
    return alt.StrokeDash("series:N", scale=scale, legend=_legend(series), sort=None)


def _fill(series: Sequence[Series]) -> alt.FillOpacity:
    """Return the fill opacity of each kind of bar, so that they also differ without colour."""
    scale = alt.Scale(
        domain=[one.name for one in series], range=[_FILLS[place % len(_FILLS)] for place in range(len(series))]
    )
    return alt.FillOpacity("series:N", scale=scale, legend=_legend(series), sort=None)


def _legend(series: Sequence[Series]) -> alt.Legend | None:
    if len(series) == 1:
        return None
    columns = 1 if any(len(one.name) > _LONG_NAME for one in series) else 2
    return alt.Legend(orient="top", title=None, columns=columns, labelLimit=260)


def _text(field: str) -> alt.Tooltip:
    return alt.Tooltip(f"{field}:N", title="")
