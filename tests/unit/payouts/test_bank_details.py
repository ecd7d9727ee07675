"""Which accounts can be paid to. The IBANs are the examples of the IBAN registry, one per country."""

import random

import pytest

from allive.payouts import bank_details
from allive.payouts.bank_details import (
    bic_for,
    electronic,
    is_bic_for,
    is_in_eea,
    is_payable_iban,
    masked,
    territory_outside_sepa,
    why_not_payable,
)
from tests.oracle.history import is_iban
from tests.worlds.catalogue import french_iban

FRENCH = "FR1420041010050500013M02606"
GERMAN = "DE89370400440532013000"

IN_SEPA = [
    FRENCH,
    GERMAN,
    "BE68539007547034",
    "ES9121000418450200051332",
    "IT60X0542811101000000123456",
    "LU280019400644750000",
    "NL91ABNA0417164300",
    "AT611904300234573201",
    "CH9300762011623852957",
    "FI2112345600000785",
    "GB29NWBK60161331926819",
    "IE29AIBK93115212345678",
    "MC5811222000010123456789030",
    "AL47212110090000000235698741",
    "MD24AG000225100013104168",
    "ME25505000012345678951",
    "MK07250120000058984",
    "RS35260005601001611379",
]
SEPA_COUNTRIES = {
    # The list of the European Payments Council (EPC409-09), in its order.
    *("AL", "AD", "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IS", "IE", "IT"),
    *("LV", "LI", "LT", "LU", "MT", "MD", "MC", "ME", "NL", "MK", "NO", "PL", "PT", "RO", "SM", "RS", "SK", "SI"),
    *("ES", "SE", "CH", "GB", "VA"),
}
OUTSIDE_SEPA = ["BR1800360305000010009795493C1", "TR330006100519786457841326", "XK051212012345678906"]
WRONG = [
    FRENCH[:-1],
    FRENCH + "0",
    FRENCH.replace("FR14", "FR15"),
    FRENCH.replace("0505", "0550"),
    FRENCH.replace("3M", "33"),
    "FR1420041010050500013M0260٦",
    "FR14-2004-1010-0505-0001-3M02-606",
    "FR76 hello",
    "XX00",
    "",
]


@pytest.mark.parametrize("iban", IN_SEPA)
def test_an_account_in_sepa_can_be_paid_to(iban: str) -> None:
    assert is_payable_iban(iban)


@pytest.mark.parametrize("iban", OUTSIDE_SEPA)
def test_a_right_iban_outside_sepa_cannot(iban: str) -> None:
    assert not is_payable_iban(iban)


@pytest.mark.parametrize("iban", WRONG)
def test_a_wrong_iban_cannot(iban: str) -> None:
    assert not is_payable_iban(iban)


def with_check_digits(country: str, bban: str) -> str:
    """ISO 13616: 98 less the remainder of the rearranged number modulo 97."""
    number = int("".join(str(int(character, 36)) for character in f"{bban}{country}00"))
    return f"{country}{98 - number % 97:02d}{bban}"


@pytest.mark.parametrize("iban", IN_SEPA)
def test_an_account_in_sepa_has_no_reason_against_it(iban: str) -> None:
    assert why_not_payable(iban) is None


@pytest.mark.parametrize("iban", OUTSIDE_SEPA)
def test_a_right_iban_from_elsewhere_is_not_in_sepa(iban: str) -> None:
    assert why_not_payable(iban) == "not_sepa"
    assert not is_payable_iban(iban)


@pytest.mark.parametrize(
    "iban", [*WRONG, *(iban[:-1] for iban in OUTSIDE_SEPA), OUTSIDE_SEPA[1].replace("TR33", "TR34")]
)
def test_a_wrong_iban_is_bad_wherever_it_claims_to_be_from(iban: str) -> None:
    assert why_not_payable(iban) == "bad_iban"


@pytest.mark.parametrize("iban", IN_SEPA)
def test_the_eea_is_the_union_with_iceland_liechtenstein_and_norway(iban: str) -> None:
    assert is_in_eea(iban) is (iban[:2] not in {"CH", "GB", "MC", "AL", "MD", "ME", "MK", "RS"})
    assert is_in_eea(f" {iban.lower()}") is is_in_eea(iban)


def test_the_countries_of_sepa_are_those_of_the_payments_council() -> None:
    assert len(SEPA_COUNTRIES) == 41
    registered = {iban[:2]: iban for iban in [*IN_SEPA, *OUTSIDE_SEPA]}
    assert all((why_not_payable(iban) is None) == (country in SEPA_COUNTRIES) for country, iban in registered.items())
    assert {*SEPA_COUNTRIES, "GI"} == bank_details._SEPA  # Gibraltar, a part of the United Kingdom's line there


@pytest.mark.parametrize(
    ("country", "reason"),
    [("NC", "not_sepa"), ("PF", "not_sepa"), ("WF", "not_sepa"), ("TF", "not_sepa")]
    + [(country, "bad_iban") for country in ("GP", "RE", "MQ", "GF", "YT", "PM", "BL", "MF")],
)
def test_a_territory_has_no_ibans_under_its_own_code(country: str, reason: str) -> None:
    assert why_not_payable(with_check_digits(country, FRENCH[4:])) == reason
    assert why_not_payable(with_check_digits("FR", FRENCH[4:])) is None


@pytest.mark.parametrize(
    ("iban", "bic", "territory"),
    [
        (FRENCH, None, None),
        (FRENCH, "SOCBPFTX", "PF"),
        (FRENCH, "CEFNNCN1", "NC"),
        (FRENCH, "BNPAWFWF", "WF"),
        (FRENCH, "BFCORERX", None),  # La Réunion is in SEPA
        (FRENCH, "DEUTDEFF", None),  # does not fit, so it says nothing
        ("FR7617469000000000123456725", None, "PF"),
        ("FR7614158000000000123456718", "", "NC"),
        (GERMAN, None, None),
        ("FR76 hello", "SOCBPFTX", None),
    ],
)
def test_an_account_in_a_territory_outside_sepa_is_found(iban: str, bic: str | None, territory: str | None) -> None:
    assert territory_outside_sepa(iban, bic) == territory


def test_a_code_of_a_territory_is_found_in_the_iban() -> None:
    assert territory_outside_sepa(with_check_digits("NC", FRENCH[4:])) == "NC"


@pytest.mark.parametrize(
    ("iban", "bic", "expected"),
    [
        (FRENCH, "BNPAFRPPXXX", "BNPAFRPPXXX"),
        ("fr14 2004 1010 0505 0001 3m02 606", " bnpafrpp ", "BNPAFRPP"),
        (FRENCH, "BFCORERX", "BFCORERX"),
        (FRENCH, "DEUTDEFF", None),
        (FRENCH, "BNPAFRP", None),
        (FRENCH, "", None),
        (FRENCH, None, None),
    ],
)
def test_a_bic_that_does_not_fit_is_left_out(iban: str, bic: str | None, expected: str | None) -> None:
    assert bic_for(iban, bic) == expected


def test_blanks_and_case_do_not_matter() -> None:
    assert is_payable_iban("fr14 2004 1010 0505 0001 3m02 606")
    assert is_bic_for(" bnpafrpp ", "fr14 2004 1010 0505 0001 3m02 606")
    assert electronic("fr14 2004\u00a01010 0505 0001 3m02 606") == FRENCH


def test_it_is_the_rule_of_the_oracle_on_what_the_worlds_deliver() -> None:
    rng = random.Random(20210202)
    delivered = [french_iban(rng, is_valid=rng.random() < 0.5) for _ in range(500)]
    judged = [is_payable_iban(iban) for iban in [*delivered, *IN_SEPA[:7], *WRONG]]
    assert judged == [is_iban(iban) for iban in [*delivered, *IN_SEPA[:7], *WRONG]]
    assert 200 < sum(judged[:500]) < 300


@pytest.mark.parametrize(
    ("iban", "bic", "is_right"),
    [
        (FRENCH, "BNPAFRPPXXX", True),
        (FRENCH, "BNPAFRPP", True),
        (FRENCH, "BFCORERX", True),  # a bank of La Réunion has French IBANs
        (FRENCH, "DEUTDEFF", False),
        (FRENCH, "ABNANL2A", False),
        (FRENCH, "BNPAFRP", False),
        (FRENCH, "BNPAXXPP", False),
        (FRENCH, "BNPA-FR-PP", False),
        (GERMAN, "DEUTDEFF500", True),
        (GERMAN, "BFCORERX", False),
        ("GB29NWBK60161331926819", "RBOSJESH", True),
        ("MC5811222000010123456789030", "CMCIFRPP", True),
    ],
)
def test_a_bic_is_of_the_country_of_its_iban(iban: str, bic: str, is_right: bool) -> None:
    assert is_bic_for(bic, iban) is is_right
    assert (bic_for(iban, bic) is not None) is is_right


@pytest.mark.parametrize("iban", IN_SEPA)
def test_a_masked_iban_shows_its_ends_only(iban: str) -> None:
    assert masked(iban) == f"{iban[:4]}…{iban[-4:]}"


@pytest.mark.parametrize("text", ["", "FR76", "12345678901234"])
def test_what_is_too_short_for_an_iban_is_masked_wholly(text: str) -> None:
    assert masked(text) == "…"
