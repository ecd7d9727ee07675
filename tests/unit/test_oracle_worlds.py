"""The generator of small worlds is seeded, breaks exactly the lines it announces, and adds blockers on request."""

from collections import Counter
from pathlib import Path

import pytest

from tests.oracle import History, Snapshot, read_landing
from tests.oracle.history import months_with_periods
from tests.worlds import BLOCKERS, Size, World

pytestmark = pytest.mark.slow

SEEDS = range(12)


def landed(world: World, landing: Path, *, batches: int = 1) -> Snapshot:
    for _ in world.deliver(landing, batches=batches):
        pass
    return read_landing(landing)


def blockers_of(data: Snapshot) -> set[str]:
    history = History()
    return {
        blocker.reason
        for month in months_with_periods(data, history)
        for blocker in history.settle_open_month(month, data).blockers
    }


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_world_and_its_delivery_are_those_of_the_seed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        landed(World.random(7), tmp_path / name, batches=3)
    assert World.random(7) == World.random(7) != World.random(10)
    assert content_of(tmp_path / "one") == content_of(tmp_path / "two")


@pytest.mark.parametrize("seed", SEEDS)
def test_every_broken_line_is_rejected_with_its_reason_once(seed: int, tmp_path: Path) -> None:
    world = World.random(seed)
    expected = Counter((record_type, line.reason) for record_type, lines in world.broken.items() for line in lines)
    data = landed(world, tmp_path, batches=2)
    assert Counter((one.record_type, one.reason) for one in data.rejects) == expected
    assert {name for _, name in data.unreadable} == {
        f"heartbeats/{path.name}" for path in (tmp_path / "heartbeats").glob("truncated-*")
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_blocks_a_world_unless_asked_for(seed: int, tmp_path: Path) -> None:
    data = landed(World.random(seed), tmp_path)
    assert not blockers_of(data)
    assert months_with_periods(data, History()) == list(World.random(seed).months)


@pytest.mark.parametrize("blocker", BLOCKERS)
def test_blocker_asked_for_blocks(blocker: str, tmp_path: Path) -> None:
    data = landed(World.random(3, size=Size.tiny(), blockers=[blocker]), tmp_path)
    assert blockers_of(data) == {blocker}


def test_spoiled_batch_has_a_file_that_must_be_held(tmp_path: Path) -> None:
    world = World.random(4)
    deliveries = world.deliver(tmp_path, batches=3, spoiled_batch=1)
    next(deliveries)
    before = content_of(tmp_path).keys()
    next(deliveries)
    lines = [
        content.splitlines()
        for name, content in content_of(tmp_path).items()
        if name not in before and name.startswith("heartbeats/") and name.endswith(".ndjson")
    ]
    rejects = Counter(one.file for one in read_landing(tmp_path).rejects)
    assert any(len(one) >= 200 for one in lines)
    assert any(rejects[name] / 200 > 0.05 for name in rejects if name not in before)


@pytest.mark.parametrize("seed", range(3))
def test_delivery_by_month_ends_with_every_record(seed: int, tmp_path: Path) -> None:
    world = World.random(seed)
    months = list(world.deliver_by_month(tmp_path / "by_month", late=0.3))
    assert months == list(world.months)
    by_month, at_once = read_landing(tmp_path / "by_month"), landed(world, tmp_path / "at_once")
    assert by_month.watch == at_once.watch
    assert by_month.periods == at_once.periods
    assert by_month.catalogue.lives == at_once.catalogue.lives
