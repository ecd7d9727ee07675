"""Rewriting and deleting raw files between deliveries changes neither the warehouse nor closed months."""

from datetime import timedelta

import pytest

import allive.ingestion.compaction
from allive.ingestion.compaction import compact
from allive.ingestion.raw_tables import read_pins, table_path
from allive.ingestion.vacuum import vacuum
from allive.orchestration.warehouse import build_warehouse, files_in_views
from allive.payouts.verification import verify
from tests.integration.test_history import assert_rows_are_those_of_a_full_build
from tests.oracle import History, read_landing
from tests.pipeline import Pipeline
from tests.properties.pipeline import assert_closed_month_agrees, assert_warehouse_agrees
from tests.worlds.world import World

pytestmark = pytest.mark.figures


@pytest.fixture(autouse=True)
def few_files_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allive.ingestion.compaction, "FEWEST_FILES", 2)


def keep_up(pipeline: Pipeline) -> int:
    """Do the service's nightly upkeep without the grace period for readers; return the number of merged files."""
    merged = sum(one.merged for one in compact(pipeline.settings))
    vacuum(pipeline.settings, grace=timedelta(), in_use=files_in_views(pipeline.settings))
    return merged


@pytest.mark.parametrize("seed", [140, pytest.param(141, marks=pytest.mark.thorough)])
def test_deliveries_with_upkeep_between_end_in_the_rows_of_a_full_build(pipeline: Pipeline, seed: int) -> None:
    merged = 0
    for _ in World.random(seed).deliver(pipeline.landing, batches=4):
        pipeline.run()
        merged += keep_up(pipeline)
    assert merged
    with pipeline.warehouse() as con:
        assert_warehouse_agrees(con, read_landing(pipeline.landing))
    assert_rows_are_those_of_a_full_build(pipeline)


def test_rewritten_files_are_no_new_data_and_the_views_follow_them(pipeline: Pipeline) -> None:
    for _ in World.random(142).deliver(pipeline.landing, batches=2):
        pipeline.run()
    counting = "select count(*), count(distinct event_id) from raw.heartbeats"
    with pipeline.warehouse() as con:
        before = con.execute(counting).fetchone()
    listed = files_in_views(pipeline.settings)
    assert listed == {
        path
        for table in ("heartbeats", "subscriptions", "artists", "artist_categories", "lives", "live_credits", "rejects")
        for path in table_path(pipeline.settings, table).rglob("*.parquet")
        if "_delta_log" not in path.parts
    }
    layouts = read_pins(pipeline.settings).layouts
    merged = keep_up(pipeline)
    assert read_pins(pipeline.settings).layouts != layouts
    with pipeline.warehouse() as con:  # still reads the old files, which the vacuum kept for it
        assert con.execute(counting).fetchone() == before

    assert not build_warehouse(pipeline.settings).built
    replaced = listed - files_in_views(pipeline.settings)
    assert len(replaced) == merged > 0
    assert sum(one.files for one in vacuum(pipeline.settings, grace=timedelta())) == len(replaced)
    assert not [path for path in replaced if path.exists()]
    with pipeline.warehouse() as con:
        assert con.execute(counting).fetchone() == before


@pytest.mark.parametrize("seed", [210, pytest.param(211, marks=pytest.mark.thorough)])
def test_months_close_and_are_proven_on_records_whose_files_are_gone(pipeline: Pipeline, seed: int) -> None:
    """Later closes settle earlier months again, with the catalogue that those months pinned."""
    world = World.random(seed)
    history = History()
    for month in world.deliver_by_month(pipeline.landing):
        pipeline.load()
        keep_up(pipeline)
        expected = history.close(month, read_landing(pipeline.landing))
        closed = pipeline.close(month)
        assert closed.path is not None
        assert_closed_month_agrees(closed.path, expected)
        assert keep_up(pipeline) == 0
    build_warehouse(pipeline.settings)
    keep_up(pipeline)
    verification = verify(pipeline.settings)
    assert not verification.findings, "\n".join(map(str, verification.findings))
    assert not verification.unchecked
