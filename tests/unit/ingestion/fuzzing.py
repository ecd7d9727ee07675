"""Reads mutated files as the doorway does, in this process: `python -m tests.unit.ingestion.fuzzing N SEED`.

Prints a summary as JSON. A file fails the run if it ends the process, takes too long or raises an unexpected error.
"""

import gzip
import io
import json
import random
import resource
import signal
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.contracts.typing_sql import judged_records
from allive.ingestion.landed_content import Limits
from allive.ingestion.landing import NotTakenError, UnreadableFileError
from allive.ingestion.parquet_files import ParquetDecoder
from allive.ingestion.readers import ReadFiles, open_sources
from allive.ingestion.seen_files import SeenFiles

MEMORY_BYTES = 4 << 30
SECONDS_A_FILE = 10.0
LIMITS = Limits(file_bytes=1 << 30, ratio=200, memory_bytes=256 << 20)
CONTRACT = CONTRACTS["live_credits"]

_RECORDS = [
    {"live_id": f"lïve-{i}", "artist_id": f'a"{i}' if i % 7 == 0 else f"a-{i}", "share_bp": 100 * i + 1}
    for i in range(40)
]
_NDJSON = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in _RECORDS).encode()
_CSV = "live_id,artist_id,share_bp\n" + "".join(
    ",".join('"' + str(v).replace('"', '""') + '"' if '"' in str(v) else str(v) for v in record.values()) + "\n"
    for record in _RECORDS
)


def _parquet(**options):
    file = io.BytesIO()
    pq.write_table(pa.table({name: [record[name] for record in _RECORDS] for name in _RECORDS[0]}), file, **options)
    return file.getvalue()


def seeds():
    """One valid file of each format, by ending."""
    return [
        (".ndjson", _NDJSON),
        (".csv", _CSV.encode()),
        (".csv", _CSV.replace(",", ";").encode("windows-1252")),
        (".csv", _CSV.replace(",", "\t").encode("utf-16")),
        (".ndjson.gz", gzip.compress(_NDJSON, mtime=0)),
        (".csv.gz", gzip.compress(_CSV[:500].encode(), mtime=0) + gzip.compress(_CSV[500:].encode(), mtime=0)),
        (".ndjson.zst", zstandard.compress(_NDJSON)),
        (".csv.zst", zstandard.compress(_CSV.encode())),
        (".parquet", _parquet(compression="snappy")),
        (".parquet", _parquet(compression="zstd", use_dictionary=False, data_page_version="2.0")),
        (".parquet", _parquet(compression="gzip", row_group_size=7, store_schema=False)),
    ]


def _flip(content, rng, _):
    for _ in range(rng.choice((1, 1, 3, 30))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _cut(content, rng, _):
    del content[rng.randrange(len(content)) :]


def _take_out(content, rng, _):
    start = rng.randrange(len(content))
    del content[start : start + rng.randrange(1, 40)]


def _splice(content, rng, others):
    _, other = rng.choice(others)
    start, at = rng.randrange(len(other)), rng.randrange(len(content))
    content[at:at] = other[start : start + rng.randrange(1, 400)]


def _repeat(content, rng, _):
    start = rng.randrange(len(content))
    piece = content[start : start + rng.randrange(1, 60)]
    content[start:start] = piece * rng.choice((2, 50, 5000))


def _length(content, rng, _):
    size = rng.choice((1, 2, 4, 8))
    at = len(content) - 8 if rng.random() < 0.2 else rng.randrange(len(content))
    value = rng.choice((0, 1, 0x7F, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)) & (256**size - 1)
    content[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))


def _number(content, rng, _):
    at = rng.randrange(len(content))
    content[at:at] = rng.choice((b"9" * 4000, b"1e999999", b"-0", b"0x10", b"." * 50, b"1e-400", b"NaN"))


def _nest(content, rng, _):
    at, depth = rng.randrange(len(content)), rng.choice((10, 1000, 200_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'"', b'"'), (b"\n", b""), (b",", b"")))
    content[at:at] = opening * depth + closing * depth


_MUTATIONS = (_flip, _flip, _cut, _take_out, _splice, _repeat, _length, _number, _nest)


def mutant(seed):
    """Return a file's ending and content, the same for the same seed."""
    rng = random.Random(seed)
    others = seeds()
    ending, whole = rng.choice(others)
    content = bytearray(whole)
    inside = None
    if ending.endswith((".gz", ".zst")) and rng.random() < 0.5:
        # Broken content in intact compression; sometimes compressed twice.
        inside = partial(gzip.compress, mtime=0) if ending.endswith(".gz") else zstandard.compress
        content = bytearray(_NDJSON if ".ndjson" in ending else _CSV.encode())
    for _ in range(rng.choice((1, 1, 2, 5))):
        if content:
            rng.choice(_MUTATIONS)(content, rng, others)
    if inside is not None:
        content = inside(bytes(content))
        if rng.random() < 0.2:
            content = inside(content)
    return ending, bytes(content)


def judge(con, file, decoder):
    """Return the verdict on one file: accepted (every record), rejected (at least one record) or set aside."""
    if file.format == ".parquet":
        try:
            for batch in decoder.batches(file):
                batch.validate(full=True)
        except UnreadableFileError:
            return "set aside"
        return "accepted"
    read, outcomes = ReadFiles(LIMITS), Counter()
    for is_trusted in (True, False):
        try:
            for source in open_sources(CONTRACT, [file], read, lambda _: None, is_json_trusted=is_trusted):
                con.register("landed", source.batches)
                query = f"select outcome, count(*) from ({judged_records(CONTRACT, source.query)}) group by all"
                outcomes.update(dict(con.execute(query, {"loaded_ms": 0, "batch_number": 1}).fetchall()))
            break
        except (UnreadableFileError, NotTakenError, duckdb.Error, UnicodeDecodeError) as error:
            if read.unreadable:
                return "set aside"
            if not (is_trusted and isinstance(error, duckdb.InvalidInputException | UnicodeDecodeError)):
                raise
            read, outcomes = ReadFiles(LIMITS), Counter()
    return "rejected" if set(outcomes) - {"accepted"} else "accepted"


def run(files, seed):
    """Judge this many mutants and return a summary."""
    verdicts, slowest, spent_by_verdict = Counter(), (0.0, ""), Counter()
    with (
        tempfile.TemporaryDirectory() as scratch,
        duckdb.connect(config={"threads": 1, "memory_limit": "1GB"}) as con,
        ParquetDecoder(CONTRACT, LIMITS) as decoder,
    ):
        con.execute("set TimeZone = 'UTC'")
        landing = Path(scratch) / "landing"
        (landing / "live_credits").mkdir(parents=True)
        seen = SeenFiles(Path(scratch) / "seen.sqlite")
        for number in range(files):
            name = f"{seed}:{number}"
            ending, content = mutant(name)
            path = landing / "live_credits" / f"a{ending}"
            path.write_bytes(content)
            (file,) = seen.look(landing, "live_credits", is_noted=False).fresh
            signal.setitimer(signal.ITIMER_REAL, 20 * SECONDS_A_FILE)  # interrupts a file that hangs
            before = _cpu()
            try:
                verdict = judge(con, file, decoder)
            except Exception as error:
                raise RuntimeError(f"mutant {name!r} ({ending}): {type(error).__name__}: {error}") from error
            spent = _cpu() - before
            path.unlink()
            verdicts[verdict] += 1
            spent_by_verdict[ending] += spent
            slowest = max(slowest, (spent, f"{name} ({ending})"))
    signal.setitimer(signal.ITIMER_REAL, 0)
    return {
        "seed": seed,
        "files": files,
        "verdicts": dict(verdicts),
        "peak_bytes": max(_own_peak_kib(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024,
        "slowest_s": round(slowest[0], 3),
        "slowest": slowest[1],
        "cpu_s": round(_cpu(), 1),
    }


def _own_peak_kib() -> int:
    """Peak memory from VmHWM: `ru_maxrss` would include the parent's memory before the fork."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def _cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    print(json.dumps(run(int(sys.argv[1]), sys.argv[2])))
