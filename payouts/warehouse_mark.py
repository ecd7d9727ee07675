"""Whether the warehouse file is as the project left it: nobody else has written to it since.

dbt run by hand, an `update` in DuckDB's shell or a killed run leave no trace inside the tables. They do in the file's
header, which changes with every checkpoint, and in a token that each build draws. Both are noted beside the file when
a build ends; a file that does not fit its note is never built upon and never closed from. Whoever forges the note too
meets the proof, which asks the pinned records (`payouts.verification.proving`).
"""

import hashlib
import secrets
from pathlib import Path
from typing import Any, Final

import duckdb

from ingestion.durable import read_json, write_json
from ingestion.settings import Settings

_HEADER_BYTES: Final = 3 * 4096
"""DuckDB's main header and its two database headers, of which each checkpoint rewrites one."""


class WarehouseInUseError(Exception):
    """Another program has the warehouse open: it cannot be looked at, and nothing is known to be wrong with it."""


def draw_token() -> str:
    """Return what tells one build from every other; it stands in the warehouse as `build.begun.token`."""
    return secrets.token_hex(16)


def forget_mark(settings: Settings) -> None:
    """Drop the note, before the project writes to the warehouse: a killed run leaves none."""
    _note_path(settings).unlink(missing_ok=True)


def note_mark(settings: Settings, token: str) -> None:
    """Note, durably, how the project left the warehouse; every connection to it must be closed."""
    write_json(_note_path(settings), {"token": token, **_state(settings)})


def why_not_as_left(settings: Settings) -> str | None:
    """Return what is wrong with the warehouse file, in words; None if it is as the project left it.

    Opens the file to read its token, so no other process may be writing.

    Raises:
        WarehouseInUseError: One is.
    """
    note = _read_note(settings)
    if note is None:
        return "the run that wrote to it last was cut short, or was of an older version of the project"
    found = _state(settings)
    if found["bytes"] < note.get("bytes", 0):
        return f"it has {found['bytes']:,} bytes, expected {note['bytes']:,}: it was cut"
    if found != {name: note.get(name) for name in found}:
        return "something other than the project wrote to it"
    try:
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
            return None if _token(con) == note.get("token") else "it is another file than the one that was built"
    except duckdb.Error as error:
        if "lock" in str(error):
            raise WarehouseInUseError(
                f"{settings.warehouse_path} is open in another program ({str(error).splitlines()[0]}). Close it, then "
                "run again; to look at figures, use `allive dbt` or the serving copy."
            ) from error
        return f"DuckDB cannot read it ({str(error).splitlines()[0]})"


def is_as_left(settings: Settings, con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the warehouse that `con` reads is as the project left it; while `con` is open nobody can write to it."""
    note = _read_note(settings)
    return note is not None and note == {"token": _token(con), **_state(settings)}


def _state(settings: Settings) -> dict[str, Any]:
    with settings.warehouse_path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    wal = Path(f"{settings.warehouse_path}.wal")
    return {
        "bytes": settings.warehouse_path.stat().st_size,
        "header_sha256": hashlib.sha256(header).hexdigest(),
        "has_wal": wal.exists() and wal.stat().st_size > 0,
    }


def _token(con: duckdb.DuckDBPyConnection) -> str | None:
    try:
        row = con.execute("select token from build.begun").fetchone()
    except duckdb.Error:
        return None
    return str(row[0]) if row else None


def _read_note(settings: Settings) -> dict[str, Any] | None:
    try:
        note = read_json(_note_path(settings))
    except ValueError:
        return None
    return note if isinstance(note, dict) else None


def _note_path(settings: Settings) -> Path:
    return settings.warehouse_path.with_suffix(".mark.json")
