"""The withheld part of each payment of a closed month: `withholdings.csv`, if there are withholdings (RULES.md §10).

It comes off the order, is printed on the statement and owed in the books.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from allive.payouts import ledger


@dataclass(frozen=True)
class WithheldLine:
    """One line of `withholdings.csv`, in its column order: a withholding from one artist's payment, which can be 0.

    Attributes:
        base_cents: The amount paid, as in `artist_payouts.csv`.
    """

    settlement_month: str
    artist_id: str
    name: str
    owed_to: str
    rate_bp: int
    base_cents: int
    withheld_cents: int


def read_withheld_lines(month_folder: Path) -> tuple[WithheldLine, ...]:
    """Return what a closed month withheld; nothing if no withholding was in force."""
    path = month_folder / ledger.WITHHOLDINGS_FILE
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            WithheldLine(
                settlement_month=row["settlement_month"],
                artist_id=row["artist_id"],
                name=row["name"],
                owed_to=row["owed_to"],
                rate_bp=int(row["rate_bp"]),
                base_cents=int(row["base_cents"]),
                withheld_cents=int(row["withheld_cents"]),
            )
            for row in csv.DictReader(file)
        )
