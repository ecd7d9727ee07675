"""The watch-time race: who takes part, whether all found the same rows, which aims were met."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import duckdb

from bench.heartbeats import heartbeat_files, write_heartbeats
from bench.race import Run, race
from bench.report import Aim, Row, Section

_OURS = "model"
_FLOOR = "bare_scan"
_MOST_TIMES_THE_FLOOR = 5
_TIMES_AS_FAST = {"clickhouse": 1.3, "window": 2.5, "polars": 1, "spark": 1}
_OPTIONAL = {
    "clickhouse": ("chdb", "uv pip install -r bench/requirements.txt"),
    "spark": ("pyspark", "uv pip install '.[spark]', and Java 17"),
}
_NAMES = {
    "model": "ours: int_playback_days",
    "bare_scan": "floor: scan of its columns (DuckDB)",
    "window": "row_number() + lead() (DuckDB)",
    "polars": "Polars",
    "clickhouse": "ClickHouse (chdb)",
    "spark": "Spark on this machine",
}
_COLUMNS = """
    playback_id, subscriber_id, live_id, cast(event_day as date) as event_day, cast(watch_ms as bigint) as watch_ms,
    epoch_us(first_heartbeat_at) as first_us, epoch_us(last_heartbeat_at) as last_us, max_position_ms, device, surface,
    batch_number
"""


def run(
    *, heartbeats: int, threads: int, memory_gb: float, rounds: int, scratch: Path, tell: Callable[[str], None]
) -> Section:
    """Race the model against the others on `heartbeats` rows, and judge the aims.

    Raises:
        RuntimeError: dbt cannot build the model, or two contestants found different rows.
    """
    folder = write_heartbeats(scratch, heartbeats, threads=threads, memory_gb=memory_gb, tell=tell)
    home = scratch / "home"
    tell("building the model with dbt")
    dbt = _through_dbt(folder, home, threads=threads, memory_gb=memory_gb)
    names = [name for name in _NAMES if name not in _OPTIONAL or find_spec(_OPTIONAL[name][0])]
    results = {name: scratch / f"{name}.parquet" for name in names}
    for result in results.values():
        if result.is_dir():
            shutil.rmtree(result)
        result.unlink(missing_ok=True)
    runs = race(
        {
            name: [
                *("-m", "bench.contestants", name, "--heartbeats", str(folder), "--result", str(results[name])),
                *("--warehouse", str(home / "warehouse" / "allive.duckdb")),
                *("--threads", str(threads), "--memory-gb", str(memory_gb)),
            ]
            for name in names
        },
        inputs=heartbeat_files(folder),
        rounds=rounds,
        memory_gb=memory_gb,
        tell=tell,
    )
    tell("comparing the rows of all contestants")
    rows_found = check_equal({name: results[name] for name, run in runs.items() if name != _FLOOR and not run.failure})
    size = sum(file.stat().st_size for file in heartbeat_files(folder))
    return Section(
        title=(
            f"Watch time: {heartbeats:,} heartbeats ({size / 1e6:,.0f} MB of Parquet) → {rows_found:,} playback days, "
            f"the same for all; {threads} threads, {memory_gb:g} GB, best of {rounds} in turns"
        ),
        rows=[*_rows(runs), _dbt_row(dbt)],
        aims=_aims(runs),
    )


def check_equal(results: Mapping[str, Path]) -> int:
    """Return the number of rows, if all results hold the same ones.

    Raises:
        RuntimeError: two of them differ; the message says how many rows of each the other lacks.
    """
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    (first, first_file), *others = results.items()
    wanted = f"select {_COLUMNS} from read_parquet($wanted)"
    found = f"select {_COLUMNS} from read_parquet($found)"
    for name, file in others:
        counts = con.execute(
            f"select (select count(*) from ({wanted} except all {found})), "
            f"(select count(*) from ({found} except all {wanted}))",
            {"wanted": _parquet_of(first_file), "found": _parquet_of(file)},
        ).fetchone()
        if counts != (0, 0):
            raise RuntimeError(
                f"{name} and {first} computed different rows: {counts} rows are only in {first} and only in {name}. "
                f"Compare {file} with {first_file}."
            )
    count = con.execute("select count(*) from read_parquet(?)", [_parquet_of(first_file)]).fetchone()
    return int(count[0]) if count else 0


def _parquet_of(result: Path) -> str:
    # Spark writes a folder.
    return str(result / "*.parquet" if result.is_dir() else result)


def _through_dbt(folder: Path, home: Path, *, threads: int, memory_gb: float) -> dict[str, float]:
    arguments = ["--heartbeats", str(folder), "--home", str(home)]
    arguments += ["--threads", str(threads), "--memory-gb", str(memory_gb)]
    done = subprocess.run(  # noqa: S603 - this interpreter, a module of this package
        [sys.executable, "-m", "bench.dbt_model", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"dbt could not build the model: {done.stderr.strip()[-2000:]}")
    measured: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def _rows(runs: Mapping[str, Run]) -> list[Row]:
    ours, floor = runs[_OURS].seconds, runs[_FLOOR].seconds
    rows = [
        Row(
            name=_NAMES[name],
            seconds=run.seconds,
            to_ours=_ratio(run.seconds, ours),
            to_floor=_ratio(run.seconds, floor),
            cpu_seconds=run.cpu_seconds,
            peak_bytes=run.peak_bytes,
            note=run.failure or "",
        )
        for name, run in runs.items()
    ]
    rows += [
        Row(name=_NAMES[name], note=f"not installed: {install}")
        for name, (_, install) in _OPTIONAL.items()
        if name not in runs
    ]
    return rows


def _dbt_row(dbt: Mapping[str, float]) -> Row:
    return Row(
        name="dbt's fixed cost, once per run",
        seconds=dbt["seconds"] - dbt["sql_seconds"],
        note=f"import, parse, staging view: a fresh `dbt run` took {dbt['seconds']:.1f} s, "
        f"{dbt['sql_seconds']:.1f} s of it for the model's SQL",
    )


def _aims(runs: Mapping[str, Run]) -> list[Aim]:
    ours = runs[_OURS].seconds
    aims = []
    for name, times_as_fast in _TIMES_AS_FAST.items():
        other = runs.get(name)
        text = f"at least {times_as_fast:g} times as fast as {_NAMES[name]}"
        if other is None or ours is None:
            aims.append(Aim(text, "not run", None if other is None else False))
        elif other.seconds is None:
            aims.append(Aim(text, f"it did not finish: {other.failure}", kept=True if other.out_of_memory else None))
        else:
            aims.append(Aim(text, f"{other.seconds / ours:.2f} times as fast", other.seconds >= times_as_fast * ours))
    times = _ratio(ours, runs[_FLOOR].seconds)
    aims.append(
        Aim(
            f"within {_MOST_TIMES_THE_FLOOR} times the bare scan",
            "not run" if times is None else f"{times:.2f} times",
            times is not None and times <= _MOST_TIMES_THE_FLOOR,
        )
    )
    return aims


def _ratio(seconds: float | None, base: float | None) -> float | None:
    return None if seconds is None or base is None else seconds / base
