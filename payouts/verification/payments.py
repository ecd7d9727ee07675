"""Checks the register of payments: its chain, that no debt is paid twice, its order files, and what runs took up.

Reads the lines and replays them with its own code: nothing here calls the code that wrote them (RULES.md §10).
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from allive.payouts.bank_file import read_bank_file
from allive.payouts.closed_month.books import Books, Month
from allive.payouts.closed_month.findings import Check, Place, Report
from allive.payouts.closed_month.month_files import TransferRow, read_rows
from allive.payouts.formats import AUDIT_FILE, PAYMENTS_FILE, PAYMENTS_FORMAT
from allive.payouts.ledger import BANK_FILE, CONTROL_FILE, TRANSFERS_FILE
from allive.payouts.standing import Standing
from allive.payouts.verification.seals import NO_LINE, AuditLog, read_sealed_lines

_ORDERS: Final = "orders"


@dataclass(frozen=True)
class MoneyFact:
    """A fact that changes a balance, as a run has to list it."""

    kind: str
    artist_id: str
    cents: int
    settlement_month: str | None


@dataclass
class _Payment:
    """One order of one transfer."""

    month: str
    artist: str
    cents: int
    withheld: int
    iban: str
    executed: bool = False
    returned: int = 0
    withheld_back: int = 0
    cancelled: bool = False
    given_back: bool = False
    replaced: bool = False

    @property
    def is_dead(self) -> bool:
        """Whether no money left for it, so that the debt may be ordered again."""
        return self.cancelled and not self.given_back and not self.replaced


@dataclass
class PaymentsThen:
    """The payments after some line of the register.

    Attributes:
        money: Facts that change a balance, by id, in order.
        held: Artists who are held.
        set_aside: Artists and IBANs that nothing is paid to.
        confirmed: Artists and IBANs that somebody confirmed since.
        faults: Facts that contradict those before them.
    """

    payments: dict[str, _Payment] = field(default_factory=dict)
    debts: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    money: dict[str, MoneyFact] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    set_aside: set[tuple[str, str]] = field(default_factory=set)
    confirmed: set[tuple[str, str]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def standings(self) -> dict[str, Standing]:
        """Return the holds and doubtful IBANs by artist."""
        artists = self.held | {artist for artist, _ in self.set_aside | self.confirmed}
        return {
            artist: Standing(
                is_held=artist in self.held,
                ibans_set_aside=frozenset(iban for one, iban in self.set_aside if one == artist),
                ibans_confirmed=frozenset(iban for one, iban in self.confirmed if one == artist),
            )
            for artist in artists
        }


@dataclass
class PaymentsLog:
    """The lines of the register that can be read, by their SHA-256, in order."""

    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    has_newer_lines: bool = False

    @property
    def head(self) -> str:
        """The SHA-256 of the last line."""
        return next(reversed(self.lines), NO_LINE)

    def at(self, head: str) -> PaymentsThen | None:
        """Replay the lines up to one; None if the register has no such line."""
        if head == NO_LINE:
            return PaymentsThen()
        if head not in self.lines:
            return None
        number = list(self.lines).index(head) + 1
        return _replay(dict(islice(self.lines.items(), number)))


def read_payments(report: Report, payouts: Path) -> PaymentsLog:
    """Read the register, checking that each line is whole, matches its own hash, and follows the one before."""
    log = PaymentsLog()
    place = report.at(Check.PAYMENTS, PAYMENTS_FILE)
    for sha256, entry in read_sealed_lines(place, payouts / PAYMENTS_FILE, known=PAYMENTS_FORMAT):
        if entry is not None:
            log.lines[sha256] = entry
            log.has_newer_lines |= not entry
    return log


def check_payments(report: Report, payouts: Path, log: PaymentsLog, *, audit_log: AuditLog, books: Books) -> None:
    """Check the whole register, and each order file that it names or that is beside it.

    Args:
        report: Where the findings go.
        payouts: The folder of the closed months.
        log: The register.
        audit_log: Its verifications noted the register's last line, which must still be there.
        books: The amounts that each month's run paid and withheld, by artist; months that cannot be read are missing.
    """
    place = report.at(Check.PAYMENTS, PAYMENTS_FILE)
    if log.has_newer_lines:
        report.not_checked(PAYMENTS_FILE, "payments", "some lines are newer than this version of the project")
        return
    if not log.lines and any((payouts / _ORDERS).glob("*.xml")):
        place.same("lines", found="none", expected=f"those of the orders in {_ORDERS}/: restore it from a backup")
    for line in audit_log.lines.values():
        noted = line.entry.get("payments_head", NO_LINE)
        place.holds(
            f"line {noted[:12]} (verified, line {line.number} of {AUDIT_FILE})",
            noted == NO_LINE or noted in log.lines,
            found=None,
            expected="the line that was the last one at that verification",
        )
    with place.reading():
        standing = _replay(log.lines)
        place.same("contradictions", found=standing.faults, expected=[])
        asked = {month: _asked_for(payouts / month) for month in books.paid}
        for end_to_end_id, one in standing.payments.items():
            if one.month not in books.paid:
                continue
            withheld = books.withheld.get(one.month, Counter())[one.artist]
            place.same(
                f"cents of {end_to_end_id}, ordered and withheld",
                found=(one.cents, one.withheld),
                expected=(books.paid[one.month][one.artist] - withheld, withheld),
            )
            if asked[one.month]:
                place.same(
                    f"{end_to_end_id}, as its month asks for it",
                    found=(one.cents, one.withheld, one.iban),
                    expected=asked[one.month].get(one.artist),
                )
    named: dict[str, dict[str, Any]] = {}
    with place.reading():
        named |= {entry["order"]["path"]: entry for entry in log.lines.values() if entry.get("order")}
    for path, entry in named.items():
        _check_order(report.at(Check.BANK_FILE, path), payouts / path, entry)
    for stray in sorted((payouts / _ORDERS).glob("*")):
        name = f"{_ORDERS}/{stray.name}"
        if name not in named and not stray.name.startswith("."):
            report.at(Check.BANK_FILE, name).same("file", found="a file", expected=f"none: no line of {PAYMENTS_FILE}")


def check_taken_up(report: Report, month: Month, log: PaymentsLog, taken_up: Mapping[str, str]) -> PaymentsThen | None:
    """Check that a run took up every fact that waited for it, and no other; return the payments that it knew of.

    Args:
        report: Where the findings go.
        month: The run.
        log: The register.
        taken_up: The run that took up each entry, for the runs before.
    """
    place = report.at(Check.PAYMENTS, month.file(CONTROL_FILE))
    head = month.control.payments_head
    if head is None:  # format 1: before there was a register
        return PaymentsThen()
    standing = None
    with place.reading():
        standing = log.at(head)
    if standing is None and log.has_newer_lines:
        report.not_checked(month.name, "payments", f"lines of {PAYMENTS_FILE} are newer than this version")
        return None
    place.holds(
        "payments_head",
        standing is not None,
        found=head,
        expected=f"a line of {PAYMENTS_FILE}: restore it from a backup",
    )
    if standing is None:
        return None
    waiting = {fact_id: fact for fact_id, fact in standing.money.items() if fact_id not in taken_up}
    found = {
        one.entry: MoneyFact(one.kind, one.artist_id, one.cents, one.settlement_month)
        for one in month.control.balance_entries
        if ":" in one.entry
    }
    place.same("facts of the register taken up", found=found, expected=waiting)
    return standing


def _asked_for(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Return the cents ordered and withheld, and the account, of a month's transfers by artist; none in format 1."""
    path = folder / TRANSFERS_FILE
    rows = read_rows(path, TransferRow) if path.exists() else []
    return {one.artist_id: (one.ordered_cents, one.withheld_cents, one.iban) for one in rows}


def _check_order(place: Place, path: Path, entry: Mapping[str, Any]) -> None:
    if not path.exists():
        place.same("file", found=None, expected="the order that the register names")
        return
    with place.reading():
        order = entry["order"]
        place.same("SHA-256", found=hashlib.sha256(path.read_bytes()).hexdigest(), expected=order["sha256"])
        bank_file = read_bank_file(path)
        place.same("message id", found=bank_file.message_id, expected=order["message_id"])
        place.same("requested date", found=bank_file.payment_date.isoformat(), expected=order["requested_on"])
        place.same(
            "transfers",
            found=[(one.end_to_end_id, one.amount_cents, one.iban, one.name) for one in bank_file.transfers],
            expected=[
                (fact["end_to_end_id"], fact["cents"], fact["iban"], fact["name"])
                for fact in entry["facts"]
                if fact["kind"] == "ordered"
            ],
        )
        if path.name != BANK_FILE:
            place.same("file name", found=path.name, expected=f"{order['message_id']}.xml")


def _replay(lines: Mapping[str, Mapping[str, Any]]) -> PaymentsThen:
    standing = PaymentsThen()
    facts = {f"{sha256}:{place}": fact for sha256, line in lines.items() for place, fact in enumerate(line["facts"])}
    taken_back = {fact["fact"] for fact in facts.values() if fact["kind"] == "undone"}
    standing.faults += [f"{one} is taken back, and is no fact" for one in sorted(taken_back - facts.keys())]
    for fact_id, fact in facts.items():
        if fact_id not in taken_back:
            standing.faults += [f"{fact_id[:12]}: {fault}" for fault in _add(standing, fact_id, fact)]
    return standing


def _add(standing: PaymentsThen, fact_id: str, fact: Mapping[str, Any]) -> Iterator[str]:
    """Add a fact to the payments, and yield what contradicts the facts before it."""
    kind = fact["kind"]
    if kind == "ordered":
        yield from _order(standing, fact)
    elif kind in _ANSWERS:
        payment = standing.payments.get(fact["end_to_end_id"])
        if payment is None:
            yield f"{fact['end_to_end_id']} is {kind} and was never ordered"
        else:
            yield from _ANSWERS[kind](standing, payment, fact_id, fact)
    elif kind == "settled":
        standing.money[fact_id] = MoneyFact(kind, fact["artist_id"], -fact["cents"], None)
    elif kind == "held":
        if fact["artist_id"] in standing.held:
            yield f"{fact['artist_id']} is held twice"
        standing.held.add(fact["artist_id"])
    elif kind == "unheld":
        if fact["artist_id"] not in standing.held:
            yield f"{fact['artist_id']} is not held"
        standing.held.discard(fact["artist_id"])
    elif kind == "iban_confirmed":
        standing.set_aside.discard((fact["artist_id"], fact["iban"]))
        standing.confirmed.add((fact["artist_id"], fact["iban"]))


def _order(standing: PaymentsThen, fact: Mapping[str, Any]) -> Iterator[str]:
    name, debt = fact["end_to_end_id"], (fact["settlement_month"], fact["artist_id"])
    payment = _Payment(*debt, fact["cents"], fact.get("withheld_cents", 0), fact["iban"])
    if name in standing.payments:
        yield f"{name} is ordered twice"
    for earlier in standing.debts[debt]:
        other = standing.payments[earlier]
        if other.replaced and earlier != standing.debts[debt][-1]:
            continue
        if not other.is_dead:
            yield f"{name} is ordered while {earlier} is not cancelled"
        if (other.cents, other.withheld) != (payment.cents, payment.withheld):
            yield f"{name} has another amount than {earlier}"
        other.replaced = True
    standing.payments[name] = payment
    standing.debts[debt].append(name)


def _execute(_standing: PaymentsThen, payment: _Payment, _fact_id: str, fact: Mapping[str, Any]) -> Iterator[str]:
    if payment.executed or payment.cancelled:
        yield f"{fact['end_to_end_id']} is executed, and was {'executed' if payment.executed else 'cancelled'} before"
    payment.executed = True


def _return(standing: PaymentsThen, payment: _Payment, fact_id: str, fact: Mapping[str, Any]) -> Iterator[str]:
    name, withheld_back = fact["end_to_end_id"], fact.get("withheld_back_cents", 0)
    payment.returned += fact["cents"]
    payment.withheld_back += withheld_back
    if payment.cancelled or payment.returned > payment.cents:
        yield f"{payment.returned} of {payment.cents} cents of {name} came back"
    if payment.withheld_back != payment.withheld * payment.returned // payment.cents:
        yield f"{payment.withheld_back} withheld cents of {name} are given back with {payment.returned}"
    _set_aside(standing, payment)
    if not fact.get("is_in_audit", False):
        cents = fact["cents"] + withheld_back
        standing.money[fact_id] = MoneyFact("returned", payment.artist, cents, payment.month)


def _cancel(standing: PaymentsThen, payment: _Payment, _fact_id: str, fact: Mapping[str, Any]) -> Iterator[str]:
    if payment.executed or payment.returned or payment.cancelled:
        yield f"{fact['end_to_end_id']} is cancelled, and money moved or it was cancelled before"
    payment.cancelled = True
    if fact.get("sets_aside", False):
        _set_aside(standing, payment)


def _give_back(standing: PaymentsThen, payment: _Payment, fact_id: str, fact: Mapping[str, Any]) -> Iterator[str]:
    if not payment.is_dead:
        yield f"{fact['end_to_end_id']} is given back, and was not cancelled"
    payment.given_back = True
    standing.money[fact_id] = MoneyFact("given_back", payment.artist, payment.cents + payment.withheld, payment.month)


def _set_aside(standing: PaymentsThen, payment: _Payment) -> None:
    standing.set_aside.add((payment.artist, payment.iban))
    standing.confirmed.discard((payment.artist, payment.iban))


_ANSWERS: Final = {"executed": _execute, "returned": _return, "cancelled": _cancel, "given_back": _give_back}
