"""The demo's account numbers are valid, except those that are meant to be wrong."""

import doctest

import pytest
from schwifty import IBAN

from allive.ingestion.demo import bank_details, subscriptions
from allive.ingestion.demo.bank_details import (
    belgian_iban,
    french_iban,
    german_iban,
    iban_of,
    with_wrong_check_digits,
)


def remainder(iban: str) -> int:
    """ISO 7064 remainder of the rearranged IBAN; 1 if the IBAN is valid."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97


@pytest.mark.parametrize(
    ("country", "bban", "expected"),
    [
        ("FR", "20041010050500013M02606", "FR1420041010050500013M02606"),
        ("BE", "539007547034", "BE68539007547034"),
        ("DE", "370400440532013000", "DE89370400440532013000"),
    ],
)
def test_check_digits_are_those_of_the_published_examples(country, bban, expected):
    assert iban_of(country, bban) == expected


@pytest.mark.parametrize("account", [0, 1, 96, 97, 9_999_999_999])
def test_every_account_gets_a_right_iban(account):
    for iban in (
        french_iban(99_999, 1, account),
        german_iban(99_999_999, account),
        belgian_iban(999, account % 10**7),
    ):
        assert remainder(iban) == 1
        assert IBAN(iban).is_valid


def test_french_iban_carries_its_national_key():
    iban = french_iban(30_001, 794, 12_345_678_901)
    assert iban == "FR7630001007941234567890185"
    bank, branch, account, key = (int(p) for p in (iban[4:9], iban[9:14], iban[14:25], iban[25:]))
    assert (89 * bank + 15 * branch + 3 * account + key) % 97 == 0


def test_a_mistyped_iban_is_wrong():
    assert remainder(with_wrong_check_digits(french_iban(99_999, 1, 5))) != 1


@pytest.mark.parametrize("module", [bank_details, subscriptions])
def test_the_examples_hold(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
