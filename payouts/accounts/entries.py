"""Turns facts into accounting entries that balance. No file and no clock: the same facts give the same entries."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from allive.payouts.accounts.chart import Account, Auxiliary, ChartOfAccounts, DatedCharts, Journal, auxiliary_number
from allive.payouts.accounts.facts import (
    Adjusted,
    BankCharge,
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

DEFAULT_CHARTS: Final = DatedCharts()
NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
_OF_THE_BALANCE_SHEET: Final = "12345"
"""First digits of the accounts whose balance a new year opens with; 6 and 7 are the year's charges and income."""


@dataclass(frozen=True)
class Posting:
    """One line of an entry: an amount on one side of an account.

    Attributes:
        auxiliary: The artist's own account, on the account of debts to artists.

    Raises:
        ValueError: Not exactly one side has an amount, or an amount is negative or no whole number of cents.
    """

    account: Account
    debit_cents: int
    credit_cents: int
    auxiliary: Auxiliary | None = None
    label: str = ""

    def __post_init__(self) -> None:
        sides = (self.debit_cents, self.credit_cents)
        # A float or a decimal would balance here and be rounded in the file. A bool is an int, too.
        if any(type(side) is not int or side < 0 for side in sides) or sides.count(0) != 1:
            raise ValueError(
                f"Account {self.account.number}: found debit {self.debit_cents!r} and credit {self.credit_cents!r}, "
                "expected whole cents above 0 on one side and 0 on the other."
            )

    @property
    def balance_cents(self) -> int:
        """Debit less credit."""
        return self.debit_cents - self.credit_cents


@dataclass(frozen=True)
class Entry:
    """A balanced accounting entry.

    Attributes:
        piece: Reference of the supporting document: a run, a message to the bank, a line of its statement.
        piece_date: Day of that document; the entry's day if None.

    Raises:
        ValueError: It has no posting, piece or label, or debits and credits differ.
    """

    journal: Journal
    date: dt.date
    piece: str
    label: str
    postings: tuple[Posting, ...]
    piece_date: dt.date | None = None

    def __post_init__(self) -> None:
        what = f"Entry {self.label!r} of {self.date}"
        if not self.postings or not self.piece.strip() or not self.label.strip():
            raise ValueError(f"{what} lacks a posting, a piece or a label; expected all three.")
        debit = sum(posting.debit_cents for posting in self.postings)
        credit = sum(posting.credit_cents for posting in self.postings)
        if debit != credit:
            raise ValueError(f"{what} does not balance: debits of {debit} cents, credits of {credit}.")


@dataclass(frozen=True)
class _Line:
    """A line of a draft: cents above 0 are a debit, below 0 a credit."""

    account: Account
    cents: int
    label: str
    artist_id: str | None = None


@dataclass(frozen=True)
class _Draft:
    """The lines that one fact adds to an entry. Drafts equal in everything else are one entry."""

    rank: int
    journal: Journal
    date: dt.date
    piece: str
    label: str


_Drafts = Iterator[tuple[_Draft, list[_Line]]]


def entries_of(
    facts: Iterable[Fact], *, charts: DatedCharts = DEFAULT_CHARTS, names: Mapping[str, str] = NO_NAMES
) -> tuple[Entry, ...]:
    """Return the entries of the facts, by date; the order of the facts changes nothing.

    Amounts of 0 make no posting, a negative amount stands on the other side. An order makes no entry. Facts of one day
    and piece are one entry, so that a batch of transfers has one amount on the bank's account.

    Args:
        facts: Any facts; each is booked on its own day with the chart in force on that day.
        charts: The charts of accounts.
        names: Names of the artists; the id stands for a missing one.

    Raises:
        ValueError: No chart is in force on a day.
    """
    collected: defaultdict[_Draft, list[_Line]] = defaultdict(list)
    for fact in facts:
        for draft, lines in _drafts(fact, charts):
            collected[draft] += lines
    entries = [
        (draft, Entry(draft.journal, draft.date, draft.piece, draft.label, postings))
        for draft, lines in collected.items()
        if (postings := tuple(_postings(lines, names)))
    ]
    entries.sort(key=lambda item: _order(*item))
    return tuple(entry for _, entry in entries)


def balances(entries: Iterable[Entry]) -> dict[tuple[str, str], int]:
    """Return debit less credit in cents, by account and auxiliary number ("" without one), without zeros."""
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for posting in (posting for entry in entries for posting in entry.postings):
        sums[posting.account.number, posting.auxiliary.number if posting.auxiliary else ""] += posting.balance_cents
    return {key: cents for key, cents in sorted(sums.items()) if cents}


def opening_entry(entries: Iterable[Entry], on: dt.date, *, charts: DatedCharts = DEFAULT_CHARTS) -> Entry | None:
    """Return the entry that opens a year with the balances of all entries before it; None if there is nothing to open.

    Accounts of the balance sheet keep their balance, artist by artist. Charges and income add up to the result.
    """
    chart = charts.on(on)
    label = f"À nouveaux {on.year}"
    earlier = [entry for entry in entries if entry.date < on]
    accounts, auxiliaries = _labels(earlier, chart)
    postings = []
    result = 0
    for (number, auxiliary), cents in balances(earlier).items():
        if number[0] in _OF_THE_BALANCE_SHEET:
            postings.append(_posting(accounts[number], cents, auxiliary=auxiliaries.get(auxiliary), label=label))
        else:
            result += cents
    if result:
        postings.append(_posting(chart.loss if result > 0 else chart.profit, result, auxiliary=None, label=label))
    return Entry(chart.opening_journal, on, f"AN-{on.year}", label, tuple(postings)) if postings else None


def _labels(entries: Iterable[Entry], chart: ChartOfAccounts) -> tuple[dict[str, Account], dict[str, Auxiliary]]:
    """Return accounts and artists' accounts by number: with the chart's label, else with the last one used."""
    postings = [posting for entry in entries for posting in entry.postings]
    accounts = {posting.account.number: posting.account for posting in postings}
    auxiliaries = {posting.auxiliary.number: posting.auxiliary for posting in postings if posting.auxiliary}
    return accounts | {account.number: account for account in chart.accounts().values()}, auxiliaries


def _drafts(fact: Fact, charts: DatedCharts) -> _Drafts:
    match fact:
        case MonthClosed():
            yield from _month_closed(fact, charts.on(fact.on))
        case Withheld():
            yield from _withheld(fact, charts)
        case PaymentOrdered() | PaymentCancelled():
            return
        case _:
            draft = _DRAFT_OF[type(fact)]
            yield draft(fact, charts.on(fact.on))


def _month_closed(fact: MonthClosed, chart: ChartOfAccounts) -> _Drafts:
    month, journal = fact.month, chart.royalties_journal
    yield (
        _Draft(1, journal, fact.on, fact.piece, f"Droits des artistes {month}"),
        [
            _Line(chart.rights_direct, fact.direct_cents, f"Parts directes {month}"),
            _Line(chart.rights_pool, fact.pool_cents, f"Pot commun {month}"),
            _Line(chart.deductible_vat, sum(line.vat_cents for line in fact.earned), f"TVA sur droits {month}"),
            *(
                _Line(chart.artists, -line.cents - line.vat_cents, f"Droits {month}", line.artist_id)
                for line in fact.earned
            ),
            _Line(
                chart.rounding_gain if fact.rounding_cents > 0 else chart.rounding_loss,
                -fact.rounding_cents,
                f"Différence d'arrondi {month}",
            ),
        ],
    )
    for line in fact.adjusted:
        yield _adjusted(line, fact, chart)
    if chart.reclassifies_refunds:
        label = f"Remboursements de mois définitifs {month}"
        yield (
            _Draft(4, chart.miscellaneous_journal, fact.on, fact.piece, label),
            [
                _Line(chart.refunds_borne, fact.refunds_borne_cents, label),
                _Line(chart.rights_direct, -fact.refunds_borne_cents, label),
            ],
        )


def _adjusted(line: Adjusted, fact: MonthClosed, chart: ChartOfAccounts) -> tuple[_Draft, list[_Line]]:
    label = f"Régularisation {line.corrects_month} (clôture {fact.month})"
    return (
        _Draft(2, chart.royalties_journal, fact.on, f"{fact.piece}/{line.corrects_month}", label),
        [
            _Line(chart.rights_adjusted, line.cents, label),
            _Line(chart.deductible_vat, line.vat_cents, label),
            _Line(chart.artists, -line.cents - line.vat_cents, label, line.artist_id),
        ],
    )


def withheld_on(fact: Withheld, charts: DatedCharts) -> dt.date | None:
    """Return the day on which a withholding is booked; None while it waits for its payment.

    The chart in force when the month closed decides, so that no later chart books it a second time.
    """
    return fact.paid_on if charts.on(fact.closed_on).withholds_at_payment else fact.closed_on


def _withheld(fact: Withheld, charts: DatedCharts) -> _Drafts:
    on = withheld_on(fact, charts)
    if on is None:
        return
    chart = charts.on(on)
    label = f"Retenue {fact.name} {fact.month}"
    yield (
        _Draft(3, chart.royalties_journal, on, fact.piece, label),
        [
            _Line(chart.artists, fact.cents, label, fact.artist_id),
            _Line(chart.withholding(fact.name), -fact.cents, label),
        ],
    )


def _written_off(fact: WrittenOff, chart: ChartOfAccounts) -> tuple[_Draft, list[_Line]]:
    is_loss = fact.cents > 0
    label = "Solde débiteur irrécouvrable" if is_loss else "Dette prescrite"
    return (
        _Draft(9, chart.miscellaneous_journal, fact.on, fact.piece, label),
        [
            _Line(chart.lost if is_loss else chart.prescribed, fact.cents, label),
            _Line(chart.artists, -fact.cents, label, fact.artist_id),
        ],
    )


def _executed(fact: PaymentExecuted, chart: ChartOfAccounts) -> tuple[_Draft, list[_Line]]:
    label = "Virements exécutés"
    return (
        _Draft(5, chart.bank_journal, fact.on, fact.piece, label),
        [
            _Line(chart.artists, fact.cents, f"Virement {fact.reference}".rstrip(), fact.artist_id),
            _Line(chart.bank, -fact.cents, label),
        ],
    )


def _returned(fact: PaymentReturned, chart: ChartOfAccounts) -> tuple[_Draft, list[_Line]]:
    label = "Virements retournés"
    own = " ".join(part for part in ("Retour", fact.reference, fact.reason) if part)
    return (
        _Draft(6, chart.bank_journal, fact.on, fact.piece, label),
        [
            _Line(chart.bank, fact.cents - fact.charges_cents, label),
            _Line(chart.bank_fees, fact.charges_cents, "Frais retenus sur retours"),
            _Line(chart.artists, -fact.cents, own, fact.artist_id),
        ],
    )


def _otherwise(fact: PaidOtherwise, chart: ChartOfAccounts) -> tuple[_Draft, list[_Line]]:
    label = f"Paiement hors virement {fact.means}".rstrip()
    return (
        _Draft(7, chart.bank_journal, fact.on, fact.piece, label),
        [
            _Line(chart.artists, fact.cents, label, fact.artist_id),
            _Line(chart.otherwise, -fact.cents, label),
        ],
    )


def _charge(fact: BankCharge, chart: ChartOfAccounts) -> tuple[_Draft, list[_Line]]:
    label = "Frais bancaires"
    return (
        _Draft(8, chart.bank_journal, fact.on, fact.piece, label),
        [_Line(chart.bank_fees, fact.cents, label), _Line(chart.bank, -fact.cents, label)],
    )


def _unmatched(fact: UnmatchedMovement, chart: ChartOfAccounts) -> tuple[_Draft, list[_Line]]:
    label = "Mouvement à identifier"
    return (
        _Draft(8, chart.bank_journal, fact.on, fact.piece, label),
        [_Line(chart.bank, fact.cents, label), _Line(chart.suspense, -fact.cents, label)],
    )


_DRAFT_OF: Final[Mapping[type, Callable[..., tuple[_Draft, list[_Line]]]]] = {
    WrittenOff: _written_off,
    PaymentExecuted: _executed,
    PaymentReturned: _returned,
    PaidOtherwise: _otherwise,
    BankCharge: _charge,
    UnmatchedMovement: _unmatched,
}


def _postings(lines: Iterable[_Line], names: Mapping[str, str]) -> Iterator[Posting]:
    """Yield the lines with an amount: debits first, each artist's lines apart, the others added up by label."""
    own: list[_Line] = []
    sums: defaultdict[tuple[Account, str], int] = defaultdict(int)
    for line in lines:
        if line.artist_id is None:
            sums[line.account, line.label] += line.cents
        else:
            own.append(line)
    own += [_Line(account, cents, label) for (account, label), cents in sums.items()]
    for line in sorted(own, key=_order_of_line):
        if line.cents:
            yield _posting(line.account, line.cents, auxiliary=_auxiliary(line.artist_id, names), label=line.label)


def _order_of_line(line: _Line) -> tuple[bool, str, bytes, str, int]:
    return line.cents < 0, line.account.number, (line.artist_id or "").encode(), line.label, line.cents


def _order(draft: _Draft, entry: Entry) -> tuple[object, ...]:
    return entry.date, draft.rank, entry.piece, entry.label, entry.journal.code


def _posting(account: Account, cents: int, *, auxiliary: Auxiliary | None, label: str) -> Posting:
    return Posting(account, max(cents, 0), max(-cents, 0), auxiliary=auxiliary, label=label)


def _auxiliary(artist_id: str | None, names: Mapping[str, str]) -> Auxiliary | None:
    if artist_id is None:
        return None
    return Auxiliary(auxiliary_number(artist_id), names.get(artist_id) or artist_id)
