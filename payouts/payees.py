"""Who is on a statement: `payees.csv` of a closed month (format 2), so that statements can be made from its folder.

The payer's own identity is in `control.json`, if the settings give its legal name.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allive.ingestion.settings import Settings
from allive.payouts import ledger

PAYER_KEY: Final = "payer"
"""The field of `control.json` with the payer's identity."""
_PAYER: Final = {
    "legal_name": "payer_legal_name",
    "siren": "payer_siren",
    "street": "payer_street",
    "postcode": "payer_postcode",
    "town": "payer_town",
    "country": "payer_country",
}


@dataclass(frozen=True)
class PayeeLine:
    """One line of `payees.csv`, in its column order, for each line of `artist_payouts.csv`.

    Attributes:
        tax_country: On which withholdings can depend.
        vat_note: The sentence about VAT, as the settings had it at the close.
    """

    settlement_month: str
    artist_id: str
    legal_name: str | None
    siren: str | None
    vat_id: str | None
    tax_country: str | None
    vat_note: str | None


def payer_identity(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the payer as `control.json` keeps it for the statements; nothing without a legal name."""
    if not settings.payer_legal_name:
        return {}
    found = {name: getattr(settings, setting) for name, setting in _PAYER.items()}
    return {PAYER_KEY: {name: value for name, value in found.items() if value}}


def read_payee_lines(month_folder: Path) -> tuple[PayeeLine, ...]:
    """Return the payees of a month; none for a month of format 1."""
    path = month_folder / ledger.PAYEES_FILE
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            PayeeLine(
                settlement_month=row["settlement_month"],
                artist_id=row["artist_id"],
                legal_name=row["legal_name"] or None,
                siren=row["siren"] or None,
                vat_id=row["vat_id"] or None,
                tax_country=row["tax_country"] or None,
                vat_note=row["vat_note"] or None,
            )
            for row in csv.DictReader(file)
        )
