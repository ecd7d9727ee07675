"""Mutated files of every format are accepted, rejected or set aside, in bounded time and memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .fuzzing import MEMORY_BYTES, SECONDS_A_FILE, mutant, seeds

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SEED = "doorway-1"
FILES, THOROUGH_FILES = 1000, 10_000


def test_every_mutant_gets_a_verdict_in_bounded_time_and_memory(request):
    files = THOROUGH_FILES if request.config.getoption("--thorough", default=False) else FILES
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.ingestion.fuzzing", str(files), SEED],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=files,
    )  # fmt: skip
    assert done.returncode == 0, f"seed {SEED}: {done.stderr[-3000:]}"
    found = json.loads(done.stdout)
    print(found)
    assert sum(found["verdicts"].values()) == files
    assert min(found["verdicts"].get(verdict, 0) for verdict in ("accepted", "rejected", "set aside")) > files / 50
    assert found["peak_bytes"] < MEMORY_BYTES / 4
    assert found["slowest_s"] < SECONDS_A_FILE


def test_mutants_are_the_same_for_the_same_seed_and_of_every_format():
    assert [mutant(f"x:{i}") for i in range(20)] == [mutant(f"x:{i}") for i in range(20)]
    assert {mutant(f"x:{i}")[0] for i in range(300)} == {ending for ending, _ in seeds()}


def test_a_line_that_the_parser_quotes_cut_within_a_character_stops_no_load(home):
    """Found by the fuzz run: DuckDB's error message was not UTF-8, so another error was raised instead."""
    ending, content = mutant("doorway-1:3921")
    home.land(f"live_credits/a{ending}", content)
    report = home.load("live_credits")
    assert report.rejects > 0
    assert report.records > 0
