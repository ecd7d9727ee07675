"""Values as real suppliers write them, through the whole pipeline: watch time and envelopes are correct."""

import shutil

import pytest

from tests.conftest import TESTS
from tests.pipeline import Pipeline

pytestmark = pytest.mark.figures

CASES = TESTS / "fixtures" / "doorway"
WATCH_MS = {"r0": 9_000, "np": 6_000, "us": 7_000, "in": 50_000, "id": 10_000, "id3": 10_000}


def test_cases_are_worth_what_is_right(pipeline: Pipeline) -> None:
    for record_type, names in (("heartbeats", "*.ndjson"), ("subscriptions", "subscriptions-*.csv")):
        folder = pipeline.landing / record_type
        folder.mkdir()
        for path in CASES.glob(names):
            shutil.copy(path, folder)
    reports = pipeline.run()
    assert {report.record_type: (report.records, report.rejects) for report in reports} == {
        "heartbeats": (25, 2),
        "subscriptions": (2, 2),
    }
    with pipeline.warehouse() as con:
        watched = con.execute(
            "select playback_id, sum(watch_ms)::bigint from marts.fct_playbacks group by 1"
        ).fetchall()
        settled = con.execute(
            "select period_id, envelope_nanos // 10000000 from intermediate.int_periods_settled order by 1"
        ).fetchall()
    assert dict(watched) == WATCH_MS
    assert settled == [("f-1", 100), ("f-3", 49)]
