"""The watch-time model built by dbt itself: compiles its SQL for the race, and measures what dbt costs on top of it.

Run as `python -m bench.dbt_model …` in its own process; the last line of output is its measurements as JSON.
"""

import json
import time
from pathlib import Path
from typing import Annotated

import duckdb
import typer

from allive.ingestion.raw_tables import scan_of
from allive.ingestion.settings import DBT_PROJECT_DIR, Settings
from allive.orchestration.parsed_project import dbt_arguments, profile_environment
from bench.heartbeats import heartbeat_files
from bench.race import own_peak_bytes

_MODEL = "int_playback_days"


def main(
    heartbeats: Annotated[Path, typer.Option()],
    home: Annotated[Path, typer.Option()],
    threads: Annotated[int, typer.Option()],
    memory_gb: Annotated[float, typer.Option()],
) -> None:
    """Build the model in a fresh warehouse below `home`, write its SQL next to the warehouse, print JSON."""
    settings = Settings(home=home, threads=threads, memory_limit=f"{memory_gb}GB")
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    settings.warehouse_path.unlink(missing_ok=True)
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute("create schema raw")
        con.execute(f"create view raw.heartbeats as {scan_of('heartbeats', heartbeat_files(heartbeats), lacked=())}")

    started, cpu = time.perf_counter(), time.process_time()
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415 - its import is part of the cost
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    arguments = dbt_arguments(settings, project_dir=DBT_PROJECT_DIR, target=home / "target")
    with profile_environment(settings):
        done = dbtRunner().invoke(["run", *arguments, "--select", f"+{_MODEL}"])
    DuckDBConnectionManager.close_all_connections()
    seconds = time.perf_counter() - started
    cpu_seconds = time.process_time() - cpu
    if not done.success:
        told = [node.message for node in getattr(done.result, "results", []) if node.message]
        raise SystemExit(f"dbt did not build {_MODEL}: {done.exception or '; '.join(told)}. Its log: {home}/logs")
    node = next(node for node in done.result.results if node.node.name == _MODEL)
    settings.warehouse_path.with_suffix(".sql").write_text(node.node.compiled_code, encoding="utf-8")
    measured = {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": own_peak_bytes()}
    print(json.dumps({**measured, "sql_seconds": node.execution_time}), flush=True)


if __name__ == "__main__":
    typer.run(main)
