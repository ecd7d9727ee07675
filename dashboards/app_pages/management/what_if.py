"""The what-if simulator of *Paiements*: other policies on a month, as computed when the copy was published.

The serving copy knows no subscriber, so nothing is settled here: a scenario is chosen, not made up.
"""

from typing import Final

import streamlit as st

from dashboards import charts, charts_management, formatting, layout
from dashboards.app_pages.management import reading
from dashboards.charts_management import Mark, Series
from dashboards.layout import Card, Column
from dashboards.queries.management import what_if as queries
from dashboards.serving import Row
from dashboards.texts import Texts
from dashboards.viewer import Viewer

_EXTREMES: Final = 8


def draw(viewer: Viewer, month: str) -> None:
    """Draw the simulator for a month."""
    texts = Texts("payouts", viewer.language)
    language = viewer.language
    st.subheader(texts("what_if.title"), anchor=False)
    scenarios = queries.scenarios(viewer.principal, viewer.copy, month)
    if not scenarios:
        layout.nothing_yet(texts("what_if.none", month=formatting.month_name(month, language)), texts("what_if.when"))
        return
    names = {row["scenario"]: in_words(viewer, row) for row in scenarios}
    scenario = reading.choose(texts("what_if.choose"), names, key="payouts_scenario")
    rows = queries.what_if(viewer.principal, viewer.copy, month, scenario)
    gaining = [row for row in rows if row["difference_cents"] > 0]
    losing = [row for row in rows if row["difference_cents"] < 0]
    layout.cards(
        [
            Card(
                label=texts("what_if.earned"),
                value=formatting.euros(sum(row["scenario_earned_cents"] for row in rows), language),
                note=texts(
                    "what_if.against", amount=formatting.euros(sum(row["earned_cents"] for row in rows), language)
                ),
                key="scenario_earned_cents",
            ),
            Card(
                label=texts("what_if.paid"),
                value=formatting.euros(sum(row["scenario_paid_cents"] for row in rows), language),
                note=texts("what_if.paid_note"),
                key="scenario_paid_cents",
            ),
            Card(
                label=texts("what_if.gaining"),
                value=formatting.count(len(gaining), language),
                note=_most(viewer, gaining[0] if gaining else None),
                key="gaining",
            ),
            Card(
                label=texts("what_if.losing"),
                value=formatting.count(len(losing), language),
                note=_most(viewer, losing[-1] if losing else None),
                key="losing",
            ),
        ]
    )
    _differences(viewer, names[scenario], [*gaining[:_EXTREMES], *losing[-_EXTREMES:]])
    shared = Texts("platform", language)
    columns = [
        Column("artist", texts("column.artist")),
        Column("category", texts("column.category")),
        Column("earned", texts("column.earned_cents"), is_number=True),
        Column("scenario", texts("column.scenario"), is_number=True),
        Column("difference", texts("column.difference"), is_number=True),
    ]
    table = [
        {
            "artist": row["artist_name"],
            "category": shared(f"category_of_one.{row['category'] or 'none'}"),
            "earned": formatting.euros(row["earned_cents"], language),
            "scenario": formatting.euros(row["scenario_earned_cents"], language),
            "difference": formatting.signed_euros(row["difference_cents"], language),
        }
        for row in rows
    ]
    reading.figures(
        viewer,
        columns,
        table,
        caption=texts("what_if.caption", scenario=names[scenario]),
        export="what-if",
        parameters={"month": month, "scenario": scenario},
    )


def in_words(viewer: Viewer, scenario: Row) -> str:
    """Return what a scenario changes."""
    texts = Texts("payouts", viewer.language)
    value = scenario["value"]
    match scenario["kind"]:
        case "envelope_cents" | "minimum_payout_cents":
            shown = formatting.euros(int(value), viewer.language)
        case "minimum_pool_share_bp":
            shown = formatting.percent(int(value), viewer.language)
        case "minimum_live_s":
            shown = formatting.duration(int(value) * 1_000, viewer.language)
        case "pool_rule":
            shown = texts(f"pool_rule.{value}")
        case _:
            shown = ""
    return texts(f"scenario.{scenario['kind']}", value=shown)


def _most(viewer: Viewer, row: Row | None) -> str:
    if row is None:
        return ""
    return Texts("payouts", viewer.language)(
        "what_if.most",
        artist=row["artist_name"],
        difference=formatting.signed_euros(row["difference_cents"], viewer.language),
    )


def _differences(viewer: Viewer, scenario: str, shown: list[Row]) -> None:
    texts = Texts("payouts", viewer.language)
    if not shown:
        st.markdown(texts("what_if.same"))
        return
    names = texts("series.more"), texts("series.less")
    marks = tuple(
        Mark(
            row["artist_name"],
            names[0] if row["difference_cents"] > 0 else names[1],
            row["difference_cents"] / 100,
            formatting.signed_euros(row["difference_cents"], viewer.language),
        )
        for row in shown
    )
    series = (Series(names[0], "independent"), Series(names[1], "emerging"))
    description = texts("what_if.description", scenario=scenario)
    charts.draw(charts_management.differences(marks, series=series, look=reading.look(viewer, description)))
