"""*Données*: data freshness, rejected records, held batches, how well players report, and where figures come from."""

from datetime import datetime
from typing import Final

import streamlit as st

from allive.dashboards import formatting, layout
from allive.dashboards.access import Role
from allive.dashboards.addresses import DATA_DOCS, ORDERS, PREFIX
from allive.dashboards.app_pages.management import players
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.management import data as queries
from allive.dashboards.serving import Rows
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer
from allive.ingestion.paris_days import PARIS

_REASONS: Final = frozenset(
    {
        "malformed",
        "in_future",
        "too_late",
        "too_old",
        "period_order",
        "period_too_long",
        "envelope_above_price",
        "refund_without_price",
    }
)


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("data", viewer.language)
    layout.page_head(viewer, texts("title"), texts("intro"))
    asked = viewer.principal, viewer.copy
    freshness = queries.freshness(*asked)
    rejects = queries.rejects(*asked)
    held = queries.held_batches(*asked)
    checks = queries.checks(*asked)
    failed = tuple(row for row in checks if row["status"] != "pass")
    layout.cards(_cards(viewer, rejects, held, checks, failed))
    _freshness(viewer, freshness)
    _checks(viewer, checks, failed)
    _held(viewer, held)
    if queries.has_data_docs(*asked):
        st.markdown(texts("data_docs.text"))
        layout.file_link(f"{DATA_DOCS}/index.html", texts("data_docs.link"))
    _rejects(viewer, rejects, freshness)
    players.section(viewer)
    _odd_days(viewer, queries.odd_days(*asked))
    if viewer.principal.role is Role.OPERATOR:
        st.subheader(texts("lineage.title"), anchor=False)
        st.markdown(texts("lineage.text"))
        layout.file_link(f"{PREFIX}/", texts("lineage.link"))
        layout.file_link(ORDERS, texts("lineage.orders"))


def _cards(viewer: Viewer, rejects: Rows, held: Rows, checks: Rows, failed: Rows) -> list[Card]:
    texts = Texts("data", viewer.language)
    language = viewer.language
    copy = viewer.copy
    return [
        Card(
            label=texts("card.published"),
            value=_day(viewer, copy.published_at),
            note=texts("card.published_note", at=formatting.instant(copy.published_at, language)),
            key="published_at",
        ),
        Card(
            label=texts("card.until"),
            value=_day(viewer, copy.data_until_at),
            note=texts("card.until_note"),
            key="data_until_at",
        ),
        Card(
            label=texts("card.checks"),
            value=_failures(viewer, checks, failed),
            note=texts("card.checks_note", all=formatting.count(len(checks), language)),
            key="failed_checks",
        ),
        Card(
            label=texts("card.held"),
            value=formatting.count(len(held), language),
            note=texts("card.held_note"),
            key="held_batches",
        ),
        Card(
            label=texts("card.rejects"),
            value=formatting.count(sum(row["rejects"] for row in rejects), language),
            note=texts("card.rejects_note"),
            key="rejects",
        ),
    ]


def _failures(viewer: Viewer, checks: Rows, failed: Rows) -> str:
    if not checks:
        return formatting.NOTHING
    return (
        formatting.count(len(failed), viewer.language) if failed else Texts("data", viewer.language)("card.checks_none")
    )


def _freshness(viewer: Viewer, freshness: Rows) -> None:
    texts = Texts("data", viewer.language)
    language = viewer.language
    st.subheader(texts("freshness.title"), anchor=False)
    rows = [
        {
            "type": texts(f"record_type.{row['record_type']}"),
            "records": formatting.count(row["records"], language),
            "loaded": _at(viewer, row["last_loaded_at"]),
            "event": _at(viewer, row["last_event_at"]),
        }
        for row in freshness
    ]
    columns = [
        Column("type", texts("column.record_type")),
        Column("records", texts("column.records"), is_number=True),
        Column("loaded", texts("column.last_loaded_at")),
        Column("event", texts("column.last_event_at")),
    ]
    layout.table(
        columns,
        rows,
        caption=texts("freshness.caption"),
        viewer=viewer,
        row_keys=[row["record_type"] for row in freshness],
    )
    layout.export_link(viewer, "freshness")


def _checks(viewer: Viewer, checks: Rows, failed: Rows) -> None:
    texts = Texts("data", viewer.language)
    language = viewer.language
    if not checks:
        st.subheader(texts("checks.title"), anchor=False)
        layout.nothing_yet(texts("checks.unknown"), texts("checks.unknown_text"))
        return
    if not failed:
        st.subheader(texts("checks.all_passed", all=formatting.count(len(checks), language)), anchor=False)
        layout.export_link(viewer, "checks")
        return
    st.subheader(texts.plural("checks.failed", len(failed), all=formatting.count(len(checks), language)), anchor=False)
    rows = [
        {
            "name": row["description"] or row["name"],
            "asset": row["asset"] or formatting.NOTHING,
            "state": texts(f"status.{row['status']}"),
            "failures": formatting.count(row["failures"], language),
            "effect": texts(f"severity.{row['severity']}"),
        }
        for row in failed
    ]
    columns = [
        Column("name", texts("column.check")),
        Column("asset", texts("column.asset")),
        Column("state", texts("column.status")),
        Column("failures", texts("column.failures"), is_number=True),
        Column("effect", texts("column.severity")),
    ]
    layout.table(
        columns, rows, caption=texts("checks.caption"), viewer=viewer, row_keys=[row["name"] for row in failed]
    )
    layout.export_link(viewer, "checks")


def _held(viewer: Viewer, held: Rows) -> None:
    texts = Texts("data", viewer.language)
    language = viewer.language
    if not held:
        st.subheader(texts("held.none"), anchor=False)
        return
    st.subheader(texts.plural("held.statement", len(held)), anchor=False)
    st.markdown(texts("held.meaning"))
    rows = [
        {
            "batch": row["batch"],
            "type": texts(f"record_type.{row['record_type']}"),
            "found": row["found"] or row["reason"],
            "records": formatting.count(row["records"], language),
            "held": _at(viewer, row["held_at"]),
        }
        for row in held
    ]
    columns = [
        Column("batch", texts("column.batch")),
        Column("type", texts("column.record_type")),
        Column("found", texts("column.found")),
        Column("records", texts("column.records"), is_number=True),
        Column("held", texts("column.held_at")),
    ]
    layout.table(columns, rows, caption=texts("held.caption"), viewer=viewer, row_keys=[row["batch"] for row in held])
    layout.export_link(viewer, "held-batches")


def _rejects(viewer: Viewer, rejects: Rows, freshness: Rows) -> None:
    texts = Texts("data", viewer.language)
    language = viewer.language
    number = sum(row["rejects"] for row in rejects)
    if not number:
        st.subheader(texts("rejects.none"), anchor=False)
        return
    records = sum(row["records"] for row in freshness) + number
    st.subheader(texts.plural("rejects.statement", number, all=formatting.count(records, language)), anchor=False)
    rows = [
        {
            "reason": in_words(texts, row["reason"]),
            "type": texts(f"record_type.{row['record_type']}"),
            "rejects": formatting.count(row["rejects"], language),
            "loaded": _at(viewer, row["last_loaded_at"]),
        }
        for row in rejects
    ]
    columns = [
        Column("reason", texts("column.reason")),
        Column("type", texts("column.record_type")),
        Column("rejects", texts("column.rejects"), is_number=True),
        Column("loaded", texts("column.last_rejected_at")),
    ]
    layout.table(
        columns,
        rows,
        caption=texts("rejects.caption"),
        viewer=viewer,
        row_keys=[f"{row['record_type']}-{row['reason']}" for row in rejects],
    )
    layout.export_link(viewer, "rejects")
    most = rejects[0]
    st.markdown(texts("rejects.how"))
    st.code(
        "\n".join(
            [
                "allive rejects list",
                f"allive rejects list --type {most['record_type']} --reason {most['reason']}",
                f"allive rejects show --type {most['record_type']} --reason {most['reason']}",
            ]
        ),
        language=None,
        wrap_lines=True,
    )


def _odd_days(viewer: Viewer, days: Rows) -> None:
    texts = Texts("data", viewer.language)
    language = viewer.language
    if not days:
        st.subheader(texts("odd_days.none"), anchor=False)
        return
    st.subheader(texts.plural("odd_days.statement", len(days)), anchor=False)
    columns = [
        Column("day", texts("column.day")),
        Column("watch_ms", texts("column.watch_ms"), is_number=True),
        Column("usual_watch_ms", texts("column.usual_watch_ms"), is_number=True),
    ]
    rows = [
        {
            "day": formatting.day(row["day"], language),
            "watch_ms": formatting.duration(row["watch_ms"], language),
            "usual_watch_ms": formatting.NOTHING
            if row["usual_watch_ms"] is None
            else formatting.duration(row["usual_watch_ms"], language),
        }
        for row in days
    ]
    layout.table(
        columns,
        rows,
        caption=texts("odd_days.caption"),
        viewer=viewer,
        row_keys=[row["day"].isoformat() for row in days],
    )
    layout.export_link(viewer, "odd-days")


def in_words(texts: Texts, reason: str) -> str:
    """Return in plain words why a record was rejected (INTERFACES.md, "Landing")."""
    for kind in ("missing", "bad"):
        if reason.startswith(f"{kind}_"):
            return texts(f"reason.{kind}", field=reason.removeprefix(f"{kind}_"))
    return texts(f"reason.{reason}") if reason in _REASONS else texts("reason.other", reason=reason)


def _at(viewer: Viewer, value: datetime | None) -> str:
    return formatting.instant(value, viewer.language) if value else formatting.NOTHING


def _day(viewer: Viewer, value: datetime | None) -> str:
    return formatting.short_day(value.astimezone(PARIS).date(), viewer.language) if value else formatting.NOTHING
