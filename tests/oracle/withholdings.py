"""RULES.md §10: what is withheld of a payment, and given back with it."""

from collections.abc import Mapping
from fractions import Fraction
from math import floor
from typing import Any


def withheld_cents(
    paid_cents: int, withholding: Mapping[str, Any], artist_id: str, *, tax_country: str | None
) -> int | None:
    """The cents that a withholding in force keeps back of a payment; None if it is for others."""
    artists, countries = withholding.get("artist_ids"), withholding.get("tax_countries")
    others = withholding.get("not_tax_countries")
    if artists is not None and artist_id not in artists:
        return None
    if (countries is not None or others is not None) and tax_country is None:
        return None
    if countries is not None and tax_country not in countries:
        return None
    if others is not None and tax_country in others:
        return None
    return floor(Fraction(paid_cents * withholding["rate_bp"], 10_000))


def given_back_cents(withheld: int, ordered: int, *, returned_before: int, returned_now: int) -> int:
    """The withheld cents that go back with a part of an order: in proportion to all that came back so far."""
    after, before = (Fraction(withheld * part, ordered) for part in (returned_before + returned_now, returned_before))
    return floor(after) - floor(before)
