"""Landed files as streams of numbered text records, in Arrow, whatever their format.

The three formats end in one relation of text columns that `contracts.typing_sql` judges: readers
cut and count, they neither type nor reject (a record that cannot be cut is handed over as broken).
"""

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.contracts import Contract, Field
from ingestion.contracts.fields import IS_PLAIN, NOT_TEXT, Choice, Takes, sql_text
from ingestion.contracts.typing_sql import text_column
from ingestion.csv_records import CsvRecord, cut_records, lines_of
from ingestion.landing import LandedFile, UnreadableFileError, hash_bytes, read_content
from ingestion.parquet_texts import Column, texts_of

MAX_RECORD_BYTES = 4 << 20
"""A longer record is malformed, and its raw text is cut: memory stays bounded on any input."""

_BOM = b"\xef\xbb\xbf"
_KEPT_OF_LONG_RECORD = 1000
_NEWLINE = 10
_PARQUET_BATCH_ROWS = 65_536
_SLICE_BYTES = 256 << 20
# SQL. Trimming a long text looks at each of its characters; a pattern gives up at the first one.
_LINE = "rtrim(text, chr(13) || chr(10))"
_LOOKS_LIKE_NO_TEXT = (
    r"(?s)[\[{].*|(?i:true|false|[-+]?(nan|inf|infinity))|-?[0-9]+(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"
)
# DuckDB's JSON parser overlooks a comma before the closing brace. At the end of a record it cannot be in a string.
_ENDS_WITH_COMMA = r"regexp_full_match(right(text, 8), '(?s).*,\s*\}\s*')"
# A line that was not cut ends so. The comma and blanks that the parser overlooks come before the brace.
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


class FirstReads:
    """Tells how many bytes were read, once: a pass over files that were read before tells only what it adds."""

    def __init__(self, tell: OnRead) -> None:
        self._tell, self._told, self._read = tell, 0, 0

    def begin_pass(self) -> None:
        """From here on the files are read from their beginning."""
        self._read = 0

    def __call__(self, size: int) -> None:
        """Note that bytes were read."""
        self._read += size
        if self._read > self._told:
            self._tell(self._read - self._told)
            self._told = self._read


@dataclass
class ReadFiles:
    """What reading found out about the files, beyond their records."""

    hashes: dict[str, str] = field(default_factory=dict)
    """Content hash by file name, of files read to their end."""
    unreadable: tuple[LandedFile, str] | None = None
    """The file at which reading stopped, with the reason."""


@dataclass(frozen=True)
class Source:
    """Files of one layout: a stream for DuckDB to scan, and the query that names its fields."""

    batches: pa.RecordBatchReader
    query: str
    """Over the relation `landed`; yields the columns that `typing_sql.judged_records` wants."""


def open_sources(
    contract: Contract, files: list[LandedFile], read: ReadFiles, on_read: OnRead, *, is_json_trusted: bool
) -> Iterator[Source]:
    """Group files by layout and open one source a group; a source is to be drained before the next.

    With `is_json_trusted` a line of JSON that looks whole is taken to be: twice as fast, but one that is not fails its
    query (`duckdb.InvalidInputException`), and the files are to be read again without trust.

    Raises:
        UnreadableFileError: a CSV without a usable header or a Parquet file without a usable
            footer; `read.unreadable` names it. While a source is drained, DuckDB wraps it.
    """
    by_layout: dict[tuple[str, ...], list[LandedFile]] = {}
    for file in files:
        with _Naming(file, read):
            by_layout.setdefault(_layout(contract, file), []).append(file)
    for (kind, *header), group in by_layout.items():
        match kind:
            case "json":
                batches, query = (
                    _text_batches(group, read, on_read, _json_blocks),
                    _json_query(contract, is_trusted=is_json_trusted),
                )
            case "csv":
                batches, query = _text_batches(group, read, on_read, _csv_blocks), _csv_query(contract, header)
            case _:
                batches, query = _parquet_batches(contract, group, read, on_read), _parquet_query(contract)
        for reader in _slices(batches):
            yield Source(reader, query)


def _slices(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatchReader]:
    """Cut a stream into streams of bounded size, one for each statement.

    DuckDB keeps the strings that its JSON functions return until the statement ends, beyond its memory limit.
    """
    for first in batches:
        yield pa.RecordBatchReader.from_batches(first.schema, _slice(first, batches))


def _slice(first: pa.RecordBatch, others: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    size = first.nbytes
    while size < _SLICE_BYTES and (batch := next(others, None)) is not None:
        yield batch
        size += batch.nbytes


class _Naming:
    """Notes the file whose reading failed: the exception may pass through DuckDB, which wraps it."""

    def __init__(self, file: LandedFile, read: ReadFiles) -> None:
        self._file, self._read = file, read

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UnreadableFileError):
            self._read.unreadable = (self._file, str(error))


def _layout(contract: Contract, file: LandedFile) -> tuple[str, ...]:
    match file.format:
        case ".csv":
            return ("csv", *_csv_header(contract, file))
        case ".parquet":
            _parquet_columns(contract, file)
            return ("parquet",)
        case _:
            return ("json",)


# --- lines ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    """Whole lines, or the kept start of one that is too long."""

    content: bytes
    is_too_long: bool = False


def _line_blocks(file: LandedFile, digest: "hashlib._Hash", on_read: OnRead) -> Iterator[_Block]:
    """Cut the content at line ends, in blocks of about a read each."""
    rest = b""
    is_skipping = False
    is_first = True
    for piece in read_content(file):
        digest.update(piece)
        on_read(len(piece))
        if is_first:
            # A BOM is three bytes, and a first piece shorter than that has no record after it.
            content, is_first = piece.removeprefix(_BOM), False
        else:
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
    cut: Callable[[Iterator[_Block]], Iterator[list[Column]]],
) -> Iterator[pa.RecordBatch]:
    for file in files:
        with _Naming(file, read):
            digest = hashlib.sha256()
            name = pa.array([file.name], pa.string())
            for arrays in cut(_line_blocks(file, digest, on_read)):
                yield pa.record_batch([_repeated(name, len(arrays[0])), *arrays], schema=_TEXT_SCHEMA)
            read.hashes[file.name] = digest.hexdigest()


def _repeated(value: pa.StringArray, rows: int) -> Column:
    """The same text in every row, held once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32), pa.int32()), value)


def _whole_lines(block: bytes, first_line: int) -> list[Column]:
    """A block's lines as Arrow strings over its own bytes: nothing is copied but the offsets."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE).astype(np.int32) + 1
    rows = len(ends)
    is_broken = np.zeros(rows, np.bool_)
    if not _is_utf8(block):
        lines = [line.decode("utf-8", "replace") for line in block.split(b"\n")[:-1]]
        is_broken = np.array([not _is_utf8(line) for line in block.split(b"\n")[:-1]], np.bool_)
        texts = pa.array(lines, pa.string())
    else:
        offsets = np.concatenate((np.zeros(1, np.int32), ends))
        texts = pa.StringArray.from_buffers(rows, pa.py_buffer(offsets.data), pa.py_buffer(block))
    return [
        pa.array(np.arange(first_line, first_line + rows)),
        texts,
        pa.array(is_broken),
        pa.nulls(rows, _TEXT_SCHEMA.field("cells").type),
        pa.array(np.full(rows, _is_plain_json(block))),
    ]


def _is_plain_json(block: bytes) -> bool:
    """Whether strings in it hold nothing but printable ASCII: JSON escapes every control but DEL."""
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
        pa.array([text.decode("utf-8", "replace")]),
        pa.array([True]),
        pa.nulls(1, _TEXT_SCHEMA.field("cells").type),
        pa.array([False]),
    ]


# --- NDJSON --------------------------------------------------------------------------------------


def _json_blocks(blocks: Iterator[_Block]) -> Iterator[list[Column]]:
    line = 1
    for block in blocks:
        arrays = _broken_record(line, block.content) if block.is_too_long else _whole_lines(block.content, line)
        line += len(arrays[0])
        yield arrays


def _json_query(contract: Contract, *, is_trusted: bool) -> str:
    """SQL for the fields of each line. A trusted line is parsed once: only those that end oddly are validated first.

    Raises, when executed on trusted lines:
        duckdb.InvalidInputException: a line is broken although its ends look well.
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
            -- Not try(from_json(…)): one broken line makes it go row by row through a whole vector.
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
    """SQL for a field's text: of one that holds text strings and whole numbers, of a word strings; of others all.

    As text, `true`, `[1]` and `1.5` look like strings of the same content: only those that look so are asked for
    their JSON type, as asking parses the line once more.
    """
    value = f"fields.{field.name}"
    if field.type.takes is Takes.ANYTHING:
        return value
    checked = f"case json_type(text, {sql_text('$.' + field.name)}) when 'VARCHAR' then {value} else {NOT_TEXT} end"
    if isinstance(field.type, Choice):
        known = " ".join(f"when {option} then {value}" for option in map(sql_text, field.type.options))
        return f"case {value} {known} else case when {value} is not null then {checked} end end"
    # Comparisons decide nearly all, at a tenth of the pattern's cost: no number has three dashes, a UUID has four.
    may_be_no_text = (
        f"({value} < ':' and {value} not like '%-%-%-%' or {value} >= '{{' or starts_with({value}, '[') "
        f"or strlen({value}) <= {len('infinity')})"
    )
    return (
        f"case when {may_be_no_text} and regexp_full_match({value}, '{_LOOKS_LIKE_NO_TEXT}') "
        f"then {checked} else {value} end"
    )


# --- CSV -----------------------------------------------------------------------------------------


def _csv_header(contract: Contract, file: LandedFile) -> list[str]:
    content = b""
    for piece in read_content(file):
        content += piece
        line, _, _ = _cut_header(content.removeprefix(_BOM))
        if line or len(content) > MAX_RECORD_BYTES:
            break
    else:
        line, _, _ = _cut_header(content.removeprefix(_BOM) + b"\n")
    if not line:
        return []
    try:
        header = next(csv.reader([line.decode("utf-8")], strict=True), [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise UnreadableFileError(f"the CSV header cannot be read: {error}") from error
    known = [name for name in header if name in contract.field_names]
    if not set(contract.required) & set(known):
        raise UnreadableFileError(
            f"found the CSV header {', '.join(header)[:200]!r}, expected columns {', '.join(contract.required)}"
        )
    if len(known) != len(set(known)):
        raise UnreadableFileError(f"the CSV header names a column twice: {', '.join(sorted(known))}")
    return header


def _cut_header(content: bytes) -> tuple[bytes, bytes, int]:
    """The header line (empty: not there yet), what follows it, and the number of lines taken."""
    taken = 0
    while (end := content.find(b"\n") + 1) > 0:
        line, content = content[:end], content[end:]
        taken += 1
        if line.strip():
            return line.rstrip(b"\r\n"), content, taken
    return b"", content, taken


def _csv_blocks(blocks: Iterator[_Block]) -> Iterator[list[Column]]:
    """Lines are records as long as no quote is in sight; where one is, a real parser looks."""
    line = 1
    is_header_due = True
    open_record = b""
    for block in blocks:
        if block.is_too_long:
            if open_record:
                records, taken = cut_records(open_record, line, is_end=True)
                yield _quoted_arrays(records)
                line += taken
                open_record = b""
            yield _broken_record(line, block.content)
            line += 1
            continue
        content = open_record + block.content
        open_record = b""
        if is_header_due:
            header, content, taken = _cut_header(content)
            line += taken
            is_header_due = not header
        if b'"' not in content:
            arrays = _whole_lines(content, line)
            taken = len(arrays[0])
        else:
            records, taken = cut_records(content, line, is_end=False)
            arrays = _quoted_arrays(records)
            open_record = b"".join(lines_of(content)[taken:])
        yield arrays
        line += taken
    if open_record:
        records, _ = cut_records(open_record, line, is_end=True)
        yield _quoted_arrays(records)


def _quoted_arrays(records: list[CsvRecord]) -> list[Column]:
    return [
        pa.array([record.line for record in records], pa.int64()),
        pa.array([record.raw for record in records], pa.string()),
        pa.array([record.cells is None for record in records], pa.bool_()),
        pa.array([record.cells for record in records], pa.list_(pa.string())),
        pa.array(np.zeros(len(records), np.bool_)),
    ]


def _csv_query(contract: Contract, header: list[str]) -> str:
    texts = ", ".join(
        f"cells[{header.index(f.name) + 1}] as {text_column(f)}"
        if f.name in header
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
                coalesce(quoted, string_split(raw, ',')) as cells,
                is_broken or (quoted is null and contains(raw, chr(13))) as is_uncut
            from lines
        )
        select
            source_file, source_line, raw,
            is_uncut or len(cells) <> {len(header)} as is_malformed, false as {IS_PLAIN}, {texts}
        from cut
    """


# --- Parquet -------------------------------------------------------------------------------------


def _parquet_columns(contract: Contract, file: LandedFile) -> list[str]:
    try:
        with pq.ParquetFile(file.path) as parquet:
            names = parquet.schema_arrow.names
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(f"not a readable Parquet file: {error}") from error
    if not set(contract.required) & set(names):
        raise UnreadableFileError(
            f"found the Parquet columns {', '.join(names)[:200]!r}, expected {', '.join(contract.required)}"
        )
    known = [name for name in names if name in contract.field_names]
    if len(known) != len(set(known)):
        raise UnreadableFileError(f"the Parquet file has a column twice: {', '.join(sorted(known))}")
    return known


def _parquet_batches(
    contract: Contract, files: list[LandedFile], read: ReadFiles, on_read: OnRead
) -> Iterator[pa.RecordBatch]:
    schema = pa.schema(
        [_TEXT_SCHEMA.field("source_file"), _TEXT_SCHEMA.field("source_line")]
        + [pa.field(text_column(f), pa.string()) for f in contract.fields]
    )
    for file in files:
        with _Naming(file, read):
            yield from _parquet_file_batches(contract, file, schema)
            read.hashes[file.name] = hash_bytes(file)
            on_read(file.size)


def _parquet_file_batches(contract: Contract, file: LandedFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    columns = _parquet_columns(contract, file)
    name = pa.array([file.name], pa.string())
    line = 1
    try:
        with pq.ParquetFile(file.path) as parquet:
            for batch in parquet.iter_batches(batch_size=_PARQUET_BATCH_ROWS, columns=columns):
                rows = batch.num_rows
                yield pa.record_batch(
                    [
                        _repeated(name, rows),
                        pa.array(np.arange(line, line + rows)),
                        *(
                            texts_of(batch.column(f.name), f.type.takes)
                            if f.name in columns
                            else pa.nulls(rows, pa.string())
                            for f in contract.fields
                        ),
                    ],
                    schema=schema,
                )
                line += rows
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(f"the Parquet file is corrupt: {error}") from error


def _parquet_query(contract: Contract) -> str:
    texts = ", ".join(text_column(f) for f in contract.fields)
    # What cannot be its field's value is shown as it was, without its mark.
    raw = ", ".join(f"{sql_text(f.name)}: ltrim({text_column(f)}, {NOT_TEXT})" for f in contract.fields)
    return f"""
        select
            source_file, source_line, cast(to_json({{{raw}}}) as varchar) as raw,
            false as is_malformed, false as {IS_PLAIN}, {texts}
        from landed
    """
