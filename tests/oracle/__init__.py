"""A second implementation of the money rules: plain Python integers, straight from landed files.

It shares no code and no SQL with the product, follows RULES.md section by section (`landed_*`:
INTERFACES.md, `watch_time`: §3, `catalogue`: §4, `settlement`: §5, `history`: §6), and is slow and
obvious on purpose: if it differs from the product, one of the two misreads the rules.
"""

from tests.oracle.catalogue import Catalogue
from tests.oracle.history import Adjustment, CannotCloseError, History, PayoutLine, Run
from tests.oracle.landed_records import (
    Artist,
    CategoryChange,
    Credit,
    Heartbeat,
    Live,
    Subscription,
    instant,
    paris_day,
)
from tests.oracle.settlement import Blocker, Policy, Settlement, Slice, settle
from tests.oracle.snapshot import Reject, Snapshot, read_landing
from tests.oracle.watch_time import PlaybackKey, Session, WatchTime

__all__ = [
    "Adjustment",
    "Artist",
    "Blocker",
    "CannotCloseError",
    "Catalogue",
    "CategoryChange",
    "Credit",
    "Heartbeat",
    "History",
    "Live",
    "PayoutLine",
    "PlaybackKey",
    "Policy",
    "Reject",
    "Run",
    "Session",
    "Settlement",
    "Slice",
    "Snapshot",
    "Subscription",
    "WatchTime",
    "instant",
    "paris_day",
    "read_landing",
    "settle",
]
