"""*Abonnés*: subscribers gained, lost and returned, how long cohorts stay, and who pays without watching."""

from typing import Final

import streamlit as st

from allive.dashboards import charts, charts_management, formatting, layout
from allive.dashboards.app_pages.management import reading
from allive.dashboards.charts_management import Mark, Series
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.management.overview import platform_months
from allive.dashboards.queries.management.subscribers import subscriber_cohorts
from allive.dashboards.serving import Rows
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

_TREND_MONTHS: Final = 13
_MOVES: Final = ("new_subscribers", "reactivated_subscribers", "churned_subscribers")


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("subscribers", viewer.language)
    layout.page_head(viewer, texts("title"), texts("intro"))
    months = platform_months(viewer.principal, viewer.copy)
    if not months:
        shared = Texts("platform", viewer.language)
        layout.nothing_yet(shared("nothing.title"), shared("nothing.text"))
        return
    names = [row["month"] for row in reversed(months)]
    month = reading.choose_month(viewer, names, key="subscribers_month", default=reading.last_full_month(viewer, names))
    until = tuple(row for row in months if row["month"] <= month)[-_TREND_MONTHS:]
    layout.cards(_cards(viewer, until))
    _moves(viewer, until)
    _cohorts(viewer, subscriber_cohorts(viewer.principal, viewer.copy))
    _idle(viewer, until)


def _cards(viewer: Viewer, until: Rows) -> list[Card]:
    texts = Texts("subscribers", viewer.language)
    language = viewer.language
    row = until[-1]
    before = until[-2] if len(until) > 1 else None

    def card(key: str, *, is_share: bool) -> Card:
        def shown(value: int) -> str:
            return formatting.percent(value, language) if is_share else formatting.count(value, language)

        def points(value: int) -> str:
            return (
                texts("points", number=formatting.percent(value, language).rstrip("%\u202f"))
                if is_share
                else shown(value)
            )

        value = row[key]
        if value is None:
            note = texts("no_start")
        elif not row["is_complete"]:
            note = Texts("platform", language)("change.running")
        else:
            note = reading.change(
                viewer, value, before[key] if before else None, points, than=before["month"] if before else ""
            )
        label = texts(f"card.{key}")
        return Card(
            label=label,
            value=formatting.NOTHING if value is None else shown(value),
            note=note,
            key=key,
            trend=tuple(one[key] for one in until),
            trend_label=texts("trend", figure=label, first=formatting.month_name(until[0]["month"], language)),
        )

    return [
        card("new_subscribers", is_share=False),
        card("reactivated_subscribers", is_share=False),
        card("churned_subscribers", is_share=False),
        card("active_subscribers_at_end", is_share=False),
        card("gross_churn_bp", is_share=True),
        card("net_churn_bp", is_share=True),
        card("idle_subscribers", is_share=False),
        card("idle_share_bp", is_share=True),
    ]


def _moves(viewer: Viewer, until: Rows) -> None:
    texts = Texts("subscribers", viewer.language)
    language = viewer.language
    row = until[-1]
    balance = row["new_subscribers"] + row["reactivated_subscribers"] - row["churned_subscribers"]
    side = "up" if balance > 0 else "down" if balance < 0 else "flat"
    statement = texts(
        f"moves.{side}",
        month=formatting.month_name(row["month"], language),
        number=formatting.count(abs(balance), language),
        lost=formatting.count(row["churned_subscribers"], language),
        gained=formatting.count(balance + row["churned_subscribers"], language),
    )
    st.subheader(statement, anchor=False)
    marks = tuple(
        Mark(
            formatting.short_month(one["month"], language),
            texts(f"series.{key}"),
            -one[key] if key == "churned_subscribers" else one[key],
            formatting.count(one[key], language),
        )
        for one in until
        for key in _MOVES
    )
    series = tuple(
        Series(texts(f"series.{key}"), colour)
        for key, colour in zip(_MOVES, ("independent", "known", "emerging"), strict=True)
    )
    charts.draw(
        charts_management.stacks(marks, series=series, unit=texts("unit"), look=reading.look(viewer, statement))
    )
    keys = ("active_subscribers_at_start", *_MOVES, "active_subscribers_at_end")
    shares = ("gross_churn_bp", "net_churn_bp")
    columns = [
        Column("month", texts("column.month")),
        *(Column(key, texts(f"column.{key}"), is_number=True) for key in (*keys, *shares)),
    ]
    rows = [
        {
            "month": formatting.month_name(one["month"], language),
            **{key: formatting.count(one[key], language) for key in keys},
            **{key: formatting.percent(one[key], language) for key in shares},
        }
        for one in reversed(until)
    ]
    reading.figures(viewer, columns, rows, caption=texts("moves.caption"), export="platform-months")


def _cohorts(viewer: Viewer, cohorts: Rows) -> None:
    texts = Texts("subscribers", viewer.language)
    language = viewer.language
    if not cohorts:
        st.subheader(texts("cohorts.title"), anchor=False)
        layout.nothing_yet(texts("cohorts.none"), texts("cohorts.when"))
        return
    last = max((row["cohort_month"] for row in cohorts if row["months_since"] > 0), default=None)
    after_one = next((row for row in cohorts if row["cohort_month"] == last and row["months_since"] == 1), None)
    statement = (
        texts(
            "cohorts.statement",
            share=formatting.percent(after_one["retained_bp"], language),
            month=formatting.month_name(after_one["cohort_month"], language),
        )
        if after_one
        else texts("cohorts.title")
    )
    st.subheader(statement, anchor=False)
    months = sorted({row["cohort_month"] for row in cohorts})[-_TREND_MONTHS:]
    shown = [row for row in cohorts if row["cohort_month"] in months and row["months_since"] < _TREND_MONTHS]
    marks = tuple(
        Mark(
            formatting.short_month(row["cohort_month"], language),
            str(row["months_since"]),
            row["retained_bp"] or 0,
            formatting.percent(row["retained_bp"], language),
        )
        for row in shown
    )
    charts.draw(charts_management.heat_map(marks, unit=texts("cohorts.unit"), look=reading.look(viewer, statement)))
    widest = max(row["months_since"] for row in shown)
    columns = [
        Column("cohort", texts("column.cohort")),
        Column("subscribers", texts("column.subscribers"), is_number=True),
        *(Column(str(since), texts("column.since", number=since), is_number=True) for since in range(widest + 1)),
    ]
    rows = []
    for month in reversed(months):
        of_cohort = [row for row in shown if row["cohort_month"] == month]
        rows.append(
            {
                "cohort": formatting.month_name(month, language),
                "subscribers": formatting.count(of_cohort[0]["subscribers"], language),
                **{
                    str(row["months_since"]): formatting.count(row["retained_subscribers"], language)
                    for row in of_cohort
                },
            }
        )
    reading.figures(viewer, columns, rows, caption=texts("cohorts.caption"), export="subscriber-cohorts")


def _idle(viewer: Viewer, until: Rows) -> None:
    texts = Texts("subscribers", viewer.language)
    language = viewer.language
    row = until[-1]
    statement = texts(
        "idle.statement",
        month=formatting.month_name(row["month"], language),
        number=formatting.count(row["idle_subscribers"], language),
        share=formatting.percent(row["idle_share_bp"], language),
    )
    st.subheader(statement, anchor=False)
    st.markdown(texts("idle.meaning"))
    marks = tuple(
        Mark(
            formatting.short_month(one["month"], language),
            texts("series.idle_share_bp"),
            one["idle_share_bp"] / 100,
            formatting.percent(one["idle_share_bp"], language),
        )
        for one in until
        if one["idle_share_bp"] is not None
    )
    if marks:
        charts.draw(
            charts_management.months(
                marks,
                series=(Series(texts("series.idle_share_bp"), "pool"),),
                unit="%",
                look=reading.look(viewer, statement),
            )
        )
    columns = [
        Column("month", texts("column.month")),
        Column("idle", texts("column.idle_subscribers"), is_number=True),
        Column("share", texts("column.idle_share_bp"), is_number=True),
    ]
    rows = [
        {
            "month": formatting.month_name(one["month"], language),
            "idle": formatting.count(one["idle_subscribers"], language),
            "share": formatting.percent(one["idle_share_bp"], language),
        }
        for one in reversed(until)
    ]
    reading.figures(viewer, columns, rows, caption=texts("idle.caption"), export="platform-months")
