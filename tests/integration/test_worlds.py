"""Random worlds through the real pipeline agree with the oracle, however they are delivered."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from allive.ingestion import batches
from tests.model_keys import assert_keys_hold
from tests.oracle import History, read_landing
from tests.pipeline import Pipeline
from tests.properties.pipeline import assert_closed_month_agrees, assert_warehouse_agrees
from tests.worlds.world import BLOCKERS, World


def more(*seeds: int) -> list[ParameterSet]:
    """Seeds that only a thorough session runs."""
    return [pytest.param(seed, marks=pytest.mark.thorough) for seed in seeds]


@pytest.mark.parametrize("seed", [0, 1, *more(2, 3)])
def test_one_delivery(pipeline: Pipeline, seed: int) -> None:
    World.random(seed).deliver_all(pipeline.landing)
    pipeline.run()
    assert_agrees_with_oracle(pipeline, pipeline.landing)


@pytest.mark.figures
@pytest.mark.parametrize("seed", [100, *more(101, 102)])
def test_many_deliveries_agree_after_each(pipeline: Pipeline, seed: int) -> None:
    for _ in World.random(seed).deliver(pipeline.landing, batches=4):
        pipeline.run()
        assert_agrees_with_oracle(pipeline, pipeline.landing)


def test_a_held_batch_stays_out_until_it_is_released(pipeline: Pipeline, tmp_path: Path) -> None:
    world = World.random(120)
    for number in world.deliver(pipeline.landing, batches=3, spoiled_batch=1):
        pipeline.run()
        held = batches.list_held(pipeline.settings)
        assert len(held) == (0 if number == 0 else 1)
    without = tmp_path / "landing-without-held"
    shutil.copytree(pipeline.landing, without)
    for name in held[0].names:
        (without / name).unlink(missing_ok=True)
    assert_agrees_with_oracle(pipeline, without)

    batches.release(pipeline.settings, held[0].batch_id, operator="tests", why="the broken lines are known")
    pipeline.build()
    assert_agrees_with_oracle(pipeline, pipeline.landing)


@pytest.mark.parametrize("blockers", [BLOCKERS[:-1], BLOCKERS[-1:]], ids=["of lives and artists", "of the pool"])
def test_each_blocker_is_named(pipeline: Pipeline, blockers: Sequence[str]) -> None:
    World.random(130, blockers=blockers).deliver_all(pipeline.landing)
    pipeline.run()
    assert_agrees_with_oracle(pipeline, pipeline.landing)
    with pipeline.warehouse() as con:
        reasons = con.execute("select distinct reason from marts.fct_close_blockers").fetchall()
    assert {reason for (reason,) in reasons} >= {*blockers}


@pytest.mark.parametrize("seed", [201, *more(200, 202)])
def test_months_close_as_the_oracle_closes_them(pipeline: Pipeline, seed: int) -> None:
    world = World.random(seed)
    history = History()
    for month in world.deliver_by_month(pipeline.landing):
        pipeline.load()
        expected = history.close(month, read_landing(pipeline.landing))
        closed = pipeline.close(month)
        assert closed.path is not None
        assert_closed_month_agrees(closed.path, expected)


def assert_agrees_with_oracle(pipeline: Pipeline, landing: Path) -> None:
    with pipeline.warehouse() as con:
        assert_warehouse_agrees(con, read_landing(landing))
    assert_keys_hold(pipeline)
