"""`allive raw`: maintenance of the raw tables, which the service runs every night."""

import time

from allive.ingestion.compaction import CompactionError
from allive.ingestion.counted import counted
from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import refuse, say, showing_progress, table
from allive.orchestration.upkeep import compact_raw, vacuum_raw


def compact_tables(settings: Settings, *, is_dry_run: bool) -> bool:
    """Merge small files and show the result. Return whether nothing was refused."""
    began = time.monotonic()
    try:
        with hold_data_home(settings, command="allive raw compact"), showing_progress():
            done = compact_raw(settings, is_dry_run=is_dry_run)
    except CompactionError as error:
        refuse("The raw tables were not compacted.", [str(error)])
        return False
    seconds = time.monotonic() - began
    table(
        "Would merge" if is_dry_run else "Merged",
        ("table", "files before", "merged", "into", "records", "MB read", "MB written"),
        [
            (one.table, one.files, one.merged, one.into, one.records, _mb(one.bytes_read), _mb(one.bytes_written))
            for one in done
        ],
    )
    records, read = sum(one.records for one in done), sum(one.bytes_read for one in done)
    if not records:
        say("No table has enough small files to merge.")
    elif not is_dry_run:
        say(
            f"{counted(records, 'record')} in {seconds:,.1f} s: {records / seconds:,.0f} records/s, "
            f"{read / 1e6 / seconds:,.1f} MB/s. `allive raw vacuum` can delete the old files "
            f"{settings.raw_grace_hours} h from now."
        )
    return True


def vacuum_tables(settings: Settings, *, is_dry_run: bool) -> bool:
    """Delete unused files and show the result. Always returns True."""
    with hold_data_home(settings, command="allive raw vacuum"), showing_progress():
        done = vacuum_raw(settings, is_dry_run=is_dry_run)
    table(
        "Would delete" if is_dry_run else "Deleted",
        ("table", "files", "MB", "log entries", "files kept"),
        [(one.table, one.files, _mb(one.bytes), one.log_entries, one.kept) for one in done],
    )
    if not any(one.files or one.log_entries for one in done):
        say(f"Nothing has been out of use for {settings.raw_grace_hours} h.")
    return True


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f}"
