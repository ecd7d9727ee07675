"""Adds up the refunds of final months that the platform bears: a figure of each run in the books (RULES.md §6).

No run takes this money back from artists. It is computed from the pinned records, so it needs no warehouse.
"""

from typing import Final

import polars as pl

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.books import Books, Month, read_month
from allive.payouts.closed_month.findings import Report
from allive.payouts.closed_month.month_files import Policy
from allive.payouts.ledger import closed_months
from allive.payouts.verification.from_heartbeats import booked_periods
from allive.payouts.verification.open_envelopes import left_of
from allive.payouts.verification.pinned_records import DamagedError, GoneError, latest
from allive.payouts.verification.pseudonym_key import read_key

_CONTENT: Final = ["status", "price_cents", "envelope_cents", "refunded_cents"]


def refunds_of_final_months(settings: Settings, month: str) -> int:
    """Return the cents of envelopes that were refunded between the run before and this one, in months final by then.

    A refund that is taken back lowers the figure. The first run has none.

    Raises:
        GoneError: The records that the runs pinned are not here.
        ValueError: A file of a closed month cannot be read.
    """
    report = Report(lambda _: None)
    books, before = Books(), None
    for name in closed_months(settings):
        read = read_month(report, settings.payouts_dir / name)
        if read is None:
            raise ValueError(f"{name} cannot be read: see `allive verify {name}`")
        if name == month:
            return 0 if before is None else _refunded(settings, read, before, books)
        books.close(read)
        before = read
    raise ValueError(f"{month} is not closed")


def _refunded(settings: Settings, month: Month, before: Month, books: Books) -> int:
    now, then = (
        latest(settings, "subscriptions", one.control.raw_versions.get("subscriptions"), key=["period_id"])
        for one in (month, before)
    )
    changed = now.join(then, on="period_id", suffix="_then").filter(
        pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_then")) for name in _CONTENT)
    )
    if changed.is_empty():
        return 0
    booked = booked_periods(settings, month, books, now["period_id"], key=read_key(settings))
    cents = 0
    for row in changed.join(booked, on="period_id").iter_rows(named=True):
        if row["booked_in"] not in month.control.adjustments:  # no run settles it again: it is final
            policy = books.policies[row["booked_in"]]
            cents += _left(row, policy, suffix="_then") - _left(row, policy)
    return cents


def _left(row: dict[str, int | str | None], policy: Policy, *, suffix: str = "") -> int:
    status, price_cents, envelope_cents, refunded_cents = (row[f"{name}{suffix}"] for name in _CONTENT)
    if status != "paid":
        return 0
    price, refunded = _number(price_cents), _number(refunded_cents)
    whole = _number(envelope_cents)
    if whole is None:
        whole = policy.envelope_cents if price is None else min(price, policy.envelope_cents)
    return max(left_of(whole, price, refunded), 0)


def _number(value: int | str | None) -> int | None:
    return value if isinstance(value, int) else None


__all__ = ["DamagedError", "GoneError", "refunds_of_final_months"]
