"""Watch time and payments do not depend on the files in which heartbeats are stored (docs/adr/0026)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from allive.ingestion import day_files
from allive.ingestion.compaction import compact
from allive.ingestion.raw_tables import count_records, is_stray, read_pins, stored_files
from allive.ingestion.vacuum import vacuum
from allive.payouts.closed_month.findings import Verdict
from allive.payouts.verification.verifying import verify
from tests.pipeline import Pipeline
from tests.raw_tables_page import heartbeats_by_day, run_page
from tests.worlds.world import Size, World

pytestmark = pytest.mark.figures

WATCHED = {
    "intermediate.int_playback_days": "* exclude (batch_number, playback_batch_number)",
    "marts.fct_daily_watch": "*",
    "marts.fct_playbacks": "*",
}


def watched(pipeline: Pipeline) -> dict[str, list[tuple]]:
    with pipeline.warehouse() as con:
        return {
            table: con.execute(f"select {columns} from {table} order by all").fetchall()
            for table, columns in WATCHED.items()
        }


def kinds_of_files(pipeline: Pipeline) -> set[bool]:
    """Whether there are files by day (False), and files of strays (True)."""
    files = stored_files(pipeline.settings, "heartbeats", read_pins(pipeline.settings).layouts["heartbeats"])
    return {is_stray(file.path) for file in files}


def test_strays_are_watched_paid_and_proven_as_all_others(
    make_pipeline: Callable[[str], Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compare two builds with strays, compacted on the way and closed, with one build of files by day."""
    world = World.random(111)
    ours, theirs = make_pipeline("strays"), make_pipeline("by-day")
    monkeypatch.setattr("allive.ingestion.compaction.FEWEST_FILES", 2)
    # Days with many heartbeats have their own files; days with few share a file.
    monkeypatch.setattr(day_files, "MOST_DAYS", 3)
    monkeypatch.setattr(day_files, "FEWEST_OF_A_DAY", 25)
    for number, _ in enumerate(world.deliver_by_month(ours.landing)):
        ours.load()
        compact(ours.settings, tables=["heartbeats"])
        if number != 1:
            ours.build()
    assert kinds_of_files(ours) == {False, True}
    ours.close_as_built(world.months[0])
    assert verify(ours.settings).verdict is Verdict.PROVEN

    monkeypatch.setattr(day_files, "MOST_DAYS", 10**9)
    list(world.deliver_by_month(theirs.landing))
    theirs.run()
    assert kinds_of_files(theirs) == {False}
    assert watched(ours) == watched(theirs)
    monkeypatch.setattr(day_files, "MOST_DAYS", 3)
    the_page_on_raw_tables_holds(ours, closed=world.months[0])


def the_page_on_raw_tables_holds(pipeline: Pipeline, *, closed: str) -> None:
    """Read the raw tables as docs/reading-raw-tables.md does, after records that the closed month did not read."""
    settings = pipeline.settings
    read_by_month = count_records(settings, "heartbeats", read_pins(settings).layouts["heartbeats"])
    World.random(112, size=Size.tiny()).deliver_all(pipeline.landing)
    pipeline.load()
    compact(settings, tables=["heartbeats"])
    vacuum(settings, grace=timedelta())
    expected = heartbeats_by_day(settings)
    assert sum(count for _day, count in expected) > read_by_month
    assert kinds_of_files(pipeline) == {False, True}

    sections = ("Choose the version", "polars", "DuckDB", "The records that a closed month read")
    found = run_page(settings, *sections, month=closed)
    assert found["days"].rows() == expected
    assert found["relation"].fetchall() == expected
    assert found["records"].up_to is not None, "no file mixes records from before and after the close"
    assert len(found["read_by_month"]) == read_by_month
