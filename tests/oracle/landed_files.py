"""The oracle's own reader of files in landing (csv, ndjson/jsonl, gz, zst and Parquet), which yields their lines.

It does not interpret lines; `landed_records` does. Rules: INTERFACES.md, "Landing".
"""

import codecs
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard


@dataclass(frozen=True)
class Line:
    """One record as written in its file; `values` is None if the line cannot be read."""

    number: int
    values: dict[str, Any] | None


@dataclass(frozen=True)
class LandedFile:
    """One file: its path relative to landing, the hash of its decompressed content, and its lines."""

    name: str
    content_hash: str
    lines: tuple[Line, ...]


class UnreadableFile(Exception):  # noqa: N818 - a state of a file, not an error of the program
    """A file that cannot be read at all: the whole file is set aside."""


def is_delivered(path: Path) -> bool:
    """Whether a file is taken: "names that begin with `.` or `_`, or end in `.tmp`/`.part`" are not."""
    return path.is_file() and not path.name.startswith((".", "_")) and not path.name.endswith((".tmp", ".part"))


def read_file(path: Path, name: str) -> LandedFile:
    """Read one landed file, whatever its format.

    Raises:
        UnreadableFile: it is truncated, or does not have the format that its name says.
    """
    suffixes = path.suffixes
    try:
        content = _decompressed(path.read_bytes(), suffixes[-1] if suffixes else "")
        if suffixes and suffixes[-1] in {".gz", ".zst"}:
            suffixes = suffixes[:-1]
        match suffixes[-1] if suffixes else "":
            case ".ndjson" | ".jsonl":
                lines = tuple(_json_lines(content))
            case ".csv":
                lines = tuple(_csv_lines(content))
            case ".parquet":
                lines = tuple(_parquet_rows(content))
            case other:
                raise UnreadableFile(f"unknown format {other!r}")
    except (OSError, EOFError, zstandard.ZstdError, pa.ArrowException) as error:
        raise UnreadableFile(str(error)) from error
    return LandedFile(name, hashlib.sha256(content).hexdigest(), lines)


def _decompressed(content: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.decompress(content)
    if suffix == ".zst":
        with zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True) as stream:
            return stream.read()
    return content


def _json_lines(content: bytes) -> Iterator[Line]:
    """One JSON object per line; only a line feed ends a line; blank lines are ignored."""
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            values = json.loads(raw.decode("utf-8"), parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            yield Line(number, None)
            continue
        yield Line(number, values if isinstance(values, dict) else None)


def _no_constant(name: str) -> None:
    """Reject NaN and Infinity, which Python accepts although they are not JSON."""
    raise ValueError(name)


def _csv_lines(content: bytes) -> Iterator[Line]:
    """A header, then records; a record has the number of the line on which it begins (the header is on line 1).

    The separator is the one that splits the header into the most names. Their case and the blanks around them are
    ignored. A record with more or fewer fields than the header, or with bytes that are not UTF-8, cannot be read.
    """
    is_utf_16 = content[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    text = content.decode("utf-16") if is_utf_16 else content.decode("utf-8-sig", errors="surrogateescape")
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=max(",;\t", key=first.count))
    header: list[str] | None = None
    while True:
        number = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Line(number, None)
            continue
        if not fields or (len(fields) == 1 and not fields[0].strip()):
            continue
        if header is None:
            header = [field.strip().lower() for field in fields]
        elif len(fields) != len(header) or any(not _is_utf8(field) for field in fields):
            yield Line(number, None)
        else:
            yield Line(number, dict(zip(header, fields, strict=True)))


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _parquet_rows(content: bytes) -> Iterator[Line]:
    """The rows of a Parquet file, counted from 1."""
    table = pq.read_table(io.BytesIO(content))
    for number, row in enumerate(table.to_pylist(), start=1):
        yield Line(number, row)
