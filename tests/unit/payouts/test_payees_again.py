"""The second computation of payments: which IBANs are too young, and what each line is paid (RULES.md §6)."""

from datetime import UTC, date, datetime

import pytest

from allive.payouts.closed_month.month_files import PayoutRow, Policy
from allive.payouts.verification.payees import Account, _changed_on, _settled

OLD, NEW = "FR7630006000011234567890189", "FR7630001007941234567890185"
POLICY = Policy(
    policy_valid_from="2015-01-01",
    price_cents=499,
    envelope_cents=100,
    minimum_live_s=1800,
    minimum_pool_share_bp=1000,
    minimum_payout_cents=1000,
    look_back_months=3,
    payment_delay_days=7,
    pool_rule="equal",
)
PAID_ON = date(2021, 3, 10)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2021, 2, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seen", "changed_on"),
    [
        ({NEW: [at(20)]}, None),  # a first IBAN is not a change
        ({OLD: [at(1)], NEW: [at(20), at(25)]}, date(2021, 2, 20)),  # by its first record
        ({OLD: [at(1)], NEW: [at(20, 23)]}, date(2021, 2, 21)),  # a Paris day
        ({OLD: [at(21)], NEW: [at(20)]}, None),  # it is older than the other one
        ({OLD: [at(1)], NEW: [at(20), None]}, None),  # one record has no date, so no age
        ({OLD: [None], NEW: [at(20)]}, date(2021, 2, 20)),
    ],
)
def test_an_iban_is_as_old_as_its_first_record(seen: dict[str, list[datetime | None]], changed_on: date | None) -> None:
    assert _changed_on(NEW, seen) == changed_on


def row(month: str, *, earned: int = 0, brought: int = 0, adjusted: int = 0) -> PayoutRow:
    return PayoutRow(month, "a", "A", "emerging", 0, 0, 0, 0, 0, earned, adjusted, brought, 0, 0, "")


def account(*, iban: str | None = NEW, changed_on: date | None = None, left_on: date | None = None) -> Account:
    return Account("A", iban, None, (None,) * 4, left_on, changed_on)


@pytest.mark.parametrize(
    ("line", "of", "settled"),
    [
        (row("2021-02", earned=400, brought=500, adjusted=100), account(), (1000, 0, "")),
        (row("2021-02", earned=999), account(), (0, 999, "below_minimum")),
        (row("2020-12", earned=999), account(), (999, 0, "")),
        (row("2021-02", earned=999), account(left_on=date(2021, 2, 28)), (999, 0, "")),
        (row("2021-02", earned=999), account(left_on=date(2021, 3, 1)), (0, 999, "below_minimum")),
        (row("2021-02", earned=100, adjusted=-300), account(), (0, -200, "negative")),
        (row("2021-02", earned=100, adjusted=-100), account(), (0, 0, "")),
        (row("2021-02", earned=1000), account(iban=None), (0, 1000, "no_iban")),
        (row("2021-02", earned=1000), account(iban="FR00"), (0, 1000, "bad_iban")),
        (row("2021-02", earned=1000), account(changed_on=date(2021, 3, 1)), (0, 1000, "iban_changed")),
        (row("2021-02", earned=1000), account(changed_on=date(2021, 2, 28)), (1000, 0, "")),
    ],
)
def test_a_line_is_paid_in_full_or_carried_with_its_reason(
    line: PayoutRow, of: Account, settled: tuple[int, int, str]
) -> None:
    assert _settled(line, of, POLICY, paid_on=PAID_ON) == settled
