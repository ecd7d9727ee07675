"""The whole path from landed NDJSON to a closed month and a serving copy, compared with DuckDB's bare load.

A month of a generated season is landed and loaded a few days at a time, so that the text of a billion heartbeats is
never on the disk all together. The bare load appends the same files to one table. Aims are judged by CPU seconds:
other work on the machine stretches wall-clock time, and not equally for all stages.
"""

import calendar
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from allive.ingestion.lock import data_home_lock
from allive.ingestion.settings import Settings
from bench.report import Aim, Row, Section
from bench.season import Season, land_season
from bench.stages import Measured, fixed_cost, know_parsed_project, measure, warm_home

_MOST_TIMES_BARE = 3
_MOST_BYTES = 8_000_000_000
_TEXT_AT_ONCE_BYTES = 9_000_000_000
_BYTES_A_HEARTBEAT = 365
_FILES_A_DAY = 4
_NAMES = {
    "load": "load: typed, judged, validated, Delta commits",
    "build": "build: every dbt model and data test",
    "dry-close": "close, dry: what the month would pay",
    "close": "close: files, statements, bank file, audit",
    "publish": "publish: the serving copy",
}


def run(*, heartbeats: int, threads: int, memory_gb: float, scratch: Path, tell: Callable[[str], None]) -> Section:
    """Take `heartbeats` of one month through every stage once, and judge the aims.

    Raises:
        StageFailedError: a stage failed.
    """
    home = scratch / f"scale-{heartbeats}"
    shutil.rmtree(home, ignore_errors=True)
    settings = Settings(home=home, threads=threads, memory_limit=f"{memory_gb}GB")
    bare = scratch / f"scale-{heartbeats}-bare"
    shutil.rmtree(bare, ignore_errors=True)
    days = calendar.monthrange(Season.first_day.year, Season.first_day.month)[1]
    season = Season(max(1, heartbeats // days))
    month = f"{season.first_day:%Y-%m}"
    alike: dict[str, Any] = {"threads": threads, "memory_gb": memory_gb}
    tell("fixed costs, on a tiny season")
    warm, refreshed = warm_home(scratch, **alike)
    found = {"dbt": refreshed, "run": fixed_cost(warm, **alike)}
    know_parsed_project(home, warm=warm)
    text_bytes = 0
    days_at_once = min(days, max(1, int(_TEXT_AT_ONCE_BYTES / _BYTES_A_HEARTBEAT / season.heartbeats_a_day)))
    for first in range(0, days, days_at_once):
        numbers = range(first, min(first + days_at_once, days))
        tell(f"landing {season.day(numbers[0])} to {season.day(numbers[-1])}")
        with data_home_lock(settings, command="bench scale"):
            land_season(settings, season, numbers, files_a_day=_FILES_A_DAY)
        landed = settings.landing_dir / "heartbeats"
        text_bytes += sum(file.stat().st_size for file in landed.rglob("*.ndjson"))
        for stage, at in (("bare-load", bare), ("load", home)):
            tell(f"{stage} of {season.day(numbers[0])} to {season.day(numbers[-1])}")
            at.mkdir(parents=True, exist_ok=True)
            measured = measure(stage, at, landing=settings.landing_dir, **alike)
            found[stage] = found[stage] + measured if stage in found else measured
        shutil.rmtree(landed)
    shutil.rmtree(bare)
    for stage, name in (("bare-scan", "the bare scan"), *(pair for pair in _NAMES.items() if pair[0] != "load")):
        tell(name)
        found[stage] = measure(stage, home, month=month, **alike)
    return Section(
        title=(
            f"Scale: {found['bare-load'].rows:,} heartbeats of {month} as NDJSON of {text_bytes / 1e9:,.1f} GB, "
            f"landed {days_at_once} days at a time, to a closed month; one process per stage, {threads} threads, "
            f"{memory_gb:g} GB"
        ),
        rows=_rows(found),
        aims=_aims(found, text=f"{heartbeats:,}"),
    )


def stage_row(name: str, stage: Measured, *, floor: Measured | None, note: str = "") -> Row:
    """Return a row of the report; rows per second and bytes go into the note."""
    told = [
        f"{stage.rows / stage.seconds:,.0f} rows/s" if stage.rows and stage.seconds else "",
        f"read {stage.read_bytes / 1e9:,.2f} GB, wrote {stage.written_bytes / 1e9:,.2f} GB",
        note,
    ]
    return Row(
        name=name,
        seconds=stage.seconds,
        to_floor=stage.seconds / floor.seconds if floor else None,
        cpu_seconds=stage.cpu_seconds,
        peak_bytes=stage.peak_bytes,
        note="; ".join(filter(None, told)),
    )


def whole_path(found: Mapping[str, Measured]) -> Measured:
    """Add up the stages that turn landed files into a closed month and a serving copy, without the dry close."""
    first, *others = (found[stage] for stage in ("load", "build", "close", "publish"))
    total = first
    for other in others:
        total += other
    return total


def node_name(unique_id: str) -> str:
    """Return a dbt node's short name: without kind, project and hash."""
    parts = unique_id.split(".")
    return parts[2] if len(parts) > 2 else unique_id


def _rows(found: Mapping[str, Measured]) -> list[Row]:
    bare, scan, whole = found["bare-load"], found["bare-scan"], whole_path(found)
    rows = [
        stage_row("floor: DuckDB, read_ndjson(columns = …) into a table in a file", bare, floor=bare),
        stage_row("floor: scan of the columns that watch time reads", scan, floor=bare),
    ]
    for stage, name in _NAMES.items():
        times = f"{found[stage].seconds / scan.seconds:,.1f} times the scan"
        rows.append(stage_row(name, found[stage], floor=bare, note=times))
    rows.append(
        stage_row(
            "the whole path (without the dry close)",
            whole,
            floor=bare,
            note=f"{bare.rows / whole.seconds:,.0f} heartbeats/s; {whole.seconds / scan.seconds:,.1f} times the scan",
        )
    )
    rows += [
        Row(
            name=f"fixed cost: {name}",
            seconds=found[stage].seconds,
            cpu_seconds=found[stage].cpu_seconds,
            note="the same for any amount of data",
        )
        for stage, name in (("dbt", "a day's refresh of a tiny season"), ("run", "`allive run` with nothing new"))
    ]
    rows += [
        Row(name=f"slowest dbt node: {node_name(node)}", seconds=seconds, note="in the build")
        for node, seconds in found["build"].slowest_nodes
    ]
    return rows


def _aims(found: Mapping[str, Measured], *, text: str) -> list[Aim]:
    bare, whole = found["bare-load"], whole_path(found)
    times, in_cpu = whole.seconds / bare.seconds, whole.cpu_seconds / bare.cpu_seconds
    return [
        Aim(
            f"{text} heartbeats, from landed to closed and published, within {_MOST_TIMES_BARE} times the bare load",
            f"{in_cpu:.2f} times in CPU seconds, {times:.2f} times by the clock",
            kept=in_cpu <= _MOST_TIMES_BARE,
        ),
        Aim(
            "no stage uses more than 8 GB",
            f"{whole.peak_bytes / 1e9:.2f} GB at most",
            kept=whole.peak_bytes <= _MOST_BYTES,
        ),
    ]
