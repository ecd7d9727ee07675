"""Rejects are found, shown as delivered, exported and corrected, and then count as answered."""

import csv
import json
import stat
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from allive.ingestion.batches import discard, list_held, release
from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.contracts.words import advice_of, expected_of, fields_of
from allive.ingestion.rejects.delivered import values_of
from allive.ingestion.rejects.export import ExportRefusedError, export_rejects
from allive.ingestion.rejects.relation import Wanted, open_rejects

from .records import ARTIST, HEARTBEAT, LIVE

ALL = Wanted()
BAD = HEARTBEAT | {"event_at": "yesterday"}


def kinds(home, wanted=ALL):
    with open_rejects(home.settings) as rejects:
        return [
            (kind.file, kind.reason, kind.first_line, kind.records, kind.answered)
            for kind in rejects.kinds(wanted, first=0, most=100)
        ]


def lines(home, wanted=ALL, first=0, most=100):
    with open_rejects(home.settings) as rejects:
        return rejects.lines(wanted, first=first, most=most)


def still_open(home):
    return [(reject.file, reject.line) for reject in lines(home, Wanted(is_open=True))]


def export(home, wanted=ALL, to=None):
    with open_rejects(home.settings) as rejects:
        return export_rejects(home.settings, rejects, wanted, to=to)


def reasons_beside(file):
    with file.reasons_path.open(encoding="utf-8", newline="") as side:
        return list(csv.DictReader(side))


@pytest.mark.parametrize("record_type", CONTRACTS)
def test_every_reason_has_words(record_type):
    contract = CONTRACTS[record_type]
    for reason in (*contract.reasons, "unreadable"):
        assert expected_of(contract, reason)
        assert advice_of(reason)
        about = fields_of(contract, reason)
        assert set(about) <= set(contract.field_names)
        assert about or reason in {"malformed", "unreadable"}


def test_kinds_are_found_by_month_type_file_and_reason(home):
    home.land("heartbeats/a.ndjson", [HEARTBEAT, BAD, BAD | {"event_id": ""}, BAD])
    home.land("lives/a.csv", "live_id,title,kind,exclusive,duration_s\nl-1,t,live,perhaps,1\n")
    home.load("heartbeats")
    home.load("lives")
    a, b = "heartbeats/a.ndjson", "lives/a.csv"
    everything = [(a, "bad_event_at", 2, 2, 0), (a, "missing_event_id", 3, 1, 0), (b, "bad_exclusive", 2, 1, 0)]
    assert kinds(home) == everything
    assert kinds(home, Wanted(record_type="lives")) == everything[2:]
    assert kinds(home, Wanted(file=a, reason="bad_event_at")) == everything[:1]
    month = datetime.now(UTC).strftime("%Y-%m")
    assert kinds(home, Wanted(month="2021-01")) == []
    assert [reject.load_month for reject in lines(home)] == [lines(home)[0].load_month] * 4
    assert abs(int(lines(home)[0].load_month[:4]) - int(month[:4])) <= 1
    assert kinds(home, Wanted(month=lines(home)[0].load_month)) == everything
    assert [reject.line for reject in lines(home, first=1, most=2)] == [3, 4], "a page"


def test_a_home_without_rejects(home):
    assert kinds(home) == []
    assert export(home).files == ()
    assert not (home.settings.home / "exports").exists()


def test_values_of_parquet_are_shown_as_they_were_delivered(home):
    table = pa.table(
        {
            "event_id": ["e-1", "e-2"],
            "playback_id": pa.array([123.0, None]),
            "subscriber_id": [["s-1"], ["s-2", "s-3"]],
            "live_id": ["l-1", "l-1"],
            "event_at": pa.array([0, 1_000_000], pa.timestamp("us")),
            "state": ["playing", "playing"],
        }
    )
    path = home.settings.landing_dir / "heartbeats" / "a.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)
    home.load("heartbeats")
    (first, second) = (values_of(reject.raw, None, is_from_csv=False) for reject in lines(home))
    assert (first["playback_id"], first["subscriber_id"]) == ('"123.0"', "\"['s-1']\"")
    assert first["event_at"].startswith('"1970-01-01 00:00:00')
    assert "playback_id" not in second


def test_an_export_holds_the_lines_as_they_were_delivered(home):
    cut = '{"event_id": "e-9", "playback_id": "p'
    home.land("heartbeats/a.ndjson", f"{json.dumps(HEARTBEAT)}\n{json.dumps(BAD)} \r\n{cut}\n")
    exported = export(home)
    assert exported.files == (), "nothing is loaded yet"
    home.load("heartbeats")
    (file,) = export(home).files
    assert file.path.read_text() == f"{json.dumps(BAD)} \n{cut}\n"
    assert [
        (row["line"], row["source_file"], row["source_line"], row["reason"], row["field"], row["value"])
        for row in reasons_beside(file)
    ] == [
        ("1", "heartbeats/a.ndjson", "2", "bad_event_at", "event_at", '"yesterday"'),
        ("2", "heartbeats/a.ndjson", "3", "malformed", "", ""),
    ]
    assert all(row["expected"] and row["to_do"] for row in reasons_beside(file))
    for path in (file.path, file.reasons_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_csv_is_exported_by_header_with_cells_of_several_lines(home):
    home.land("artists/a.csv", 'artist_id,name,left_on\na-1,"Nuit\nblanche",perhaps\na-2,"x",soon\n')
    home.land("artists/b.csv", "name,artist_id,updated_at\nAube,a-3,\nSoir,a-4,never\n")
    home.land("artists/c.ndjson", [ARTIST | {"left_on": "x"}])
    home.load("artists")
    files = export(home).files
    assert [(file.path.suffix, file.records) for file in files] == [(".csv", 2), (".csv", 1), (".ndjson", 1)]
    assert files[0].path.read_text() == 'artist_id,name,left_on\na-1,"Nuit\nblanche",perhaps\na-2,"x",soon\n'
    assert [row["line"] for row in reasons_beside(files[0])] == ["2", "4"]
    assert files[1].path.read_text() == "name,artist_id,updated_at\nSoir,a-4,never\n"


def test_a_csv_whose_header_is_gone_is_said_to_lack_one(home):
    path = home.land("artists/a.csv", "artist_id,name,left_on\na-1,Aube,perhaps\n")
    home.load("artists")
    path.write_text("artist_id,name,left_on\na-9,another content,\n")
    (file,) = export(home).files
    assert (file.path.read_text(), file.header_is_unknown) == ("a-1,Aube,perhaps\n", True)
    header = "artist_id,name,left_on\n"
    home.land(f"artists/{file.path.name}", header + file.path.read_text().replace("perhaps", ""))
    home.load("artists")
    assert still_open(home) == [], "the export's line numbers count the header"


def test_nothing_is_exported_into_landing(home):
    home.land("heartbeats/a.ndjson", [BAD])
    home.load("heartbeats")
    (home.settings.home / "link").symlink_to(home.settings.landing_dir)
    for folder in (home.settings.landing_dir, home.settings.home / "link" / "heartbeats"):
        with pytest.raises(ExportRefusedError, match="in landing"):
            export(home, to=folder)
    assert [path.name for path in home.settings.landing_dir.rglob("*")] == ["heartbeats", "a.ndjson"]


def deliver(home, file, change, name=None):
    """Deliver an exported file with its lines changed."""
    changed = "".join(f"{change(line)}\n" for line in file.path.read_text().splitlines())
    record_type = file.path.parent.name
    home.land(f"{record_type}/{name or file.path.name}", changed)
    return home.load(record_type)


def corrected(line):
    return line.replace("yesterday", "2021-01-18T18:51:18.170Z")


def test_a_delivered_export_answers_its_lines(home):
    nameless = {key: value for key, value in BAD.items() if key != "event_id"}
    home.land("heartbeats/a.ndjson", [HEARTBEAT, nameless, BAD | {"event_id": "e-3"}])
    home.load("heartbeats")
    (file,) = export(home).files

    def complete(line):
        return corrected(line) if "e-3" in line else ""

    deliver(home, file, complete)
    assert still_open(home) == [("heartbeats/a.ndjson", 2)], "a line left blank stays open"
    answered = [reject.answered_by for reject in lines(home)]
    assert answered == [None, f"heartbeats/{file.path.name}, line 2"]
    assert kinds(home, Wanted(is_open=True)) == [("heartbeats/a.ndjson", "missing_event_id", 2, 1, 0)]


def test_a_line_that_is_rejected_anew_is_open_once(home):
    home.land("heartbeats/a.ndjson", [HEARTBEAT, BAD | {"event_id": ""}])
    home.load("heartbeats")
    (file,) = export(home).files
    deliver(home, file, lambda line: line.replace("yesterday", "today"))
    assert still_open(home) == [(f"heartbeats/{file.path.name}", 1)]
    (again,) = export(home).files
    deliver(home, again, lambda line: corrected(line).replace("today", "2021-01-18T18:51:18Z").replace('""', '"e-7"'))
    assert still_open(home) == []
    assert len(home.query("from raw.heartbeats")) == 2


def test_a_delivery_whose_lines_were_moved_answers_by_ids_alone(home):
    nameless = BAD | {"event_id": ""}
    home.land("heartbeats/a.ndjson", [nameless, BAD | {"event_id": "e-2"}, BAD | {"event_id": "e-3"}])
    home.load("heartbeats")
    (file,) = export(home).files
    moved = file.path.read_text().splitlines()[1:]
    home.land(f"heartbeats/{file.path.name}", "".join(corrected(line) + "\n" for line in moved))
    home.load("heartbeats")
    assert still_open(home) == [("heartbeats/a.ndjson", 1)]


@pytest.mark.parametrize(
    ("record_type", "broken", "right"),
    [
        ("heartbeats", [BAD], [HEARTBEAT]),
        ("lives", [LIVE | {"kind": "podcast"}], [LIVE]),
        ("artists", "name,artist_id,left_on\nÉté,a-1,x\n", [ARTIST]),
    ],
)
def test_records_with_the_same_ids_answer_under_any_name(home, record_type, broken, right):
    home.land(f"{record_type}/a.{'csv' if isinstance(broken, str) else 'ndjson'}", broken)
    home.load(record_type)
    assert len(still_open(home)) == 1
    home.land(f"{record_type}/b.ndjson", right)
    home.load(record_type)
    assert still_open(home) == []


def test_what_was_accepted_before_answers_nothing(home):
    home.land("lives/a.ndjson", [LIVE])
    home.load("lives")
    home.land("lives/b.ndjson", [LIVE | {"kind": "podcast"}])
    home.load("lives")
    assert still_open(home) == [("lives/b.ndjson", 1)]


def test_rejects_of_held_files_are_among_them(home):
    beats = [HEARTBEAT | {"event_id": f"e-{i}"} for i in range(180)]
    home.land("heartbeats/a.ndjson", beats + [BAD | {"event_id": f"b-{i}"} for i in range(20)])
    home.load("heartbeats")
    assert kinds(home, Wanted(is_held=True)) == [("heartbeats/a.ndjson", "bad_event_at", 181, 20, 0)]
    (file,) = export(home).files
    deliver(home, file, corrected)
    assert still_open(home) == []
    release(home.settings, list_held(home.settings)[0].batch_id, operator="Ana", why="the rest came again")
    assert kinds(home, Wanted(is_held=True)) == []
    assert kinds(home) == [("heartbeats/a.ndjson", "bad_event_at", 181, 20, 20)], "it stays answered"
    assert len(home.query("from raw.heartbeats")) == 200


def test_rejects_of_discarded_files_are_gone(home):
    home.land("heartbeats/a.ndjson", [HEARTBEAT] * 180 + [BAD] * 20)
    home.load("heartbeats")
    discard(home.settings, list_held(home.settings)[0].batch_id, operator="Ana", why="a test system's")
    assert kinds(home) == []
