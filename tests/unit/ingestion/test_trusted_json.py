"""A JSON line that looks complete is parsed without validation; the result is the same as with validation."""

import json

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.contracts.typing_sql import judged_records
from allive.ingestion.landed_content import Limits
from allive.ingestion.load import load_new_files
from allive.ingestion.readers import ReadFiles, open_sources
from allive.ingestion.seen_files import SeenFiles

from .records import CREDIT, HEARTBEAT

GOOD = json.dumps(HEARTBEAT)
CREDIT_START = '{"live_id":"l-1","artist_id":"a-1","share_bp":1000'
BROKEN = {
    "broken in the middle": GOOD.replace('"l-1"', '"l-1'),
    "a bare word in the middle": GOOD.replace('"playing"', "playing"),
    "two objects": GOOD + GOOD,
    "two objects and a blank": f"{GOOD} {GOOD}",
    "a comma at the end": GOOD[:-1] + ",}",
    "a comma and blanks at the end": GOOD[:-1] + ", \t}",
    "a brace too many": GOOD + "}",
    "a brace too many after a number": CREDIT_START + "}}",
    "ends in ]} without [": CREDIT_START + "]}",
    "ends in l} that is not null": CREDIT_START + ',"x":nul}',
    "ends in e} that is not true": CREDIT_START + ',"x":e}',
    "two commas": GOOD.replace(", ", ",, ", 1),
    "no colon": GOOD.replace(": ", " ", 1),
    "no quotes around a name": GOOD.replace('"state"', "state"),
    "quotes of the other kind": GOOD.replace('"', "'"),
    "an escaped last quote": CREDIT_START + ',"x":"\\"}',
    "an unknown escape": GOOD.replace("e-1", "e\\x"),
    "half a surrogate pair": GOOD.replace("e-1", "\\ud800"),
    "invalid UTF-8": GOOD.encode().replace(b"e-1", b"\xff"),
    "a NUL": GOOD.replace("e-1", "e\0"),
    "a tab in a string": GOOD.replace("e-1", "e\t"),
    "a CR in a string": GOOD.replace("e-1", "e\r"),
    "a comment": GOOD.replace(": ", ": /* x */ ", 1),
    "a leading zero": CREDIT_START + ',"x":01}',
    "cut": GOOD[:-20],
    "cut at a quote": GOOD[: GOOD.index('"live_id"') + 9] + "}",
    "an array": f"[{GOOD}]",
    "an array that ends like an object": f'[{GOOD},"}}',
    "a BOM in the middle of the file": "\ufeff" + GOOD,
}
WHOLE = {
    "as written": GOOD,
    "blanks around": f" \t{GOOD} \t",
    "CRLF": GOOD + "\r",
    "blanks inside": GOOD.replace(":", " : ").replace(",", " , "),
    "escaped quotes": GOOD.replace("e-1", 'e\\"}'),
    "an escaped backslash at the end": CREDIT_START + ',"x":"\\\\"}',
    "ends in a number": CREDIT_START + "}",
    "ends in true": CREDIT_START + ',"x":true}',
    "ends in null": CREDIT_START + ',"x":null}',
    "ends in a list": CREDIT_START + ',"x":[1,{}]}',
    "ends in an object": CREDIT_START + ',"x":{"y":{}}}',
    "a name twice": CREDIT_START + ',"share_bp":"x"}',
    "big numbers": CREDIT_START + ',"x":' + "9" * 400 + ".5}",
    "a big exponent": CREDIT_START + ',"x":1e999}',
    "a list for text": GOOD.replace('"e-1"', "[1]"),
    "a number for text": GOOD.replace('"e-1"', "12"),
    "a real number for text": GOOD.replace('"e-1"', "1.5"),
    "a real number beyond all bounds for text": GOOD.replace('"e-1"', "-1" + "0" * 40 + "e999"),
    "a boolean for text": GOOD.replace('"e-1"', "true"),
    "NaN for text": GOOD.replace('"e-1"', "NaN"),
    "-Infinity for text": GOOD.replace('"e-1"', "-Infinity"),
    "a NUL as an escape": GOOD.replace("e-1", "\\u0000"),
    "an empty object": "{}",
    "text beyond ASCII": GOOD.replace("e-1", "é\U0001f3b8"),
}


def lines_judged(folder, record_type, lines, *, is_trusted):
    """Return each judged line by number; raise duckdb.InvalidInputException if a trusted line proves invalid."""
    file = folder / record_type / "a.ndjson"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines))
    contract = CONTRACTS[record_type]
    rows = []
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'; set threads = 1")
        landed = SeenFiles(folder / "seen.sqlite").look(folder, record_type, is_noted=False).fresh
        read = ReadFiles(Limits(file_bytes=1 << 30, ratio=200, memory_bytes=1 << 28))
        for source in open_sources(contract, landed, read, lambda _: None, is_json_trusted=is_trusted):
            con.register("landed", source.batches)
            query = f"select * from ({judged_records(contract, source.query)}) order by source_line"
            rows += con.execute(query, {"loaded_ms": 1_617_278_400_000, "batch_number": 1}).fetchall()
    return {row[list(contract.columns).index("source_line")]: row for row in rows}


def record_type_of(line):
    return "live_credits" if str(line).startswith(CREDIT_START) else "heartbeats"


@pytest.mark.parametrize("name", [*BROKEN, *WHOLE])
def test_a_line_is_taken_for_what_it_is_with_trust_and_with_care(tmp_path, name):
    line = BROKEN.get(name) or WHOLE[name]
    record_type = record_type_of(line)
    good = json.dumps(HEARTBEAT if record_type == "heartbeats" else CREDIT)
    careful = lines_judged(tmp_path, record_type, [good, line, good], is_trusted=False)
    assert careful[1][-1] == careful[3][-1] == "accepted"
    assert (careful[2][-1] == "malformed") is (name in BROKEN)
    try:
        trusting = lines_judged(tmp_path, record_type, [good, line, good], is_trusted=True)
    except duckdb.InvalidInputException:
        assert name in BROKEN
    else:
        assert trusting == careful


FRAGMENTS = st.sampled_from([
    '{"event_id":', '"e"', ":", ",", "}", "{", "]", "[", '"', "\\", "1", "-1.5", "1e999", "true", "nul", "null", "NaN",
    " ", "\t", "\r", "\0", "\ufeff", "é", '"live_id":"l"', '"sequence":3', '"position_s":"x"', GOOD, GOOD[1:-1],
])  # fmt: skip
LINES = st.one_of(
    st.lists(FRAGMENTS, max_size=8).map("".join),
    st.lists(FRAGMENTS, max_size=4).map(lambda parts: "{" + "".join(parts) + "}"),
    st.lists(FRAGMENTS, max_size=4).map(lambda parts: GOOD[:-1] + "," + "".join(parts) + "}"),
    st.tuples(st.integers(0, len(GOOD)), FRAGMENTS).map(lambda at: GOOD[: at[0]] + at[1] + GOOD[at[0] :]),
    st.tuples(st.integers(0, len(GOOD)), st.integers(1, 9)).map(lambda at: GOOD[: at[0]] + GOOD[at[0] + at[1] :]),
    st.dictionaries(
        st.sampled_from(CONTRACTS["heartbeats"].field_names),
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12) | st.lists(st.text(max_size=3))
        | st.from_regex(r"\A-?[0-9]{1,40}(\.[0-9]{1,5})?([eE]-?[0-9]{1,3})?\Z"),
    ).map(lambda change: json.dumps(HEARTBEAT | change)),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=150)
@given(line=LINES)
def test_trust_fails_or_finds_what_care_finds(tmp_path_factory, line):
    folder = tmp_path_factory.mktemp("lines")
    careful = lines_judged(folder, "heartbeats", [GOOD, line], is_trusted=False)
    try:
        trusting = lines_judged(folder, "heartbeats", [GOOD, line], is_trusted=True)
    except duckdb.InvalidInputException:
        assert careful[2][-1] == "malformed"
    else:
        assert trusting == careful


def test_a_line_that_only_looks_whole_costs_itself_alone_and_is_not_told_twice(home, monkeypatch):
    lines = [*([GOOD] * 5), GOOD + GOOD, *([GOOD] * 4)]
    path = home.land("heartbeats/a.ndjson", "\n".join(lines) + "\n")
    monkeypatch.setattr("allive.ingestion.landed_content._READ_BYTES", 100)
    told = []
    report = load_new_files(home.settings, "heartbeats", progress=lambda _, size: told.append(size))
    assert (report.records, home.rejects()) == (9, [("heartbeats/a.ndjson", 6, "malformed")])
    assert home.query("select count(*) from raw.heartbeats") == [(9,)]
    assert (len(told) > 1, sum(told)) == (True, path.stat().st_size)
