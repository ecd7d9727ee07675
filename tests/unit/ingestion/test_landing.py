"""Which files are loaded, in which formats, exactly once; and which are set aside."""

import csv
import gzip
import io
import json
import random
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allive.ingestion.contracts import CONTRACTS

from .records import ARTIST, CREDIT, GOOD, HEARTBEAT, LIVE


def as_ndjson(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def as_csv(records):
    columns = list(dict.fromkeys(name for record in records for name in record))
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue().encode()


def as_parquet(records):
    columns = dict.fromkeys(name for record in records for name in record)
    file = io.BytesIO()
    pq.write_table(pa.table({c: [record.get(c) for record in records] for c in columns}), file)
    return file.getvalue()


RECORDS = [
    HEARTBEAT | {"event_id": f"é{i}", "sequence": i, "position_s": i + 0.5, "device": "tv"} for i in range(50)
] + [HEARTBEAT | {"event_at": "dancing"}, {key: HEARTBEAT[key] for key in ("event_id", "state")}]

DELIVERIES = {
    "a.ndjson": as_ndjson(RECORDS),
    "deep/er/b.jsonl": as_ndjson(RECORDS),
    "a.ndjson.gz": gzip.compress(as_ndjson(RECORDS)),
    "a.jsonl.zst": zstandard.compress(as_ndjson(RECORDS)),
    "two members.ndjson.gz": gzip.compress(as_ndjson(RECORDS[:9])) + gzip.compress(as_ndjson(RECORDS[9:])),
    "two frames.ndjson.zst": zstandard.compress(as_ndjson(RECORDS[:9])) + zstandard.compress(as_ndjson(RECORDS[9:])),
    "windows.ndjson": b"\xef\xbb\xbf" + as_ndjson(RECORDS).replace(b"\n", b"\r\n"),
    "no end.ndjson": as_ndjson(RECORDS).rstrip(b"\n"),
    "a.csv": as_csv(RECORDS),
    "bom.csv": b"\xef\xbb\xbf" + as_csv(RECORDS),
    "windows.csv": as_csv(RECORDS).replace(b"\n", b"\r\n"),
    "quoted.csv": as_csv(RECORDS).replace(b"playing", b'"playing"'),
    "a.csv.gz": gzip.compress(as_csv(RECORDS)),
    "a.csv.zst": zstandard.compress(as_csv(RECORDS)),
    "SHOUTED.CSV": as_csv(RECORDS),
    "shouted.NDJSON.Gz": gzip.compress(as_ndjson(RECORDS)),
    "semicolons.csv": as_csv(RECORDS).replace(b",", b";"),
    "quoted semicolons.csv": as_csv(RECORDS).replace(b",", b";").replace(b"playing", b'"playing"'),
    "tabs.csv": as_csv(RECORDS).replace(b",", b"\t"),
    "utf16 le.csv": b"\xff\xfe" + as_csv(RECORDS).decode().encode("utf-16-le"),
    "utf16 be.csv": b"\xfe\xff" + as_csv(RECORDS).decode().encode("utf-16-be"),
    "utf16 without mark.csv": as_csv(RECORDS).decode().encode("utf-16-le"),
    "utf16.ndjson": json.dumps(RECORDS[0], ensure_ascii=False).encode("utf-16")
    + "".join("\n" + json.dumps(record, ensure_ascii=False) for record in RECORDS[1:]).encode("utf-16-le"),
    "utf16.csv.zst": zstandard.compress(as_csv(RECORDS).decode().replace("\n", "\r\n").encode("utf-16")),
    "windows-1252.csv": as_csv(RECORDS).decode().encode("windows-1252"),
    "old Mac.csv": as_csv(RECORDS).replace(b"\n", b"\r"),
    "old Mac.ndjson": as_ndjson(RECORDS).replace(b"\n", b"\r"),
    "case and blanks.csv": as_csv(RECORDS)
    .replace(b"event_id", b"\xef\xbb\xbfEvent_ID ", 1)
    .replace(b"state", b" STATE", 1),
    "case and blanks.parquet": as_parquet(
        [{f" {k.upper()}\ufeff": v for k, v in record.items()} for record in RECORDS]
    ),
    "a.parquet": as_parquet(RECORDS),
}
COLUMNS = [c for c in CONTRACTS["heartbeats"].columns if not c.startswith(("source_", "batch_"))]


@pytest.mark.parametrize("name", DELIVERIES)
def test_every_format_ends_in_the_same_records(home, name):
    home.land("heartbeats/reference.ndjson", as_ndjson(RECORDS))
    home.load("heartbeats")
    other = type(home)(home.settings.home / "other")
    other.land(f"heartbeats/{name}", DELIVERIES[name])
    report = other.load("heartbeats")
    query = f"select {', '.join(COLUMNS)} from raw.heartbeats order by all"
    assert other.query(query) == home.query(query)
    assert other.reasons() == home.reasons() == ["bad_event_at", "missing_playback_id"]
    assert (report.records, report.rejects) == (50, 2)
    assert other.query("select distinct source_file from raw.heartbeats") == [(f"heartbeats/{name}",)]


@pytest.mark.parametrize(
    "name",
    [".a.csv", "_a.csv", "a.csv.tmp", "a.csv.part", "a.txt", "a.parquet.gz", "csv", "a.csv.bz2"],
)
def test_other_names_are_not_taken(home, name):
    home.land(f"artists/{name}", as_csv([ARTIST]))
    assert home.load("artists") is None


def test_a_missing_folder_is_nothing_new(home):
    assert home.load("artists") is None


def test_a_content_is_loaded_once_under_any_name_and_compression(home):
    content = as_ndjson(RECORDS)
    home.land("heartbeats/a.ndjson", content)
    assert home.load("heartbeats").files == 1
    home.land("heartbeats/again/a.ndjson", content)
    home.land("heartbeats/b.jsonl.gz", gzip.compress(content))
    home.land("heartbeats/c.ndjson.zst", zstandard.compress(content))
    assert home.load("heartbeats") is None
    home.land("heartbeats/d.ndjson", as_ndjson([HEARTBEAT]))
    home.land("heartbeats/e.ndjson.gz", gzip.compress(content, mtime=7))
    report = home.load("heartbeats")
    assert (report.files, report.records, report.already_loaded) == (1, 1, 1)
    assert home.query("select count(*) from raw.heartbeats") == [(51,)]


def test_a_content_that_comes_twice_in_a_batch_counts_once(home):
    content = as_ndjson(RECORDS)
    home.land("heartbeats/a.ndjson", content)
    home.land("heartbeats/b.ndjson.gz", gzip.compress(content))
    home.land("heartbeats/c.ndjson", content)
    report = home.load("heartbeats")
    assert (report.files, report.records, report.rejects, report.already_loaded) == (1, 50, 2, 2)


def test_a_large_file_is_known_again_though_no_other_has_its_size(home):
    records = [HEARTBEAT | {"event_id": f"{i}-{'x' * 500}"} for i in range(2000)]
    home.land("heartbeats/a.ndjson", records)
    assert home.load("heartbeats").records == 2000
    home.land("heartbeats/b.ndjson", records)
    home.land("heartbeats/c.ndjson", [HEARTBEAT])
    report = home.load("heartbeats")
    assert (report.files, report.records, report.already_loaded) == (1, 1, 1)


def test_the_memory_of_seen_files_is_only_a_cache(home):
    home.land("heartbeats/a.ndjson", [HEARTBEAT])
    home.load("heartbeats")
    for file in (home.settings.raw_dir / "_seen").iterdir():
        file.unlink()
    assert home.load("heartbeats") is None
    assert home.query("select count(*) from raw.heartbeats") == [(1,)]


def test_a_name_with_a_new_content_is_a_new_file(home):
    home.land("artists/a.csv", as_csv([ARTIST]))
    home.load("artists")
    home.land("artists/a.csv", as_csv([ARTIST | {"name": "Autre"}]))
    assert home.load("artists").records == 1
    assert home.query("select count(*) from raw.artists") == [(2,)]


def test_the_same_content_is_loaded_by_each_record_type(home):
    content = as_csv([ARTIST | CREDIT])
    home.land("artists/a.csv", content)
    home.land("live_credits/a.csv", content)
    assert home.load("artists").records == 1
    assert home.load("live_credits").records == 1


UNREADABLE = {
    "cut.ndjson.gz": gzip.compress(as_ndjson(RECORDS))[:-20],
    "cut in the trailer.ndjson.gz": gzip.compress(as_ndjson(RECORDS))[:-3],
    "corrupt.ndjson.gz": gzip.compress(as_ndjson(RECORDS))[:-8] + b"12345678",
    "no gzip.ndjson.gz": as_ndjson(RECORDS),
    "empty.ndjson.gz": b"",
    "cut.ndjson.zst": zstandard.compress(as_ndjson(RECORDS))[:-5],
    "no zstd.csv.zst": as_csv(RECORDS),
    "gzip.ndjson": gzip.compress(as_ndjson(RECORDS)),
    "parquet.csv": as_parquet(RECORDS),
    "utf32.csv": as_csv(RECORDS).decode().encode("utf-32"),
    "cut utf16.csv": as_csv(RECORDS).decode().encode("utf-16")[:-1],
    "cut.parquet": as_parquet(RECORDS)[:-20],
    "no parquet.parquet": as_ndjson(RECORDS[:2]),
    "other columns.parquet": as_parquet([{"a": 1}]),
    "other columns.csv": b"a,b\n1,2\n",
    "bars.csv": as_csv(RECORDS).replace(b",", b"|"),
    "twice.csv": b"event_id,event_id\n1,2\n",
    "twice but for case.csv": b"event_id,Event_ID \n1,2\n",
}


def test_a_file_that_cannot_be_read_is_set_aside_and_stops_no_other(home):
    for name, content in UNREADABLE.items():
        home.land(f"heartbeats/{name}", content)
    home.land("heartbeats/z good.ndjson", [HEARTBEAT])
    report = home.load("heartbeats")
    assert (report.files, report.records, report.rejects) == (1, 1, 0)
    assert {file for file, _ in report.unreadable} == {f"heartbeats/{name}" for name in UNREADABLE}
    assert home.rejects() == sorted((f"heartbeats/{n}", None, "unreadable") for n in UNREADABLE)
    assert home.load("heartbeats") is None
    for file in (home.settings.raw_dir / "_seen").iterdir():
        file.unlink()
    assert home.load("heartbeats") is None


def test_a_file_that_cannot_be_read_alone_is_a_batch(home):
    home.land("heartbeats/cut.ndjson.gz", UNREADABLE["cut.ndjson.gz"])
    report = home.load("heartbeats")
    assert (report.files, len(report.unreadable)) == (0, 1)
    assert home.reasons() == ["unreadable"]
    assert home.query("select count(*) from raw.heartbeats") == [(0,)]


def test_an_unreadable_page_deep_in_a_parquet_file_sets_it_aside(home):
    records = [HEARTBEAT | {"event_id": random.Random(i).randbytes(40).hex()} for i in range(5000)]
    content = bytearray(as_parquet(records))
    content[len(content) // 3 : len(content) // 3 + 2000] = b"\xff" * 2000
    home.land("heartbeats/a.parquet", bytes(content))
    home.land("heartbeats/b.ndjson", [HEARTBEAT])
    report = home.load("heartbeats")
    assert home.query("select distinct source_file from raw.heartbeats") in (
        [("heartbeats/b.ndjson",)],  # found corrupt
        [("heartbeats/a.parquet",), ("heartbeats/b.ndjson",)],  # the damage hit only plain values
    )
    assert report.files + len(report.unreadable) == 2


def test_lines_are_numbered_as_in_the_file(home):
    good = json.dumps(HEARTBEAT)
    home.land("heartbeats/a.ndjson", f"\n{good}\n   \n\r\n{{}}\n\n{good}\nx")
    home.load("heartbeats")
    assert home.query("select source_line from raw.heartbeats order by 1") == [(2,), (7,)]
    assert home.rejects() == [
        ("heartbeats/a.ndjson", 5, "missing_event_id"),
        ("heartbeats/a.ndjson", 8, "malformed"),
    ]


def test_csv_records_are_numbered_by_their_first_line(home):
    home.land(
        "lives/a.csv",
        "\n"
        "live_id,title,kind,exclusive,duration_s,ignored\n"  # 2
        "l1,plain,live,1,1800,\n"  # 3
        "\n"  # 4
        'l2,"two\nlines, ""quoted""",live,1,1800,\n'  # 5, 6
        "l3,too few,live,1\n"  # 7
        "l4,too,many,live,1,1800,x\n"  # 8
        'l5,"stray"quote,live,1,1800,\n'  # 9
        "l6,after,podcast,1,1800,\n"  # 10
        'l7,"",live,1,1800,\n'  # 11
        'l8,a 12" vinyl,live,1,1800,\n',  # 12
    )
    home.load("lives")
    assert home.query("select source_line, live_id, title from raw.lives order by 1") == [
        (3, "l1", "plain"),
        (5, "l2", 'two\nlines, "quoted"'),
        (12, "l8", 'a 12" vinyl'),
    ]
    assert [(line, reason) for _, line, reason in home.rejects()] == [
        (7, "malformed"), (8, "malformed"), (9, "malformed"), (10, "bad_kind"),
        (11, "missing_title"),
    ]  # fmt: skip


def test_a_quote_that_is_never_closed_costs_its_own_line(home):
    lines = [f"a{i},name {i}" for i in range(100)]
    lines[10] = 'a10,"open'
    home.land("artists/a.csv", "\n".join(["artist_id,name", *lines]))
    report = home.load("artists")
    assert (report.records, home.rejects()) == (99, [("artists/a.csv", 12, "malformed")])


def test_the_raw_text_of_a_reject_is_kept(home):
    home.land("artists/a.csv", 'artist_id,name\r\na1,x,y\r\na2,"two\r\nlines",z\r\n')
    home.land("artists/b.ndjson", '{"name": "é"} \n')
    home.land("artists/c.ndjson", b'{"name": "\xff"}\n')
    home.load("artists")
    assert home.query("select raw from raw.rejects order by source_file, source_line") == [
        ("a1,x,y",), ('a2,"two\r\nlines",z',), ('{"name": "é"} ',), ('{"name": "\\xff"}',),
    ]  # fmt: skip


def test_undecodable_lines_are_malformed_and_leave_the_others(home):
    lines = [json.dumps(HEARTBEAT | {"event_id": f"é{i}"}, ensure_ascii=False) for i in range(5)]
    content = "\n".join(lines).encode().splitlines()
    content[2] = content[2].replace("é".encode(), b"\xe9")
    home.land("heartbeats/a.ndjson", b"\n".join(content))
    home.load("heartbeats")
    assert home.rejects() == [("heartbeats/a.ndjson", 3, "malformed")]
    assert home.query("select count(*) from raw.heartbeats") == [(4,)]


def test_a_record_of_many_megabytes_is_malformed(home):
    monster = json.dumps(HEARTBEAT | {"x": "y" * (9 << 20)})
    home.land("heartbeats/a.ndjson", f"{json.dumps(HEARTBEAT)}\n{monster}\n{json.dumps(HEARTBEAT)}\n")
    home.load("heartbeats")
    assert home.query("select source_line from raw.heartbeats order by 1") == [(1,), (3,)]
    assert home.rejects() == [("heartbeats/a.ndjson", 2, "malformed")]
    assert home.query("select length(raw) < 10_000 from raw.rejects") == [(True,)]


def test_parquet_types_are_held_to_the_contract(home):
    instant = datetime(2021, 1, 18, 18, 51, 18, 170_999, UTC)
    table = pa.table(
        {
            "event_id": pa.array(["a", "b", "c", "d"]).dictionary_encode(),
            "playback_id": pa.array([1, 2, 3, 4]),
            "subscriber_id": pa.array(["s"] * 4, pa.large_string()),
            "live_id": pa.array([b"l", b"l", b"\xff", b"l"], pa.binary()),
            "event_at": pa.array([instant] * 4, pa.timestamp("us", "Europe/Paris")),
            "received_at": pa.array([None, None, None, instant], pa.timestamp("ns", "UTC")),
            "state": pa.array(["playing"] * 4),
            "position_s": pa.array([0.1, 200150.136, 1.0, 1e400]),
            "sequence": pa.array([1.0, None, 3.0, 4.0]),
        }
    )
    path = home.land("heartbeats/a.parquet", b"")
    pq.write_table(table, path)
    naive = home.land("heartbeats/b.parquet", b"")
    pq.write_table(table.slice(0, 1).set_column(4, "event_at", pa.array([instant.replace(tzinfo=None)])), naive)
    floats = home.land("heartbeats/c.parquet", b"")
    pq.write_table(table.slice(0, 1).set_column(1, "playback_id", pa.array([1.0])), floats)
    home.load("heartbeats")
    at = instant.replace(microsecond=170_000)
    assert home.query(
        "select event_id, playback_id, live_id, event_at, received_at, position_ms, sequence "
        "from raw.heartbeats order by 1"
    ) == [("a", "1", "l", at, at, 100, 1), ("b", "2", "l", at, at, 200_150_136, None), ("d", "4", "l", at, at, None, 4)]
    assert home.rejects() == [
        ("heartbeats/a.parquet", 3, "bad_live_id"),
        ("heartbeats/b.parquet", 1, "bad_event_at"),
        ("heartbeats/c.parquet", 1, "bad_playback_id"),
    ]


def test_awkward_json_never_stops_a_load(home):
    deep = "[" * 2000 + "]" * 2000
    lines = [
        '{"event_id":"a","event_id":{"b":1}}',
        '{"event_id":NaN}',
        '{"event_id":1e999}',
        '{"event_id":"\\u0000"}',
        '{"":1}',
        f'{{"event_id":{deep}}}',
        "{" * 5000,
        '{"event_id": "\\uD83D\\uDE00"}',
        "\x00",
        "{}",
        "  {}",
    ]
    home.land("heartbeats/a.ndjson", "\n".join([*lines, json.dumps(HEARTBEAT)]))
    report = home.load("heartbeats")
    assert (report.records, report.rejects) == (1, len(lines))


NOISE = st.one_of(
    st.binary(max_size=30),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ).map(lambda value: json.dumps(value).encode()),
    st.dictionaries(
        st.sampled_from(CONTRACTS["heartbeats"].field_names),
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9)
        | st.lists(st.integers(), max_size=2) | st.sampled_from([*HEARTBEAT.values()]),
    ).map(lambda change: json.dumps(HEARTBEAT | change).encode()),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(NOISE, max_size=30))
def test_noise_is_loaded_or_rejected_line_by_line(tmp_path_factory, home, lines):
    # A first byte of another format makes the file unreadable, which another test covers.
    content = b"{}\n" + b"\n".join(lines)
    fresh = type(home)(tmp_path_factory.mktemp("noise"))
    fresh.land("heartbeats/a.ndjson", content)
    report = fresh.load("heartbeats")
    filled = [line for line in content.split(b"\n") if line.strip(b" \t\r\n\x0b\x0c")]
    assert report.records + report.rejects == len(filled)
    for field in ("event_id", "playback_id"):
        if report.verdict == "promoted":
            assert fresh.query(f"select count(*) from raw.heartbeats where {field} is null") == [(0,)]


CELL = st.text(alphabet='ab,"\n\r é\0', max_size=6)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=20))
def test_csv_that_a_writer_wrote_is_read_as_it_was_meant(tmp_path_factory, home, rows):
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("artist_id", "name"), *rows])
    fresh = type(home)(tmp_path_factory.mktemp("csv"))
    fresh.land("artists/a.csv", file.getvalue().encode())
    report = fresh.load("artists")
    # Blanks around an id are not part of it.
    read = [(artist_id.strip(), name) for artist_id, name in rows]
    good = [row for row in read if all(cell and "\0" not in cell for cell in row)]
    assert report.records + report.rejects == len(rows)
    assert report.records == len(good)
    if report.verdict == "promoted":
        found = fresh.query("select artist_id, name from raw.artists order by source_line")
        assert found == good


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=300).map(lambda noise: b"artist_id,name\n" + noise))
def test_csv_noise_never_stops_a_load(tmp_path_factory, home, content):
    fresh = type(home)(tmp_path_factory.mktemp("csv"))
    fresh.land("artists/a.csv", content)
    fresh.load("artists")


def test_a_change_of_block_in_the_middle_of_a_record_changes_nothing(home, monkeypatch):
    monkeypatch.setattr("allive.ingestion.landed_content._READ_BYTES", 7)
    lives = [LIVE | {"live_id": f"l{i}", "title": f'é\n"{i}"' if i % 3 else f"é{i}"} for i in range(40)]
    home.land("lives/a.csv", as_csv(lives))
    home.land("lives/b.ndjson", as_ndjson(lives))
    home.land("lives/c.csv.gz", gzip.compress(b"\n" + as_csv(lives)))
    report = home.load("lives")
    assert report.records == 120
    query = "select live_id, title from raw.lives where source_file = '{}' order by source_line"
    expected = [(live["live_id"], live["title"]) for live in lives]
    for name in ("lives/a.csv", "lives/b.ndjson", "lives/c.csv.gz"):
        assert home.query(query.format(name)) == expected


def test_record_types_are_independent(home):
    for record_type, record in GOOD.items():
        home.land(f"{record_type}/a.ndjson", [record])
    home.land("artists/broken.parquet", b"no")
    for number, record_type in enumerate(reversed(GOOD), start=1):
        assert home.load(record_type).batch_number == number
    for record_type in GOOD:
        assert home.query(f"select count(*) from raw.{record_type}") == [(1,)]
        assert home.load(record_type) is None


def test_nothing_new_takes_no_look_at_the_files(home, monkeypatch):
    for i in range(300):
        home.land(f"artists/{i}.csv", f"artist_id,name\na{i},n\n")
    assert home.load("artists").records == 300
    monkeypatch.setattr("allive.ingestion.landed_content.read_content", None)
    monkeypatch.setattr("allive.ingestion.load.hash_content", None)
    assert home.load("artists") is None
    # Delivered again by rename: a file touched in place, in a folder that has long been quiet, is not checked.
    again = home.settings.landing_dir / "artists/7.csv"
    again.with_suffix(".part").write_bytes(again.read_bytes())
    again.with_suffix(".part").rename(again)
    with pytest.raises(TypeError):
        home.load("artists")
