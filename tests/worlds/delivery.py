"""Writes rows as landed files: every format, any order, duplicate deliveries, and rubbish in between."""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.worlds.broken import MALFORMED_JSON, Broken

Row = dict[str, Any]
Line = Row | Broken
FORMATS = ("ndjson", "jsonl", "csv", "parquet", "ndjson.gz", "ndjson.zst", "csv.gz", "csv.zst")
BROKEN_PER_FILE = 5
"""More could hold a batch: in a file of 200 records or more, at most 5 % are allowed to be broken."""
IDS = ("event_id", "playback_id", "subscriber_id", "live_id", "artist_id", "period_id")
PARQUET_TYPES: dict[str, Any] = {
    "event_at": pa.timestamp("us", tz="UTC"),
    "received_at": pa.timestamp("us", tz="UTC"),
    "updated_at": pa.timestamp("ms", tz="UTC"),
    "valid_from": pa.date32(),
    "left_on": pa.date32(),
    "published_on": pa.date32(),
    "sequence": pa.int64(),
    "position_s": pa.float64(),
    "playback_rate": pa.float64(),
    "exclusive": pa.bool_(),
    "is_deleted": pa.bool_(),
    "share_bp": pa.int32(),
    "price_cents": pa.int64(),
    "envelope_cents": pa.int64(),
    "refunded_cents": pa.int64(),
}


def write_lines(folder: Path, lines: Sequence[Line], rng: random.Random, formats: Sequence[str]) -> None:
    """Write the lines of one batch of one record type as one to three files."""
    shuffled = list(lines)
    rng.shuffle(shuffled)
    good = [line for line in shuffled if isinstance(line, dict)]
    broken = [line for line in shuffled if isinstance(line, Broken)]
    files = rng.randrange(1, 4)
    for number in range(files):
        if part := good[number::files]:
            _write_one(folder, part, rng, rng.choice(formats))
    # Only text formats can carry broken lines; good lines next to them keep the file believable.
    text_formats = [one for one in formats if "parquet" not in one]
    for at in range(0, len(broken), BROKEN_PER_FILE) if text_formats else ():
        among = [*rng.sample(good, min(len(good), 8)), *broken[at : at + BROKEN_PER_FILE]]
        rng.shuffle(among)
        _write_one(folder, among, rng, rng.choice(text_formats))


def write_spoiled(folder: Path, lines: Sequence[Line], rng: random.Random) -> Path:
    """Write one file of at least 200 records with more than 5 % broken, so that its batch is held."""
    padded = list(lines)
    while len(padded) < 200:
        padded += rng.sample(list(lines), min(len(lines), 200 - len(padded)))
    padded += [Broken("malformed", None)] * (len(padded) // 10)
    rng.shuffle(padded)
    return _write_one(folder, padded, rng, "ndjson")


def write_rubbish(landing: Path, rng: random.Random) -> None:
    """Write files that must not be loaded, and one that cannot be read."""
    folder = landing / "heartbeats"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("_SUCCESS", ".hb.ndjson", "hb.ndjson.tmp", "hb.csv.part"):
        (folder / name).write_text("not for us\n", encoding="utf-8")
    truncated = gzip.compress(rng.randbytes(400), mtime=0)[:-20]
    (folder / f"truncated-{rng.getrandbits(32):08x}.ndjson.gz").write_bytes(truncated)


def deliver_again(landing: Path, rng: random.Random) -> None:
    """Deliver an existing file again under another name and compression: its content identifies it."""
    there = sorted(path for path in landing.rglob("*.ndjson") if path.name[0] not in "._")
    if there:
        path = rng.choice(there)
        again = path.with_name(f"again-{rng.getrandbits(32):08x}.jsonl.gz")
        again.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def _write_one(folder: Path, lines: Sequence[Line], rng: random.Random, kind: str) -> Path:
    where = folder / rng.choice(("", "", f"dt={rng.randrange(2020, 2022)}", "a/b c"))
    where.mkdir(parents=True, exist_ok=True)
    if "parquet" in kind:
        content = _parquet([line for line in lines if isinstance(line, dict)], rng)
    elif "csv" in kind:
        content = _csv(lines, rng)
    else:
        content = _ndjson(lines, rng)
    if kind.endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    elif kind.endswith(".zst"):
        content = zstandard.compress(content)
    path = where / f"{rng.getrandbits(32):08x}.{kind}"
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_bytes(content)
    unfinished.rename(path)
    return path


def _ndjson(lines: Sequence[Line], rng: random.Random) -> bytes:
    written = []
    for line in lines:
        row = line.row if isinstance(line, Broken) else line
        if rng.random() < 0.02:
            written.append(rng.choice(("", "   ")))
        written.append(rng.choice(MALFORMED_JSON) if row is None else _json_object(row, rng))
    line_end = rng.choice(("\n", "\n", "\r\n"))
    return (line_end.join(written) + rng.choice((line_end, ""))).encode()


def _json_object(row: Row, rng: random.Random) -> str:
    values = {}
    for name, value in row.items():
        if value is None and rng.random() < 0.5:
            continue
        values[name] = float(value) if isinstance(value, Decimal) else value
        is_number = isinstance(value, str) and value.isdecimal() and not value.startswith("0")
        if name in IDS and is_number and rng.random() < 0.5:
            values[name] = int(value)
        if name in {"exclusive", "is_deleted"} and isinstance(value, bool) and rng.random() < 0.2:
            values[name] = rng.choice((int(value), str(value).lower()))
    if rng.random() < 0.05:
        values["app_version"] = {"major": 3}
    return json.dumps(values, ensure_ascii=rng.random() < 0.5)


def _csv(lines: Sequence[Line], rng: random.Random) -> bytes:
    rows = [line.row if isinstance(line, Broken) else line for line in lines]
    header = sorted({name for row in rows if row for name in row})
    rng.shuffle(header)
    header.append("not_ours")
    text = io.StringIO(newline="")
    dialect = _dialect(header, len(rows))
    writer = csv.writer(text, lineterminator=rng.choice(("\n", "\n", "\r\n")), delimiter=dialect.separator)
    writer.writerow([dialect.title(name) for name in header])
    for row in rows:
        if rng.random() < 0.02:
            text.write("\n")
        if row is None:
            writer.writerow(rng.choice((["too", "few"], ["x"] * (len(header) + 1))))
        else:
            writer.writerow([_csv_value(row.get(name), rng) for name in header])
    return text.getvalue().encode(dialect.encoding or rng.choice(("utf-8", "utf-8", "utf-8-sig")))


class _Dialect(NamedTuple):
    separator: str
    title: Callable[[str], str]
    encoding: str | None


def _dialect(header: list[str], rows: int) -> _Dialect:
    """The dialect of a CSV file, chosen from its content, so that the world's own random numbers stay the same."""
    rng = random.Random(f"{header} {rows}")
    return _Dialect(
        separator=rng.choice((",", ",", ";", "\t")),
        title=rng.choice((str, str, str.upper, str.capitalize, " {} ".format)),
        encoding=rng.choice((None, None, None, "utf-16")),
    )


def _csv_value(value: Any, rng: random.Random) -> str:
    if isinstance(value, bool):
        return rng.choice(("true", "1") if value else ("false", "0"))
    return "" if value is None else str(value)


def _parquet(rows: Sequence[Row], rng: random.Random) -> bytes:
    names = sorted({name for row in rows for name in row})
    is_typed = rng.random() < 0.7
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        kind = PARQUET_TYPES.get(name) if is_typed else None
        if kind is None or not _fits(values, kind):
            columns[name] = pa.array([_parquet_text(value) for value in values], pa.string())
        else:
            columns[name] = pa.array([_parquet_value(value, kind) for value in values], kind)
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression=rng.choice(("snappy", "zstd", "none")))
    return out.getvalue()


def _parquet_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _fits(values: Sequence[Any], kind: pa.DataType) -> bool:
    """Whether all values have the type; days written as instants do not and stay text."""
    if not pa.types.is_date32(kind):
        return True
    return all(value is None or len(value) == len("2021-01-01") for value in values)


def _parquet_value(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_timestamp(kind):
        instant = datetime.fromisoformat(value)
        return instant if kind.unit == "us" else instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    if pa.types.is_date32(kind):
        return date.fromisoformat(value)
    return float(value) if pa.types.is_floating(kind) else value
