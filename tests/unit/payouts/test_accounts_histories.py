"""Random histories of closes, payments and returns: the books balance, and owe each artist what a plain sum says."""

import random
from collections import defaultdict
from datetime import date, timedelta

import pytest

from allive.payouts.accounts import (
    Adjusted,
    BankCharge,
    Batch,
    DatedCharts,
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
    artist_years,
    balances,
    entries_of,
    fec_content,
    fec_name,
    opening_entry,
)
from allive.payouts.accounts.chart import auxiliary_number
from tests.fec_reader import findings, read

ARTISTS = ("a01", "A01", "zoë", "ř|1", "🎸", "left")
NAMES = {"a01": "Zoë", "A01": "Zoé", "ř|1": "Dvořák\t|", "🎸": "🎸🎸"}
MONTHS = tuple(f"{year}-{month:02d}" for year in (2027, 2028) for month in range(1, 13))
SIREN = "732829320"


class History:
    """Two years of an invented platform. `owed` is the ledger: what a person would note in a booklet."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.facts: list[Fact] = []
        self.owed: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.bank = 0
        for index, month in enumerate(MONTHS):
            self.close(month, MONTHS[:index])

    def note(self, artist: str, cents: int, on: date) -> None:
        self.owed[on.year][artist] += cents

    def close(self, month: str, earlier: tuple[str, ...]) -> None:
        last = date.fromisoformat(f"{month}-28")
        while (last + timedelta(days=1)).day != 1:
            last += timedelta(days=1)
        earned = tuple(
            Earned(artist, self.random.choice((0, 1, self.random.randrange(90_000))), self.random.choice((0, 77)))
            for artist in ARTISTS
        )
        adjusted = tuple(
            Adjusted(artist, self.random.choice(earlier[-3:]), self.random.randrange(-60_000, 9_000))
            for artist in self.random.sample(ARTISTS, k=2 if earlier else 0)
        )
        envelopes = sum(line.cents for line in earned) + self.random.choice((0, 0, 0, 2, -2))
        direct = self.random.randint(0, max(envelopes, 0))
        self.facts.append(MonthClosed(month, direct, envelopes - direct, earned=earned, adjusted=adjusted))
        lines: tuple[Earned | Adjusted, ...] = (*earned, *adjusted)
        for line in lines:
            self.note(line.artist_id, line.cents + line.vat_cents, last)
        for artist in ARTISTS:
            self.pay(artist, month, last)
        self.charges(last + timedelta(days=3))

    def pay(self, artist: str, month: str, last: date) -> None:
        due = sum(of_year[artist] for of_year in self.owed.values())
        ordered_on = last + timedelta(days=3)
        if due < 0 and self.random.random() < 0.1:
            self.facts.append(WrittenOff(artist, -due, ordered_on, f"OD-{month}"))
            self.note(artist, -due, ordered_on)
        if due < 1_000:
            return
        if withheld := due * 1_720 // 10_000 if artist == "zoë" else 0:
            self.facts.append(Withheld(artist, month, "Urssaf", withheld, closed_on=last))
            self.note(artist, -withheld, last)
        cents = due - withheld
        self.facts.append(PaymentOrdered(artist, cents, ordered_on, f"ALV-{month}"))
        executed_on = ordered_on + timedelta(days=self.random.choice((0, 2, 40)))
        if (outcome := self.random.random()) < 0.1:
            self.facts.append(PaymentCancelled(artist, cents, executed_on, f"ALV-{month}"))
        elif outcome < 0.2:
            self.facts.append(PaidOtherwise(artist, cents // 2, executed_on, f"CHQ-{month}"))
            self.note(artist, -(cents // 2), executed_on)
            self.bank -= cents // 2
        else:
            self.facts.append(PaymentExecuted(artist, cents, executed_on, f"ALV-{month}", reference=f"E2E-{month}"))
            self.note(artist, -cents, executed_on)
            self.bank -= cents
            if self.random.random() < 0.3:
                self.come_back(artist, cents, executed_on)

    def come_back(self, artist: str, cents: int, executed_on: date) -> None:
        back = self.random.choice((cents, 1 + self.random.randrange(cents)))
        charges = self.random.choice((0, min(back, 120)))
        on = executed_on + timedelta(days=self.random.choice((0, 3, 200)))
        self.facts.append(
            PaymentReturned(artist, back, on, f"RET-{on}", "E2E", "AC04", charges, executed_on=executed_on)
        )
        self.note(artist, back, on)
        self.bank += back - charges

    def charges(self, on: date) -> None:
        cents = self.random.randrange(-50, 300)
        movement = self.random.randrange(-999, 999)
        self.facts += [BankCharge(cents, on, f"F-{on}"), UnmatchedMovement(movement, on, f"X-{on}")]
        self.bank += movement - cents

    def owed_until(self, year: int) -> dict[str, int]:
        found = {artist: sum(self.owed[past][artist] for past in self.owed if past <= year) for artist in ARTISTS}
        return {artist: cents for artist, cents in found.items() if cents}


@pytest.fixture(params=[0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 12))])
def history(request: pytest.FixtureRequest) -> History:
    return History(request.param)


def test_the_books_owe_each_artist_what_the_ledger_says(history: History) -> None:
    found = balances(entries_of(history.facts, names=NAMES))
    owed = {auxiliary: -cents for (account, auxiliary), cents in found.items() if account == "467100"}
    last = max(history.owed)
    assert owed == {auxiliary_number(artist): cents for artist, cents in history.owed_until(last).items()}
    assert found["512000", ""] == history.bank
    assert sum(found.values()) == 0


def test_each_year_of_the_books_agrees_with_the_ledger_and_its_file_is_accepted(history: History) -> None:
    entries = entries_of(history.facts, names=NAMES)
    for year in sorted(history.owed):
        opening = opening_entry(entries, date(year, 1, 1))
        own = [*([opening] if opening else []), *(entry for entry in entries if entry.date.year == year)]
        end = date(year, 12, 31)
        content = fec_content([Batch(end, own)])
        assert findings(content, fec_name(SIREN, end)) == []
        rows = read(content)
        for month in range(1, 13):
            assert sum(row.balance for row in rows if row.day.month == month) == 0
        owed: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            owed[row.auxiliary] -= row.balance * bool(row.auxiliary)
        expected = {auxiliary_number(artist): cents for artist, cents in history.owed_until(year).items()}
        assert {auxiliary: cents for auxiliary, cents in owed.items() if cents} == expected


def test_the_yearly_rows_agree_with_the_ledger_and_with_the_entries(history: History) -> None:
    entries = entries_of(history.facts, names=NAMES)
    for year in sorted(history.owed):
        rows = artist_years(history.facts, year, names=NAMES)
        assert {row.artist_id: row.carried_cents for row in rows if row.carried_cents} == history.owed_until(year)
        before = {row.artist_id: row.brought_forward_cents for row in rows if row.brought_forward_cents}
        assert before == history.owed_until(year - 1)
        moved = sum(
            posting.balance_cents
            for entry in entries
            if entry.date.year == year and entry.journal.code == "BQ"
            for posting in entry.postings
            if posting.auxiliary
        )
        assert sum(row.paid_cents for row in rows) == moved


def test_any_order_of_the_facts_gives_the_same_bytes(history: History) -> None:
    content = fec_content([Batch(date(2030, 1, 1), entries_of(history.facts, names=NAMES))])
    history.random.shuffle(history.facts)
    again = entries_of(history.facts, names=NAMES, charts=DatedCharts())
    assert fec_content([Batch(date(2030, 1, 1), again)]) == content
