"""Actions of people on payments: holds, returns, payments made otherwise, confirmations, imports, and taking back.

Each action is one line of the register. It is checked against the state of all payments before the line is written,
and refused with the reason if the line would contradict them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from allive.ingestion.settings import Settings
from allive.payouts import ledger
from allive.payouts.bank_answers import BankAnswerError, read_bank_answer, schema_findings
from allive.payouts.bank_details import electronic, masked, why_not_payable
from allive.payouts.errors import Refusal
from allive.payouts.payments.balance_entries import open_balances, taken_up_facts
from allive.payouts.payments.facts import (
    MONEY_BACK,
    BankFileRead,
    Cancelled,
    Dismissed,
    Event,
    Executed,
    Fact,
    GivenBack,
    Held,
    IbanConfirmed,
    Line,
    Returned,
    Settled,
    Undone,
    Unheld,
)
from allive.payouts.payments.matching import match
from allive.payouts.payments.reasons import reason_in_words, sets_aside
from allive.payouts.payments.register import Register, append, read_register
from allive.payouts.payments.state import (
    Attempt,
    ContradictionError,
    Payments,
    PaymentState,
    can_be_undone,
    payments_of,
    payments_without,
    undone_facts,
)
from allive.payouts.shown_cents import euros

_SHORTEST_ID: Final = 6


@dataclass(frozen=True)
class Import:
    """The changes by an imported file.

    Attributes:
        facts: The new facts, in the order of the file.
        known: Movements that were imported before.
        is_known_file: The same file was imported before: nothing was recorded.
        gaps_cents: Per account: closing balance less opening balance less movements, where that is not 0.
        not_booked: Entries that the bank only announces; they were left out.
        schema_findings: How the file departs from its standard, without being unreadable.
    """

    facts: tuple[Fact, ...]
    known: int
    is_known_file: bool
    gaps_cents: dict[str, int]
    not_booked: int
    schema_findings: tuple[str, ...]


def hold(settings: Settings, artist_id: str, *, why: str, operator: str) -> None:
    """Carry everything of an artist until the hold is lifted.

    Raises:
        Refusal: The artist is held already.
    """
    _record(settings, [Held(artist_id=artist_id)], event="held", why=why, operator=operator)


def unhold(settings: Settings, artist_id: str, *, why: str, operator: str) -> None:
    """Lift the hold on an artist: the next run pays what is due.

    Raises:
        Refusal: The artist is not held.
    """
    _record(settings, [Unheld(artist_id=artist_id)], event="unheld", why=why, operator=operator)


def return_payment(
    settings: Settings,
    month: str,
    artist_id: str,
    *,
    why: str,
    operator: str,
    today: date,
    cents: int | None = None,
) -> int:
    """Record that a transfer, or a part of it, came back or never left, and return the cents given to the balance.

    The IBAN is set aside, unless the order was cancelled for a reason that is not in the account.

    Args:
        settings: The data home.
        month: The closed month that ordered it.
        artist_id: The payee.
        why: The reason, with the bank's code in front if there is one: `AC04 account closed`.
        operator: Who says so.
        today: The day in Paris.
        cents: Of the order; by default all that has not come back yet.

    Raises:
        Refusal: The run of that month ordered nothing for the artist, or all of it came back.
    """
    register = read_register(settings)
    payments = payments_of(register)
    attempt = _last(settings, payments, month, artist_id, "have a payment returned")
    if attempt.state in {PaymentState.CANCELLED, PaymentState.GIVEN_BACK}:
        given_back = GivenBack(end_to_end_id=attempt.end_to_end_id)
        _append(settings, register, payments, [given_back], event="given_back", why=why, operator=operator)
        return attempt.ordered.cents + attempt.ordered.withheld_cents
    left = attempt.ordered.cents - attempt.returned_cents
    if not left:
        raise Refusal(month, (f"The transfer to {artist_id!r} was returned already.",), "have a payment returned")
    back = left if cents is None else cents
    if not 0 < back <= left:
        reason = f"Found {euros(back)}, expected more than 0 and at most {euros(left)}: what has not come back."
        raise Refusal(month, (reason,), "have a payment returned")
    returned = Returned(
        end_to_end_id=attempt.end_to_end_id,
        cents=back,
        withheld_back_cents=attempt.withheld_back_cents(back),
        booked_on=today,
        reason=reason_in_words(why),
    )
    _append(settings, register, payments, [returned], event="returned", why=why, operator=operator)
    return back + returned.withheld_back_cents


def mark_executed(
    settings: Settings, order: str, *, artists: Sequence[str], booked_on: date, why: str, operator: str
) -> int:
    """Record that the bank executed an order, where no file of the bank says so, and return the number of transfers.

    Args:
        settings: The data home.
        order: A message id, or a settlement month for all its orders.
        artists: Only these; by default all that wait for the bank's answer.
        booked_on: The bank's day.
        why: How one knows it.
        operator: Who says so.

    Raises:
        Refusal: Nothing of it waits for an answer.
    """
    register = read_register(settings)
    payments = payments_of(register)
    attempts = _waiting(payments, order, artists, "be marked as executed")
    facts = [Executed(end_to_end_id=one.end_to_end_id, booked_on=booked_on) for one in attempts]
    _append(settings, register, payments, facts, event="executed", why=why, operator=operator)
    return len(facts)


def cancel(settings: Settings, order: str, *, artists: Sequence[str], why: str, operator: str) -> int:
    """Record that orders were withdrawn or rejected, so that nothing left the account; return how many.

    They can be ordered again, or given back to the balance.

    Raises:
        Refusal: Nothing of it waits for an answer.
    """
    register = read_register(settings)
    payments = payments_of(register)
    reason = reason_in_words(why)
    facts = [
        Cancelled(end_to_end_id=one.end_to_end_id, reason=reason, sets_aside=sets_aside(reason))
        for one in _waiting(payments, order, artists, "be cancelled")
    ]
    _append(settings, register, payments, facts, event="cancelled", why=why, operator=operator)
    return len(facts)


def settle(
    settings: Settings, artist_id: str, *, cents: int, means: str, paid_on: date, why: str, operator: str
) -> int:
    """Record a payment made otherwise, and return what is left of the balance.

    Raises:
        Refusal: The artist's balance is smaller: nobody is paid twice.
    """
    balance = open_balances(settings).get(artist_id, 0)
    if not 0 < cents <= balance:
        reason = (
            f"Found {euros(cents)}, expected more than 0 and at most the artist's balance of {euros(max(balance, 0))}. "
            "An order that was not executed is no balance yet: `allive payments return MONTH ARTIST` gives it back "
            "first."
        )
        raise Refusal(artist_id, (reason,), "be paid otherwise")
    fact = Settled(artist_id=artist_id, cents=cents, means=means, paid_on=paid_on)
    _record(settings, [fact], event="settled", why=why, operator=operator)
    return balance - cents


def confirm_iban(settings: Settings, artist_id: str, iban: str, *, why: str, operator: str) -> str:
    """Record that somebody asked the artist, and that this IBAN is right; return it masked.

    Raises:
        Refusal: It is no IBAN that SEPA reaches.
    """
    if (found := why_not_payable(iban)) is not None:
        reason = f"Found {masked(iban)} ({found}), expected an IBAN with right check digits in a SEPA country."
        raise Refusal(artist_id, (reason,), "have this IBAN confirmed")
    fact = IbanConfirmed(artist_id=artist_id, iban=electronic(iban))
    _record(settings, [fact], event="iban_confirmed", why=why, operator=operator)
    return masked(iban)


def import_answer(settings: Settings, path: Path, *, why: str, operator: str, is_dry_run: bool = False) -> Import:
    """Read a bank's answer, match it with the orders, and record all of it in one line, or nothing.

    Raises:
        Refusal: The file cannot be read safely.
    """
    try:
        answer = read_bank_answer(path)
    except (BankAnswerError, OSError) as error:
        raise Refusal(path.name, (str(error),), "be imported") from error
    source = BankFileRead(name=path.name, sha256=answer.sha256, kind=answer.kind.value, message_id=answer.message_id)
    register = read_register(settings)
    payments = payments_of(register)
    is_known_file = answer.sha256 in payments.imported
    matched = match(answer, payments, source=source)
    if not is_known_file and not is_dry_run:
        append(
            settings,
            matched.facts,
            event="imported",
            operator=operator,
            why=why,
            expected_head=register.head,
            source=source,
        )
    return Import(
        facts=() if is_known_file else tuple(matched.facts),
        known=matched.known,
        is_known_file=is_known_file,
        gaps_cents={one.account: one.gap_cents for one in answer.statements if one.gap_cents},
        not_booked=sum(one.not_booked for one in answer.statements),
        schema_findings=schema_findings(path.read_bytes(), name=path.name) or (),
    )


def dismiss(settings: Settings, fact: str, *, why: str, operator: str) -> None:
    """Record that a person looked at an unmatched movement, and did what had to be done.

    Raises:
        Refusal: No such movement waits.
    """
    payments = payments_of(read_register(settings))
    fact_id = _named(payments.unmatched, fact, "be dismissed")
    _record(settings, [Dismissed(fact=fact_id)], event="dismissed", why=why, operator=operator)


def undo(settings: Settings, what: str, *, why: str, operator: str) -> tuple[Fact, ...]:
    """Take a fact back, or all facts of a line, and return them.

    Args:
        settings: The data home.
        what: The beginning of a line's id, with `:n` for one fact of it.
        why: The reason, for the record.
        operator: Who asks for it.

    Raises:
        Refusal: A run took it up, a later line builds on it, it was taken back before, or it is an order.
    """
    register = read_register(settings)
    facts = {fact_id: (fact, line) for fact_id, fact, line in register.facts()}
    undone = undone_facts(register)
    wanted = [one for one in _named_facts(facts, what) if one not in undone and can_be_undone(facts[one][0])]
    if not wanted:
        reason = "It was taken back before, or it is an order: an order is cancelled (`allive payments cancel`)."
        raise Refusal(what, (reason,), "be undone")
    taken_up = taken_up_facts(settings)
    for fact_id in wanted:
        fact, _ = facts[fact_id]
        if isinstance(fact, MONEY_BACK) and fact_id in taken_up:
            reason = (
                f"The run of {taken_up[fact_id]} has taken it into a balance. Record the opposite: `allive payments "
                "settle` lowers a balance, `allive payments return` raises one."
            )
            raise Refusal(what, (reason,), "be undone")
    try:
        payments_without(register, wanted)
    except ContradictionError as error:
        raise Refusal(what, (f"A later line builds on it: {error} Take that back first.",), "be undone") from error
    append(
        settings,
        [Undone(fact=fact_id) for fact_id in wanted],
        event="undone",
        operator=operator,
        why=why,
        expected_head=register.head,
    )
    return tuple(facts[fact_id][0] for fact_id in wanted)


def _record(settings: Settings, facts: Sequence[Fact], *, event: Event, why: str, operator: str) -> None:
    register = read_register(settings)
    _append(settings, register, payments_of(register), facts, event=event, why=why, operator=operator)


def _append(
    settings: Settings,
    register: Register,
    payments: Payments,
    facts: Sequence[Fact],
    *,
    event: Event,
    why: str,
    operator: str,
) -> None:
    """Append a line if its facts contradict nothing; `payments` is the state before it, and changed."""
    if not why.strip():
        raise Refusal(event, ("Found no reason; expected one in words: it stays on record.",), "be recorded")
    line = Line(format=1, at="", operator=operator, event=event, why=why, facts=(), previous="0" * 64, sha256="0" * 64)
    for place, fact in enumerate(facts):
        try:
            payments.apply(f"new:{place}", fact, line)
        except ContradictionError as error:
            raise Refusal(event, (str(error),), "be recorded") from error
    append(settings, facts, event=event, operator=operator, why=why.strip(), expected_head=register.head)


def _last(settings: Settings, payments: Payments, month: str, artist_id: str, what: str) -> Attempt:
    if month not in ledger.closed_months(settings):
        raise Refusal(month, ("It is not closed, so nothing has been ordered.",), what)
    attempt = payments.last_attempt(month, artist_id)
    if attempt is None:
        raise Refusal(month, (f"Its run ordered nothing for {artist_id!r}.",), what)
    return attempt


def _waiting(payments: Payments, order: str, artists: Sequence[str], what: str) -> list[Attempt]:
    """Return the attempts of an order or a month that wait for the bank's answer."""
    waiting = {
        one.ordered.artist_id: one
        for one in payments.attempts.values()
        if order in {one.order.message_id, one.ordered.settlement_month} and one.state is PaymentState.ORDERED
    }
    refusals = [
        f"No order of {order} to {artist!r} waits for an answer." for artist in artists if artist not in waiting
    ]
    if not waiting:
        refusals = [f"No order of {order} waits for an answer: see `allive payments list {order[:7]}`."]
    if refusals:
        raise Refusal(order, tuple(refusals), what)
    return [one for artist, one in waiting.items() if not artists or artist in artists]


def _named_facts(facts: Iterable[str], what: str) -> list[str]:
    """Return the ids of the facts that the beginning of an id names: one fact, or all of a line."""
    line, _, place = what.partition(":")
    found = [one for one in facts if one.startswith(line) and (not place or one.endswith(f":{place}"))]
    lines = {one.partition(":")[0] for one in found}
    if len(line) < _SHORTEST_ID or len(lines) != 1:
        reason = (
            f"It names {len(lines)} lines; expected one, by at least {_SHORTEST_ID} digits of its id as `allive "
            "payments list` shows it."
        )
        raise Refusal(what, (reason,), "be found")
    return found


def _named(facts: Iterable[str], what: str, action: str) -> str:
    found = _named_facts(facts, what)
    if len(found) != 1:
        raise Refusal(what, (f"It names {len(found)} movements; expected one: add `:n`.",), action)
    return found[0]
