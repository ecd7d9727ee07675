"""The gate: what holds a batch, and what becomes of it."""

import json
from datetime import date

import pytest

from ingestion.batches import (
    HeldBatch,
    UnknownBatchError,
    discard,
    list_held,
    months_touched,
    read_held,
    release,
)
from ingestion.decisions import read_decisions
from ingestion.raw_tables import read_pins
from ingestion.reports import BatchReport, CheckResult

from .records import GOOD, HEARTBEAT, LIVE, SUBSCRIPTION


def heartbeats(count, broken=0, day="2021-01-18"):
    good = [HEARTBEAT | {"event_id": f"{day}-{i}", "event_at": f"{day}T10:00:00Z"} for i in range(count - broken)]
    return good + [HEARTBEAT | {"event_at": f"broken {i} {day}"} for i in range(broken)]


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
    assert report.verdict == "held"
    check = next(check for check in report.checks if check.name == "reject_share")
    assert "heartbeats/b.ndjson: 11 of 200 (bad_event_at 11)" in check.detail
    assert "a.ndjson" not in check.detail


@pytest.mark.parametrize("content", ["live_id,title,kind,exclusive\nl1,t,live,1\nl2,t,live,1\n"])
def test_an_empty_required_column_holds_the_batch(home, content):
    home.land("lives/a.csv", content)
    report = home.load("lives")
    assert report.verdict == "held"
    failed = [check for check in report.checks if not check.passed]
    assert [(c.name, c.detail) for c in failed] == [("required_columns_filled", "lives/a.csv: duration_s")]


def test_one_record_without_a_value_is_a_reject_not_an_empty_column(home):
    home.land("lives/a.ndjson", [LIVE | {"title": ""}])
    assert home.load("lives").verdict == "promoted"


def test_a_failed_expectation_holds_the_batch(home, monkeypatch):
    failed = CheckResult("invariant", passed=False, severity="critical", found="x", expected="y")
    monkeypatch.setattr("ingestion.load.validate", lambda *_: (failed,))
    home.land("lives/a.ndjson", [LIVE])
    assert home.load("lives").verdict == "held"
    assert list_held(home.settings)[0].failed_checks == (failed,)


def test_a_held_batch_waits_and_is_not_staged_again(home):
    home.land("heartbeats/a.ndjson", heartbeats(200, 20))
    report = home.load("heartbeats")
    assert home.load("heartbeats") is None
    home.land("heartbeats/again.ndjson", heartbeats(200, 20))
    assert home.load("heartbeats") is None
    home.land("heartbeats/b.ndjson", heartbeats(3, day="2021-01-20"))
    assert home.load("heartbeats").records == 3
    held = read_held(home.settings, report.batch_id)
    assert (held.files, held.first_day, held.last_day) == (
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


def held(record_type, first, last):
    report = BatchReport("b", 1, record_type, 1, 1, 0, 1, "held", (), (), 0)
    return HeldBatch(report, ("a",), "", first, last)


MONTHS = ("2021-01", "2021-02", "2021-03", "2021-04")


@pytest.mark.parametrize(
    ("record_type", "first", "last", "touched"),
    [
        # A period that ends on 1 March may begin 34 days before, on 26 January.
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
    assert months_touched(held(record_type, first, last), MONTHS) == touched


@pytest.mark.parametrize("record_type", GOOD)
def test_a_batch_without_an_accepted_record(home, record_type):
    home.land(f"{record_type}/a.ndjson", "x\n" * 300)
    report = home.load(record_type)
    assert (report.verdict, report.records, report.rejects) == ("held", 0, 300)
    released = release(home.settings, report.batch_id, operator="Ana", why="to see them")
    assert released.verdict == "promoted"
    assert home.query("select count(*) from raw.rejects") == [(300,)]
