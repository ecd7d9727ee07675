"""Files that survive a crash: written whole or not at all, and on the disk when a call returns."""

import json
import os
from pathlib import Path
from typing import Any


def sync_file(path: Path) -> None:
    """Force a file's or a directory's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Any) -> None:
    """Replace a JSON file atomically and durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1, default=str)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_file(path.parent)


def read_json(path: Path) -> Any | None:
    """Read a JSON file; None where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def append_json_line(path: Path, content: Any) -> None:
    """Append a line to an NDJSON file, durably.

    An unfinished last line (its writer died) is dropped first: it would swallow this one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _drop_unfinished_line(path)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(content, ensure_ascii=False, default=str) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _drop_unfinished_line(path: Path) -> None:
    if path.exists():
        finished = path.read_bytes().rpartition(b"\n")
        os.truncate(path, len(finished[0]) + len(finished[1]))


def read_json_lines(path: Path) -> list[Any]:
    """Read an NDJSON file; an unfinished last line (its writer died) is left out."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]
