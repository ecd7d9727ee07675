"""*Clôtures*: amounts to pay and carried by each close, control totals, pending adjustments, and other rules."""

from typing import Final

import streamlit as st

from allive.dashboards import charts, charts_management, formatting, layout
from allive.dashboards.app_pages.management import reading, scenarios
from allive.dashboards.charts_management import Mark, Series
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.management import payouts as queries
from allive.dashboards.serving import Row, Rows
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

_HASH_SHOWN: Final = 12
_EXTREMES: Final = 8


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("payouts", viewer.language)
    layout.page_head(viewer, texts("title"), texts("intro"))
    asked = viewer.principal, viewer.copy
    closed = queries.closed_months(*asked)
    open_months = queries.open_months(*asked)
    if not closed and not open_months:
        layout.nothing_yet(texts("empty.title"), texts("empty.text"))
        return
    _status(viewer, closed, open_months)
    months = sorted({row["settlement_month"] for row in (*closed, *open_months)}, reverse=True)
    default = closed[0]["settlement_month"] if closed else None
    month = reading.choose_month(viewer, months, key="payouts_month", default=default)
    run = next((row for row in closed if row["settlement_month"] == month), None)
    if run is None:
        waiting = next(row for row in open_months if row["settlement_month"] == month)
        _open_month(viewer, waiting)
    else:
        payouts = queries.artist_payouts(*asked, month)
        layout.cards(_cards(viewer, run))
        _controls(viewer, run, payouts)
        _carried(viewer, run)
    _pending(viewer, queries.pending_adjustments(*asked))
    _pro_rata(viewer, month)
    scenarios.draw(viewer, month)


def _status(viewer: Viewer, closed: Rows, open_months: Rows) -> None:
    texts = Texts("payouts", viewer.language)
    language = viewer.language
    statement = (
        texts(
            "status.statement",
            month=formatting.month_name(closed[0]["settlement_month"], language),
            paid=formatting.euros(closed[0]["paid_cents"], language),
            artists=formatting.count(closed[0]["paid_artists"], language),
        )
        if closed
        else texts("status.none")
    )
    st.subheader(statement, anchor=False)
    columns = [
        Column("month", texts("column.month")),
        Column("state", texts("column.state")),
        *(
            Column(key, texts(f"column.{key}"), is_number=True)
            for key in ("envelope", "paid_cents", "paid_artists", "carried_forward_cents")
        ),
        Column("payment_date", texts("column.payment_date")),
        Column("closed_at", texts("column.closed_at")),
        Column("run_hash", texts("column.run_hash")),
    ]
    rows = [
        {
            "month": formatting.month_name(row["settlement_month"], language),
            "state": texts("status.open"),
            "envelope": formatting.euros(row["envelope_cents"], language),
            "paid_cents": formatting.NOTHING,
            "paid_artists": formatting.NOTHING,
            "carried_forward_cents": formatting.NOTHING,
            "payment_date": formatting.NOTHING,
            "closed_at": formatting.NOTHING,
            "run_hash": formatting.NOTHING,
        }
        for row in reversed(open_months)
    ] + [
        {
            "month": formatting.month_name(row["settlement_month"], language),
            "state": texts("status.closed"),
            "envelope": formatting.euros(row["envelope_cents"], language),
            "paid_cents": formatting.euros(row["paid_cents"], language),
            "paid_artists": formatting.count(row["paid_artists"], language),
            "carried_forward_cents": formatting.euros(row["carried_forward_cents"], language),
            "payment_date": formatting.short_day(row["payment_date"], language),
            "closed_at": formatting.instant(row["closed_at"], language) if row["closed_at"] else formatting.NOTHING,
            "run_hash": row["run_hash"][:_HASH_SHOWN],
        }
        for row in closed
    ]
    keys = [row["settlement_month"] for row in (*reversed(open_months), *closed)]
    layout.table(columns, rows, caption=texts("status.caption"), viewer=viewer, row_keys=keys)
    layout.export_link(viewer, "closed-months")


def _open_month(viewer: Viewer, row: Row) -> None:
    texts = Texts("payouts", viewer.language)
    language = viewer.language
    layout.nothing_yet(
        reading.sentence(texts("open.title", month=formatting.month_name(row["settlement_month"], language))),
        texts(
            "open.text",
            envelope=formatting.euros(row["envelope_cents"], language),
            direct=formatting.euros(row["direct_cents"], language),
            pool=formatting.euros(row["pool_cents"], language),
        ),
        icon=":material/lock_open:",
    )
    _blockers(viewer, row["settlement_month"])


def _blockers(viewer: Viewer, month: str) -> None:
    texts = Texts("payouts", viewer.language)
    blockers = queries.close_blockers(viewer.principal, viewer.copy, month)
    if not blockers:
        st.subheader(texts("blockers.none", month=formatting.month_name(month, viewer.language)), anchor=False)
        return
    st.subheader(
        texts.plural("blockers.statement", len(blockers), month=formatting.month_name(month, viewer.language)),
        anchor=False,
    )
    columns = [Column("subject", texts("column.subject")), Column("reason", texts("column.blocker"))]
    rows = [
        {
            "subject": row["subject_id"],
            "reason": texts(f"blocker.{row['reason']}", found=formatting.count(row["found"], viewer.language)),
        }
        for row in blockers
    ]
    layout.table(
        columns,
        rows,
        caption=texts("blockers.caption"),
        viewer=viewer,
        row_keys=[f"{row['reason']}-{row['subject_id']}" for row in blockers],
    )
    layout.export_link(viewer, "close-blockers", month=month)


def _cards(viewer: Viewer, run: Row) -> list[Card]:
    texts = Texts("payouts", viewer.language)
    language = viewer.language
    members = run["pool_members"]
    return [
        Card(
            label=texts("card.paid"),
            value=formatting.euros(run["paid_cents"], language),
            note=texts.plural("card.paid_note", run["paid_artists"]),
            key="paid_cents",
        ),
        Card(
            label=texts("card.carried"),
            value=formatting.euros(run["carried_forward_cents"], language),
            note=texts("card.carried_note"),
            key="carried_forward_cents",
        ),
        Card(
            label=texts("card.direct"),
            value=formatting.euros(run["direct_cents"], language),
            note=texts("card.share_note", share=_share(viewer, run["direct_nanos"], run["envelope_nanos"])),
            key="direct_cents",
        ),
        Card(
            label=texts("card.pool"),
            value=formatting.euros(run["pool_cents"], language),
            note=texts.plural(
                "card.pool_note", members, share=_share(viewer, run["pool_nanos"], run["envelope_nanos"])
            ),
            key="pool_cents",
        ),
        Card(
            label=texts("card.idle"),
            value=formatting.count(run["idle_periods"], language),
            note=texts("card.idle_note", all=formatting.count(run["periods"], language)),
            key="idle_periods",
        ),
    ]


def _share(viewer: Viewer, part: int, whole: int) -> str:
    return formatting.percent(10_000 * part // whole if whole else None, viewer.language)


def _controls(viewer: Viewer, run: Row, payouts: Rows) -> None:
    texts = Texts("payouts", viewer.language)
    language = viewer.language

    def money(cents: int) -> str:
        return formatting.euros(cents, language)

    def added(cents: int) -> str:
        return f"+ {money(cents)}" if cents >= 0 else f"\u2212 {money(-cents)}"

    def total(key: str) -> int:
        return sum(row[key] for row in payouts)

    is_exact = run["envelope_nanos"] == run["direct_nanos"] + run["pool_nanos"]
    payable = run["earned_cents"] + run["brought_forward_cents"] + run["adjustment_cents"]
    controls = [
        (
            "envelopes",
            money(run["envelope_cents"]),
            f"{money(run['direct_cents'])} + {money(run['pool_cents'])}",
            (run["envelope_cents"] - run["direct_cents"] - run["pool_cents"]) or (0 if is_exact else None),
        ),
        (
            "earned",
            money(run["envelope_cents"]),
            money(run["earned_cents"]),
            run["envelope_cents"] - run["earned_cents"],
        ),
        (
            "payable",
            f"{money(run['earned_cents'])} {added(run['brought_forward_cents'])} {added(run['adjustment_cents'])}",
            f"{money(run['paid_cents'])} {added(run['carried_forward_cents'])}",
            payable - run["paid_cents"] - run["carried_forward_cents"],
        ),
        (
            "paid",
            money(run["paid_cents"]),
            money(total("paid_cents")),
            run["paid_cents"] - total("paid_cents"),
        ),
        (
            "carried",
            money(run["carried_forward_cents"]),
            money(total("carried_forward_cents")),
            run["carried_forward_cents"] - total("carried_forward_cents"),
        ),
    ]
    wrong = [key for key, _, _, difference in controls if difference != 0]
    st.subheader(
        texts.plural("controls.wrong", len(wrong))
        if wrong
        else texts(
            "controls.right",
            number=formatting.count(len(controls), language),
            month=formatting.month_name(run["settlement_month"], language),
        ),
        anchor=False,
    )
    columns = [
        Column("control", texts("column.control")),
        Column("result", texts("column.result")),
        Column("left", texts("column.left"), is_number=True),
        Column("right", texts("column.right"), is_number=True),
    ]
    rows = [
        {
            "control": texts(f"controls.{key}"),
            "left": left,
            "right": right,
            "result": _result(viewer, difference),
        }
        for key, left, right, difference in controls
    ]
    layout.table(
        columns, rows, caption=texts("controls.caption"), viewer=viewer, row_keys=[key for key, *_ in controls]
    )
    _payouts_table(viewer, run, payouts)


def _result(viewer: Viewer, difference_cents: int | None) -> str:
    """None is a difference that no cent shows."""
    texts = Texts("payouts", viewer.language)
    if difference_cents is None:
        return texts("controls.differs_by_less_than_a_cent")
    if not difference_cents:
        return texts("controls.equal")
    return texts("controls.differs", amount=formatting.euros(difference_cents, viewer.language))


def _payouts_table(viewer: Viewer, run: Row, payouts: Rows) -> None:
    texts = Texts("payouts", viewer.language)
    language = viewer.language
    amounts = ("earned_cents", "adjustment_cents", "brought_forward_cents", "paid_cents", "carried_forward_cents")
    columns = [
        Column("artist", texts("column.artist")),
        Column("category", texts("column.category")),
        *(Column(key, texts(f"column.{key}"), is_number=True) for key in amounts),
    ]
    shared = Texts("platform", language)
    rows = [
        {
            "artist": row["artist_name"],
            "category": shared(f"category_of_one.{row['category'] or 'none'}"),
            **{key: formatting.euros(row[key], language) for key in amounts},
        }
        for row in payouts
    ]
    total = {
        "artist": texts("column.total"),
        **{key: formatting.euros(sum(row[key] for row in payouts), language) for key in amounts},
    }
    month = run["settlement_month"]
    reading.figures(
        viewer,
        columns,
        rows,
        caption=texts("payouts.caption", month=formatting.month_name(month, language)),
        export="artist-payouts",
        parameters={"month": month},
        total=total,
        label=texts("payouts.show"),
    )


def _carried(viewer: Viewer, run: Row) -> None:
    texts = Texts("payouts", viewer.language)
    language = viewer.language
    month = run["settlement_month"]
    carried = queries.carried_balances(viewer.principal, viewer.copy, month)
    if not carried:
        st.subheader(texts("carried.none", month=formatting.month_name(month, language)), anchor=False)
        return
    st.subheader(
        texts.plural(
            "carried.statement",
            len(carried),
            amount=formatting.euros(run["carried_forward_cents"], language),
            month=formatting.month_name(month, language),
        ),
        anchor=False,
    )
    minimum = formatting.euros(run["minimum_payout_cents"], language)
    columns = [
        Column("artist", texts("column.artist")),
        Column("reason", texts("column.reason")),
        Column("carried", texts("column.carried_forward_cents"), is_number=True),
    ]
    rows = [
        {
            "artist": row["artist_name"],
            "reason": texts(f"carry_reason.{row['carry_reason']}", minimum=minimum),
            "carried": formatting.euros(row["carried_forward_cents"], language),
        }
        for row in carried
    ]
    layout.table(
        columns,
        rows,
        caption=texts("carried.caption"),
        viewer=viewer,
        row_keys=[row["artist_id"] for row in carried],
        total={
            "artist": texts("column.total"),
            "carried": formatting.euros(sum(row["carried_forward_cents"] for row in carried), language),
        },
    )
    layout.export_link(viewer, "carried-balances", month=month)


def _pending(viewer: Viewer, pending: Rows) -> None:
    texts = Texts("payouts", viewer.language)
    language = viewer.language
    if not pending:
        st.subheader(texts("pending.none"), anchor=False)
        st.markdown(texts("pending.meaning"))
        return
    balance = sum(row["pending_adjustment_cents"] for row in pending)
    st.subheader(
        texts.plural("pending.statement", len(pending), amount=formatting.signed_euros(balance, language)), anchor=False
    )
    st.markdown(texts("pending.meaning"))
    columns = [
        Column("artist", texts("column.artist")),
        Column("month", texts("column.corrects")),
        Column("booked", texts("column.booked_cents"), is_number=True),
        Column("adjusted", texts("column.adjusted_cents"), is_number=True),
        Column("pending", texts("column.pending_adjustment_cents"), is_number=True),
    ]
    rows = [
        {
            "artist": row["artist_name"],
            "month": formatting.month_name(row["settlement_month"], language),
            "booked": formatting.euros(row["booked_earned_cents"] or 0, language),
            "adjusted": formatting.signed_euros(row["adjustment_cents"] or 0, language),
            "pending": formatting.signed_euros(row["pending_adjustment_cents"], language),
        }
        for row in pending
    ]
    layout.table(
        columns,
        rows,
        caption=texts("pending.caption"),
        viewer=viewer,
        row_keys=[f"{row['settlement_month']}-{row['artist_id']}" for row in pending],
        total={"artist": texts("column.total"), "pending": formatting.signed_euros(balance, language)},
    )
    layout.export_link(viewer, "pending-adjustments")


def _pro_rata(viewer: Viewer, month: str) -> None:
    texts = Texts("payouts", viewer.language)
    shared = Texts("platform", viewer.language)
    language = viewer.language
    rows = queries.pro_rata(viewer.principal, viewer.copy, month)
    if not rows:
        return
    gaining = [row for row in rows if row["difference_cents"] > 0]
    losing = [row for row in rows if row["difference_cents"] < 0]
    moved = sum(row["difference_cents"] for row in gaining)
    statement = texts(
        "pro_rata.statement",
        gaining=formatting.count(len(gaining), language),
        losing=formatting.count(len(losing), language),
        moved=formatting.euros(moved, language),
        month=formatting.month_name(month, language),
    )
    st.subheader(statement, anchor=False)
    st.markdown(texts("pro_rata.meaning"))
    shown = [*gaining[:_EXTREMES], *losing[-_EXTREMES:]]
    names = texts("series.gains"), texts("series.loses")
    marks = tuple(
        Mark(
            row["artist_name"],
            names[0] if row["difference_cents"] > 0 else names[1],
            row["difference_cents"] / 100,
            formatting.signed_euros(row["difference_cents"], language),
        )
        for row in shown
    )
    series = (Series(names[0], "independent"), Series(names[1], "emerging"))
    charts.draw(charts_management.differences(marks, series=series, look=reading.look(viewer, statement)))
    columns = [
        Column("artist", texts("column.artist")),
        Column("category", texts("column.category")),
        Column("user_centric", texts("column.user_centric"), is_number=True),
        Column("pro_rata", texts("column.pro_rata"), is_number=True),
        Column("difference", texts("column.difference"), is_number=True),
    ]
    table = [
        {
            "artist": row["artist_name"],
            "category": shared(f"category_of_one.{row['category'] or 'none'}"),
            "user_centric": formatting.euros(row["current_earned_cents"], language),
            "pro_rata": formatting.euros(row["pro_rata_earned_cents"], language),
            "difference": formatting.signed_euros(row["difference_cents"], language),
        }
        for row in rows
    ]
    reading.figures(
        viewer, columns, table, caption=texts("pro_rata.caption"), export="pro-rata", parameters={"month": month}
    )
