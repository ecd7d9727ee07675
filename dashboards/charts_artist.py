"""The charts of the artist pages: pure functions of their data. Shapes are cached, because building one is slow.

Values are cents, counts or basis points; all texts are already formatted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import altair as alt

from allive.dashboards.charts import filled, palette, specification
from allive.dashboards.formatting import Language

_BAR_HEIGHT: Final = 34
_ESTIMATE_OPACITY: Final = 0.45
_OUTLINED: Final = "2E"
"""Fill opacity of outlined bars, as the last two hex digits of a colour."""


@dataclass(frozen=True)
class Segment:
    """One part of a month's bar. `mark` is shown under the month, such as « estimation »."""

    month: str
    series: str
    value: int
    label: str
    mark: str = ""


@dataclass(frozen=True)
class Bar:
    """One horizontal bar, with its value as a text next to it."""

    name: str
    value: int
    label: str


def money_bars(
    segments: tuple[Segment, ...], *, series: tuple[str, str], language: Language, description: str, dark: bool
) -> dict[str, Any]:
    """Return months as stacked bars of cents: the first series filled, the second outlined, estimates pale."""
    shape = _stacked(series, colours=("emerging", "pool"), is_money=True, language=language, dark=dark)
    return filled(shape, description=description, segments=_rows_of(segments, series))


def people_bars(
    segments: tuple[Segment, ...], *, series: tuple[str, ...], language: Language, description: str, dark: bool
) -> dict[str, Any]:
    """Return months as stacked bars of viewers: the first series filled, the others outlined."""
    shape = _stacked(series, colours=("independent", "known", "other"), is_money=False, language=language, dark=dark)
    return filled(shape, description=description, segments=_rows_of(segments, series))


def retention_curve(
    points: tuple[tuple[int, int, str], ...],
    *,
    titles: tuple[str, str],
    half_at: int | None,
    half_label: str,
    language: Language,
    description: str,
    dark: bool,
) -> dict[str, Any]:
    """Return the curve of playbacks still watching. Each point is (minute, share in basis points, text).

    A rule marks the minute at which half are left. `titles` are those of the two axes: minutes and share.
    """
    side = None if half_at is None else "right" if half_at > points[-1][0] / 2 else "left"
    rows = [{"minute": minute, "share": share / 10_000, "label": label} for minute, share, label in points]
    return filled(
        _retention(titles, half_side=side, language=language, dark=dark),
        description=description,
        points=rows,
        half=[{"minute": half_at, "label": half_label}],
    )


def name_bars(bars: tuple[Bar, ...], *, language: Language, description: str, dark: bool) -> dict[str, Any]:
    """Return named values as horizontal bars in the order given, with each name above its bar, to fit on a phone."""
    rows = [{"name": bar.name, "value": bar.value, "label": f"{bar.name} · {bar.label}"} for bar in bars]
    return filled(_named(language=language, dark=dark), description=description, bars=rows)


@cache
def _retention(
    titles: tuple[str, str], *, half_side: Literal["left", "right"] | None, language: Language, dark: bool
) -> dict[str, Any]:
    colours = palette(dark=dark)
    x = alt.X(
        "minute:Q", title=titles[0], axis=alt.Axis(grid=False, tickCount=6, tickMinStep=1), scale=alt.Scale(nice=False)
    )
    y = alt.Y(
        "share:Q",
        title=None,
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1], domain=False),
    )
    base = alt.Chart(alt.NamedData(name="points")).encode(x=x, y=y)
    layers: list[alt.Chart] = [
        base.mark_area(color=colours["independent"], opacity=0.18),
        base.mark_line(color=colours["independent"], strokeWidth=2.5),
        base.mark_point(opacity=0, size=120).encode(tooltip=alt.Tooltip("label:N", title=titles[1])),
    ]
    if half_side is not None:
        # The text goes on the side of the rule with more room.
        half = alt.Chart(alt.NamedData(name="half")).encode(x="minute:Q")
        dx = -6 if half_side == "right" else 6
        layers.append(half.mark_rule(color=colours["text"], strokeDash=[4, 4]))
        layers.append(
            half.mark_text(align=half_side, dx=dx, dy=4, baseline="top", color=colours["text"]).encode(
                text="label:N", y=alt.value(0)
            )
        )
    return specification(alt.layer(*layers).properties(height=260), language=language, dark=dark)


@cache
def _named(*, language: Language, dark: bool) -> dict[str, Any]:
    colours = palette(dark=dark)
    base = alt.Chart(alt.NamedData(name="bars")).encode(y=alt.Y("name:N", sort=None, axis=None))
    drawn = base.mark_bar(color=colours["independent"], cornerRadiusEnd=3, height=10, yOffset=9).encode(
        x=alt.X("value:Q", axis=None, scale=alt.Scale(domainMin=0))
    )
    named = base.mark_text(align="left", baseline="bottom", dy=1, fontSize=13).encode(text="label:N", x=alt.value(0))
    chart = alt.layer(drawn, named).properties(height=alt.Step(_BAR_HEIGHT))
    return specification(chart, language=language, dark=dark)


def _rows_of(segments: Sequence[Segment], series: tuple[str, ...]) -> list[dict[str, object]]:
    return [
        {
            "month": f"{segment.month}|{segment.mark}" if segment.mark else segment.month,
            "series": segment.series,
            "place": series.index(segment.series),
            "value": segment.value,
            "label": segment.label,
            "is_mark": bool(segment.mark),
        }
        for segment in segments
    ]


@cache
def _stacked(
    series: tuple[str, ...], *, colours: tuple[str, ...], is_money: bool, language: Language, dark: bool
) -> dict[str, Any]:
    theme = palette(dark=dark)
    shades = [theme[colour] for colour in colours[: len(series)]]
    fills = [shades[0], *(f"{shade}{_OUTLINED}" for shade in shades[1:])]
    legend = alt.Legend(title=None)
    axis = (
        alt.Axis(title=None, labelExpr="format(datum.value / 100, '$,.0f')", tickCount=4, domain=False)
        if is_money
        else alt.Axis(title=None, format=",.0f", tickCount=4, tickMinStep=1, domain=False)
    )
    chart = (
        alt.Chart(alt.NamedData(name="segments"))
        .mark_bar(strokeWidth=1.5, cornerRadius=2)
        .encode(
            x=alt.X(
                "month:N",
                sort=None,
                title=None,
                axis=alt.Axis(labelAngle=0, labelExpr="split(datum.label, '|')", ticks=False, labelPadding=8),
                scale=alt.Scale(paddingInner=0.35, paddingOuter=0.2),
            ),
            y=alt.Y("value:Q", axis=axis, stack="zero"),
            fill=alt.Fill("series:N", scale=alt.Scale(domain=list(series), range=fills), legend=legend),
            stroke=alt.Stroke("series:N", scale=alt.Scale(domain=list(series), range=shades), legend=legend),
            opacity=alt.condition("datum.is_mark", alt.value(_ESTIMATE_OPACITY), alt.value(1)),
            order=alt.Order("place:Q"),
            tooltip=[alt.Tooltip("label:N", title=" ")],
        )
        .properties(height=260)
    )
    return specification(chart, language=language, dark=dark)
