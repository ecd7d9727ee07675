"""*Vue d'ensemble*: the platform's figures this month, compared with the month before, their trend and targets."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from allive.dashboards import charts, charts_management, formatting, layout
from allive.dashboards.app_pages.management import reading
from allive.dashboards.charts_management import Mark, Series
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.management import overview as queries
from allive.dashboards.serving import Row, Rows
from allive.dashboards.targets import TargetsError, read_targets, targets_path
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

MS_PER_HOUR: Final = 3_600_000
_TREND_MONTHS: Final = 13


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("overview", viewer.language)
    layout.page_head(viewer, texts("title"), texts("intro"))
    months = queries.platform_months(viewer.principal, viewer.copy)
    if not months:
        shared = Texts("platform", viewer.language)
        layout.nothing_yet(shared("nothing.title"), shared("nothing.text"))
        return
    names = [row["month"] for row in reversed(months)]
    month = reading.choose_month(viewer, names, key="overview_month", default=reading.last_full_month(viewer, names))
    until = tuple(row for row in months if row["month"] <= month)[-_TREND_MONTHS:]
    layout.cards(_cards(viewer, until))
    _targets(viewer, until[-1])
    days = queries.platform_days_until(viewer.principal, viewer.copy, month)
    _subscribers(viewer, until, days)
    _revenue(viewer, until)
    _watching(viewer, until, days)
    _watchers(viewer, until, days)
    _peak(viewer, until, days)
    _months_table(viewer, months)


def _cards(viewer: Viewer, until: Rows) -> list[Card]:
    texts = Texts("overview", viewer.language)
    language = viewer.language
    row = until[-1]
    before = until[-2] if len(until) > 1 else None

    def counted(number: int) -> str:
        return formatting.count(number, language)

    def money(cents: int) -> str:
        return formatting.euros(cents, language)

    def hours(ms: int) -> str:
        return texts("hours", number=formatting.count(round(ms / MS_PER_HOUR), language))

    def share(bp: int) -> str:
        return formatting.percent(bp, language)

    def points(bp: int) -> str:
        return texts("points", number=formatting.percent(bp, language).rstrip("%\u202f"))

    def card(
        key: str, shown: Callable[[int], str], *, extra: str = "", difference: Callable[[int], str] | None = None
    ) -> Card:
        label = texts(f"card.{key}")
        value = row[key]
        notes = [extra] if extra else []
        if not row["is_complete"]:
            notes.append(Texts("platform", language)("change.running"))
        elif value is not None:
            notes.append(
                reading.change(
                    viewer,
                    value,
                    before[key] if before else None,
                    difference or shown,
                    than=before["month"] if before else "",
                )
            )
        return Card(
            label=label,
            value=formatting.NOTHING if value is None else shown(value),
            note=" · ".join(notes),
            key=key,
            trend=tuple(one[key] for one in until),
            trend_label=_trend_label(viewer, label, until),
        )

    peak_at = row["peak_at"]
    return [
        card("active_subscribers_at_end", counted),
        card("mrr_incl_vat_cents", money, extra=texts("excl_vat", amount=money(row["mrr_excl_vat_cents"]))),
        card("envelope_cents", money),
        card("watch_ms", hours),
        card("watchers", counted),
        card("idle_share_bp", share, difference=points),
        card("gross_churn_bp", share, difference=points),
        card(
            "peak_concurrent_playbacks",
            counted,
            extra=formatting.instant(peak_at, language) if peak_at else "",
        ),
    ]


def _trend_label(viewer: Viewer, label: str, until: Rows) -> str:
    return Texts("overview", viewer.language)(
        "trend",
        figure=label,
        first=formatting.month_name(until[0]["month"], viewer.language),
        last=formatting.month_name(until[-1]["month"], viewer.language),
    )


def _targets(viewer: Viewer, row: Row) -> None:
    texts = Texts("overview", viewer.language)
    language = viewer.language
    path = targets_path(viewer.copy)
    try:
        targets = read_targets(path)
    except TargetsError as error:
        st.subheader(texts("targets.title"), anchor=False)
        layout.nothing_yet(texts("targets.unreadable"), str(error), icon=":material/error:")
        return
    if not targets:
        st.subheader(texts("targets.title"), anchor=False)
        layout.nothing_yet(texts("targets.none"), texts("targets.how", path=str(path.name)), icon=":material/flag:")
        return

    def counted(number: int) -> str:
        return formatting.count(number, language)

    shown: dict[str, Callable[[int], str]] = {
        "mrr_incl_vat_cents": lambda value: formatting.euros(value, language),
        "watch_hours": lambda value: texts("hours", number=formatting.count(value, language)),
        "idle_share_bp": lambda value: formatting.percent(value, language),
        "gross_churn_bp": lambda value: formatting.percent(value, language),
        "net_churn_bp": lambda value: formatting.percent(value, language),
    }
    rows = []
    met = 0
    for target in targets:
        value = row["watch_ms"] // MS_PER_HOUR if target.figure == "watch_hours" else row[target.figure]
        print_ = shown.get(target.figure, counted)
        is_met = value is not None and target.is_met_by(value)
        met += is_met
        state = "unknown" if value is None else "met" if is_met else "missed" if row["is_complete"] else "not_yet"
        rows.append(
            {
                "figure": texts(f"targets.{target.figure}"),
                "value": formatting.NOTHING if value is None else print_(value),
                "target": texts(
                    "targets.at_most" if target.is_at_most else "targets.at_least", value=print_(target.value)
                ),
                "state": texts(f"targets.state_{state}"),
            }
        )
    st.subheader(texts.plural("targets.statement", met, all=formatting.count(len(targets), language)), anchor=False)
    layout.table(
        [
            Column("figure", texts("targets.figure")),
            Column("value", formatting.month_name(row["month"], language), is_number=True),
            Column("target", texts("targets.target"), is_number=True),
            Column("state", texts("targets.state")),
        ],
        rows,
        caption=texts("targets.caption", month=formatting.month_name(row["month"], language)),
        viewer=viewer,
        row_keys=[target.figure for target in targets],
    )


def _subscribers(viewer: Viewer, until: Rows, days: Rows) -> None:
    texts = Texts("overview", viewer.language)
    row = until[-1]
    gained = row["new_subscribers"] + row["reactivated_subscribers"]
    statement = texts(
        "subscribers.statement",
        month=formatting.month_name(row["month"], viewer.language),
        gained=formatting.count(gained, viewer.language),
        lost=formatting.count(row["churned_subscribers"], viewer.language),
        end=formatting.count(row["active_subscribers_at_end"], viewer.language),
    )
    st.subheader(statement, anchor=False)
    _daily(viewer, days, [("active_subscribers", "known", (1, 0))], texts("unit.subscribers"), statement, zero=False)


def _revenue(viewer: Viewer, until: Rows) -> None:
    texts = Texts("overview", viewer.language)
    language = viewer.language
    row = until[-1]
    statement = texts(
        "revenue.statement",
        month=formatting.month_name(row["month"], language),
        incl=formatting.euros(row["mrr_incl_vat_cents"], language),
        excl=formatting.euros(row["mrr_excl_vat_cents"], language),
    )
    st.subheader(statement, anchor=False)
    series = (
        Series(texts("series.mrr_incl_vat_cents"), "emerging"),
        Series(texts("series.mrr_excl_vat_cents"), "independent", (6, 4)),
    )
    marks = tuple(
        Mark(
            place=formatting.short_month(one["month"], language),
            series=texts(f"series.{key}"),
            value=one[key] / 100,
            text=formatting.euros(one[key], language),
        )
        for one in until
        for key in ("mrr_incl_vat_cents", "mrr_excl_vat_cents")
    )
    charts.draw(
        charts_management.months(marks, series=series, unit=texts("unit.euros"), look=reading.look(viewer, statement))
    )


def _watching(viewer: Viewer, until: Rows, days: Rows) -> None:
    texts = Texts("overview", viewer.language)
    language = viewer.language
    row = until[-1]
    counting = 10_000 * row["counting_watch_ms"] // row["watch_ms"] if row["watch_ms"] else None
    statement = texts(
        "watching.statement",
        month=formatting.month_name(row["month"], language),
        hours=formatting.count(row["watch_ms"] // MS_PER_HOUR, language),
        share=formatting.percent(counting, language),
    )
    st.subheader(statement, anchor=False)
    marks = tuple(
        Mark(
            charts_management.iso(one["day"]),
            texts("series.watch_ms"),
            one["watch_ms"] / MS_PER_HOUR,
            formatting.duration(one["watch_ms"], language),
        )
        for one in days
    )
    charts.draw(
        charts_management.days(
            marks,
            series=(Series(texts("series.watch_ms"), "independent"),),
            unit=texts("unit.hours"),
            look=reading.look(viewer, statement),
        )
    )


def _watchers(viewer: Viewer, until: Rows, days: Rows) -> None:
    texts = Texts("overview", viewer.language)
    language = viewer.language
    row = until[-1]
    in_month = [one["watchers"] for one in days if one["month"] == row["month"]]
    statement = texts(
        "watchers.statement",
        month=formatting.month_name(row["month"], language),
        watchers=formatting.count(row["watchers"], language),
        a_day=formatting.count(round(sum(in_month) / len(in_month)) if in_month else 0, language),
    )
    st.subheader(statement, anchor=False)
    _daily(
        viewer,
        days,
        [("watchers_28d", "known", (1, 0)), ("watchers_7d", "independent", (6, 4)), ("watchers", "emerging", (2, 3))],
        texts("unit.subscribers"),
        statement,
    )


def _peak(viewer: Viewer, until: Rows, days: Rows) -> None:
    texts = Texts("overview", viewer.language)
    language = viewer.language
    row = until[-1]
    if row["peak_at"] is None:
        return
    statement = texts(
        "peak.statement",
        number=formatting.count(row["peak_concurrent_playbacks"], language),
        at=formatting.instant(row["peak_at"], language),
    )
    st.subheader(statement, anchor=False)
    _daily(viewer, days, [("peak_concurrent_playbacks", "pool", (1, 0))], texts("unit.playbacks"), statement)
    columns = [
        Column("day", texts("column.day")),
        *(Column(key, texts(f"series.{key}"), is_number=True) for key in _DAILY_FIGURES),
    ]
    rows = [
        {
            "day": formatting.day(one["day"], language),
            **{key: formatting.count(one[key], language) for key in _DAILY_FIGURES if key != "watch_ms"},
            "watch_ms": formatting.duration(one["watch_ms"], language),
        }
        for one in reversed(days)
    ]
    reading.figures(viewer, columns, rows, caption=texts("days.caption"), export="platform-days")


_DAILY_FIGURES: Final = (
    "active_subscribers",
    "watchers",
    "watchers_7d",
    "watchers_28d",
    "watch_ms",
    "peak_concurrent_playbacks",
)


def _daily(
    viewer: Viewer,
    days: Rows,
    keys: list[tuple[str, str, tuple[int, ...]]],
    unit: str,
    description: str,
    *,
    zero: bool = True,
) -> None:
    texts = Texts("overview", viewer.language)
    series = tuple(Series(texts(f"series.{key}"), colour, dash) for key, colour, dash in keys)
    marks = tuple(
        Mark(
            charts_management.iso(one["day"]),
            texts(f"series.{key}"),
            one[key],
            formatting.count(one[key], viewer.language),
        )
        for key, _, _ in keys
        for one in days
        if one[key] is not None
    )
    charts.draw(
        charts_management.days(marks, series=series, unit=unit, zero=zero, look=reading.look(viewer, description))
    )


def _months_table(viewer: Viewer, months: Rows) -> None:
    texts = Texts("overview", viewer.language)
    language = viewer.language
    st.subheader(texts("months.title"), anchor=False)
    keys = (
        "active_subscribers_at_end",
        "mrr_incl_vat_cents",
        "mrr_excl_vat_cents",
        "envelope_cents",
        "watch_ms",
        "watchers",
    )
    columns = [
        Column("month", texts("column.month")),
        *(Column(key, texts(f"column.{key}"), is_number=True) for key in (*keys, "idle_share_bp", "gross_churn_bp")),
    ]
    rows = [
        {
            "month": formatting.month_name(one["month"], language)
            + ("" if one["is_complete"] else f" ({texts('months.running')})"),
            "active_subscribers_at_end": formatting.count(one["active_subscribers_at_end"], language),
            "mrr_incl_vat_cents": formatting.euros(one["mrr_incl_vat_cents"], language),
            "mrr_excl_vat_cents": formatting.euros(one["mrr_excl_vat_cents"], language),
            "envelope_cents": formatting.euros(one["envelope_cents"], language),
            "watch_ms": formatting.duration(one["watch_ms"], language),
            "watchers": formatting.count(one["watchers"], language),
            "idle_share_bp": formatting.percent(one["idle_share_bp"], language),
            "gross_churn_bp": formatting.percent(one["gross_churn_bp"], language),
        }
        for one in reversed(months)
    ]
    layout.table(
        columns,
        rows,
        caption=texts("months.caption"),
        viewer=viewer,
        row_keys=[one["month"] for one in reversed(months)],
    )
    layout.export_link(viewer, "platform-months")
