"""The check that days, playbacks and sessions have the same watch time finds every lost, duplicated or changed row."""

import shutil

import pytest

from allive.ingestion.settings import DBT_PROJECT_DIR
from allive.orchestration.dbt_invocation import NodeResult
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.warehouse import open_warehouse, run_dbt
from tests.pipeline import Pipeline
from tests.worlds.world import World

CHECK = "assert_watch_time_agrees"
_ONE = "where rowid = (select max(rowid) from {table} where watch_ms > 0)"
CORRUPTIONS = {
    "a day that is lost": ("marts.fct_daily_watch", f"delete from {{table}} {_ONE}"),
    "a day that grew": ("marts.fct_daily_watch", f"update {{table}} set watch_ms = watch_ms + 1 {_ONE}"),
    "a playback that is lost": ("marts.fct_playbacks", f"delete from {{table}} {_ONE}"),
    "a playback that is there twice": ("marts.fct_playbacks", f"insert into {{table}} select * from {{table}} {_ONE}"),
    "a session that shrank": ("marts.fct_viewing_sessions", f"update {{table}} set watch_ms = watch_ms - 1 {_ONE}"),
    "a session with a playback too many": (
        "marts.fct_viewing_sessions",
        f"update {{table}} set playbacks = playbacks + 1 {_ONE}",
    ),
    "all sessions of a subscriber that are lost": (
        "marts.fct_viewing_sessions",
        "delete from {table} where subscriber_id = (select max(subscriber_id) from {table})",
    ),
    "the first session of a subscriber that is lost": (
        "marts.fct_viewing_sessions",
        "delete from {table} where rowid = (select rowid from {table} order by subscriber_id desc, started_at limit 1)",
    ),
}


def test_nothing_is_lost_or_doubled_unnoticed(pipeline: Pipeline, subtests: pytest.Subtests) -> None:
    World.random(113).deliver_all(pipeline.landing)
    pipeline.run()
    warehouse = pipeline.settings.warehouse_path
    sound = warehouse.with_suffix(".sound")
    with open_warehouse(pipeline.settings, read_only=False) as con:
        con.execute("update build.months_built set is_proven = false")
    shutil.copyfile(warehouse, sound)
    assert check(pipeline).holds
    for name, (table, corruption) in CORRUPTIONS.items():
        with subtests.test(name):
            shutil.copyfile(sound, warehouse)
            with open_warehouse(pipeline.settings, read_only=False) as con:
                con.execute(corruption.format(table=table))
            assert not check(pipeline).holds


def check(pipeline: Pipeline) -> NodeResult:
    """Run the check alone."""
    project = parsed_project(pipeline.settings)
    nodes = run_dbt(pipeline.settings, project, DBT_PROJECT_DIR, select=(CHECK,), with_unit_tests=False)
    return next(node for node in nodes if CHECK in node.unique_id)
