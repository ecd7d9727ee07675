"""Writes files that survive a crash: written completely or not at all, and on the disk when a call returns."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

APPEND_TIMEOUT_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.01


class LogBusyError(Exception):
    """Another process kept a log locked for longer than any append takes."""


def sync_file(path: Path) -> None:
    """Force a file's or a directory's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file atomically and durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_file(path.parent)


def write_json(path: Path, content: Any) -> None:
    """Replace a JSON file atomically and durably."""
    write_bytes(path, json.dumps(content, ensure_ascii=False, indent=1, default=str).encode())


def read_json(path: Path) -> Any | None:
    """Read a JSON file; None if it does not exist."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def append_json_line(path: Path, content: Any) -> None:
    """Append a line to an NDJSON file, durably.

    An unfinished last line (its writer died) is removed first: the new line would be joined to it.
    """
    with appending(path) as log:
        log.write((json.dumps(content, ensure_ascii=False, default=str) + "\n").encode())


@contextmanager
def appending(path: Path) -> Iterator[IO[bytes]]:
    """Lock a log for one append, and sync it to the disk afterwards.

    Code in the block can read the complete log: no other process can append. An unfinished last line (its writer died)
    is removed first: it was never acknowledged, and the new content would be joined to it.

    Raises:
        LogBusyError: Another process holds the log.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        _lock(log, path)
        finished = path.read_bytes().rpartition(b"\n")
        log.truncate(len(finished[0]) + len(finished[1]))
        yield log
        log.flush()
        os.fsync(log.fileno())


def _lock(log: IO[bytes], path: Path) -> None:
    """Lock the log itself. The operating system releases the lock when the log is closed or its holder dies."""
    deadline = time.monotonic() + APPEND_TIMEOUT_S
    while True:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise LogBusyError(
                    f"{path} has been locked by another process for {APPEND_TIMEOUT_S:.0f} s; expected it free within "
                    "milliseconds. Nothing was recorded: end the hanging process, then repeat the command."
                ) from None
            time.sleep(_LOOK_EVERY_S)
        else:
            return


def read_json_lines(path: Path) -> list[Any]:
    """Read an NDJSON file; an unfinished last line (its writer died) is skipped."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]
