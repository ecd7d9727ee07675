"""What a version of a raw table means: the last batch in it, and when it came; hence its records in the files of today.

Records are only ever added, and batches are numbered in the order of promotion: a version's records are those of its
last batch and of all before, whatever files they lie in now. The Delta log tells a version's last batch; a register
keeps what it told before the log is trimmed.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from ingestion.durable import sync_file
from ingestion.raw_tables import read_pins, stored_files, table_path
from ingestion.settings import Settings

_COMMIT = re.compile(r"\d{20}\.json")
_CREATE = """
    create table if not exists versions (
        raw_table text, version integer, batch_number integer, committed_ms integer,
        primary key (raw_table, version)
    ) without rowid;
    create index if not exists of_batches on versions (raw_table, batch_number);
"""


class UnknownVersionError(Exception):
    """A version of a raw table that is not there, or not any more."""


@dataclass(frozen=True)
class Records:
    """The records of one version of a raw table: all in these files, or those up to a batch."""

    files: tuple[Path, ...]
    up_to: int | None
    """The last batch that counts; None where the files hold nothing later."""


@dataclass(frozen=True)
class Commit:
    """One entry of a raw table's log."""

    version: int
    batch_number: int | None
    """Of the batch that it brought; None if it brought no records."""
    committed_at: datetime
    removed: tuple[str, ...]
    """Files that it replaced by others with the same records."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read an entry of the log."""
        actions: list[dict[str, Any]] = [json.loads(line) for line in path.read_bytes().splitlines()]
        info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
        added = [action["add"] for action in actions if "add" in action]
        batches = [json.loads(add["stats"])["maxValues"]["batch_number"] for add in added if add["dataChange"]]
        return cls(
            version=int(path.stem),
            batch_number=max(batches, default=None),
            committed_at=datetime.fromtimestamp(info.get("timestamp", path.stat().st_mtime * 1000) / 1000, UTC),
            removed=tuple(action["remove"]["path"] for action in actions if "remove" in action),
        )


def logged_versions(settings: Settings, table: str) -> dict[int, Path]:
    """The entries that a raw table's log still has, the oldest first."""
    log = table_path(settings, table) / "_delta_log"
    if not log.is_dir():
        return {}
    return {int(path.stem): path for path in sorted(log.iterdir()) if _COMMIT.fullmatch(path.name)}


def records_of(settings: Settings, table: str, version: int | None) -> Records:
    """Where the records of a raw table's version lie now.

    Raises:
        UnknownVersionError: the table never came to this version, or nothing tells any more what was in it.
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
    """The last batch that a raw table's version holds records of; 0 before any.

    Raises:
        UnknownVersionError: neither the log nor the register knows.
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
    """When a raw table came to a version; None if that is not known any more."""
    path = table_path(settings, table) / "_delta_log" / f"{version:020}.json"
    if path.exists():
        return Commit.read(path).committed_at
    with _register(settings) as register:
        row = register.execute(
            "select committed_ms from versions where raw_table = ? and version = ?", [table, version]
        ).fetchone()
    return datetime.fromtimestamp(row[0] / 1000, UTC) if row else None


def batches_loaded_at(settings: Settings, table: str, batch_numbers: Iterable[int]) -> dict[int, datetime]:
    """When batches brought records to a raw table: of each that did."""
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
    """Enter in the register, durably, what the log tells of its versions: from now on it may be trimmed."""
    with _register(settings, is_written=True) as register:
        (noted,) = register.execute("select max(version) from versions where raw_table = ?", [table]).fetchone()
        new = [
            Commit.read(path)
            for version, path in logged_versions(settings, table).items()
            if noted is None or version > noted
        ]
        with register:
            register.executemany(
                "insert into versions values (?, ?, ?, ?)",
                [(table, c.version, c.batch_number, round(c.committed_at.timestamp() * 1000)) for c in new],
            )


@contextmanager
def _register(settings: Settings, *, is_written: bool = False) -> Iterator[sqlite3.Connection]:
    path = settings.raw_dir / "versions.sqlite"
    is_new = not path.exists()
    with closing(sqlite3.connect(path if is_written or not is_new else ":memory:")) as register:
        register.executescript(f"pragma synchronous = full; {_CREATE}" if is_written or is_new else "")
        if is_written and is_new:
            sync_file(path.parent)
        yield register
