"""The scenarios of *Clôtures*: a month under other policies, computed when the copy was published.

The serving copy has no data on single subscribers, so nothing can be settled here: the viewer chooses among the
scenarios that were computed.
"""

from typing import Final

import streamlit as st

from allive.dashboards import charts, charts_management, formatting, layout
from allive.dashboards.app_pages.management import reading
from allive.dashboards.charts_management import Mark, Series
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.management import scenarios as queries
from allive.dashboards.serving import Row, Rows
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

_EXTREMES: Final = 8


def draw(viewer: Viewer, month: str) -> None:
    """Draw the choice of scenarios for a month."""
    texts = Texts("scenarios", viewer.language)
    language = viewer.language
    asked = viewer.principal, viewer.copy
    scenarios = queries.scenarios(*asked, month)
    if not scenarios:
        st.subheader(texts("title"), anchor=False)
        layout.nothing_yet(texts("none", month=formatting.month_name(month, language)), texts("when"))
        return
    heading = st.empty()
    scenario = _chosen(viewer, scenarios)
    totals = queries.scenario_totals(*asked, month, scenario["scenario"])[0]
    rows = queries.scenario_artists(*asked, month, scenario["scenario"])
    gaining = [row for row in rows if row["difference_cents"] > 0]
    losing = [row for row in rows if row["difference_cents"] < 0]
    name = reading.sentence(in_words(viewer, scenario))
    statement = texts(
        "statement",
        scenario=in_words(viewer, scenario),
        gaining=formatting.count(len(gaining), language),
        losing=formatting.count(len(losing), language),
        month=formatting.month_name(month, language),
    )
    heading.subheader(
        statement if gaining or losing else texts("same", scenario=in_words(viewer, scenario)), anchor=False
    )
    layout.cards(_cards(viewer, totals, gaining, losing))
    notes = _notes(viewer, scenario, totals)
    if notes:
        st.markdown(notes)
    shown = [*gaining[:_EXTREMES], *losing[-_EXTREMES:]]
    if shown:
        _differences(viewer, statement, shown)
    _table(viewer, rows, month=month, scenario=scenario["scenario"], name=name)


def _chosen(viewer: Viewer, scenarios: Rows) -> Row:
    texts = Texts("scenarios", viewer.language)
    kinds = {row["kind"]: texts(f"kind.{row['kind']}") for row in scenarios}
    left, right = st.columns(2)
    with left:
        kind = reading.choose(texts("choose_kind"), kinds, key="payouts_kind")
    of_kind = {row["scenario"]: row for row in scenarios if row["kind"] == kind}
    with right:
        names = {key: reading.sentence(in_words(viewer, row)) for key, row in of_kind.items()}
        # The first is often the policy in force.
        last = list(names)[-1]
        return of_kind[reading.choose(texts("choose_value"), names, key=f"payouts_{kind}", default=last)]


def in_words(viewer: Viewer, scenario: Row) -> str:
    """Return a scenario in words, such as « une enveloppe de 1,20 € »."""
    language = viewer.language
    value = scenario["value"]
    if value is None:
        return Texts("scenarios", language)(f"scenario.{scenario['scenario']}")
    match scenario["kind"]:
        case "minimum_live":
            shown = formatting.duration(value * 1_000, language)
        case "minimum_pool_share":
            shown = formatting.percent(value, language)
        case _:
            shown = formatting.euros(value, language)
    return Texts("scenarios", language)(f"scenario.{scenario['kind']}", value=shown)


def _cards(viewer: Viewer, totals: Row, gaining: list[Row], losing: list[Row]) -> list[Card]:
    texts = Texts("scenarios", viewer.language)
    language = viewer.language

    def against(before: str) -> str:
        return texts("against", before=before)

    return [
        Card(
            label=texts("card.earned"),
            value=formatting.euros(totals["scenario_earned_cents"], language),
            note=against(formatting.euros(totals["earned_cents"], language)),
            key="scenario_earned_cents",
        ),
        Card(
            label=texts("card.paid"),
            value=formatting.euros(totals["scenario_paid_cents"], language),
            note=against(formatting.euros(totals["paid_cents"], language)),
            key="scenario_paid_cents",
        ),
        Card(
            label=texts("card.paid_artists"),
            value=formatting.count(totals["scenario_paid_artists"], language),
            note=against(formatting.count(totals["paid_artists"], language)),
            key="scenario_paid_artists",
        ),
        Card(
            label=texts("card.pool"),
            value=formatting.euros(totals["scenario_pool_cents"], language),
            note=against(formatting.euros(totals["pool_cents"], language)),
            key="scenario_pool_cents",
        ),
        Card(
            label=texts("card.gaining"),
            value=formatting.count(len(gaining), language),
            note=_most(viewer, gaining[0] if gaining else None),
            key="gaining",
        ),
        Card(
            label=texts("card.losing"),
            value=formatting.count(len(losing), language),
            note=_most(viewer, losing[-1] if losing else None),
            key="losing",
        ),
    ]


def _most(viewer: Viewer, row: Row | None) -> str:
    if row is None:
        return ""
    return Texts("scenarios", viewer.language)(
        "most",
        artist=row["artist_name"],
        difference=formatting.signed_euros(row["difference_cents"], viewer.language),
    )


def _notes(viewer: Viewer, scenario: Row, totals: Row) -> str:
    texts = Texts("scenarios", viewer.language)
    notes = [] if totals["with_balances"] else [texts("without_balances")]
    if scenario["kind"] == "envelope" and totals["own_envelopes"]:
        notes.append(texts.plural("own_envelopes", totals["own_envelopes"]))
    return " ".join(notes)


def _differences(viewer: Viewer, statement: str, shown: list[Row]) -> None:
    texts = Texts("scenarios", viewer.language)
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
    charts.draw(charts_management.differences(marks, series=series, look=reading.look(viewer, statement)))


def _table(viewer: Viewer, rows: Rows, *, month: str, scenario: str, name: str) -> None:
    texts = Texts("scenarios", viewer.language)
    shared = Texts("platform", viewer.language)
    language = viewer.language
    columns = [
        Column("artist", texts("column.artist")),
        Column("category", texts("column.category")),
        *(
            Column(key, texts(f"column.{key}"), is_number=True)
            for key in ("earned", "scenario", "difference", "scenario_paid")
        ),
    ]
    table = [
        {
            "artist": row["artist_name"],
            "category": shared(f"category_of_one.{row['category'] or 'none'}"),
            "earned": formatting.euros(row["earned_cents"], language),
            "scenario": formatting.euros(row["scenario_earned_cents"], language),
            "difference": formatting.signed_euros(row["difference_cents"], language),
            "scenario_paid": formatting.euros(row["scenario_paid_cents"], language),
        }
        for row in rows
    ]
    reading.figures(
        viewer,
        columns,
        table,
        caption=texts("caption", scenario=name),
        export="what-if",
        parameters={"month": month, "scenario": scenario},
    )
