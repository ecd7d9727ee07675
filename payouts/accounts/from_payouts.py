"""Reads the facts for the books from the closed months, the register of payments and the audit log.

The closed months say what was earned, adjusted and withheld; the register says what became of the payments. Every fact
has the day on which it is booked (docs/accounts.md).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from allive.ingestion.paris_days import PARIS
from allive.ingestion.settings import Settings
from allive.payouts import audit, ledger, months
from allive.payouts.accounts.chart import Account, ChartOfAccounts, DatedCharts, with_accounts
from allive.payouts.accounts.facts import (
    Adjusted,
    BankCharge,
    Earned,
    Fact,
    MonthClosed,
    PaidOtherwise,
    PaymentCancelled,
    PaymentExecuted,
    PaymentOrdered,
    PaymentReturned,
    UnmatchedMovement,
    Withheld,
    WrittenOff,
)
from allive.payouts.payees import read_payee_lines
from allive.payouts.payments.facts import (
    Cancelled,
    Dismissed,
    Executed,
    GivenBack,
    Line,
    Ordered,
    Returned,
    Settled,
    Unmatched,
)
from allive.payouts.payments.facts import Fact as RegisterFact
from allive.payouts.payments.register import Register, read_register
from allive.payouts.payments.state import Attempt, Payments, PaymentState, payments_of, undone_facts
from allive.payouts.shown_cents import cents_of_parts
from allive.payouts.transfers import read_transfer_lines
from allive.payouts.withheld import WithheldLine, read_withheld_lines

_NO_REFUNDS: Final[Mapping[str, int]] = MappingProxyType({})
_OF_A_WITHHOLDING: Final = "withheld:"
"""`withheld:<name>` in the setting is the account of one withholding."""
_UNRELATED: Final = "unrelated"
_ID_DIGITS: Final = 12


@dataclass(frozen=True)
class Identity:
    """Who an artist is, as the last closed month that names them says."""

    legal_name: str | None = None
    siren: str | None = None
    vat_id: str | None = None
    tax_country: str | None = None
    street: str | None = None
    postcode: str | None = None
    town: str | None = None
    country: str | None = None


def facts_of(settings: Settings, *, refunds_borne: Mapping[str, int] = _NO_REFUNDS) -> tuple[Fact, ...]:
    """Return every fact from the beginning.

    Args:
        settings: The data home.
        refunds_borne: Cents that the platform bears for refunds of final months, by run.

    Raises:
        ValueError: The figures of a closed month contradict one another.
    """
    register = read_register(settings)
    payments = payments_of(register)
    closed = ledger.closed_months(settings)
    withheld = {month: read_withheld_lines(ledger.month_dir(settings, month)) for month in closed}
    facts: list[Fact] = [_month_closed(settings, month, refunds_borne.get(month, 0)) for month in closed]
    facts += [fact for month in closed for fact in _withheld(settings, month, withheld[month], payments)]
    facts += _of_the_register(register, payments, withheld)
    facts += _written_off(settings)
    return tuple(facts)


def unconfirmed_cents(settings: Settings, year: int) -> dict[str, int]:
    """Return the cents of orders for a day of the year that the bank has not answered yet, by artist."""
    cents: defaultdict[str, int] = defaultdict(int)
    for one in payments_of(read_register(settings)).attempts.values():
        if one.state is PaymentState.ORDERED and one.order.requested_on.year == year:
            cents[one.ordered.artist_id] += one.ordered.cents
    return dict(cents)


def charts_of(settings: Settings) -> DatedCharts:
    """Return the chart of accounts with the accounts of the setting.

    Raises:
        ValueError: The setting names no account of the chart, or a text is no account.
    """
    of_chart = {name: text for name, text in settings.accounts.items() if not name.startswith(_OF_A_WITHHOLDING)}
    own = {}
    for name, text in settings.accounts.items():
        if name.startswith(_OF_A_WITHHOLDING):
            number, _, label = text.strip().partition(" ")
            own[name.removeprefix(_OF_A_WITHHOLDING)] = Account(number, label.strip())
    chart = replace(with_accounts(ChartOfAccounts(), of_chart), withholdings=own)
    return DatedCharts(((date.min, chart),))


def names_of(settings: Settings) -> dict[str, str]:
    """Return each artist's name by the last closed month that has one: the legal name, else the artist's own."""
    names: dict[str, str] = {}
    for month in ledger.closed_months(settings):
        names |= {row["artist_id"]: row["artist_name"] for row in ledger.read_lines(settings, month)}
    legal = {artist_id: one.legal_name for artist_id, one in identities_of(settings).items() if one.legal_name}
    return {artist_id: name for artist_id, name in (names | legal).items() if name}


def identities_of(settings: Settings, *, until: str = "9999-12") -> dict[str, Identity]:
    """Return who the artists are, by the last closed month up to `until` that names them."""
    found: dict[str, Identity] = {}
    for month in ledger.closed_months(settings):
        if month > until:
            break
        folder = ledger.month_dir(settings, month)
        for line in read_payee_lines(folder):
            found[line.artist_id] = replace(
                found.get(line.artist_id, Identity()),
                legal_name=line.legal_name,
                siren=line.siren,
                vat_id=line.vat_id,
                tax_country=line.tax_country,
            )
        for transfer in read_transfer_lines(folder):
            found[transfer.artist_id] = replace(
                found.get(transfer.artist_id, Identity()),
                street=transfer.street,
                postcode=transfer.postcode,
                town=transfer.town,
                country=transfer.country,
            )
    return found


def _month_closed(settings: Settings, month: str, refunds_borne_cents: int) -> MonthClosed:
    control = ledger.read_control(settings, month)
    direct_cents, pool_cents = cents_of_parts((control["direct_nanos"], control["pool_nanos"]))
    return MonthClosed(
        month=month,
        direct_cents=direct_cents,
        pool_cents=pool_cents,
        earned=tuple(Earned(row["artist_id"], int(row["earned_cents"])) for row in ledger.read_lines(settings, month)),
        adjusted=tuple(
            Adjusted(row["artist_id"], row["corrects_month"], int(row["adjustment_cents"]))
            for row in ledger.read_adjustments(settings, month)
        ),
        refunds_borne_cents=refunds_borne_cents,
    )


def _withheld(
    settings: Settings, month: str, lines: tuple[WithheldLine, ...], payments: Payments
) -> Iterator[Withheld]:
    if not lines:
        return
    paid_on = date.fromisoformat(ledger.read_control(settings, month)["payment_date"])
    for line in lines:
        attempts = [payments.attempts[one] for one in payments.debts.get((month, line.artist_id), ())]
        executed = [day for day in map(_executed_on, attempts) if day is not None]
        yield Withheld(
            artist_id=line.artist_id,
            month=month,
            name=line.name,
            cents=line.withheld_cents,
            closed_on=months.last_day(month),
            # A payment that is withheld as a whole has no order that could be executed.
            paid_on=executed[0] if executed else None if attempts else paid_on,
            owed_to=line.owed_to,
        )


def _executed_on(attempt: Attempt) -> date | None:
    """Return the day on which a transfer left. One that came back had left, even if the bank did not say when."""
    if attempt.executed is not None:
        return attempt.executed.booked_on
    return min((one.booked_on for one in attempt.returns.values()), default=None)


def _of_the_register(
    register: Register, payments: Payments, withheld: Mapping[str, tuple[WithheldLine, ...]]
) -> Iterator[Fact]:
    undone = undone_facts(register)
    back: defaultdict[tuple[str, str], int] = defaultdict(int)
    for attempt in payments.attempts.values():
        yield from _of_the_attempt(attempt)
    for fact_id, fact, line in register.facts():
        if fact_id in undone:
            continue
        match fact:
            case Returned() if fact.withheld_back_cents:
                attempt = payments.attempts[fact.end_to_end_id]
                yield from _given_back(attempt, fact.withheld_back_cents, fact.booked_on, withheld, back)
            case GivenBack():
                attempt = payments.attempts[fact.end_to_end_id]
                yield from _given_back(attempt, attempt.ordered.withheld_cents, _day_of(line), withheld, back)
            case _:
                yield from _of_one_fact(fact_id, fact, line, payments, register)


def _of_the_attempt(attempt: Attempt) -> Iterator[Fact]:
    ordered: Ordered = attempt.ordered
    piece, reference, artist_id = attempt.order.message_id, attempt.end_to_end_id, ordered.artist_id
    executed_on = _executed_on(attempt)
    yield PaymentOrdered(artist_id, ordered.cents, attempt.order.requested_on, piece)
    if executed_on is not None:
        yield PaymentExecuted(artist_id, ordered.cents, executed_on, piece, reference=reference)
    for returned in attempt.returns.values():
        yield PaymentReturned(
            artist_id,
            returned.cents,
            returned.booked_on,
            piece,
            reference=reference,
            reason=returned.reason.code or "",
            charges_cents=min(max(returned.charges_cents, 0), returned.cents),
            executed_on=executed_on,
        )


def _of_one_fact(
    fact_id: str, fact: RegisterFact, line: Line, payments: Payments, register: Register
) -> Iterator[Fact]:
    piece = f"REG-{fact_id[:_ID_DIGITS]}"
    match fact:
        case Executed() if fact.charges_cents:
            attempt = payments.attempts[fact.end_to_end_id]
            yield BankCharge(fact.charges_cents, fact.booked_on, attempt.order.message_id)
        case Cancelled():
            attempt = payments.attempts[fact.end_to_end_id]
            yield PaymentCancelled(
                attempt.ordered.artist_id, attempt.ordered.cents, _day_of(line), attempt.order.message_id
            )
        case Settled():
            yield PaidOtherwise(fact.artist_id, fact.cents, fact.paid_on, piece, means=fact.means)
        case Unmatched() if (movement := _movement(fact)) is not None:
            yield UnmatchedMovement(*movement, piece)
        case Dismissed():
            dismissed = _fact(register, fact.fact)
            if isinstance(dismissed, Unmatched) and (movement := _movement(dismissed)) is not None:
                cents, booked_on = movement
                yield UnmatchedMovement(-cents, max(_day_of(line), booked_on), piece)


def _movement(fact: Unmatched) -> tuple[int, date] | None:
    """Return the cents and day of an unmatched movement in euros of the account that concerns payments to artists."""
    is_money = fact.seen.message.startswith("camt.") and fact.why != _UNRELATED and fact.currency in {None, "EUR"}
    if not is_money or not fact.cents or fact.booked_on is None:
        return None
    return fact.cents, fact.booked_on


def _fact(register: Register, fact_id: str) -> RegisterFact:
    line_id, _, place = fact_id.partition(":")
    return register.lines[line_id].facts[int(place)]


def _given_back(
    attempt: Attempt,
    cents: int,
    on: date,
    withheld: Mapping[str, tuple[WithheldLine, ...]],
    back: defaultdict[tuple[str, str], int],
) -> Iterator[Withheld]:
    """Yield what is withheld no more, by withholding: in proportion, so that a whole return gives each back whole."""
    month, artist_id = attempt.debt
    lines = [one for one in withheld.get(month, ()) if one.artist_id == artist_id]
    whole = sum(one.withheld_cents for one in lines)
    before, after = back[attempt.debt], back[attempt.debt] + cents
    back[attempt.debt] = after
    is_executed = _executed_on(attempt) is not None
    so_far = 0
    for line in lines:
        first, last = so_far, so_far + line.withheld_cents
        so_far = last
        given = _part(first, last, after, whole) - _part(first, last, before, whole)
        if given:
            yield Withheld(
                artist_id=artist_id,
                month=month,
                name=line.name,
                cents=-given,
                closed_on=on,
                paid_on=on if is_executed else None,
                owed_to=line.owed_to,
            )


def _part(first: int, last: int, cents: int, whole: int) -> int:
    """Return the cents that the stretch from `first` to `last` of `whole` gets of an amount; all stretches add up.

    >>> [_part(first, last, 10, 97) for first, last in ((0, 92), (92, 97))]
    [9, 1]
    """
    return last * cents // whole - first * cents // whole


def _written_off(settings: Settings) -> Iterator[WrittenOff]:
    for entry_id, entry in audit.identified_entries(settings):
        if entry["action"] == "write_off":
            yield WrittenOff(
                artist_id=entry["artist_id"],
                cents=entry["cents"],
                on=_paris_day(entry["at"]),
                piece=f"AUD-{entry_id[:_ID_DIGITS]}",
            )


def _day_of(line: Line) -> date:
    return _paris_day(line.at)


def _paris_day(at: str) -> date:
    return datetime.fromisoformat(at).astimezone(PARIS).date()
