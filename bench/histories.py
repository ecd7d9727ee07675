"""Histories of several months, put directly into the raw layer: the cost of building a deleted warehouse again.

Heartbeats go into the raw layer as batches: loading the text of a billion of them takes hours and shows nothing new,
as `bench.scale` measures the load. A longer history starts from the shorter one's raw layer, which is linked, not
copied. Homes are kept for the next run, and for the day that `bench.increments` adds.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allive.ingestion.compaction import compact
from allive.ingestion.lock import data_home_lock
from allive.ingestion.settings import Settings
from bench.report import Aim, Row, Section
from bench.scale import stage_row
from bench.season import Season, load_season
from bench.stages import Measured, know_parsed_project, measure, warm_home

DAYS = {1: 31, 2: 60, 6: 182, 12: 366}
"""Days of a history by its months."""
_DAYS_NOTED = "bench-days.json"
_STAGES = {
    "bare-scan": "floor: scan of the columns that watch time reads",
    "build": "full build: every dbt model and data test",
    "dry-close": "close of its first month, dry",
    "publish": "publish: the serving copy",
}


@dataclass(frozen=True)
class History:
    """A data home with this many months of a season in its raw layer, and possibly some more days."""

    months: int
    settings: Settings
    days: int

    @property
    def name(self) -> str:
        """Its length in words."""
        return f"{self.months} month{'s' if self.months > 1 else ''}"

    def note_days(self, days: int) -> None:
        """Record that the home has the season's first `days` days."""
        (self.settings.home / _DAYS_NOTED).write_text(json.dumps(days), encoding="utf-8")


def run(
    *,
    heartbeats_a_day: int,
    months: tuple[int, ...],
    threads: int,
    memory_gb: float,
    scratch: Path,
    tell: Callable[[str], None],
) -> Section:
    """Build each history from its raw layer; earlier builds are deleted first.

    Raises:
        StageFailedError: a stage failed.
    """
    alike: dict[str, Any] = {"threads": threads, "memory_gb": memory_gb}
    tell("a tiny season, for the fixed costs")
    warm, _ = warm_home(scratch, **alike)
    season = Season(heartbeats_a_day)
    found: dict[str, dict[str, Measured]] = {}
    for history in bring_about(season, months, scratch=scratch, tell=tell, **alike):
        settings = history.settings
        for folder in (settings.warehouse_path.parent, settings.serving_dir):
            shutil.rmtree(folder, ignore_errors=True)
        know_parsed_project(settings.home, warm=warm)
        found[history.name] = {}
        for stage, name in _STAGES.items():
            tell(f"{history.name}: {name}")
            found[history.name][stage] = measure(stage, settings.home, month=f"{season.first_day:%Y-%m}", **alike)
    most = max(stage.peak_bytes for stages in found.values() for stage in stages.values())
    return Section(
        title=(
            f"Histories: {', '.join(found)} of {heartbeats_a_day:,} heartbeats per day in the raw layer, each built "
            f"from scratch; one process per stage, {threads} threads, {memory_gb:g} GB"
        ),
        rows=_rows(found),
        aims=[
            Aim(f"no stage uses more than {memory_gb:g} GB", f"{most / 1e9:.2f} GB at most", most <= memory_gb * 1e9)
        ],
    )


def bring_about(
    season: Season,
    months: tuple[int, ...],
    *,
    threads: int,
    memory_gb: float,
    scratch: Path,
    tell: Callable[[str], None],
) -> Iterator[History]:
    """Yield each history in its home, shortest first, with its raw layer filled and compacted; nothing is built."""
    shorter: Path | None = None
    for count in sorted(months):
        home = scratch / f"history-{season.heartbeats_a_day}-{count}m"
        if shorter and not home.exists():
            _begin_with(shorter, home)
        settings = Settings(home=home, threads=threads, memory_limit=f"{memory_gb}GB")
        history = History(count, settings, _days_of(home))
        with data_home_lock(settings, command="bench histories"):
            for day in range(history.days, DAYS[count]):
                tell(f"{history.name}: {season.day(day)} into the raw layer")
                load_season(settings, season, range(day, day + 1))
                history.note_days(day + 1)
            tell(f"{history.name}: compacting the raw layer")
            compact(settings)
        yield History(count, settings, _days_of(home))
        shorter = home


def _days_of(home: Path) -> int:
    noted = home / _DAYS_NOTED
    return json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else 0


def _begin_with(shorter: Path, longer: Path) -> None:
    """Give a new home the raw layer of an older one. Links are enough: no Parquet file is ever written to again."""

    def share(source: str, target: str) -> None:
        (os.link if source.endswith(".parquet") else shutil.copy2)(source, target)

    # Landed files stay behind: the new home would read each of them, only to find that its records are known.
    shutil.copytree(shorter / "raw", longer / "raw", copy_function=share)
    shutil.copy2(shorter / _DAYS_NOTED, longer)


def _rows(found: Mapping[str, Mapping[str, Measured]]) -> list[Row]:
    rows = []
    for name, stages in found.items():
        scan = stages["bare-scan"]
        for stage, told in _STAGES.items():
            million = (
                f"{1e6 * stages[stage].cpu_seconds / scan.rows:,.2f} CPU s per million of {scan.rows:,} heartbeats"
            )
            rows.append(stage_row(f"{name}: {told}", stages[stage], floor=scan, note=million))
    return rows
