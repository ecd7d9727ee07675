"""The charts of the artist pages: pure functions of their data, remembered, since building one costs more than a rerun.

Values are cents, numbers or basis points as they are; every text on them is ready to print.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import altair as alt

from dashboards.charts import palette, specification
from dashboards.formatting import Language

_REMEMBERED: Final = 512
_BAR_HEIGHT: Final = 34
_ESTIMATE_OPACITY: Final = 0.45
_OUTLINED: Final = "2E"
"""The opacity of what is outlined, as the last two digits of a colour."""


@dataclass(frozen=True)
class Segment:
    """One part of a month's bar. `mark` stands under the month, such as « estimation »."""

    month: str
    series: str
    value: int
    label: str
    mark: str = ""


@dataclass(frozen=True)
class Bar:
    """One horizontal bar, with its value as a text beside it."""

    name: str
    value: int
    label: str


@lru_cache(maxsize=_REMEMBERED)
def money_bars(
    segments: tuple[Segment, ...], *, series: tuple[str, str], language: Language, description: str, dark: bool
) -> dict[str, Any]:
    """Return months as stacked bars of cents; the first series is filled, the second outlined, an estimate pale."""
    return _stacked(
        segments,
        series=series,
        colours=("emerging", "pool"),
        axis=alt.Axis(title=None, labelExpr="format(datum.value / 100, '$,.0f')", tickCount=4, domain=False),
        language=language,
        description=description,
        dark=dark,
    )


@lru_cache(maxsize=_REMEMBERED)
def people_bars(
    segments: tuple[Segment, ...], *, series: tuple[str, ...], language: Language, description: str, dark: bool
) -> dict[str, Any]:
    """Return months as stacked bars of viewers; the first series is filled, the others outlined."""
    return _stacked(
        segments,
        series=series,
        colours=("independent", "known", "other"),
        axis=alt.Axis(title=None, format=",.0f", tickCount=4, tickMinStep=1, domain=False),
        language=language,
        description=description,
        dark=dark,
    )


@lru_cache(maxsize=_REMEMBERED)
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
    """Return how far playbacks got: (minute, share in basis points, text) each; a rule marks where half are left.

    `titles` name the two axes: minutes and share.
    """
    colours = palette(dark=dark)
    rows = [{"minute": minute, "share": share / 10_000, "label": label} for minute, share, label in points]
    x = alt.X(
        "minute:Q", title=titles[0], axis=alt.Axis(grid=False, tickCount=6, tickMinStep=1), scale=alt.Scale(nice=False)
    )
    y = alt.Y(
        "share:Q",
        title=None,
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1], domain=False),
    )
    base = alt.Chart(_inline(rows)).encode(x=x, y=y)
    layers: list[alt.Chart] = [
        base.mark_area(color=colours["independent"], opacity=0.18),
        base.mark_line(color=colours["independent"], strokeWidth=2.5),
        base.mark_point(opacity=0, size=120).encode(tooltip=alt.Tooltip("label:N", title=titles[1])),
    ]
    if half_at is not None:
        half = alt.Chart(_inline([{"minute": half_at, "label": half_label}])).encode(x="minute:Q")
        layers.append(half.mark_rule(color=colours["text"], strokeDash=[4, 4]))
        late = half_at > points[-1][0] / 2
        layers.append(
            half.mark_text(
                align="right" if late else "left", dx=-6 if late else 6, dy=4, baseline="top", color=colours["text"]
            ).encode(text="label:N", y=alt.value(0))
        )
    return specification(
        alt.layer(*layers).properties(height=260), language=language, description=description, dark=dark
    )


@lru_cache(maxsize=_REMEMBERED)
def name_bars(bars: tuple[Bar, ...], *, language: Language, description: str, dark: bool) -> dict[str, Any]:
    """Return named values as horizontal bars in the order given; each bar's name stands above it, to fit a phone."""
    colours = palette(dark=dark)
    rows = [{"name": bar.name, "value": bar.value, "label": f"{bar.name} · {bar.label}"} for bar in bars]
    order = [bar.name for bar in bars]
    base = alt.Chart(_inline(rows)).encode(y=alt.Y("name:N", sort=order, axis=None))
    drawn = base.mark_bar(color=colours["independent"], cornerRadiusEnd=3, height=10, yOffset=9).encode(
        x=alt.X("value:Q", axis=None, scale=alt.Scale(domainMin=0))
    )
    named = base.mark_text(align="left", baseline="bottom", dy=1, fontSize=13).encode(text="label:N", x=alt.value(0))
    return specification(
        alt.layer(drawn, named).properties(height=alt.Step(_BAR_HEIGHT)),
        language=language,
        description=description,
        dark=dark,
    )


def _inline(rows: Sequence[Mapping[str, object]]) -> alt.InlineData:
    return alt.InlineData(values=[dict(row) for row in rows])


def _stacked(
    segments: Sequence[Segment],
    *,
    series: tuple[str, ...],
    colours: tuple[str, ...],
    axis: alt.Axis,
    language: Language,
    description: str,
    dark: bool,
) -> dict[str, Any]:
    theme = palette(dark=dark)
    shades = [theme[colour] for colour in colours[: len(series)]]
    rows = [
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
    order = list(dict.fromkeys(str(row["month"]) for row in rows))
    fills = [shades[0], *(f"{shade}{_OUTLINED}" for shade in shades[1:])]
    legend = alt.Legend(title=None)
    chart = (
        alt.Chart(_inline(rows))
        .mark_bar(strokeWidth=1.5, cornerRadius=2)
        .encode(
            x=alt.X(
                "month:N",
                sort=order,
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
    return specification(chart, language=language, description=description, dark=dark)
