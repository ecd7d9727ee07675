"""The dashboards' figures of the platform and of audiences equal those that plain Python counts in landed files."""

from pathlib import Path

import pytest

from tests.conftest import GOLDEN
from tests.oracle import read_landing
from tests.oracle.platform import COLUMNS, PlatformFigures
from tests.pipeline import Pipeline
from tests.worlds.world import World

pytestmark = pytest.mark.figures

# A world of January to March 2021.
SEED = 300


def assert_figures_agree(pipeline: Pipeline, landing: Path) -> None:
    expected = PlatformFigures(read_landing(landing))
    with pipeline.warehouse() as con:
        for mart, columns in COLUMNS.items():
            found = con.execute(f"select {columns} from marts.{mart}").fetchall()
            assert len(set(found)) == len(found), mart
            assert set(found) == expected.rows(mart), mart


def test_the_golden_season(golden: Pipeline) -> None:
    assert_figures_agree(golden, GOLDEN / "landing")


def test_a_random_world_whose_subscribers_come_leave_and_come_back(pipeline: Pipeline) -> None:
    world = World.random(SEED)
    assert world.months == ("2021-01", "2021-02", "2021-03")
    world.deliver_all(pipeline.landing)
    periods = (
        ("renewed", "a-day-late", "2021-01-05", "2021-02-05", "paid"),
        ("a-day-late", "a-day-late", "2021-02-06", "2021-03-06", "paid"),
        ("refunded", "a-day-late", "2021-03-06", "2021-04-06", "refunded"),
        ("left", "two-days-late", "2021-01-05", "2021-02-05", "paid"),
        ("two-days-late", "two-days-late", "2021-02-07", "2021-03-07", "paid"),
        ("back-again", "two-days-late", "2021-03-12", "2021-04-12", "paid"),
        ("before-any-heartbeat", "early", "2020-11-30", "2020-12-31", "paid"),
        ("mistyped-year", "early", "2018-11-30", "2018-12-31", "paid"),
        ("paid-ahead", "early", "2021-06-01", "2021-07-01", "paid"),
    )
    header = "period_id,subscriber_id,period_start,period_end,status,updated_at"
    lines = [header, *(f"{','.join(period)},{period[2]}T09:00:00Z" for period in periods)]
    file = pipeline.landing / "subscriptions" / "comings-and-goings.csv"
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    pipeline.run()
    assert_figures_agree(pipeline, pipeline.landing)
