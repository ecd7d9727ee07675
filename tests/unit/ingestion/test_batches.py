"""Batch checks: which of them hold a file, and how held files are released or discarded."""

import json
import runpy
import sys
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import duckdb
import pytest

from allive.ingestion.batches import (
    HeldBatch,
    HeldFile,
    UnknownBatchError,
    discard,
    find_held,
    list_held,
    months_touched,
    read_held,
    release,
)
from allive.ingestion.decisions import read_decisions
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.reports import BatchReport, CheckResult

from .records import GOOD, HEARTBEAT, LIVE, SUBSCRIPTION

pytestmark = pytest.mark.slow


def heartbeats(count, broken=0, day="2021-01-18"):
    good = [HEARTBEAT | {"event_id": f"{day}-{i}", "event_at": f"{day}T10:00:00Z"} for i in range(count - broken)]
    return good + [HEARTBEAT | {"event_at": f"broken {i} {day}"} for i in range(broken)]


FIXTURES = Path(__file__).parents[2] / "fixtures" / "doorway"


def failed(report):
    return [check.name for check in report.checks if not check.passed]


@pytest.mark.parametrize(
    ("count", "broken", "verdict"),
    [(200, 10, "promoted"), (200, 11, "held"), (199, 100, "promoted"), (1000, 51, "held")],
)
def test_more_than_five_percent_rejects_in_a_file_of_200_hold_the_batch(home, count, broken, verdict):
    home.land("heartbeats/a.ndjson", heartbeats(count, broken))
    report = home.load("heartbeats")
    assert (report.verdict, report.records, report.rejects) == (verdict, count - broken, broken)
    assert len(home.query("from raw.heartbeats")) == (0 if verdict == "held" else count - broken)
    assert len(home.rejects()) == (0 if verdict == "held" else broken)


def test_a_good_file_does_not_hide_a_bad_one(home):
    home.land("heartbeats/a.ndjson", heartbeats(2000))
    home.land("heartbeats/b.ndjson", heartbeats(200, 11, day="2021-01-19"))
    report = home.load("heartbeats")
    check = next(check for check in report.checks if check.name == "reject_share")
    assert "heartbeats/b.ndjson: 11 of 200 (bad_event_at 11)" in check.detail
    assert "a.ndjson" not in check.detail
    assert (report.verdict, report.held_files) == ("partly held", ("heartbeats/b.ndjson",))
    assert (report.records, report.held_records, report.rejects, report.held_rejects) == (2189, 189, 11, 11)
    assert home.query("select source_file, count(*) from raw.heartbeats group by 1") == [("heartbeats/a.ndjson", 2000)]
    assert home.rejects() == []
    (held,) = list_held(home.settings)
    assert [(file.name, file.records, file.rejects, file.failed) for file in held.files] == [
        ("heartbeats/b.ndjson", 189, 11, ("reject_share",))
    ]
    assert (held.first_day, held.last_day) == (date(2021, 1, 19), date(2021, 1, 19)), "not the days of the good file"


def test_a_swarm_of_small_files_is_held(home, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["small_files.py", str(home.settings.landing_dir / "heartbeats")])
    runpy.run_path(str(FIXTURES / "small_files.py"))
    report = home.load("heartbeats")
    assert (report.verdict, report.records, report.rejects, len(report.held_files)) == ("held", 0, 15_000, 100)
    assert failed(report) == ["reject_share_together"]
    (check,) = list_held(home.settings)[0].failed_checks
    assert check.found == ("15,000 of 15,000 records rejected in 100 files of fewer than 200 (bad_event_at 15,000)")
    assert (home.query("from raw.heartbeats"), home.rejects()) == ([], [])


@pytest.mark.parametrize(
    ("files", "held"),
    [
        ({"a": (199, 199)}, ""),
        ({"a": (199, 11), "b": (1, 0)}, "ab"),
        ({"a": (100, 10), "b": (100, 0)}, ""),
        ({"a": (100, 0), "b": (100, 11)}, "ab"),
        # One small file of 150 broken records: too few to judge alone, but too many of all records.
        ({"a": (150, 150), "b": (1000, 0)}, "a"),
        ({"a": (150, 150), "b": (3000, 0)}, ""),
        # Small files cannot hide among large ones or behind one that fails by itself.
        ({"a": (150, 150), "b": (150, 0), "c": (9000, 0)}, "ab"),
        ({"a": (150, 0), "b": (150, 0), "c": (1000, 1000)}, "c"),
        ({"a": (150, 150), "b": (150, 150), "c": (1000, 1000), "d": (500, 25)}, "abc"),
    ],
)
def test_shares_are_judged_by_file_and_together(home, files, held):
    for day, (name, (count, broken)) in enumerate(files.items(), start=1):
        home.land(f"heartbeats/{name}.ndjson", heartbeats(count, broken, day=f"2021-01-{day:02}"))
    report = home.load("heartbeats")
    assert report.held_files == tuple(f"heartbeats/{name}.ndjson" for name in held)
    taken = [name for name in files if name not in held]
    assert [name for (name,) in home.query("select distinct source_file from raw.heartbeats order by 1")] == [
        f"heartbeats/{name}.ndjson" for name in taken if files[name][0] > files[name][1]
    ]
    assert len(home.query("from raw.heartbeats")) == sum(files[name][0] - files[name][1] for name in taken)
    assert len(home.rejects()) == sum(files[name][1] for name in taken)


@pytest.mark.parametrize(("broken", "is_told"), [(10, False), (11, True)])
def test_the_share_of_a_device_is_a_warning(home, broken, is_told):
    tv = [beat | {"device": "tv"} for beat in heartbeats(200, broken)]
    web = [beat | {"device": "web"} for beat in heartbeats(2000, day="2021-01-19")]
    home.land("heartbeats/a.ndjson", web + tv)
    report = home.load("heartbeats")
    assert report.verdict == "promoted"
    check = next(check for check in report.checks if check.name == "reject_share_of_devices")
    assert (check.passed, check.severity) == (not is_told, "warning")
    told = "11 of 200 records of device tv rejected (bad_event_at 11), the first in heartbeats/a.ndjson, line 2190"
    assert (check.found == told) is is_told


@pytest.mark.parametrize("content", ["live_id,title,kind,exclusive\nl1,t,live,1\nl2,t,live,1\n"])
def test_an_empty_required_column_holds_its_file(home, content):
    home.land("lives/a.csv", content)
    home.land("lives/b.ndjson", [LIVE])
    report = home.load("lives")
    assert (report.verdict, report.held_files) == ("partly held", ("lives/a.csv",))
    checks = [check for check in report.checks if not check.passed]
    assert [(c.name, c.detail) for c in checks] == [("required_columns_filled", "lives/a.csv: duration_s")]
    assert home.query("select source_file from raw.lives") == [("lives/b.ndjson",)]


def test_one_record_without_a_value_is_a_reject_not_an_empty_column(home):
    home.land("lives/a.ndjson", [LIVE | {"title": ""}])
    assert home.load("lives").verdict == "promoted"


def test_a_failed_expectation_holds_the_files_of_which_it_fails(home, monkeypatch):
    def validate(con, relation, *_):
        found = con.execute(f"select count(*) from {relation} where live_id = 'l-7'").fetchone() != (0,)
        return (CheckResult("invariant", passed=not found, severity="critical", found="x", expected="y"),)

    monkeypatch.setattr("allive.ingestion.load.validate", validate)
    for number in range(12):
        home.land(f"lives/{number:02}.ndjson", [LIVE | {"live_id": f"l-{number}"}])
    report = home.load("lives")
    assert (report.verdict, report.held_files) == ("partly held", ("lives/07.ndjson",))
    assert len(home.query("from raw.lives")) == 11
    assert [check.name for check in list_held(home.settings)[0].failed_checks] == ["invariant"]


def test_a_failed_expectation_that_no_file_breaks_alone_holds_all(home, monkeypatch):
    def validate(con, relation, *_):
        (number,) = con.execute(f"select count(*) from {relation}").fetchone()
        return (CheckResult("invariant", passed=number < 3, severity="critical", found="x", expected="y"),)

    monkeypatch.setattr("allive.ingestion.load.validate", validate)
    for number in range(3):
        home.land(f"lives/{number}.ndjson", [LIVE | {"live_id": f"l-{number}"}])
    assert home.load("lives").verdict == "held"


def test_a_held_batch_waits_and_is_not_staged_again(home):
    home.land("heartbeats/a.ndjson", heartbeats(200, 20))
    report = home.load("heartbeats")
    assert home.load("heartbeats") is None
    home.land("heartbeats/again.ndjson", heartbeats(200, 20))
    assert home.load("heartbeats") is None
    home.land("heartbeats/b.ndjson", heartbeats(3, day="2021-01-20"))
    assert home.load("heartbeats").records == 3
    held = read_held(home.settings, report.batch_id)
    assert (held.names, held.first_day, held.last_day) == (
        ("heartbeats/a.ndjson",), date(2021, 1, 18), date(2021, 1, 18),
    )  # fmt: skip
    assert held.report == report
    assert home.query("select count(*) from raw.heartbeats") == [(3,)]


def test_release_promotes_under_a_new_number(home):
    home.land("heartbeats/a.ndjson", heartbeats(200, 20))
    batch_id = home.load("heartbeats").batch_id
    home.land("lives/a.ndjson", [LIVE])
    assert home.load("lives").batch_number == 1
    report = release(home.settings, batch_id, operator="Ana", why="the player was known broken")
    assert (report.batch_number, read_pins(home.settings).batch_number) == (2, 2)
    assert home.query("select distinct batch_number from raw.heartbeats") == [(2,)]
    assert home.query("select count(*) from raw.heartbeats") == [(180,)]
    assert home.query("select count(*), min(batch_number) from raw.rejects") == [(20, 2)]
    assert home.query("select distinct event_day from raw.heartbeats") == [(date(2021, 1, 18),)]
    assert list_held(home.settings) == ()
    decision = read_decisions(home.settings)[0]
    assert (decision.batch_id, decision.decision, decision.operator, decision.why) == (
        batch_id, "release", "Ana", "the player was known broken",
    )  # fmt: skip
    home.land("heartbeats/again.ndjson", heartbeats(200, 20))
    assert home.load("heartbeats") is None


def test_what_was_discarded_never_loads(home):
    home.land("heartbeats/a.ndjson", heartbeats(200, 20))
    batch_id = home.load("heartbeats").batch_id
    discard(home.settings, batch_id, operator="Ana", why="a test system's")
    assert list_held(home.settings) == ()
    home.land("heartbeats/again.ndjson", heartbeats(200, 20))
    assert home.load("heartbeats") is None
    assert home.query("select count(*) from raw.heartbeats") == [(0,)]
    assert [d.decision for d in read_decisions(home.settings)] == ["discard"]
    with pytest.raises(UnknownBatchError, match="its discard was decided by Ana"):
        release(home.settings, batch_id, operator="Ana", why="after all")


@pytest.fixture
def three_held(home):
    """A batch with three held files and one promoted file."""
    for day in (1, 2, 3):
        home.land(f"heartbeats/{day}.ndjson", heartbeats(200, 20, day=f"2021-0{day}-11"))
    home.land("heartbeats/good.ndjson", heartbeats(3, day="2021-01-20"))
    report = home.load("heartbeats")
    assert (report.verdict, len(report.held_files)) == ("partly held", 3)
    return report.batch_id


def test_files_are_released_and_discarded_one_by_one(home, three_held):
    released = release(home.settings, three_held, ["heartbeats/1.ndjson"], operator="Ana", why="known")
    assert (released.files, released.records, released.rejects) == (1, 180, 20)
    assert read_held(home.settings, three_held).names == ("heartbeats/2.ndjson", "heartbeats/3.ndjson")
    given_up = discard(home.settings, three_held, ["heartbeats/2.ndjson"], operator="Bo", why="a test system's")
    assert given_up.names == ("heartbeats/2.ndjson",)
    assert read_held(home.settings, three_held).names == ("heartbeats/3.ndjson",)
    assert records_in(home.settings.held_dir) == {"heartbeats/3.ndjson": 200}, "decided records are no longer in held"
    release(home.settings, three_held, operator="Ana", why="known")
    assert list_held(home.settings) == ()
    assert home.query("select source_file, batch_number, count(*) from raw.heartbeats group by all order by all") == [
        ("heartbeats/1.ndjson", 2, 180), ("heartbeats/3.ndjson", 3, 180), ("heartbeats/good.ndjson", 1, 3),
    ]  # fmt: skip
    assert len(home.rejects()) == 40
    assert [(d.decision, d.files) for d in read_decisions(home.settings)] == [
        ("release", ("heartbeats/1.ndjson",)),
        ("discard", ("heartbeats/2.ndjson",)),
        ("release", ("heartbeats/3.ndjson",)),
    ]
    for day in (1, 2, 3):
        home.land(f"heartbeats/again-{day}.ndjson", heartbeats(200, 20, day=f"2021-0{day}-11"))
    assert home.load("heartbeats") is None, "two are loaded, one was discarded"


def records_in(folder):
    with duckdb.connect() as con:
        files = [str(path) for path in folder.rglob("*.parquet")]
        return dict(
            con.execute(
                "select source_file, count(*) from read_parquet(?, union_by_name = true) group by 1", [files]
            ).fetchall()
        )


def test_what_waits_is_not_known_for_good(home, three_held):
    discard(home.settings, three_held, ["heartbeats/2.ndjson"], operator="Bo", why="a test system's")
    home.land("heartbeats/1-again.ndjson", heartbeats(200, 20, day="2021-01-11"))
    assert home.load("heartbeats") is None, "the same content is not held twice"
    for day in (1, 2):
        home.land(f"heartbeats/{day}-corrected.ndjson", heartbeats(200, day=f"2021-0{day}-11"))
    assert home.load("heartbeats").verdict == "promoted", "other content loads"
    assert read_held(home.settings, three_held).names == ("heartbeats/1.ndjson", "heartbeats/3.ndjson")


def test_a_content_that_waits_is_not_discarded_with_another(home, three_held):
    discard(home.settings, three_held, ["heartbeats/2.ndjson"], operator="Bo", why="a test system's")
    release(home.settings, three_held, operator="Ana", why="known")
    (stored,) = (home.settings.held_dir / "discarded").glob("*/batch.json")
    assert len(json.loads(stored.read_text())["promotion"]["content_hashes"]) == 1


def test_a_decided_file_is_not_decided_again(home, three_held):
    release(home.settings, three_held, ["heartbeats/1.ndjson"], operator="Ana", why="known")
    for decide in (release, discard):
        with pytest.raises(UnknownBatchError, match=r"File heartbeats/1\.ndjson .* its release was decided by Ana"):
            decide(home.settings, three_held, ["heartbeats/1.ndjson"], operator="Bo", why="after all")
        with pytest.raises(UnknownBatchError, match=r"holds no file 'heartbeats/good\.ndjson'\. It holds heartbeats/2"):
            decide(home.settings, three_held, ["heartbeats/good.ndjson"], operator="Bo", why="after all")
    assert len(read_decisions(home.settings)) == 1


def test_held_files_are_found_by_batch_or_by_name(home, three_held):
    assert find_held(home.settings, three_held).names == tuple(f"heartbeats/{day}.ndjson" for day in (1, 2, 3))
    assert find_held(home.settings, three_held, ["heartbeats/2.ndjson"]).names == ("heartbeats/2.ndjson",)
    by_name = find_held(home.settings, "heartbeats/3.ndjson", ["heartbeats/1.ndjson"])
    assert (by_name.batch_id, by_name.names) == (three_held, ("heartbeats/1.ndjson", "heartbeats/3.ndjson"))
    home.land("heartbeats/3.ndjson", heartbeats(200, 30, day="2021-03-11"))
    assert home.load("heartbeats").verdict == "held"
    with pytest.raises(UnknownBatchError, match="Several batches hold files of these names"):
        find_held(home.settings, "heartbeats/3.ndjson")
    with pytest.raises(UnknownBatchError, match=r"No batch 'heartbeats/9\.ndjson' is held"):
        find_held(home.settings, "heartbeats/9.ndjson")


def test_months_are_touched_by_the_files_that_wait(home, three_held):
    months = ("2021-01", "2021-02", "2021-03", "2021-04")
    assert months_touched(read_held(home.settings, three_held), months) == months
    assert months_touched(read_held(home.settings, three_held, ["heartbeats/3.ndjson"]), months) == months[2:]
    discard(home.settings, three_held, ["heartbeats/1.ndjson", "heartbeats/2.ndjson"], operator="Bo", why="tests")
    assert months_touched(read_held(home.settings, three_held), months) == months[2:]


def test_a_file_set_aside_is_noted_though_all_others_are_held(home):
    home.land("heartbeats/a.ndjson", heartbeats(200, 20))
    home.land("heartbeats/torn.ndjson.gz", b"\x1f\x8b torn")
    report = home.load("heartbeats")
    assert (report.verdict, report.held_files) == ("held", ("heartbeats/a.ndjson",))
    assert home.rejects() == [("heartbeats/torn.ndjson.gz", None, "unreadable")]
    release(home.settings, report.batch_id, operator="Ana", why="known")
    assert len(home.rejects()) == 21
    assert len(home.query("from raw.heartbeats")) == 180


def test_a_report_names_what_was_rejected_of_the_promoted_files(home):
    bad = {"event_id": ""}
    home.land("heartbeats/a.ndjson", [*heartbeats(300), HEARTBEAT | bad, *heartbeats(3, 2), HEARTBEAT | bad])
    home.land("heartbeats/b.ndjson", heartbeats(200, 20))
    report = home.load("heartbeats")
    assert [(kind.file, kind.reason, kind.records, kind.first_line) for kind in report.rejected] == [
        ("heartbeats/a.ndjson", "bad_event_at", 2, 303),
        ("heartbeats/a.ndjson", "missing_event_id", 2, 301),
    ]
    assert report.rejected_kinds == 2
    assert BatchReport.from_dict(json.loads(json.dumps(report.as_dict()))) == report


def test_a_decision_torn_by_a_crash_swallows_no_later_one(home):
    home.land("heartbeats/a.ndjson", heartbeats(200, 20))
    batch_id = home.load("heartbeats").batch_id
    log = home.settings.held_dir / "decisions.ndjson"
    log.write_bytes('{"batch_id": "x", "why": "é'.encode()[:-1])
    discard(home.settings, batch_id, operator="Ana", why="a test system's")
    assert [d.batch_id for d in read_decisions(home.settings)] == [batch_id]


def test_an_unknown_batch_is_named_with_those_there_are(home):
    home.land("heartbeats/a.ndjson", heartbeats(200, 20))
    batch_id = home.load("heartbeats").batch_id
    with pytest.raises(UnknownBatchError, match=batch_id):
        read_held(home.settings, "other")


def test_days_of_subscriptions_are_last_days(home):
    records = [SUBSCRIPTION | {"period_id": f"p{i}"} for i in range(250)]
    broken = [record | {"status": "?"} for record in records[:50]]
    home.land("subscriptions/a.ndjson", json_lines(records + broken))
    assert home.load("subscriptions").verdict == "held"
    held = list_held(home.settings)[0]
    assert (held.first_day, held.last_day) == (date(2021, 2, 9), date(2021, 2, 9))


def json_lines(records):
    return "".join(json.dumps(record) + "\n" for record in records)


A, B, GOOD_ONE = (f"heartbeats/{name}.ndjson" for name in ("a", "b", "good"))


@pytest.fixture
def held_before(home):
    """A home where earlier code held a whole batch: two bad files, a good one and one set aside, all in landing."""
    with ZipFile(FIXTURES / "held-by-earlier-code.zip") as packed:
        packed.extractall(home.settings.home)
    return "heartbeats-000001-01396ae9"


def test_a_batch_that_earlier_code_held_is_listed_and_known(home, held_before):
    (held,) = list_held(home.settings)
    assert (held.batch_id, held.names, held.records, held.rejects) == (held_before, (A, B, GOOD_ONE), 375, 50)
    assert (held.first_day, held.last_day) == (date(2021, 1, 11), date(2021, 3, 11))
    assert home.load("heartbeats") is None


@pytest.mark.parametrize("files", [(), (A, B, GOOD_ONE)])
def test_a_batch_that_earlier_code_held_is_released(home, held_before, files):
    released = release(home.settings, held_before, files, operator="Ana", why="known")
    assert (released.files, released.records, released.rejects) == (3, 375, 50)
    assert len(home.query("from raw.heartbeats")) == 375
    assert sorted({(file, reason) for file, _, reason in home.rejects()}) == [
        (A, "bad_event_at"), (B, "bad_event_at"), ("heartbeats/torn.ndjson.gz", "unreadable"),
    ]  # fmt: skip
    assert (list_held(home.settings), home.load("heartbeats")) == ((), None)


def test_files_that_earlier_code_held_are_decided_one_by_one(home, held_before):
    release(home.settings, held_before, [GOOD_ONE], operator="Ana", why="it is good")
    assert home.query("select source_file, count(*) from raw.heartbeats group by 1") == [(GOOD_ONE, 5)]
    discard(home.settings, held_before, [A], operator="Ana", why="a test system's")
    assert records_in(home.settings.held_dir).keys() == {B, "heartbeats/torn.ndjson.gz"}
    assert home.load("heartbeats") is None
    release(home.settings, held_before, [B], operator="Ana", why="known")
    assert [reason for _, _, reason in home.rejects()].count("unreadable") == 1
    assert (list_held(home.settings), home.load("heartbeats")) == ((), None)
    assert len(home.query("from raw.heartbeats")) == 195


@pytest.mark.parametrize("recorded", [False, True])
def test_a_discard_by_earlier_code_stands(home, held_before, recorded):
    """This includes a discard recorded without file names whose process was killed before carrying it out."""
    if recorded:
        line = {"batch_id": held_before, "decision": "discard", "operator": "Ana", "why": "w", "decided_at": "t"}
        (home.settings.held_dir / "decisions.ndjson").write_text(json.dumps(line) + "\n")
    else:
        (home.settings.held_dir / "discarded").mkdir()
        (home.settings.held_dir / held_before).rename(home.settings.held_dir / "discarded" / held_before)
    assert (list_held(home.settings), home.load("heartbeats")) == ((), None)
    assert not (home.settings.held_dir / held_before).exists()
    home.land("heartbeats/corrected.ndjson", heartbeats(200, day="2021-01-11"))
    assert home.load("heartbeats").verdict == "promoted"


def held(record_type, *spans):
    report = BatchReport("b", 1, record_type, 1, 1, 0, 1, "held", (), (), 0)
    files = tuple(
        HeldFile(f"{i}", f"{i}", 1, 0, first, last, ("reject_share",)) for i, (first, last) in enumerate(spans)
    )
    return HeldBatch(report, files, "")


MONTHS = ("2021-01", "2021-02", "2021-03", "2021-04")


@pytest.mark.parametrize(
    ("record_type", "first", "last", "touched"),
    [
        # A period that ends on 1 March can begin 34 days before, on 26 January.
        ("heartbeats", date(2021, 1, 26), date(2021, 1, 26), ("2021-01", "2021-02", "2021-03")),
        ("heartbeats", date(2021, 1, 25), date(2021, 1, 25), ("2021-01", "2021-02")),
        ("heartbeats", date(2021, 3, 31), date(2021, 3, 31), ("2021-03", "2021-04")),
        ("heartbeats", date(2021, 2, 1), date(2021, 2, 1), ("2021-02", "2021-03")),
        ("subscriptions", date(2021, 2, 28), date(2021, 3, 1), ("2021-02", "2021-03", "2021-04")),
        ("subscriptions", date(2021, 4, 30), date(2021, 4, 30), ("2021-04",)),
        ("heartbeats", None, None, MONTHS),
        ("lives", None, None, MONTHS),
    ],
)
def test_months_touched(record_type, first, last, touched):
    assert months_touched(held(record_type, (first, last)), MONTHS) == touched
    in_april = (date(2021, 4, 30), date(2021, 4, 30))
    touched_with_april = tuple(sorted({*touched, "2021-04"}))
    assert months_touched(held(record_type, (first, last), in_april), MONTHS) == touched_with_april


@pytest.mark.parametrize("record_type", GOOD)
def test_a_batch_without_an_accepted_record(home, record_type):
    home.land(f"{record_type}/a.ndjson", "x\n" * 300)
    report = home.load(record_type)
    assert (report.verdict, report.records, report.rejects) == ("held", 0, 300)
    released = release(home.settings, report.batch_id, operator="Ana", why="to see them")
    assert released.verdict == "promoted"
    assert home.query("select count(*) from raw.rejects") == [(300,)]
