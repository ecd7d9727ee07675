"""Queries of *Paiements*: the state of each payment, what waits for whom, and the age of balances.

Management sees states and amounts. Movements of the bank, accounts set aside, payments made otherwise and the words of
the people who hold payments are finance's.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from allive.dashboards.access import Principal, require_finance, require_platform
from allive.dashboards.serving import Row, Rows, ServingCopy

PAYMENT_COLUMNS: Final = (
    "settlement_month",
    "artist_id",
    "artist_name",
    "end_to_end_id",
    "message_id",
    "state",
    "state_on",
    "paid_cents",
    "withheld_cents",
    "ordered_cents",
    "returned_cents",
    "withheld_back_cents",
    "ordered_at",
    "requested_on",
    "executed_on",
    "repeated_by",
    "reason_code",
    "reason_fr",
    "reason_en",
    "waits_for",
)
BALANCE_COLUMNS: Final = (
    "artist_id",
    "artist_name",
    "balance_cents",
    "carried_cents",
    "pending_cents",
    "carry_reason",
    "carried_since",
    "runs",
    "minimum_payout_cents",
)
HOLD_COLUMNS: Final = ("artist_id", "artist_name", "held_at", "operator", "why")
IBAN_COLUMNS: Final = (
    "artist_id",
    "artist_name",
    "masked_iban",
    "set_aside_at",
    "end_to_end_id",
    "is_current",
    "reason_code",
    "reason_fr",
    "reason_en",
)
OTHERWISE_COLUMNS: Final = (
    "artist_id",
    "artist_name",
    "paid_cents",
    "means",
    "paid_on",
    "operator",
    "why",
    "taken_up_by",
)
MOVEMENT_COLUMNS: Final = (
    "movement",
    "reason",
    "booked_on",
    "amount_cents",
    "currency",
    "counterparty",
    "text",
    "end_to_end_id",
    "message_id",
    "bank_file",
    "imported_at",
)
STATES: Final = ("executed", "ordered", "unordered", "cancelled", "returned", "given_back", "withheld")
"""The parts of what closed months pay, in the order shown. A payment of which a part came back has two of them."""

_NAMED: Final = "left join marts.dim_artists as artists using (artist_id)"
_NAME: Final = "coalesce(artists.artist_name, artist_id) as artist_name"
_PAYMENTS: Final = f"""
select {", ".join(_NAME if column == "artist_name" else column for column in PAYMENT_COLUMNS)}
from published.payments {_NAMED}
where ($1 = '' or settlement_month = $1)
order by
    list_position(['allive', 'artist', 'bank', 'close'], waits_for) nulls last, settlement_month desc,
    lower(artist_name), end_to_end_id
"""
_MONTHS: Final = "select distinct settlement_month from published.payments order by settlement_month desc"
_STEPS: Final = f"""
select waits_for, next_command, settlement_month, artist_id, {_NAME}, end_to_end_id
from published.payments {_NAMED}
where waits_for is not null and next_command is not null
order by settlement_month, lower(artist_name), end_to_end_id
"""
_BALANCES: Final = f"""
select
    artist_id, {_NAME}, balance_cents, carried_cents, pending_cents, carry_reason, carried_since,
    (select count(*) from published.closed_months as months where months.settlement_month >= carried_since) as runs,
    minimum_payout_cents
from published.open_balances {_NAMED}
order by runs desc, abs(balance_cents) desc, artist_id
"""
_HOLDS: Final = (
    f"select artist_id, {_NAME}, held_at, operator, why from published.payment_holds {_NAMED} order by held_at"
)
_IBANS: Final = f"""
select {", ".join(_NAME if column == "artist_name" else column for column in IBAN_COLUMNS)}
from published.ibans_set_aside {_NAMED}
order by is_current desc nulls first, set_aside_at, artist_id
"""
_OTHERWISE: Final = f"""
select {", ".join(_NAME if column == "artist_name" else column for column in OTHERWISE_COLUMNS)}
from published.payments_otherwise {_NAMED}
order by paid_on desc, artist_id
"""
_MOVEMENTS: Final = f"""
select {", ".join(MOVEMENT_COLUMNS)}
from published.unmatched_movements
order by reason = 'unrelated', booked_on desc nulls first, movement
"""
_READ_AT: Final = "select read_at from published.payments_register"


def payments(principal: Principal, copy: ServingCopy, month: str = "") -> Rows:
    """Return the payments of a settlement month, or all: those that wait for somebody first."""
    require_platform(principal)
    return copy.rows(_PAYMENTS, month)


def payment_months(principal: Principal, copy: ServingCopy) -> tuple[str, ...]:
    """Return the settlement months with payments, latest first."""
    require_platform(principal)
    return tuple(row["settlement_month"] for row in copy.rows(_MONTHS))


def totals(principal: Principal, copy: ServingCopy, month: str = "") -> Rows:
    """Return payments and cents by state (`STATES`), for a settlement month or all; states without any are left out.

    They add up to what the closed months pay: a transfer is `ordered` until the bank executed it, and what came back
    or is withheld is no part of what was executed.
    """
    require_platform(principal)
    cents, number = Counter[str](), Counter[str]()
    for row in copy.rows(_PAYMENTS, month):
        for state, part in _parts(row):
            cents[state] += part
            number[state] += 1
    return tuple(
        {"state": state, "payments": number[state], "cents": cents[state]} for state in STATES if number[state]
    )


def waiting(principal: Principal, copy: ServingCopy, month: str = "") -> Rows:
    """Return payments and cents by whom they wait for, for a settlement month or all."""
    require_platform(principal)
    rows = [row for row in copy.rows(_PAYMENTS, month) if row["waits_for"]]
    return tuple(
        {"waits_for": whom, "payments": len(of_whom), "cents": sum(_open_cents(row) for row in of_whom)}
        for whom, of_whom in ((whom, list(found)) for whom, found in groupby(rows, key=lambda row: row["waits_for"]))
    )


def next_steps(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the command that takes each waiting payment further, oldest month first."""
    require_finance(principal)
    return copy.rows(_STEPS)


def open_balances(principal: Principal, copy: ServingCopy) -> Rows:
    """Return every balance that is not 0, the longest carried first; `runs` is how many have carried it."""
    require_platform(principal)
    return copy.rows(_BALANCES)


def holds(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the holds on artists' payments with their reasons, oldest first."""
    require_finance(principal)
    return copy.rows(_HOLDS)


def ibans_set_aside(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the accounts that nothing is paid to, masked; those still in an artist's record first."""
    require_finance(principal)
    return copy.rows(_IBANS)


def paid_otherwise(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the payments made otherwise than by our orders, latest first."""
    require_finance(principal)
    return copy.rows(_OTHERWISE)


def unmatched_movements(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the movements of the bank's files that are no payment's for certain, those about our orders first."""
    require_finance(principal)
    return copy.rows(_MOVEMENTS)


def read_at(principal: Principal, copy: ServingCopy) -> datetime | None:
    """Return when the register of payments was read."""
    require_platform(principal)
    rows = copy.rows(_READ_AT)
    return rows[0]["read_at"] if rows else None


def _parts(row: Row) -> Iterable[tuple[str, int]]:
    """Yield the parts of a payment's amount by state; a reordered attempt has none."""
    state, ordered = row["state"], row["ordered_cents"]
    withheld = row["withheld_cents"] - row["withheld_back_cents"]
    parts: dict[str, Any] = {}
    match state:
        case "reordered":
            return ()
        case "given_back":
            parts = {"given_back": row["paid_cents"]}
        case "executed" | "partly_returned" | "returned":
            parts = {
                "executed": ordered - row["returned_cents"],
                "returned": row["returned_cents"] + row["withheld_back_cents"],
                "withheld": withheld,
            }
        case _:
            parts = {state: ordered, "withheld": withheld}
    return tuple((name, cents) for name, cents in parts.items() if cents)


def _open_cents(row: Row) -> int:
    """Return the cents of a payment that wait for somebody: what came back of it, or all of it."""
    if row["state"] in {"partly_returned", "returned"}:
        return int(row["returned_cents"] + row["withheld_back_cents"])
    return int(row["paid_cents"] if row["state"] == "given_back" else row["ordered_cents"])
