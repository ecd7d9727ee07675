"""The ingestion race: a landed NDJSON file, loaded with rejects and commits, compared with DuckDB's own typed read.

Run by itself it prints its table; `python bench/ingestion.py NAME …` runs one contestant in its own process.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console

from allive.ingestion.sql_text import sql_text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.race import Run, own_peak_bytes, race
from bench.report import Aim, Row, Section, open_console, print_report

_SCRATCH = Path(tempfile.gettempdir()) / "allive-bench"
_MOST_TIMES_BARE = 2
_OURS = "ours"
_BARE = "bare"
_NAMES = {
    _OURS: "ours: typed, judged, validated, rejects aside, Delta commits",
    _BARE: "DuckDB: read_ndjson(columns = …) into a table in a file",
}
_DAYS = 7
_BROKEN_EVERY = 500
# Every 50th line is delivered twice. Broken lines are cut off; DuckDB has to skip them too.
_MADE_UP = f"""
    with drawn as (
        select i, hash(i) as h, i // 150 as playback, i % 150 as beat from range($rows) as numbers(i)
    ),
    lines as (
        select
            i, h,
            cast(to_json({{
                'event_id': uuid_text(h, i), 'playback_id': uuid_text(hash(playback), playback),
                'subscriber_id': 'sub-' || hash(playback, 1) % 20000,
                'live_id': 'live-' || hash(playback, 2) % 400,
                'sequence': beat,
                'event_at': strftime(happened_at, '%Y-%m-%dT%H:%M:%S.%gZ'),
                'received_at': strftime(
                    happened_at + to_milliseconds(cast(h % 3000 as bigint)), '%Y-%m-%dT%H:%M:%S.%gZ'
                ),
                'state': 'playing', 'position_s': beat * 10 + (h % 1000) / 1000.0, 'playback_rate': 1.0,
                'device': 'tv', 'surface': 'home', 'app_version': 'tv 4.2.1'
            }}) as varchar) as text
        from (
            select *, timestamp '2021-01-04' + to_milliseconds(
                cast(hash(playback, 3) % ({_DAYS} * 86400000) + beat * 10000 + h % 900 as bigint)
            ) as happened_at
            from drawn
        )
    )
    select case when h % {_BROKEN_EVERY} = 0 then left(text, 100) else text end as line
    from (select * from lines union all select * from lines where i % 50 = 0)
    order by hash(text)
"""
LANDED_COLUMNS = {
    "event_id": "VARCHAR",
    "playback_id": "VARCHAR",
    "subscriber_id": "VARCHAR",
    "live_id": "VARCHAR",
    "event_at": "TIMESTAMPTZ",
    "state": "VARCHAR",
    "received_at": "TIMESTAMPTZ",
    "sequence": "BIGINT",
    "position_s": "DOUBLE",
    "playback_rate": "DOUBLE",
    "device": "VARCHAR",
    "surface": "VARCHAR",
    "app_version": "VARCHAR",
}


def run(
    *, rows: int, threads: int, memory_gb: float, rounds: int, scratch: Path, tell: Callable[[str], None]
) -> Section:
    """Race the ingestion against DuckDB's bare load on `rows` lines of NDJSON, and judge the aim."""
    file = _write_lines(scratch, rows, threads=threads, tell=tell)
    runs = race(
        {
            name: [
                *(str(Path(__file__).resolve()), name, "--file", str(file), "--scratch", str(scratch)),
                *("--threads", str(threads), "--memory-gb", str(memory_gb)),
            ]
            for name in _NAMES
        },
        inputs=[file],
        rounds=rounds,
        memory_gb=memory_gb,
        tell=tell,
    )
    size = file.stat().st_size
    return Section(
        title=(
            f"Ingestion: {rows:,} heartbeats and 2 % redeliveries, NDJSON of {size / 1e6:,.0f} MB, {_DAYS} days; "
            f"{threads} threads, {memory_gb:g} GB, best of {rounds} in turns"
        ),
        rows=[_row(name, found, runs, rows, size) for name, found in runs.items()],
        aims=[_aim(runs)],
    )


def _row(name: str, found: Run, runs: dict[str, Run], rows: int, size: int) -> Row:
    ours, bare = runs[_OURS].seconds, runs[_BARE].seconds
    speed = found.seconds and f"{rows * 1.02 / found.seconds:,.0f} rows/s, {size / 1e6 / found.seconds:,.0f} MB/s"
    return Row(
        name=_NAMES[name],
        seconds=found.seconds,
        to_ours=found.seconds / ours if found.seconds and ours else None,
        to_floor=found.seconds / bare if found.seconds and bare else None,
        cpu_seconds=found.cpu_seconds,
        peak_bytes=found.peak_bytes,
        note=found.failure or speed or "",
    )


def _aim(runs: dict[str, Run]) -> Aim:
    ours, bare = runs[_OURS].seconds, runs[_BARE].seconds
    text = f"ingestion within {_MOST_TIMES_BARE} times DuckDB's bare load"
    if ours is None or bare is None:
        return Aim(text, "not run", kept=None if bare is None else False)
    return Aim(text, f"{ours / bare:.2f} times", kept=ours <= _MOST_TIMES_BARE * bare)


def _write_lines(scratch: Path, rows: int, *, threads: int, tell: Callable[[str], None]) -> Path:
    file = scratch / f"landed-{rows}.ndjson"
    if file.exists():
        return file
    scratch.mkdir(parents=True, exist_ok=True)
    tell(f"generating {rows:,} lines")
    part = file.with_suffix(".part")
    with duckdb.connect() as con:
        con.execute("set threads = ?", [threads])
        con.execute(
            "create macro uuid_text(a, b) as cast(cast(md5(concat(a, '-', b)) as uuid) as varchar)",
        )
        con.execute(
            f"copy ({_MADE_UP}) to {sql_text(part)} (format csv, header false, quote '', escape '', delimiter '\x01')",
            {"rows": rows},
        )
    part.rename(file)
    return file


def _load_ours(file: Path, home: Path, *, threads: int, memory_gb: float) -> tuple[float, float]:
    import allive.ingestion.expectations.duckdb_datasource  # noqa: F401, PLC0415 - imported before the clock starts
    from allive.ingestion.load import load_new_files  # noqa: PLC0415
    from allive.ingestion.settings import Settings  # noqa: PLC0415

    settings = Settings(home=home, threads=threads, memory_limit=f"{memory_gb}GB")
    landed = settings.landing_dir / "heartbeats" / "a.ndjson"
    landed.parent.mkdir(parents=True)
    landed.hardlink_to(file)
    started, cpu = time.perf_counter(), time.process_time()
    report = load_new_files(settings, "heartbeats")
    spent = time.perf_counter() - started, time.process_time() - cpu
    if report is None or report.verdict != "promoted" or not report.rejects:
        raise RuntimeError(f"Expected the load to be promoted with rejects, found {report}")
    return spent


def _load_bare(file: Path, home: Path, *, threads: int, memory_gb: float) -> tuple[float, float]:
    home.mkdir(parents=True)
    with duckdb.connect(str(home / "bare.duckdb")) as con:
        con.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false; set enable_progress_bar = false")
        con.execute("set threads = ?", [threads])
        con.execute("set memory_limit = ?", [f"{memory_gb}GB"])
        started, cpu = time.perf_counter(), time.process_time()
        con.execute(
            f"create table heartbeats as "
            f"select * from read_ndjson(?, columns = {LANDED_COLUMNS}, ignore_errors = true)",
            [str(file)],
        )
        con.execute("checkpoint")
        return time.perf_counter() - started, time.process_time() - cpu


_LOADS: dict[str, Callable[..., Any]] = {_OURS: _load_ours, _BARE: _load_bare}


def main(  # noqa: PLR0917 - typer binds options by name
    contestant: Annotated[str | None, typer.Argument(help="Run only this one, and print its measurements.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Lines to load, about.")] = 5_000_000,
    threads: Annotated[int, typer.Option(help="Threads for every contestant.")] = 2,
    memory_gb: Annotated[float, typer.Option(help="Memory limit of every contestant, in GB.")] = 4.0,
    rounds: Annotated[int, typer.Option(min=1, help="Runs per contestant, in turns.")] = 3,
    file: Annotated[Path | None, typer.Option(help="The contestant's input file.")] = None,
    scratch: Annotated[Path, typer.Option(help="Folder for the input and the results.")] = _SCRATCH,
) -> None:
    """Race the ingestion, or run one contestant."""
    if contestant and file:
        home = scratch / f"ingestion-{contestant}"
        shutil.rmtree(home, ignore_errors=True)
        seconds, cpu = _LOADS[contestant](file, home, threads=threads, memory_gb=memory_gb)
        print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_bytes": own_peak_bytes()}))
        return
    console, progress = open_console(), Console(stderr=True)
    with progress.status("starting") as status:
        section = run(
            rows=rows, threads=threads, memory_gb=memory_gb, rounds=rounds, scratch=scratch, tell=status.update
        )
    print_report(console, [section])
    if any(aim.kept is False for aim in section.aims):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
