"""Writes landed files in every format, with the same bytes each time, by rename. Knows nothing of their content."""

import csv
import gzip
import io
import json
from pathlib import Path

import polars as pl
import zstandard

from allive.ingestion.demo.record_files import RecordFile

_INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%S%.3fZ"
_GZIP_LEVEL = 1


def land(landing_dir: Path, path: str, content: bytes) -> int:
    """Deliver a file by rename, as INTERFACES.md asks, and return its size in bytes."""
    target = landing_dir / path
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f"{target.name}.part")
    aside.write_bytes(content)
    aside.replace(target)
    return len(content)


def compressed(path: str, content: bytes) -> bytes:
    """Compress as the path's suffix says, without a timestamp in the header."""
    if path.endswith(".gz"):
        return gzip.compress(content, compresslevel=_GZIP_LEVEL, mtime=0)
    if path.endswith(".zst"):
        return zstandard.ZstdCompressor(level=3).compress(content)
    return content


def encode_records(file: RecordFile) -> bytes:
    """Write a small file's records as CSV or NDJSON, compressed as its path says."""
    lines = list(file.lines())
    text = io.StringIO()
    if file.path.endswith(".csv"):
        writer = csv.DictWriter(text, fieldnames=list(lines[0]), lineterminator="\n")
        writer.writeheader()
        for line in lines:
            writer.writerow(
                {name: str(value).lower() if isinstance(value, bool) else value for name, value in line.items()}
            )
    else:
        for line in lines:
            text.write(json.dumps(line, ensure_ascii=False) + "\n")
    return compressed(file.path, text.getvalue().encode())


def with_text_instants(frame: pl.DataFrame) -> pl.DataFrame:
    """Write every datetime column as ISO 8601 text in UTC, to the millisecond."""
    return frame.with_columns(pl.selectors.datetime().dt.strftime(_INSTANT_FORMAT))


def encode_frame(path: str, frame: pl.DataFrame, broken_line: str | None) -> bytes:
    """Write many records in the format of the path; a broken line is only added to NDJSON.

    Parquet keeps its instants typed; the text formats write them as ISO 8601.
    """
    buffer = io.BytesIO()
    if path.endswith(".parquet"):
        frame.write_parquet(buffer, compression="zstd")
        return buffer.getvalue()
    text = with_text_instants(frame)
    if path.endswith(".csv"):
        text.write_csv(buffer)
        return buffer.getvalue()
    text.write_ndjson(buffer)
    content = buffer.getvalue()
    if broken_line is not None:
        content = _insert_in_the_middle(content, broken_line)
    return compressed(path, content)


def _insert_in_the_middle(content: bytes, line: str) -> bytes:
    cut = content.index(b"\n", len(content) // 2) + 1
    return b"".join((content[:cut], line.encode(), b"\n", content[cut:]))
