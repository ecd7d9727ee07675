"""A history of days straight in the raw layer, built at once: what a warehouse costs that is deleted and built again.

Heartbeats go into the raw layer as batches, since loading the text of a billion of them takes hours that tell nothing
new: `bench.scale` has the load. A longer history goes on from the shorter one's raw layer, which is linked, not written
again. Homes are kept: for the next run, and for a day's increment on top (`bench.increments`).
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import Aim, Row, Section
from bench.scale import stage_row
from bench.season import Season, load_season
from bench.stages import Measured, know_parsed_project, measure, warm_home
from ingestion.compaction import compact
from ingestion.lock import data_home_lock
from ingestion.settings import Settings

DAYS = {1: 31, 2: 60, 6: 182, 12: 366}
"""Days of history by months of it."""
_DAYS_NOTED = "bench-days.json"
_STAGES = {
    "bare-scan": "floor: scan of the columns that watch time reads",
    "build": "build at once: every dbt model and data test",
    "dry-close": "close of its first month, dry",
    "publish": "publish: the serving copy",
}


@dataclass(frozen=True)
class History:
    """A data home with so many months of a season in its raw layer, and perhaps some days more."""

    months: int
    settings: Settings
    days: int

    @property
    def name(self) -> str:
        """As people say it."""
        return f"{self.months} month{'s' if self.months > 1 else ''}"

    def note_days(self, days: int) -> None:
        """Remember that the home has the season's first `days` days."""
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
    """Build each history from its raw layer, whatever was built there before.

    Raises:
        StageFailedError: a stage did not do its work.
    """
    alike: dict[str, Any] = {"threads": threads, "memory_gb": memory_gb}
    tell("a tiny season, for what is paid once")
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
            f"Histories: {', '.join(found)} of {heartbeats_a_day:,} heartbeats a day in the raw layer, each built at "
            f"once; a process a stage, {threads} threads, {memory_gb:g} GB"
        ),
        rows=_rows(found),
        aims=[
            Aim(f"no stage holds more than {memory_gb:g} GB", f"{most / 1e9:.2f} GB at most", most <= memory_gb * 1e9)
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
    """Each history in its home, the shortest first, its raw layer filled and compacted; nothing is built."""
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
            tell(f"{history.name}: the raw layer as a night's upkeep leaves it")
            compact(settings)
        yield History(count, settings, _days_of(home))
        shorter = home


def _days_of(home: Path) -> int:
    noted = home / _DAYS_NOTED
    return json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else 0


def _begin_with(shorter: Path, longer: Path) -> None:
    """Give a new home what an older one loaded; no Parquet file is ever written to again: links will do."""

    def share(source: str, target: str) -> None:
        (os.link if source.endswith(".parquet") else shutil.copy2)(source, target)

    # Nothing that was landed there: a file that is new to a home is read, to find that its records are known.
    shutil.copytree(shorter / "raw", longer / "raw", copy_function=share)
    shutil.copy2(shorter / _DAYS_NOTED, longer)


def _rows(found: Mapping[str, Mapping[str, Measured]]) -> list[Row]:
    rows = []
    for name, stages in found.items():
        scan = stages["bare-scan"]
        for stage, told in _STAGES.items():
            million = f"{1e6 * stages[stage].cpu_seconds / scan.rows:,.2f} CPU s a million of {scan.rows:,} heartbeats"
            rows.append(stage_row(f"{name}: {told}", stages[stage], floor=scan, note=million))
    return rows
