"""A warehouse built step by step has the same rows as one built in one go, and recomputes no old month."""

import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import count, pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from allive.ingestion.settings import Settings
from allive.orchestration.warehouse import build_warehouse, open_warehouse
from allive.payouts.warehouse_mark import note_mark
from tests.pipeline import Pipeline, new_pipeline
from tests.worlds.delivery import write_lines
from tests.worlds.world import World

pytestmark = pytest.mark.figures

LATER = "2024-01-01T00:00:00Z"
"""Later than any record of a world, but in the past: a correction with this time is accepted, and wins."""

WATCHED = ("intermediate.int_playback_days", "intermediate.int_period_slices")
"""Watch time, and the money paid for it."""

MOST_DAYS_BY_NAME = 40
"""Above this number of days to read, playbacks are matched by their whole key (dbt_project/macros/watermark.sql)."""

Rows = list[tuple[object, ...]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, parsed_home: Path) -> Callable[[int], Pipeline]:
    """Data homes by seed on which a whole world was run at once. Read only."""

    @cache
    def run(seed: int) -> Pipeline:
        home = tmp_path_factory.mktemp(f"world-{seed}") / "home"
        pipeline = new_pipeline(home, parsed=parsed_home, has_checks=False)
        World.random(seed).deliver_all(pipeline.landing)
        pipeline.run()
        return pipeline

    return run


@pytest.fixture
def copied(built: Callable[[int], Pipeline], tmp_path: Path) -> Callable[[int], Pipeline]:
    """Copies of the built homes, to continue."""

    def copy(seed: int) -> Pipeline:
        home = tmp_path / f"world-{seed}"
        shutil.copytree(built(seed).settings.home, home)
        return replace(built(seed), settings=Settings(home=home, pseudonym_key="tests"))

    return copy


@pytest.mark.parametrize("seed", [110, pytest.param(114, marks=pytest.mark.thorough)])
def test_an_incremental_history_ends_in_the_rows_of_a_full_build(pipeline: Pipeline, seed: int) -> None:
    for _ in World.random(seed).deliver(pipeline.landing, batches=4):
        pipeline.run()
    assert_rows_are_those_of_a_full_build(pipeline)


def test_months_that_close_on_the_way_change_nothing_of_it(pipeline: Pipeline) -> None:
    for month in World.random(111).deliver_by_month(pipeline.landing):
        pipeline.run()
        pipeline.close(month)
    pipeline.build()
    assert_rows_are_those_of_a_full_build(pipeline)


def test_a_correction_reaches_every_month_that_it_touches(copied: Callable[[int], Pipeline]) -> None:
    world, pipeline = World.random(112), copied(112)
    for number, (record_type, correction) in zip(count(), corrections(world), strict=False):
        before = every_row(pipeline)
        write_lines(pipeline.landing / record_type, [correction], Random(number), ["ndjson"])
        pipeline.run()
        after = every_row(pipeline)
        assert any(before[table] != after[table] for table in WATCHED), f"{record_type}: the correction changed nothing"
    assert_rows_are_those_of_a_full_build(pipeline)


def test_a_refund_and_a_payment_reach_the_month_that_settles_the_period(copied: Callable[[int], Pipeline]) -> None:
    world, pipeline = World.random(112), copied(112)
    settled = periods_with_slices(pipeline)
    period = next(row for row in world.rows["subscriptions"] if row["period_id"] in settled)
    for day, status in enumerate(["refunded", "paid"], start=1):
        correction = {**period, "status": status, "updated_at": f"2024-01-{day:02}T00:00:00Z"}
        write_lines(pipeline.landing / "subscriptions", [correction], Random(day), ["ndjson"])
        pipeline.run()
        assert (period["period_id"] in periods_with_slices(pipeline)) == (status == "paid")
        assert_rows_are_those_of_a_full_build(pipeline)


def test_playbacks_of_one_name_are_told_apart_by_subscriber_and_live(copied: Callable[[int], Pipeline]) -> None:
    world, pipeline = World.random(113), copied(113)
    heartbeats = world.rows["heartbeats"]
    alike = [{**row, "event_id": f"alike {number}", "playback_id": "alike"} for number, row in enumerate(heartbeats)]
    for number, delivery in enumerate([alike[1:], alike[:1]]):
        write_lines(pipeline.landing / "heartbeats", delivery, Random(number), ["ndjson"])
        pipeline.run()
    with pipeline.warehouse() as con:
        days_alike = "select distinct event_day from intermediate.int_playback_days where playback_id = 'alike'"
        assert len(con.execute(days_alike).fetchall()) > MOST_DAYS_BY_NAME
    assert_rows_are_those_of_a_full_build(pipeline)


def test_a_history_too_long_for_one_statement_is_built_in_portions(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    World.random(115).deliver_all(pipeline.landing)
    pipeline.load()
    said: list[str] = []
    monkeypatch.setattr(Settings, "heartbeats_a_statement", 1000)
    build = build_warehouse(pipeline.settings, on_node=lambda name, _status: said.append(name))
    assert not build.broken
    with pipeline.warehouse() as con:
        [heartbeats] = con.execute("select count(*) from raw.heartbeats").fetchone() or (0,)
    portions = [name for name in said if "portion" in name]
    assert len(portions) == math.ceil(heartbeats / 1000) > 1
    assert descents(pipeline, "intermediate.int_playback_days", "event_day") < len(portions)
    monkeypatch.undo()
    assert_rows_are_those_of_a_full_build(pipeline)


def test_a_warehouse_left_between_two_portions_is_built_anew(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    World.random(115).deliver_all(pipeline.landing)
    pipeline.load()
    monkeypatch.setattr(Settings, "heartbeats_a_statement", 1000)

    def die_after_one(name: str, _status: str) -> None:
        raise KeyboardInterrupt(name)

    with pytest.raises(KeyboardInterrupt, match="portion 1"):
        build_warehouse(pipeline.settings, on_node=die_after_one)
    monkeypatch.undo()
    pipeline.build()
    assert_rows_are_those_of_a_full_build(pipeline)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("intermediate.int_playback_days", "event_day"),
        ("intermediate.int_live_slices", "settlement_month"),
        ("marts.fct_playbacks", "started_on"),
    ],
)
def test_what_is_built_at_once_lies_in_the_order_of_its_months(
    built: Callable[[int], Pipeline], table: str, column: str
) -> None:
    assert descents(built(113), table, column) == 0


def test_a_month_that_did_not_change_is_not_computed_again(pipeline: Pipeline) -> None:
    world = World.random(113)
    list(world.deliver_by_month(pipeline.landing, late=0))
    pipeline.run()
    marked = mark_rows(pipeline)
    first, second, third = world.months
    heartbeat = next(row for row in world.rows["heartbeats"] if row["event_at"].startswith(f"{third}-1"))
    another = {**heartbeat, "event_id": "another", "playback_id": "another"}
    write_lines(pipeline.landing / "heartbeats", [another], Random(0), ["ndjson"])
    pipeline.run()
    still = marks(pipeline)
    assert {table: (months[first], months[second]) for table, months in marked.items()} == {
        table: (months[first], months[second]) for table, months in still.items()
    }
    assert all(months.get(third, 0) == 0 < marked[table][third] for table, months in still.items())


def corrections(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    """Corrections that can arrive long after the months that they affect."""
    lives = world.rows["lives"]
    artist_id = world.rows["artists"][0]["artist_id"]
    middle = f"{world.months[1]}-15"
    yield "artist_categories", {"artist_id": artist_id, "category": "known", "valid_from": middle, "updated_at": LATER}
    for live in lives[:2]:
        yield "lives", {**live, "duration_s": 60, "updated_at": LATER}
    yield (
        "live_credits",
        {
            "live_id": lives[2]["live_id"],
            "artist_id": artist_id,
            "share_bp": 10_000,
            "updated_at": LATER,
        },
    )
    yield "lives", {**lives[0], "updated_at": "2024-01-02T00:00:00Z"}
    heartbeat = min(world.rows["heartbeats"], key=lambda row: row["event_at"])
    yield "heartbeats", {**heartbeat, "event_id": "late", "state": "playing", "position_s": None}


def periods_with_slices(pipeline: Pipeline) -> set[str]:
    with pipeline.warehouse() as con:
        return {period for (period,) in con.execute("select period_id from marts.fct_period_slices").fetchall()}


def assert_rows_are_those_of_a_full_build(pipeline: Pipeline) -> None:
    step_by_step = every_row(pipeline)
    pipeline.settings.warehouse_path.unlink()
    pipeline.build()
    at_once = every_row(pipeline)
    assert step_by_step.keys() == at_once.keys()
    assert [table for table, rows in at_once.items() if rows != step_by_step[table]] == []


def descents(pipeline: Pipeline, table: str, column: str) -> int:
    """How often a row of a table is followed by one of an earlier day or month."""
    with pipeline.warehouse() as con:
        values = [value for (value,) in con.execute(f"select {column} from {table} order by rowid").fetchall()]
    assert len(set(values)) > 1
    return sum(later < earlier for earlier, later in pairwise(values))


def every_row(pipeline: Pipeline) -> dict[str, Rows]:
    with pipeline.warehouse() as con:
        tables = con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name in ('staging', 'intermediate', 'marts')"
        ).fetchall()
        return {table: con.execute(f"select * from {table} order by all").fetchall() for (table,) in tables}


MARKED = {
    "int_playbacks_sessionized": ("surface", "substr(cast(started_on as varchar), 1, 7)"),
    "int_live_slices": ("category", "settlement_month"),
}
"""Tables that keep unchanged months, each with a column that no test reads there, and the month of a row."""


def mark_rows(pipeline: Pipeline) -> dict[str, Counter[str]]:
    """Mark every row; a row that is computed again loses its mark."""
    with open_warehouse(pipeline.settings, read_only=False) as con:
        for table, (column, _) in MARKED.items():
            con.execute(f"update intermediate.{table} set {column} = 'marked'")
        (token,) = con.execute("select token from build.begun").fetchone()
    note_mark(pipeline.settings, token)  # otherwise the warehouse counts as changed by others, and is rebuilt
    return marks(pipeline)


def marks(pipeline: Pipeline) -> dict[str, Counter[str]]:
    """The number of marked rows per month, by table."""
    with pipeline.warehouse() as con:
        return {
            table: Counter(
                dict(
                    con.execute(
                        f"select {month}, count(*) from intermediate.{table} where {column} = 'marked' group by all"
                    ).fetchall()
                )
            )
            for table, (column, month) in MARKED.items()
        }
