"""Counts the envelopes open at a month's end a second time: of periods begun by then, settled by a later run."""

import polars as pl

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.books import Books, Month
from allive.payouts.closed_month.findings import Check, Report
from allive.payouts.ledger import CONTROL_FILE
from allive.payouts.months import last_day
from allive.payouts.user_centric import NANOS_PER_CENT
from allive.payouts.verification.from_heartbeats import booked_periods
from allive.payouts.verification.pinned_records import latest
from allive.payouts.verification.policy_history import History, policy_on
from allive.payouts.verification.pseudonym_key import PseudonymKey


def check_open_envelopes(
    report: Report, settings: Settings, month: Month, books: Books, policies: History, *, key: PseudonymKey | None
) -> None:
    """Compare a run's open periods and their envelopes with the subscriptions that it pins.

    Raises:
        GoneError: The version of raw/subscriptions no longer exists, or the key of the pseudonyms is not here.
    """
    last_month = (pl.col("period_end") - pl.duration(days=1)).dt.strftime("%Y-%m")
    periods = latest(settings, "subscriptions", month.control.raw_versions.get("subscriptions"), key=["period_id"])
    booked = booked_periods(settings, month, books, periods["period_id"], key=key)
    open_periods = (
        periods.filter(
            pl.col("status") == "paid", pl.col("period_start") <= last_day(month.name), last_month > month.name
        )
        .join(booked, on="period_id", how="anti")
        .select(last_month.alias("settled_in"), "price_cents", "envelope_cents", "refunded_cents")
    )
    envelopes = [
        cents
        for settled_in, price_cents, envelope_cents, refunded_cents in open_periods.rows()
        if (whole := _envelope_cents(settled_in, price_cents, envelope_cents, policies)) > 0
        and (cents := left_of(whole, price_cents, refunded_cents)) > 0
    ]
    place = report.at(Check.AMOUNTS, month.file(CONTROL_FILE))
    place.same("open_periods", found=month.control.open_periods, expected=len(envelopes))
    found, expected = month.control.open_envelope_nanos, sum(envelopes) * NANOS_PER_CENT
    place.same("open_envelope_nanos", found=found, expected=expected)
    place.same("open_envelope_cents", found=month.control.open_envelope_cents, expected=sum(envelopes))


def _envelope_cents(settled_in: str, price_cents: int | None, envelope_cents: int | None, policies: History) -> int:
    """Return the envelope as delivered, or the smaller of the price and the policy's envelope in its settling month."""
    if envelope_cents is not None:
        return envelope_cents
    policy = policy_on(policies, last_day(settled_in))
    of_policy = policy.envelope_cents if policy else 0
    return of_policy if price_cents is None else min(price_cents, of_policy)


def left_of(envelope_cents: int, price_cents: int | None, refunded_cents: int | None) -> int:
    """Return the envelope, limited to the part of the price that a refund left."""
    if not refunded_cents or price_cents is None:
        return envelope_cents
    return min(envelope_cents, price_cents - refunded_cents)
