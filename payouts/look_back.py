"""Which closed months the next run settles again; closing, amending and booking all use this module.

The warehouse reads the result from `booked.months` (`is_in_look_back`). Verification has its own implementation.
"""

from allive.ingestion.settings import Settings
from allive.payouts import ledger
from allive.payouts.months import following
from allive.payouts.policy import policy_of


def look_back_of_next_run(settings: Settings) -> tuple[str, ...]:
    """Return the closed months that the next run settles again, by the policy of that run's month (RULES.md §6)."""
    closed = ledger.closed_months(settings)
    if not closed:
        return ()
    months = policy_of(settings, following(closed[-1])).look_back_months
    return closed[max(len(closed) - months, 0) :]
