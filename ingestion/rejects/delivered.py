"""The field values of a rejected line, as delivered.

A reject contains the text of its line, but not the header of its CSV file. The header is read from landing, as long as
the file is still there with the same content.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.csv_records import decoded, find_header, read_layout
from allive.ingestion.landed_content import Limits, as_utf8, hash_content, read_content
from allive.ingestion.landing import COMPRESSIONS, NotTakenError, UnreadableFileError, find_file
from allive.ingestion.settings import Settings


@dataclass(frozen=True)
class CsvHeader:
    """The header line of a CSV file, and the separator of its cells."""

    line: str
    separator: str
    names: tuple[str, ...]
    """The contract's field names; for unknown columns, the names in the header."""


def is_csv(source_file: str) -> bool:
    """True if a landed file is CSV, by its name.

    >>> [is_csv(name) for name in ("a/b.csv.gz", "a/b.CSV", "a/csv.ndjson")]
    [True, True, False]
    """
    path = PurePath(source_file.lower())
    return PurePath(path.stem if path.suffix in COMPRESSIONS else path.name).suffix == ".csv"


def read_header(settings: Settings, record_type: str, source_file: str, file_hash: str) -> CsvHeader | None:
    """Return the header of a landed CSV file; None if its content is no longer in landing."""
    contract, limits = CONTRACTS[record_type], Limits.of(settings)
    try:
        file = find_file(settings.landing_dir, source_file)
        if hash_content(file, limits) != file_hash:
            return None
        header = find_header(as_utf8(read_content(file, limits), file.format))
        layout = read_layout(header, contract.field_names, contract.required)
    except (OSError, UnreadableFileError, NotTakenError):
        return None
    names = tuple(field or name for field, name in zip(layout.columns, layout.names, strict=True))
    return CsvHeader(decoded(header)[0], layout.separator, names)


def values_of(raw: str, header: CsvHeader | None, *, is_from_csv: bool) -> dict[str, str] | None:
    """Return the values of a line's fields, written as JSON; None if the line cannot be split.

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
