"""The audit log: who did what to the money, when and why. Append-only, each line chained to the one before.

The log is `payouts/audit.ndjson`. A line's `previous` is the SHA-256 of the line before it (of nothing for the first),
so that a line that is changed, dropped or put in between breaks the chain. Its `sha256` is that of the line without it.
"""

import getpass
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from ingestion.settings import Settings


def log_path(settings: Settings) -> Path:
    """Return the path of the audit log."""
    return settings.payouts_dir / "audit.ndjson"


def operator_name(settings: Settings) -> str:
    """Return who acts: the setting, or the login name."""
    return settings.operator or getpass.getuser()


def engine_name(settings: Settings) -> str:
    """Return what computed the warehouse, with its version; a month's files do not know it."""
    of_duckdb = f"duckdb {duckdb.__version__}"
    return f"spark {version('pyspark')}, {of_duckdb}" if settings.engine == "spark" else of_duckdb


def record(settings: Settings, *, action: str, operator: str, **details: Any) -> dict[str, Any]:
    """Append one line to the log, durably, and return it.

    `details` say what was acted upon; their values must be JSON.
    """
    path = log_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    _drop_torn_line(path)
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "operator": operator,
        "action": action,
        **details,
        "previous": _last_line_hash(path),
    }
    # A line seals itself too: nothing follows the last one that could.
    entry["sha256"] = hashlib.sha256(json.dumps(entry, ensure_ascii=False).encode()).hexdigest()
    line = json.dumps(entry, ensure_ascii=False) + "\n"
    with path.open("ab") as log:
        log.write(line.encode())
        log.flush()
        os.fsync(log.fileno())
    return entry


def entries(settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield the log's lines in order; a torn last line (never acknowledged) is left out."""
    for line in _whole_lines(log_path(settings)):
        yield json.loads(line)


def identified_entries(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each entry with its id, the SHA-256 of its line: what a run names that an entry went into."""
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


def _drop_torn_line(path: Path) -> None:
    # A crash in the middle of an append leaves a line without its end. Nobody was told that it was recorded, and the
    # caller that was interrupted records it again.
    if not path.exists() or path.stat().st_size == 0:
        return
    whole = sum(len(line) for line in _whole_lines(path))
    if whole != path.stat().st_size:
        with path.open("rb+") as log:
            log.truncate(whole)
            os.fsync(log.fileno())
