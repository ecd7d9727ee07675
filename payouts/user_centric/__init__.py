"""The user-centric split, as a library: each subscriber's own money goes to whom that subscriber watched.

Plain integers and the standard library only. `settle` settles a month; the functions below it are its single steps.
docs/settling-elsewhere.md settles a month of another platform with it.
"""

from allive.payouts.user_centric.division import NANOS_PER_CENT, earned_cents, largest_remainder, pool_shares
from allive.payouts.user_centric.records import (
    Catalogue,
    Payee,
    Period,
    Policy,
    Settlement,
    Slice,
    Watched,
    Work,
    pool_members,
)
from allive.payouts.user_centric.settling import BlockedError, settle, split

__all__ = [
    "NANOS_PER_CENT",
    "BlockedError",
    "Catalogue",
    "Payee",
    "Period",
    "Policy",
    "Settlement",
    "Slice",
    "Watched",
    "Work",
    "earned_cents",
    "largest_remainder",
    "pool_members",
    "pool_shares",
    "settle",
    "split",
]
