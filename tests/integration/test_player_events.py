"""Events of a real player: watch time agrees with the play time that its own tracker counted (see the README)."""

import csv
import shutil

import pytest

from tests.conftest import TESTS
from tests.pipeline import Pipeline

pytestmark = pytest.mark.figures

SNOWPLOW = TESTS / "real" / "snowplow"


def test_watch_time_agrees_with_the_tracker(pipeline: Pipeline) -> None:
    folder = pipeline.landing / "heartbeats"
    folder.mkdir()
    shutil.copy(SNOWPLOW / "heartbeats.ndjson", folder)
    (report,) = pipeline.run()
    assert (report.records, report.rejects) == (852, 0)
    with pipeline.warehouse() as con:
        watched = dict(
            con.execute("select playback_id, sum(watch_ms)::bigint from marts.fct_playbacks group by 1").fetchall()
        )
    with (SNOWPLOW / "expected_play_time.csv").open(newline="", encoding="utf-8") as file:
        counted = {row["playback_id"]: float(row["play_time_secs"]) for row in csv.DictReader(file)}
    assert watched.keys() == counted.keys()
    off = [abs(watched[playback] / 1000 - counted[playback]) for playback in counted]
    assert sum(difference <= 0.5 for difference in off) >= 15
    assert max(off) <= 20
