"""The published serving copy, opened for reading. A copy never changes, so what was read of it is remembered.

Authorization is not asked here but in `queries`, before the memory: what is remembered depends on the copy, the SQL and
its parameters alone, never on who asked.
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

from ingestion.settings import Settings

CURRENT: Final = "current.duckdb"
_KEPT_OPEN: Final = 2
_REMEMBERED_RESULTS: Final = 4_096

Row = Mapping[str, Any]
Rows = tuple[Row, ...]

_databases: dict[Path, duckdb.DuckDBPyConnection] = {}
_lock = threading.Lock()


class ServingCopyMissingError(RuntimeError):
    """Nothing has been published yet, or the copy is gone."""


@dataclass(frozen=True)
class ServingCopy:
    """One immutable copy; everything on a page comes from the same one."""

    path: Path
    published_at: datetime
    data_until_at: datetime | None
    """The latest heartbeat in it; None where there is none."""

    def rows(self, sql: str, *parameters: str | int | None) -> Rows:
        """Return the result of a query whose values are bound, in the order it gives."""
        return _rows(self.path, sql, parameters)


def current_copy(settings: Settings) -> ServingCopy:
    """Return the copy that is in service now.

    The link is resolved first: DuckDB shares one instance a path, and would serve a replaced file stale for ever.

    Raises:
        ServingCopyMissingError: nothing is published, or what is there cannot be read.
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
            # Those who still read an older copy hold a cursor on it, which keeps it open until they are done.
            for old in list(_databases)[:-_KEPT_OPEN]:
                del _databases[old]
        return _databases[path]
