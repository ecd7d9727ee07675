"""RULES.md §6: which amounts are paid, which are carried, and why."""

from datetime import date

import pytest

from allive.payouts.balances import Balance, Payee, settle_balance
from allive.payouts.carry_reasons import CarryReason
from allive.payouts.standing import Standing

VALID_IBAN = "FR1420041010050500013M02606"  # the example of the IBAN registry
OTHER_IBAN = "DE89370400440532013000"
TURKISH_IBAN = "TR330006100519786457841326"
YOUNG = {"iban_first_seen_on": date(2021, 3, 9), "is_first_iban": False, "has_other_iban": True}


def settle(payable_cents: int, *, month: str = "2021-02", standing: Standing | None = None, **payee: object) -> Balance:
    details = {"iban": VALID_IBAN, **payee}
    return settle_balance(
        payable_cents,
        payee=Payee("art-1", **details),
        month=month,
        minimum_cents=1000,
        delay_days=7,
        standing=standing or Standing(),
    )


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


def test_an_account_outside_sepa_is_carried_with_its_own_reason() -> None:
    assert settle(5000, iban=TURKISH_IBAN) == Balance(0, 5000, CarryReason.NOT_SEPA)


@pytest.mark.parametrize("bic", ["DEUTDEFF", "BNPAFRP", "?"])
def test_a_bic_that_does_not_fit_holds_nothing_back(bic: str) -> None:
    assert settle(5000, bic=bic) == Balance(5000, 0, None)


@pytest.mark.parametrize(
    ("is_undated", "has_other", "is_paid"), [(True, True, False), (True, False, True), (False, True, True)]
)
def test_an_undated_iban_beside_another_one_is_carried(*, is_undated: bool, has_other: bool, is_paid: bool) -> None:
    balance = settle(5000, iban_is_undated=is_undated, has_other_iban=has_other)
    assert balance == (Balance(5000, 0, None) if is_paid else Balance(0, 5000, CarryReason.IBAN_UNDATED))


def test_an_operator_confirms_an_undated_iban_and_no_other_one() -> None:
    confirmed = Standing(ibans_confirmed=frozenset({VALID_IBAN}))
    written = " ".join(VALID_IBAN).lower()
    doubt: dict[str, object] = {"iban_is_undated": True, "has_other_iban": True}
    assert settle(5000, iban=written, standing=confirmed, **doubt) == Balance(5000, 0, None)
    assert settle(5000, iban=OTHER_IBAN, standing=confirmed, **doubt).paid_cents == 0


def test_no_confirmation_shortens_the_waiting_time_of_a_young_iban() -> None:
    confirmed = Standing(ibans_confirmed=frozenset({VALID_IBAN}))
    assert settle(5000, standing=confirmed, **YOUNG) == Balance(0, 5000, CarryReason.IBAN_CHANGED)


@pytest.mark.parametrize("iban", [VALID_IBAN, " ".join(VALID_IBAN).lower()])
def test_nothing_goes_to_an_iban_that_sent_a_payment_back(iban: str) -> None:
    aside = Standing(ibans_set_aside=frozenset({VALID_IBAN}))
    assert settle(5000, iban=iban, standing=aside) == Balance(0, 5000, CarryReason.RETURNED)
    assert settle(5000, iban=OTHER_IBAN, standing=aside) == Balance(5000, 0, None)


@pytest.mark.parametrize("payable", [1, 999, 5000])
@pytest.mark.parametrize("month", ["2021-02", "2021-12"])
def test_a_hold_carries_everything(payable: int, month: str) -> None:
    assert settle(payable, month=month, standing=Standing(is_held=True)) == Balance(0, payable, CarryReason.HELD)


def test_a_hold_changes_no_debt() -> None:
    assert settle(-5, standing=Standing(is_held=True)) == Balance(0, -5, CarryReason.NEGATIVE)
    assert settle(0, standing=Standing(is_held=True)) == Balance(0, 0, None)


# Each reason with everything that comes after it in the order of the rules.
@pytest.mark.parametrize(
    ("payable", "iban", "standing", "reason"),
    [
        (-1, VALID_IBAN, Standing(is_held=True, ibans_set_aside=frozenset({VALID_IBAN})), "negative"),
        (999, None, Standing(is_held=True), "held"),
        (999, None, Standing(), "below_minimum"),
        (5000, " ", Standing(ibans_set_aside=frozenset({""})), "no_iban"),
        (5000, TURKISH_IBAN[:-1], Standing(ibans_set_aside=frozenset({TURKISH_IBAN[:-1]})), "bad_iban"),
        (5000, TURKISH_IBAN, Standing(ibans_set_aside=frozenset({TURKISH_IBAN})), "not_sepa"),
        (
            5000,
            VALID_IBAN,
            Standing(ibans_set_aside=frozenset({VALID_IBAN}), ibans_confirmed=frozenset({VALID_IBAN})),
            "returned",
        ),
        (5000, VALID_IBAN, Standing(), "iban_undated"),
    ],
)
def test_the_first_reason_that_applies_is_given(
    payable: int, iban: str | None, standing: Standing, reason: str
) -> None:
    balance = settle(payable, iban=iban, standing=standing, iban_is_undated=True, **YOUNG)
    assert balance == Balance(0, payable, CarryReason(reason))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"account_holder": "Ève Martin", "legal_name": "Ève SARL"}, "Ève Martin"),
        ({"legal_name": "Ève SARL"}, "Ève SARL"),
        ({"account_holder": " ", "legal_name": "Ève SARL"}, "Ève SARL"),
        ({"account_holder": "🎸"}, "Ève"),
        ({}, "Ève"),
    ],
)
def test_an_order_names_the_holder_of_the_account(names: dict[str, str], expected: str) -> None:
    assert Payee("art-1", "Ève", **names).creditor_name == expected
