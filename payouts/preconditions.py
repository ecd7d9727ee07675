"""The preconditions of a close: why a month cannot close, in words an operator can act on (RULES.md §4, §6)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import duckdb

from allive.ingestion.landing import hash_of_landed
from allive.ingestion.not_taken import find_not_taken
from allive.ingestion.settings import Settings
from allive.payouts import ledger, months, pseudonyms
from allive.payouts.bookings import kept_catalogues
from allive.payouts.look_back import look_back_of_next_run
from allive.payouts.settlement import Blocker, first_month_with_periods, known_months, was_built_after
from allive.payouts.warehouse_mark import is_as_left

if TYPE_CHECKING:
    from allive.payouts.closed_month.findings import Finding, Unchecked

_MOST_FINDINGS: Final = 10
LIKELY_CAUSES: Final = (
    "Nothing was closed. Likely causes, the likeliest first: (1) the warehouse was changed by hand or by another "
    "version of the project: `allive run --rebuild` builds it from the raw tables; (2) a file of raw/ or payouts/ was "
    "changed or restored in part: `allive verify` and `allive doctor` say which; (3) a defect of the program: report "
    "it with these lines, and pay nothing."
)

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
        "artist {subject} was watched without a category (days: {found}); deliver one in "
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


def key_refusals(settings: Settings) -> list[str]:
    """Return why the key of the pseudonyms forbids a close: closed months had another one, or it is lost."""
    try:
        pseudonyms.require_key(settings)
    except pseudonyms.PseudonymKeyError as error:
        return [str(error)]
    return []


def warehouse_refusals(settings: Settings, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return why no month can close from this warehouse: changed by others, half built, older than the last close."""
    if not is_as_left(settings, con):
        return [
            (
                "The warehouse is not as the project left it: something else wrote to it, or a run was cut short. Run "
                "`allive run`, which builds it from the raw tables; `allive dbt` works on a copy."
            )
        ]
    if was_built_after(con, kept_catalogues(settings), look_back_of_next_run(settings)):
        return []
    return [
        (
            "The warehouse has not been fully built since the last close or amendment: a check failed or a run was cut "
            "short. Run `allive run`; it names what fails."
        )
    ]


def first_run_refusals(con: duckdb.DuckDBPyConnection, month: str) -> list[str]:
    """Return why the month cannot be the first run: that can be any month up to the first that has periods."""
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
    """Return the refusal for a month that the warehouse has no data for."""
    known = known_months(con)
    if known is None:
        return "Nothing has been loaded yet: put files into landing/ and run `allive run`."
    return (
        f"Nothing is known of it: the loaded records reach from {known[0]} to {known[1]}. "
        "Is the month right? Was its data delivered and loaded (`allive run`)?"
    )


def blocker_refusals(month: str, blockers: tuple[Blocker, ...]) -> Iterator[str]:
    """Yield the meaning and the fix of each blocker in the data of the month and its look-back."""
    for blocker in blockers:
        advice = _WHAT_TO_DO[blocker.reason].format(subject=blocker.subject_id, found=blocker.found)
        if blocker.settlement_month == month:
            yield f"{blocker.reason}: {advice}."
        else:
            yield (
                f"{blocker.reason} in {blocker.settlement_month}, which this run settles again: {advice}. Then let the "
                f"corrected catalogue in: `allive amend {blocker.settlement_month} --why …`."
            )


def unreadable_refusals(settings: Settings, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return a refusal for each unreadable file that is still unchanged in landing: its content is unknown.

    A file that was delivered again under the same name, or removed, is settled.
    """
    set_aside = con.execute(
        "select source_file, raw, file_hash from raw.rejects where reason = 'unreadable' order by source_file"
    ).fetchall()
    return [
        (
            f"{name} could not be read ({why}), and is still in landing, unchanged; its records might belong to the "
            "month. Deliver it again, whole, under the same name, or take it out of landing."
        )
        for name, why, file_hash in set_aside
        if hash_of_landed(settings.landing_dir, name) == file_hash
    ]


def unread_refusals(settings: Settings) -> list[str]:
    """Return a refusal for each entry in landing that `allive` has no permission to read: its content is unknown."""
    return [
        f"{entry.name} ({entry.reason}): what is in it may belong to the month. Let the user of `allive` read it, or "
        "take it out of landing."
        for entry in find_not_taken(settings).unread
    ]


def proof_refusals(findings: "Sequence[Finding]", unchecked: "Sequence[Unchecked]") -> tuple[str, ...]:
    """Return the differences that the second computation found, and the likely causes, the likeliest first."""
    shown = [
        f"{finding.file}, {finding.what}: the warehouse gives {finding.found}, the records {finding.expected}."
        for finding in findings[:_MOST_FINDINGS]
    ]
    if len(findings) > _MOST_FINDINGS:
        shown.append(f"And {len(findings) - _MOST_FINDINGS} more differences.")
    shown += [f"Could not be computed a second time: {one.what}: {one.why}." for one in unchecked]
    return (*shown, LIKELY_CAUSES)
