"""`make test-spark`: both engines give the same rows on a cluster, after a killed worker, and for any history.

It starts a Spark standalone master and two workers on loopback and stops them by their process ids. Of the demo season
it compares watch time; with `SPARK=--whole-demo`, every model.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pyspark.sql import SparkSession

from allive.ingestion.raw_tables import is_stray
from allive.ingestion.settings import Settings
from allive.orchestration import spark
from allive.orchestration.spark.built_tables import read_built_tables, tables_dir
from allive.orchestration.spark.session import spark_session
from allive.payouts import audit
from tests.pipeline import PAYER, Pipeline
from tests.raw_tables_page import heartbeats_by_day, run_page
from tests.spark import beside, cluster, engines, event_log
from tests.spark.beside import DuckdbHalf

FIRST_MONTH, SECOND_MONTH = "2021-01", "2021-02"
TABLES_BEFORE_THE_KILL = 3
WATCH_TIME = "intermediate/int_playback_days"
PROPERTIES = """\
spark.cores.max                  2
spark.executor.cores             1
spark.executor.memory            768m
spark.executor.extraJavaOptions  -Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
spark.driver.extraJavaOptions    -Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:+UseSerialGC {log}
spark.eventLog.enabled           true
spark.eventLog.rolling.enabled   false
spark.eventLog.compress          false
spark.eventLog.dir               file://{events}
spark.sql.ui.explainMode         simple
spark.locality.wait              0
"""
# Compiling, replanning and inferring do not pay off in builds that run once. Only the history, which builds the same
# models ten times, keeps them on, as in production.
PLAIN = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.constraintPropagation.enabled": "false",
}


class Report:
    """Prints each step, its duration, and the CPU seconds that all processes of the test used for it."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self._cpu = 0.0

    def __call__(self, what: str) -> None:
        now, cpu = time.monotonic(), cluster.cpu_seconds(os.getpid())
        took = f"+{now - self._last:4.0f} s, CPU {cpu - self._cpu:4.0f} s"
        print(f"{now - self._began:5.0f} s  ({took})  {what}", flush=True)
        self._last, self._cpu = now, cpu


def main() -> None:
    """Run all steps in a temporary folder, and leave neither the folder nor a process behind."""
    parser = argparse.ArgumentParser(prog="python -m tests.spark", description=__doc__)
    parser.add_argument("--whole-demo", action="store_true", help="compare every model of the demo season")
    of_demo = () if parser.parse_args().whole_demo else beside.INCREMENTAL
    spark.require_spark()
    signal.signal(signal.SIGTERM, _leave)
    os.environ.update({f"ALLIVE_PAYER_{name}": value for name, value in PAYER.items()})
    folder = Path(tempfile.mkdtemp(prefix="allive-test-spark-"))
    report = Report()
    try:
        with cluster.running_cluster(folder) as its_cluster, beside.process_beside() as pool:
            settings = _settings(folder, its_cluster)
            half = DuckdbHalf(pool, settings, folder, of_demo=of_demo)
            beside.parse(settings, "spark")
            half.parsed.result()
            with spark_session(settings) as session:
                gateway = session.sparkContext._gateway.proc
                _wait_for_executors(session)
                report(f"a master and {cluster.WORKERS} workers run, with an executor each")
                with having(session, PLAIN | {"spark.sql.shuffle.partitions": "1"}):
                    golden = _golden(half, settings, report)
                _history(half, settings, report)
                with having(session, PLAIN):
                    _demo(half, settings, session, report, select=of_demo)
                    _killed_worker(half, golden, its_cluster, session, report)
            # Its Java process ends when its input is closed, or with this process.
            gateway.stdin.close()
            gateway.wait(timeout=cluster.PATIENCE_S)
        _who_ran_what(folder, report)
        left = cluster.left_over(folder)
        assert not left, f"still running: {left}"
        report("every process has ended")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def having(session: SparkSession, properties: dict[str, str]) -> Iterator[None]:
    """Set properties of the running session, and restore their values afterwards."""
    before = {name: session.conf.get(name) for name in properties}
    for name, value in properties.items():
        session.conf.set(name, value)
    yield
    for name, value in before.items():
        session.conf.set(name, value)


def _settings(folder: Path, its_cluster: cluster.Cluster) -> Settings:
    events = folder / "events"
    events.mkdir()
    log = f"-Dallive.spark.log={folder}/driver.log -Dlog4j2.configurationFile={spark.LOG_CONFIGURATION}"
    properties = folder / "spark.conf"
    properties.write_text(PROPERTIES.format(log=log, events=events), encoding="utf-8")
    return Settings(
        home=folder / "session",
        pseudonym_key="tests",
        spark_master=its_cluster.url,
        spark_driver_memory="1g",
        spark_shuffle_partitions=2,
        spark_conf=properties,
    )


def _wait_for_executors(session: SparkSession) -> None:
    deadline = time.monotonic() + cluster.PATIENCE_S
    # The driver is in the status too.
    while session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() <= cluster.WORKERS:
        assert time.monotonic() < deadline, "the workers started no executors"
        time.sleep(0.2)


def _golden(half: DuckdbHalf, settings: Settings, report: Report) -> tuple[Settings, Settings]:
    """The golden season as `allive run` and `allive payout` process it, including checks and closings."""
    theirs = beside.at(settings, settings.home.parent / "golden-spark", "spark")
    shutil.copytree(half.golden_loaded.result().raw_dir, theirs.raw_dir)
    beside.built_whole(theirs)
    ours = half.golden_built.result()
    rows = engines.compare(ours, theirs)
    report(f"golden season: built and tested by both; {rows:,} rows equal")
    _close((ours, theirs), FIRST_MONTH, report)
    return ours, theirs


def _close(homes: tuple[Settings, Settings], month: str, report: Report) -> None:
    for home in homes:
        Pipeline(home).close_as_built(month)
        named = {line["engine"].split()[0] for line in audit.entries(home) if line["action"] == "close"}
        assert named == {home.engine}
    files = engines.compare_month(*homes, month)
    report(f"golden season: {month} closed from both, {files} files equal")


def _a_day_is_read_from_its_own_files(session: SparkSession) -> None:
    days = session.sql("select distinct event_day from raw.heartbeats order by event_day").collect()
    day = days[len(days) // 2]["event_day"]
    files = session.sql(f"select * from raw.heartbeats where event_day = date '{day}'").inputFiles()
    by_day = [file for file in files if not is_stray(file)]
    assert by_day
    assert not [file for file in by_day if f"/event_day={day}/" not in file]


def _demo(
    half: DuckdbHalf, settings: Settings, session: SparkSession, report: Report, *, select: tuple[str, ...]
) -> None:
    theirs = beside.at(settings, settings.home.parent / "demo-spark", "spark")
    shutil.copytree(half.demo_loaded.result().raw_dir, theirs.raw_dir)
    engines.build_on_spark(theirs, select=select)
    rows = engines.compare(half.demo_built.result(), theirs)
    report(f"demo season: {'watch time' if select else 'every model'} built by both; {rows:,} rows equal")
    _a_day_is_read_from_its_own_files(session)
    _the_page_on_raw_tables_holds((half.golden_loaded.result(), theirs), session)
    report("heartbeats of both seasons counted by day as docs/reading-raw-tables.md does")


def _the_page_on_raw_tables_holds(homes: tuple[Settings, Settings], session: SparkSession) -> None:
    """One of the homes has all heartbeats in files of strays, the other has files by day."""
    for home in homes:
        found = run_page(home, "Choose the version", "DuckDB", "Spark", spark=session)
        counted = [(row["day"], row["heartbeats"]) for row in found["spark_days"].collect()]
        assert counted == heartbeats_by_day(home), home.home


def _history(half: DuckdbHalf, settings: Settings, report: Report) -> None:
    """Update the incremental models at each of many deliveries, and compare with one full build."""
    ours = half.history.result()
    theirs, whole = (
        beside.at(settings, settings.home.parent / f"history-{name}", "spark") for name in ("spark", "whole")
    )
    builds = set()
    for number in range(beside.DELIVERIES):
        shutil.copytree(beside.after_delivery(ours.home, number), theirs.raw_dir, dirs_exist_ok=True)
        engines.build_on_spark(theirs, select=beside.INCREMENTAL)
        builds.add(read_built_tables(theirs).build)
    assert len(builds) == beside.DELIVERIES
    tables = ("int_playback_days",)
    rows = engines.compare(ours, theirs, only=tables)
    report(f"history: {beside.DELIVERIES} deliveries on both; {rows:,} incremental rows equal")
    shutil.copytree(ours.raw_dir, whole.raw_dir)
    engines.build_on_spark(whole, select=beside.INCREMENTAL)
    engines.compare(ours, whole, only=tables)
    report("history: one full build gives the same rows")


def _killed_worker(
    half: DuckdbHalf,
    golden: tuple[Settings, Settings],
    its_cluster: cluster.Cluster,
    session: SparkSession,
    report: Report,
) -> None:
    """Kill a worker while models that depend on the first closed month are rebuilt, and close the second from them."""
    ours, theirs = golden
    again = half.build_golden_again()
    folder = tables_dir(theirs) / str(read_built_tables(theirs).build + 1)
    killed = threading.Event()

    def kill_in_the_middle() -> None:
        while len(list(folder.glob("intermediate/*/_SUCCESS"))) < TABLES_BEFORE_THE_KILL:
            time.sleep(0.05)
        while not session.sparkContext.statusTracker().getActiveStageIds():
            time.sleep(0.005)
        its_cluster.kill_a_worker()
        killed.set()

    threading.Thread(target=kill_in_the_middle, daemon=True).start()
    beside.built_whole(theirs)
    again.result()
    assert killed.is_set(), "the worker was not killed before the build ended"
    rows = engines.compare(ours, theirs)
    report(f"a worker was killed in the middle of a second build; {rows:,} rows equal")
    _close(golden, SECOND_MONTH, report)


def _who_ran_what(folder: Path, report: Report) -> None:
    demo = event_log.executors_by_stage(folder / "events", written=f"demo-spark/warehouse/spark/tables/1/{WATCH_TIME}")
    assert demo, "the event log has no stage for watch time"
    ran = set().union(*demo.values())
    assert len(ran) == cluster.WORKERS, f"watch time ran on {ran}, expected both executors"
    of_all = event_log.executors_of_all_tasks(folder / "events")
    assert "driver" not in of_all, f"the driver ran tasks: {of_all}"
    report(f"event log: watch time ran on executors {', '.join(sorted(ran))}; the driver ran no task")


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as leaving:
        if not leaving.code:
            raise AssertionError("the test was stopped before its end") from leaving
        raise
