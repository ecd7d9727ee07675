"""Text for SEPA messages: the character set that every bank accepts, and country codes."""

import re
from typing import Final

import pycountry
from text_unidecode import unidecode  # type: ignore[import-untyped]

_REPLACED: Final = str.maketrans({"&": "+", "_": "-", '"': "'", ";": ",", "[": "(", "]": ")", "{": "(", "}": ")"})
_NOT_SEPA: Final = re.compile(r"[^A-Za-z0-9/\-?:().,'+]+")
_HAS_A_WORD: Final = re.compile(r"[A-Za-z0-9]")


def to_sepa(text: str | None, *, max_length: int) -> str:
    """Return the text in the SEPA character set (EPC217-08), cut to length; empty if no letter or digit is left.

    >>> to_sepa("Cœur & Ça ira <live>", max_length=70)
    'Coeur + Ca ira live'
    >>> to_sepa("🎸 !!!", max_length=70)
    ''
    """
    # A letter that unidecode does not know becomes "[?]", which means nothing to a bank.
    latin = unidecode(text or "").replace("[?]", " ").translate(_REPLACED)
    sepa = _NOT_SEPA.sub(" ", latin).strip()[:max_length].rstrip()
    return sepa if _HAS_A_WORD.search(sepa) else ""


def country_code(text: str | None) -> str | None:
    """Return the two-letter country code in capitals (ISO 3166-1), or None if the text is not one.

    >>> country_code("fr"), country_code("France"), country_code(None)
    ('FR', None, None)
    """
    country = pycountry.countries.get(alpha_2=(text or "").strip())
    return country.alpha_2 if country else None


def is_sendable_address(town: str | None, country: str | None) -> bool:
    """Whether an address has the town and the country that banks require of one.

    >>> is_sendable_address("Sète", "fr"), is_sendable_address("Sète", "France"), is_sendable_address(" ", "FR")
    (True, False, False)
    """
    return bool(to_sepa(town, max_length=35)) and country_code(country) is not None
