"""Tests for `make test-duckdb-2`: this is DuckDB 2, and months close to the same bytes as on the pinned 1.5.

Not named `test_…`, so that `make test`, which runs on the pinned version, does not collect it.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb

from allive.ingestion.settings import PROJECT_ROOT, Settings
from tests.e2e.closed_months import month_files
from tests.pipeline import Pipeline
from tests.worlds.world import World

WORLD = World.random(200)


def close_the_world(pipeline: Pipeline) -> None:
    """Deliver and close a world month by month, with some heartbeats and periods arriving late."""
    for month in WORLD.deliver_by_month(pipeline.landing, late=0.3):
        pipeline.load()
        pipeline.close(month)


def test_the_engine_is_duckdb_2() -> None:
    assert duckdb.__version__.startswith("2.")
    assert duckdb.sql("select version()").fetchall()[0][0].startswith("v2.")


def test_months_close_to_the_same_bytes_as_on_the_pinned_version(make_pipeline: Callable[[str], Pipeline]) -> None:
    ours, pinned = make_pipeline("ours"), make_pipeline("pinned")
    # Without the PYTHONPATH that puts DuckDB 2 in front of the installed version.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "tests.on_duckdb_2", str(pinned.settings.home)]
    finished = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split()[-1].startswith("1.5."), "this would compare DuckDB 2 with itself"
    close_the_world(ours)
    for month in WORLD.months:
        expected = month_files(pinned.settings, month)
        found = month_files(ours.settings, month)
        assert expected
        assert found
        assert {"slices.parquet", "artist_payouts.csv", "control.json", "manifest.json"} <= set(expected)
        assert found.keys() == expected.keys()
        assert [name for name in expected if found[name] != expected[name]] == []


if __name__ == "__main__":
    close_the_world(Pipeline(Settings(home=Path(sys.argv[1]), pseudonym_key="tests")))
    print(duckdb.__version__)
