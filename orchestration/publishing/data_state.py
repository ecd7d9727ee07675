"""Freshness and quality of the data: rejects, held batches, checks, and the last load of each record type."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final

import duckdb

from allive.ingestion.batches import list_held
from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.raw_tables import REJECTS, count_records, read_pins
from allive.ingestion.raw_versions import batches_loaded_at, loaded_at
from allive.ingestion.settings import Settings
from allive.orchestration.dbt_manifest import as_test_id, with_every_test
from allive.orchestration.parsed_project import ParsedProject
from allive.orchestration.warehouse import Build

# Only heartbeats have an event time (their playback has the last one); other records only have a change time.
_LAST_EVENT: Final = {
    record_type: f"select max(updated_at) from warehouse.raw.{record_type}"
    for record_type in RECORD_TYPES
    if record_type != "heartbeats"
} | {"heartbeats": "select max(last_heartbeat_at) from warehouse.marts.fct_playbacks"}


@dataclass(frozen=True)
class Check:
    """A dbt test with its result in the warehouse's build, in the column order of `published.checks`.

    Attributes:
        asset: The tested model, without its schema.
        kind: `data` checks landed data, `unit` checks the code on cases worked out by hand.
        status: dbt's status: pass, warn, fail or error.
        severity: The effect of a failure: `warn` only shows it, `error` keeps the warehouse from being published.
        failures: Number of rows that break the test.
    """

    name: str
    asset: str | None
    kind: str
    status: str
    severity: str
    failures: int
    message: str | None
    description: str | None
    checked_at: datetime


def checks_of(build: Build, project: ParsedProject) -> tuple[Check, ...]:
    """Return the tests of a build, with their descriptions from the dbt project."""
    nodes = with_every_test(json.loads(project.manifest_path.read_bytes()))["nodes"]
    found = []
    for result in build.nodes:
        kind, *_ = result.unique_id.split(".")
        if kind not in {"test", "unit_test"}:
            continue
        node = nodes.get(as_test_id(result.unique_id), {})
        found.append(
            Check(
                name=result.unique_id.split(".")[-1] if kind == "unit_test" else node.get("name", result.unique_id),
                asset=(node.get("attached_node") or "").split(".")[-1] or None,
                kind="unit" if kind == "unit_test" else "data",
                status=result.status,
                severity=str(node.get("config", {}).get("severity", "error")).lower(),
                failures=result.failures or 0,
                message=result.message,
                description=node.get("description") or node.get("meta", {}).get("description") or None,
                checked_at=datetime.fromisoformat(build.built_at),
            )
        )
    return tuple(found)


def publish_data_state(con: duckdb.DuckDBPyConnection, settings: Settings, checks: Sequence[Check]) -> None:
    """Write `rejects`, `held_batches`, `checks` and `freshness`.

    Only counts and reasons: the text of a rejected record, or the examples of a check, can name a subscriber.
    """
    _publish_rejects(con, settings)
    con.execute(
        "create table published.held_batches (batch varchar, record_type varchar, reason varchar, found varchar, "
        "held_at timestamptz, records bigint, first_day date, last_day date)"
    )
    for held in list_held(settings):
        failed = held.failed_checks
        con.execute(
            "insert into published.held_batches values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                held.batch_id,
                held.record_type,
                ", ".join(check.name for check in failed),
                "; ".join(f"{check.found} (expected {check.expected})" for check in failed),
                datetime.fromisoformat(held.held_at),
                held.records,
                held.first_day,
                held.last_day,
            ],
        )
    con.execute(
        "create table published.checks (name varchar, asset varchar, kind varchar, status varchar, severity varchar, "
        "failures bigint, message varchar, description varchar, checked_at timestamptz)"
    )
    if checks:
        con.executemany("insert into published.checks values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [astuple(c) for c in checks])
    _publish_freshness(con, settings)


def _publish_rejects(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Write one row per record type and reason, over everything that was ever loaded."""
    con.execute(
        "create table published.rejects (record_type varchar, reason varchar, rejects bigint, "
        "last_loaded_at timestamptz)"
    )
    rejects = con.execute(
        "select record_type, reason, count(*), max(batch_number) from warehouse.raw.rejects group by all order by all"
    ).fetchall()
    loaded = batches_loaded_at(settings, REJECTS, (batch_number for *_, batch_number in rejects))
    for record_type, reason, count, batch_number in rejects:
        con.execute(
            "insert into published.rejects values (?, ?, ?, ?)", [record_type, reason, count, loaded.get(batch_number)]
        )


def _publish_freshness(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    con.execute(
        "create table published.freshness (record_type varchar, records bigint, last_loaded_at timestamptz, "
        "last_event_at timestamptz)"
    )
    pins = read_pins(settings)
    for record_type in RECORD_TYPES:
        version = pins.versions[record_type]
        if version is None:
            con.execute("insert into published.freshness values (?, 0, null, null)", [record_type])
            continue
        con.execute(
            f"insert into published.freshness values (?, ?, ?, ({_LAST_EVENT[record_type]}))",
            [
                record_type,
                count_records(settings, record_type, pins.layouts[record_type]),
                loaded_at(settings, record_type, version),
            ],
        )
