"""An artist's payments: the state of each transfer, payments made otherwise, and whether payments are held."""

from datetime import datetime
from typing import Final

from allive.dashboards.access import Principal, require_artist
from allive.dashboards.serving import Rows, ServingCopy

# Why an authority or the bank froze an amount is between them and Allive: the artist is asked to write.
_PAYMENTS: Final = """
    select
        settlement_month, end_to_end_id, state, state_on, ordered_cents, withheld_cents, returned_cents,
        withheld_back_cents, requested_on, executed_on, waits_for,
        case when reason_class in ('quarantine', 'fix_data', 'temporary') then reason_fr end as reason_fr,
        case when reason_class in ('quarantine', 'fix_data', 'temporary') then reason_en end as reason_en,
    from published.payments
    where artist_id = ? and state <> 'reordered'
    order by settlement_month, end_to_end_id
"""
_OTHERWISE: Final = """
    select paid_on, paid_cents, means
    from published.payments_otherwise
    where artist_id = ?
    order by paid_on
"""
_HELD: Final = "select held_at from published.payment_holds where artist_id = ?"


def payments(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the payment of each closed month that pays the artist, oldest first, in its last attempt."""
    require_artist(principal, artist_id)
    return copy.rows(_PAYMENTS, artist_id)


def paid_otherwise(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the payments made otherwise than by transfer of our orders, oldest first."""
    require_artist(principal, artist_id)
    return copy.rows(_OTHERWISE, artist_id)


def held_at(principal: Principal, copy: ServingCopy, artist_id: str) -> datetime | None:
    """Return since when the artist's payments are held; None if they are not."""
    require_artist(principal, artist_id)
    rows = copy.rows(_HELD, artist_id)
    return rows[0]["held_at"] if rows else None
