"""Cutting CSV text with quotes into numbered records (RFC 4180): pure, no I/O."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CELL_BYTES = 4 << 20

# The module's limit is the process's: 128 KiB would break cells that the quote-free path takes.
csv.field_size_limit(MAX_CELL_BYTES)


@dataclass(frozen=True)
class CsvRecord:
    """A record, the line it begins on, its text; no cells if it cannot be cut."""

    line: int
    raw: str
    cells: list[str] | None


class _Feed(Iterator[str]):
    """Lines for csv.reader; tells how far it read, and whether it wanted more than there was."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self.position = 0
        self.is_exhausted = False

    def __next__(self) -> str:
        if self.position == len(self._lines):
            self.is_exhausted = True
            raise StopIteration
        self.position += 1
        return self._lines[self.position - 1]


def lines_of(content: bytes) -> list[bytes]:
    r"""The lines with their ends; only `\n` ends one.

    >>> lines_of(b"a\rb\nc")
    [b'a\rb\n', b'c']
    """
    lines = [line + b"\n" for line in content.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def cut_records(content: bytes, first_line: int, *, is_end: bool) -> tuple[list[CsvRecord], int]:
    """Cut content into records; an open one at its end is left unless `is_end`.

    A quote that is never closed costs its own line, not the rest of the file.

    Args:
        content: whole lines.
        first_line: the number of the first of them.
        is_end: whether nothing follows.

    Returns:
        The records, and how many lines they take.
    """
    lines = [line.decode("utf-8", "surrogateescape") for line in lines_of(content)]
    records: list[CsvRecord] = []
    feed = _Feed(lines)
    reader = csv.reader(feed, strict=True)
    while feed.position < len(lines):
        start = feed.position
        cells: list[str] | None
        try:
            cells = next(reader)
        except csv.Error:
            cells = None
            if feed.is_exhausted:
                is_hopeless = sum(map(len, lines[start:])) > MAX_CELL_BYTES
                if not (is_end or is_hopeless):
                    return records, start
                feed.position, feed.is_exhausted = start + 1, False
        raw = "".join(lines[start : feed.position])
        if not _is_text(raw):
            cells = None
            raw = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        records.append(CsvRecord(first_line + start, raw, cells))
    return records, feed.position


def _is_text(raw: str) -> bool:
    if raw.isascii():
        return True
    try:
        raw.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
