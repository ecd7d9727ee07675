"""Which accounts a SEPA credit transfer can reach: the only place that decides it. Contacts no bank.

An IBAN is payable if its structure, length and check digits are right and its country is in SEPA. A BIC fits if its
structure is right and its country is that of the IBAN; one that does not fit is left out, and prevents no payment.
National check digits are not checked: not all banks keep them, not all countries have them, and the IBAN's own digits
already catch every single wrong or swapped character.
"""

from typing import Final, Literal

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException

_EEA: Final = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
_OTHERS_IN_SEPA: Final = "AD CH GB GI MC SM VA"
_JOINED_LATELY: Final = "AL MD ME MK RS"
"""Reachable since 5 October 2025; Serbia since 5 May 2026."""

_SEPA: Final = frozenset(f"{_EEA} {_OTHERS_IN_SEPA} {_JOINED_LATELY}".split())
"""Country codes of the IBANs in SEPA, as of November 2026 (EPC409-09). Our own list: schwifty 2026.10 misses the last
five that joined, and takes the codes of French territories for IBAN countries."""

_OUTSIDE_SEPA: Final = frozenset({"NC", "PF", "TF", "WF"})
"""French territories outside SEPA, as of November 2026. Their IBANs begin with FR. Banks in France pay to the Pacific
ones through a scheme between banks, SEPA COM Pacifique, since 1 February 2014; whether a bank takes such orders in a
SEPA file is in its contract (https://www.cfonb.org/index.php/sepa/leuro-et-les-territoires-du-pacifique)."""

_BIC_COUNTRIES: Final = {
    "FI": {"AX"},
    "FR": {"BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"},
    "GB": {"GG", "IM", "JE"},
    "IE": {"GB"},
    "MC": {"FR"},
}
"""Per country of an IBAN: the other countries that a BIC of its banks can name."""

_SHORTEST_IBAN: Final = 15


def is_payable_iban(iban: str) -> bool:
    """Whether a SEPA credit transfer in euros can go to this account; blanks and case do not matter.

    >>> is_payable_iban("FR14 2004 1010 0505 0001 3M02 606"), is_payable_iban("FR1520041010050500013M02606")
    (True, False)
    """
    return why_not_payable(iban) is None


def why_not_payable(iban: str) -> Literal["bad_iban", "not_sepa"] | None:
    """Return why no SEPA credit transfer can go to an account, as carry reason; None if one can.

    `bad_iban` is a text that is no IBAN: the artist must correct it. `not_sepa` is a right IBAN from elsewhere: the
    artist must give another account, or be paid otherwise (RULES.md §6).

    >>> why_not_payable("FR1520041010050500013M02606"), why_not_payable("TR330006100519786457841326")
    ('bad_iban', 'not_sepa')
    """
    try:
        country: str = IBAN(iban).country_code
    except SchwiftyException:
        return "bad_iban"
    if country in _SEPA:
        return None
    # No bank issues IBANs under the codes of Guadeloupe and the like: they are French accounts, written wrongly.
    return "bad_iban" if country in _BIC_COUNTRIES["FR"] - _OUTSIDE_SEPA else "not_sepa"


def territory_outside_sepa(iban: str, bic: str | None = None) -> str | None:
    """Return the code of the French territory outside SEPA that an account is in, to warn of it; None otherwise.

    The IBAN alone does not show it: it begins with FR. The country of the BIC does, or else that of the bank that
    schwifty's register of banks has for the IBAN. Registers have gaps, so None is no proof.

    >>> territory_outside_sepa("FR7617469000000000123456725"), territory_outside_sepa("FR1420041010050500013M02606")
    ('PF', None)
    """
    if why_not_payable(iban) == "bad_iban":
        return None
    stated = bic_for(iban, bic)
    bank = BIC(stated) if stated else IBAN(iban).bic
    countries = {electronic(iban)[:2], bank.country_code if bank else None}
    return next(iter(countries & _OUTSIDE_SEPA), None)


def is_in_eea(iban: str) -> bool:
    """Whether an IBAN is from a country of the European Economic Area.

    A transfer to another country in SEPA needs the BIC of the payee's bank, and the payee's address.

    >>> is_in_eea("FR1420041010050500013M02606"), is_in_eea("CH9300762011623852957")
    (True, False)
    """
    return electronic(iban)[:2] in _EEA.split()


def bic_for(iban: str, bic: str | None) -> str | None:
    """Return the BIC for an order, in electronic format; None if there is none or it does not fit the IBAN.

    Banks find each other by the IBAN, and refuse an order whose BIC contradicts it. So a BIC that does not fit is left
    out. Where one was given and this returns None, a warning is due (RULES.md §6).

    >>> bic_for("FR1420041010050500013M02606", " bnpafrpp "), bic_for("FR1420041010050500013M02606", "DEUTDEFF")
    ('BNPAFRPP', None)
    """
    return electronic(bic) if bic and is_bic_for(bic, iban) else None


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
