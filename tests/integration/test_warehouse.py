"""Which models a build of the warehouse builds again, and which it keeps."""

import json
import shutil

import pytest

from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.warehouse import Build, build_warehouse, open_warehouse
from allive.payouts.warehouse_mark import note_mark
from tests.pipeline import Pipeline

LAYERS = ("staging", "intermediate", "marts")
HEARTBEAT = {
    "event_id": "e1",
    "playback_id": "p1",
    "subscriber_id": "s1",
    "live_id": "l1",
    "event_at": "2021-02-05T20:00:00Z",
    "state": "playing",
}


def built(build: Build) -> set[str]:
    return {node.unique_id for node in build.nodes if not node.is_remembered}


def land(pipeline: Pipeline, name: str, record: dict[str, object]) -> None:
    path = pipeline.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    pipeline.load()


def assert_every_relation_and_column_has_its_description_as_comment(pipeline: Pipeline) -> None:
    nodes = json.loads(parsed_project(pipeline.settings).manifest_path.read_bytes())["nodes"].values()
    described = {
        (node["schema"], node["name"], column["name"]): column["description"]
        for node in nodes
        if node["resource_type"] in {"model", "seed"}
        for column in [{"name": "", "description": node["description"]}, *node["columns"].values()]
    }
    with pipeline.warehouse() as con:
        comments = con.execute(
            """
            select schema_name, table_name, column_name, comment from duckdb_columns()
            union all select schema_name, table_name, '', comment from duckdb_tables()
            union all select schema_name, view_name, '', comment from duckdb_views()
            """
        ).fetchall()
    built = {(*name, column): comment for *name, column, comment in comments if name[0] in LAYERS}
    assert not [name for name, comment in built.items() if not comment]
    assert built == described


def test_only_what_depends_on_what_changed_is_built_again(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    # Flags of dbt that belong to somebody's other projects: they would leave tables empty, and tests out.
    monkeypatch.setenv("DBT_EMPTY", "true")
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "model")
    land(pipeline, "heartbeats/1.ndjson", HEARTBEAT)
    first = build_warehouse(pipeline.settings)
    models = {node.unique_id for node in first.nodes if node.unique_id.startswith("model.")}
    assert models <= built(first)
    assert any(node.startswith("test.") for node in built(first))

    unchanged = build_warehouse(pipeline.settings)
    assert not unchanged.built
    assert not built(unchanged)

    land(pipeline, "heartbeats/2.ndjson", {**HEARTBEAT, "event_at": "2021-02-05T20:00:10Z"})
    second = build_warehouse(pipeline.settings)
    assert {"model.allive.int_playback_days", "model.allive.fct_artist_months"} <= built(second)
    assert not {"model.allive.dim_artists", "model.allive.stg_catalogue__lives"} & built(second)
    assert {node.unique_id for node in second.nodes} == {node.unique_id for node in first.nodes}

    land(pipeline, "artists/1.ndjson", {"artist_id": "a1", "name": "Anouk"})
    third = build_warehouse(pipeline.settings)
    assert "model.allive.dim_artists" in built(third)
    assert "model.allive.int_playback_days" not in built(third)
    with pipeline.warehouse() as con:
        assert con.execute("select sum(watch_ms) from marts.fct_daily_watch").fetchone() == (10_000,)
        assert con.execute("select artist_name from marts.dim_artists").fetchall() == [("Anouk",)]
    assert_every_relation_and_column_has_its_description_as_comment(pipeline)


def test_raw_tables_restored_from_an_older_copy_are_built_from_the_start(pipeline: Pipeline) -> None:
    land(pipeline, "artists/1.ndjson", {"artist_id": "a1", "name": "Anouk"})
    land(pipeline, "heartbeats/1.ndjson", HEARTBEAT)
    older = pipeline.settings.home / "older"
    shutil.copytree(pipeline.settings.raw_dir, older)
    land(pipeline, "heartbeats/2.ndjson", {**HEARTBEAT, "event_at": "2021-02-05T20:00:10Z"})
    pipeline.build()
    shutil.rmtree(pipeline.settings.raw_dir)
    older.rename(pipeline.settings.raw_dir)
    restored = build_warehouse(pipeline.settings)
    assert not restored.broken
    assert "model.allive.dim_artists" in built(restored)
    with pipeline.warehouse() as con:
        assert con.execute("select sum(watch_ms) from marts.fct_playbacks").fetchone() == (0,)


def test_a_build_that_failed_is_not_built_upon(pipeline: Pipeline) -> None:
    land(pipeline, "heartbeats/1.ndjson", HEARTBEAT)
    pipeline.build()
    with open_warehouse(pipeline.settings, read_only=False) as con:
        con.execute("delete from build.finished")
        (token,) = con.execute("select token from build.begun").fetchone()
    note_mark(pipeline.settings, token)
    land(pipeline, "artists/1.ndjson", {"artist_id": "a1", "name": "Anouk"})
    again = build_warehouse(pipeline.settings)
    assert "model.allive.int_playback_days" in built(again)
