"""Reads from Spark's event log which executors ran which stages."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def events(folder: Path) -> Iterator[dict[str, Any]]:
    """The events of all logs in a folder."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "appstatus" not in path.name):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("{"):
                yield json.loads(line)


def executors_by_stage(folder: Path, *, written: str) -> dict[int, set[str]]:
    """By stage, the executors that ran tasks of the queries that wrote to a folder named `written`."""
    queries: set[str] = set()
    stages: set[int] = set()
    executors: dict[int, set[str]] = defaultdict(set)
    for event in events(folder):
        kind = event["Event"].rsplit(".", 1)[-1]
        if kind == "SparkListenerSQLExecutionStart" and written in event["physicalPlanDescription"]:
            queries.add(str(event["executionId"]))
        elif kind == "SparkListenerJobStart":
            if event["Properties"].get("spark.sql.execution.id") in queries:
                stages.update(event["Stage IDs"])
        elif kind == "SparkListenerTaskEnd" and event["Stage ID"] in stages:
            executors[event["Stage ID"]].add(event["Task Info"]["Executor ID"])
    return dict(executors)


def executors_of_all_tasks(folder: Path) -> set[str]:
    """The executors that ran any task."""
    return {event["Task Info"]["Executor ID"] for event in events(folder) if event["Event"] == "SparkListenerTaskEnd"}
