"""Remembers which landed files were processed, so that they and unchanged folders are not read again.

It is only a cache: without it, every file is hashed again and recognised as known. It stores the last batch that it
covers: if the raw tables are restored from an older copy, files that it remembers might not be loaded. It also stores
the odd entries of each folder, so that every run can report them without listing all folders.
"""

import json
import os
import sqlite3
import stat
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from allive.ingestion.landed_names import os_name
from allive.ingestion.landing import LandedFile, LandingTree, list_folder, odd_folder
from allive.ingestion.odd_entries import NotTaken, OddEntry
from allive.ingestion.settings import Settings

_CREATE = """
    create table if not exists files (
        folder text, name text, size integer, mtime_ns integer, inode integer, primary key (folder, name)
    ) without rowid;
    create table if not exists folders (
        name text primary key, parent text, mtime_ns integer, ctime_ns integer, inode integer,
        noted_at real, looked_at real, is_quiet integer, not_taken text
    ) without rowid;
    create table if not exists loaded (batch_number integer);
    create table if not exists missed (name text primary key, reason text, is_unread integer) without rowid;
"""
_LAYOUT = 1
"""1: folders have their entries that are not taken. Folders in an earlier layout are listed again."""
# A folder can receive a file within the clock tick that stamped it. If it is listed this long after a stamp was first
# seen, the listing has every file with that stamp: no file system's clock is coarser than 2 s.
_QUIET_AFTER_S = 3.0
# Delivery is by rename, which changes the folder's stamp. Writing to a file in place does not: that is found in a day.
_LOOKED_THROUGH_EVERY_S = 86_400.0


@dataclass(frozen=True)
class _Folder:
    """The state of a folder, as remembered or as found now."""

    name: str
    parent: str
    stamp: tuple[int, int, int]
    """mtime, ctime (which cannot be set back) and inode."""
    noted_at: float
    """When this stamp was first seen, by the clock of this machine."""
    looked_at: float
    is_quiet: bool
    """True if all its files have been processed, and a new one would change its stamp."""
    not_taken: str | None
    """Its entries that are not taken (without those of subfolders), as JSON."""

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Self:
        """Read back the output of `as_row`."""
        name, parent, mtime_ns, ctime_ns, inode, noted_at, looked_at, is_quiet, not_taken = row
        return cls(name, parent, (mtime_ns, ctime_ns, inode), noted_at, looked_at, bool(is_quiet), not_taken)

    def as_row(self) -> tuple[Any, ...]:
        """The row that is stored in the cache."""
        return self.name, self.parent, *self.stamp, self.noted_at, self.looked_at, self.is_quiet, self.not_taken

    def is_as_it_was(self, stamp: tuple[int, int, int] | None, now: float) -> bool:
        """True if nothing can have been delivered into it since it was listed."""
        return self.is_quiet and self.stamp == stamp and 0 <= now - self.looked_at < _LOOKED_THROUGH_EVERY_S


@dataclass
class Found:
    """The files and odd entries of one record type that were found in landing."""

    fresh: list[LandedFile] = field(default_factory=list)
    """The files that are not remembered with their current stamps, sorted by name."""
    not_taken: NotTaken = field(default_factory=NotTaken)


def seen_files_of(settings: Settings, record_type: str) -> "SeenFiles":
    """Open the cache of the files that the raw layer has processed."""
    return SeenFiles(settings.raw_dir / "_seen" / f"{record_type}.sqlite")


class SeenFiles:
    """The cache of one record type's files."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def forget_what_came_after(self, batch_number: int) -> None:
        """Clear the cache if it covers a later batch than `batch_number`, the last one that is pinned."""
        with self._memory() as memory:
            if _remembered_up_to(memory) > batch_number:
                with memory:
                    for table in ("files", "folders", "loaded"):
                        memory.execute(f"delete from {table}")

    def look(self, landing: Path, record_type: str, *, now: float | None = None, is_noted: bool = True) -> Found:
        """Find the deliverable files that are not remembered, and the entries that are not taken.

        Checks each folder, and each entry of folders that changed recently. Without `is_noted` nothing is written.
        """
        try:
            tree = LandingTree(landing)
        except OSError:
            return Found()  # `landing.look_at_root` reports what is wrong with it
        now = time.time() if now is None else now
        found = Found()
        looked_at: list[_Folder] = []
        with tree, self._memory() as memory:
            known = {row[0]: _Folder.of_row(row) for row in memory.execute("select * from folders")}
            subfolders: defaultdict[str, list[str]] = defaultdict(list)
            for folder in known.values():
                subfolders[folder.parent].append(folder.name)
            gone, pending = set(known), [(record_type, "")]
            told: list[NotTaken] = []
            while pending:
                name, parent = pending.pop()
                before = known.get(name)
                if before is not None and before.is_as_it_was(_stamp_of(landing, name), now):
                    gone.discard(name)
                    pending += [(subfolder, name) for subfolder in subfolders[name]]
                    if before.not_taken is not None:
                        told.append(NotTaken.of_stored(json.loads(before.not_taken)))
                    continue
                try:
                    listing = list_folder(tree, name, _stamps(memory, name))
                except (FileNotFoundError, NotADirectoryError):
                    continue  # a record type's folder can be missing or something else: `look_at_root` reports it
                except OSError as error:
                    told.append(NotTaken([odd_folder(name, error)]))
                    gone.discard(name)
                    looked_at.append(_Folder(name, parent, (0, 0, 0), now, now, is_quiet=False, not_taken=None))
                    continue
                gone.discard(name)
                pending += [(subfolder, name) for subfolder in listing.subfolders]
                noted_at = before.noted_at if before is not None and before.stamp == listing.stamp else now
                is_quiet = not (listing.fresh or listing.not_taken.unread) and now - noted_at >= _QUIET_AFTER_S
                stored = listing.not_taken.as_stored()
                not_taken = None if stored is None else json.dumps(stored, ensure_ascii=False)
                looked_at.append(_Folder(name, parent, listing.stamp, noted_at, now, is_quiet, not_taken))
                found.fresh += listing.fresh
                told.append(listing.not_taken)
            if is_noted and (looked_at or gone):
                _note(memory, looked_at, gone)
        found.fresh.sort(key=lambda file: file.name)
        found.not_taken.add_all(told)
        return found

    def note_missed(self, missed: Iterable[OddEntry]) -> None:
        """Store the files that the last load found, but that were gone, changed or unreadable when it read them."""
        with self._memory() as memory, memory:
            memory.execute("delete from missed")
            memory.executemany("insert or replace into missed values (?, ?, ?)", missed)

    def missed(self) -> NotTaken:
        """The files that the last load found, but that were gone, changed or unreadable when it read them."""
        with self._memory() as memory:
            rows = memory.execute("select name, reason, is_unread from missed order by name").fetchall()
        return NotTaken([OddEntry(name, reason, bool(is_unread)) for name, reason, is_unread in rows])

    def remember(self, files: Iterable[LandedFile], *, batch_number: int = 0) -> None:
        """Remember files that were loaded, held, discarded or set aside, up to the batch that is pinned now."""
        with self._memory() as memory, memory:
            if _remembered_up_to(memory) < batch_number:
                memory.execute("delete from loaded")
                memory.execute("insert into loaded values (?)", [batch_number])
            memory.executemany(
                "insert or replace into files values (?, ?, ?, ?, ?)",
                [(*os.path.split(file.name), *file.stamp) for file in files],
            )

    @contextmanager
    def _memory(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            memory = _opened(self._path)
        except sqlite3.DatabaseError:
            self._path.unlink()
            memory = _opened(self._path)
        with closing(memory):
            yield memory


def _opened(path: Path) -> sqlite3.Connection:
    memory = sqlite3.connect(path)
    try:
        # Only in a new cache, and in one transaction: each transaction that writes syncs the disk (20 ms).
        if memory.execute("pragma user_version").fetchone() != (_LAYOUT,):
            memory.executescript(
                f"begin; drop table if exists folders; {_CREATE} pragma user_version = {_LAYOUT}; commit;"
            )
    except sqlite3.DatabaseError:
        memory.close()
        raise
    return memory


def _remembered_up_to(memory: sqlite3.Connection) -> int:
    (batch_number,) = memory.execute("select coalesce(max(batch_number), 0) from loaded").fetchone()
    return int(batch_number)


def _stamp_of(landing: Path, folder: str) -> tuple[int, int, int] | None:
    """A folder's stamp, by its path. If the path leads through a link by now, the inode differs."""
    try:
        status = (landing / os_name(folder)).lstat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _stamps(memory: sqlite3.Connection, folder: str) -> dict[str, list[int]]:
    rows = memory.execute("select name, size, mtime_ns, inode from files where folder = ?", [folder])
    return {name: stamp for name, *stamp in rows}


def _note(memory: sqlite3.Connection, looked_at: Iterable[_Folder], gone: Iterable[str]) -> None:
    with memory:
        memory.executemany("delete from folders where name = ?", [(folder,) for folder in gone])
        memory.executemany("delete from files where folder = ?", [(folder,) for folder in gone])
        memory.executemany(
            "insert or replace into folders values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [folder.as_row() for folder in looked_at],
        )
