"""May this month close? Every reason why not, in words an operator can act on (RULES.md §4, §6)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb

from ingestion.settings import Settings
from payouts import ledger, months
from payouts.bookings import kept_catalogues
from payouts.look_back import look_back_of_next_run
from payouts.settlement import Blocker, first_month_with_periods, known_months, was_built_after

_WHAT_TO_DO = {
    "live_without_credits": "watched live {subject} has no credits; deliver them in landing/live_credits/",
    "artist_credited_twice": (
        "the newest credit set of watched live {subject} gives one artist two shares; deliver a corrected set "
        "with a newer updated_at"
    ),
    "credit_shares_not_10000": (
        "the shares of watched live {subject} sum to {found:,} bp, expected 10,000; deliver a corrected set "
        "with a newer updated_at"
    ),
    "artist_without_category": (
        "artist {subject} was watched on {found} day(s) without a category; deliver one in "
        "landing/artist_categories/ with a valid_from on or before the first of them"
    ),
    "artist_unknown": (
        "artist {subject} has weight or money in the month and no record; deliver it in landing/artists/"
    ),
    "pool_without_members": (
        "the month has envelopes and its pool has no member; expected at least one emerging or independent "
        "artist credited on a live that counts"
    ),
}


def calendar_refusals(settings: Settings, month: str, *, now: datetime | None = None) -> list[str]:
    """Return why the month cannot close by the calendar and the order of runs; needs no warehouse."""
    closed = ledger.closed_months(settings)
    if month in closed:
        manifest = ledger.read_manifest(settings, month)
        return [
            (
                f"It is closed already (run {manifest.run_hash[:12]}). A closed run never changes: late data become "
                f"adjustments of the next run, {months.following(closed[-1])}."
            )
        ]
    reasons = []
    if not months.is_over(month, now=now or datetime.now(UTC)):
        reasons.append(f"It is not over in Paris; it ends with {months.last_day(month).isoformat()}.")
    if closed and month != months.following(closed[-1]):
        reasons.append(
            f"Months close in order and without gaps: the last closed is {closed[-1]}, "
            f"so the next is {months.following(closed[-1])}."
        )
    return reasons


def warehouse_refusals(settings: Settings, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return why this warehouse is not one to close from: half built, failed checks, or older than the last close."""
    if was_built_after(con, kept_catalogues(settings), look_back_of_next_run(settings)):
        return []
    return [
        (
            "The warehouse was not built wholly since the last close or amendment: a check failed or a run was cut "
            "short. Run `allive run`; it names what fails."
        )
    ]


def first_run_refusals(con: duckdb.DuckDBPyConnection, month: str) -> list[str]:
    """Return why the month cannot be the first run: it may be any month up to the first that has periods."""
    first = first_month_with_periods(con)
    if first is not None and month > first:
        return [
            (
                f"The first run may be any month up to the first that has periods to settle, which is {first}: "
                f"close {first} first."
            )
        ]
    return []


def unknown_month_refusal(con: duckdb.DuckDBPyConnection) -> str:
    """Return what to say of a month that the warehouse knows nothing of."""
    known = known_months(con)
    if known is None:
        return "Nothing has been loaded yet: put files into landing/ and run `allive run`."
    return (
        f"Nothing is known of it: the loaded records reach from {known[0]} to {known[1]}. "
        "Is the month right? Was its data delivered and loaded (`allive run`)?"
    )


def blocker_refusals(month: str, blockers: tuple[Blocker, ...]) -> Iterator[str]:
    """Yield what each blocker in the data of the month and its look-back means, and how it is mended."""
    for blocker in blockers:
        advice = _WHAT_TO_DO[blocker.reason].format(subject=blocker.subject_id, found=blocker.found)
        if blocker.settlement_month == month:
            yield f"{blocker.reason}: {advice}."
        else:
            yield (
                f"{blocker.reason} in {blocker.settlement_month}, which this run settles again: {advice}. Then let the "
                f"corrected catalogue in: `allive amend {blocker.settlement_month} --why …`."
            )
