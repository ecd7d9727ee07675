"""Deliveries and loads for the crash tests of ingestion, and functions that inspect the result."""

import csv
import gzip
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

import allive.ingestion.load
from allive.ingestion.batches import discard, list_held, release
from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.decisions import read_decisions
from allive.ingestion.durable import read_json
from allive.ingestion.lock import data_home_lock
from allive.ingestion.promotion import staging_folder
from allive.ingestion.raw_tables import REJECTS, TABLES, create_raw_views, open_table, read_pins, table_path
from allive.ingestion.settings import Settings

Rows = dict[str, dict[str, list[tuple]]]
"""The visible rows by landed file, then by raw table."""

READABLE = {"a.ndjson", "b.ndjson.gz", "c.csv"}


def settings_of(home: Path) -> Settings:
    """The settings of a crash test's data home."""
    return Settings(home=home, memory_limit="512MB", threads=2)


def deliver_first(landing: Path) -> None:
    """Write a first delivery of every record type: several formats, rejects, an unreadable file, two files to hold."""
    beats = [_heartbeat(i, day=1 + i % 3) for i in range(90)]
    beats[7] |= {"state": 7}
    beats[50] |= {"live_id": None}
    _write(landing / "heartbeats/dt=1/a.ndjson", _ndjson(beats[:40]) + b"not json\n")
    _write(landing / "heartbeats/b.ndjson.gz", gzip.compress(_ndjson(beats[40:70]), mtime=0))
    _write(landing / "heartbeats/c.csv", _csv(beats[70:]))
    _write(landing / "heartbeats/torn.ndjson.gz", gzip.compress(_ndjson(beats), mtime=0)[:-20])
    paid = [_period(i) for i in range(480)]
    for period in (*paid[20:50], *paid[260:290]):
        period["status"] = "perhaps"
    _write(landing / "subscriptions/a.ndjson", _ndjson(paid[:20]))
    _write(landing / "subscriptions/many_rejects.ndjson", _ndjson(paid[20:260]))
    _write(landing / "subscriptions/more_rejects.ndjson", _ndjson(paid[260:]))
    _write(landing / "artists/a.csv", b"artist_id,name\na-1,\xc3\x89t\xc3\xa9\na-2,Nuit\n,nameless\n")
    _write(landing / "artist_categories/a.csv", b"artist_id,category,valid_from\na-1,emerging,2020-01-01\n")
    _write(landing / "lives/a.csv", b"live_id,title,kind,exclusive,duration_s\nl-1,Olympia,live,true,3600.5\n")
    _write(landing / "live_credits/a.csv", b"live_id,artist_id,share_bp\nl-1,a-1,10000\nl-2,a-1,0\n")


def deliver_second(landing: Path) -> None:
    """Write a later delivery for loaded tables: new files, a known file under a new name, and another truncated one."""
    late = [_heartbeat(i, day=2 + i % 3) for i in range(200, 240)]
    late[3] |= {"event_at": "yesterday"}
    _write(landing / "heartbeats/dt=2/d.ndjson", _ndjson(late[:25]))
    _write(landing / "heartbeats/dt=2/e.ndjson.gz", gzip.compress(_ndjson(late[25:]), mtime=0))
    _write(landing / "heartbeats/dt=2/again.ndjson", (landing / "heartbeats/dt=1/a.ndjson").read_bytes())
    strays = [
        _heartbeat(i, day=1) | {"event_at": f"{2015 + i % 6}-{1 + i % 12:02}-{1 + i % 23:02}T23:30:00Z"}
        for i in range(300, 400)
    ]
    _write(landing / "heartbeats/dt=2/clocks.ndjson", _ndjson(strays))
    _write(landing / "subscriptions/b.csv", _csv([_period(i) for i in range(500, 530)]))
    _write(landing / "artists/b.ndjson.gz", gzip.compress(b'{"artist_id":"a-3","name":"Aube"}\n')[:12])


def _heartbeat(number: int, *, day: int) -> dict[str, str | int | None]:
    return {
        "event_id": f"e-{number}",
        "playback_id": f"p-{number // 10}",
        "subscriber_id": f"s-{number % 7}",
        "live_id": "l-1",
        "event_at": f"2021-01-{day:02}T20:{number % 60:02}:10.125Z",
        "state": "playing",
        "sequence": number,
    }


def _period(number: int) -> dict[str, str | int | None]:
    return {
        "period_id": f"per-{number}",
        "subscriber_id": f"s-{number}",
        "period_start": "2021-01-01",
        "period_end": "2021-02-01",
        "status": "paid",
        "updated_at": "2021-01-01T09:00:00Z",
        "price_cents": 499,
    }


def _ndjson(records: list[dict]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def _csv(records: list[dict]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, [*records[0]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def load_everything(home: Path) -> list[allive.ingestion.load.BatchReport]:
    """Load the new files of every record type, as the command does.

    The validation suites are left out: they write no files, so a crash cannot affect them, and importing
    their library would take longer than everything else.
    """
    settings = settings_of(home)
    with pytest.MonkeyPatch.context() as patch, data_home_lock(settings, command="allive run"):
        patch.setattr(allive.ingestion.load, "validate", lambda *_: ())
        reports = [allive.ingestion.load.load_new_files(settings, record_type) for record_type in RECORD_TYPES]
    return [report for report in reports if report]


DECIDED_ALONE = "subscriptions/many_rejects.ndjson"


def release_held(home: Path) -> None:
    """Release all files of the one held batch."""
    _decide(home, release)


def release_one(home: Path) -> None:
    """Release one file of the one held batch."""
    _decide(home, release, DECIDED_ALONE)


def discard_held(home: Path) -> None:
    """Discard all files of the one held batch."""
    _decide(home, discard)


def discard_one(home: Path) -> None:
    """Discard one file of the one held batch."""
    _decide(home, discard, DECIDED_ALONE)


def _decide(home: Path, decide: Callable[..., object], *files: str) -> None:
    settings = settings_of(home)
    with data_home_lock(settings, command="allive batches"):
        decide(settings, list_held(settings)[0].batch_id, files, operator="tests", why="looked at")


def visible(settings: Settings) -> Rows:
    """The rows that readers see through the pins, without batch numbers, by landed file."""
    rows: Rows = defaultdict(dict)
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        create_raw_views(con, settings, read_pins(settings))
        for table in TABLES:
            for source_file, *values in con.execute(
                f"select source_file, * exclude (source_file, batch_number) from raw.{table} order by all"
            ).fetchall():
                rows[source_file].setdefault(table, []).append(tuple(values))
    return dict(rows)


def held(settings: Settings) -> list[tuple]:
    """The batches that wait for a decision, without their random ids and times."""
    return [
        (batch.record_type, batch.names, batch.first_day, batch.last_day, batch.failed_checks, batch.report.records)
        for batch in list_held(settings)
    ]


def decisions(settings: Settings) -> list[tuple[str, tuple[str, ...], str]]:
    """The decisions on held files, without their batches' random ids and times."""
    return [(decision.decision, decision.files, decision.operator) for decision in read_decisions(settings)]


def files(settings: Settings) -> list[str]:
    """Every file that the pipeline has made in the data home, without the random part of its name.

    Also left out: the number at the end of a batch's data files, which depends on the order of writing.
    """
    return sorted(
        re.sub(r"(-\d{6})-[0-9a-f]{8}(-\d+)?", r"\1", path.relative_to(settings.home).as_posix())
        for folder in (settings.raw_dir, settings.held_dir)
        for path in folder.rglob("*")
        if path.is_file()
    )


def unlisted_files(settings: Settings) -> list[Path]:
    """Data files in a raw table's folder that its log does not list."""
    unlisted = []
    for table in TABLES:
        delta = open_table(settings, table)
        listed = {Path(path) for path in _paths_in(delta)} if delta else set()
        present = (path for path in table_path(settings, table).rglob("*.parquet") if "_delta_log" not in path.parts)
        unlisted += [path for path in present if path not in listed]
    return unlisted


def _paths_in(delta: DeltaTable) -> list[str]:
    return [uri.removeprefix("file://") for uri in delta.file_uris()]


def state_of(settings: Settings) -> str:
    """How far staging, promoting or holding a batch got before the process died."""
    staged = list(staging_folder(settings, "").iterdir()) if staging_folder(settings, "").is_dir() else []
    if not staged:
        return "between batches" if read_pins(settings).batch_number or list_held(settings) else "before staging"
    (folder,) = staged
    if _batch_number(folder) <= read_pins(settings).batch_number:
        return "pinned, not tidied"
    plan = read_json(folder / "promotion.json")
    if plan is None:
        return "staged, not decided"
    committed = newest_versions(settings)
    pinned = read_pins(settings).versions
    if (committed[REJECTS] or 0) > (pinned[REJECTS] or 0):
        return "committed, not pinned"
    if (committed[plan["record_type"]] or 0) > (pinned[plan["record_type"]] or 0):
        return "records committed, rejects not"
    return "decided, not committed"


def _batch_number(folder: Path) -> int:
    return int(folder.name.split("-")[-2])


def newest_versions(settings: Settings) -> dict[str, int | None]:
    """The newest version of each raw table, pinned or not."""
    tables = {table: open_table(settings, table) for table in TABLES}
    return {table: delta.version() if delta else None for table, delta in tables.items()}


def staged_with(settings: Settings, name: str) -> bool:
    """Whether a staging folder has this file: an event to kill after."""
    return any(staging_folder(settings, "").glob(f"*/{name}"))


def logged(settings: Settings, table: str, *, beyond: int) -> bool:
    """Whether a raw table's log has a version beyond this one: an event to kill after."""
    return (table_path(settings, table) / "_delta_log" / f"{beyond + 1:020}.json").exists()
