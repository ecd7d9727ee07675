"""The stages from landed files to the serving copy, each run alone in a process that measures itself.

They call the same functions as the assets and commands, without Dagster. `python -m bench.stages NAME --home PATH` runs
one stage; its last line of output is JSON. Two floors to compare with: DuckDB's own load of the same files, and a scan.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import duckdb
import typer

from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.engine import connect
from allive.ingestion.load import load_new_files
from allive.ingestion.lock import data_home_lock
from allive.ingestion.raw_tables import create_raw_views, read_pins
from allive.ingestion.settings import Settings
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.publishing import publish
from allive.orchestration.publishing.data_state import checks_of
from allive.orchestration.warehouse import build_warehouse, read_finished_build
from allive.payouts import closing
from allive.payouts.close_orders import order_close
from bench.ingestion import LANDED_COLUMNS
from bench.race import ROOT, own_peak_bytes, peak_bytes_of_tree
from bench.season import Season, load_season

_SQL = Path(__file__).with_name("sql")
_PAYER: dict[str, Any] = {
    "payer_name": "Allive SAS",
    "payer_iban": "FR1420041010050500013M02606",
    "payer_bic": "PSSTFRPPPAR",
    "payer_street": "12 rue des Essais",
    "payer_postcode": "75011",
    "payer_town": "Paris",
    "pseudonym_key": "bench",
}
_POLL_S = 0.1
_SLOWEST = 5


class StageFailedError(Exception):
    """A stage failed; the message names it and quotes its output."""


@dataclass(frozen=True)
class Done:
    """The rows that a stage took in and, for a build, each dbt node's seconds."""

    rows: int
    nodes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """The cost of a stage. Bytes are those of its read and write calls, whether the disk or its cache answered."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    read_bytes: int
    written_bytes: int
    rows: int
    nodes: dict[str, float] = field(default_factory=dict)

    def __add__(self, other: "Measured") -> "Measured":
        """Add a later run of the same stage: everything adds up except the peak, where the larger one counts."""
        return Measured(
            seconds=self.seconds + other.seconds,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            peak_bytes=max(self.peak_bytes, other.peak_bytes),
            read_bytes=self.read_bytes + other.read_bytes,
            written_bytes=self.written_bytes + other.written_bytes,
            rows=self.rows + other.rows,
            nodes={name: self.nodes.get(name, 0) + other.nodes.get(name, 0) for name in {**self.nodes, **other.nodes}},
        )

    @property
    def slowest_nodes(self) -> list[tuple[str, float]]:
        """The dbt nodes that took longest, slowest first."""
        return sorted(self.nodes.items(), key=lambda node: -node[1])[:_SLOWEST]


def measure(
    stage: str, home: Path, *, threads: int, memory_gb: float, month: str = "", landing: Path | None = None
) -> Measured:
    """Run one stage in its own process.

    `landing` is the folder with the files of a bare load, if that is not the data home's.

    Raises:
        StageFailedError: it failed; the message is the end of its output.
    """
    arguments = ["-m", "bench.stages", stage, "--home", str(home), "--threads", str(threads)]
    arguments += ["--memory-gb", str(memory_gb), "--month", month]
    arguments += ["--landing", str(landing)] if landing else []
    process = subprocess.Popen(  # noqa: S603 - this interpreter, a module of this package
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peak = 0
    while True:
        try:
            out, err = process.communicate(timeout=_POLL_S)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, peak_bytes_of_tree(process.pid))
    if process.returncode:
        raise StageFailedError(f"{stage} in {home}: {err.strip()[-2000:] or f'ended with {process.returncode}'}")
    measured = Measured(**json.loads(out.strip().splitlines()[-1]))
    return Measured(**{**asdict(measured), "peak_bytes": max(peak, measured.peak_bytes)})


def warm_home(scratch: Path, *, threads: int, memory_gb: float) -> tuple[Path, Measured]:
    """Take a tiny season through load, build and publish; its folder then holds the parsed dbt project.

    Returns:
        The home, and the cost of a second build: dbt's own cost, which is the same for any amount of data.
    """
    home = scratch / "tiny"
    settings, season = Settings(home=home), Season(2_000)
    rest = {"threads": threads, "memory_gb": memory_gb}
    days = len(list(home.glob("landing/subscriptions/*.csv")))
    for count in (31, 1):
        if days < 31 or count == 1:
            with data_home_lock(settings, command="bench"):
                load_season(settings, season, range(days, days + count))
            days += count
            refreshed = measure("build", home, **rest)
    measure("publish", home, **rest)
    return home, refreshed


def know_parsed_project(home: Path, *, warm: Path) -> None:
    """Copy the parsed dbt project, and the record that its unit tests passed, from a warm home to a new one."""
    parsed = Settings(home=warm).warehouse_path.parent / "dbt"
    shutil.copytree(parsed, Settings(home=home).warehouse_path.parent / "dbt", dirs_exist_ok=True)


def fixed_cost(home: Path, *, threads: int, memory_gb: float) -> Measured:
    """Measure `allive run` when nothing is new: interpreter, imports, Dagster, one look at everything."""
    environment = {
        **os.environ,
        "ALLIVE_HOME": str(home),
        "ALLIVE_THREADS": str(threads),
        "ALLIVE_MEMORY_LIMIT": f"{memory_gb}GB",
    }
    command = [sys.executable, "-m", "allive.orchestration.cli", "run"]
    started, cpu = time.perf_counter(), _cpu_seconds()
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise StageFailedError(f"`allive run` in {home}: {(done.stdout + done.stderr).strip()[-2000:]}")
    return Measured(time.perf_counter() - started, _cpu_seconds() - cpu, 0, 0, 0, 0)


def _load(settings: Settings, _month: str, _landing: Path) -> Done:
    rows = 0
    for record_type in RECORD_TYPES:
        report = load_new_files(settings, record_type)
        if report is None:
            continue
        if report.verdict != "promoted" or report.rejects:
            raise StageFailedError(f"expected every record to be accepted, found {report}")
        rows += report.records
    return Done(rows)


def _build(settings: Settings, _month: str, _landing: Path) -> Done:
    build = build_warehouse(settings)
    if build.broken:
        raise StageFailedError("; ".join(f"{node.unique_id}: {node.message}" for node in build.broken))
    rows = next(node.rows for node in build.nodes if node.unique_id.endswith(".int_playback_days"))
    return Done(rows or 0, {node.unique_id: node.seconds for node in build.nodes if not node.is_remembered})


def _close(settings: Settings, month: str, _landing: Path) -> Done:
    acknowledged = closing.settle_month(settings, month).acknowledgement
    order = order_close(settings, month, operator="bench", origin="command", acknowledged=acknowledged)
    run = closing.close_month(settings, month, order_id=order.order_id)
    return Done(int(run.control["periods"]))


def _close_alone(settings: Settings, month: str, landing: Path) -> Done:
    """Close without the proof, which the product never leaves out."""
    with patch.object(closing, "_prove"):
        return _close(settings, month, landing)


def _dry_close(settings: Settings, month: str, _landing: Path) -> Done:
    return Done(int(closing.settle_month(settings, month).run.control["periods"]))


def _publish(settings: Settings, _month: str, _landing: Path) -> Done:
    build = read_finished_build(settings)
    if build is None:
        raise StageFailedError("expected a warehouse whose build is finished, found none")
    copy = publish(settings, inputs=build.inputs.fingerprint, checks=checks_of(build, parsed_project(settings)))
    return Done(sum(copy.rows.values()))


def _bare_load(settings: Settings, _month: str, landing: Path) -> Done:
    """Append the landed heartbeats to a table in a file, with the types that DuckDB can read by itself."""
    files = sorted(str(file) for file in (landing / "heartbeats").rglob("*.ndjson"))
    with duckdb.connect(str(settings.home / "bare.duckdb")) as con:
        con.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false; set enable_progress_bar = false")
        con.execute("set threads = ?", [settings.threads])
        con.execute("set memory_limit = ?", [settings.memory_limit])
        con.execute("set temp_directory = ?", [str(settings.temp_dir)])
        read = f"select * from read_ndjson($files, columns = {LANDED_COLUMNS})"
        con.execute(f"create table if not exists heartbeats as {read} limit 0", {"files": files})
        rows = con.execute(f"insert into heartbeats {read}", {"files": files}).fetchone()
        con.execute("checkpoint")
    return Done(rows[0] if rows else 0)


def _bare_scan(settings: Settings, _month: str, _landing: Path) -> Done:
    """Look once at every value of the raw columns that the watch-time model reads."""
    con = connect(settings)
    create_raw_views(con, settings, read_pins(settings))
    con.execute((_SQL / "bare_scan.sql").read_text(encoding="utf-8")).fetchall()
    rows = con.execute("select count(*) from raw.heartbeats").fetchone()
    con.close()
    return Done(rows[0] if rows else 0)


_STAGES: dict[str, Callable[[Settings, str, Path], Done]] = {
    "load": _load,
    "build": _build,
    "dry-close": _dry_close,
    "close": _close,
    "close-alone": _close_alone,
    "publish": _publish,
    "bare-load": _bare_load,
    "bare-scan": _bare_scan,
}


def _import_what_is_imported_late(stage: str) -> None:
    # Interpreter start and imports cost the same for any size of run; the row of `allive run` shows them.
    if stage == "load":
        import allive.ingestion.expectations.duckdb_datasource  # noqa: F401, PLC0415
    if stage == "build":
        import dbt.adapters.duckdb.connections  # noqa: PLC0415
        import dbt.cli.main  # noqa: F401, PLC0415


def _io() -> tuple[int, int]:
    text = Path("/proc/self/io").read_text(encoding="ascii")
    counted = dict(line.split(": ") for line in text.splitlines())
    return int(counted["rchar"]), int(counted["wchar"])


def _cpu_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main(
    stage: str,
    *,
    home: Annotated[Path, typer.Option()],
    threads: Annotated[int, typer.Option()],
    memory_gb: Annotated[float, typer.Option()],
    month: Annotated[str, typer.Option()] = "",
    landing: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """Run one stage and print its cost as JSON."""
    settings = Settings(home=home, threads=threads, memory_limit=f"{memory_gb}GB", **_PAYER)
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    _import_what_is_imported_late(stage)
    (read, written), wall, cpu = _io(), time.perf_counter(), _cpu_seconds()
    done = _STAGES[stage](settings, month, landing or settings.landing_dir)
    seconds, cpu_seconds = time.perf_counter() - wall, _cpu_seconds() - cpu
    read_now, written_now = _io()
    measured = Measured(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_bytes=own_peak_bytes(),
        read_bytes=read_now - read,
        written_bytes=written_now - written,
        rows=done.rows,
        nodes=done.nodes,
    )
    print(json.dumps(asdict(measured)), flush=True)


if __name__ == "__main__":
    typer.run(main)
