"""Which landed files have been dealt with, so that neither they nor folders that did not change are looked at again.

Only a cache: without it every file is hashed once more and found to be known. It knows up to which batch it remembers:
where the raw tables were restored from an older copy than it, what it remembers may never have been loaded.
"""

import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ingestion.landing import LandedFile, list_folder

_CREATE = """
    create table if not exists files (
        folder text, name text, size integer, mtime_ns integer, inode integer, primary key (folder, name)
    ) without rowid;
    create table if not exists folders (
        name text primary key, parent text, mtime_ns integer, ctime_ns integer, inode integer,
        noted_at real, looked_at real, is_quiet integer
    ) without rowid;
    create table if not exists loaded (batch_number integer);
"""
# A folder may be given a file within the same tick of the clock that stamps it. Once it was looked through so long
# after a stamp was first met, that stamp stands for what was seen; no file system's clock is coarser than 2 s.
_QUIET_AFTER_S = 3.0
# Delivery is by rename, which stamps the folder. A file that is written to in place does not: it is found by the day.
_LOOKED_THROUGH_EVERY_S = 86_400.0


@dataclass(frozen=True)
class _Folder:
    """What is remembered of a folder, or found now."""

    name: str
    parent: str
    stamp: tuple[int, int, int]
    """mtime, ctime (which nobody can set back) and inode."""
    noted_at: float
    """When this stamp was first met, by the clock of this machine."""
    looked_at: float
    is_quiet: bool
    """Whether all its files have been dealt with, and a new one would change its stamp."""

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Self:
        """Read back what `as_row` gave."""
        name, parent, mtime_ns, ctime_ns, inode, noted_at, looked_at, is_quiet = row
        return cls(name, parent, (mtime_ns, ctime_ns, inode), noted_at, looked_at, bool(is_quiet))

    def as_row(self) -> tuple[Any, ...]:
        """As the memory holds it."""
        return self.name, self.parent, *self.stamp, self.noted_at, self.looked_at, self.is_quiet

    def is_as_it_was(self, stamp: tuple[int, int, int], now: float) -> bool:
        """Whether nothing can have been delivered into it since it was looked through."""
        return self.is_quiet and self.stamp == stamp and 0 <= now - self.looked_at < _LOOKED_THROUGH_EVERY_S


class SeenFiles:
    """The memory of one record type's files."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def forget_what_came_after(self, batch_number: int) -> None:
        """Forget everything if something was remembered after a later batch than this, the last one that is pinned."""
        with self._memory() as memory:
            if _remembered_up_to(memory) > batch_number:
                with memory:
                    for table in ("files", "folders", "loaded"):
                        memory.execute(f"delete from {table}")

    def find_fresh(
        self, landing: Path, record_type: str, *, now: float | None = None, is_noted: bool = True
    ) -> list[LandedFile]:
        """The deliverable files that were not remembered with their present stamps, sorted by name.

        Costs a look at each folder, and one at each file of those that changed lately. Without `is_noted` nothing is
        written.
        """
        now = time.time() if now is None else now
        fresh: list[LandedFile] = []
        looked_at: list[_Folder] = []
        with self._memory() as memory:
            known = {row[0]: _Folder.of_row(row) for row in memory.execute("select * from folders")}
            subfolders: defaultdict[str, list[str]] = defaultdict(list)
            for folder in known.values():
                subfolders[folder.parent].append(folder.name)
            gone, pending = set(known), [(record_type, "")]
            while pending:
                name, parent = pending.pop()
                stamp = _stamp_of(landing / name)
                if stamp is None:
                    continue
                gone.discard(name)
                before = known.get(name)
                if before is not None and before.is_as_it_was(stamp, now):
                    pending += [(subfolder, name) for subfolder in subfolders[name]]
                    continue
                files, inner = list_folder(landing, landing / name)
                pending += [(path.relative_to(landing).as_posix(), name) for path in inner]
                stamps = _stamps(memory, name)
                new = [file for file in files if stamps.get(file.path.name) != file.stamp]
                noted_at = before.noted_at if before is not None and before.stamp == stamp else now
                is_quiet = not new and now - noted_at >= _QUIET_AFTER_S
                looked_at.append(_Folder(name, parent, stamp, noted_at, now, is_quiet))
                fresh += new
            if is_noted and (looked_at or gone):
                _note(memory, looked_at, gone)
        return sorted(fresh, key=lambda file: file.name)

    def remember(self, files: Iterable[LandedFile], *, batch_number: int = 0) -> None:
        """Keep files that were loaded, held, discarded or set aside, up to the batch that is pinned now."""
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
        memory.executescript(_CREATE)
    except sqlite3.DatabaseError:
        memory.close()
        raise
    return memory


def _remembered_up_to(memory: sqlite3.Connection) -> int:
    (batch_number,) = memory.execute("select coalesce(max(batch_number), 0) from loaded").fetchone()
    return int(batch_number)


def _stamp_of(folder: Path) -> tuple[int, int, int] | None:
    try:
        status = folder.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _stamps(memory: sqlite3.Connection, folder: str) -> dict[str, list[int]]:
    rows = memory.execute("select name, size, mtime_ns, inode from files where folder = ?", [folder])
    return {name: stamp for name, *stamp in rows}


def _note(memory: sqlite3.Connection, looked_at: Iterable[_Folder], gone: Iterable[str]) -> None:
    with memory:
        memory.executemany("delete from folders where name = ?", [(folder,) for folder in gone])
        memory.executemany("delete from files where folder = ?", [(folder,) for folder in gone])
        memory.executemany(
            "insert or replace into folders values (?, ?, ?, ?, ?, ?, ?, ?)",
            [folder.as_row() for folder in looked_at],
        )
