"""Which accounts a SEPA credit transfer can reach: the only place that decides it. Contacts no bank.

An IBAN is valid if its structure, length and check digits are right and its country is in SEPA. A BIC, if one is given,
is valid if its structure is right and its country fits the IBAN. National check digits are not checked: not all banks
keep them, not all countries have them, and the IBAN's own digits already catch every single wrong or swapped character.
"""

from typing import Final

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException

_JOINED_SEPA_LATELY: Final = frozenset({"AL", "MD", "ME", "MK", "RS"})
"""In SEPA since 2024 or 2025 (EPC409-09); schwifty 2026.10 does not list them yet."""

_BIC_COUNTRIES: Final = {
    "FI": {"AX"},
    "FR": {"BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"},
    "GB": {"GG", "IM", "JE"},
    "IE": {"GB"},
    "MC": {"FR"},
}
"""Per country of an IBAN: the other countries that a BIC of its banks can name."""

_SHORTEST_IBAN: Final = 15


def are_payable(iban: str, bic: str | None) -> bool:
    """Whether a SEPA credit transfer in euros can go to this account; blanks and case do not matter.

    >>> are_payable("FR14 2004 1010 0505 0001 3M02 606", None), are_payable("FR1520041010050500013M02606", None)
    (True, False)
    """
    return is_payable_iban(iban) and (not bic or is_bic_for(bic, iban))


def is_payable_iban(iban: str) -> bool:
    """Whether the text is an IBAN with right check digits, from a country in SEPA."""
    try:
        account = IBAN(iban)
    except SchwiftyException:
        return False
    return account.in_sepa_zone or account.country_code in _JOINED_SEPA_LATELY


def is_bic_for(bic: str, iban: str) -> bool:
    """Whether the text is a BIC from the country of this IBAN's bank.

    Banks refuse a transfer whose BIC and IBAN name different countries. Banks in overseas territories have
    IBANs of the mainland.

    >>> is_bic_for("BNPAFRPPXXX", "FR1420041010050500013M02606"), is_bic_for("DEUTDEFF", "FR1420041010050500013M02606")
    (True, False)
    """
    try:
        bank = BIC(bic)
    except SchwiftyException:
        return False
    country = electronic(iban)[:2]
    return bank.country_code == country or bank.country_code in _BIC_COUNTRIES.get(country, ())


def electronic(code: str) -> str:
    """Return an IBAN or BIC in electronic format: no blanks, capital letters."""
    return "".join(code.split()).upper()


def masked(iban: str) -> str:
    """Return an IBAN masked for display: enough to recognise one's own account, too little to use it.

    >>> masked("FR14 2004 1010 0505 0001 3M02 606"), masked("FR76")
    ('FR14…2606', '…')
    """
    code = electronic(iban)
    return f"{code[:4]}…{code[-4:]}" if len(code) >= _SHORTEST_IBAN else "…"
