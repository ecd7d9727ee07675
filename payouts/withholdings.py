"""Computes the withheld part of each payment (RULES.md §10).

Each withholding is computed of the whole amount paid, whatever the others keep back.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from allive.ingestion.withholdings import WHOLE_BP, Withholding
from allive.payouts.withheld import WithheldLine


def in_force(withholdings: Iterable[Withholding], payment_date: date) -> tuple[Withholding, ...]:
    """Return the withholdings in force on a payment date, in the order of the setting."""
    return tuple(one for one in withholdings if one.is_in_force(payment_date))


def withheld_of(
    month: str, artist_id: str, paid_cents: int, *, tax_country: str | None, withholdings: Sequence[Withholding]
) -> tuple[WithheldLine, ...]:
    """Return what is withheld of a payment: a line for each withholding in force that concerns the artist.

    >>> rates = [Withholding(name=name, owed_to="Urssaf", rate_bp=bp, since="2021-01-01") for name, bp in
    ...          (("CSG", 920), ("CRDS", 50))]
    >>> [one.withheld_cents for one in withheld_of("2021-02", "a", 1_999, tax_country=None, withholdings=rates)]
    [183, 9]
    """
    return tuple(
        WithheldLine(
            settlement_month=month,
            artist_id=artist_id,
            name=one.name,
            owed_to=one.owed_to,
            rate_bp=one.rate_bp,
            base_cents=paid_cents,
            withheld_cents=paid_cents * one.rate_bp // WHOLE_BP,
        )
        for one in withholdings
        if one.concerns(artist_id, tax_country)
    )
