"""A small file cannot take minutes or gigabytes: it is read in time, or set aside with the reason."""

import gzip
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.contracts.typing_sql import judged_records
from allive.ingestion.csv_records import CsvLayout, cut_header, cut_records, find_header
from allive.ingestion.landed_content import Limits
from allive.ingestion.landing import UnreadableFileError
from allive.ingestion.readers import ReadFiles, open_sources
from allive.ingestion.seen_files import SeenFiles

from .records import ARTIST, HEARTBEAT

pytestmark = pytest.mark.slow

CASES = Path(__file__).parents[2] / "fixtures" / "doorway"
MIB = 1 << 20
LIMITS = Limits(file_bytes=100 << 30, ratio=200, memory_bytes=256 * MIB)


def judge(folder, record_type, limits=LIMITS):
    """Judge files without a raw layer; return the records per outcome, and the findings about the files."""
    contract, read = CONTRACTS[record_type], ReadFiles(limits)
    landed = SeenFiles(folder / "seen.sqlite").look(folder, record_type, is_noted=False).fresh
    outcomes = {}
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'; set threads = 1")
        try:
            for source in open_sources(contract, landed, read, lambda _: None, is_json_trusted=False):
                con.register("landed", source.batches)
                query = f"select outcome, count(*) from ({judged_records(contract, source.query)}) group by all"
                for outcome, records in con.execute(
                    query, {"loaded_ms": 1_617_278_400_000, "batch_number": 1}
                ).fetchall():
                    outcomes[outcome] = outcomes.get(outcome, 0) + records
        except Exception:
            if not read.unreadable:
                raise
    return outcomes, read


def judge_one(tmp_path, name, content, limits=LIMITS):
    """Return the records per outcome, or the reason why the file is set aside, and the CPU seconds."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    before = time.process_time()
    outcomes, read = judge(tmp_path, path.parent.name, limits)
    spent = time.process_time() - before
    return (read.unreadable[0][1] if read.unreadable else outcomes), spent


DEADLINE_S = 300
LOAD_ARTISTS = r"""
import re, resource, sys
from pathlib import Path
import allive.ingestion.load
from allive.ingestion.settings import Settings
allive.ingestion.load.validate = lambda *_: ()
settings = Settings(home=Path(sys.argv[1]), memory_limit="1GB", threads=2)
report = allive.ingestion.load.load_new_files(settings, "artists")
# Its own peak from VmHWM: `ru_maxrss` would include the parent's memory before the fork.
(own,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
print(report.records, max(int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
print(report.unreadable)
"""


# --- compression ---------------------------------------------------------------------------------

GOOD = json.dumps(HEARTBEAT).encode() + b"\n"


def test_four_megabytes_of_newlines_are_judged_in_under_a_second_a_mebibyte(tmp_path):
    content = (CASES / "blank-header.csv.gz").read_bytes()
    assert len(gzip.decompress(content)) == 4 * MIB
    found, spent = judge_one(tmp_path, "artists/a.csv.gz", content)
    assert found == {}
    assert spent < 4


@pytest.mark.parametrize(
    ("name", "content", "records"),
    [
        ("blanks before the header.csv.gz", gzip.compress(b" \r\n" * MIB + b"artist_id,name\na,b\n"), 1),
        ("blanks of spaces.csv.gz", gzip.compress(b" " * (4 * MIB) + b"\nartist_id,name\na,b\n"), 1),
        ("empty members.csv.gz", gzip.compress(b"artist_id,name\na,b\n") + gzip.compress(b"", mtime=0) * 100_000, 1),
        (
            "empty frames.csv.zst",
            zstandard.compress(b"artist_id,name\na,b\n") + zstandard.ZstdCompressor().compress(b"") * 100_000,
            1,
        ),
        ("one member per byte.csv.gz", b"".join(gzip.compress(bytes([c])) for c in b"artist_id,name\na,b\n" * 50), 99),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_many_small_pieces_cost_what_their_bytes_cost(tmp_path, name, content, records):
    found, spent = judge_one(tmp_path, f"artists/{name}", content)
    assert found == {"accepted": records}
    assert spent < 5


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("a.ndjson.gz", lambda content: gzip.compress(content, 9)),
        ("a.ndjson.zst", zstandard.ZstdCompressor(level=19).compress),
        ("a.csv.gz", lambda content: gzip.compress(content[:1000]) + gzip.compress(content[1000:])),
    ],
)
def test_what_decompresses_to_far_more_than_it_is_is_set_aside(tmp_path, name, compress):
    content = compress(b"\n" * (80 * MIB))
    found, spent = judge_one(tmp_path, f"heartbeats/{name}", content)
    assert found.startswith(f"found more than {64 * MIB:,} bytes decompressed, of {len(content):,} landed")
    assert "ALLIVE_LANDED_RATIO_LIMIT=200" in found
    assert spent < 10


def test_the_limits_are_settings(home):
    home.settings = home.settings.model_copy(update={"landed_file_limit": "1kB"})
    home.land("heartbeats/a.ndjson", GOOD * 5)
    home.land("heartbeats/b.ndjson", GOOD * 50)
    report = home.load("heartbeats")
    assert report.records == 5
    ((name, reason),) = report.unreadable
    assert name == "heartbeats/b.ndjson"
    assert "more than 1,000 bytes" in reason
    assert "ALLIVE_LANDED_FILE_LIMIT" in reason


def test_a_file_that_compresses_well_is_taken(tmp_path):
    content = zstandard.ZstdCompressor(level=19).compress(GOOD * 100_000)
    assert 16 * MIB / len(content) > 200
    found, _ = judge_one(tmp_path, "heartbeats/a.ndjson.zst", content)
    assert found == {"accepted": 100_000}


# --- text ----------------------------------------------------------------------------------------


def test_the_header_is_found_as_the_first_line_that_is_not_blank():
    for content in (b"a,b\n1\n", b"\n\n  \r\na,b\r\n1\n", b"a,b", b"", b"\n\n", b"  ", b"\n a,b \nc", b"\n\na\nb\nc"):
        filled = [line for line in content.split(b"\n") if line.strip()]
        expected = filled[0].rstrip(b"\r") if filled else b""
        assert find_header([content]) == expected
        assert find_header(content[i : i + 1] for i in range(len(content))).strip() == expected.strip()
        header, rest, taken = cut_header(content + b"\n")
        assert (header, content.count(b"\n") + 1) == (expected, taken + rest.count(b"\n")) or not filled


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"artist_id," + b"x" * (2 * MIB), "found a CSV header of more than 1,048,576 bytes"),
        (b"," * 500_000, "found 500,001 columns, expected at most 1,000"),
        (b"artist_id" + b";x" * 1000, "found 1,001 columns, expected at most 1,000"),
        (b'artist_id,"name', "found the CSV header"),
    ],
)
def test_a_header_beyond_the_limits_sets_the_file_aside(tmp_path, header, reason):
    found, spent = judge_one(tmp_path, "artists/a.csv", header + b"\n1\n")
    assert found.startswith(reason)
    assert spent < 3


QUOTES = {
    "each closes and opens": b'x","y\n',
    "each opens": b'x,"y\n',
    "three": b'"""\n',
    "two and one": b'"",""""\n',
    "opened by the first": b"a,b\n",
}


@pytest.mark.parametrize("name", QUOTES)
def test_quotes_that_are_never_closed_cost_time_in_proportion(tmp_path, name):
    content = b'artist_id,name\nx,"y\n' + QUOTES[name] * (2 * MIB // len(QUOTES[name]))
    found, spent = judge_one(tmp_path, "artists/a.csv", content)
    assert sum(found.values()) > 1000
    assert spent < 12


def test_an_open_quote_is_told_apart_as_a_parser_line_by_line_would():
    """Records cover the text exactly, and each one's text is the lines from its line number on."""
    layout = CsvLayout(",", ("artist_id", "name"), ())
    for text in (
        'a,"b\nc,d\n', 'x","y\n' * 5, 'a,"b\n"c,d\n', 'a,"b\nc"\nd,"e\nf,g\n', '"a\n"\nb,c\n', 'a,"b""\nc",d\ne,f\n',
    ):  # fmt: skip
        cut = cut_records(text.encode(), 1, layout, is_end=True)
        lines = text.splitlines(keepends=True)
        assert "".join(record.raw for record in cut.records) == text
        assert cut.lines_taken == len(lines)
        for record in cut.records:
            span = record.raw.count("\n")
            assert record.raw == "".join(lines[record.line - 1 : record.line - 1 + span])
    records = cut_records(b'a,"b\nc,d\ne,f\n', 1, layout, is_end=True).records
    assert [record.cells for record in records] == [None, ["c", "d"], ["e", "f"]]
    assert cut_records(b'a,"b\nc,d\n', 1, layout, is_end=False).lines_taken == 0


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.csv", b"," * 3_000_000),
        ("b.csv", b'"",' * 700_000),
        ("a.ndjson", b"[" * 3_000_000),
        ("b.ndjson", b'{"event_id":' + b'{"a":' * 300_000 + b"1" + b"}" * 300_001),
        ("c.ndjson", b"{" + b'"event_id":1,' * 100_000 + b'"a":1}'),
        ("d.ndjson", b'{"x":[' + b"1," * 1_000_000 + b"1]}"),
    ],
)
def test_a_line_of_a_million_parts_costs_itself_alone(tmp_path, name, line):
    record_type = "artists" if name.endswith(".csv") else "heartbeats"
    good, header = (b"a,b\n", b"artist_id,name\n") if record_type == "artists" else (GOOD, b"")
    found, spent = judge_one(tmp_path, f"{record_type}/{name}", header + (line + b"\n") * 2 + good)
    assert found.pop("accepted") == 1
    assert sum(found.values()) == 2
    assert spent < 5


# --- Parquet -------------------------------------------------------------------------------------


def parquet(path, table, **options):
    path.parent.mkdir(exist_ok=True)
    pq.write_table(table, path, **options)
    return path.read_bytes()


def test_a_bomb_of_dictionary_pages_is_set_aside_within_the_memory_limit(home):
    (home.settings.landing_dir / "artists").mkdir(parents=True)
    shutil.copy(CASES / "dictionary-bomb.parquet", home.settings.landing_dir / "artists")
    home.land("artists/good.ndjson", [ARTIST])
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ARTISTS, home.settings.home],
        check=True,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    counts, unreadable = done.stdout.splitlines()
    records, peak_kib = map(int, counts.split())
    assert records == 1
    assert peak_kib * 1024 < home.settings.memory_limit_bytes
    assert "artists/dictionary-bomb.parquet" in unreadable
    assert "bytes decompressed" in unreadable


BOMBS = {
    "a 30 KB value per row, dense": (
        lambda path: parquet(
            path,
            pa.table(
                {
                    "artist_id": pa.DictionaryArray.from_arrays(pa.array([0] * 65_536), ["x" * 30_000]),
                    "name": ["a"] * 65_536,
                }
            ),
            store_schema=False,
            compression="zstd",
        ),
        "decompressed",
    ),
    "a value of 100 MB": (
        lambda path: parquet(path, pa.table({"artist_id": ["x" * 100_000_000], "name": ["a"]}), compression="zstd"),
        "decompressed",
    ),
    "20 million rows of nulls": (
        lambda path: parquet(
            path,
            pa.table({"artist_id": pa.nulls(20_000_000, pa.string()), "name": pa.nulls(20_000_000, pa.string())}),
            compression="zstd",
        ),
        "decompressed",
    ),
    "2,000 columns": (
        lambda path: parquet(path, pa.table({"artist_id": ["a"]} | {f"c{i}": ["x"] for i in range(2000)})),
        "found 2,001 columns in the Parquet file, expected at most 1,000",
    ),
    "a footer that is longer than the file": (
        lambda path: parquet(path, pa.table({"artist_id": ["a"]}))[:-8] + (2**31).to_bytes(4, "little") + b"PAR1",
        "found a Parquet footer of 2,147,483,648 bytes",
    ),
    "a struct of many leaves": (
        lambda path: parquet(
            path, pa.table({"artist_id": pa.array([{f"c{i}": 1 for i in range(1500)}]), "name": ["a"]})
        ),
        "found 1,501 columns in the Parquet file",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_parquet_file_beyond_the_limits_is_set_aside(tmp_path, name):
    make, reason = BOMBS[name]
    content = make(tmp_path / "artists/a.parquet")
    found, _ = judge_one(tmp_path, "artists/a.parquet", content)
    assert isinstance(found, str), found
    assert reason in found


def test_pages_that_take_more_memory_than_they_may_end_their_process_alone(tmp_path):
    table = pa.table({"artist_id": ["x" * (150 * MIB)], "name": ["a"]})
    content = parquet(tmp_path / "artists/a.parquet", table, compression="none", store_schema=False)
    limits = Limits(file_bytes=1 << 40, ratio=200, memory_bytes=64 * MIB)
    (tmp_path / "artists/b.parquet").write_bytes(
        parquet(tmp_path / "b.parquet", pa.table({"artist_id": ["a"], "name": ["b"]}))
    )
    assert len(content) > 150 * MIB
    outcomes, read = judge(tmp_path, "artists", limits)
    ((file, reason),) = read.unreadable
    assert (file.name, outcomes) == ("artists/a.parquet", {})
    assert "ALLIVE_MEMORY_LIMIT" in reason
    (tmp_path / "artists/a.parquet").unlink()
    assert judge(tmp_path, "artists", limits)[0] == {"accepted": 1}


def test_all_broken_files_are_found_in_one_pass(tmp_path):
    for i in range(5):
        (tmp_path / "artists").mkdir(exist_ok=True)
        (tmp_path / f"artists/{i}.parquet").write_bytes(b"no" * 10)
        (tmp_path / f"artists/{i}.csv").write_bytes(b"no\n")
    _, read = judge(tmp_path, "artists")
    assert len(read.unreadable) == 5  # all CSV headers are checked before anything is staged
    for i in range(5):
        (tmp_path / f"artists/{i}.csv").unlink()
    _, read = judge(tmp_path, "artists")
    assert len(read.unreadable) == 5


def test_a_crc_that_does_not_fit_is_corrupt(tmp_path):
    path = tmp_path / "artists/a.parquet"
    content = parquet(
        path,
        pa.table({"artist_id": ["abcdefgh"] * 50, "name": [f"n{i:05}" for i in range(50)]}),
        compression="none",
        write_page_checksum=True,
        use_dictionary=False,
    )
    at = content.index(b"n00007")
    found, _ = judge_one(tmp_path, "artists/a.parquet", content[:at] + b"m" + content[at + 1 :])
    assert isinstance(found, str)
    assert "corrupt" in found


def test_the_limit_of_a_file_is_by_its_size_and_never_below_the_free_part():
    limits = Limits(file_bytes=10**9, ratio=200, memory_bytes=1)

    class Landed:
        def __init__(self, size):
            self.size = size

    assert [limits.most_bytes(Landed(size)) for size in (0, 4, 10**6, 10**7)] == [
        64 * MIB, 64 * MIB, 200_000_000, 10**9,
    ]  # fmt: skip
    assert isinstance(limits.refusal(Landed(4)), UnreadableFileError)
