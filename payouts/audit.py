"""The audit log: who did what to the money, when and why. Append-only, each line chained to the one before.

The log is `payouts/audit.ndjson`. A line's `previous` is the SHA-256 of the line before it (of the empty string for the
first line), so changing, dropping or inserting a line breaks the chain. Its `sha256` is the hash of the line without
that field. Each line starts with its `format`; a line without one has format 1.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from allive.ingestion.durable import appending
from allive.ingestion.os_user import acting_user
from allive.ingestion.settings import Settings
from allive.payouts.formats import AUDIT_FILE, AUDIT_FORMAT, require_known_lines


def log_path(settings: Settings) -> Path:
    """Return the path of the audit log."""
    return settings.payouts_dir / AUDIT_FILE


def operator_name(settings: Settings) -> str:  # noqa: ARG001 - no setting can override it
    """Return who acts: the operating system user, and who signed in if that is a different user."""
    return acting_user()


def engine_name(settings: Settings) -> str:
    """Return the engine that computed the warehouse, with its version. A month's files do not contain it."""
    of_duckdb = f"duckdb {duckdb.__version__}"
    return f"spark {version('pyspark')}, {of_duckdb}" if settings.engine == "spark" else of_duckdb


def record(settings: Settings, *, action: str, operator: str, **details: Any) -> dict[str, Any]:
    """Append one line to the log, durably, and return it.

    Several processes can record at the same time: each line chains to the one before. `details` describe what the
    action applies to; their values must be JSON.

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
        # Each line also has its own hash: no next line protects the last one.
        entry["sha256"] = hashlib.sha256(json.dumps(entry, ensure_ascii=False).encode()).hexdigest()
        log.write((json.dumps(entry, ensure_ascii=False) + "\n").encode())
    return entry


def entries(settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield the log's lines in order, without a torn last line (its write was never acknowledged).

    Raises:
        FormatError: Some lines are newer than the code.
    """
    require_known_lines(settings)
    for line in _whole_lines(log_path(settings)):
        yield json.loads(line)


def identified_entries(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each entry with its id, the SHA-256 of its line. A run lists the ids of the entries it took up.

    Raises:
        FormatError: Some lines are newer than the code.
    """
    require_known_lines(settings)
    for line in _whole_lines(log_path(settings)):
        yield hashlib.sha256(line.rstrip(b"\n")).hexdigest(), json.loads(line)


def head(settings: Settings) -> str:
    """Return the hash of the log's last line. A copy noted elsewhere proves later that no line up to it was changed."""
    return _last_line_hash(log_path(settings))


def _whole_lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def _last_line_hash(path: Path) -> str:
    lines = _whole_lines(path)
    return hashlib.sha256(lines[-1].rstrip(b"\n") if lines else b"").hexdigest()
