"""Checks that the warehouse file is unchanged since the project last wrote to it.

A manual dbt run, an `update` in DuckDB's shell or a killed run leaves no trace inside the tables. It does show in the
file's header, which changes with every checkpoint, and in the random token of each build. Both are noted in a file next
to the warehouse when a build ends. A warehouse that does not match its note is never used for a build or a close. If
the note is forged too, the proof catches it: it reads the pinned records (`allive.payouts.verification.proving`).
"""

import hashlib
import secrets
from pathlib import Path
from typing import Any, Final

import duckdb

from allive.ingestion.durable import read_json, write_json
from allive.ingestion.settings import Settings

_HEADER_BYTES: Final = 3 * 4096
"""DuckDB's main header and its two database headers. Each checkpoint rewrites one of the two."""


class WarehouseInUseError(Exception):
    """Another program has the warehouse open: it cannot be checked, and might be intact."""


def draw_token() -> str:
    """Return a random token that identifies one build; the warehouse stores it as `build.begun.token`."""
    return secrets.token_hex(16)


def forget_mark(settings: Settings) -> None:
    """Delete the note before the project writes to the warehouse, so that a killed run leaves none."""
    _note_path(settings).unlink(missing_ok=True)


def note_mark(settings: Settings, token: str) -> None:
    """Note durably how the project left the warehouse; every connection to it must be closed."""
    write_json(_note_path(settings), {"token": token, **_state(settings)})


def why_not_as_left(settings: Settings) -> str | None:
    """Return what is wrong with the warehouse file, in words; None if it is as the project left it.

    Opens the file to read its token, which fails while another process is writing.

    Raises:
        WarehouseInUseError: Another process is writing.
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
            return None if _token(con) == note.get("token") else "it is not the file that was built"
    except duckdb.Error as error:
        if "lock" in str(error):
            raise WarehouseInUseError(
                f"{settings.warehouse_path} is open in another program ({str(error).splitlines()[0]}). Close it, then "
                "run again; to look at figures, use `allive dbt` or the serving copy."
            ) from error
        return f"DuckDB cannot read it ({str(error).splitlines()[0]})"


def is_as_left(settings: Settings, con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the warehouse that `con` reads is as the project left it; no one can write to it while `con` is open."""
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
