"""The books of the payouts: accounting entries of closed months and of the life of payments (docs/accounts.md).

Pure functions from plain facts: `facts` says what happened, `chart` where it is booked, `entries` makes the entries,
`fec` writes them as the file of article A47 A-1, `yearly` adds up years and quarters. Nothing here reads a data home.
"""

from allive.payouts.accounts.chart import Account, Auxiliary, ChartOfAccounts, DatedCharts, Journal, with_accounts
from allive.payouts.accounts.entries import Entry, Posting, balances, entries_of, opening_entry
from allive.payouts.accounts.facts import (
    Adjusted,
    BankCharge,
    Earned,
    Fact,
    MonthClosed,
    PaidOtherwise,
    PaymentCancelled,
    PaymentExecuted,
    PaymentOrdered,
    PaymentReturned,
    UnmatchedMovement,
    Withheld,
    WrittenOff,
)
from allive.payouts.accounts.fec import Batch, FecError, fec_content, fec_name, write_fec
from allive.payouts.accounts.yearly import (
    ArtistYear,
    OwedQuarter,
    artist_years,
    refunds_borne,
    withheld_by_quarter,
    years_csv,
)

__all__ = [
    "Account",
    "Adjusted",
    "ArtistYear",
    "Auxiliary",
    "BankCharge",
    "Batch",
    "ChartOfAccounts",
    "DatedCharts",
    "Earned",
    "Entry",
    "Fact",
    "FecError",
    "Journal",
    "MonthClosed",
    "OwedQuarter",
    "PaidOtherwise",
    "PaymentCancelled",
    "PaymentExecuted",
    "PaymentOrdered",
    "PaymentReturned",
    "Posting",
    "UnmatchedMovement",
    "Withheld",
    "WrittenOff",
    "artist_years",
    "balances",
    "entries_of",
    "fec_content",
    "fec_name",
    "opening_entry",
    "refunds_borne",
    "with_accounts",
    "withheld_by_quarter",
    "write_fec",
    "years_csv",
]
