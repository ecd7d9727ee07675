"""*Catalogue*: every live, whether viewing it earns money and if not, why, and how it was watched."""

from typing import Final

import streamlit as st

from allive.dashboards import formatting, layout
from allive.dashboards.app_pages.management import reading
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.management import catalogue as queries
from allive.dashboards.serving import Row, Rows
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

_ALL: Final = ""
_MS_PER_S: Final = 1_000


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("catalogue", viewer.language)
    shared = Texts("platform", viewer.language)
    layout.page_head(viewer, texts("title"), texts("intro"))
    asked = viewer.principal, viewer.copy
    by_reason = queries.lives_by_reason(*asked)
    if not by_reason:
        layout.nothing_yet(texts("empty.title"), texts("empty.text"))
        return
    _eligibility(viewer, by_reason)
    st.subheader(texts("lives.title"), anchor=False)
    months = [row["month"] for row in queries.watched_months(*asked)]
    artist_names = {row["artist_id"]: row["artist_name"] for row in queries.credited_artists(*asked)}
    places = st.columns(3)
    with places[0]:
        month = (
            reading.choose_month(viewer, months, key="catalogue_month", default=reading.last_full_month(viewer, months))
            if months
            else ""
        )
    with places[1]:
        artist_id = reading.choose(
            texts("filter.artist"), {_ALL: shared("choose.all"), **artist_names}, key="catalogue_artist"
        )
    with places[2]:
        eligibility = reading.choose(
            texts("filter.eligibility"),
            {
                _ALL: shared("choose.all"),
                queries.ELIGIBLE: texts("filter.eligible"),
                queries.INELIGIBLE: texts("filter.ineligible"),
                **{
                    row["ineligibility_reason"]: texts(f"reason.{row['ineligibility_reason']}")
                    for row in by_reason
                    if row["ineligibility_reason"]
                },
            },
            key="catalogue_eligibility",
        )
    lives = queries.lives(*asked, month, artist_id=artist_id or None, eligibility=eligibility or None)
    if not lives:
        layout.nothing_yet(texts("filter.nothing"), texts("filter.nothing_text"), icon=":material/filter_alt_off:")
        return
    _lives(viewer, lives, month)
    parameters = {"month": month, "artist": artist_id, "eligibility": eligibility}
    layout.export_link(viewer, "lives", **{name: value for name, value in parameters.items() if value})


def _eligibility(viewer: Viewer, by_reason: Rows) -> None:
    texts = Texts("catalogue", viewer.language)
    language = viewer.language
    every = sum(row["lives"] for row in by_reason)
    eligible = sum(row["lives"] for row in by_reason if row["ineligibility_reason"] is None)
    layout.cards(
        [
            Card(
                label=texts("card.eligible"),
                value=formatting.count(eligible, language),
                note=texts("card.eligible_note", all=formatting.count(every, language)),
                key="eligible",
            ),
            *(
                Card(
                    label=reading.sentence(texts(f"reason.{row['ineligibility_reason']}")),
                    value=formatting.count(row["lives"], language),
                    note=texts(f"reason_note.{row['ineligibility_reason']}"),
                    key=row["ineligibility_reason"],
                )
                for row in by_reason
                if row["ineligibility_reason"]
            ),
        ]
    )


def _lives(viewer: Viewer, lives: Rows, month: str) -> None:
    texts = Texts("catalogue", viewer.language)
    language = viewer.language
    columns = [
        Column("title", texts("column.title")),
        Column("artists", texts("column.artists")),
        Column("eligibility", texts("column.eligibility")),
        Column("published_on", texts("column.published_on")),
        *(
            Column(key, texts(f"column.{key}"), is_number=True)
            for key in ("duration", "watch_ms", "viewers", "mean_completion_bp")
        ),
    ]
    rows = [
        {
            "title": row["title"],
            "artists": row["artist_names"] or formatting.NOTHING,
            "eligibility": in_words(texts, row),
            "published_on": formatting.short_day(row["published_on"], language)
            if row["published_on"]
            else texts("always"),
            "duration": formatting.duration(int(row["duration_s"] * _MS_PER_S), language),
            "watch_ms": formatting.duration(row["watch_ms"], language),
            "viewers": formatting.people(row["viewers"], language),
            "mean_completion_bp": formatting.percent(row["mean_completion_bp"], language),
        }
        for row in lives
    ]
    caption = (
        texts.plural("lives.caption", len(lives), month=formatting.month_name(month, language))
        if month
        else texts.plural("lives.caption_unwatched", len(lives))
    )
    layout.table(columns, rows, caption=caption, viewer=viewer, row_keys=[row["live_id"] for row in lives])


def in_words(texts: Texts, live: Row) -> str:
    """Return whether viewing a live earns money, and if not, why."""
    reason = live["ineligibility_reason"]
    return f"✗ {texts(f'reason.{reason}')}" if reason else f"✓ {texts('eligible')}"
