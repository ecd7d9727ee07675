"""The published serving copy, opened read-only. A copy never changes, so query results are cached.

`queries` checks authorization before it calls this module, so cached results depend only on the copy, the SQL and its
parameters, never on the viewer.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import duckdb

from allive.ingestion.settings import DATA_DOCS_FOLDER, Settings

CURRENT: Final = "current.duckdb"
_KEPT_OPEN: Final = 2
_REMEMBERED_RESULTS: Final = 4_096

Row = Mapping[str, Any]
Rows = tuple[Row, ...]

_databases: dict[Path, duckdb.DuckDBPyConnection] = {}
_lock = threading.Lock()


class ServingCopyMissingError(RuntimeError):
    """Nothing has been published yet, or the copy is missing or unreadable."""


@dataclass(frozen=True)
class ServingCopy:
    """One immutable copy. All figures on a page come from the same copy."""

    path: Path
    published_at: datetime
    data_until_at: datetime | None
    """Time of the latest heartbeat in the copy, or None if it has no heartbeats."""

    @property
    def has_data_docs(self) -> bool:
        """Whether there are data docs beside the copies."""
        return (self.path.parent / DATA_DOCS_FOLDER / "index.html").is_file()

    def rows(self, sql: str, *parameters: str | int | None) -> Rows:
        """Run a query with bound parameters and return its rows in order."""
        return _rows(self.path, sql, parameters)


def current_copy(settings: Settings) -> ServingCopy:
    """Return the current copy.

    The link is resolved first: DuckDB shares one instance per path and would go on serving a replaced file.

    Raises:
        ServingCopyMissingError: Nothing is published, or the copy cannot be read.
    """
    link = settings.serving_dir / CURRENT
    if not link.exists():
        raise ServingCopyMissingError(f"Found no serving copy at {link}; expected one. Run `allive run` to publish it.")
    path = link.resolve()
    try:
        published = _rows(path, "select published_at, data_until_at from published.copy", ())[0]
    except (duckdb.Error, IndexError) as error:
        raise ServingCopyMissingError(
            f"{path} is not a serving copy of this version ({error}). Run `allive run` to publish a new one."
        ) from error
    return ServingCopy(path=path, **published)


@lru_cache(maxsize=_REMEMBERED_RESULTS)
def _rows(path: Path, sql: str, parameters: tuple[str | int | None, ...]) -> Rows:
    with _database(path).cursor() as cursor:
        result = cursor.execute(sql, list(parameters))
        names = [column[0] for column in result.description or ()]
        return tuple(MappingProxyType(dict(zip(names, row, strict=True))) for row in result.fetchall())


def _database(path: Path) -> duckdb.DuckDBPyConnection:
    with _lock:
        if path not in _databases:
            con = duckdb.connect(path, read_only=True, config={"enable_external_access": "false", "threads": "2"})
            con.execute("set TimeZone = 'UTC'")
            con.execute("set lock_configuration = true")
            _databases[path] = con
            # Requests still reading an older copy hold a cursor on it, which keeps it open until they finish.
            for old in list(_databases)[:-_KEPT_OPEN]:
                del _databases[old]
        return _databases[path]
