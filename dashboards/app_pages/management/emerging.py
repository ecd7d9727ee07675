"""*Émergents*: the emerging artists' share of viewing and money, how they are discovered, and who is not."""

from typing import Final

import streamlit as st

from allive.dashboards import charts, charts_management, formatting, layout
from allive.dashboards.app_pages.management import reading
from allive.dashboards.charts_management import Mark, Series
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.management import emerging as queries
from allive.dashboards.serving import Row, Rows
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

CATEGORIES: Final = ("emerging", "independent", "known")
SURFACES: Final = ("home", "search", "artist", "category", "recommendation", "external", "unknown")
_TREND_MONTHS: Final = 13
_DASHES: Final = {"emerging": (1, 0), "independent": (6, 4), "known": (2, 3)}


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("emerging", viewer.language)
    layout.page_head(viewer, texts("title"), texts("intro"))
    visibility = queries.emerging_visibility(viewer.principal, viewer.copy)
    months = sorted({row["month"] for row in visibility}, reverse=True)
    watched = sorted({row["month"] for row in visibility if row["watch_share_bp"] is not None}, reverse=True)
    if not months:
        shared = Texts("platform", viewer.language)
        layout.nothing_yet(shared("nothing.title"), shared("nothing.text"))
        return
    default = reading.last_full_month(viewer, watched or months)
    month = reading.choose_month(viewer, watched or months, key="emerging_month", default=default)
    until = tuple(
        row for row in visibility if row["month"] in sorted(one for one in months if one <= month)[-_TREND_MONTHS:]
    )
    of_month = {row["category"]: row for row in until if row["month"] == month}
    emerging = of_month.get("emerging")
    if emerging is None or emerging["watch_share_bp"] is None:
        layout.nothing_yet(texts("empty.title"), texts("empty.text"))
        return
    trend = tuple(row for row in until if row["category"] == "emerging")
    layout.cards(_cards(viewer, trend))
    _shares(viewer, until, month)
    _money(viewer, of_month, month)
    _discoveries(viewer, trend)
    _path(viewer, trend)
    _starts(viewer, month)
    _concentration(viewer, of_month, month)
    _unseen(viewer, month)


def _cards(viewer: Viewer, trend: Rows) -> list[Card]:
    texts = Texts("emerging", viewer.language)
    language = viewer.language
    row = trend[-1]
    first = formatting.month_name(trend[0]["month"], language)

    def card(key: str, note: str, *, is_share: bool = True) -> Card:
        value = row[key]
        shown = formatting.percent(value, language) if is_share else formatting.count(value, language)
        label = texts(f"card.{key}")
        return Card(
            label=label,
            value=shown,
            note=note,
            key=key,
            trend=tuple(one[key] for one in trend),
            trend_label=texts("trend", figure=label, first=first),
        )

    def of(part: int, whole: int, key: str) -> str:
        return texts(key, part=formatting.count(part, language), whole=formatting.count(whole, language))

    return [
        card("watch_share_bp", formatting.duration(row["watch_ms"], language)),
        card("money_share_bp", formatting.euros(row["money_cents"], language)),
        card(
            "pro_rata_share_bp",
            texts("card.pro_rata_note", amount=formatting.euros(row["pro_rata_cents"], language)),
        ),
        card("reach_bp", of(row["viewers"], row["watchers"], "card.reach_note")),
        card(
            "first_discoveries",
            texts(
                "card.discoveries_note", number=formatting.count(row["discoveries_per_1000_watchers"] or 0, language)
            ),
            is_share=False,
        ),
        card(
            "repeat_bp",
            of(row["repeated_discoveries"], row["observed_discoveries"], "card.repeat_note")
            if row["observed_discoveries"]
            else texts("card.repeat_waits"),
        ),
        card("coverage_bp", of(row["watched_lives"], row["online_lives"], "card.coverage_note")),
        card(
            "known_to_emerging_bp",
            of(row["known_to_emerging_viewers"] or 0, row["observed_known_viewers"] or 0, "card.path_note")
            if row["observed_known_viewers"]
            else texts("card.path_waits"),
        ),
    ]


def _category_series(viewer: Viewer) -> tuple[Series, ...]:
    shared = Texts("platform", viewer.language)
    return tuple(Series(shared(f"category.{name}"), name, _DASHES[name]) for name in CATEGORIES)


def _shares(viewer: Viewer, until: Rows, month: str) -> None:
    texts = Texts("emerging", viewer.language)
    shared = Texts("platform", viewer.language)
    language = viewer.language
    of_emerging = [row for row in until if row["category"] == "emerging" and row["watch_share_bp"] is not None]
    row = of_emerging[-1]
    statement = texts(
        "shares.statement",
        share=formatting.percent(row["watch_share_bp"], language),
        month=formatting.month_name(month, language),
    )
    st.subheader(statement, anchor=False)
    marks = tuple(
        Mark(
            formatting.short_month(one["month"], language),
            shared(f"category.{one['category']}"),
            one["watch_share_bp"] / 100,
            formatting.percent(one["watch_share_bp"], language),
        )
        for one in until
        if one["watch_share_bp"] is not None
    )
    charts.draw(
        charts_management.months(
            marks, series=_category_series(viewer), unit=texts("shares.unit"), look=reading.look(viewer, statement)
        )
    )
    columns = [
        Column("month", texts("column.month")),
        Column("category", texts("column.category")),
        *(
            Column(key, texts(f"column.{key}"), is_number=True)
            for key in ("watch_ms", "watch_share_bp", "money_cents", "money_share_bp", "pro_rata_cents", "viewers")
        ),
    ]
    rows = [
        {
            "month": formatting.month_name(one["month"], language),
            "category": shared(f"category.{one['category']}"),
            "watch_ms": formatting.duration(one["watch_ms"], language),
            "watch_share_bp": formatting.percent(one["watch_share_bp"], language),
            "money_cents": formatting.euros(one["money_cents"], language),
            "money_share_bp": formatting.percent(one["money_share_bp"], language),
            "pro_rata_cents": formatting.euros(one["pro_rata_cents"], language),
            "viewers": formatting.people(one["viewers"], language),
        }
        for one in sorted(until, key=lambda one: (one["month"], one["category"]), reverse=False)
    ]
    reading.figures(viewer, columns, rows, caption=texts("shares.caption"), export="emerging-visibility")


def _money(viewer: Viewer, of_month: dict[str, Row], month: str) -> None:
    texts = Texts("emerging", viewer.language)
    shared = Texts("platform", viewer.language)
    language = viewer.language
    row = of_month["emerging"]
    if row["money_share_bp"] is None:
        st.subheader(texts("money.title"), anchor=False)
        layout.nothing_yet(texts("money.none"), texts("money.when"))
        return
    difference = row["money_cents"] - row["pro_rata_cents"]
    statement = texts(
        "money.more" if difference >= 0 else "money.less",
        share=formatting.percent(row["money_share_bp"], language),
        pro_rata=formatting.percent(row["pro_rata_share_bp"], language),
        difference=formatting.euros(abs(difference), language),
        month=formatting.month_name(month, language),
    )
    st.subheader(statement, anchor=False)
    names = {
        "watch_share_bp": texts("series.watch_share_bp"),
        "money_share_bp": texts("series.money_share_bp"),
        "pro_rata_share_bp": texts("series.pro_rata_share_bp"),
    }
    marks = tuple(
        Mark(
            shared(f"category.{category}"),
            name,
            (of_month[category][key] or 0) / 100,
            formatting.percent(of_month[category][key], language),
        )
        for category in CATEGORIES
        if category in of_month
        for key, name in names.items()
    )
    series = tuple(
        Series(name, colour) for name, colour in zip(names.values(), ("other", "emerging", "pool"), strict=True)
    )
    charts.draw(charts_management.bars(marks, series=series, look=reading.look(viewer, statement)))


def _discoveries(viewer: Viewer, trend: Rows) -> None:
    texts = Texts("emerging", viewer.language)
    language = viewer.language
    row = trend[-1]
    month = formatting.month_name(row["month"], language)
    number = formatting.count(row["first_discoveries"], language)
    statement = (
        texts(
            "discoveries.statement",
            number=number,
            month=month,
            share=formatting.percent(row["repeat_bp"], language),
            observed=formatting.count(row["observed_discoveries"], language),
        )
        if row["repeat_bp"] is not None
        else texts("discoveries.unobserved", number=number, month=month)
    )
    st.subheader(statement, anchor=False)
    st.markdown(texts("discoveries.meaning"))
    keys = (("repeated_discoveries", "emerging"), ("not_repeated", "other"), ("not_observed", "pool"))
    parts = [
        {
            "month": one["month"],
            "repeated_discoveries": one["repeated_discoveries"],
            "not_repeated": one["observed_discoveries"] - one["repeated_discoveries"],
            "not_observed": one["first_discoveries"] - one["observed_discoveries"],
        }
        for one in trend
    ]
    marks = tuple(
        Mark(
            formatting.short_month(one["month"], language),
            texts(f"series.{key}"),
            one[key],
            formatting.count(one[key], language),
        )
        for one in parts
        for key, _ in keys
    )
    charts.draw(
        charts_management.stacks(
            marks,
            series=tuple(Series(texts(f"series.{key}"), colour) for key, colour in keys),
            unit=texts("discoveries.unit"),
            look=reading.look(viewer, statement),
        )
    )
    columns = [
        Column("month", texts("column.month")),
        Column("first", texts("column.first_discoveries"), is_number=True),
        *(Column(key, texts(f"series.{key}"), is_number=True) for key, _ in keys),
        Column("repeat", texts("column.repeat_bp"), is_number=True),
    ]
    rows = [
        {
            "month": formatting.month_name(one["month"], language),
            "first": formatting.count(one["first_discoveries"], language),
            **{key: formatting.count(part[key], language) for key, _ in keys},
            "repeat": formatting.percent(one["repeat_bp"], language),
        }
        for one, part in reversed(list(zip(trend, parts, strict=True)))
    ]
    reading.figures(viewer, columns, rows, caption=texts("discoveries.caption"), export="emerging-visibility")


def _path(viewer: Viewer, trend: Rows) -> None:
    texts = Texts("emerging", viewer.language)
    language = viewer.language
    row = trend[-1]
    month = formatting.month_name(row["month"], language)
    if not row["observed_known_viewers"]:
        st.subheader(texts("path.title"), anchor=False)
        layout.nothing_yet(texts("path.none"), texts("path.when"))
        return
    statement = texts(
        "path.statement",
        share=formatting.percent(row["known_to_emerging_bp"], language),
        month=month,
    )
    st.subheader(statement, anchor=False)
    known = [one for one in trend if one["known_to_emerging_bp"] is not None]
    series = texts("series.known_to_emerging_bp")
    marks = tuple(
        Mark(
            formatting.short_month(one["month"], language),
            series,
            one["known_to_emerging_bp"] / 100,
            formatting.percent(one["known_to_emerging_bp"], language),
        )
        for one in known
    )
    charts.draw(
        charts_management.months(
            marks, series=(Series(series, "emerging"),), unit="%", look=reading.look(viewer, statement)
        )
    )
    columns = [
        Column("month", texts("column.month")),
        Column("observed", texts("column.observed_known_viewers"), is_number=True),
        Column("reached", texts("column.known_to_emerging_viewers"), is_number=True),
        Column("share", texts("column.known_to_emerging_bp"), is_number=True),
    ]
    rows = [
        {
            "month": formatting.month_name(one["month"], language),
            "observed": formatting.people(one["observed_known_viewers"], language),
            "reached": formatting.people(one["known_to_emerging_viewers"], language),
            "share": formatting.percent(one["known_to_emerging_bp"], language),
        }
        for one in reversed(known)
    ]
    reading.figures(viewer, columns, rows, caption=texts("path.caption"), export="emerging-visibility")


def _starts(viewer: Viewer, month: str) -> None:
    texts = Texts("emerging", viewer.language)
    shared = Texts("platform", viewer.language)
    language = viewer.language
    starts = [row for row in queries.category_starts(viewer.principal, viewer.copy) if row["month"] == month]
    totals = {name: sum(row["playbacks"] for row in starts if row["category"] == name) for name in CATEGORIES}
    if not totals["emerging"]:
        st.subheader(texts("starts.title"), anchor=False)
        layout.nothing_yet(texts("starts.none"), texts("starts.when"))
        return
    playbacks = {(row["category"], row["surface"]): row["playbacks"] for row in starts}
    first = max(SURFACES, key=lambda surface: playbacks.get(("emerging", surface), 0))
    statement = texts(
        "starts.statement",
        surface=shared(f"surface.{first}"),
        share=formatting.percent(10_000 * playbacks[("emerging", first)] // totals["emerging"], language),
        month=formatting.month_name(month, language),
    )
    st.subheader(statement, anchor=False)
    shown = [name for name in CATEGORIES if totals[name]]
    surfaces = [surface for surface in SURFACES if any(playbacks.get((name, surface)) for name in CATEGORIES)]
    marks = tuple(
        Mark(
            shared(f"surface.{surface}"),
            shared(f"category.{name}"),
            playbacks.get((name, surface), 0) / totals[name] * 100,
            formatting.percent(10_000 * playbacks.get((name, surface), 0) // totals[name], language),
        )
        for surface in surfaces
        for name in shown
    )
    series = tuple(one for one, name in zip(_category_series(viewer), CATEGORIES, strict=True) if name in shown)
    charts.draw(charts_management.bars(marks, series=series, look=reading.look(viewer, statement)))
    columns = [
        Column("surface", texts("column.surface")),
        *(Column(name, shared(f"category.{name}"), is_number=True) for name in shown),
    ]
    rows = [
        {
            "surface": shared(f"surface.{surface}"),
            **{name: formatting.count(playbacks.get((name, surface), 0), language) for name in shown},
        }
        for surface in surfaces
    ]
    total = {"surface": texts("column.total"), **{name: formatting.count(totals[name], language) for name in shown}}
    reading.figures(viewer, columns, rows, caption=texts("starts.caption"), export="category-starts", total=total)


def _concentration(viewer: Viewer, of_month: dict[str, Row], month: str) -> None:
    texts = Texts("emerging", viewer.language)
    shared = Texts("platform", viewer.language)
    language = viewer.language
    row = of_month["emerging"]
    st.subheader(
        texts(
            "concentration.statement",
            share=formatting.percent(row["top10_share_bp"], language),
            artists=formatting.count(row["artists"], language),
            month=formatting.month_name(month, language),
        ),
        anchor=False,
    )
    st.markdown(texts("concentration.meaning"))
    keys = ("gini_bp", "hhi_bp", "top10_share_bp", "coverage_bp")
    columns = [
        Column("category", texts("column.category")),
        Column("artists", texts("column.artists"), is_number=True),
        Column("watched_artists", texts("column.watched_artists"), is_number=True),
        *(Column(key, texts(f"column.{key}"), is_number=True) for key in keys),
    ]
    rows = [
        {
            "category": shared(f"category.{name}"),
            "artists": formatting.count(of_month[name]["artists"], language),
            "watched_artists": formatting.count(of_month[name]["watched_artists"], language),
            **{key: formatting.percent(of_month[name][key], language) for key in keys},
        }
        for name in CATEGORIES
        if name in of_month
    ]
    layout.table(columns, rows, caption=texts("concentration.caption"), viewer=viewer)
    layout.export_link(viewer, "emerging-visibility")


def _unseen(viewer: Viewer, month: str) -> None:
    texts = Texts("emerging", viewer.language)
    language = viewer.language
    artists = [
        row
        for row in queries.artist_visibility(viewer.principal, viewer.copy, month)
        if row["category"] == "emerging" and row["online_lives"] > 0
    ]
    unseen = [row for row in artists if row["viewers"] < formatting.FEWEST_SHOWN]
    statement = texts.plural(
        "unseen.statement",
        len(unseen),
        all=formatting.count(len(artists), language),
        month=formatting.month_name(month, language),
    )
    st.subheader(
        statement if unseen else texts("unseen.none", month=formatting.month_name(month, language)), anchor=False
    )
    st.markdown(texts("unseen.meaning"))
    if not artists:
        return
    columns = [
        Column("artist", texts("column.artist")),
        Column("seen", texts("column.seen")),
        *(
            Column(key, texts(f"column.{key}"), is_number=True)
            for key in ("online_lives", "viewers", "watch_ms", "first_discoveries", "from_known_viewers")
        ),
    ]
    rows = [
        {
            "artist": row["artist_name"],
            "seen": texts("unseen.nobody" if row["viewers"] == 0 else "unseen.few" if row in unseen else "unseen.seen"),
            "online_lives": formatting.count(row["online_lives"], language),
            "viewers": formatting.people(row["viewers"], language),
            "watch_ms": formatting.duration(row["watch_ms"], language),
            "first_discoveries": formatting.people(row["first_discoveries"], language),
            "from_known_viewers": formatting.people(row["from_known_viewers"], language),
        }
        for row in artists
    ]
    layout.table(
        columns, rows, caption=texts("unseen.caption"), viewer=viewer, row_keys=[row["artist_id"] for row in artists]
    )
    layout.export_link(viewer, "artist-visibility", month=month)
