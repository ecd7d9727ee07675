"""Adds facts up: artists' years (for the DAS2 and for the artists), withholdings by quarter, refunds borne by month."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from types import MappingProxyType
from typing import Final

from allive.payouts.accounts.chart import Account, DatedCharts
from allive.payouts.accounts.entries import DEFAULT_CHARTS, NO_NAMES, withheld_on
from allive.payouts.accounts.facts import (
    Fact,
    MonthClosed,
    PaidOtherwise,
    PaymentCancelled,
    PaymentExecuted,
    PaymentOrdered,
    PaymentReturned,
    Withheld,
    WrittenOff,
)

# A spreadsheet would run such a name as a formula, and names come from outside.
_FORMULA_BEGINNINGS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_KEY: Final = ("year", "artist_id", "artist_name")
_NOBODY: Final[Mapping[str, Mapping[str, str | None]]] = MappingProxyType({})


@dataclass(frozen=True)
class ArtistYear:
    """An artist's calendar year in cents, each amount in the year of its entry.

    Attributes:
        earned_cents: Earnings of the runs, without VAT; adjustments are apart.
        withheld_cents: Kept back and owed to somebody else.
        written_off_cents: Added to the balance without a payment; negative if a debt passed its time limit.
        ordered_cents: Every order, also one that was issued again or never executed.
        cancelled_cents: Of the orders of this or an earlier year, those never executed.
        returned_earlier_cents: Part of `returned_cents` whose transfers had left in an earlier year.
        paid_cents: Executed and paid otherwise, less returned: what reached the artist in the year, by day of payment.
        carried_cents: Still owed at the year's end; negative if the artist owes.
    """

    year: int
    artist_id: str
    artist_name: str
    brought_forward_cents: int
    earned_cents: int
    adjusted_cents: int
    vat_cents: int
    withheld_cents: int
    written_off_cents: int
    ordered_cents: int
    cancelled_cents: int
    executed_cents: int
    returned_cents: int
    returned_earlier_cents: int
    otherwise_cents: int
    paid_cents: int
    carried_cents: int


@dataclass(frozen=True)
class OwedQuarter:
    """A withholding owed to its creditor for a quarter, such as `2026-T4`. `cents` is negative if money comes back."""

    quarter: str
    name: str
    account: Account
    cents: int
    owed_to: str = ""


@dataclass(frozen=True)
class _Event:
    """`column` counts `cents` for the artist on a day."""

    on: date
    artist_id: str
    column: str
    cents: int


_EFFECTS: Final[Mapping[str, int]] = {
    "earned": 1,
    "adjusted": 1,
    "vat": 1,
    "withheld": -1,
    "written_off": 1,
    "executed": -1,
    "returned": 1,
    "otherwise": -1,
}
"""The effect of each column on the balance; orders have none."""


def artist_years(
    facts: Iterable[Fact], year: int, *, charts: DatedCharts = DEFAULT_CHARTS, names: Mapping[str, str] = NO_NAMES
) -> tuple[ArtistYear, ...]:
    """Return a row for every artist with an amount or a balance in the year, by artist id.

    Args:
        facts: All facts from the beginning; earlier years give the balance brought forward, later ones are left out.
        year: The calendar year.
        charts: As for `entries_of`: they say when a withholding is owed.
        names: Names of the artists; the id stands for a missing one.
    """
    sums: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for event in (event for fact in facts for event in _events(fact, charts)):
        if event.on.year == year:
            sums[event.artist_id][event.column] += event.cents
        elif event.on.year < year:
            sums[event.artist_id]["brought_forward"] += event.cents * _EFFECTS.get(event.column, 0)
    return tuple(
        _year(year, artist_id, names.get(artist_id) or artist_id, amounts)
        for artist_id, amounts in sorted(sums.items(), key=lambda item: item[0].encode())
        if any(amounts.values())
    )


def years_csv(rows: Iterable[ArtistYear], identities: Mapping[str, Mapping[str, str | None]] = _NOBODY) -> str:
    """Return the rows as CSV with a header; texts are safe to open in a spreadsheet.

    Args:
        rows: The artists' years.
        identities: More columns about each artist, the same for all; they follow the artist's name.
    """
    amounts = [column.name for column in fields(ArtistYear)][len(_KEY) :]
    of_identity = [*next(iter(identities.values()), {})]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*_KEY, *of_identity, *amounts], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = {**identities.get(row.artist_id, {}), **asdict(row)}
        writer.writerow({name: _cell(value) for name, value in values.items()})
    return text.getvalue()


def withheld_by_quarter(facts: Iterable[Fact], *, charts: DatedCharts = DEFAULT_CHARTS) -> tuple[OwedQuarter, ...]:
    """Return what is owed to whom for each calendar quarter, by the days on which the withholdings are booked."""
    sums: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
    accounts: dict[str, Account] = {}
    for fact in facts:
        if isinstance(fact, Withheld) and (on := withheld_on(fact, charts)):
            account = charts.on(on).withholding(fact.name)
            accounts[account.number] = account
            sums[f"{on.year:04d}-T{(on.month + 2) // 3}", fact.name, account.number, fact.owed_to] += fact.cents
    return tuple(
        OwedQuarter(quarter, name, accounts[number], cents, owed_to)
        for (quarter, name, number, owed_to), cents in sorted(sums.items())
        if cents
    )


def refunds_borne(facts: Iterable[Fact]) -> dict[str, int]:
    """Return the cents that Allive bears for refunds of final months, by run; a month without any has 0.

    Artists keep what they earned. The charge is booked already and the refund is in the books of the sales, so this is
    a figure to show, not an amount that would be missing.
    """
    closed = sorted((fact for fact in facts if isinstance(fact, MonthClosed)), key=lambda fact: fact.month)
    return {fact.month: fact.refunds_borne_cents for fact in closed}


def _year(year: int, artist_id: str, name: str, amounts: Mapping[str, int]) -> ArtistYear:
    def of(column: str) -> int:
        return amounts.get(column, 0)

    return ArtistYear(
        year=year,
        artist_id=artist_id,
        artist_name=name,
        brought_forward_cents=of("brought_forward"),
        earned_cents=of("earned"),
        adjusted_cents=of("adjusted"),
        vat_cents=of("vat"),
        withheld_cents=of("withheld"),
        written_off_cents=of("written_off"),
        ordered_cents=of("ordered"),
        cancelled_cents=of("cancelled"),
        executed_cents=of("executed"),
        returned_cents=of("returned"),
        returned_earlier_cents=of("returned_earlier"),
        otherwise_cents=of("otherwise"),
        paid_cents=of("executed") - of("returned") + of("otherwise"),
        carried_cents=of("brought_forward") + sum(of(column) * effect for column, effect in _EFFECTS.items()),
    )


def _events(fact: Fact, charts: DatedCharts) -> Iterator[_Event]:
    match fact:
        case MonthClosed():
            yield from _events_of_run(fact)
        case Withheld():
            if on := withheld_on(fact, charts):
                yield _Event(on, fact.artist_id, "withheld", fact.cents)
        case PaymentReturned():
            yield _Event(fact.on, fact.artist_id, "returned", fact.cents)
            if fact.executed_on and fact.executed_on.year < fact.on.year:
                yield _Event(fact.on, fact.artist_id, "returned_earlier", fact.cents)
        case WrittenOff() | PaymentOrdered() | PaymentCancelled() | PaymentExecuted() | PaidOtherwise():
            yield _Event(fact.on, fact.artist_id, _COLUMN_OF[type(fact)], fact.cents)
        case _:
            return


_COLUMN_OF: Final[Mapping[type, str]] = {
    WrittenOff: "written_off",
    PaymentOrdered: "ordered",
    PaymentCancelled: "cancelled",
    PaymentExecuted: "executed",
    PaidOtherwise: "otherwise",
}


def _events_of_run(fact: MonthClosed) -> Iterator[_Event]:
    for earned in fact.earned:
        yield _Event(fact.on, earned.artist_id, "earned", earned.cents)
        yield _Event(fact.on, earned.artist_id, "vat", earned.vat_cents)
    for adjusted in fact.adjusted:
        yield _Event(fact.on, adjusted.artist_id, "adjusted", adjusted.cents)
        yield _Event(fact.on, adjusted.artist_id, "vat", adjusted.vat_cents)


def _cell(value: str | int | None) -> str | int | None:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_BEGINNINGS) else value
