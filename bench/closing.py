"""A month's close with and without its proof, which settles the month a second time from its heartbeats.

The heartbeats go into the raw layer as batches, as in `bench.histories`; `bench.scale` measures their load.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.histories import DAYS, bring_about
from bench.report import Aim, Row, Section
from bench.scale import stage_row
from bench.season import Season
from bench.stages import Measured, know_parsed_project, measure, warm_home

_MOST_TIMES_BUILD = 2
_STAGES = {
    "bare-scan": "floor: scan of the columns that watch time reads",
    "build": "build: every dbt model and data test",
    "close-alone": "close alone: files, statements, bank file, audit",
    "close": "close with proof: first settled again from its heartbeats",
}


def run(*, heartbeats: int, threads: int, memory_gb: float, scratch: Path, tell: Callable[[str], None]) -> Section:
    """Close a month of `heartbeats` and prove it. Its raw layer is kept for the next run, the rest is built again.

    Raises:
        StageFailedError: a stage failed, or the proof found an error.
    """
    season = Season(max(1, heartbeats // DAYS[1]))
    month = f"{season.first_day:%Y-%m}"
    alike: dict[str, Any] = {"threads": threads, "memory_gb": memory_gb}
    tell("a tiny season, for the fixed costs")
    warm, _ = warm_home(scratch, **alike)
    (history,) = bring_about(season, (1,), scratch=scratch / "closing", tell=tell, **alike)
    settings = history.settings
    for folder in (settings.warehouse_path.parent, settings.payouts_dir):
        shutil.rmtree(folder, ignore_errors=True)
    know_parsed_project(settings.home, warm=warm)
    found: dict[str, Measured] = {}
    for stage, name in _STAGES.items():
        tell(name)
        shutil.rmtree(settings.payouts_dir, ignore_errors=True)
        found[stage] = measure(stage, settings.home, month=month, **alike)
    return section_of(found, month=month, threads=threads, memory_gb=memory_gb)


def section_of(found: Mapping[str, Measured], *, month: str, threads: int, memory_gb: float) -> Section:
    """Compare the close with and without its proof, and judge what they cost."""
    return Section(
        title=(
            f"Closing: {found['bare-scan'].rows:,} heartbeats of {month} in the raw layer, {found['close'].rows:,} "
            f"periods to settle; one process per stage, {threads} threads, {memory_gb:g} GB"
        ),
        rows=_rows(found),
        aims=_aims(found, memory_gb=memory_gb),
    )


def _rows(found: Mapping[str, Measured]) -> list[Row]:
    scan, alone, proven = (found[stage] for stage in ("bare-scan", "close-alone", "close"))
    times, in_cpu = proven.seconds / alone.seconds, proven.cpu_seconds / alone.cpu_seconds
    notes = {"close": f"{times:,.1f} times the close alone, {in_cpu:,.1f} times in CPU seconds"}
    return [stage_row(name, found[stage], floor=scan, note=notes.get(stage, "")) for stage, name in _STAGES.items()]


def _aims(found: Mapping[str, Measured], *, memory_gb: float) -> list[Aim]:
    alone, proven = found["close-alone"], found["close"]
    peak_bytes = max(alone.peak_bytes, proven.peak_bytes)
    proof_cpu_seconds = proven.cpu_seconds - alone.cpu_seconds
    times = proof_cpu_seconds / (found["build"].cpu_seconds + alone.cpu_seconds)
    return [
        Aim(
            f"a proof costs at most {_MOST_TIMES_BUILD} times as much as building and closing its month",
            f"{times:.2f} times in CPU seconds",
            kept=times <= _MOST_TIMES_BUILD,
        ),
        Aim(
            f"a close with proof uses at most {memory_gb:g} GB",
            f"{peak_bytes / 1e9:.2f} GB at most",
            kept=peak_bytes <= memory_gb * 1e9,
        ),
    ]
