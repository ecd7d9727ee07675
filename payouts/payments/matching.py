"""Matches a bank's answer with the orders: by end-to-end id, then by message id and amount, and never otherwise.

An id alone is not enough: amount, currency and account must agree with the order. Everything else is listed for a
person, with the reason. A movement that was imported before, from this file or another, changes nothing.
"""

import copy
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from allive.payouts.bank_answers import (
    BankAnswer,
    Direction,
    Movement,
    Reason,
    Status,
    StatusClass,
    StatusLevel,
    status_meaning,
)
from allive.payouts.bank_details import electronic
from allive.payouts.payments.facts import (
    BankFileRead,
    BankReason,
    Cancelled,
    Confirmed,
    Executed,
    Fact,
    Line,
    Reported,
    Returned,
    Seen,
    Unmatched,
)
from allive.payouts.payments.reasons import sets_aside
from allive.payouts.payments.state import Attempt, ContradictionError, Payments, PaymentState

_OURS = "ALV-"
"""How our message ids begin."""


@dataclass
class Matched:
    """The facts of one file.

    Attributes:
        facts: In the order of the file.
        known: Movements that were imported before.
    """

    facts: list[Fact] = field(default_factory=list)
    known: int = 0


def match(answer: BankAnswer, payments: Payments, *, source: BankFileRead) -> Matched:
    """Return the facts that a bank's answer adds to the payments; they apply to `payments` in their order."""
    matching = _Matching(copy.deepcopy(payments), answer, source)
    for status in answer.statuses:
        matching.add_status(status)
    for movement in answer.movements:
        matching.add_movement(movement)
    return matching.result


class _Unclear(Exception):  # noqa: N818 - an answer, not an error
    """Why a movement or status is no payment's for certain."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Matching:
    """One file, matched against the payments as they change by it."""

    def __init__(self, payments: Payments, answer: BankAnswer, source: BankFileRead) -> None:
        self._payments = payments
        self._message = answer.kind.value
        self._seen: Counter[str] = Counter()
        # Only its header: the facts are applied one by one, before the line is written.
        self._line = Line(
            format=1,
            at=answer.created_at,
            operator="",
            event="imported",
            why="",
            source=source,
            facts=(),
            previous="0" * 64,
            sha256="0" * 64,
        )
        self.result = Matched()

    def add_movement(self, movement: Movement) -> None:
        seen = self._seen_as(movement.key)
        if seen.key in self._payments.movements:
            self.result.known += 1
            return
        try:
            for fact in self._facts_of(movement, seen):
                self._add(fact)
                self.result.known += isinstance(fact, Confirmed)
        except _Unclear as unclear:
            self._add(_unmatched_movement(movement, seen, unclear.why))

    def add_status(self, status: Status) -> None:
        message_id = status.original_message_id
        meaning = status_meaning(status.code).status_class
        seen = self._seen_as(("status", message_id, status.end_to_end_id or "", status.code or ""))
        ends = meaning in {StatusClass.REJECTED, StatusClass.CANCELLED}
        if seen.key in self._payments.movements:
            self.result.known += 1
            return
        if message_id not in self._payments.orders:
            self._add(_unmatched_status(status, seen, "unknown_order"))
            return
        try:
            if not ends:
                self._report(status)
            for attempt in self._rejected(status) if ends else ():
                reason = _reason(status.reasons[0]) if status.reasons else None
                cancelled = Cancelled(
                    end_to_end_id=attempt.end_to_end_id, reason=reason, sets_aside=sets_aside(reason), seen=seen
                )
                self._add(cancelled)
        except _Unclear as unclear:
            self._add(_unmatched_status(status, seen, unclear.why))

    def _seen_as(self, key: tuple[str, ...]) -> Seen:
        """Number equal movements of one file: the bank may give neither references nor ids."""
        text = "|".join(key)
        self._seen[text] += 1
        return Seen(key=f"{text}|{self._seen[text]}", message=self._message)

    def _add(self, fact: Fact) -> None:
        try:
            # Its id is not known yet, and only has to be one of its own here.
            self._payments.apply(f"new:{len(self.result.facts)}", fact, self._line)
        except ContradictionError as contradiction:
            raise _Unclear(contradiction.code) from contradiction
        self.result.facts.append(fact)

    def _facts_of(self, movement: Movement, seen: Seen) -> Iterable[Fact]:
        if not movement.is_euro:
            raise _Unclear("other_currency")
        if movement.is_reversal:
            raise _Unclear("bank_reversal")
        if movement.direction is Direction.CREDIT:
            return [self._returned(movement, seen)]
        return self._executed(movement, seen)

    def _executed(self, movement: Movement, seen: Seen) -> Iterable[Fact]:
        attempt = self._attempt(movement)
        if attempt is None:
            attempts = self._whole_order(movement)
            known_ones = [self._confirmed(one.executed_by, one.executed, movement, seen) for one in attempts]
            if all(known_ones):
                return [one for one in known_ones if one is not None]
            if any(one.executed for one in attempts):
                raise _Unclear("executed_twice")
            return [
                Executed(
                    end_to_end_id=one.end_to_end_id,
                    booked_on=movement.booked_on,
                    charges_cents=movement.charges_cents if place == 0 else 0,
                    seen=seen,
                )
                for place, one in enumerate(attempts)
            ]
        ordered = attempt.ordered
        if movement.cents not in {ordered.cents, ordered.cents + max(movement.charges_cents, 0)}:
            raise _Unclear("other_amount")
        self._require_account(movement, attempt)
        if (known := self._confirmed(attempt.executed_by, attempt.executed, movement, seen)) is not None:
            return [known]
        return [
            Executed(
                end_to_end_id=ordered.end_to_end_id,
                booked_on=movement.booked_on,
                charges_cents=movement.charges_cents,
                seen=seen,
            )
        ]

    def _returned(self, movement: Movement, seen: Seen) -> Fact:
        attempt = self._attempt(movement) or self._by_message_and_amount(movement)
        self._require_account(movement, attempt)
        for fact_id, earlier in attempt.returns.items():
            if (known := self._confirmed(fact_id, earlier, movement, seen)) is not None:
                return known
        left = attempt.ordered.cents - attempt.returned_cents
        charges = max(movement.charges_cents, 0)
        # Charges that the bank took off on the way are the platform's, not the artist's.
        cents = movement.cents + charges if movement.cents + charges <= left else movement.cents
        return Returned(
            end_to_end_id=attempt.end_to_end_id,
            cents=cents,
            withheld_back_cents=attempt.withheld_back_cents(cents) if cents <= left else 0,
            charges_cents=cents - movement.cents,
            booked_on=movement.booked_on,
            reason=_reason(movement.reason) if movement.reason else BankReason(),
            seen=seen,
        )

    def _attempt(self, movement: Movement) -> Attempt | None:
        """Return the attempt with the movement's end-to-end id; None if the bank names none."""
        if movement.end_to_end_id is None:
            return None
        attempt = self._payments.attempts.get(movement.end_to_end_id)
        if attempt is None:
            raise _Unclear("unknown_id" if _is_about_us(movement) else "unrelated")
        return attempt

    def _whole_order(self, movement: Movement) -> list[Attempt]:
        """Return the attempts of an order that the bank booked in one sum."""
        message_id = self._order_of(movement)
        attempts = [one for one in self._payments.of_order(message_id) if one.cancelled is None]
        if sum(one.ordered.cents for one in attempts) != movement.cents:
            if len(attempts) > 1 and movement.transfers_in_it is None:
                return [self._by_message_and_amount(movement)]
            raise _Unclear("other_amount")
        return attempts

    def _by_message_and_amount(self, movement: Movement) -> Attempt:
        """Return the only attempt of an order with this amount, where the bank names the order but not the transfer."""
        message_id = self._order_of(movement)
        found = [
            one
            for one in self._payments.of_order(message_id)
            if movement.cents in {one.ordered.cents, one.ordered.cents - max(movement.charges_cents, 0)}
        ]
        if len(found) != 1:
            raise _Unclear("ambiguous" if found else "other_amount")
        return found[0]

    def _order_of(self, movement: Movement) -> str:
        for message_id in (movement.message_id, movement.payment_information_id):
            if message_id in self._payments.orders:
                return message_id
        if movement.is_return:
            raise _Unclear("return_without_id")
        raise _Unclear("unknown_order" if _is_about_us(movement) else "unrelated")

    def _require_account(self, movement: Movement, attempt: Attempt) -> None:
        iban = movement.counterparty_iban
        if iban is not None and electronic(iban) != attempt.ordered.iban:
            raise _Unclear("other_account")

    def _confirmed(
        self, fact_id: str, earlier: Executed | Returned | None, movement: Movement, seen: Seen
    ) -> Confirmed | None:
        """Return that a movement is on record already: by a person, or from another kind of message.

        A statement can give a movement another reference than the notification did. Two of one kind are two movements.
        """
        if earlier is None or self._message in self._payments.confirmed_by[fact_id]:
            return None
        if isinstance(earlier, Returned) and movement.cents not in {
            earlier.cents,
            earlier.cents - earlier.charges_cents,
        }:
            return None
        is_same = earlier.seen is None or (
            earlier.booked_on == movement.booked_on and earlier.seen.message != self._message
        )
        return Confirmed(fact=fact_id, seen=seen) if is_same else None

    def _report(self, status: Status) -> None:
        if status.level is StatusLevel.TRANSACTION and status.end_to_end_id not in self._payments.attempts:
            raise _Unclear("unknown_order")
        reported = Reported(
            message_id=status.original_message_id,
            end_to_end_id=status.end_to_end_id,
            code=status.code,
            reasons=tuple(_reason(reason) for reason in status.reasons),
            text=status.text,
        )
        attempts = self._payments.of_order(status.original_message_id)
        concerned = [one for one in attempts if status.end_to_end_id in {None, one.end_to_end_id}]
        if all(one.reported == reported for one in concerned):
            self.result.known += 1
            return
        self._add(reported)

    def _rejected(self, status: Status) -> list[Attempt]:
        attempts = self._payments.of_order(status.original_message_id)
        if status.level is not StatusLevel.TRANSACTION:
            # The bank rejects the whole order: what it rejected by name before stays as it is.
            open_ones = [one for one in attempts if one.state is not PaymentState.CANCELLED]
            if any(one.executed or one.returns for one in open_ones):
                raise _Unclear("rejected_after_executed")
            return open_ones
        found = [one for one in attempts if one.end_to_end_id == status.end_to_end_id]
        if not found:
            raise _Unclear("unknown_id")
        (attempt,) = found
        if status.cents is not None and status.cents != attempt.ordered.cents:
            raise _Unclear("other_amount")
        if status.creditor_iban is not None and electronic(status.creditor_iban) != attempt.ordered.iban:
            raise _Unclear("other_account")
        if attempt.executed or attempt.returns:
            raise _Unclear("rejected_after_executed")
        if attempt.cancelled is not None:
            self.result.known += 1
            return []
        return [attempt]


def _is_about_us(movement: Movement) -> bool:
    ids = (movement.message_id, movement.payment_information_id)
    return movement.is_return or any(one is not None and one.startswith(_OURS) for one in ids)


def _reason(reason: Reason) -> BankReason:
    return BankReason(
        code=reason.code, reason_list=reason.reason_list, is_proprietary=reason.is_proprietary, text=reason.text
    )


def _unmatched_movement(movement: Movement, seen: Seen, why: str) -> Unmatched:
    sign = 1 if movement.direction is Direction.CREDIT else -1
    return Unmatched(
        why=why,
        end_to_end_id=movement.end_to_end_id,
        message_id=movement.message_id or movement.payment_information_id,
        cents=sign * movement.cents,
        currency=movement.currency,
        booked_on=movement.booked_on,
        counterparty=movement.counterparty_name or movement.counterparty_iban or "",
        text=movement.text,
        reason=_reason(movement.reason) if movement.reason else None,
        seen=seen,
    )


def _unmatched_status(status: Status, seen: Seen, why: str) -> Unmatched:
    return Unmatched(
        why=why,
        end_to_end_id=status.end_to_end_id,
        message_id=status.original_message_id,
        cents=status.cents,
        currency=status.currency,
        text=f"{status.code or ''} {status.text}".strip(),
        reason=_reason(status.reasons[0]) if status.reasons else None,
        seen=seen,
    )
