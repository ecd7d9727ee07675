"""The audit log: who did what to the money, when and why. Append-only, each line chained to the one before.

The log is `payouts/audit.ndjson`. A line's `previous` is the SHA-256 of the line before it (of nothing for the first),
so that a line that is changed, dropped or put in between breaks the chain. Its `sha256` is that of the line without it.
It begins with its `format`; a line without one has format 1.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from ingestion.durable import appending
from ingestion.os_user import acting_user
from ingestion.settings import Settings
from payouts.formats import AUDIT_FILE, AUDIT_FORMAT, require_known_lines


def log_path(settings: Settings) -> Path:
    """Return the path of the audit log."""
    return settings.payouts_dir / AUDIT_FILE


def operator_name(settings: Settings) -> str:  # noqa: ARG001 - a setting must not say it
    """Return who acts: the user of the operating system, and who signed in where that is somebody else."""
    return acting_user()


def engine_name(settings: Settings) -> str:
    """Return what computed the warehouse, with its version; a month's files do not know it."""
    of_duckdb = f"duckdb {duckdb.__version__}"
    return f"spark {version('pyspark')}, {of_duckdb}" if settings.engine == "spark" else of_duckdb


def record(settings: Settings, *, action: str, operator: str, **details: Any) -> dict[str, Any]:
    """Append one line to the log, durably, and return it.

    Several processes may record at once: each line follows the one before. `details` say what was acted upon; their
    values must be JSON.

    Raises:
        FormatError: The log has lines that are newer than the code.
        LogBusyError: Another process holds the log.
    """
    path = log_path(settings)
    require_known_lines(settings)
    with appending(path) as log:
        entry = {
            "format": AUDIT_FORMAT,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "operator": operator,
            "action": action,
            **details,
            "previous": _last_line_hash(path),
        }
        # A line seals itself too: nothing follows the last one that could.
        entry["sha256"] = hashlib.sha256(json.dumps(entry, ensure_ascii=False).encode()).hexdigest()
        log.write((json.dumps(entry, ensure_ascii=False) + "\n").encode())
    return entry


def entries(settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield the log's lines in order; a torn last line (never acknowledged) is left out.

    Raises:
        FormatError: Some are newer than the code.
    """
    require_known_lines(settings)
    for line in _whole_lines(log_path(settings)):
        yield json.loads(line)


def identified_entries(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each entry with its id, the SHA-256 of its line: what a run names that an entry went into.

    Raises:
        FormatError: Some are newer than the code.
    """
    require_known_lines(settings)
    for line in _whole_lines(log_path(settings)):
        yield hashlib.sha256(line.rstrip(b"\n")).hexdigest(), json.loads(line)


def head(settings: Settings) -> str:
    """Return the hash of the log's last line: noted elsewhere, it proves later that nothing before it was changed."""
    return _last_line_hash(log_path(settings))


def _whole_lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def _last_line_hash(path: Path) -> str:
    lines = _whole_lines(path)
    return hashlib.sha256(lines[-1].rstrip(b"\n") if lines else b"").hexdigest()
