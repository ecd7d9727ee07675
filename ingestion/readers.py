"""Reads landed files of any format as Arrow streams of numbered text records.

All three formats become one relation of text columns, which `contracts.typing_sql` judges. Readers split and number
records; they do not type or reject them (a record that cannot be split is passed on as broken).
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
import pyarrow as pa

from allive.ingestion.contracts import Contract, Field
from allive.ingestion.contracts.fields import IS_PLAIN, NOT_TEXT, Choice, Takes
from allive.ingestion.contracts.typing_sql import text_column
from allive.ingestion.csv_records import (
    CsvLayout,
    Cut,
    cut_header,
    cut_records,
    decoded,
    find_header,
    lines_of,
    read_layout,
)
from allive.ingestion.field_names import MAX_COLUMNS, near_misses
from allive.ingestion.file_notes import FileNote, near_miss_note
from allive.ingestion.landed_content import Limits, as_utf8, read_content
from allive.ingestion.landing import LandedFile, NotTakenError, UnreadableFileError, hash_bytes
from allive.ingestion.parquet_files import ParquetDecoder
from allive.ingestion.parquet_texts import Column
from allive.ingestion.sql_text import sql_text

MAX_RECORD_BYTES = 4 << 20
"""A longer record is malformed, and its raw text is truncated, so that memory stays bounded for any input."""

_KEPT_OF_LONG_RECORD = 1000
_NEWLINE = 10
_SLICE_BYTES = 256 << 20
_LINES_LOOKED_AT = 5
_LONGEST_LINE_LOOKED_AT = 1 << 16
# SQL. `_IS_BLANK` does not trim: that reads every character of a long text, while a pattern stops at the first one.
_LINE = "rtrim(text, chr(13) || chr(10))"
_LOOKS_LIKE_NO_TEXT = (
    r"(?s)[\[{].*|(?i:true|false|[-+]?(nan|inf|infinity))|-?[0-9]+(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"
)
# DuckDB's JSON parser accepts a comma before the closing brace. At the end of a record, it cannot be in a string.
_ENDS_WITH_COMMA = r"regexp_full_match(right(text, 8), '(?s).*,\s*\}\s*')"
# How a line that was not truncated ends. A comma that the parser accepts, or blanks, would come before the brace.
_ENDS_WELL = "case when ends_with(text, '\"}' || chr(10)) then true else " + (
    " or ".join(f"ends_with(text, '{last}}}' || chr(10))" for last in "0123456789el]}") + " end"
)
_IS_BLANK = r"regexp_full_match(text, '[ \t\n\v\f\r]*')"

_TEXT_SCHEMA = pa.schema(
    [
        ("source_file", pa.dictionary(pa.int32(), pa.string())),
        ("source_line", pa.int64()),
        ("text", pa.string()),
        ("is_broken", pa.bool_()),
        ("cells", pa.list_(pa.string())),
        (IS_PLAIN, pa.bool_()),
    ]
)

OnRead = Callable[[int], None]
_Part = TypeVar("_Part")


class FirstReads:
    """Reports how many bytes were read. A second pass over the same files only reports bytes beyond the first pass."""

    def __init__(self, tell: OnRead) -> None:
        self._tell, self._told, self._read = tell, 0, 0

    def begin_pass(self) -> None:
        """Start a pass: the files are read from the beginning."""
        self._read = 0

    def __call__(self, size: int) -> None:
        """Add bytes that were read."""
        self._read += size
        if self._read > self._told:
            self._tell(self._read - self._told)
            self._told = self._read


@dataclass
class ReadFiles:
    """The findings about files that were read, apart from their records."""

    limits: Limits
    hashes: dict[str, str] = field(default_factory=dict)
    """Content hash by file name, of files read to their end."""
    notes: list[FileNote] = field(default_factory=list)
    unreadable: list[tuple[LandedFile, str]] = field(default_factory=list)
    """The files to set aside, with the reason. If there is one, reading stopped."""
    not_taken: list[tuple[LandedFile, str]] = field(default_factory=list)
    """The files that this run leaves where they are, with the reason. If there is one, reading stopped."""

    def stopped_at(self, file: LandedFile, error: UnreadableFileError | NotTakenError) -> None:
        """Record the file that could not be read: the exception itself can pass through DuckDB, which wraps it."""
        where = self.unreadable if isinstance(error, UnreadableFileError) else self.not_taken
        where.append((file, str(error)))


@dataclass(frozen=True)
class Source:
    """Files of one layout: a stream for DuckDB to scan, and the query that names its fields."""

    batches: pa.RecordBatchReader
    query: str
    """Reads the relation `landed`; returns the columns that `typing_sql.judged_records` needs."""


def open_sources(
    contract: Contract, files: list[LandedFile], read: ReadFiles, on_read: OnRead, *, is_json_trusted: bool
) -> Iterator[Source]:
    """Group files by layout and open one source per group. Each source must be drained before the next.

    With `is_json_trusted`, a line of JSON that looks complete is not validated. This is twice as fast, but a broken
    line makes its query fail (`duckdb.InvalidInputException`): the files must then be read again without it.

    Raises:
        UnreadableFileError, NotTakenError: a file cannot be read; `read` lists it, and the other files that cannot be
            read either. While a source is drained, DuckDB wraps the error.
    """
    by_layout: dict[tuple[str, ...], list[LandedFile]] = {}
    for file, key in _each(files, read, lambda file: iter([_layout(contract, file, read)])):
        by_layout.setdefault(key, []).append(file)
    for (kind, *columns), group in by_layout.items():
        match kind:
            case "json":
                batches = _text_batches(group, read, on_read, partial(_json_blocks, contract, read))
                query = _json_query(contract, is_trusted=is_json_trusted)
            case "csv":
                separator, *fields = columns
                layout = CsvLayout(separator, tuple(fields), names=())
                batches = _text_batches(group, read, on_read, partial(_csv_blocks, layout, read))
                query = _csv_query(contract, layout)
            case _:
                batches, query = _parquet_batches(contract, group, read, on_read), _parquet_query(contract)
        for reader in _slices(batches):
            yield Source(reader, query)


def _each(
    files: list[LandedFile], read: ReadFiles, open_file: Callable[[LandedFile], Iterator[_Part]]
) -> Iterator[tuple[LandedFile, _Part]]:
    """Yield the parts of each file. Once a file has failed, the others are only read to find those that fail too."""
    failed: UnreadableFileError | NotTakenError | None = None
    for file in files:
        try:
            for found in open_file(file):
                if failed is None:
                    yield file, found
        except (UnreadableFileError, NotTakenError) as error:
            read.stopped_at(file, error)
            failed = error
    if failed is not None:
        raise failed


def _slices(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatchReader]:
    """Split a stream into streams of bounded size, one per statement.

    DuckDB keeps the strings that its JSON functions return until the statement ends, outside its memory limit.
    """
    for first in batches:
        yield pa.RecordBatchReader.from_batches(first.schema, _slice(first, batches))


def _slice(first: pa.RecordBatch, others: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    size = first.nbytes
    while size < _SLICE_BYTES and (batch := next(others, None)) is not None:
        yield batch
        size += batch.nbytes


def _layout(contract: Contract, file: LandedFile, read: ReadFiles) -> tuple[str, ...]:
    match file.format:
        case ".csv":
            header = find_header(as_utf8(read_content(file, read.limits), file.format))
            if not header:
                return "csv", ","
            layout = read_layout(header, contract.field_names, contract.required)
            if near := near_misses(layout.names, contract.field_names):
                read.notes.append(near_miss_note(file.name, near))
            return "csv", layout.separator, *layout.columns
        case ".parquet":
            return ("parquet",)
        case _:
            return ("json",)


# --- lines ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    """Complete lines, or the beginning of one that is too long."""

    content: bytes
    is_too_long: bool = False


def _line_blocks(pieces: Iterator[bytes]) -> Iterator[_Block]:
    """Split text at line ends, into blocks of about one read each."""
    rest = b""
    is_skipping = False
    for piece in pieces:
        content = piece
        end = content.rfind(b"\n") + 1
        if is_skipping:
            start = content.find(b"\n") + 1
            if not start:
                continue
            content, end, is_skipping = content[start:], end - start, False
        if end:
            yield _Block(b"".join((rest, memoryview(content)[:end])))
            rest = content[end:]
        else:
            rest += content
        if len(rest) > MAX_RECORD_BYTES:
            yield _Block(rest[:_KEPT_OF_LONG_RECORD], is_too_long=True)
            rest, is_skipping = b"", True
    if rest:
        yield _Block(rest + b"\n")


def _text_batches(
    files: list[LandedFile],
    read: ReadFiles,
    on_read: OnRead,
    cut: Callable[[LandedFile, Iterator[_Block]], Iterator[list[Column]]],
) -> Iterator[pa.RecordBatch]:
    def batches_of(file: LandedFile) -> Iterator[pa.RecordBatch]:
        digest = hashlib.sha256()
        name = pa.array([file.name], pa.string())
        for arrays in cut(file, _line_blocks(as_utf8(_told(file, digest, read, on_read), file.format))):
            yield pa.record_batch([_repeated(name, len(arrays[0])), *arrays], schema=_TEXT_SCHEMA)
        read.hashes[file.name] = digest.hexdigest()

    return (batch for _, batch in _each(files, read, batches_of))


def _told(file: LandedFile, digest: "hashlib._Hash", read: ReadFiles, on_read: OnRead) -> Iterator[bytes]:
    for piece in read_content(file, read.limits):
        digest.update(piece)
        on_read(len(piece))
        yield piece


def _repeated(value: pa.StringArray, rows: int) -> Column:
    """The same text in every row, stored once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32), pa.int32()), value)


def _whole_lines(block: bytes, first_line: int) -> list[Column]:
    """A block's lines as Arrow strings over its own bytes: only the offsets are copied."""
    offsets = _line_offsets(block)
    rows = len(offsets) - 1
    is_broken = np.zeros(rows, np.bool_)
    if _is_utf8(block):
        texts = pa.StringArray.from_buffers(rows, pa.py_buffer(offsets.data), pa.py_buffer(block))
    else:
        lines = lines_of(block)
        is_broken = np.array([not _is_utf8(line) for line in lines], np.bool_)
        texts = pa.array([line.decode("utf-8", "backslashreplace") for line in lines], pa.string())
    return _lines(first_line, texts, is_broken, is_plain=_is_plain_json(block))


def _line_offsets(block: bytes) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE).astype(np.int32) + 1
    return np.concatenate((np.zeros(1, np.int32), ends))


def _lines(
    first_line: int, texts: Column, is_broken: "np.ndarray[tuple[int], np.dtype[np.bool_]]", *, is_plain: bool = False
) -> list[Column]:
    rows = len(texts)
    return [
        pa.array(np.arange(first_line, first_line + rows)),
        texts,
        pa.array(is_broken),
        pa.nulls(rows, _TEXT_SCHEMA.field("cells").type),
        pa.array(np.full(rows, is_plain)),
    ]


def _is_plain_json(block: bytes) -> bool:
    """True if strings in it contain only printable ASCII: JSON escapes every control character except DEL."""
    return block.isascii() and b"\\" not in block and b"\x7f" not in block


def _is_utf8(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _broken_record(line: int, text: bytes) -> list[Column]:
    return [
        pa.array([line], pa.int64()),
        pa.array([text.decode("utf-8", "backslashreplace")]),
        pa.array([True]),
        pa.nulls(1, _TEXT_SCHEMA.field("cells").type),
        pa.array([False]),
    ]


# --- NDJSON --------------------------------------------------------------------------------------


def _json_blocks(
    contract: Contract, read: ReadFiles, file: LandedFile, blocks: Iterator[_Block]
) -> Iterator[list[Column]]:
    line = 1
    for block in blocks:
        if line == 1 and (near := near_misses(_first_keys(block.content), contract.field_names, is_case_kept=True)):
            read.notes.append(near_miss_note(file.name, near))
        arrays = _broken_record(line, block.content) if block.is_too_long else _whole_lines(block.content, line)
        line += len(arrays[0])
        yield arrays


def _first_keys(block: bytes) -> list[str]:
    """The keys of the first records, to find those that are nearly a field: they would otherwise be lost unnoticed."""
    keys: dict[str, None] = {}
    end = 0
    for _ in range(_LINES_LOOKED_AT):
        start, end = end, block.find(b"\n", end) + 1
        if not 0 < end - start <= _LONGEST_LINE_LOOKED_AT:
            break
        try:
            record = json.loads(block[start:end])
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            keys |= dict.fromkeys(itertools.islice(record, MAX_COLUMNS))
    return [*keys]


def _json_query(contract: Contract, *, is_trusted: bool) -> str:
    """SQL for the fields of each line. Trusted lines are parsed once: only those with an odd end are validated first.

    Raises, when executed on trusted lines:
        duckdb.InvalidInputException: a line is broken although its beginning and end look valid.
    """
    structure = ", ".join(f'"{name}": "VARCHAR"' for name in contract.field_names)
    texts = ", ".join(f"{_json_text(f)} as {text_column(f)}" for f in contract.fields)
    is_object = (
        f"not is_broken and (starts_with(text, '{{') or starts_with(ltrim(text, ' ' || chr(9)), '{{')) "
        f"and json_valid(text) and not {_ENDS_WITH_COMMA}"
    )
    if is_trusted:
        is_object = (
            f"case when not is_broken and starts_with(text, '{{') and {_ENDS_WELL} then true else {is_object} end"
        )
    return f"""
        with lines as (
            select source_file, source_line, text, {IS_PLAIN}, {is_object} as is_object
            from landed where starts_with(text, '{{') or not {_IS_BLANK}
        ),
        parsed as (
            -- Not try(from_json(…)): one broken line makes it process a whole vector row by row.
            select
                source_file, source_line, text, {IS_PLAIN}, is_object,
                case when is_object then from_json(text, '{{{structure}}}') end as fields
            from lines
        )
        select
            source_file, source_line, text as raw, not is_object as is_malformed, {IS_PLAIN}, {texts}
        from parsed
    """


def _json_text(field: Field) -> str:
    """SQL for a field's text. Text fields take strings and whole numbers, words only strings, other fields any value.

    As text, `true`, `[1]` and `1.5` look the same as strings with this content. Only values that look like that are
    checked for their JSON type, because the check parses the line again.
    """
    value = f"fields.{field.name}"
    if field.type.takes is Takes.ANYTHING:
        return value
    checked = f"case json_type(text, {sql_text('$.' + field.name)}) when 'VARCHAR' then {value} else {NOT_TEXT} end"
    if isinstance(field.type, Choice):
        known = " ".join(f"when {option} then {value}" for option in map(sql_text, field.type.options))
        return f"case {value} {known} else case when {value} is not null then {checked} end end"
    # Comparisons decide nearly all values, at a tenth of the pattern's cost. No number has three dashes, but a UUID has
    # four. No word (true, infinity …) has a dash after its sign or a blank; many short ids and versions do.
    may_be_no_text = (
        f"({value} < ':' and {value} not like '%-%-%-%' or {value} >= '{{' or starts_with({value}, '[') "
        f"or strlen({value}) <= {len('infinity')} and not contains({value}, '-') and not contains({value}, ' '))"
    )
    return (
        f"case when {may_be_no_text} and regexp_full_match({value}, '{_LOOKS_LIKE_NO_TEXT}') "
        f"then {checked} else {value} end"
    )


# --- CSV -----------------------------------------------------------------------------------------


def _csv_blocks(
    layout: CsvLayout, read: ReadFiles, file: LandedFile, blocks: Iterator[_Block]
) -> Iterator[list[Column]]:
    """Split blocks into records: at line ends if a block has no quotes, otherwise with a real parser."""
    line = 1
    in_windows_1252 = 0
    is_header_due = True
    open_record = b""
    for block in blocks:
        if block.is_too_long:
            if open_record:
                cut = cut_records(open_record, line, layout, is_end=True)
                yield _quoted_arrays(cut)
                line += cut.lines_taken
                in_windows_1252 += cut.records_in_windows_1252
                open_record = b""
            yield _broken_record(line, block.content)
            line += 1
            continue
        content = open_record + block.content
        open_record = b""
        if is_header_due:
            header, content, taken = cut_header(content)
            line += taken
            is_header_due = not header
            in_windows_1252 += decoded(header)[1] == "windows-1252"
        if b'"' not in content:
            arrays, converted = _unquoted_arrays(content, line, layout)
            taken = len(arrays[0])
        else:
            cut = cut_records(content, line, layout, is_end=False)
            arrays, taken, converted = _quoted_arrays(cut), cut.lines_taken, cut.records_in_windows_1252
            open_record = b"".join(lines_of(content)[taken:])
        yield arrays
        line += taken
        in_windows_1252 += converted
    if open_record:
        cut = cut_records(open_record, line, layout, is_end=True)
        yield _quoted_arrays(cut)
        in_windows_1252 += cut.records_in_windows_1252
    if in_windows_1252:
        records = f"{in_windows_1252:,} record{'s' if in_windows_1252 > 1 else ''}"
        read.notes.append(FileNote("file_encoding", file.name, f"{records} not in UTF-8, read as Windows-1252"))


def _unquoted_arrays(block: bytes, first_line: int, layout: CsvLayout) -> tuple[list[Column], int]:
    """A block's lines without quotes, and how many of them were converted from Windows-1252.

    A line with more or fewer cells than the header is broken. It is not split, because it can have a million cells.
    """
    offsets = _line_offsets(block)
    separators = np.flatnonzero(np.frombuffer(block, np.uint8) == ord(layout.separator))
    cells = np.diff(np.searchsorted(separators, offsets)) + 1
    is_broken = cells != len(layout.columns)
    if _is_utf8(block):
        texts = pa.StringArray.from_buffers(len(cells), pa.py_buffer(offsets.data), pa.py_buffer(block))
        return _lines(first_line, texts, is_broken), 0
    lines = [decoded(line) for line in lines_of(block)]
    is_broken |= np.array([how == "bytes" for _, how in lines], np.bool_)
    converted = sum(how == "windows-1252" for _, how in lines)
    return _lines(first_line, pa.array([text for text, _ in lines], pa.string()), is_broken), converted


def _quoted_arrays(cut: Cut) -> list[Column]:
    return [
        pa.array([record.line for record in cut.records], pa.int64()),
        pa.array([record.raw for record in cut.records], pa.string()),
        pa.array([record.cells is None for record in cut.records], pa.bool_()),
        pa.array([record.cells for record in cut.records], pa.list_(pa.string())),
        pa.array(np.zeros(len(cut.records), np.bool_)),
    ]


def _csv_query(contract: Contract, layout: CsvLayout) -> str:
    texts = ", ".join(
        f"cells[{layout.columns.index(f.name) + 1}] as {text_column(f)}"
        if f.name in layout.columns
        else f"cast(null as varchar) as {text_column(f)}"
        for f in contract.fields
    )
    return f"""
        with lines as (
            select source_file, source_line, is_broken, cells as quoted, {_LINE} as raw
            from landed where not {_IS_BLANK}
        ),
        cut as (
            select
                source_file, source_line, raw,
                case
                    when not is_broken then coalesce(quoted, string_split(raw, {sql_text(layout.separator)}))
                end as cells,
                is_broken or (quoted is null and contains(raw, chr(13))) as is_malformed
            from lines
        )
        select source_file, source_line, raw, is_malformed, false as {IS_PLAIN}, {texts}
        from cut
    """


# --- Parquet -------------------------------------------------------------------------------------


def _parquet_batches(
    contract: Contract, files: list[LandedFile], read: ReadFiles, on_read: OnRead
) -> Iterator[pa.RecordBatch]:
    schema = pa.schema(
        [_TEXT_SCHEMA.field("source_file"), _TEXT_SCHEMA.field("source_line")]
        + [pa.field(text_column(f), pa.string()) for f in contract.fields]
    )
    with ParquetDecoder(contract, read.limits) as decoder:

        def batches_of(file: LandedFile) -> Iterator[pa.RecordBatch]:
            name = pa.array([file.name], pa.string())
            line = 1
            for batch in decoder.batches(file):
                rows = batch.num_rows
                lines = pa.array(np.arange(line, line + rows))
                yield pa.record_batch([_repeated(name, rows), lines, *batch.columns], schema=schema)
                line += rows
            if decoder.near_misses:
                read.notes.append(near_miss_note(file.name, decoder.near_misses))
            read.hashes[file.name] = hash_bytes(file)
            on_read(file.size)

        for _, batch in _each(files, read, batches_of):
            yield batch


def _parquet_query(contract: Contract) -> str:
    texts = ", ".join(text_column(f) for f in contract.fields)
    # A value that its field cannot hold is shown as delivered, without its mark.
    raw = ", ".join(f"{sql_text(f.name)}: ltrim({text_column(f)}, {NOT_TEXT})" for f in contract.fields)
    return f"""
        select
            source_file, source_line, cast(to_json({{{raw}}}) as varchar) as raw,
            false as is_malformed, false as {IS_PLAIN}, {texts}
        from landed
    """
