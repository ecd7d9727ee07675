"""One day added to longer and longer histories: its cost must not grow with the history.

The day is landed as NDJSON on top of the histories of `bench.histories`, which are all built before the first is
measured. The next run adds the next day. Aims are judged by CPU seconds, as in `bench.scale`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from allive.ingestion.lock import data_home_lock
from bench.histories import bring_about
from bench.report import Aim, Row, Section
from bench.scale import node_name, stage_row
from bench.season import Season, land_season
from bench.stages import Measured, know_parsed_project, measure, warm_home

_MOST_TIMES = 1.3
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
    """Add one more day to each history and measure it; the longest history is judged by the shortest.

    Raises:
        StageFailedError: a stage failed.
    """
    alike: dict[str, Any] = {"threads": threads, "memory_gb": memory_gb}
    tell("a tiny season, for the fixed costs")
    warm, refreshed = warm_home(scratch, **alike)
    season = Season(heartbeats_a_day)
    histories = list(bring_about(season, months, scratch=scratch, tell=tell, **alike))
    for history in histories:
        know_parsed_project(history.settings.home, warm=warm)
        for stage in ("build", "publish"):
            tell(f"{history.name}: {stage}, to bring it up to date")
            measure(stage, history.settings.home, **alike)
    found: dict[str, dict[str, Measured]] = {}
    for history in histories:
        with data_home_lock(history.settings, command="bench increments"):
            land_season(history.settings, season, range(history.days, history.days + 1))
        history.note_days(history.days + 1)
        found[history.name] = {}
        for stage, name in _STAGES.items():
            tell(f"{history.name} plus a day: {name}")
            found[history.name][stage] = measure(stage, history.settings.home, **alike)
    shortest, longest = histories[0].name, histories[-1].name
    return Section(
        title=(
            f"Increments: a day of {heartbeats_a_day:,} heartbeats on top of {', '.join(found)} of such days; "
            f"{threads} threads, {memory_gb:g} GB"
        ),
        rows=[
            *_rows(found, shortest),
            stage_row("fixed cost: the same refresh of a tiny season", refreshed, floor=None),
            *_growing_nodes(found[shortest]["build"], found[longest]["build"]),
        ],
        aims=_aims(found[shortest], found[longest], f"{longest} : {shortest}"),
    )


def _rows(found: Mapping[str, Mapping[str, Measured]], shortest: str) -> list[Row]:
    return [
        stage_row(f"{history}: {name}", found[history][stage], floor=found[shortest][stage])
        for stage, name in _STAGES.items()
        for history in found
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
