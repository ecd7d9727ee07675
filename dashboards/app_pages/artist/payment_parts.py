"""Turns the state of an artist's payments into the words of *Mes revenus* and *Mes relevés*. Draws nothing.

Words follow the facts: an amount is ordered until the bank has said that the transfer was executed (RULES.md §10).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from allive.dashboards import formatting
from allive.dashboards.app_pages.artist.opening import month_first
from allive.dashboards.formatting import NOTHING
from allive.dashboards.layout import Card, Column
from allive.dashboards.serving import Row
from allive.dashboards.texts import Texts

_MOVED: Final = frozenset({"executed", "partly_returned", "returned"})
"""States of a transfer that the bank executed, whatever came back since."""


def payment_card(texts: Texts, last: Row, payment: Row | None, *, is_held: bool) -> Card:
    """Return the main card of a closed month that pays: its payment, and what the artist can do.

    A month whose payment is not in the register is shown as ordered for its payment date.
    """
    language = texts.language
    month = formatting.month_name(last["settlement_month"], language)
    shown = payment or _as_planned(last)
    return Card(
        label=texts(f"main.{shown['state']}", month=month),
        value=formatting.euros(last["paid_cents"], language),
        note=" ".join([_sentence(texts, shown), *_withheld(texts, shown), *_next(texts, shown, is_held=is_held)]),
        key="paid_cents",
        is_main=True,
    )


def total_card(texts: Texts, payments: Iterable[Row], otherwise: Iterable[Row]) -> Card:
    """Return the card of what the artist has received, with what is under way."""
    language = texts.language
    rows = list(payments)
    received = sum(row["ordered_cents"] - row["returned_cents"] for row in rows if row["state"] in _MOVED)
    received += sum(row["paid_cents"] for row in otherwise)
    under_way = sum(row["ordered_cents"] for row in rows if row["state"] == "ordered")
    note = (
        texts("main.total_under_way", amount=formatting.euros(under_way, language))
        if under_way
        else texts("main.total_note")
    )
    return Card(label=texts("main.total"), value=formatting.euros(received, language), note=note, key="received_cents")


def payment_columns(texts: Texts) -> list[Column]:
    """Return the columns of the artist's payments."""
    return [
        Column("settlement_month", texts("month_column")),
        Column("ordered_cents", texts("payments.amount"), is_number=True),
        Column("state", texts("payments.state")),
    ]


def payment_lines(
    texts: Texts, payments: Sequence[Row], otherwise: Sequence[Row], *, is_held: bool
) -> list[Mapping[str, str]]:
    """Return the artist's payments as formatted text: payments made otherwise, then those of months, latest first."""
    lines: list[Mapping[str, str]] = [
        {
            "settlement_month": NOTHING,
            "ordered_cents": formatting.euros(row["paid_cents"], texts.language),
            "state": texts("payment.otherwise", day=formatting.day(row["paid_on"], texts.language), means=row["means"]),
        }
        for row in reversed(otherwise)
    ]
    return lines + [
        {
            "settlement_month": month_first(row["settlement_month"], texts.language),
            "ordered_cents": formatting.euros(row["ordered_cents"], texts.language),
            "state": " ".join([_sentence(texts, row), *_next(texts, row, is_held=is_held)]),
        }
        for row in reversed(payments)
    ]


def statement_note(texts: Texts, month: Row, payment: Row | None) -> str:
    """Return in a few words what became of a closed month, for the list of statements."""
    language = texts.language
    if month["carried_forward_cents"] and not month["paid_cents"]:
        return texts("statements.carried", amount=formatting.euros(month["carried_forward_cents"], language))
    amount = formatting.euros(month["paid_cents"], language)
    if payment is None or payment["state"] not in _MOVED:
        return texts("statements.ordered", amount=amount)
    day = formatting.day(payment["state_on"], language)
    return texts(f"statements.{payment['state']}", amount=amount, day=day)


def _as_planned(month: Row) -> Row:
    return {
        "state": "ordered",
        "ordered_cents": month["paid_cents"],
        "withheld_cents": 0,
        "requested_on": month["payment_date"],
        "waits_for": "bank",
    }


def _sentence(texts: Texts, payment: Row) -> str:
    """Return the state of a payment in a sentence, with its day and the bank's reason."""
    language = texts.language
    state = payment["state"]
    if state == "ordered":
        return texts("payment.ordered", day=formatting.day(payment["requested_on"], language))
    if state == "unordered":
        return texts("payment.unordered")
    day = formatting.day(payment["state_on"], language)
    if state in {"executed", "given_back"}:
        return texts(f"payment.{state}", day=day)
    reason = payment[f"reason_{language}"]
    back = formatting.euros(payment["returned_cents"], language)
    key = f"payment.{state}" if reason else f"payment.{state}_unexplained"
    return texts(key, day=day, reason=reason, amount=back)


def _withheld(texts: Texts, payment: Row) -> list[str]:
    if not payment["withheld_cents"]:
        return []
    amounts = {
        "withheld": formatting.euros(payment["withheld_cents"], texts.language),
        "transfer": formatting.euros(payment["ordered_cents"], texts.language),
    }
    return [texts("payment.withheld", **amounts)]


def _next(texts: Texts, payment: Row, *, is_held: bool) -> list[str]:
    whom = payment["waits_for"]
    if whom in {None, "bank"}:
        return []
    return [texts("next.held" if is_held else f"next.{whom}")]
