"""Checks that the raw layer's pins are at least as new as the versions that closed months read.

Versions that are no longer needed can be absent by rule; those that the next run reads again must exist.
"""

from collections import defaultdict

from allive.ingestion.pin_problems import PinsError
from allive.ingestion.raw_tables import TABLES, pins_path, read_pins, table_path
from allive.ingestion.raw_versions import DamagedLogError, UnknownVersionError, last_batch_of
from allive.ingestion.settings import Settings
from allive.payouts import ledger
from allive.payouts.bookings import CATALOGUE_TABLES, kept_catalogues


class UnreadableMonthError(Exception):
    """A closed month does not say which raw versions it read."""


def closed_versions(settings: Settings) -> dict[str, int]:
    """Return the newest version of each raw table that a closed month read: pins must not be older.

    Raises:
        UnreadableMonthError: A month's control.json cannot be read.
    """
    newest: dict[str, int] = {}
    for month in ledger.closed_months(settings):
        for table, version in _raw_versions(settings, month).items():
            if version is not None:
                newest[table] = max(newest.get(table, 0), version)
    return newest


def _raw_versions(settings: Settings, month: str) -> dict[str, int | None]:
    try:
        versions: dict[str, int | None] = {**ledger.read_control(settings, month)["raw_versions"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableMonthError(
            f"payouts/{month}/{ledger.CONTROL_FILE}: found {type(error).__name__} ({error}), expected the raw versions "
            "that the month read. Restore the month from a backup of payouts/."
        ) from error
    return versions


def pin_refusals(settings: Settings) -> list[str]:
    """Return why nothing can be loaded, built or closed on these pins: a closed month read later or lost versions.

    `allive.ingestion.pins_check` reports pins that disagree with the tables themselves.
    """
    closed = ledger.closed_months(settings)
    if not closed:
        return []
    try:
        pins = read_pins(settings)
        read = closed_versions(settings)
    except PinsError as error:
        return [str(problem) for problem in error.problems]
    except UnreadableMonthError as error:
        return [str(error)]
    if not pins.batch_number and not _is_anything_there(settings) and read:
        reason = (
            f"raw/: found nothing, expected the tables that the closed months up to {closed[-1]} read. Restore raw/ "
            "from a backup of the same day as payouts/, or a later one."
        )
        return [reason]
    return [*_older_than_a_month(settings, closed, pins.versions), *_untold(settings)]


def _is_anything_there(settings: Settings) -> bool:
    return pins_path(settings).exists() or any(table_path(settings, table).exists() for table in TABLES)


def _older_than_a_month(settings: Settings, closed: tuple[str, ...], pinned: dict[str, int | None]) -> list[str]:
    """Return a refusal per table, naming the first month that read a later version than the pinned one."""
    reasons: dict[str, str] = {}
    for month in closed:
        for table, version in _raw_versions(settings, month).items():
            found = pinned.get(table)
            if version is not None and (found is None or found < version) and table not in reasons:
                reasons[table] = (
                    f"raw/{table}: found {'no version' if found is None else f'version {found}'} pinned, expected "
                    f"version {version}, with which {month} closed, or a later one. The raw tables are older than "
                    "payouts/: restore raw/ as a whole from a backup of the same day as payouts/, or a later one; if "
                    "only raw/pins.json is old, `allive doctor --repair` rebuilds it."
                )
    return [*reasons.values()]


def _untold(settings: Settings) -> list[str]:
    """Return a refusal for each version that the next run needs again and whose records can no longer be found."""
    reasons = []
    months: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for run in sorted({run for run in kept_catalogues(settings).values() if run is not None}):
        versions = _raw_versions(settings, run)
        for table in CATALOGUE_TABLES:
            if (version := versions.get(table)) is not None:
                months[table, version].append(run)
    for (table, version), runs in months.items():
        try:
            last_batch_of(settings, table, version)
        except (UnknownVersionError, DamagedLogError) as error:
            reasons.append(
                f"raw/{table}: {error}; expected to find what version {version} held, the catalogue of "
                f"{', '.join(runs)}. Restore raw/versions.sqlite and raw/{table}/_delta_log from a backup."
            )
    return reasons
