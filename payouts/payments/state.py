"""The state of all payments: replayed from the register, pure, and nowhere stored (RULES.md §10).

A debt is what a closed month pays an artist. Each order of it is an attempt with its own end-to-end id. A further
attempt is allowed only if every earlier one was cancelled: not executed, not returned, not under way. So whatever the
order of commands and imports, no debt is paid twice.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, NoReturn

from allive.payouts.payments.facts import (
    BankReason,
    Cancelled,
    Confirmed,
    Dismissed,
    Executed,
    Fact,
    GivenBack,
    Held,
    IbanConfirmed,
    Line,
    Ordered,
    OrderFile,
    Reported,
    Returned,
    Settled,
    Undone,
    Unheld,
    Unmatched,
)
from allive.payouts.payments.register import Register
from allive.payouts.standing import Standing


class PaymentState(StrEnum):
    """The state of an attempt. `reordered`: it was cancelled, and a later attempt took its place."""

    ORDERED = "ordered"
    EXECUTED = "executed"
    PARTLY_RETURNED = "partly_returned"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    GIVEN_BACK = "given_back"
    REORDERED = "reordered"


class ContradictionError(ValueError):
    """A fact contradicts the facts before it: it cannot have happened, or somebody has to look at it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Attempt:
    """One order of one transfer, and what became of it.

    Attributes:
        order: The file that it was ordered by.
        ordered_at: Instant in ISO 8601, UTC.
        repeats: The attempt before it; None for the first of a debt.
        repeated_by: The attempt that took its place.
        executed_by: The fact that says so.
        returns: By the facts that say so.
        reported: The bank's last words about it that moved no money.
    """

    fact_id: str
    ordered: Ordered
    order: OrderFile
    ordered_at: str
    repeats: str | None = None
    repeated_by: str | None = None
    executed: Executed | None = None
    executed_by: str = ""
    returns: dict[str, Returned] = field(default_factory=dict)
    cancelled: Cancelled | None = None
    given_back: bool = False
    reported: Reported | None = None

    @property
    def end_to_end_id(self) -> str:
        """The id that the bank's answers name."""
        return self.ordered.end_to_end_id

    @property
    def debt(self) -> tuple[str, str]:
        """The settlement month and the artist."""
        return self.ordered.settlement_month, self.ordered.artist_id

    @property
    def returned_cents(self) -> int:
        """The cents of the order that came back."""
        return sum(one.cents for one in self.returns.values())

    def withheld_back_cents(self, cents: int) -> int:
        """Return what is given back of the withheld cents when `cents` more of the order come back.

        In proportion, floored over all returns so far: after a whole return, in parts or not, nothing stays withheld.
        """
        given_back = sum(one.withheld_back_cents for one in self.returns.values())
        withheld = self.ordered.withheld_cents
        return withheld * (self.returned_cents + cents) // self.ordered.cents - given_back

    @property
    def state(self) -> PaymentState:
        """The state by all facts so far."""
        if self.cancelled is not None:
            if self.repeated_by is not None:
                return PaymentState.REORDERED
            return PaymentState.GIVEN_BACK if self.given_back else PaymentState.CANCELLED
        if self.returned_cents == self.ordered.cents:
            return PaymentState.RETURNED
        if self.returns:
            return PaymentState.PARTLY_RETURNED
        return PaymentState.EXECUTED if self.executed else PaymentState.ORDERED

    @property
    def changed_on(self) -> date:
        """The bank's date of the state, or else the date that the order asks for."""
        dates = [one.booked_on for one in self.returns.values()]
        if self.executed is not None:
            dates.append(self.executed.booked_on)
        return max(dates, default=self.order.requested_on)


@dataclass(frozen=True)
class BalanceFact:
    """A fact that changes an artist's balance at the next run. `cents` are negative for a payment made otherwise."""

    fact_id: str
    kind: str
    artist_id: str
    cents: int
    settlement_month: str | None


@dataclass(frozen=True)
class SetAside:
    """An IBAN that nothing is paid to: since when, and why."""

    fact_id: str
    end_to_end_id: str
    reason: BankReason | None
    since: str


@dataclass
class Payments:
    """Everything that the register says, in its order.

    Attributes:
        attempts: By end-to-end id, in the order of the orders.
        debts: The end-to-end ids of a debt's attempts, by month and artist.
        holds: The line that holds each artist.
        set_aside: By artist and IBAN.
        confirmed: Artists and IBANs that somebody confirmed, after anything that set them aside.
        balance_facts: In order; which of them a run has taken up is in the closed months.
        unmatched: Movements that wait for a person, by fact id.
        movements: The kind of message that each known movement was in, by the movement's key.
        confirmed_by: The kinds of messages that showed a movement again, by the fact that says so.
        imported: SHA-256 of the bank's files.
        settled: Payments made otherwise, by fact id.
    """

    attempts: dict[str, Attempt] = field(default_factory=dict)
    debts: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[str, OrderFile] = field(default_factory=dict)
    holds: dict[str, Line] = field(default_factory=dict)
    set_aside: dict[tuple[str, str], SetAside] = field(default_factory=dict)
    confirmed: set[tuple[str, str]] = field(default_factory=set)
    balance_facts: list[BalanceFact] = field(default_factory=list)
    unmatched: dict[str, Unmatched] = field(default_factory=dict)
    movements: dict[str, str] = field(default_factory=dict)
    confirmed_by: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    imported: set[str] = field(default_factory=set)
    settled: dict[str, Settled] = field(default_factory=dict)

    def of_order(self, message_id: str) -> list[Attempt]:
        """Return the attempts of an order, in its order."""
        return [one for one in self.attempts.values() if one.order.message_id == message_id]

    def last_attempt(self, month: str, artist_id: str) -> Attempt | None:
        """Return the last attempt to pay a debt."""
        ids = self.debts.get((month, artist_id))
        return self.attempts[ids[-1]] if ids else None

    def standing(self, artist_id: str) -> Standing:
        """Return the standing of an artist in the next run."""
        return Standing(
            is_held=artist_id in self.holds,
            ibans_set_aside=frozenset(iban for artist, iban in self.set_aside if artist == artist_id),
            ibans_confirmed=frozenset(iban for artist, iban in self.confirmed if artist == artist_id),
        )

    def standings(self) -> dict[str, Standing]:
        """Return the standing of every artist whom a hold, a return or a confirmation concerns."""
        artists = {*self.holds, *(artist for artist, _ in {*self.set_aside, *self.confirmed})}
        return {artist: self.standing(artist) for artist in artists}

    def apply(self, fact_id: str, fact: Fact, line: Line) -> None:  # noqa: C901, PLR0912 - one branch per kind
        """Add a fact.

        Raises:
            ContradictionError: It contradicts the facts before it; nothing was added.
        """
        match fact:
            case Ordered():
                self._order(fact_id, fact, line)
            case Executed():
                self._execute(fact_id, fact)
            case Returned():
                self._return(fact_id, fact, line)
            case Confirmed():
                self._confirm(fact)
            case Cancelled():
                self._cancel(fact_id, fact, line)
            case GivenBack():
                self._give_back(fact_id, fact)
            case Reported():
                self._report(fact)
            case Settled():
                self.settled[fact_id] = fact
                self.balance_facts.append(BalanceFact(fact_id, fact.kind, fact.artist_id, -fact.cents, None))
            case Held():
                if fact.artist_id in self.holds:
                    _contradict("held", f"Artist {fact.artist_id!r} is held already.")
                self.holds[fact.artist_id] = line
            case Unheld():
                if fact.artist_id not in self.holds:
                    _contradict("not_held", f"Artist {fact.artist_id!r} is not held.")
                del self.holds[fact.artist_id]
            case IbanConfirmed():
                self.set_aside.pop((fact.artist_id, fact.iban), None)
                self.confirmed.add((fact.artist_id, fact.iban))
            case Unmatched():
                self.unmatched[fact_id] = fact
            case Dismissed():
                if fact.fact not in self.unmatched:
                    _contradict("not_waiting", f"No movement {fact.fact[:12]} waits for anybody.")
                del self.unmatched[fact.fact]
            case Undone():  # its fact was left out by `payments_of`
                pass
        if isinstance(fact, Executed | Returned | Confirmed | Cancelled | Unmatched) and fact.seen is not None:
            self.movements[fact.seen.key] = fact.seen.message

    def _order(self, fact_id: str, fact: Ordered, line: Line) -> None:
        if line.order is None:
            _contradict("no_order", f"{fact.end_to_end_id} is ordered by a line without an order.")
        if fact.end_to_end_id in self.attempts:
            _contradict("ordered", f"{fact.end_to_end_id} was ordered before.")
        before = self.last_attempt(fact.settlement_month, fact.artist_id)
        if before is not None:
            if before.state is not PaymentState.CANCELLED:
                _contradict(
                    "under_way",
                    f"{before.end_to_end_id} is {before.state}: only a cancelled order can be ordered again.",
                )
            if (before.ordered.cents, before.ordered.withheld_cents) != (fact.cents, fact.withheld_cents):
                _contradict("amount", f"{fact.end_to_end_id} has another amount than {before.end_to_end_id}.")
            before.repeated_by = fact.end_to_end_id
        self.attempts[fact.end_to_end_id] = Attempt(
            fact_id, fact, line.order, line.at, repeats=before.end_to_end_id if before else None
        )
        self.debts[fact.settlement_month, fact.artist_id].append(fact.end_to_end_id)
        self.orders[line.order.message_id] = line.order

    def _confirm(self, fact: Confirmed) -> None:
        known = {one.executed_by for one in self.attempts.values()}.union(*(x.returns for x in self.attempts.values()))
        if fact.fact not in known:
            _contradict("nothing_to_confirm", f"{fact.fact[:12]} is no execution and no return.")
        self.confirmed_by[fact.fact].add(fact.seen.message)

    def _execute(self, fact_id: str, fact: Executed) -> None:
        attempt = self._known(fact.end_to_end_id)
        if attempt.cancelled is not None:
            _contradict("executed_after_cancelled", f"{fact.end_to_end_id} was cancelled: it cannot be executed.")
        if attempt.executed is not None:
            _contradict("executed_twice", f"{fact.end_to_end_id} was executed on {attempt.executed.booked_on}.")
        attempt.executed, attempt.executed_by = fact, fact_id

    def _return(self, fact_id: str, fact: Returned, line: Line) -> None:
        attempt = self._known(fact.end_to_end_id)
        if attempt.cancelled is not None:
            _contradict("returned_after_cancelled", f"{fact.end_to_end_id} was cancelled: no money can come back.")
        left = attempt.ordered.cents - attempt.returned_cents
        if fact.cents > left:
            _contradict("too_much", f"{fact.cents} cents of {fact.end_to_end_id} came back; at most {left} can.")
        if fact.withheld_back_cents != attempt.withheld_back_cents(fact.cents):
            _contradict(
                "withheld", f"{fact.withheld_back_cents} withheld cents of {fact.end_to_end_id} are given back."
            )
        attempt.returns[fact_id] = fact
        month, artist_id = attempt.debt
        self._set_aside(fact_id, attempt, fact.reason, line)
        if not fact.is_in_audit:
            cents = fact.cents + fact.withheld_back_cents
            self.balance_facts.append(BalanceFact(fact_id, fact.kind, artist_id, cents, month))

    def _cancel(self, fact_id: str, fact: Cancelled, line: Line) -> None:
        attempt = self._known(fact.end_to_end_id)
        if attempt.cancelled is not None:
            _contradict("cancelled", f"{fact.end_to_end_id} was cancelled before.")
        if attempt.executed is not None or attempt.returns:
            _contradict("moved", f"{fact.end_to_end_id} is {attempt.state}: money moved, so it cannot be cancelled.")
        attempt.cancelled = fact
        if fact.sets_aside:
            self._set_aside(fact_id, attempt, fact.reason, line)

    def _give_back(self, fact_id: str, fact: GivenBack) -> None:
        attempt = self._known(fact.end_to_end_id)
        if attempt.state is not PaymentState.CANCELLED:
            _contradict(
                "not_cancelled", f"{fact.end_to_end_id} is {attempt.state}: only a cancelled order can be given back."
            )
        attempt.given_back = True
        month, artist_id = attempt.debt
        cents = attempt.ordered.cents + attempt.ordered.withheld_cents
        self.balance_facts.append(BalanceFact(fact_id, fact.kind, artist_id, cents, month))

    def _report(self, fact: Reported) -> None:
        if fact.message_id not in self.orders:
            _contradict("unknown", f"No order has the message id {fact.message_id}.")
        for attempt in [self._known(fact.end_to_end_id)] if fact.end_to_end_id else self.of_order(fact.message_id):
            attempt.reported = fact

    def _set_aside(self, fact_id: str, attempt: Attempt, reason: BankReason | None, line: Line) -> None:
        key = attempt.ordered.artist_id, attempt.ordered.iban
        self.confirmed.discard(key)
        self.set_aside[key] = SetAside(fact_id, attempt.end_to_end_id, reason, line.at)

    def _known(self, end_to_end_id: str) -> Attempt:
        attempt = self.attempts.get(end_to_end_id)
        if attempt is None:
            _contradict("unknown", f"No order has a transfer {end_to_end_id}.")
        return attempt


_NEVER_UNDONE: Final = (Ordered, Undone)
"""An order is cancelled, not undone: its file may have gone to the bank."""


def payments_of(register: Register) -> Payments:
    """Replay the register.

    Raises:
        ContradictionError: A fact contradicts the facts before it: the register was not written by this project.
    """
    return _replay(register, undone=undone_facts(register))


def payments_without(register: Register, fact_ids: Iterable[str]) -> Payments:
    """Replay the register without some facts, to see whether they can be undone.

    Raises:
        ContradictionError: A later fact builds on one of them.
    """
    return _replay(register, undone=undone_facts(register) | set(fact_ids))


def undone_facts(register: Register) -> set[str]:
    """Return the ids of the facts that a later line takes back."""
    return {fact.fact for _, fact, _ in register.facts() if isinstance(fact, Undone)}


def can_be_undone(fact: Fact) -> bool:
    """Whether a fact of this kind can be taken back at all."""
    return not isinstance(fact, _NEVER_UNDONE)


def _replay(register: Register, *, undone: set[str]) -> Payments:
    payments = Payments()
    for line_id, line in register.lines.items():
        counting = {f"{line_id}:{place}": fact for place, fact in enumerate(line.facts)}
        counting = {fact_id: fact for fact_id, fact in counting.items() if fact_id not in undone}
        for fact_id, fact in counting.items():
            payments.apply(fact_id, fact, line)
        # A file whose facts were all taken back can be imported again.
        if line.source is not None and (counting or not line.facts):
            payments.imported.add(line.source.sha256)
    return payments


def _contradict(code: str, message: str) -> NoReturn:
    raise ContradictionError(code, message)
