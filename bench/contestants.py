"""The competing ways to compute watch time: each reads the same files and writes the same rows as Parquet.

Run as `python -m bench.contestants NAME …`, one process each; the last line of output is its measurements as JSON.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

from allive.ingestion.sql_text import sql_text
from bench.heartbeats import heartbeat_files
from bench.race import cpu_seconds_of_tree, peak_bytes_of_tree

_SQL = Path(__file__).with_name("sql")
_PLAYBACK = ["playback_id", "subscriber_id", "live_id"]
_GAP_CAP_MS = 30_000
# The rest is for the JVM itself and for Python.
_SHARE_OF_HEAP = 0.85


@dataclass(frozen=True)
class Task:
    """Input and output of a contestant, and its limits, which are the same for all."""

    heartbeats: Path
    result: Path
    warehouse: Path
    threads: int
    memory_gb: float


Work = Callable[[], Any]


def model(task: Task) -> Work:
    """The project's model, as dbt compiled it."""
    con = _connect(task, database=str(task.warehouse))
    query = task.warehouse.with_suffix(".sql").read_text(encoding="utf-8")
    return lambda: con.execute(_written(query, task.result))


def bare_scan(task: Task) -> Work:
    """Decode the model's columns and look at every value once: the floor."""
    return _on_raw_view(task, "bare_scan.sql")


def window(task: Task) -> Work:
    """Drop redeliveries by row_number() over the whole table, then lead()."""
    return _on_raw_view(task, "window.sql")


def clickhouse(task: Task) -> Work:
    """ClickHouse inside this process (chdb), with sorted arrays."""
    import chdb  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - optional, bench/requirements.txt

    query = (_SQL / "clickhouse.sql").read_text(encoding="utf-8")
    for name, value in {
        "files": f"{task.heartbeats}/*/*.parquet",
        "result": str(task.result),
        "threads": str(task.threads),
        "memory_bytes": str(int(task.memory_gb * 1e9)),
    }.items():
        query = query.replace("{" + name + "}", value)
    return lambda: chdb.query(query)


def polars(task: Task) -> Work:
    """Polars: sort once by everything but the ids, then find each heartbeat's next one by a shift over its playback."""
    os.environ["POLARS_MAX_THREADS"] = str(task.threads)
    import polars as pl  # noqa: PLC0415 - reads its number of threads on import

    event_ms = pl.col("event_at").dt.epoch("ms")
    position_ms = pl.col("position_ms")
    credit_ms = (
        pl.when(pl.col("state") != "playing").then(0)
        .when(position_ms == pl.col("next_position_ms")).then(0)
        .otherwise((pl.col("next_event_ms") - event_ms).clip(upper_bound=_GAP_CAP_MS).fill_null(0))
    )  # fmt: skip
    query = (
        pl.scan_parquet(heartbeat_files(task.heartbeats), hive_partitioning=True, try_parse_hive_dates=True)
        .with_columns(pl.col("sequence").fill_null(0))
        .sort("event_at", "sequence", "state", "position_ms", nulls_last=False)
        .with_columns(
            event_ms.shift(-1).over(_PLAYBACK).alias("next_event_ms"),
            position_ms.shift(-1).over(_PLAYBACK).alias("next_position_ms"),
        )
        .group_by(*_PLAYBACK, "event_day")
        .agg(
            credit_ms.sum().alias("watch_ms"),
            pl.col("event_at").min().alias("first_heartbeat_at"),
            pl.col("event_at").max().alias("last_heartbeat_at"),
            position_ms.max().alias("max_position_ms"),
            pl.col("device").min(),
            pl.col("surface").min(),
            pl.col("batch_number").max(),
        )
    )
    # The streaming engine is slower here and holds as much: a sort needs all rows in memory.
    return lambda: query.collect(engine="in-memory").write_parquet(task.result)


def spark(task: Task) -> Work:
    """Spark on this machine only: one window over each playback."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - optional, the extra `spark`

    # There are no executors besides the driver: it gets all the memory.
    session = (
        SparkSession.builder.master(f"local[{task.threads}]")
        .config("spark.driver.memory", f"{int(task.memory_gb * 1e9 * _SHARE_OF_HEAP) >> 20}m")
        .config("spark.local.dir", str(task.result.parent / "spill"))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.sql.shuffle.partitions", str(16 * task.threads))
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    session.read.parquet(str(task.heartbeats)).createOrReplaceTempView("heartbeats")
    query = (_SQL / "spark.sql").read_text(encoding="utf-8")
    return lambda: session.sql(query).write.mode("overwrite").parquet(str(task.result))


CONTESTANTS: dict[str, Callable[[Task], Work]] = {
    work.__name__: work for work in (model, bare_scan, window, clickhouse, polars, spark)
}


def _connect(task: Task, *, database: str) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(database, read_only=database != ":memory:")
    con.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
    con.execute("set threads = ?", [task.threads])
    con.execute("set memory_limit = ?", [f"{task.memory_gb}GB"])
    con.execute("set temp_directory = ?", [str(task.result.parent / "spill")])
    return con


def _on_raw_view(task: Task, file: str) -> Work:
    from allive.ingestion.raw_tables import scan_of  # noqa: PLC0415 - 100 MB of libraries that other contestants do not need

    con = _connect(task, database=":memory:")
    con.execute("create schema raw")
    con.execute(f"create view raw.heartbeats as {scan_of('heartbeats', heartbeat_files(task.heartbeats), lacked=())}")
    query = (_SQL / file).read_text(encoding="utf-8")
    return lambda: con.execute(_written(query, task.result))


def _written(query: str, result: Path) -> str:
    return f"copy (\n{query}\n) to {sql_text(result)} (format parquet)"


def main(
    name: str,
    *,
    heartbeats: Annotated[Path, typer.Option()],
    result: Annotated[Path, typer.Option()],
    warehouse: Annotated[Path, typer.Option()],
    threads: Annotated[int, typer.Option()],
    memory_gb: Annotated[float, typer.Option()],
) -> None:
    """Run one contestant and print its measurements as JSON."""
    work = CONTESTANTS[name](Task(heartbeats, result, warehouse, threads, memory_gb))
    wall, cpu = time.perf_counter(), cpu_seconds_of_tree(os.getpid())
    work()
    measured = {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": cpu_seconds_of_tree(os.getpid()) - cpu,
        "peak_bytes": peak_bytes_of_tree(os.getpid()),
    }
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    typer.run(main)
