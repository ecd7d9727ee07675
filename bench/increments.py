"""A day's increment on top of longer and longer histories: what it costs must not grow with what is there already.

The history is written straight into the raw layer and built at once; the day then comes as landed NDJSON. A longer
history goes on from the shorter one's raw layer, which is linked, not written again. Homes are kept: the next run puts
the next day on top. Aims are judged by CPU seconds, as in `bench.scale`.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.report import Aim, Row, Section
from bench.scale import node_name, stage_row
from bench.season import Season, land_season, load_season
from bench.stages import Measured, know_parsed_project, measure, warm_home
from ingestion.lock import data_home_lock
from ingestion.settings import Settings

DAYS = {1: 31, 6: 182, 12: 366}
"""Days of history by months of it."""
_MOST_TIMES = 1.3
_DAYS_NOTED = "bench-days.json"
_STAGES = {"load": "load", "build": "refresh of the warehouse", "publish": "publish"}
_NODES_NAMED = 12


def run(
    *,
    heartbeats_a_day: int,
    months: tuple[int, ...],
    threads: int,
    memory_gb: float,
    scratch: Path,
    tell: Callable[[str], None],
) -> Section:
    """Put one more day on top of each history and measure it; the longest history is judged by the shortest.

    Raises:
        StageFailedError: a stage did not do its work.
    """
    tell("a tiny season, for what is paid once")
    alike: dict[str, Any] = {"threads": threads, "memory_gb": memory_gb}
    warm, refreshed = warm_home(scratch, **alike)
    season = Season(heartbeats_a_day)
    homes = {count: scratch / f"history-{heartbeats_a_day}-{count}m" for count in months}
    found: dict[int, dict[str, Measured]] = {}
    for count, home in homes.items():
        settings = Settings(home=home, threads=threads, memory_limit=f"{memory_gb}GB")
        know_parsed_project(home, warm=warm)
        days = _fill(settings, season, DAYS[count], tell=lambda text, count=count: tell(f"{count} months: {text}"))
        for longer in months:
            if longer > count and not homes[longer].exists():
                _begin_with(home, homes[longer])
                break
        found[count] = {}
        if not settings.warehouse_path.exists():
            tell(f"{count} months: building the history, {days} days at once")
            found[count]["history"] = measure("build", home, **alike)
            found[count]["bare-scan"] = measure("bare-scan", home, **alike)
        else:
            measure("build", home, **alike)
        measure("publish", home, **alike)
        with data_home_lock(settings, command="bench increments"):
            land_season(settings, season, range(days, days + 1))
        _note_days(home, days + 1)
        for stage, name in _STAGES.items():
            tell(f"{count} months and a day: {name}")
            found[count][stage] = measure(stage, home, **alike)
    shortest, longest = min(months), max(months)
    return Section(
        title=(
            f"Increments: a day of {heartbeats_a_day:,} heartbeats on top of {', '.join(map(str, months))} months of "
            f"such days; {threads} threads, {memory_gb:g} GB"
        ),
        rows=[
            *_rows(found, shortest),
            *_history_rows(found),
            stage_row("apart: the same refresh of a tiny season", refreshed, floor=None),
            *_growing_nodes(found[shortest]["build"], found[longest]["build"]),
        ],
        aims=_aims(found[shortest], found[longest], f"{longest} months : {shortest} month"),
    )


def _fill(settings: Settings, season: Season, wanted: int, *, tell: Callable[[str], None]) -> int:
    """Bring the raw layer to `wanted` days; the days that it has then, which may be more."""
    noted = settings.home / _DAYS_NOTED
    days = json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else 0
    with data_home_lock(settings, command="bench increments"):
        for day in range(days, wanted):
            tell(f"{season.day(day)} into the raw layer")
            load_season(settings, season, range(day, day + 1))
            _note_days(settings.home, day + 1)
    return max(days, wanted)


def _note_days(home: Path, days: int) -> None:
    (home / _DAYS_NOTED).write_text(json.dumps(days), encoding="utf-8")


def _begin_with(shorter: Path, longer: Path) -> None:
    """Give a new home what an older one landed and loaded; no Parquet file is ever written to again: links will do."""

    def share(source: str, target: str) -> None:
        (os.link if source.endswith(".parquet") else shutil.copy2)(source, target)

    for folder in ("landing", "raw"):
        shutil.copytree(shorter / folder, longer / folder, copy_function=share)
    shutil.copy2(shorter / _DAYS_NOTED, longer)


def _history_rows(found: Mapping[int, Mapping[str, Measured]]) -> list[Row]:
    rows = []
    for count, stages in found.items():
        if "history" in stages:
            scan = stages["bare-scan"]
            rows += [
                stage_row(f"apart: {count} months: scan of the columns that watch time reads", scan, floor=None),
                stage_row(
                    f"apart: {count} months: the history built at once",
                    stages["history"],
                    floor=None,
                    note=f"{scan.rows:,} heartbeats; {stages['history'].cpu_seconds / scan.cpu_seconds:,.1f} times the "
                    "scan in CPU seconds",
                ),
            ]
    return rows


def _rows(found: Mapping[int, Mapping[str, Measured]], shortest: int) -> list[Row]:
    return [
        stage_row(f"{count} months: {name}", found[count][stage], floor=found[shortest][stage])
        for stage, name in _STAGES.items()
        for count in found
    ]


def _growing_nodes(before: Measured, after: Measured) -> list[Row]:
    growth = {node: after.nodes[node] - before.nodes.get(node, 0) for node in after.nodes}
    worst = sorted(growth, key=lambda node: -growth[node])[:_NODES_NAMED]
    return [
        Row(
            name=f"grows most: {node_name(node)}",
            seconds=after.nodes[node],
            to_floor=after.nodes[node] / before.nodes[node] if before.nodes.get(node) else None,
            note=f"{node.split('.')[0]}, {before.nodes.get(node, 0):.2f} s on the shortest history",
        )
        for node in worst
    ]


def _aims(before: Mapping[str, Measured], after: Mapping[str, Measured], ratio: str) -> list[Aim]:
    aims = []
    for text, stages in (("a day's increment", tuple(_STAGES)), ("the refresh of the warehouse", ("build",))):
        seconds = [sum(found[stage].seconds for stage in stages) for found in (before, after)]
        cpu = [sum(found[stage].cpu_seconds for stage in stages) for found in (before, after)]
        aims.append(
            Aim(
                f"{text}, {ratio}, at most {_MOST_TIMES} times",
                f"{cpu[1] / cpu[0]:.2f} times in CPU seconds, {seconds[1] / seconds[0]:.2f} times by the clock",
                kept=cpu[1] <= _MOST_TIMES * cpu[0],
            )
        )
    return aims
