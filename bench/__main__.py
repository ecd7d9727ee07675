"""`python -m bench`: races the watch-time model and the ingestion, prints one table, fails where an aim is missed."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench import ingestion, watch_time
from bench.report import open_console, print_report

_SCRATCH = Path(tempfile.gettempdir()) / "allive-bench"


def main(
    *,
    heartbeats: Annotated[int, typer.Option(min=1, help="Rows to race on, about.")] = 10_000_000,
    lines: Annotated[int, typer.Option(min=1, help="Lines of NDJSON to race the ingestion on.")] = 5_000_000,
    threads: Annotated[int, typer.Option(help="Threads of every contestant.")] = 2,
    memory_gb: Annotated[float, typer.Option(help="Memory limit of every contestant.")] = 8.0,
    rounds: Annotated[int, typer.Option(min=1, help="Runs of each contestant, in turns; the best counts.")] = 3,
    scratch: Annotated[
        Path, typer.Option(help="Where the made-up heartbeats and the results go; kept for the next bench.")
    ] = _SCRATCH,
) -> None:
    """Measure speed and memory beside other ways to do the same work."""
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
        sections = [watch_time.run(heartbeats=heartbeats, **alike), ingestion.run(rows=lines, **alike)]
    print_report(console, sections)
    if any(aim.kept is False for section in sections for aim in section.aims):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
