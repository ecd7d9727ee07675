"""The state of payments as tables of the copy: replayed from the register, with nothing that names an account in full.

Free words of the bank and of operators are published with the IBANs in them masked. Movements that name no order of
ours can be anybody's, so their words stay in the register.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import duckdb

from allive.ingestion.paris_days import PARIS
from allive.ingestion.settings import Settings
from allive.orchestration.publishing.rows import as_table
from allive.payouts.bank_answers import Meaning
from allive.payouts.bank_details import masked
from allive.payouts.payments import orders
from allive.payouts.payments.facts import BankReason, Cancelled, GivenBack
from allive.payouts.payments.register import Register, read_register
from allive.payouts.payments.state import Attempt, PaymentState, payments_of
from allive.payouts.payments.waiting import OpenBalance, Outlook, outlook
from allive.payouts.transfers import TransferLine

UNORDERED: Final = "unordered"
"""The state of a transfer that a closed month asks for and that was never ordered."""
_UNRELATED: Final = "unrelated"
_IBAN: Final = re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ .-]?[A-Za-z0-9]){11,30}\b")


@dataclass(frozen=True)
class Payment:
    """A row of `published.payments`."""

    end_to_end_id: str
    message_id: str | None
    settlement_month: str
    artist_id: str
    state: str
    state_on: date | None
    paid_cents: int
    withheld_cents: int
    ordered_cents: int
    returned_cents: int
    withheld_back_cents: int
    ordered_at: datetime | None
    requested_on: date | None
    executed_on: date | None
    repeated_by: str | None
    reason_code: str | None
    reason_class: str | None
    reason_fr: str | None
    reason_en: str | None
    waits_for: str | None
    next_command: str | None


@dataclass(frozen=True)
class Hold:
    """A row of `published.payment_holds`."""

    artist_id: str
    held_at: datetime
    operator: str
    why: str


@dataclass(frozen=True)
class IbanSetAside:
    """A row of `published.ibans_set_aside`."""

    artist_id: str
    masked_iban: str
    set_aside_at: datetime
    end_to_end_id: str
    is_current: bool | None
    reason_code: str | None
    reason_fr: str | None
    reason_en: str | None


@dataclass(frozen=True)
class PaidOtherwise:
    """A row of `published.payments_otherwise`."""

    artist_id: str
    paid_cents: int
    means: str
    paid_on: date
    operator: str
    why: str
    taken_up_by: str | None


@dataclass(frozen=True)
class UnmatchedMovement:
    """A row of `published.unmatched_movements`."""

    movement: str
    reason: str
    booked_on: date | None
    amount_cents: int | None
    currency: str | None
    counterparty: str | None
    text: str | None
    end_to_end_id: str | None
    message_id: str | None
    bank_file: str | None
    imported_at: datetime


@dataclass(frozen=True)
class Balance:
    """A row of `published.open_balances`."""

    artist_id: str
    balance_cents: int
    carried_cents: int
    pending_cents: int
    carry_reason: str | None
    carried_since: str | None
    minimum_payout_cents: int | None


@dataclass(frozen=True)
class RegisterRead:
    """The row of `published.payments_register`."""

    head: str
    lines: int
    read_at: datetime


@dataclass(frozen=True)
class _Recorded:
    """When, by whom and from which file a fact of the register was recorded."""

    at: datetime
    operator: str
    why: str
    file: str | None


def publish_payments(
    con: duckdb.DuckDBPyConnection, settings: Settings, *, ibans: Mapping[str, str] | None, now: datetime
) -> tuple[str, ...]:
    """Write the tables of payments, in place of those that are there, and return their names.

    Args:
        con: The copy.
        settings: The data home.
        ibans: Each artist's IBAN in today's catalogue; None if it is not known.
        now: The instant of reading.
    """
    register = read_register(settings)
    view = outlook(settings, payments_of(register), ibans=ibans)
    recorded = _recorded(register)
    tables: dict[str, tuple[type, Sequence[Any]]] = {
        "payments": (Payment, [*_attempts(view, recorded), *_unordered(settings, view)]),
        "payment_holds": (Hold, list(_holds(view))),
        "ibans_set_aside": (IbanSetAside, list(_set_aside(view))),
        "payments_otherwise": (PaidOtherwise, list(_otherwise(view, recorded))),
        "unmatched_movements": (UnmatchedMovement, list(_unmatched(view, recorded))),
        "open_balances": (Balance, [_balance(one) for one in view.balances.values()]),
        "payments_register": (RegisterRead, [RegisterRead(register.head, len(register.lines), now)]),
    }
    for name, (row_type, rows) in tables.items():
        con.register("rows_to_publish", as_table(row_type, rows))
        con.execute(f"create or replace table published.{name} as select * from rows_to_publish")
        con.unregister("rows_to_publish")
    return tuple(tables)


def without_ibans(text: str) -> str:
    """Return a text with each IBAN in it masked.

    >>> without_ibans("to FR14 2004 1010 0505 0001 3M02 606, account closed")
    'to FR14…2606, account closed'
    """
    return _IBAN.sub(lambda found: masked(found[0]), text)


def read_ibans(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return each artist's IBAN in today's catalogue; `warehouse` is attached to the connection."""
    sql = "select artist_id, iban from warehouse.marts.dim_payees where iban is not null"
    return dict(con.execute(sql).fetchall())


def _recorded(register: Register) -> dict[str, _Recorded]:
    """Return how each fact was recorded, by its id; cancellations also by `<kind> <end-to-end id>`, the last one."""
    found = {}
    for fact_id, fact, line in register.facts():
        at = datetime.fromisoformat(line.at)
        found[fact_id] = _Recorded(at, line.operator, line.why, line.source.name if line.source else None)
        if isinstance(fact, Cancelled | GivenBack):
            found[f"{fact.kind} {fact.end_to_end_id}"] = found[fact_id]
    return found


def _attempts(view: Outlook, recorded: Mapping[str, _Recorded]) -> Iterator[Payment]:
    for one in view.payments.attempts.values():
        month, artist_id = one.debt
        waits_for = view.of_attempt(one)
        code, meaning = _reason(one)
        yield Payment(
            end_to_end_id=one.end_to_end_id,
            message_id=one.order.message_id,
            settlement_month=month,
            artist_id=artist_id,
            state=one.state.value,
            state_on=_state_on(one, recorded),
            paid_cents=one.ordered.cents + one.ordered.withheld_cents,
            withheld_cents=one.ordered.withheld_cents,
            ordered_cents=one.ordered.cents,
            returned_cents=one.returned_cents,
            withheld_back_cents=sum(back.withheld_back_cents for back in one.returns.values()),
            ordered_at=datetime.fromisoformat(one.ordered_at),
            requested_on=one.order.requested_on,
            executed_on=one.executed.booked_on if one.executed else None,
            repeated_by=one.repeated_by,
            reason_code=code,
            reason_class=meaning.reason_class.value if meaning else None,
            reason_fr=without_ibans(meaning.french) if meaning else None,
            reason_en=without_ibans(meaning.english) if meaning else None,
            waits_for=waits_for.value if waits_for else None,
            next_command=view.command(waits_for, month, artist_id, one.ordered.iban),
        )


def _unordered(settings: Settings, view: Outlook) -> Iterator[Payment]:
    for month, lines in orders.unordered_months(settings, view.payments).items():
        yield from (_never_ordered(view, month, line) for line in lines)


def _never_ordered(view: Outlook, month: str, line: TransferLine) -> Payment:
    waits_for = view.of_unordered(line)
    return Payment(
        end_to_end_id=line.end_to_end_id,
        message_id=None,
        settlement_month=month,
        artist_id=line.artist_id,
        state=UNORDERED,
        state_on=None,
        paid_cents=line.paid_cents,
        withheld_cents=line.withheld_cents,
        ordered_cents=line.ordered_cents,
        returned_cents=0,
        withheld_back_cents=0,
        ordered_at=None,
        requested_on=None,
        executed_on=None,
        repeated_by=None,
        reason_code=None,
        reason_class=None,
        reason_fr=None,
        reason_en=None,
        waits_for=waits_for.value,
        next_command=view.command(waits_for, month, line.artist_id, line.iban),
    )


def _state_on(attempt: Attempt, recorded: Mapping[str, _Recorded]) -> date:
    """Return the day of an attempt's state: the bank's, or else the day on which it was recorded."""
    if attempt.state in {PaymentState.EXECUTED, PaymentState.PARTLY_RETURNED, PaymentState.RETURNED}:
        return attempt.changed_on
    if attempt.cancelled is None:
        return _paris_day(datetime.fromisoformat(attempt.ordered_at))
    event = "given_back" if attempt.given_back else "cancelled"
    return _paris_day(recorded[f"{event} {attempt.end_to_end_id}"].at)


def _reason(attempt: Attempt) -> tuple[str | None, Meaning | None]:
    """Return the bank's last reason for an attempt that did not go through, as code and in words."""
    reasons: list[BankReason] = [one.reason for one in attempt.returns.values()]
    if attempt.cancelled is not None and attempt.cancelled.reason is not None:
        reasons.append(attempt.cancelled.reason)
    if not reasons and attempt.executed is None and attempt.reported is not None:
        reasons += attempt.reported.reasons
    return (reasons[-1].code, reasons[-1].meaning) if reasons else (None, None)


def _holds(view: Outlook) -> Iterator[Hold]:
    for artist_id, line in sorted(view.payments.holds.items()):
        yield Hold(artist_id, datetime.fromisoformat(line.at), line.operator, without_ibans(line.why))


def _set_aside(view: Outlook) -> Iterator[IbanSetAside]:
    for (artist_id, iban), one in view.payments.set_aside.items():
        yield IbanSetAside(
            artist_id=artist_id,
            masked_iban=masked(iban),
            set_aside_at=datetime.fromisoformat(one.since),
            end_to_end_id=one.end_to_end_id,
            is_current=view.is_current(artist_id, iban),
            reason_code=one.reason.code if one.reason else None,
            reason_fr=without_ibans(one.reason.meaning.french) if one.reason else None,
            reason_en=without_ibans(one.reason.meaning.english) if one.reason else None,
        )


def _otherwise(view: Outlook, recorded: Mapping[str, _Recorded]) -> Iterator[PaidOtherwise]:
    for fact_id, one in view.payments.settled.items():
        yield PaidOtherwise(
            artist_id=one.artist_id,
            paid_cents=one.cents,
            means=without_ibans(one.means),
            paid_on=one.paid_on,
            operator=recorded[fact_id].operator,
            why=without_ibans(recorded[fact_id].why),
            taken_up_by=view.taken_up.get(fact_id),
        )


def _unmatched(view: Outlook, recorded: Mapping[str, _Recorded]) -> Iterator[UnmatchedMovement]:
    for fact_id, one in view.payments.unmatched.items():
        is_ours = one.why != _UNRELATED
        yield UnmatchedMovement(
            movement=fact_id,
            reason=one.why,
            booked_on=one.booked_on,
            amount_cents=one.cents,
            currency=one.currency,
            counterparty=without_ibans(one.counterparty) if is_ours and one.counterparty else None,
            text=without_ibans(one.text) if is_ours and one.text else None,
            end_to_end_id=one.end_to_end_id if is_ours else None,
            message_id=one.message_id if is_ours else None,
            bank_file=recorded[fact_id].file,
            imported_at=recorded[fact_id].at,
        )


def _paris_day(at: datetime) -> date:
    return at.astimezone(PARIS).date()


def _balance(one: OpenBalance) -> Balance:
    return Balance(
        artist_id=one.artist_id,
        balance_cents=one.cents,
        carried_cents=one.carried_cents,
        pending_cents=one.pending_cents,
        carry_reason=one.carry_reason,
        carried_since=one.carried_since,
        minimum_payout_cents=one.minimum_payout_cents,
    )
