"""`python -m bench`: races the watch-time model and the ingestion, measures the whole path, load-tests the dashboards.

Prints one table; fails if an aim is missed.
"""

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench import closing, dashboards, histories, increments, ingestion, scale, watch_time
from bench.benchmarks_page import PAGE, write_sections
from bench.report import open_console, print_report

_SCRATCH = Path(tempfile.gettempdir()) / "allive-bench"


class Suite(StrEnum):
    """The suites that can be run on their own."""

    WATCH_TIME = "watch-time"
    INGESTION = "ingestion"
    SCALE = "scale"
    CLOSING = "closing"
    HISTORIES = "histories"
    INCREMENTS = "increments"
    DASHBOARDS = "dashboards"


def main(
    *,
    heartbeats: Annotated[int, typer.Option(min=1, help="Heartbeats to measure with, about.")] = 10_000_000,
    heartbeats_a_day: Annotated[
        int, typer.Option(min=1_000, help="Heartbeats per day, in a history and in the day added to it.")
    ] = 300_000,
    months: Annotated[list[int] | None, typer.Option(help="Months of a history: 1, 2, 6 or 12; repeatable.")] = None,
    lines: Annotated[int, typer.Option(min=1, help="Lines of NDJSON for the ingestion race.")] = 5_000_000,
    artists: Annotated[int, typer.Option(min=1, max=500, help="Artists who read at the same time.")] = 50,
    seconds: Annotated[float, typer.Option(min=5, max=600, help="How long they read, in seconds.")] = 30.0,
    only: Annotated[
        list[Suite] | None,
        typer.Option(help="Run only this suite; repeatable. Default: all but histories and increments."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads for every contestant.")] = 2,
    memory_gb: Annotated[float, typer.Option(help="Memory limit of every contestant, in GB.")] = 8.0,
    rounds: Annotated[int, typer.Option(min=1, help="Runs per contestant, in turns; the best one counts.")] = 3,
    scratch: Annotated[
        Path, typer.Option(help="Folder for generated heartbeats and results; kept for the next bench.")
    ] = _SCRATCH,
    write: Annotated[bool, typer.Option("--write", help="Also write the results to docs/benchmarks.md.")] = False,
) -> None:
    """Measure speed and memory, compared with other ways to do the same work."""
    if unknown := sorted({*(months or ())} - {*histories.DAYS}):
        raise typer.BadParameter(f"found {unknown[0]} months of history; expected one of {[*histories.DAYS]}")
    scratch = scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    console, progress = open_console(), Console(stderr=True)
    with progress.status("starting") as status:
        alike: dict[str, Any] = {
            "threads": threads,
            "memory_gb": memory_gb,
            "rounds": rounds,
            "scratch": scratch,
            "tell": status.update,
        }
        of_months: dict[str, Any] = {
            "heartbeats_a_day": heartbeats_a_day,
            "months": tuple(sorted(months or histories.DAYS)),
            "threads": threads,
            "memory_gb": memory_gb,
            "scratch": scratch,
            "tell": status.update,
        }
        suites = {
            Suite.WATCH_TIME: lambda: watch_time.run(heartbeats=heartbeats, **alike),
            Suite.INGESTION: lambda: ingestion.run(rows=lines, **alike),
            Suite.SCALE: lambda: scale.run(
                heartbeats=heartbeats, threads=threads, memory_gb=memory_gb, scratch=scratch, tell=status.update
            ),
            Suite.CLOSING: lambda: closing.run(
                heartbeats=heartbeats, threads=threads, memory_gb=memory_gb, scratch=scratch, tell=status.update
            ),
            Suite.HISTORIES: lambda: histories.run(**of_months),
            Suite.INCREMENTS: lambda: increments.run(**of_months),
            Suite.DASHBOARDS: lambda: dashboards.run(
                artists=artists, seconds=seconds, pause_s=dashboards.PAUSE_S, scratch=scratch, tell=status.update
            ),
        }
        chosen = only or set(Suite) - {Suite.HISTORIES, Suite.INCREMENTS}
        sections = {suite: run() for suite, run in suites.items() if suite in chosen}
    print_report(console, [*sections.values()])
    if write:
        sizes = {
            Suite.WATCH_TIME: f"{heartbeats:,} heartbeats",
            Suite.SCALE: f"{heartbeats:,} heartbeats",
            Suite.CLOSING: f"{heartbeats:,} heartbeats",
            Suite.INGESTION: f"{lines:,} lines",
            Suite.HISTORIES: f"{heartbeats_a_day:,} heartbeats a day",
            Suite.INCREMENTS: f"{heartbeats_a_day:,} heartbeats a day",
            Suite.DASHBOARDS: f"{artists} artists",
        }
        write_sections([(f"{suite.value}: {sizes[suite]}", section) for suite, section in sections.items()])
        console.print(f"Written to {PAGE}")
    if any(aim.kept is False for section in sections.values() for aim in section.aims):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
