"""Finds the files in landing that no load has processed yet. Imports nothing that reads them: commands ask often."""

import threading
from datetime import datetime
from typing import Final

from allive.ingestion.batches import finish_decisions
from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.landing import LandedFile
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.seen_files import SeenFiles, seen_files_of
from allive.ingestion.settings import Settings

ONE_LOAD: Final = threading.Lock()
"""Batch numbers follow the order of commits, so there is one load at a time, also among threads."""


def has_new_files(settings: Settings) -> bool:
    """True if a file in landing has not been processed yet. Reads no content."""
    return any(_fresh_files(settings, record_type) for record_type in CONTRACTS)


def waiting_files(settings: Settings, *, landed_before: datetime | None = None) -> tuple[str, ...]:
    """Return the names of the files in landing that have not been processed yet. Reads no content, writes nothing.

    With `landed_before`, only those that were there by then: it is compared with ctime, which a rename sets.
    """
    files = [file for record_type in CONTRACTS for file in _fresh_files(settings, record_type)]
    if landed_before is not None:
        files = [file for file in files if file.ctime_ns < landed_before.timestamp() * 1e9]
    return tuple(file.name for file in files)


def _fresh_files(settings: Settings, record_type: str) -> list[LandedFile]:
    return seen_files_of(settings, record_type).look(settings.landing_dir, record_type, is_noted=False).fresh


def has_nothing_new(settings: Settings) -> bool:
    """Whether loading every record type would load nothing. Does the work that such loads do.

    It finds the files in the same way as `allive.ingestion.load.load_new_files`, and completes what a crash
    interrupted.

    Raises:
        PinsError: see `allive.ingestion.load.load_new_files`.
    """
    with ONE_LOAD:
        finish_decisions(settings)
        return not any(
            find_fresh(settings, seen_files_of(settings, record_type), record_type) for record_type in CONTRACTS
        )


def find_fresh(settings: Settings, seen: SeenFiles, record_type: str) -> list[LandedFile]:
    """Find the files of a record type that a load must process; `ONE_LOAD` is held and interrupted loads are finished.

    `seen` forgets what the pins do not cover, and what the last load could not read.
    """
    seen.forget_what_came_after(read_pins(settings).batch_number)
    fresh = seen.look(settings.landing_dir, record_type).fresh
    seen.note_missed([])
    return fresh
