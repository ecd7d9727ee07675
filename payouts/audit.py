"""The audit log: who did what to the money, when and why. Append-only, each line chained to the one before.

The log is `payouts/audit.ndjson` (`chained_log`). A line without a `format` has format 1.
"""

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from allive.ingestion.os_user import acting_user
from allive.ingestion.settings import Settings
from allive.payouts import chained_log
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
    require_known_lines(settings)
    _, entry = chained_log.append(
        log_path(settings),
        {"operator": operator, "action": action, **details},
        format_number=AUDIT_FORMAT,
    )
    return entry


def entries(settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield the log's lines in order, without a torn last line (its write was never acknowledged).

    Raises:
        FormatError: Some lines are newer than the code.
    """
    for _, entry in identified_entries(settings):
        yield entry


def identified_entries(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each entry with its id, the SHA-256 of its line. A run lists the ids of the entries it took up.

    Raises:
        FormatError: Some lines are newer than the code.
    """
    require_known_lines(settings)
    for entry_id, line in chained_log.lines(log_path(settings)):
        yield entry_id, json.loads(line)


def head(settings: Settings) -> str:
    """Return the hash of the log's last line. A copy noted elsewhere proves later that no line up to it was changed."""
    return chained_log.head(log_path(settings))
