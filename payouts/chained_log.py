"""An append-only log of JSON lines, each chained to the one before: the audit log and the register of payments.

A line's `previous` is the SHA-256 of the line before it (of the empty string for the first line), so changing, dropping
or inserting a line breaks the chain. Its `sha256` is the hash of the line without that field: no next line protects the
last one. Each line starts with its `format`. A line's id is the SHA-256 of the whole line.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from allive.ingestion.durable import appending

NO_LINE: Final = hashlib.sha256(b"").hexdigest()
"""The head of a log without lines."""


class ChangedMeanwhileError(RuntimeError):
    """Another process appended a line after the log was read: what was decided from it may no longer be right."""


def append(
    path: Path, content: dict[str, Any], *, format_number: int, expected_head: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Append one line, durably, and return its id and its entry.

    Several processes can append at the same time: each line chains to the one before.

    Args:
        path: The log, created if missing.
        content: The line without `format`, `at`, `previous` and `sha256`; its values must be JSON.
        format_number: The format of the line.
        expected_head: The head that the content was decided from; None if any will do.

    Raises:
        ChangedMeanwhileError: The log has another head by now; nothing was appended.
        LogBusyError: Another process holds the log.
    """
    with appending(path) as log:
        previous = head(path)
        if expected_head is not None and previous != expected_head:
            raise ChangedMeanwhileError(f"{path.name} got another line meanwhile. Nothing was recorded; look again.")
        entry = {
            "format": format_number,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            **content,
            "previous": previous,
        }
        entry["sha256"] = hashlib.sha256(json.dumps(entry, ensure_ascii=False).encode()).hexdigest()
        line = json.dumps(entry, ensure_ascii=False).encode()
        log.write(line + b"\n")
    return _id_of(line), entry


def lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each line with its id, without a torn last line (its write was never acknowledged)."""
    for line in _whole_lines(path):
        content = line.rstrip(b"\n")
        yield _id_of(content), content


def is_sealed(line: bytes) -> bool:
    """Whether a line has the hash of itself without that hash."""
    entry = json.loads(line)
    sealed = entry.pop("sha256", None)
    return bool(sealed == hashlib.sha256(json.dumps(entry, ensure_ascii=False).encode()).hexdigest())


def head(path: Path) -> str:
    """Return the id of the last line. A copy noted elsewhere proves later that no line up to it was changed."""
    whole = _whole_lines(path)
    return _id_of(whole[-1].rstrip(b"\n")) if whole else NO_LINE


def _id_of(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _whole_lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
