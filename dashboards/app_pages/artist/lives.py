"""*Mes lives*: the viewing of each live in a month, how far playbacks of one live got, and where they started."""

from datetime import date
from typing import Final

import streamlit as st

from allive.dashboards import formatting, layout
from allive.dashboards.app_pages.artist.opening import open_page, plain
from allive.dashboards.charts import draw, is_dark
from allive.dashboards.charts_artist import Bar, name_bars, retention_curve
from allive.dashboards.formatting import FEWEST_SHOWN, NOTHING
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.artist import Artist, watching
from allive.dashboards.serving import Row, Rows
from allive.dashboards.small_groups import is_small, parts
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

_WHOLE_BP: Final = 10_000
_MOST_POINTS: Final = 120
_MOST_TABLE_ROWS: Final = 13
_TABLE_STEPS: Final = (1, 5, 10, 15, 30, 60)
_NBSP: Final = "\u00a0"


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("lives", viewer.language)
    artist = open_page(viewer, texts)
    if artist is None:
        return
    lives = watching.lives(viewer.principal, viewer.copy, artist.artist_id)
    if not lives:
        layout.nothing_yet(texts("state.none_title"), texts("state.none_text"), icon=":material/queue_music:")
        return
    watched = watching.live_months(viewer.principal, viewer.copy, artist.artist_id)
    if not watched:
        layout.nothing_yet(texts("state.unwatched_title"), texts("state.unwatched_text"))
        _catalogue(viewer, texts, lives)
        return
    months = list(dict.fromkeys(row["month"] for row in watched))
    month = st.selectbox(
        texts("month.choose"),
        months,
        format_func=lambda month: formatting.month_name(month, viewer.language),
        key=f"lives_month_{artist.artist_id}",
    )
    of_month = {row["live_id"]: row for row in watched if row["month"] == month}
    _cards(viewer, texts, lives, of_month, month)
    _watched(viewer, texts, lives, of_month, month)
    with st.expander(texts("catalogue.expander")):
        _catalogue(viewer, texts, lives)
    _one_live(viewer, texts, artist, lives, watched)


def _cards(viewer: Viewer, texts: Texts, lives: Rows, of_month: dict[str, Row], month: str) -> None:
    language = viewer.language
    today = viewer.copy.published_at.date()
    online = [live for live in lives if live["published_on"] is None or live["published_on"] <= today]
    layout.cards(
        [
            Card(
                label=texts("cards.watched", month=formatting.month_name(month, language)),
                value=formatting.duration(sum(row["watch_ms"] for row in of_month.values()), language),
                note=texts("cards.watched_note"),
                key="watch_ms",
                is_main=True,
            )
        ]
    )
    most = max((row["viewers"] for row in of_month.values()), default=0)
    layout.cards(
        [
            Card(
                label=texts("cards.most"),
                value=formatting.people(most, language),
                note=texts("cards.most_note", month=formatting.month_name(month, language)),
                key="most_viewers",
            ),
            Card(
                label=texts("cards.online"),
                value=formatting.count(len(online), language),
                note=texts("cards.online_note", all=formatting.count(len(lives), language)),
                key="online_lives",
            ),
        ]
    )


def _watched(viewer: Viewer, texts: Texts, lives: Rows, of_month: dict[str, Row], month: str) -> None:
    language = viewer.language
    ordered = sorted(
        lives, key=lambda live: -of_month[live["live_id"]]["watch_ms"] if live["live_id"] in of_month else 1
    )
    name = formatting.month_name(month, language)
    best = ordered[0]
    heading = (
        texts("month.heading", title=plain(best["title"]), month=name)
        if best["live_id"] in of_month
        else texts("month.heading_none", month=name)
    )
    st.subheader(heading, anchor=False)
    layout.table(
        [
            Column("title", texts("month.live")),
            Column("watch_ms", texts("month.watched"), is_number=True),
            Column("viewers", texts("month.viewers"), is_number=True),
            Column("mean_completion_bp", texts("month.completion"), is_number=True),
        ],
        [_watched_line(texts, live, of_month.get(live["live_id"])) for live in ordered],
        caption=texts("month.caption", month=name),
        viewer=viewer,
        row_keys=[live["live_id"] for live in ordered],
    )


def _catalogue(viewer: Viewer, texts: Texts, lives: Rows) -> None:
    layout.table(
        [
            Column("title", texts("month.live")),
            Column("recorded_on", texts("catalogue.recorded")),
            Column("city", texts("catalogue.city")),
            Column("published_on", texts("catalogue.online")),
            Column("duration_s", texts("catalogue.duration"), is_number=True),
            Column("is_countable", texts("catalogue.counts")),
        ],
        [_catalogue_line(texts, live) for live in lives],
        caption=texts("catalogue.caption"),
        viewer=viewer,
        row_keys=[live["live_id"] for live in lives],
    )


def _catalogue_line(texts: Texts, live: Row) -> dict[str, str]:
    reason = live["ineligibility_reason"]
    return {
        "title": live["title"],
        "recorded_on": _day(texts, live["recorded_on"]) or NOTHING,
        "city": live["city"] or NOTHING,
        "published_on": _day(texts, live["published_on"]) or texts("catalogue.always"),
        "duration_s": formatting.duration(int(live["duration_s"] * 1000), texts.language),
        "is_countable": texts(f"why_not.{reason}") if reason else texts("catalogue.counts_yes"),
    }


def _day(texts: Texts, value: date | None) -> str:
    # No-break spaces keep it on one line: a table column gets as narrow as its longest word.
    return formatting.day(value, texts.language).replace(" ", _NBSP) if value else ""


def _watched_line(texts: Texts, live: Row, watched: Row | None) -> dict[str, str]:
    language = texts.language
    if watched is None:
        return {
            "title": live["title"],
            "watch_ms": NOTHING,
            "viewers": formatting.people(0, language),
            "mean_completion_bp": NOTHING,
        }
    few = is_small(watched["viewers"]) or is_small(watched["measured_playbacks"])
    return {
        "title": live["title"],
        "watch_ms": formatting.duration(watched["watch_ms"], language),
        "viewers": formatting.people(watched["viewers"], language),
        "mean_completion_bp": NOTHING if few else formatting.percent(watched["mean_completion_bp"], language),
    }


def _one_live(viewer: Viewer, texts: Texts, artist: Artist, lives: Rows, watched: Rows) -> None:
    titles = {live["live_id"]: live["title"] for live in lives}
    order = list(dict.fromkeys(row["live_id"] for row in watched if row["live_id"] in titles))
    if not order:
        return
    st.divider()
    live_id = st.selectbox(
        texts("live.choose"), order, format_func=lambda live_id: titles[live_id], key=f"live_{artist.artist_id}"
    )
    _retention(viewer, texts, watching.retention(viewer.principal, viewer.copy, artist.artist_id, live_id))
    _starts(viewer, texts, watching.starts(viewer.principal, viewer.copy, artist.artist_id, live_id))


def _retention(viewer: Viewer, texts: Texts, rows: Rows) -> None:
    language = viewer.language
    started = rows[0]["started_playbacks"] if rows else 0
    shown = [row for row in rows if row["watching_playbacks"] >= FEWEST_SHOWN]
    if not shown:
        st.subheader(texts("live.heading_few"), anchor=False)
        st.markdown(texts("live.few_text"))
        return
    shares = [(row["minute"], row["watching_playbacks"] * _WHOLE_BP // started) for row in shown]
    half = next((minute for minute, share in shares if share * 2 < _WHOLE_BP), None)
    if half is None and len(shown) < len(rows):
        half = shown[-1]["minute"] + 1
    st.subheader(
        texts("live.heading_end") if half is None else texts("live.heading_half", minute=half - 1), anchor=False
    )
    step = -(-len(shares) // _MOST_POINTS)
    points = tuple(
        (
            minute,
            share,
            texts("live.point", minute=minute, share=formatting.percent(share, language)),
        )
        for place, (minute, share) in enumerate(shares)
        if place % step == 0 or place == len(shares) - 1
    )
    every = next((step for step in _TABLE_STEPS if len(shares) <= step * _MOST_TABLE_ROWS), _TABLE_STEPS[-1])
    told = [(minute, share) for minute, share in shares if minute % every == 0]
    values = " ".join(
        texts("live.chart_value", minute=minute, share=formatting.percent(share, language)) for minute, share in told
    )
    draw(
        retention_curve(
            points,
            titles=(texts("live.minutes"), texts("live.share")),
            half_at=half,
            half_label=texts("live.half"),
            language=language,
            description=texts("live.chart", started=formatting.count(started, language), values=values),
            dark=is_dark(),
        )
    )
    note = texts("live.note", started=formatting.count(started, language))
    st.caption(note if len(shown) == len(rows) else f"{note} {texts('live.cut')}")
    with st.expander(texts("live.table")):
        layout.table(
            [
                Column("minute", texts("live.minute")),
                Column("share", texts("live.share"), is_number=True),
            ],
            [{"minute": str(minute), "share": formatting.percent(share, language)} for minute, share in told],
            caption=texts("live.caption"),
            viewer=viewer,
            row_keys=[str(minute) for minute, _ in told],
        )


def _starts(viewer: Viewer, texts: Texts, rows: Rows) -> None:
    language = viewer.language
    total = sum(row["playbacks"] for row in rows)
    if not total:
        return
    if is_small(total):
        st.subheader(texts("starts.heading_tie"), anchor=False)
        st.markdown(texts("starts.few_text"))
        return
    numbers = parts([row["playbacks"] for row in rows])
    names = [texts(f"surface.{row['surface']}") for row in rows]
    shown = [(name, number) for name, number in zip(names, numbers, strict=True) if number is not None]
    hidden = [name for name, number in zip(names, numbers, strict=True) if number is None]
    leads = shown and shown[0][1] * 2 > total
    st.subheader(texts("starts.heading", surface=shown[0][0]) if leads else texts("starts.heading_tie"), anchor=False)
    if shown:
        bars = tuple(
            Bar(
                name=name[0].upper() + name[1:],
                value=number,
                label=texts(
                    "starts.value",
                    number=formatting.count(number, language),
                    share=formatting.percent(number * _WHOLE_BP // total, language),
                ),
            )
            for name, number in shown
        )
        values = " ".join(texts("starts.chart_value", surface=bar.name, number=bar.label) for bar in bars)
        draw(name_bars(bars, language=language, description=texts("starts.chart", values=values), dark=is_dark()))
    if hidden:
        st.caption(texts("starts.hidden", surfaces=", ".join(hidden)))
