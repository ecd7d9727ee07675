"""*Mon public*: the number of viewers, new and returning, and the share of their time spent on the artist.

Parts of a shown number appear only if none of them, shown or derived, is a group under five (`small_groups`).
"""

from dataclasses import dataclass
from typing import Final

import streamlit as st

from allive.dashboards import formatting, layout
from allive.dashboards.app_pages.artist.opening import month_first, open_page
from allive.dashboards.charts import draw, is_dark
from allive.dashboards.charts_artist import Segment, people_bars
from allive.dashboards.formatting import NOTHING, Language
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.artist import watching
from allive.dashboards.serving import Row
from allive.dashboards.small_groups import is_small, part_of
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

EXPORT: Final = "artist-audience"
MONTHS_DRAWN: Final = 12
_WHOLE_BP: Final = 10_000


@dataclass(frozen=True)
class AudienceMonth:
    """One month of an artist's audience as it may be shown: None means hidden."""

    month: str
    viewers: int
    new_viewers: int | None
    returning_viewers: int | None
    sole_artist_viewers: int | None
    share_bp: int | None
    watch_ms: int
    is_running: bool


def told(row: Row) -> AudienceMonth:
    """Return the figures of a month that may be shown."""
    viewers = row["viewers"]
    share = row["watch_ms"] * _WHOLE_BP // row["viewers_watch_ms"] if row["viewers_watch_ms"] else None
    return AudienceMonth(
        month=row["month"],
        viewers=viewers,
        new_viewers=part_of(viewers, row["new_viewers"]),
        returning_viewers=part_of(viewers, row["returning_viewers"]),
        sole_artist_viewers=part_of(viewers, row["sole_artist_viewers"]),
        share_bp=None if is_small(viewers) else share,
        watch_ms=row["watch_ms"],
        is_running=row["is_running"],
    )


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("audience", viewer.language)
    artist = open_page(viewer, texts)
    if artist is None:
        return
    months = [told(row) for row in watching.audience(viewer.principal, viewer.copy, artist.artist_id)]
    if not months:
        layout.nothing_yet(texts("state.none_title"), texts("state.none_text"), icon=":material/groups:")
        return
    over = [month for month in months if not month.is_running]
    latest = over[-1] if over else months[-1]
    before = over[-2] if len(over) > 1 else None
    _cards(texts, latest, before)
    _months(viewer, texts, months, latest)
    layout.export_link(viewer, EXPORT, artist=artist.artist_id)


def _cards(texts: Texts, latest: AudienceMonth, before: AudienceMonth | None) -> None:
    language = texts.language
    main = Card(
        label=texts("cards.viewers", month=formatting.month_name(latest.month, language)),
        value=formatting.people(latest.viewers, language),
        note=_compared(texts, latest, before),
        key="viewers",
        is_main=True,
    )
    if is_small(latest.viewers):
        layout.cards([main])
        return
    layout.cards(
        [
            main,
            *(
                Card(
                    label=texts(f"cards.{name}"),
                    value=_number(texts, number),
                    note=texts(f"cards.{name}_note"),
                    key=key,
                )
                for name, number, key in (
                    ("new", latest.new_viewers, "new_viewers"),
                    ("returning", latest.returning_viewers, "returning_viewers"),
                    ("sole", latest.sole_artist_viewers, "sole_artist_viewers"),
                )
            ),
            Card(
                label=texts("cards.share"),
                value=formatting.percent(latest.share_bp, language),
                note=texts("cards.share_note"),
                key="share_bp",
            ),
        ]
    )


def _compared(texts: Texts, latest: AudienceMonth, before: AudienceMonth | None) -> str:
    if is_small(latest.viewers):
        return texts("cards.viewers_few")
    if latest.is_running:
        return texts("cards.viewers_running")
    if before is None:
        return texts("cards.viewers_first")
    if is_small(before.viewers):
        return ""
    difference = latest.viewers - before.viewers
    key = "more" if difference > 0 else "less" if difference < 0 else "same"
    return texts(
        f"cards.viewers_{key}",
        number=formatting.count(abs(difference), texts.language),
        month=formatting.month_name(before.month, texts.language),
    )


def _months(viewer: Viewer, texts: Texts, months: list[AudienceMonth], latest: AudienceMonth) -> None:
    language = viewer.language
    st.subheader(_heading(texts, latest), anchor=False)
    drawn = [month for month in months if not is_small(month.viewers)][-MONTHS_DRAWN:]
    if drawn:
        segments, values = _segments(texts, drawn)
        used = {segment.series for segment in segments}
        names = (texts("months.returning"), texts("months.new"), texts("months.undetailed"))
        draw(
            people_bars(
                segments,
                series=tuple(name for name in names if name in used),
                language=language,
                description=texts("months.chart", values=values),
                dark=is_dark(),
            )
        )
    layout.table(
        [
            Column("month", texts("months.month")),
            Column("viewers", texts("months.viewers"), is_number=True),
            Column("new_viewers", texts("months.new"), is_number=True),
            Column("returning_viewers", texts("months.returning"), is_number=True),
            Column("sole_artist_viewers", texts("months.sole"), is_number=True),
            Column("share_bp", texts("months.share"), is_number=True),
            Column("watch_ms", texts("months.watched"), is_number=True),
        ],
        [_line(texts, month) for month in reversed(months)],
        caption=texts("months.caption"),
        viewer=viewer,
        row_keys=[month.month for month in reversed(months)],
    )
    st.caption(texts("months.note"))


def _heading(texts: Texts, latest: AudienceMonth) -> str:
    new, returning = latest.new_viewers, latest.returning_viewers
    if new is None or returning is None or not latest.viewers:
        return texts("months.heading_plain")
    key, number = ("new", new) if new > returning else ("returning", returning)
    return texts(
        f"months.heading_{key}",
        share=formatting.percent(number * _WHOLE_BP // latest.viewers, texts.language),
        month=formatting.month_name(latest.month, texts.language),
    )


def _segments(texts: Texts, months: list[AudienceMonth]) -> tuple[tuple[Segment, ...], str]:
    language = texts.language
    segments: list[Segment] = []
    values: list[str] = []
    for month in months:
        name = formatting.month_name(month.month, language)
        numbers = (
            {"undetailed": month.viewers}
            if month.new_viewers is None or month.returning_viewers is None
            else {"returning": month.returning_viewers, "new": month.new_viewers}
        )
        segments += [
            Segment(
                month=formatting.short_month(month.month, language),
                series=texts(f"months.{series}"),
                value=number,
                label=f"{name} · {texts(f'months.{series}')} · {formatting.count(number, language)}",
                mark=texts("months.running") if month.is_running else "",
            )
            for series, number in numbers.items()
        ]
        viewers = formatting.count(month.viewers, language)
        values.append(
            texts("months.chart_value_plain", month=month_first(month.month, language), viewers=viewers)
            if month.new_viewers is None
            else texts(
                "months.chart_value",
                month=month_first(month.month, language),
                viewers=viewers,
                new=formatting.count(month.new_viewers, language),
            )
        )
    return tuple(segments), " ".join(values)


def _line(texts: Texts, month: AudienceMonth) -> dict[str, str]:
    language: Language = texts.language
    name = formatting.month_name(month.month, language)
    return {
        "month": f"{name} ({texts('months.running')})" if month.is_running else name,
        "viewers": formatting.people(month.viewers, language),
        "new_viewers": _number(texts, month.new_viewers),
        "returning_viewers": _number(texts, month.returning_viewers),
        "sole_artist_viewers": _number(texts, month.sole_artist_viewers),
        "share_bp": texts("not_told") if is_small(month.viewers) else formatting.percent(month.share_bp, language),
        "watch_ms": formatting.duration(month.watch_ms, language) if month.watch_ms else NOTHING,
    }


def _number(texts: Texts, number: int | None) -> str:
    return texts("not_told") if number is None else formatting.count(number, texts.language)
