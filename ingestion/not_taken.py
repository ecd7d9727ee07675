"""Finds the entries of landing that are not taken. Every run reports them, and a close checks them."""

from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.landing import look_at_root
from allive.ingestion.odd_entries import NotTaken
from allive.ingestion.seen_files import seen_files_of
from allive.ingestion.settings import Settings


def find_not_taken(settings: Settings, *, with_last_load: bool = False) -> NotTaken:
    """Find the entries of landing that are not taken: links, other endings, other folders, unreadable entries.

    Reads no content and writes nothing. With `with_last_load`, also finds the files that were gone or changed when the
    last load read them.
    """
    found = look_at_root(settings.landing_dir, RECORD_TYPES)
    for record_type in RECORD_TYPES:
        seen = seen_files_of(settings, record_type)
        there = seen.look(settings.landing_dir, record_type, is_noted=False).not_taken
        found.add_all([there, seen.missed()] if with_last_load else [there])
    return found
