"""Splits CSV text into its header and, if it contains quotes, into numbered records (RFC 4180). Pure, no I/O.

Every function takes time in proportion to the text.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from allive.ingestion.field_names import MAX_COLUMNS, field_meant
from allive.ingestion.landing import UnreadableFileError

SEPARATORS: Final = (",", ";", "\t")
MAX_HEADER_BYTES: Final = 1 << 20
MAX_CELL_BYTES: Final = 4 << 20
MAX_OPEN_BYTES: Final = 1 << 18
"""A quote that is not closed within this much text counts as never closed."""

_FILLED: Final = re.compile(rb"\S")
_NOT_UTF_8: Final = re.compile("[\udc80-\udcff]")
"""The output of `surrogateescape` for bytes that are not UTF-8; UTF-8 text never contains it."""
_NO_CHARACTER: Final = "\ufffd"
"""The output of `replace` for the five bytes that Windows-1252 does not define."""
_SHOWN: Final = 200
_BLANK: Final = ("\n", "\r\n")
"""Lines that are not records; there can be millions of them."""

# The limit is for the whole process. The default, 128 KiB, would reject cells that the quote-free path accepts.
csv.field_size_limit(MAX_CELL_BYTES)


@dataclass(frozen=True)
class CsvLayout:
    """How to split the records of a CSV file."""

    separator: str
    columns: tuple[str, ...]
    """The field of each column, by position; empty if it is not a field."""
    names: tuple[str, ...]
    """The header as delivered."""


class CsvRecord(NamedTuple):
    """A record: the line it begins on, its text and its cells; None if it cannot be split."""

    line: int
    raw: str
    cells: list[str] | None


class _Feed(Iterator[str]):
    """Lines for csv.reader. Records how far it has read, and whether it asked for more lines than there are."""

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


class _Alone:
    """A parser that treats each line as a complete text. Made once, because making one costs more than a line."""

    def __init__(self, separator: str) -> None:
        self._line: str | None = None
        self._is_exhausted = False
        self._reader = csv.reader(self, delimiter=separator, strict=True)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, self._line = self._line, None
        if line is None:
            self._is_exhausted = True
            raise StopIteration
        return line

    def cells(self, line: str) -> tuple[list[str] | None, bool]:
        """The cells of a line (None if it is not a record), and whether a quote is open at its end."""
        self._line, self._is_exhausted = line, False
        try:
            return next(self._reader), False
        except csv.Error:
            return None, self._is_exhausted


# --- the header ----------------------------------------------------------------------------------


def cut_header(content: bytes) -> tuple[bytes, bytes, int]:
    r"""The header line (empty if it is not complete yet), the rest, and the number of lines taken.

    >>> cut_header(b"\n \r\na,b\r\n1,2\n")
    (b'a,b', b'1,2\n', 3)
    >>> cut_header(b"\n\n a")
    (b'', b' a', 2)
    """
    filled = _FILLED.search(content)
    start = content.rfind(b"\n", 0, filled.start() if filled else len(content)) + 1
    end = content.find(b"\n", start) + 1
    if not (filled and end):
        return b"", content[start:], content.count(b"\n", 0, start)
    return content[start:end].rstrip(b"\r\n"), content[end:], content.count(b"\n", 0, end)


def find_header(pieces: Iterable[bytes]) -> bytes:
    """The header line of a CSV file; empty if there are only blank lines.

    Raises:
        UnreadableFileError: the line is too long.
    """
    rest = b""
    for piece in pieces:
        line, rest, _ = cut_header(rest + piece)
        if line:
            rest = line
            break
        if not rest.strip():
            rest = b""
        if len(rest) > MAX_HEADER_BYTES:
            break
    if len(rest) > MAX_HEADER_BYTES:
        raise UnreadableFileError(
            f"found a CSV header of more than {MAX_HEADER_BYTES:,} bytes, expected at most as many"
        )
    return rest.rstrip(b"\r\n") if rest.strip() else b""


def read_layout(header: bytes, fields: Sequence[str], required: Sequence[str]) -> CsvLayout:
    """Determine from the header line which separator the file has and which field each column is.

    Raises:
        UnreadableFileError: the columns have no required field, or a field twice, or there are too many columns.
    """
    text = decoded(header)[0]
    layouts = [layout for separator in SEPARATORS if (layout := _split_header(text, separator, fields))]
    if not layouts:
        raise UnreadableFileError(f"the CSV header cannot be read: found {text[:_SHOWN]!r}")
    best = max(layouts, key=lambda layout: (len({*layout.columns} - {""}), len(layout.names)))
    if len(best.names) > MAX_COLUMNS:
        raise UnreadableFileError(f"found {len(best.names):,} columns, expected at most {MAX_COLUMNS:,}")
    require_fields(best.names, fields, required, what="CSV header")
    return best


def _split_header(text: str, separator: str, fields: Sequence[str]) -> CsvLayout | None:
    try:
        names = next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        return None
    too_many = len(names) > MAX_COLUMNS
    columns = () if too_many else tuple(field_meant(name, fields) or "" for name in names)
    return CsvLayout(separator, columns, tuple(names))


def require_fields(names: Sequence[str], fields: Sequence[str], required: Sequence[str], *, what: str) -> None:
    """Check that the columns of a file include at least one required field, and no field twice.

    Raises:
        UnreadableFileError: they do not; `what` names in the message where they were found.
    """
    known = [field for name in names if (field := field_meant(name, fields))]
    if not set(required) & set(known):
        raise UnreadableFileError(
            f"found the {what} {', '.join(names)[:_SHOWN]!r}, expected columns {', '.join(required)}"
        )
    if twice := sorted({field for field in known if known.count(field) > 1}):
        raise UnreadableFileError(f"the {what} names a column twice: {', '.join(twice)}")


# --- lines and records ---------------------------------------------------------------------------


def decoded(line: bytes) -> tuple[str, str]:
    r"""A line's text, and how it was read: as `utf-8`, else as `windows-1252`, or as `bytes` if it is neither.

    Works line by line, so that one broken line does not garble the accents of all the others.

    >>> decoded("Zoé".encode()), decoded(b"Zo\xe9"), decoded(b"Zo\x81\xe9")
    (('Zoé', 'utf-8'), ('Zoé', 'windows-1252'), ('Zo\\x81\\xe9', 'bytes'))
    """
    for encoding in ("utf-8", "windows-1252"):
        try:
            return line.decode(encoding), encoding
        except UnicodeDecodeError:
            pass
    return line.decode("utf-8", "backslashreplace"), "bytes"


def lines_of(content: bytes) -> list[bytes]:
    r"""The lines with their line ends; only `\n` ends a line.

    >>> lines_of(b"a\rb\nc")
    [b'a\rb\n', b'c']
    """
    lines = [line + b"\n" for line in content.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


@dataclass
class Cut:
    """Records cut from a text with quotes."""

    records: list[CsvRecord]
    lines_taken: int
    records_in_windows_1252: int


def cut_records(content: bytes, first_line: int, layout: CsvLayout, *, is_end: bool) -> Cut:
    """Split content into records, without its empty lines. An open record at its end is left over unless `is_end`.

    A quote that is never closed breaks its own line, not the rest of the file.

    Args:
        content: complete lines.
        first_line: the number of the first line.
        layout: the file's layout.
        is_end: whether the file ends with this content.
    """
    lines, hows = _decoded_lines(content)
    cut = Cut([], 0, 0)
    feed = _Feed(lines)
    reader = csv.reader(feed, delimiter=layout.separator, strict=True)
    alone = _Alone(layout.separator)
    size_left, last_closing = sum(map(len, lines)), len(lines)
    while (start := feed.position) < len(lines):
        if lines[start] in _BLANK:
            feed.position, size_left = start + 1, size_left - len(lines[start])
            continue
        cells: list[str] | None = None
        if start < last_closing:
            try:
                cells = next(reader)
            except csv.Error:
                if feed.is_exhausted:
                    feed.position, feed.is_exhausted = start, False
                    if not is_end and size_left <= MAX_OPEN_BYTES:
                        break
                    # From here on, a quote that a line leaves open is never closed: each line is parsed alone.
                    is_first = last_closing == len(lines)
                    last_closing = _last_closing(lines, start, alone) if is_first else start
                    continue
        else:
            cells, is_open = alone.cells(lines[start])
            if is_open and not is_end and size_left <= MAX_OPEN_BYTES:
                break
            feed.position = start + 1
        raw, how = _joined(lines, hows, start, feed.position)
        size_left -= len(raw)
        if len(cells or ()) != len(layout.columns) or how == "bytes":
            cells = None
        elif how == "windows-1252":
            cut.records_in_windows_1252 += 1
        cut.records.append(CsvRecord(first_line + start, raw, cells))
    cut.lines_taken = feed.position
    return cut


def _decoded_lines(content: bytes) -> tuple[list[str], list[str] | None]:
    """The lines as text, and how each was read (None if all are UTF-8, which is decoded in one go)."""
    text = content.decode("utf-8", "surrogateescape")
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    if not lines[-1]:
        lines.pop()
    if not _NOT_UTF_8.search(text):
        return lines, None
    hows = ["utf-8"] * len(lines)
    # In one go, because a decoder costs more than a short line. The lines stay the same: one byte is one character.
    converted = content.decode("windows-1252", "replace").split("\n")
    for place, line in enumerate(lines):
        if line.isascii() or not _NOT_UTF_8.search(line):
            continue
        if _NO_CHARACTER in converted[place]:
            lines[place], hows[place] = decoded(line.encode("utf-8", "surrogateescape"))
        else:
            lines[place] = converted[place] + ("\n" if line.endswith("\n") else "")
            hows[place] = "windows-1252"
    return lines, hows


def _joined(lines: list[str], hows: list[str] | None, start: int, end: int) -> tuple[str, str]:
    """The text of a record, and how its worst line was read."""
    if end == start + 1:
        return lines[start], "utf-8" if hows is None else hows[start]
    raw = "".join(lines[start:end])
    if hows is None:
        return raw, "utf-8"
    of_lines = hows[start:end]
    return raw, next(worst for worst in ("bytes", "windows-1252", "utf-8") if worst in of_lines)


def _last_closing(lines: list[str], start: int, alone: _Alone) -> int:
    """The last line from `start` on that closes a quote opened before it; `start` if there is none."""
    for position in range(len(lines) - 1, start, -1):
        if '"' in lines[position] and not alone.cells('"' + lines[position])[1]:
            return position
    return start
