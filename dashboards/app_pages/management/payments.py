"""*Paiements*: the state of each payment, who has the next move, holds, accounts set aside, and the age of balances."""

from collections import defaultdict
from datetime import date, datetime
from typing import Final

import streamlit as st

from allive.dashboards import formatting, layout
from allive.dashboards.access import FINANCE_ROLES
from allive.dashboards.app_pages.artist.opening import plain
from allive.dashboards.app_pages.management import reading
from allive.dashboards.layout import Card, Column
from allive.dashboards.queries.management import payments as queries
from allive.dashboards.serving import Row, Rows
from allive.dashboards.texts import Texts, load_texts
from allive.dashboards.viewer import Viewer

_EVERY: Final = ""
"""The choice that filters nothing."""
_NOT_THE_BANK: Final = "not_the_bank"
"""The choice of the payments that wait for anybody but the bank: those that a reader comes for."""
_AGES: Final = ((1, "age_1"), (3, "age_3"), (12, "age_12"))
"""Ages of a balance in runs, up to and including, and their columns; older ones have the last column."""
_OLDEST: Final = "age_more"
_NOT_CARRIED: Final = "pending"
_COMMANDS_SHOWN: Final = 8


def render(viewer: Viewer) -> None:
    """Draw the page."""
    texts = Texts("payments", viewer.language)
    layout.page_head(viewer, texts("title"), texts("intro"))
    asked = viewer.principal, viewer.copy
    months = queries.payment_months(*asked)
    balances = queries.open_balances(*asked)
    is_finance = viewer.principal.role in FINANCE_ROLES
    if (read_at := queries.read_at(*asked)) is not None:
        st.caption(texts("read_at", at=formatting.instant(read_at, viewer.language)))
    if not months and not balances:
        layout.nothing_yet(texts("empty.title"), texts("empty.text"))
    if months:
        _payments(viewer, months)
    if is_finance:
        named = _next_steps(viewer)
        _holds(viewer, named)
        _set_aside(viewer, named)
    if months or balances:
        _balances(viewer, balances)
    if is_finance:
        _otherwise(viewer)
        _unmatched(viewer)


def _payments(viewer: Viewer, months: tuple[str, ...]) -> None:
    texts = Texts("payments", viewer.language)
    asked = viewer.principal, viewer.copy
    month = reading.choose(
        texts("choose.month"),
        {_EVERY: texts("choose.every_month")} | {one: formatting.month_name(one, viewer.language) for one in months},
        key="payments_month",
    )
    waiting = queries.waiting(*asked, month)
    totals = queries.totals(*asked, month)
    st.subheader(_statement(viewer, waiting), anchor=False)
    layout.cards(_cards(viewer, totals, waiting))
    _totals(viewer, totals, month)
    rows = queries.payments(*asked, month)
    states = sorted({row["state"] for row in rows}, key=lambda state: texts(f"state.{state}"))
    first = {_NOT_THE_BANK: texts("choose.not_the_bank")} if any(map(_waits_for_us, rows)) else {}
    state = reading.choose(
        texts("choose.state"),
        first
        | {_EVERY: texts("choose.every_state")}
        | {one: reading.sentence(texts(f"state.{one}")) for one in states},
        key="payments_state",
    )
    shown = [row for row in rows if state in {_EVERY, row["state"]} or (state == _NOT_THE_BANK and _waits_for_us(row))]
    _table(viewer, shown, month)


def _waits_for_us(row: Row) -> bool:
    return row["waits_for"] not in {None, "bank"}


def _statement(viewer: Viewer, waiting: Rows) -> str:
    texts = Texts("payments", viewer.language)
    if not waiting:
        return texts("waiting.none")
    return texts.plural(
        "waiting.statement",
        sum(row["payments"] for row in waiting),
        amount=formatting.euros(sum(row["cents"] for row in waiting), viewer.language),
    )


def _cards(viewer: Viewer, totals: Rows, waiting: Rows) -> list[Card]:
    texts = Texts("payments", viewer.language)
    found = {row["state"]: row for row in totals}
    waits = {row["waits_for"]: row for row in waiting}

    def card(key: str, row: Row | None) -> Card:
        return Card(
            label=texts(f"card.{key}"),
            value=formatting.euros(row["cents"] if row else 0, viewer.language),
            note=texts.plural("card.note", row["payments"] if row else 0),
            key=key,
        )

    return [
        card("executed", found.get("executed")),
        *(card(f"waits_{whom}", waits.get(whom)) for whom in ("bank", "artist", "allive", "close")),
    ]


def _totals(viewer: Viewer, totals: Rows, month: str) -> None:
    texts = Texts("payments", viewer.language)
    language = viewer.language
    columns = [
        Column("state", texts("column.state")),
        Column("payments", texts("column.payments"), is_number=True),
        Column("cents", texts("column.amount"), is_number=True),
    ]
    rows = [
        {
            "state": reading.sentence(texts(f"part.{row['state']}")),
            "payments": formatting.count(row["payments"], language),
            "cents": formatting.euros(row["cents"], language),
        }
        for row in totals
    ]
    shown = formatting.month_name(month, language) if month else texts("totals.every_month")
    layout.table(
        columns,
        rows,
        caption=texts("totals.caption", month=shown),
        viewer=viewer,
        row_keys=[f"total-{row['state']}" for row in totals],
        total={
            "state": texts("column.total"),
            "cents": formatting.euros(sum(row["cents"] for row in totals), language),
        },
    )


def _table(viewer: Viewer, rows: list[Row], month: str) -> None:
    texts = Texts("payments", viewer.language)
    language = viewer.language
    columns = [
        Column("artist", texts("column.artist")),
        Column("ordered_cents", texts("column.amount"), is_number=True),
        Column("state", texts("column.state")),
        Column("waits_for", texts("column.waits_for")),
        Column("reason", texts("column.reason")),
        Column("state_on", texts("column.on")),
        Column("month", texts("column.month")),
        Column("end_to_end_id", texts("column.end_to_end_id")),
    ]
    lines = [
        {
            "artist": row["artist_name"],
            "month": formatting.short_month(row["settlement_month"], language),
            "ordered_cents": formatting.euros(row["ordered_cents"], language),
            "state": _state(viewer, row),
            "state_on": _on(viewer, row),
            "reason": _reason(viewer, row),
            "waits_for": _waits_for(viewer, row),
            "end_to_end_id": row["end_to_end_id"],
        }
        for row in rows
    ]
    layout.table(
        columns,
        lines,
        caption=texts("payments.caption"),
        viewer=viewer,
        row_keys=[row["end_to_end_id"] for row in rows],
    )
    layout.export_link(viewer, "payments", **({"month": month} if month else {}))


def _state(viewer: Viewer, row: Row) -> str:
    texts = Texts("payments", viewer.language)
    back = formatting.euros(row["returned_cents"], viewer.language)
    return texts(f"state.{row['state']}") + (f" ({back})" if row["state"] == "partly_returned" else "")


def _on(viewer: Viewer, row: Row) -> str:
    """Return the day of a payment's state; of an order, the day that the bank was asked for."""
    if row["state"] == "ordered" and row["requested_on"]:
        day = formatting.short_day(row["requested_on"], viewer.language)
        return Texts("payments", viewer.language)("payments.requested", day=day)
    return _day(viewer, row["state_on"])


def _waits_for(viewer: Viewer, row: Row) -> str:
    whom = row["waits_for"]
    if not whom:
        return formatting.NOTHING
    is_in_balance = row["state"] in {"returned", "partly_returned", "given_back"}
    key = "allive_held" if whom == "allive" and is_in_balance else whom
    return Texts("payments", viewer.language)(f"waits_for.{key}")


def _next_steps(viewer: Viewer) -> frozenset[str]:
    """Draw what to do now, and return the commands."""
    texts = Texts("payments", viewer.language)
    steps = queries.next_steps(viewer.principal, viewer.copy)
    if not steps:
        return frozenset()
    st.subheader(texts("steps.title"), anchor=False)
    for whom in ("allive", "artist", "bank", "close"):
        of_whom = [row for row in steps if row["waits_for"] == whom]
        if not of_whom:
            continue
        names = list(dict.fromkeys(row["artist_name"] for row in of_whom))
        st.markdown(texts.plural(f"steps.{whom}", len(of_whom), artists=_listed(viewer, names)))
        _commands(viewer, _combined(of_whom))
    return frozenset(row["next_command"] for row in steps)


def _combined(steps: list[Row]) -> list[str]:
    """Return the commands of some steps; one orders again all artists of a month."""
    again: dict[str, list[str]] = {}
    commands = []
    for row in steps:
        month, artist_id = row["settlement_month"], row["artist_id"]
        if row["next_command"] == f"allive payments reissue {month} {artist_id} --why …":
            again.setdefault(month, []).append(artist_id)
        else:
            commands.append(row["next_command"])
    return [f"allive payments reissue {month} {' '.join(of_month)} --why …" for month, of_month in again.items()] + [
        *dict.fromkeys(commands)
    ]


def _commands(viewer: Viewer, commands: list[str]) -> None:
    if not commands:
        return
    st.code("\n".join(commands[:_COMMANDS_SHOWN]), language=None, wrap_lines=True)
    if (more := len(commands) - _COMMANDS_SHOWN) > 0:
        st.caption(Texts("payments", viewer.language).plural("steps.more", more))


def _listed(viewer: Viewer, names: list[str]) -> str:
    texts = Texts("payments", viewer.language)
    shown = ", ".join(plain(name) for name in names[:_COMMANDS_SHOWN])
    more = len(names) - _COMMANDS_SHOWN
    return f"{shown} {texts.plural('steps.and_more', more)}" if more > 0 else shown


def _holds(viewer: Viewer, named: frozenset[str]) -> None:
    texts = Texts("payments", viewer.language)
    holds = queries.holds(viewer.principal, viewer.copy)
    if not holds:
        st.subheader(texts("holds.none"), anchor=False)
        return
    st.subheader(texts.plural("holds.statement", len(holds)), anchor=False)
    st.markdown(texts("holds.meaning"))
    columns = [
        Column("artist", texts("column.artist")),
        Column("held_at", texts("column.since")),
        Column("operator", texts("column.operator")),
        Column("why", texts("column.why")),
    ]
    rows = [
        {
            "artist": row["artist_name"],
            "held_at": _at(viewer, row["held_at"]),
            "operator": row["operator"],
            "why": row["why"],
        }
        for row in holds
    ]
    layout.table(
        columns,
        rows,
        caption=texts("holds.caption"),
        viewer=viewer,
        row_keys=[f"hold-{row['artist_id']}" for row in holds],
    )
    lifting = [f"allive payments unhold {row['artist_id']} --why …" for row in holds]
    _commands(viewer, [one for one in lifting if one not in named])
    layout.export_link(viewer, "payment-holds")


def _set_aside(viewer: Viewer, named: frozenset[str]) -> None:
    texts = Texts("payments", viewer.language)
    ibans = queries.ibans_set_aside(viewer.principal, viewer.copy)
    if not ibans:
        st.subheader(texts("ibans.none"), anchor=False)
        return
    st.subheader(texts.plural("ibans.statement", len(ibans)), anchor=False)
    st.markdown(texts("ibans.meaning"))
    columns = [
        Column("artist", texts("column.artist")),
        Column("iban", texts("column.iban")),
        Column("reason", texts("column.reason")),
        Column("set_aside_at", texts("column.since")),
        Column("next", texts("column.next")),
    ]
    rows = [
        {
            "artist": row["artist_name"],
            "iban": row["masked_iban"],
            "reason": _reason(viewer, row),
            "set_aside_at": _at(viewer, row["set_aside_at"]),
            "next": texts("ibans.replaced" if row["is_current"] is False else "ibans.ask"),
        }
        for row in ibans
    ]
    layout.table(
        columns,
        rows,
        caption=texts("ibans.caption"),
        viewer=viewer,
        row_keys=[f"iban-{row['artist_id']}-{row['masked_iban']}" for row in ibans],
    )
    asked = [
        f"allive payments confirm-iban {row['artist_id']} --why …" for row in ibans if row["is_current"] is not False
    ]
    _commands(viewer, [one for one in dict.fromkeys(asked) if one not in named])
    layout.export_link(viewer, "ibans-set-aside")


def _balances(viewer: Viewer, balances: Rows) -> None:
    texts = Texts("payments", viewer.language)
    if not balances:
        st.subheader(texts("balances.none"), anchor=False)
        return
    whole = sum(row["balance_cents"] for row in balances)
    st.subheader(
        texts.plural("balances.statement", len(balances), amount=formatting.euros(whole, viewer.language)), anchor=False
    )
    st.markdown(texts("balances.meaning"))
    _ages(viewer, balances)
    columns = [
        Column("artist", texts("column.artist")),
        Column("balance_cents", texts("column.balance"), is_number=True),
        Column("reason", texts("column.reason")),
        Column("carried_since", texts("column.carried_since")),
        Column("carried_cents", texts("column.carried"), is_number=True),
        Column("pending_cents", texts("column.pending"), is_number=True),
    ]
    rows = [
        {
            "artist": row["artist_name"],
            "balance_cents": formatting.euros(row["balance_cents"], viewer.language),
            "reason": _carry_reason(viewer, row),
            "carried_since": formatting.month_name(row["carried_since"], viewer.language)
            if row["carried_since"]
            else formatting.NOTHING,
            "carried_cents": formatting.euros(row["carried_cents"], viewer.language),
            "pending_cents": formatting.signed_euros(row["pending_cents"], viewer.language),
        }
        for row in balances
    ]
    reading.figures(
        viewer, columns, rows, caption=texts("balances.caption"), export="open-balances", label=texts("balances.show")
    )


def _ages(viewer: Viewer, balances: Rows) -> None:
    texts = Texts("payments", viewer.language)
    cents: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row in balances:
        cents[row["carry_reason"] or _NOT_CARRIED, _age(row)] += row["balance_cents"]
    ages = [_NOT_CARRIED, *(name for _, name in _AGES), _OLDEST]
    shown = [age for age in ages if any(age == of_age for _, of_age in cents)]
    reasons = sorted({reason for reason, _ in cents}, key=lambda reason: -sum(_row(cents, reason)))

    def line(name: str, of_age: dict[str, int]) -> dict[str, str]:
        amounts = of_age | {"total": sum(of_age.values())}
        return {
            "reason": name,
            **{age: formatting.euros(amount, viewer.language) for age, amount in amounts.items() if amount},
        }

    layout.table(
        [
            Column("reason", texts("column.reason")),
            *(Column(age, texts(f"age.{age}"), is_number=True) for age in shown),
            Column("total", texts("column.total"), is_number=True),
        ],
        [
            line(reading.sentence(texts(f"carry_reason.{reason}")), {age: cents[reason, age] for age in shown})
            for reason in reasons
        ],
        caption=texts("balances.ages"),
        viewer=viewer,
        row_keys=[f"age-{reason}" for reason in reasons],
        total=line(texts("column.total"), {age: sum(cents[reason, age] for reason in reasons) for age in shown}),
    )


def _row(cents: dict[tuple[str, str], int], reason: str) -> list[int]:
    return [amount for (of_reason, _), amount in cents.items() if of_reason == reason]


def _age(row: Row) -> str:
    if row["carried_since"] is None:
        return _NOT_CARRIED
    return next((name for most, name in _AGES if row["runs"] <= most), _OLDEST)


def _otherwise(viewer: Viewer) -> None:
    texts = Texts("payments", viewer.language)
    rows = queries.paid_otherwise(viewer.principal, viewer.copy)
    if not rows:
        return
    language = viewer.language
    whole = sum(row["paid_cents"] for row in rows)
    st.subheader(texts.plural("otherwise.statement", len(rows), amount=formatting.euros(whole, language)), anchor=False)
    columns = [
        Column("artist", texts("column.artist")),
        Column("paid_cents", texts("column.amount"), is_number=True),
        Column("means", texts("column.means")),
        Column("paid_on", texts("column.on")),
        Column("taken_up_by", texts("column.taken_up_by")),
        Column("operator", texts("column.operator")),
        Column("why", texts("column.why")),
    ]
    lines = [
        {
            "artist": row["artist_name"],
            "paid_cents": formatting.euros(row["paid_cents"], language),
            "means": row["means"],
            "paid_on": formatting.short_day(row["paid_on"], language),
            "taken_up_by": formatting.month_name(row["taken_up_by"], language)
            if row["taken_up_by"]
            else texts("otherwise.next_close"),
            "operator": row["operator"],
            "why": row["why"],
        }
        for row in rows
    ]
    layout.table(
        columns,
        lines,
        caption=texts("otherwise.caption"),
        viewer=viewer,
        row_keys=[f"otherwise-{place}" for place in range(len(rows))],
        total={"artist": texts("column.total"), "paid_cents": formatting.euros(whole, language)},
    )
    layout.export_link(viewer, "payments-otherwise")


def _unmatched(viewer: Viewer) -> None:
    texts = Texts("payments", viewer.language)
    movements = queries.unmatched_movements(viewer.principal, viewer.copy)
    ours = [row for row in movements if row["reason"] != "unrelated"]
    others = len(movements) - len(ours)
    if not ours:
        st.subheader(texts("unmatched.none"), anchor=False)
    else:
        st.subheader(texts.plural("unmatched.statement", len(ours)), anchor=False)
        st.markdown(texts("unmatched.meaning"))
        _movements(viewer, ours)
    if others:
        st.caption(texts.plural("unmatched.others", others))
    if movements:
        layout.export_link(viewer, "unmatched-movements")


def _movements(viewer: Viewer, ours: list[Row]) -> None:
    texts = Texts("payments", viewer.language)
    columns = [
        Column("counterparty", texts("column.counterparty")),
        Column("booked_on", texts("column.on")),
        Column("amount_cents", texts("column.amount"), is_number=True),
        Column("reason", texts("column.reason")),
        Column("named", texts("column.named")),
        Column("movement", texts("column.movement")),
    ]
    rows = [
        {
            "counterparty": row["counterparty"] or row["text"] or formatting.NOTHING,
            "booked_on": _day(viewer, row["booked_on"]),
            "amount_cents": formatting.NOTHING
            if row["amount_cents"] is None
            else _amount(viewer, row["amount_cents"], row["currency"] or "EUR"),
            "reason": reading.sentence(
                texts(f"why.{row['reason']}")
                if f"why.{row['reason']}" in load_texts("payments", viewer.language)
                else texts("why.other", reason=row["reason"])
            ),
            "named": row["end_to_end_id"] or row["message_id"] or formatting.NOTHING,
            "movement": _short(row["movement"]),
        }
        for row in ours
    ]
    layout.table(
        columns,
        rows,
        caption=texts("unmatched.caption"),
        viewer=viewer,
        row_keys=[f"movement-{_short(row['movement'])}" for row in ours],
    )
    _commands(viewer, [f"allive payments dismiss {_short(row['movement'])} --why …" for row in ours])


def _amount(viewer: Viewer, cents: int, currency: str) -> str:
    amount = formatting.signed_euros(cents, viewer.language)
    return amount if currency == "EUR" else amount.replace("€", currency)


def _short(movement: str) -> str:
    line, _, place = movement.partition(":")
    return f"{line[:8]}:{place}"


def _carry_reason(viewer: Viewer, row: Row) -> str:
    return reading.sentence(Texts("payments", viewer.language)(f"carry_reason.{row['carry_reason'] or _NOT_CARRIED}"))


def _reason(viewer: Viewer, row: Row) -> str:
    words = row[f"reason_{viewer.language}"]
    if not words:
        return formatting.NOTHING
    return reading.sentence(words) + (f" ({row['reason_code']})" if row["reason_code"] else "")


def _day(viewer: Viewer, value: date | None) -> str:
    return formatting.short_day(value, viewer.language) if value else formatting.NOTHING


def _at(viewer: Viewer, value: datetime) -> str:
    return formatting.instant(value, viewer.language)
