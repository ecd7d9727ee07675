"""The transfers that a closed month asks for: `transfers.csv` (format 2). The orders to the bank are made from it.

The closed month says whom it pays, on which account and how much, so that an order can be composed again for good.
Which orders were given, and what became of them, is in the register (`allive.payouts.payments`).
"""

import csv
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allive.payouts import ledger

if TYPE_CHECKING:
    from allive.payouts.bank_file import Transfer


@dataclass(frozen=True)
class TransferLine:
    """One line of `transfers.csv`, in its column order.

    Attributes:
        end_to_end_id: Of the first order, which is also the statement's number.
        account_holder: The name that the bank compares with the account's holder.
        paid_cents: As in `artist_payouts.csv`.
        withheld_cents: Kept back for others, as the law says (`withholdings.csv`).
        ordered_cents: Paid less withheld.
    """

    settlement_month: str
    end_to_end_id: str
    artist_id: str
    account_holder: str | None
    iban: str
    bic: str | None
    street: str | None
    postcode: str | None
    town: str | None
    country: str | None
    paid_cents: int
    withheld_cents: int
    ordered_cents: int

    def as_transfer(self, end_to_end_id: str) -> "Transfer":
        """Return the transfer of an order."""
        from allive.payouts.bank_file import Transfer  # noqa: PLC0415 - sepaxml, which only an order needs

        return Transfer(
            end_to_end_id=end_to_end_id,
            artist_id=self.artist_id,
            name=self.account_holder,
            iban=self.iban,
            bic=self.bic,
            street=self.street,
            postcode=self.postcode,
            town=self.town,
            country=self.country,
            amount_cents=self.ordered_cents,
        )


def read_transfer_lines(month_folder: Path) -> tuple[TransferLine, ...]:
    """Return the transfers of a month; none for a month of format 1, whose bank file is in its folder."""
    path = month_folder / ledger.TRANSFERS_FILE
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {field.name: field.type is int for field in fields(TransferLine)}
    values: list[dict[str, Any]] = [
        {name: int(row[name]) if is_integer else row[name] or None for name, is_integer in columns.items()}
        for row in rows
    ]
    return tuple(TransferLine(**one) for one in values)
