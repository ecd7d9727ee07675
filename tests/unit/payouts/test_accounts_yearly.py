"""Years of artists, quarters of withholdings, refunds borne: sums of facts that are computed here by hand."""

import csv
import io
from dataclasses import asdict, replace
from datetime import date

import pytest

from allive.payouts.accounts import (
    Account,
    ArtistYear,
    ChartOfAccounts,
    DatedCharts,
    Earned,
    Fact,
    MonthClosed,
    OwedQuarter,
    PaidOtherwise,
    PaymentCancelled,
    PaymentExecuted,
    PaymentOrdered,
    PaymentReturned,
    Withheld,
    WrittenOff,
    artist_years,
    refunds_borne,
    withheld_by_quarter,
    years_csv,
)
from tests.unit.payouts.test_accounts import EXAMPLE, NAMES

URSSAF = Account("437800", "Autres organismes sociaux")
AT_PAYMENT = DatedCharts(((date.min, replace(ChartOfAccounts(), withholds_at_payment=True)),))

# December 2026 is ordered and executed in January 2027, comes back in February, and is paid by cheque in March.
OVER_NEW_YEAR: tuple[Fact, ...] = (
    MonthClosed("2026-12", 9_000, 1_000, earned=(Earned("a", 10_000),), refunds_borne_cents=100),
    Withheld("a", "2026-12", "Urssaf", 1_720, closed_on=date(2026, 12, 31), paid_on=date(2027, 1, 12)),
    PaymentOrdered("a", 8_280, date(2027, 1, 3), "M1"),
    PaymentExecuted("a", 8_280, date(2027, 1, 12), "M1"),
    PaymentReturned("a", 8_280, date(2027, 2, 1), "R1", executed_on=date(2027, 1, 12)),
    PaymentOrdered("a", 8_280, date(2027, 2, 3), "M2"),
    PaymentCancelled("a", 8_280, date(2027, 2, 4), "M2"),
    PaidOtherwise("a", 5_000, date(2027, 3, 1), "CHQ", means="chèque"),
    PaymentReturned("a", 1_000, date(2028, 1, 2), "R2", executed_on=date(2027, 12, 30)),
    WrittenOff("a", 30, date(2028, 2, 29), "OD"),
)


def amounts(facts: tuple[Fact, ...], year: int, artist_id: str = "a", charts: DatedCharts | None = None) -> dict:
    rows = {row.artist_id: row for row in artist_years(facts, year, charts=charts or DatedCharts())}
    return {
        name.removesuffix("_cents"): value
        for name, value in asdict(rows[artist_id]).items()
        if name.endswith("_cents") and value
    }


def test_amounts_are_in_the_year_of_their_day() -> None:
    assert amounts(OVER_NEW_YEAR, 2026) == {"earned": 10_000, "withheld": 1_720, "carried": 8_280}
    assert amounts(OVER_NEW_YEAR, 2027) == {
        "brought_forward": 8_280,
        "ordered": 16_560,
        "cancelled": 8_280,
        "executed": 8_280,
        "returned": 8_280,
        "otherwise": 5_000,
        "paid": 5_000,
        "carried": 3_280,
    }


def test_a_return_in_the_next_year_lowers_that_year_and_is_shown_apart() -> None:
    assert amounts(OVER_NEW_YEAR, 2028) == {
        "brought_forward": 3_280,
        "written_off": 30,
        "returned": 1_000,
        "returned_earlier": 1_000,
        "paid": -1_000,
        "carried": 4_310,
    }


def test_a_withholding_is_in_the_year_of_its_entry() -> None:
    assert amounts(OVER_NEW_YEAR, 2026, charts=AT_PAYMENT) == {"earned": 10_000, "carried": 10_000}
    assert amounts(OVER_NEW_YEAR, 2027, charts=AT_PAYMENT)["withheld"] == 1_720


def test_the_worked_example_as_a_year() -> None:
    anna, bob = artist_years(EXAMPLE, 2026, names=NAMES)
    assert anna == ArtistYear(
        year=2026,
        artist_id="anna",
        artist_name="Anna",
        brought_forward_cents=0,
        earned_cents=3_000_00,
        adjusted_cents=-40_00,
        vat_cents=296_00,
        withheld_cents=509_12,
        written_off_cents=0,
        ordered_cents=2_784_00,
        cancelled_cents=0,
        executed_cents=2_784_00,
        returned_cents=0,
        returned_earlier_cents=0,
        otherwise_cents=0,
        paid_cents=2_784_00,
        carried_cents=-37_12,
    )
    assert (bob.paid_cents, bob.returned_cents, bob.written_off_cents, bob.carried_cents) == (0, 1_656_00, -1_656_00, 0)


def test_artists_are_sorted_by_the_bytes_of_their_id_and_those_without_anything_are_left_out() -> None:
    earned = (Earned("é", 1), Earned("a", 1), Earned("Z", 1), Earned("nothing", 0))
    rows = artist_years([MonthClosed("2026-10", 3, 0, earned=earned)], 2026)
    assert [row.artist_id for row in rows] == ["Z", "a", "é"]
    assert artist_years([MonthClosed("2026-10", 3, 0, earned=earned)], 2025) == ()


def test_the_csv_holds_the_rows_and_no_formula() -> None:
    rows = artist_years(OVER_NEW_YEAR, 2027, names={"a": '=HYPERLINK("x"),\n'})
    (row,) = csv.DictReader(io.StringIO(years_csv(rows), newline=""))
    assert row["artist_name"] == '\'=HYPERLINK("x"),\n'
    assert (row["paid_cents"], row["carried_cents"], row["year"]) == ("5000", "3280", "2027")
    negative = next(csv.DictReader(io.StringIO(years_csv(artist_years(OVER_NEW_YEAR, 2028)), newline="")))
    assert negative["paid_cents"] == "-1000"


@pytest.mark.parametrize(
    ("closed_on", "quarter"),
    [
        (date(2026, 1, 1), "2026-T1"),
        (date(2028, 2, 29), "2028-T1"),
        (date(2026, 3, 31), "2026-T1"),
        (date(2026, 4, 1), "2026-T2"),
        (date(2026, 9, 30), "2026-T3"),
        (date(2026, 10, 1), "2026-T4"),
        (date(2026, 12, 31), "2026-T4"),
    ],
)
def test_withholdings_are_owed_by_quarter(closed_on: date, quarter: str) -> None:
    facts = [Withheld(artist, "2026-01", "Urssaf", 5, closed_on=closed_on) for artist in "ab"]
    assert withheld_by_quarter(facts) == (OwedQuarter(quarter, "Urssaf", URSSAF, 10),)


def test_what_waits_for_its_payment_is_owed_to_nobody_yet() -> None:
    waiting = Withheld("a", "2026-12", "Urssaf", 5, closed_on=date(2026, 12, 31))
    assert withheld_by_quarter([waiting], charts=AT_PAYMENT) == ()
    assert withheld_by_quarter(OVER_NEW_YEAR, charts=AT_PAYMENT)[0].quarter == "2027-T1"
    assert [owed.cents for owed in withheld_by_quarter(EXAMPLE)] == [853_12]


def test_refunds_borne_are_shown_for_every_month() -> None:
    facts = (MonthClosed("2027-01", 0, 0), *OVER_NEW_YEAR)
    assert refunds_borne(facts) == {"2026-12": 100, "2027-01": 0}
