"""Deletes files that nothing needs any more: files replaced by compaction, leftovers of killed work, old log entries.

Kept are the files of the pinned and of the newest layout, files that were removed within the grace period (for readers
with an older list of files), and files that the caller names. Closed months need no files of their own: the versions
that they pin are read from the current files (`allive.ingestion.raw_versions`).

The caller holds the data home's lock (`allive.ingestion.lock`).
"""

import re
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

from allive.ingestion.batches import finish_decisions
from allive.ingestion.raw_tables import TABLES, open_table, read_pins, stored_files, table_path
from allive.ingestion.raw_versions import Commit, logged_versions, note_versions
from allive.ingestion.settings import Settings

_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\..*parquet")

Progress = Callable[[str, int, int], None]
"""Called with a table, the number of files deleted so far, and the number of all files to delete."""


@dataclass(frozen=True)
class Vacuumed:
    """The files deleted from a table, or in a dry run those that would be."""

    table: str
    files: int
    bytes: int
    log_entries: int
    kept: int
    """Data files that are kept."""


def vacuum(
    settings: Settings,
    *,
    grace: timedelta,
    in_use: AbstractSet[Path] = frozenset(),
    is_dry_run: bool = False,
    now: datetime | None = None,
    progress: Progress = lambda _table, _done, _of: None,
) -> tuple[Vacuumed, ...]:
    """Delete the files of the raw tables that no reader needs.

    Args:
        settings: the data home.
        grace: how long a file is kept after it was removed from its table.
        in_use: files that a reader still lists, however long ago they were removed.
        is_dry_run: only report what would be deleted.
        now: the current time by default.
        progress: called while files are deleted.
    """
    if not is_dry_run:
        finish_decisions(settings)
    before = (now or datetime.now(UTC)) - grace
    return tuple(
        _vacuum_table(settings, table, before=before, in_use=in_use, is_dry_run=is_dry_run, progress=progress)
        for table in TABLES
        if read_pins(settings).layouts[table] is not None
    )


def _vacuum_table(
    settings: Settings, table: str, *, before: datetime, in_use: AbstractSet[Path], is_dry_run: bool, progress: Progress
) -> Vacuumed:
    needed = _listed_files(settings, table) | _lately_removed(settings, table, before) | in_use
    present = {path: path.stat() for path in _data_files(table_path(settings, table))}
    # A file that was never in a layout might be one that is just being written: it is kept as long as any other.
    unneeded = {
        path: status.st_size
        for path, status in present.items()
        if path not in needed and status.st_mtime < before.timestamp()
    }
    entries = list(_old_log(settings, table, before))
    if not is_dry_run:
        for done, path in enumerate(unneeded, 1):
            path.unlink()
            progress(table, done, len(unneeded))
        if entries:
            note_versions(settings, table)
        for path in entries:
            path.unlink()
    return Vacuumed(table, len(unneeded), sum(unneeded.values()), len(entries), len(present) - len(unneeded))


def _listed_files(settings: Settings, table: str) -> set[Path]:
    newest = open_table(settings, table)
    layouts = {read_pins(settings).layouts[table], newest.version() if newest else None}
    folder = table_path(settings, table)
    return {folder / file.path for layout in layouts for file in stored_files(settings, table, layout)}


def _lately_removed(settings: Settings, table: str, before: datetime) -> set[Path]:
    folder, found = table_path(settings, table), set()
    for path in reversed(logged_versions(settings, table).values()):
        commit = Commit.read(path)
        if commit.committed_at < before:
            break
        found |= {folder / unquote(name) for name in commit.removed}
    return found


def _data_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.parquet")):
        if "_delta_log" not in path.parts:
            yield path


def _old_log(settings: Settings, table: str, before: datetime) -> Iterator[Path]:
    """Entries before the newest checkpoint that existed `before` and from which the pinned layout can be read."""
    pinned = read_pins(settings).layouts[table]
    checkpoints = [
        (int(found[1]), path)
        for path in sorted((table_path(settings, table) / "_delta_log").iterdir())
        if (found := _CHECKPOINT.fullmatch(path.name))
    ]
    kept = [
        version
        for version, path in checkpoints
        if path.stat().st_mtime < before.timestamp() and version <= (pinned or 0)
    ]
    if kept:
        yield from (path for version, path in logged_versions(settings, table).items() if version < max(kept))
        yield from (path for version, path in checkpoints if version < max(kept))
