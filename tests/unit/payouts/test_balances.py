"""RULES.md §6: which amounts are paid, which are carried, and why."""

from datetime import date

import pytest

from allive.payouts.balances import Balance, Payee, settle_balance
from allive.payouts.carry_reasons import CarryReason

VALID_IBAN = "FR1420041010050500013M02606"  # the example of the IBAN registry
OTHER_IBAN = "DE89370400440532013000"


def settle(payable_cents: int, *, month: str = "2021-02", **payee: object) -> Balance:
    details = {"iban": VALID_IBAN, **payee}
    return settle_balance(payable_cents, payee=Payee("art-1", **details), month=month, minimum_cents=1000, delay_days=7)


@pytest.mark.parametrize(
    ("payable", "expected"),
    [
        (1000, Balance(1000, 0, None)),
        (999, Balance(0, 999, CarryReason.BELOW_MINIMUM)),
        (0, Balance(0, 0, None)),
        (-1, Balance(0, -1, CarryReason.NEGATIVE)),
        (123_456, Balance(123_456, 0, None)),
    ],
)
def test_paid_in_full_from_the_minimum_on(payable: int, expected: Balance) -> None:
    assert settle(payable) == expected


@pytest.mark.parametrize("payable", [1, 999])
def test_december_pays_small_amounts(payable: int) -> None:
    assert settle(payable, month="2021-12") == Balance(payable, 0, None)


def test_december_pays_no_negative_balance() -> None:
    assert settle(-5, month="2021-12") == Balance(0, -5, CarryReason.NEGATIVE)


@pytest.mark.parametrize(("left_on", "is_paid"), [(date(2021, 2, 28), True), (date(2021, 3, 1), False), (None, False)])
def test_a_leaver_is_paid_small_amounts_from_the_month_of_leaving(left_on: date | None, is_paid: bool) -> None:
    assert (settle(1, left_on=left_on).paid_cents == 1) is is_paid


@pytest.mark.parametrize("iban", [None, ""])
def test_without_iban_is_carried(iban: str | None) -> None:
    assert settle(5000, iban=iban) == Balance(0, 5000, CarryReason.NO_IBAN)


@pytest.mark.parametrize("iban", [VALID_IBAN[:-1] + "7", "FR76", "not an iban", VALID_IBAN.replace("FR14", "FR15")])
def test_an_iban_with_a_slip_is_carried(iban: str) -> None:
    assert settle(5000, iban=iban) == Balance(0, 5000, CarryReason.BAD_IBAN)


def test_december_and_leaving_do_not_open_a_bad_account() -> None:
    assert settle(5000, month="2021-12", iban=None, left_on=date(2021, 1, 1)).carry_reason == CarryReason.NO_IBAN


# The payment date of February 2021 is the 3rd of March + 7 days = the 10th.
@pytest.mark.parametrize(
    ("first_seen", "is_first", "is_paid"),
    [
        (date(2021, 2, 28), False, True),  # 10 days old
        (date(2021, 3, 1), False, False),  # 9 days old
        (date(2021, 3, 9), True, True),  # a first IBAN is not a change
        (None, False, True),  # a record without updated_at is the oldest
    ],
)
def test_a_young_iban_is_carried(first_seen: date | None, is_first: bool, is_paid: bool) -> None:
    balance = settle(5000, iban=OTHER_IBAN, iban_first_seen_on=first_seen, is_first_iban=is_first)
    assert balance == (Balance(5000, 0, None) if is_paid else Balance(0, 5000, CarryReason.IBAN_CHANGED))
