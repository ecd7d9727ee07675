"""The account that pays the artists, from the settings, and the errors in it.

All of these settings can be missing until a payment is due: a month that pays no one closes without them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from allive.ingestion.settings import Settings
from allive.payouts.bank_details import electronic, is_bic_for, is_payable_iban, masked
from allive.payouts.sepa_text import country_code, to_sepa

_WORDED = {
    "payer_name": "the name of the holder of the account that pays",
    "payer_street": "the holder's street and number",
    "payer_postcode": "the holder's postcode",
    "payer_town": "the holder's town",
}


@dataclass(frozen=True)
class Payer:
    """The debtor of a bank file, checked. IBAN, BIC and country in electronic format, the rest as entered."""

    name: str
    iban: str
    bic: str
    street: str
    postcode: str
    town: str
    country: str


def payer(settings: Settings) -> Payer:
    """Return the payer.

    Every field is required: a transfer to a bank outside the EEA (Switzerland, Monaco) must have the payer's address.

    Raises:
        ValueError: Settings are missing or invalid; the message names each.
    """
    refusals = payer_refusals(settings)
    if refusals:
        raise ValueError(" ".join(refusals))
    return Payer(
        name=settings.payer_name or "",
        iban=electronic(settings.payer_iban or ""),
        bic=electronic(settings.payer_bic or ""),
        street=settings.payer_street or "",
        postcode=settings.payer_postcode or "",
        town=settings.payer_town or "",
        country=country_code(settings.payer_country) or "",
    )


def payer_refusals(settings: Settings) -> list[str]:
    """Return one sentence per missing or invalid setting of the payer; empty if the payer can pay."""
    return [
        f"ALLIVE_{name.upper()}: found {found}, expected {expected}. Set it, then close again."
        for name, found, expected in _wrong_settings(settings)
    ]


def _wrong_settings(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for name, expected in _WORDED.items():
        value = getattr(settings, name)
        if not to_sepa(value, max_length=70):
            yield name, _quoted(value), f"{expected}, with at least one letter or digit"
    iban, bic = settings.payer_iban or "", settings.payer_bic or ""
    is_iban_right = is_payable_iban(iban)
    if not is_iban_right:
        found = masked(iban) if iban else "nothing"
        yield "payer_iban", found, "the IBAN of the account that pays, with right check digits and in a SEPA country"
    # A BIC cannot be checked against a wrong IBAN.
    if not bic or (is_iban_right and not is_bic_for(bic, iban)):
        yield "payer_bic", _quoted(bic), "the BIC of the bank of that account, in the IBAN's country"
    if country_code(settings.payer_country) is None:
        yield "payer_country", _quoted(settings.payer_country), "the code of the holder's country, for example FR"


def _quoted(value: str | None) -> str:
    return repr(value) if value else "nothing"
