"""Decodes landed Parquet files in a separate process: `python -m allive.ingestion.parquet_decoder DESCRIPTOR`.

A footer or a page header can claim any size, and decoding allocates the memory that it claims. This process therefore
has limits on address space and processor time. If it dies, only the file that it was decoding is set aside.

Requests arrive as JSON over a socket, each with the file's descriptor. The answer on stdout is an Arrow stream of text
columns, then a line of JSON with the findings or the error.
"""

import io
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from allive.ingestion.contracts import CONTRACTS, Contract
from allive.ingestion.csv_records import require_fields
from allive.ingestion.field_names import MAX_COLUMNS, field_meant, near_misses
from allive.ingestion.landing import UnreadableFileError
from allive.ingestion.parquet_texts import texts_of

MAX_FOOTER_BYTES: Final = 16 << 20
MAX_ROW_GROUPS: Final = 10_000
_MAGIC: Final = b"PAR1"
_TAIL_BYTES: Final = 8
_BATCH_ROWS: Final = 8192
_MESSAGE_BYTES: Final = 16 << 20
_BUFFER_BYTES: Final = 1 << 20
_REQUEST_BYTES: Final = 4096


def serve(requests: socket.socket, answers: io.BufferedWriter) -> None:
    """Decode one file after another until the socket is closed."""
    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_cpu_count(1)
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, 1)
        if not message:
            return
        request = json.loads(message)
        contract = CONTRACTS[request["record_type"]]
        _limit(memory_bytes=request["memory_bytes"], cpu_seconds=request["cpu_seconds"])
        schema = pa.schema([pa.field(field.name, pa.string()) for field in contract.fields])
        answer: dict[str, Any] = {}
        with open(descriptors[0], "rb", buffering=0) as file, pa.ipc.new_stream(answers, schema) as writer:  # noqa: PTH123 - by descriptor
            try:
                parquet = _open(file)
                columns = _columns_of(contract, parquet, file_bytes=request["file_bytes"], most=request["most_bytes"])
                answer["near_misses"] = near_misses(parquet.schema_arrow.names, contract.field_names)
                for batch in _text_batches(contract, parquet, columns, most=request["most_bytes"]):
                    writer.write_batch(batch)
            except UnreadableFileError as error:
                answer["error"] = str(error)
            except _TooLargeError:
                answer["is_too_large"] = True
            except MemoryError:  # includes Arrow's own
                answer["is_out_of_memory"] = True
            except (pa.ArrowException, OSError, ValueError) as error:
                answer["error"] = f"the Parquet file is corrupt: {error}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _limit(*, memory_bytes: int, cpu_seconds: float) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    # SIGPROF has no handler, so it ends the process.
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)


class _TooLargeError(Exception):
    """The values, as text, exceed the size limit."""


def _open(file: io.FileIO) -> pq.ParquetFile:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    if tail[4:] != _MAGIC:
        raise UnreadableFileError("not a readable Parquet file: found no PAR1 at its end")
    footer_bytes = int.from_bytes(tail[:4], "little")
    if footer_bytes > min(MAX_FOOTER_BYTES, size):
        raise UnreadableFileError(
            f"found a Parquet footer of {footer_bytes:,} bytes, expected at most {min(MAX_FOOTER_BYTES, size):,}"
        )
    file.seek(0)
    return pq.ParquetFile(
        pa.PythonFile(file, "r"), buffer_size=_BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
    )


def _columns_of(contract: Contract, parquet: pq.ParquetFile, *, file_bytes: int, most: int) -> dict[str, str]:
    """The file's columns by field. Checks first that the footer's figures are within limits."""
    metadata = parquet.metadata
    for what, found, expected in (
        ("columns", metadata.num_columns, MAX_COLUMNS),
        ("row groups", metadata.num_row_groups, MAX_ROW_GROUPS),
    ):
        if found > expected:
            raise UnreadableFileError(f"found {found:,} {what} in the Parquet file, expected at most {expected:,}")
    names = parquet.schema_arrow.names
    require_fields(names, contract.field_names, contract.required, what="Parquet columns")
    columns = {field: name for name in names if (field := field_meant(name, contract.field_names))}
    read = [i for i in range(metadata.num_columns) if _top_of(metadata, i) in columns.values()]
    chunks = [metadata.row_group(group).column(i) for group in range(metadata.num_row_groups) for i in read]
    if sum(chunk.total_compressed_size for chunk in chunks) > file_bytes:
        # Otherwise one page could be decoded a thousand times.
        raise UnreadableFileError("the Parquet file is corrupt: its columns overlap")
    if sum(chunk.total_uncompressed_size for chunk in chunks) > most:
        raise _TooLargeError
    return columns


def _top_of(metadata: Any, column: int) -> str:
    path: str = metadata.schema.column(column).path
    return path.partition(".")[0]


def _text_batches(
    contract: Contract, parquet: pq.ParquetFile, columns: dict[str, str], *, most: int
) -> Iterator[pa.RecordBatch]:
    left = most
    for batch in parquet.iter_batches(_BATCH_ROWS, columns=[*columns.values()], use_threads=False):
        if sum(_text_bytes(column) for column in batch.columns) > left:
            raise _TooLargeError
        texts = pa.record_batch(
            {
                field.name: texts_of(batch.column(columns[field.name]), field.type.takes)
                if field.name in columns
                else pa.nulls(batch.num_rows, pa.string())
                for field in contract.fields
            }
        )
        left -= texts.nbytes
        if left < 0:
            raise _TooLargeError
        rows = max(1, texts.num_rows * _MESSAGE_BYTES // max(_MESSAGE_BYTES, texts.nbytes))
        for start in range(0, texts.num_rows, rows):
            yield texts.slice(start, rows)


def _text_bytes(values: Any) -> int:
    """The size in bytes of a dictionary column as text, computed without expanding it."""
    if not pt.is_dictionary(values.type) or not _has_length(values.type.value_type):
        return 0
    lengths = pc.call_function("binary_length", [values.dictionary])
    return int(pc.call_function("sum", [pc.call_function("take", [lengths, values.indices])]).as_py() or 0)


def _has_length(kind: pa.DataType) -> bool:
    return pt.is_string(kind) or pt.is_large_string(kind) or pt.is_binary(kind) or pt.is_large_binary(kind)


if __name__ == "__main__":
    with open(sys.stdout.fileno(), "wb", closefd=False) as stdout:
        serve(socket.socket(fileno=int(sys.argv[1])), stdout)
