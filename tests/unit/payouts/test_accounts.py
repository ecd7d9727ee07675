"""The books: what each fact moves, the worked example for the accountant, and entries that cannot be wrong."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from allive.payouts.accounts import (
    Account,
    Adjusted,
    BankCharge,
    ChartOfAccounts,
    DatedCharts,
    Earned,
    Entry,
    Fact,
    Journal,
    MonthClosed,
    PaidOtherwise,
    PaymentCancelled,
    PaymentExecuted,
    PaymentOrdered,
    PaymentReturned,
    Posting,
    UnmatchedMovement,
    Withheld,
    WrittenOff,
    balances,
    entries_of,
    opening_entry,
    with_accounts,
)
from allive.payouts.accounts.chart import auxiliary_number

NAMES = {"anna": "Anna", "bob": "Bob"}
OCTOBER, NOVEMBER = date(2026, 10, 31), date(2026, 11, 30)
BANK, FEES = Account("512000", "Banque"), Account("627000", "Services bancaires")

# The worked example of docs/accounts.md: Anna charges VAT at 10 %, Bob does not; 17.2 % are withheld.
SALES = Entry(
    Journal("VE", "Ventes"),
    OCTOBER,
    "VE-2026-10",
    "Abonnements 2026-10",
    (
        Posting(Account("411000", "Abonnés"), 12_000_00, 0),
        Posting(Account("706100", "Abonnements"), 0, 10_000_00),
        Posting(Account("445710", "TVA collectée"), 0, 2_000_00),
    ),
)
EXAMPLE: tuple[Fact, ...] = (
    MonthClosed(
        "2026-10", 4_000_00, 1_000_00, earned=(Earned("anna", 3_000_00, vat_cents=300_00), Earned("bob", 2_000_00))
    ),
    Withheld("anna", "2026-10", "Urssaf", 516_00, closed_on=OCTOBER),
    Withheld("bob", "2026-10", "Urssaf", 344_00, closed_on=OCTOBER),
    PaymentOrdered("anna", 2_784_00, date(2026, 11, 3), "ALV-2026-10"),
    PaymentOrdered("bob", 1_656_00, date(2026, 11, 3), "ALV-2026-10"),
    PaymentExecuted("anna", 2_784_00, date(2026, 11, 5), "ALV-2026-10", reference="ALV-2026-10-00001"),
    PaymentExecuted("bob", 1_656_00, date(2026, 11, 5), "ALV-2026-10", reference="ALV-2026-10-00002"),
    PaymentReturned("bob", 1_656_00, date(2026, 11, 9), "RET-1", reference="ALV-2026-10-00002", reason="AC04"),
    BankCharge(1_20, date(2026, 11, 9), "FRAIS-1"),
    MonthClosed("2026-11", 0, 0, adjusted=(Adjusted("anna", "2026-09", -40_00, vat_cents=-4_00),)),
    Withheld("anna", "2026-11", "Urssaf", -6_88, closed_on=NOVEMBER),
    WrittenOff("bob", -1_656_00, NOVEMBER, "OD-1"),
)
CLOSING = {
    ("411000", ""): 12_000_00,
    ("437800", ""): -853_12,
    ("445660", ""): 296_00,
    ("445710", ""): -2_000_00,
    ("467100", "anna"): 37_12,
    ("512000", ""): -2_785_20,
    ("627000", ""): 1_20,
    ("651600", ""): 4_960_00,
    ("706100", ""): -10_000_00,
    ("758000", ""): -1_656_00,
}
LINES = (
    "2026-10-31 RD ALV-2026-10: 445660 30000, 651600 400000, 651600 100000, 467100/anna -330000, 467100/bob -200000",
    "2026-10-31 RD ALV-2026-10: 467100/anna 51600, 467100/bob 34400, 437800 -86000",
    "2026-11-05 BQ ALV-2026-10: 467100/anna 278400, 467100/bob 165600, 512000 -444000",
    "2026-11-09 BQ RET-1: 512000 165600, 467100/bob -165600",
    "2026-11-09 BQ FRAIS-1: 627000 120, 512000 -120",
    "2026-11-30 RD ALV-2026-11/2026-09: 467100/anna 4400, 445660 -400, 651600 -4000",
    "2026-11-30 RD ALV-2026-11: 437800 688, 467100/anna -688",
    "2026-11-30 OD OD-1: 467100/bob 165600, 758000 -165600",
)


def shown(entry: Entry) -> str:
    """An entry on one line, debits above 0."""
    lines = [
        f"{posting.account.number}{f'/{posting.auxiliary.number}' if posting.auxiliary else ''} {posting.balance_cents}"
        for posting in entry.postings
    ]
    return f"{entry.date} {entry.journal.code} {entry.piece}: {', '.join(lines)}"


def booked(*facts: Fact, charts: DatedCharts | None = None) -> dict[tuple[str, str], int]:
    return balances(entries_of(facts, charts=charts or DatedCharts(), names=NAMES))


def chart(**changes: Any) -> DatedCharts:
    return DatedCharts(((date.min, replace(ChartOfAccounts(), **changes)),))


def test_the_worked_example_is_booked_line_by_line() -> None:
    assert tuple(shown(entry) for entry in entries_of(EXAMPLE, names=NAMES)) == LINES


def test_the_worked_example_ends_in_its_balances() -> None:
    assert balances([SALES, *entries_of(EXAMPLE, names=NAMES)]) == CLOSING


def test_the_order_of_the_facts_changes_nothing() -> None:
    assert entries_of(reversed(EXAMPLE), names=NAMES) == entries_of(EXAMPLE, names=NAMES)


def test_an_order_and_its_cancellation_move_nothing() -> None:
    day = date(2026, 11, 3)
    assert entries_of([PaymentOrdered("anna", 1, day, "M"), PaymentCancelled("anna", 1, day, "M")]) == ()


@pytest.mark.parametrize(
    ("fact", "moved"),
    [
        (PaidOtherwise("bob", 500, OCTOBER, "CHQ-7", means="chèque"), {("467100", "bob"): 500, ("512000", ""): -500}),
        (UnmatchedMovement(700, OCTOBER, "X"), {("471000", ""): -700, ("512000", ""): 700}),
        (UnmatchedMovement(-700, OCTOBER, "X"), {("471000", ""): 700, ("512000", ""): -700}),
        (BankCharge(-120, OCTOBER, "X"), {("512000", ""): 120, ("627000", ""): -120}),
        (WrittenOff("bob", 300, OCTOBER, "X"), {("467100", "bob"): -300, ("654000", ""): 300}),
        (WrittenOff("bob", -300, OCTOBER, "X"), {("467100", "bob"): 300, ("758000", ""): -300}),
        (PaymentReturned("bob", 400, OCTOBER, "X"), {("467100", "bob"): -400, ("512000", ""): 400}),
        (
            PaymentReturned("bob", 400, OCTOBER, "X", charges_cents=30),
            {("467100", "bob"): -400, ("512000", ""): 370, ("627000", ""): 30},
        ),
        (
            PaymentReturned("bob", 400, OCTOBER, "X", charges_cents=400),
            {("467100", "bob"): -400, ("627000", ""): 400},
        ),
        (MonthClosed("2026-10", 0, 5, earned=(Earned("bob", 5),)), {("467100", "bob"): -5, ("651600", ""): 5}),
        (MonthClosed("2026-10", -5, 0, earned=(Earned("bob", -5),)), {("467100", "bob"): 5, ("651600", ""): -5}),
        (MonthClosed("2026-10", 0, 0, earned=(Earned("bob", 0),)), {}),
        (MonthClosed("2026-10", 0, 0, refunds_borne_cents=300), {}),
        (Withheld("bob", "2026-10", "Urssaf", 0, closed_on=OCTOBER), {}),
    ],
)
def test_what_each_fact_moves(fact: Fact, moved: dict[tuple[str, str], int]) -> None:
    assert booked(fact) == moved


def test_adjustments_between_artists_need_no_charge() -> None:
    adjusted = (Adjusted("anna", "2026-09", 25), Adjusted("bob", "2026-09", -25))
    (entry,) = entries_of([MonthClosed("2026-10", 0, 0, adjusted=adjusted)])
    assert shown(entry).partition(": ")[2] == "467100/bob 25, 467100/anna -25"


def test_each_corrected_month_is_an_entry_whose_piece_names_it() -> None:
    adjusted = (Adjusted("bob", "2026-08", 25), Adjusted("anna", "2026-09", 30), Adjusted("bob", "2026-09", 25))
    found = entries_of([MonthClosed("2026-10", 0, 0, adjusted=adjusted)])
    assert [(entry.piece, len(entry.postings)) for entry in found] == [
        ("ALV-2026-10/2026-08", 2),
        ("ALV-2026-10/2026-09", 3),
    ]


@pytest.mark.parametrize(("earned", "account", "cents"), [((3, 3), "758000", -1), ((4, 4), "658000", 1)])
def test_a_difference_of_rounding_has_its_own_line(earned: tuple[int, int], account: str, cents: int) -> None:
    fact = MonthClosed(
        "2026-10", 7, 0, earned=tuple(Earned(name, each) for name, each in zip("ab", earned, strict=True))
    )
    (entry,) = entries_of([fact])
    shown = [(posting.balance_cents, posting.label) for posting in entry.postings if posting.account.number == account]
    assert shown == [(cents, "Différence d'arrondi 2026-10")]


def test_more_than_rounding_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2026-10 has envelopes of 7 cents and earnings of 5.*allive verify"):
        MonthClosed("2026-10", 7, 0, earned=(Earned("a", 5),))
    with pytest.raises(ValueError, match="envelopes of 100 cents and earnings of 0"):
        MonthClosed("2026-10", 0, 100)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"month": "2026-13"}, "not a month"),
        ({"earned": (Earned("a", 0), Earned("a", 0))}, "The artist 'a' appears 2 times"),
        ({"adjusted": (Adjusted("a", "2026-10", 1),)}, "corrects 2026-10, expected an earlier month"),
        ({"adjusted": (Adjusted("a", "2026-9", 1),)}, "not a month"),
        ({"adjusted": (Adjusted("a", "2026-09", 1), Adjusted("a", "2026-09", 2))}, "The correction .* appears 2 times"),
    ],
)
def test_a_run_that_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MonthClosed(**{"month": "2026-10", "direct_cents": 0, "pool_cents": 0, **wrong})


@pytest.mark.parametrize("kind", [PaymentOrdered, PaymentCancelled, PaymentExecuted, PaymentReturned, PaidOtherwise])
@pytest.mark.parametrize("cents", [0, -1])
def test_a_payment_of_nothing_is_refused(kind: Any, cents: int) -> None:
    with pytest.raises(ValueError, match=f"{kind.__name__} of 'a' on 2026-10-31: found {cents} cents, expected more"):
        kind("a", cents, OCTOBER, "M")


@pytest.mark.parametrize("charges", [-1, 101])
def test_a_return_cannot_cost_more_than_it_brings(charges: int) -> None:
    with pytest.raises(ValueError, match=f"charges of {charges}, expected between 0 and the amount"):
        PaymentReturned("a", 100, OCTOBER, "M", charges_cents=charges)


@pytest.mark.parametrize("sides", [(0, 0), (1, 1), (-1, 0), (0, -1), (1.0, 0), (True, 0), (1, None)])
def test_a_posting_has_whole_cents_on_one_side(sides: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match=r"Account 512000: found debit .*expected whole cents"):
        Posting(BANK, *sides)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"postings": ()}, "lacks a posting"),
        ({"piece": " "}, "lacks a posting, a piece"),
        ({"label": ""}, "lacks a posting, a piece or a label"),
        ({"postings": (Posting(BANK, 2, 0), Posting(FEES, 0, 1))}, "debits of 2 cents, credits of 1"),
        ({"postings": (Posting(BANK, 2, 0),)}, "debits of 2 cents, credits of 0"),
    ],
)
def test_an_entry_that_is_empty_or_does_not_balance_cannot_be(wrong: dict[str, Any], message: str) -> None:
    good = (Posting(BANK, 1, 0), Posting(FEES, 0, 1))
    with pytest.raises(ValueError, match=message):
        Entry(
            **{"journal": Journal("OD", "OD"), "date": OCTOBER, "piece": "P", "label": "L", "postings": good, **wrong}
        )


def test_february_29th_is_the_day_of_a_leap_february() -> None:
    (entry,) = entries_of([MonthClosed("2028-02", 1, 0, earned=(Earned("a", 1),))])
    assert entry.date == date(2028, 2, 29)


def test_a_late_close_is_booked_in_the_open_period() -> None:
    fact = MonthClosed("2025-05", 1, 0, earned=(Earned("a", 1),), booked_on=date(2026, 1, 2))
    (entry,) = entries_of([fact])
    assert (entry.date, entry.piece) == (date(2026, 1, 2), "ALV-2025-05")


def test_each_withholding_is_owed_to_its_creditor() -> None:
    state = Account("442400", "Retenues à la source")
    facts = [Withheld("a", "2026-10", name, 10, closed_on=OCTOBER) for name in ("Urssaf", "182 B")]
    assert booked(*facts, charts=chart(withholdings={"182 B": state})) == {
        ("437800", ""): -10,
        ("442400", ""): -10,
        ("467100", "a"): 20,
    }


def test_a_withholding_is_owed_at_the_close_or_at_the_payment() -> None:
    waiting = Withheld("a", "2026-10", "Urssaf", 10, closed_on=OCTOBER)
    paid = replace(waiting, paid_on=date(2026, 11, 5))
    at_payment = chart(withholds_at_payment=True)
    assert [entry.date for entry in entries_of([paid])] == [OCTOBER]
    assert [entry.date for entry in entries_of([paid], charts=at_payment)] == [date(2026, 11, 5)]
    assert entries_of([waiting], charts=at_payment) == ()


@pytest.mark.parametrize(("at_payment", "days"), [(False, [OCTOBER]), (True, [date(2026, 11, 5)])])
def test_a_new_choice_moves_no_withholding_of_a_closed_month(at_payment: bool, days: list[date]) -> None:
    # Booked at the close and again at the payment, it would be owed twice.
    before, after = (replace(ChartOfAccounts(), withholds_at_payment=choice) for choice in (at_payment, not at_payment))
    charts = DatedCharts(((date.min, before), (date(2026, 11, 1), after)))
    waiting = Withheld("a", "2026-10", "Urssaf", 10, closed_on=OCTOBER)
    paid = replace(waiting, paid_on=date(2026, 11, 5))
    assert [entry.date for entry in entries_of([paid], charts=charts)] == days
    assert entries_of([waiting], charts=charts) == (() if at_payment else entries_of([paid], charts=charts))


def test_refunds_borne_move_to_their_account_if_the_accountant_wants_it() -> None:
    fact = MonthClosed("2026-10", 0, 0, refunds_borne_cents=300)
    assert booked(fact, charts=chart(reclassifies_refunds=True)) == {("651600", ""): -300, ("651800", ""): 300}


def test_the_chart_in_force_on_the_day_counts() -> None:
    moved = DatedCharts(
        (
            (date(2026, 1, 1), ChartOfAccounts()),
            (date(2027, 1, 1), with_accounts(ChartOfAccounts(), {"bank": "512100 Autre banque"})),
        )
    )
    days = (date(2026, 12, 31), date(2027, 1, 1))
    found = booked(*(BankCharge(1, day, "F") for day in days), charts=moved)
    assert found == {("512000", ""): -1, ("512100", ""): -1, ("627000", ""): 2}
    with pytest.raises(
        ValueError, match="No chart of accounts is in force on 2025-12-31; the first begins on 2026-01-01"
    ):
        entries_of([BankCharge(1, date(2025, 12, 31), "F")], charts=moved)


@pytest.mark.parametrize("days", [(), (2, 1), (1, 1)])
def test_charts_out_of_order_are_refused(days: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected days in rising order"):
        DatedCharts(tuple((date(2026, 1, day), ChartOfAccounts()) for day in days))


@pytest.mark.parametrize(("number", "label"), [("51", "x"), ("5120 ", "x"), ("", "x"), ("51a", "x"), ("512", " ")])
def test_a_wrong_account_is_refused(number: str, label: str) -> None:
    with pytest.raises(ValueError, match=r"account number|has no label"):
        Account(number, label)


def test_an_account_has_one_label_in_a_chart() -> None:
    with pytest.raises(ValueError, match="Account 512000 has two labels, 'Banque' and 'Bank'"):
        with_accounts(ChartOfAccounts(), {"otherwise": "512000 Bank"})
    with pytest.raises(ValueError, match="Account 437800 has two labels"):
        replace(ChartOfAccounts(), withholdings={"Urssaf": Account("437800", "Urssaf")})


def test_an_unknown_use_of_an_account_is_refused() -> None:
    with pytest.raises(ValueError, match="Found the accounts banc, expected only: artists, bank, bank_fees"):
        with_accounts(ChartOfAccounts(), {"banc": "512000 Banque"})


def test_a_year_opens_with_the_balance_sheet_and_the_result() -> None:
    entry = opening_entry([SALES, *entries_of(EXAMPLE, names=NAMES)], date(2027, 1, 1))
    assert entry is not None
    # Charges 4 960.00 + 1.20, income 10 000.00 + 1 656.00: a profit of 6 694.80.
    assert (entry.date, entry.journal.code, entry.piece) == (date(2027, 1, 1), "AN", "AN-2027")
    of_the_balance_sheet = {key: cents for key, cents in CLOSING.items() if key[0] < "6"}
    assert balances([entry]) == {**of_the_balance_sheet, ("120000", ""): -6_694_80}


def test_a_year_opens_with_a_loss_and_the_new_labels() -> None:
    charge = entries_of([BankCharge(5, OCTOBER, "F"), BankCharge(7, date(2027, 1, 1), "F")])
    entry = opening_entry(
        charge,
        date(2027, 1, 1),
        charts=chart(bank=Account("512000", "Banque A"), otherwise=Account("512000", "Banque A")),
    )
    assert entry is not None
    assert [(posting.account.number, posting.account.label, posting.balance_cents) for posting in entry.postings] == [
        ("512000", "Banque A", -5),
        ("129000", "Résultat de l'exercice (perte)", 5),
    ]
    assert opening_entry(charge, OCTOBER) is None


PAIRS = (
    ("A01", "a01"),
    ("é", "e"),
    ("ř", "r"),
    ("a b", "a_b"),
    ("a", "a "),
    ("x" * 18, "x" * 17),
    ("Ω", "O"),
    ("|", "\t"),
    ("🎸", ""),
    ("x" + "0" * 16, "X" + "0" * 16),
)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_ids_that_look_alike_have_different_accounts(one: str, other: str) -> None:
    numbers = {auxiliary_number(one).casefold(), auxiliary_number(other).casefold()}
    assert len(numbers) == 2
    assert all(
        number.isascii() and number.replace("-", "").replace("_", "").isalnum() and len(number) <= 17
        for number in numbers
    )


def test_no_id_can_take_the_account_of_a_hashed_one() -> None:
    hashed = auxiliary_number("A01")
    assert auxiliary_number(hashed) != hashed
    assert auxiliary_number("art-017") == "art-017"
