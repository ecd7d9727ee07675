"""What a rejected line says, field by field, as it was delivered.

The text of a line is kept with the reject; the header of a CSV file is not. It is read from landing while the file
with that content still lies there.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from ingestion.contracts import CONTRACTS
from ingestion.landing import COMPRESSIONS, LandedFile, UnreadableFileError, hash_content, read_content
from ingestion.settings import Settings

_MOST_HEADER_BYTES = 4 << 20
_SEPARATORS = ",;\t"
_BOM = "\ufeff"


@dataclass(frozen=True)
class CsvHeader:
    """The header line of a CSV file, and what separates its cells."""

    line: str
    separator: str
    names: tuple[str, ...]
    """As contracts name the fields, where one is known."""


def is_csv(source_file: str) -> bool:
    """Whether a landed file is CSV, by its name.

    >>> [is_csv(name) for name in ("a/b.csv.gz", "a/b.CSV", "a/csv.ndjson")]
    [True, True, False]
    """
    path = PurePath(source_file.lower())
    return PurePath(path.stem if path.suffix in COMPRESSIONS else path.name).suffix == ".csv"


def read_header(settings: Settings, record_type: str, source_file: str, file_hash: str) -> CsvHeader | None:
    """Return the header of a landed CSV file; None where that content does not lie in landing any more."""
    path = settings.landing_dir / source_file
    try:
        status = path.lstat()
        file = LandedFile(path, source_file, status.st_size, status.st_mtime_ns, status.st_ino)
        if path.is_symlink() or not path.is_file() or hash_content(file) != file_hash:
            return None
        return _header_of(_first_line(file), record_type)
    except (OSError, UnreadableFileError, UnicodeDecodeError):
        return None


def _first_line(file: LandedFile) -> str:
    content = b""
    for piece in read_content(file):
        content += piece
        for line in content.split(b"\n")[:-1]:
            if line.strip():
                return line.decode("utf-8").removeprefix(_BOM).rstrip("\r")
        if len(content) > _MOST_HEADER_BYTES:
            break
    return content.decode("utf-8").removeprefix(_BOM).strip("\r\n")


def _header_of(line: str, record_type: str) -> CsvHeader | None:
    known = CONTRACTS[record_type].field_names
    for separator in _SEPARATORS:
        names = tuple(name.strip().lower() for name in next(csv.reader([line], delimiter=separator), []))
        if set(names) & set(known):
            return CsvHeader(line, separator, names)
    return None


def values_of(raw: str, header: CsvHeader | None, *, is_from_csv: bool) -> dict[str, str] | None:
    """Return what a line has in its fields, as JSON would write it; None where it cannot be cut.

    >>> values_of('{"event_at": 1612987200000, "state": "x"}', None, is_from_csv=False)
    {'event_at': '1612987200000', 'state': '"x"'}
    >>> values_of("a-1;Zoé", CsvHeader("", ";", ("artist_id", "name")), is_from_csv=True)
    {'artist_id': '"a-1"', 'name': '"Zoé"'}
    """
    record = _cells(raw, header) if is_from_csv else _json_object(raw)
    return record and {name: json.dumps(value, ensure_ascii=False) for name, value in record.items()}


def _json_object(raw: str) -> dict[str, Any] | None:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return {k: v for k, v in record.items() if v is not None} if isinstance(record, dict) else None


def _cells(raw: str, header: CsvHeader | None) -> dict[str, Any] | None:
    if header is None:
        return None
    try:
        cells = next(csv.reader([raw], delimiter=header.separator, strict=True), [])
    except csv.Error:
        return None
    if len(cells) != len(header.names):
        return None
    return {name: cell for name, cell in zip(header.names, cells, strict=True) if cell}
