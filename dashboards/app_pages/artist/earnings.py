"""*Mes revenus*: amounts ordered, received and carried, the running month as an estimate, and where each euro is from.

Booked figures are shown as stored in the closed months; the only sums made here are totals over months.
"""

from typing import Final

import streamlit as st

from allive.dashboards import formatting, layout
from allive.dashboards.app_pages.artist import earning_parts as parts
from allive.dashboards.app_pages.artist.opening import month_first, open_page, plain
from allive.dashboards.app_pages.artist.payment_parts import payment_columns, payment_lines
from allive.dashboards.charts import draw, is_dark
from allive.dashboards.charts_artist import Segment, money_bars
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.artist import Artist, money, payments
from allive.dashboards.serving import Row, Rows
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer
from allive.ingestion.paris_days import PARIS

MONTHS_DRAWN: Final = 12


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("earnings", viewer.language)
    artist = open_page(viewer, texts)
    if artist is None:
        return
    booked = money.booked_months(viewer.principal, viewer.copy, artist.artist_id)
    current = money.current_months(viewer.principal, viewer.copy, artist.artist_id)
    running = [row for row in current if not row["is_closed"]]
    given = [row for row in current if row["current_to_pool_cents"] > 0]
    if given and not booked:
        _known(viewer, texts, given)
        return
    if artist.is_known and not booked:
        layout.nothing_yet(texts("state.known_none_title"), texts("state.known_none_text"), icon=":material/favorite:")
        return
    if not booked and not any(row["current_earned_cents"] for row in running):
        layout.nothing_yet(texts("state.first_title"), texts("state.first_text"))
        return
    if booked:
        _booked(viewer, texts, artist, booked)
    if artist.is_known and given:
        _known(viewer, texts, given)
        st.markdown(texts("known.before"))
    for month in running[:1]:
        _running(viewer, texts, artist, month)
    _months(viewer, texts, booked, running)
    if booked:
        _euro(viewer, texts, artist, booked[-1], current)
    _lives(viewer, texts, artist, current)
    closed = [row for row in current if row["is_closed"]]
    if booked and closed:
        _pro_rata(viewer, texts, closed)


def _booked(viewer: Viewer, texts: Texts, artist: Artist, booked: Rows) -> None:
    asked = viewer.principal, viewer.copy, artist.artist_id
    transfers, otherwise = payments.payments(*asked), payments.paid_otherwise(*asked)
    held_at = payments.held_at(*asked)
    is_held = held_at is not None
    if held_at is not None:
        day = formatting.day(held_at.astimezone(PARIS).date(), viewer.language)
        st.warning(texts("held", day=day), icon=":material/pause_circle:")
    main, *others = parts.main_cards(texts, booked, payments=transfers, otherwise=otherwise, is_held=is_held)
    layout.cards([main])
    layout.cards(others)
    if not transfers and not otherwise:
        return
    st.subheader(texts("payments.heading"), anchor=False)
    layout.table(
        payment_columns(texts),
        payment_lines(texts, transfers, otherwise, is_held=is_held),
        caption=texts("payments.caption"),
        viewer=viewer,
        row_keys=[
            *(f"otherwise-{place}" for place in reversed(range(len(otherwise)))),
            *(f"payment-{row['settlement_month']}" for row in reversed(transfers)),
        ],
    )


def _known(viewer: Viewer, texts: Texts, given: list[Row]) -> None:
    language = viewer.language
    closed = [row for row in given if row["is_closed"]]
    latest = closed[-1] if closed else given[-1]
    name = formatting.month_name(latest["settlement_month"], language)
    layout.cards(
        [
            Card(
                label=texts("known.label", month=name),
                value=formatting.euros(latest["current_to_pool_cents"], language),
                note=texts("known.note", duration=formatting.duration(latest["current_watch_ms"], language)),
                key="current_to_pool_cents",
                is_main=True,
            )
        ]
    )
    st.subheader(texts("known.heading"), anchor=False)
    st.markdown(texts("known.text", members=formatting.count(latest["pool_members"], language)))
    layout.table(
        [
            Column("settlement_month", texts("month_column")),
            Column("current_to_pool_cents", texts("known.column"), is_number=True),
            Column("current_watch_ms", texts("known.watched"), is_number=True),
        ],
        [
            {
                "settlement_month": parts.marked_month(texts, row),
                "current_to_pool_cents": formatting.euros(row["current_to_pool_cents"], language),
                "current_watch_ms": formatting.duration(row["current_watch_ms"], language),
            }
            for row in reversed(given)
        ],
        caption=texts("known.caption"),
        viewer=viewer,
        row_keys=[row["settlement_month"] for row in reversed(given)],
    )


def _running(viewer: Viewer, texts: Texts, artist: Artist, month: Row) -> None:
    language = viewer.language
    name = month_first(month["settlement_month"], language)
    amount = formatting.euros(month["current_earned_cents"], language)
    st.subheader(texts("open.heading", month=name, amount=amount), anchor=False)
    layout.cards(parts.running_cards(texts, month))
    seen = [
        row
        for row in money.estimates(viewer.principal, viewer.copy, artist.artist_id)
        if row["settlement_month"] == month["settlement_month"]
    ]
    st.markdown(f"{parts.movement(texts, seen)}\n\n{texts('open.caution')}")


def _months(viewer: Viewer, texts: Texts, booked: Rows, running: list[Row]) -> None:
    language = viewer.language
    st.subheader(parts.months_heading(texts, booked), anchor=False)
    series = (texts("months.direct"), texts("months.pool"))
    drawn = [
        *((row["settlement_month"], row["direct_cents"], row["pool_cents"], "") for row in booked),
        *(
            (
                row["settlement_month"],
                row["current_direct_cents"],
                row["current_pool_cents"],
                texts("months.estimate_mark"),
            )
            for row in running
        ),
    ][-MONTHS_DRAWN:]
    segments: list[Segment] = []
    values: list[str] = []
    for month, direct, pool, mark in drawn:
        printed = [formatting.euros(cents, language) for cents in (direct, pool)]
        segments += [
            Segment(
                month=formatting.short_month(month, language),
                series=name,
                value=cents,
                label=f"{formatting.month_name(month, language)} · {name} · {text}",
                mark=mark,
            )
            for name, cents, text in zip(series, (direct, pool), printed, strict=True)
        ]
        values.append(
            texts("months.chart_value", month=month_first(month, language), direct=printed[0], pool=printed[1])
        )
    draw(
        money_bars(
            tuple(segments),
            series=series,
            language=language,
            description=texts("months.chart", values=" ".join(values)),
            dark=is_dark(),
        )
    )
    if booked:
        layout.table(
            parts.booked_columns(texts),
            [parts.booked_line(texts, row) for row in reversed(booked)],
            caption=texts("months.caption"),
            viewer=viewer,
            row_keys=[row["settlement_month"] for row in reversed(booked)],
            total=parts.booked_total(texts, booked) if len(booked) > 1 else None,
        )


def _euro(viewer: Viewer, texts: Texts, artist: Artist, month: Row, current: Rows) -> None:
    language = viewer.language
    name = formatting.month_name(month["settlement_month"], language)
    earned = formatting.euros(month["earned_cents"], language)
    heading = "euro.heading" if month["earned_cents"] else "euro.heading_none"
    st.subheader(texts(heading, amount=earned, month=name), anchor=False)
    envelope = next(
        (row["envelope_cents"] for row in current if row["settlement_month"] == month["settlement_month"]), 100
    )
    corrections = [
        row
        for row in money.adjustments(viewer.principal, viewer.copy, artist.artist_id)
        if row["settlement_month"] == month["settlement_month"]
    ]
    story, account = st.columns([3, 2], gap="large")
    story.markdown(parts.euro_story(texts, month, envelope_cents=envelope))
    with account:
        layout.table(
            [Column("line", texts("euro.line")), Column("amount", texts("euro.amount"), is_number=True)],
            parts.account_lines(texts, month, corrections),
            caption=texts("euro.caption", month=name),
            viewer=viewer,
        )


def _lives(viewer: Viewer, texts: Texts, artist: Artist, current: Rows) -> None:
    language = viewer.language
    earned = money.live_earnings(viewer.principal, viewer.copy, artist.artist_id)
    months = list(dict.fromkeys(row["settlement_month"] for row in earned))
    if not months:
        return
    heading = st.empty()
    names = {row["settlement_month"]: parts.marked_month(texts, row) for row in current}
    closed = [row["settlement_month"] for row in current if row["is_closed"] and row["settlement_month"] in months]
    month = st.selectbox(
        texts("lives.choose"),
        months,
        index=months.index(closed[-1]) if closed else 0,
        format_func=lambda month: names.get(month, month),
        key=f"earnings_month_{artist.artist_id}",
    )
    rows = [row for row in earned if row["settlement_month"] == month]
    name = formatting.month_name(month, language)
    if not rows or not rows[0]["direct_nanos"]:
        heading.subheader(texts("lives.heading_none", month=name), anchor=False)
        st.markdown(texts("lives.heading_none_text"))
        return
    best = rows[0]
    amount = formatting.euros(best["direct_cents"], language)
    heading.subheader(texts("lives.heading", title=plain(best["title"]), month=name, amount=amount), anchor=False)
    layout.table(
        [
            Column("title", texts("lives.live")),
            Column("direct_cents", texts("lives.direct"), is_number=True),
            Column("watch_ms", texts("lives.watched"), is_number=True),
            Column("paying_subscribers", texts("lives.subscribers"), is_number=True),
        ],
        [
            {
                "title": row["title"],
                "watch_ms": formatting.duration(row["watch_ms"], language),
                "paying_subscribers": formatting.people(row["paying_subscribers"], language),
                "direct_cents": formatting.euros(row["direct_cents"], language),
            }
            for row in rows
        ],
        caption=texts("lives.caption"),
        viewer=viewer,
        row_keys=[row["live_id"] for row in rows],
        total={
            "title": texts("lives.total"),
            "direct_cents": formatting.euros(sum(row["direct_cents"] for row in rows), language),
            "watch_ms": formatting.duration(sum(row["watch_ms"] for row in rows), language),
        },
    )


def _pro_rata(viewer: Viewer, texts: Texts, closed: list[Row]) -> None:
    language = viewer.language
    month = closed[-1]
    here, there = month["current_earned_cents"], month["pro_rata_earned_cents"]
    key = "more" if there > here else "less" if there < here else "same"
    name = formatting.month_name(month["settlement_month"], language)
    st.subheader(
        texts(f"pro_rata.heading_{key}", amount=formatting.euros(abs(there - here), language), month=name),
        anchor=False,
    )
    st.markdown(
        texts("pro_rata.text", pro_rata=formatting.euros(there, language), here=formatting.euros(here, language))
    )
    with st.expander(texts("pro_rata.expander")):
        layout.table(
            [
                Column("settlement_month", texts("month_column")),
                Column("current_earned_cents", texts("pro_rata.here"), is_number=True),
                Column("pro_rata_earned_cents", texts("pro_rata.there"), is_number=True),
                Column("difference", texts("pro_rata.difference"), is_number=True),
            ],
            [parts.pro_rata_line(texts, row) for row in reversed(closed)],
            caption=texts("pro_rata.caption"),
            viewer=viewer,
            row_keys=[row["settlement_month"] for row in reversed(closed)],
        )
