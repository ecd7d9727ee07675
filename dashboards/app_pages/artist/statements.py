"""*Mes relevés*: the statement of every closed month as PDF, yearly totals, and the figures as CSV."""

from itertools import groupby
from typing import Final
from urllib.parse import quote

import streamlit as st

from allive.dashboards import formatting, layout
from allive.dashboards.app_pages.artist import exports
from allive.dashboards.app_pages.artist.opening import month_first, open_page
from allive.dashboards.app_pages.artist.payment_parts import statement_note
from allive.dashboards.layout import Card, FileLink
from allive.dashboards.queries.artist import Artist, money, payments
from allive.dashboards.serving import Row
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

_EXPORTS: Final = {
    exports.MONTHS: "months",
    exports.PAYMENTS: "payments",
    exports.LIVES: "lives",
    exports.AUDIENCE: "audience",
}
"""The exports and the keys of their link texts."""


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("statements", viewer.language)
    artist = open_page(viewer, texts)
    if artist is None:
        return
    booked = money.booked_months(viewer.principal, viewer.copy, artist.artist_id)
    if not booked:
        state = "known" if artist.is_known else "none"
        icon = ":material/favorite:" if artist.is_known else ":material/hourglass_empty:"
        layout.nothing_yet(texts(f"state.{state}_title"), texts(f"state.{state}_text"), icon=icon)
    for year, months in reversed([(year, list(rows)) for year, rows in groupby(booked, key=_year)]):
        _year_totals(texts, year, months, is_latest=months[-1] is booked[-1])
    if booked:
        _statements(viewer, texts, artist, {row["settlement_month"]: row for row in booked})
        _exports(texts, artist)


def _year(row: Row) -> str:
    month: str = row["settlement_month"]
    return month[:4]


def _year_totals(texts: Texts, year: str, months: list[Row], *, is_latest: bool) -> None:
    language = texts.language
    earned, adjusted, paid = (
        sum(row[key] for row in months) for key in ("earned_cents", "adjustment_cents", "paid_cents")
    )
    figures = [
        Card(
            texts("year.earned", year=year),
            formatting.euros(earned, language),
            texts.plural("year.earned_note", len(months)),
            key=f"earned_cents_{year}",
        ),
        Card(
            texts("year.adjustments"),
            formatting.euros(adjusted, language),
            texts("year.adjustments_note"),
            key=f"adjustment_cents_{year}",
        ),
        Card(texts("year.paid"), formatting.euros(paid, language), texts("year.paid_note"), key=f"paid_cents_{year}"),
    ]
    if is_latest:
        last = months[-1]
        figures.append(
            Card(
                texts("year.carried"),
                formatting.euros(last["carried_forward_cents"], language),
                texts("year.carried_note", month=formatting.month_name(last["settlement_month"], language)),
                key="carried_forward_cents",
            )
        )
    st.subheader(texts("year.heading", year=year, amount=formatting.euros(earned + adjusted, language)), anchor=False)
    layout.cards(figures)


def _statements(viewer: Viewer, texts: Texts, artist: Artist, booked: dict[str, Row]) -> None:
    language = viewer.language
    months = money.statement_months(viewer.principal, viewer.copy, artist.artist_id)
    if not months:
        return
    found = payments.payments(viewer.principal, viewer.copy, artist.artist_id)
    paid = {row["settlement_month"]: row for row in found}
    heading = (
        texts("statements.heading_one")
        if len(months) == 1
        else texts("statements.heading_many", number=formatting.count(len(months), language))
    )
    st.subheader(heading, anchor=False)
    layout.file_list(
        [
            FileLink(
                title=month_first(month, language),
                note=statement_note(texts, booked[month], paid.get(month)) if month in booked else "",
                path=f"/files/statements/{quote(month)}/{quote(artist.artist_id, safe='')}.pdf",
                label=texts("statements.pdf"),
            )
            for month in months
        ]
    )
    st.caption(texts("statements.note"))


def _exports(texts: Texts, artist: Artist) -> None:
    st.subheader(texts("exports.heading"), anchor=False)
    st.markdown(texts("exports.text"))
    layout.file_list(
        [
            FileLink(
                title="",
                note="",
                path=f"/files/exports/{name}.csv?artist={quote(artist.artist_id, safe='')}",
                label=texts(f"exports.{label}"),
            )
            for name, label in _EXPORTS.items()
        ]
    )
