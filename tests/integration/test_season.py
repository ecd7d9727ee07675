"""The benches' season is like any other platform: no line is rejected, its month closes, and the oracle agrees."""

from collections import Counter
from collections.abc import Callable
from datetime import date

import duckdb
import pytest

from allive.ingestion.raw_tables import create_raw_views, read_pins
from bench.season import Season, land_season, load_season
from tests.oracle import History, read_landing
from tests.pipeline import Pipeline
from tests.properties.pipeline import assert_closed_month_agrees

pytestmark = pytest.mark.figures

SEASON = Season(heartbeats_a_day=600, first_day=date(2024, 1, 1))
JANUARY = range(31)
TABLES = (
    "marts.fct_playbacks",
    "marts.fct_daily_watch",
    "marts.fct_viewing_sessions",
    "marts.fct_period_slices",
    "marts.fct_artist_months",
    "marts.dim_lives",
)


def test_a_month_of_it_closes_as_the_oracle_closes_it(pipeline: Pipeline) -> None:
    land_season(pipeline.settings, SEASON, JANUARY, files_a_day=2)
    reports = pipeline.load()
    assert {report.record_type: (report.verdict, report.rejects) for report in reports} == dict.fromkeys(
        ("heartbeats", "subscriptions", "artists", "artist_categories", "lives", "live_credits"), ("promoted", 0)
    )
    pipeline.build()
    snapshot = read_landing(pipeline.landing)
    assert not snapshot.rejects
    with pipeline.warehouse() as con:
        found = con.execute("select subscriber_id, live_id, day, watch_ms from marts.fct_daily_watch").fetchall()
    assert Counter(found) == Counter((*key, watch_ms) for key, (watch_ms, _) in snapshot.watch.by_day().items())
    expected = History().close("2024-01", snapshot)
    closed = pipeline.close("2024-01")
    assert closed.path is not None
    assert_closed_month_agrees(closed.path, expected)
    assert min(closed.control["direct_nanos"], closed.control["pool_nanos"]) > 0


def test_landed_and_straight_into_the_raw_layer_it_is_the_same(make_pipeline: Callable[[str], Pipeline]) -> None:
    landed, direct = make_pipeline("landed"), make_pipeline("direct")
    for days in (range(5), range(5, 8)):
        land_season(landed.settings, SEASON, days)
        landed.run()
        load_season(direct.settings, SEASON, days)
        direct.build()
    with landed.warehouse() as one, direct.warehouse() as other:
        for table in TABLES:
            assert rows(one, table) == rows(other, table), table
            assert rows(one, table), table


def test_it_is_late_redelivered_and_paused_as_it_says(pipeline: Pipeline) -> None:
    season = Season(heartbeats_a_day=20_000)
    load_season(pipeline.settings, season, range(5))
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        create_raw_views(con, pipeline.settings, read_pins(pipeline.settings))
        delivered, distinct, late, paused = con.execute(
            """
            select
                count(*),
                count(distinct event_id),
                count(*) filter (where received_at > event_at + interval 1 day),
                count(*) filter (where state = 'paused')
            from raw.heartbeats
            """
        ).fetchone() or (0, 0, 0, 0)
    assert 0.97 < delivered / 100_000 < 1.03
    assert 0.015 < delivered / distinct - 1 < 0.025
    assert 0.001 < late / distinct < 0.02
    assert paused


def rows(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[object, ...]]:
    return con.execute(f"select * from {table} order by all").fetchall()
