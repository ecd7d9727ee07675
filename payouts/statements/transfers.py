"""The part of a month's transfers that a statement needs: each transfer's cents and masked account."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

from allive.payouts.ledger import BANK_FILE
from allive.payouts.transfers import read_transfer_lines


@dataclass(frozen=True)
class Transfer:
    """One transfer that the month asks for.

    Attributes:
        cents: Paid, with what is withheld of it.
        withheld_cents: Kept back for others, as the law says.
        account: The IBAN's first four and last three characters: enough for its owner, too little for anyone else.
    """

    cents: int
    account: str
    withheld_cents: int = 0


def read_transfers(month_folder: Path) -> dict[str, Transfer]:
    """Return the month's transfers by end-to-end id; none if it paid no one. In format 1 they are in its bank file."""
    lines = read_transfer_lines(month_folder)
    if lines:
        return {one.end_to_end_id: Transfer(one.paid_cents, masked(one.iban), one.withheld_cents) for one in lines}
    path = month_folder / BANK_FILE
    if not path.exists():
        return {}
    transfers = {}
    for _, element in ET.iterparse(path):  # noqa: S314 - our own file, under the month's manifest
        if element.tag.rpartition("}")[2] == "CdtTrfTxInf":
            amount = Decimal(_text(element, "Amt/{*}InstdAmt"))
            transfers[_text(element, "PmtId/{*}EndToEndId")] = Transfer(
                cents=int(amount * 100), account=masked(_text(element, "CdtrAcct/{*}Id/{*}IBAN"))
            )
            element.clear()
    return transfers


def masked(iban: str) -> str:
    """Return an IBAN masked so that its owner recognises it and no one can use it.

    >>> masked("FR1420041010050500013M02606")
    'FR14\u00a0••••\u00a0606'
    """
    return f"{iban[:4]}\u00a0••••\u00a0{iban[-3:]}"


def _text(element: ET.Element, path: str) -> str:
    found = element.findtext(f"{{*}}{path}")
    if not found:
        raise ValueError(
            f"A transfer in {BANK_FILE} has no {path.replace('{*}', '')}; expected pain.001.001.09. "
            "Run `allive verify` to see whether the file was changed."
        )
    return found.strip()
