"""Maps each version of a raw table to its last batch and load time, and so to its records in the current files.

Records are only ever added, and batches are numbered in the order of promotion: a version's records are those of its
last batch and of all earlier ones, whatever files they are in now. The last batch is in the Delta log; before the log
is trimmed, it is copied to a register.
"""

import json
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from allive.ingestion.durable import sync_file
from allive.ingestion.raw_tables import REJECTS, read_pins, stored_files, table_path
from allive.ingestion.settings import Settings

_COMMIT = re.compile(r"\d{20}\.json")
# `promoted` is the batch that a version promoted, with or without records: 0 if it promoted none, -1 if its number is
# not known, null if an earlier version of the project wrote the row.
_CREATE = """
    create table if not exists versions (
        raw_table text, version integer, batch_number integer, committed_ms integer, promoted integer,
        primary key (raw_table, version)
    ) without rowid;
    create index if not exists of_batches on versions (raw_table, batch_number);
"""


class UnknownVersionError(Exception):
    """A version of a raw table does not exist, or no longer exists."""


class DamagedLogError(Exception):
    """An entry of a raw table's log, or the register of versions, exists but cannot be read."""


@dataclass(frozen=True)
class Records:
    """The records of one version of a raw table: all records in these files, or only those up to a batch."""

    files: tuple[Path, ...]
    up_to: int | None
    """The last batch that counts; None if the files contain no later one."""


@dataclass(frozen=True)
class Commit:
    """One entry of a raw table's log."""

    version: int
    batch_number: int | None
    """The batch whose records it added; None if it added no records."""
    committed_at: datetime
    removed: tuple[str, ...]
    """Files that it replaced with others that have the same records."""
    contents: frozenset[str] = frozenset()
    """The app transactions of a promotion, which identify the contents that it loaded."""
    promoted: int | None = None
    """The number of the batch that it promoted, with or without records; None if it is not known."""
    is_ours: bool = True
    """True if it is of a kind that this project writes: a promotion, a compaction, or an entry without files."""

    @property
    def is_promotion(self) -> bool:
        """True if it promoted a batch: its records, or only the register's entries for its contents."""
        return bool(self.contents)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read an entry of the log.

        Raises:
            DamagedLogError: it exists but cannot be read.
        """
        try:
            return cls._of([json.loads(line) for line in path.read_bytes().splitlines()], path)
        except FileNotFoundError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            where = "/".join(path.parts[-3:])
            raise DamagedLogError(f"raw/{where} cannot be read ({type(error).__name__})") from error

    @classmethod
    def _of(cls, actions: list[dict[str, Any]], path: Path) -> Self:
        if not actions:
            raise ValueError("empty")
        info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
        added = [action["add"] for action in actions if "add" in action]
        removed = [action["remove"] for action in actions if "remove" in action]
        contents = frozenset(action["txn"]["appId"] for action in actions if "txn" in action)
        if contents:
            batch_number = max((_batch_of(add) for add in added if add["dataChange"]), default=None)
            table = path.parts[-3]
            is_ours = not removed and (table == REJECTS or all(one.startswith(f"{table}/") for one in contents))
        else:
            batch_number = None
            is_compaction = info.get("allive") == "compaction"
            is_ours = all(is_compaction and not action["dataChange"] for action in (*added, *removed))
        noted = int(info["allive_batch"]) if info.get("allive") == "promotion" else None
        return cls(
            version=int(path.stem),
            batch_number=batch_number,
            committed_at=datetime.fromtimestamp(info.get("timestamp", path.stat().st_mtime * 1000) / 1000, UTC),
            removed=tuple(remove["path"] for remove in removed),
            contents=contents,
            promoted=noted if noted is not None else batch_number,
            is_ours=is_ours,
        )


def _batch_of(add: dict[str, Any]) -> int:
    number: int = json.loads(add["stats"])["maxValues"]["batch_number"]
    return number


@dataclass(frozen=True)
class Noted:
    """The register's row for a version whose entry in the log is gone."""

    version: int
    batch_number: int | None
    promoted: int | None
    """As in the register's column: 0 if none, -1 if its number is not known, None if nothing is known."""

    @property
    def is_promotion(self) -> bool:
        """True if it is known to have promoted a batch."""
        return bool(self.promoted) or self.batch_number is not None


def logged_versions(settings: Settings, table: str) -> dict[int, Path]:
    """The entries that are still in a raw table's log, oldest first."""
    log = table_path(settings, table) / "_delta_log"
    if not log.is_dir():
        return {}
    return {int(path.stem): path for path in sorted(log.iterdir()) if _COMMIT.fullmatch(path.name)}


def records_of(settings: Settings, table: str, version: int | None) -> Records:
    """The files that now contain the records of a raw table's version.

    Raises:
        UnknownVersionError: the table never reached this version, or its content is no longer known.
    """
    if version is None:
        return Records((), None)
    pins = read_pins(settings)
    pinned = pins.versions[table]
    if pinned is None or version > pinned:
        raise UnknownVersionError(f"raw/{table} is at version {pinned}, expected {version} or a later one")
    files = stored_files(settings, table, pins.layouts[table])
    folder = table_path(settings, table)
    if version == pinned:
        return Records(tuple(folder / file.path for file in files), None)
    last_batch = last_batch_of(settings, table, version)
    within = [file for file in files if file.first_batch <= last_batch]
    is_mixed = any(file.last_batch > last_batch for file in within)
    return Records(tuple(folder / file.path for file in within), last_batch if is_mixed else None)


def last_batch_of(settings: Settings, table: str, version: int) -> int:
    """The last batch with records in a raw table's version; 0 before the first one.

    Raises:
        UnknownVersionError: the version is in neither the log nor the register.
    """
    logged = logged_versions(settings, table)
    below = version
    while (path := logged.get(below)) is not None:
        batch_number = Commit.read(path).batch_number
        if batch_number is not None:
            return batch_number
        below -= 1
    if below < 0:
        return 0
    with _register(settings) as register:
        is_noted = register.execute(
            "select count(*) from versions where raw_table = ? and version = ?", [table, below]
        ).fetchone()[0]
        row = register.execute(
            "select batch_number from versions where raw_table = ? and version <= ? and batch_number is not null "
            "order by version desc limit 1",
            [table, below],
        ).fetchone()
    if not is_noted:
        raise UnknownVersionError(f"version {version} of raw/{table} is in neither its log nor the register")
    return row[0] if row else 0


def loaded_at(settings: Settings, table: str, version: int) -> datetime | None:
    """When a raw table reached a version; None if that is no longer known."""
    path = table_path(settings, table) / "_delta_log" / f"{version:020}.json"
    if path.exists():
        return Commit.read(path).committed_at
    with _register(settings) as register:
        row = register.execute(
            "select committed_ms from versions where raw_table = ? and version = ?", [table, version]
        ).fetchone()
    return datetime.fromtimestamp(row[0] / 1000, UTC) if row else None


def batches_loaded_at(settings: Settings, table: str, batch_numbers: Iterable[int]) -> dict[int, datetime]:
    """When each batch added records to a raw table; batches that added none are left out."""
    wanted, found = set(batch_numbers), {}
    with _register(settings) as register:
        for number in wanted:
            row = register.execute(
                "select committed_ms from versions where raw_table = ? and batch_number = ?", [table, number]
            ).fetchone()
            if row:
                found[number] = datetime.fromtimestamp(row[0] / 1000, UTC)
    for path in reversed(logged_versions(settings, table).values()):
        if wanted <= found.keys():
            break
        commit = Commit.read(path)
        if commit.batch_number in wanted:
            found[commit.batch_number] = commit.committed_at
    return found


def note_versions(settings: Settings, table: str) -> None:
    """Copy the versions of a raw table's log to the register, durably, so that the log can be trimmed."""
    with _register(settings, is_written=True) as register:
        (noted,) = register.execute("select max(version) from versions where raw_table = ?", [table]).fetchone()
        new = [
            Commit.read(path)
            for version, path in logged_versions(settings, table).items()
            if noted is None or version > noted
        ]
        with register:
            register.executemany(
                "insert into versions (raw_table, version, batch_number, committed_ms, promoted) "
                "values (?, ?, ?, ?, ?)",
                [
                    (
                        table,
                        commit.version,
                        commit.batch_number,
                        round(commit.committed_at.timestamp() * 1000),
                        (commit.promoted or -1) if commit.is_promotion else 0,
                    )
                    for commit in new
                ],
            )


def noted_versions(settings: Settings, table: str, *, before: int | None = None) -> Iterator[Noted]:
    """The register's rows for a raw table, newest version first.

    Raises:
        DamagedLogError: the register exists but cannot be read.
    """
    with _register(settings) as register:
        names = {name for _, name, *_ in register.execute("pragma table_info(versions)")}
        promoted = "promoted" if "promoted" in names else "null"
        yield from (
            Noted(*row)
            for row in register.execute(
                f"select version, batch_number, {promoted} from versions where raw_table = ? and version < ? "
                "order by version desc",
                [table, sys.maxsize if before is None else before],
            )
        )


def register_path(settings: Settings) -> Path:
    """The path of the register of versions."""
    return settings.raw_dir / "versions.sqlite"


@contextmanager
def _register(settings: Settings, *, is_written: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the register. Unless `is_written`, it is opened read-only, and no file is created next to it."""
    path = register_path(settings)
    try:
        with closing(_opened(path, is_written=is_written)) as register:
            yield register
    except sqlite3.DatabaseError as error:
        raise DamagedLogError(f"raw/{path.name} cannot be read ({error})") from error


def _opened(path: Path, *, is_written: bool) -> sqlite3.Connection:
    # Release 0.1.0, killed while it created the register, left an empty file.
    if not path.exists() or path.stat().st_size == 0:
        if not is_written:
            return _with_table(sqlite3.connect(":memory:"))
        _create(path)
    if is_written:
        return _with_table(sqlite3.connect(path))
    # If a writer was killed in a transaction, only a connection that can write can roll it back.
    mode = "rw" if path.with_name(f"{path.name}-journal").exists() else "ro"
    return sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True)


def _create(path: Path) -> None:
    """Create the register with its table, then give it its name: without the table, it would look damaged."""
    aside = path.with_name(f".{path.name}.tmp")
    for leftover in (aside, aside.with_name(f"{aside.name}-journal"), path.with_name(f"{path.name}-journal")):
        leftover.unlink(missing_ok=True)
    _with_table(sqlite3.connect(aside)).close()
    aside.replace(path)
    sync_file(path.parent)


def _with_table(register: sqlite3.Connection) -> sqlite3.Connection:
    try:
        register.executescript(f"pragma synchronous = full; {_CREATE}")
        if all(name != "promoted" for _, name, *_ in register.execute("pragma table_info(versions)")):
            register.execute("alter table versions add column promoted integer")
    except sqlite3.Error:
        register.close()
        raise
    return register
