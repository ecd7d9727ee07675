"""The bench is correct: contestants find the same rows, verdicts are fair, out of memory is shown as such."""

import os
import platform
import re
import subprocess
import sys

import duckdb
import pytest

from bench import closing, watch_time
from bench.benchmarks_page import write_sections
from bench.heartbeats import heartbeat_files, write_heartbeats
from bench.race import Run, cpu_seconds_of_tree, race
from bench.report import Aim, Row, Section, open_console, print_report
from bench.stages import Measured


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    return write_heartbeats(tmp_path_factory.mktemp("bench"), 20_000, threads=1, memory_gb=1, tell=lambda _stage: None)


def scanned(folder, query):
    files = [str(file) for file in heartbeat_files(folder)]
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        return con.execute(
            query.replace("HEARTBEATS", "read_parquet($files, hive_partitioning = true)"), {"files": files}
        ).fetchone()


def test_made_up_heartbeats_lie_in_their_paris_day_and_two_in_a_hundred_come_twice(made_up):
    rows, different, misplaced = scanned(
        made_up,
        "select count(*), count(distinct event_id), "
        "count(*) filter (event_day <> cast(event_at at time zone 'Europe/Paris' as date)) from HEARTBEATS",
    )
    assert 15_000 < rows < 25_000
    assert 0.01 < 1 - different / rows < 0.03
    assert misplaced == 0


def test_made_up_heartbeats_hold_playbacks_of_several_days(made_up):
    (several,) = scanned(
        made_up,
        "select count(*) from (select playback_id from HEARTBEATS group by playback_id "
        "having count(distinct event_day) > 1)",
    )
    assert several > 0


def contestants(folder, scratch, names):
    return {
        name: [
            *("-m", "bench.contestants", name, "--heartbeats", str(folder), "--threads", "1", "--memory-gb", "2"),
            *("--result", str(scratch / f"{name}.parquet"), "--warehouse", str(scratch / "none.duckdb")),
        ]
        for name in names
    }


def test_contestants_of_different_makes_find_the_same_rows(made_up, tmp_path):
    runs = race(contestants(made_up, tmp_path, ["window", "polars"]), rounds=1, memory_gb=2, tell=lambda _stage: None)
    assert [run.failure for run in runs.values()] == [None, None]
    results = {name: tmp_path / f"{name}.parquet" for name in runs}
    assert watch_time.check_equal(results) > 100

    spoilt = tmp_path / "spoilt.parquet"
    duckdb.execute(
        f"copy (select * replace (watch_ms + cast(row_number() over () = 1 as bigint) as watch_ms) "
        f"from read_parquet('{results['polars']}')) to '{spoilt}' (format parquet)"
    )
    with pytest.raises(RuntimeError, match=r"spoilt and window computed different rows: \(1, 1\)"):
        watch_time.check_equal({"window": results["window"], "spoilt": spoilt})


def test_a_contestant_that_takes_more_than_its_memory_is_stopped_and_shown_as_such():
    hungry = "import time; hoard = bytearray(400_000_000); hoard[::4096] = b'x' * len(hoard[::4096]); time.sleep(60)"
    run = race({"hungry": ["-c", hungry]}, rounds=3, memory_gb=0.2, tell=lambda _stage: None)["hungry"]
    assert run.seconds is None
    assert run.out_of_memory
    assert run.peak_bytes > 250_000_000


def test_memory_of_what_a_contestant_starts_is_its_own():
    child = "import time; hoard = bytearray(400_000_000); hoard[::4096] = b'x' * len(hoard[::4096]); time.sleep(3)"
    parent = f'import subprocess, sys; subprocess.run([sys.executable, "-c", {child!r}])'
    run = race({"parent": ["-c", parent]}, rounds=1, memory_gb=0.2, tell=lambda _stage: None)["parent"]
    assert run.out_of_memory
    assert run.peak_bytes > 250_000_000


def test_cpu_of_children_counts_while_they_live_and_when_they_ended():
    before = cpu_seconds_of_tree(os.getpid())
    code = "import time\nwhile time.process_time() < 0.5: pass\nprint(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        alive = cpu_seconds_of_tree(os.getpid()) - before
        child.communicate(b"\n")
    assert alive >= 0.45
    assert cpu_seconds_of_tree(os.getpid()) - before >= alive


def test_a_stage_in_parts_adds_up_and_holds_what_its_largest_part_held():
    parts = [Measured(1.0, 2.0, 300, 10, 20, 5, {"a": 1.0}), Measured(3.0, 4.0, 200, 30, 40, 6, {"a": 0.5, "b": 2.0})]
    assert parts[0] + parts[1] == Measured(4.0, 6.0, 300, 40, 60, 11, {"a": 1.5, "b": 2.0})
    assert (parts[0] + parts[1]).slowest_nodes == [("b", 2.0), ("a", 1.5)]


def test_a_close_stands_beside_itself_without_its_proof():
    stages = {
        "bare-scan": Measured(1.0, 2.0, 100, 0, 0, 1_000),
        "build": Measured(8.0, 10.0, 5_000_000_000, 0, 0, 1_000),
        "close-alone": Measured(2.0, 4.0, 300, 0, 0, 50),
        "close": Measured(8.0, 25.0, 9_000_000_000, 0, 0, 50),
    }
    section = closing.section_of(stages, month="2024-01", threads=2, memory_gb=8)
    proven = section.rows[-1]
    assert (proven.seconds, proven.cpu_seconds, proven.peak_bytes) == (8, 25, 9_000_000_000)
    assert proven.note.endswith("4.0 times the close alone, 6.2 times in CPU seconds")
    assert [(aim.kept, aim.found) for aim in section.aims] == [
        (True, "1.50 times in CPU seconds"),
        (False, "9.00 GB at most"),
    ]


def test_the_page_keeps_the_sections_of_other_sizes_and_replaces_its_own(tmp_path):
    page = tmp_path / "benchmarks.md"

    def section(seconds):
        return Section("About it", [Row("a | b", seconds=seconds)], [Aim("fast", "2 times", kept=seconds < 2)])

    write_sections([("scale: 10", section(1.0)), ("scale: 100", section(5.5))], page)
    write_sections([("scale: 10", section(2.25))], page)
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["scale: 10", "scale: 100"]
    assert "| a \\| b | 2.25 |" in text
    assert "| a \\| b | 5.50 |" in text
    assert "1.00" not in text
    assert text.count("**FAIL** fast: 2 times.") == 2
    assert f"Python {platform.python_version()}" in text


def test_a_contestant_that_fails_says_why_in_its_last_line():
    run = race({"broken": ["-c", "raise SystemExit('no such column')"]}, rounds=2, memory_gb=1, tell=str)["broken"]
    assert (run.failure, run.out_of_memory) == ("no such column", False)


def verdicts(**seconds_or_failure):
    runs = {
        name: Run(value, value, 1) if isinstance(value, float) else Run(None, None, 1, value)
        for name, value in seconds_or_failure.items()
    }
    return [aim.kept for aim in watch_time._aims(runs)]


OTHERS = {"clickhouse": 2.6, "window": 5.0, "polars": 9.0, "spark": 2.0}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ({"model": 2.0, "bare_scan": 0.4, **OTHERS}, [True, True, True, True, True]),
        ({"model": 2.0, "bare_scan": 0.4, **OTHERS, "clickhouse": 2.5}, [False, True, True, True, True]),
        ({"model": 2.0, "bare_scan": 0.4, **OTHERS, "window": 4.9}, [True, False, True, True, True]),
        ({"model": 2.0, "bare_scan": 0.4, **OTHERS, "spark": 1.9}, [True, True, True, False, True]),
        (
            {"model": 2.0, "bare_scan": 0.3, **OTHERS, "window": "out of memory: stopped", "polars": "bug"},
            [True, True, None, True, False],
        ),
        ({"model": 2.0, "bare_scan": 0.5, "window": 5.0, "polars": 1.0}, [None, True, False, None, True]),
        ({"model": "out of memory", "bare_scan": 0.5, **OTHERS}, [False, False, False, False, False]),
    ],
)
def test_an_aim_is_kept_missed_or_not_judged(runs, expected):
    assert verdicts(**runs) == expected


def test_a_report_in_a_file_keeps_a_contestant_on_its_line(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    name = "ours: typed, judged, validated, rejects aside, Delta commits"
    row = Row(name, seconds=1.5, to_ours=1.0, to_floor=1.9, cpu_seconds=3.2, peak_bytes=800_000_000, note="343 MB/s")
    print_report(open_console(), [Section("Ingestion", [row], [Aim("within 2 times", "1.90 times", kept=True)])])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "ours:" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        name, "1.50", "1.00", "1.90", "3.20", "800", "343 MB/s",
    ]  # fmt: skip
