"""A run and its commands report rejects, held files and warnings: in words, limited in length, in 80 columns."""

import json
from datetime import UTC, datetime

import duckdb
import pytest
from typer.testing import CliRunner

import allive.ingestion.load
from allive.ingestion.batches import list_held
from allive.ingestion.settings import Settings
from allive.orchestration import cli
from allive.orchestration.commands import refresh
from allive.orchestration.dbt_invocation import NodeResult, with_examples
from allive.orchestration.defs.ingestion.raw import _check_result, _metadata
from allive.orchestration.outcome import FailedCheck, RunOutcome

COLUMNS = 80
BEAT = {
    "event_id": "e", "playback_id": "p-1", "subscriber_id": "s-1", "live_id": "l-1",
    "event_at": "2021-01-18T18:51:18.170Z", "state": "playing",
}  # fmt: skip


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path))
    monkeypatch.setattr("allive.ingestion.load.validate", lambda *_: ())
    return Settings(home=tmp_path, memory_limit="512MB", threads=2)


def land(settings, name, beats):
    path = settings.landing_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(beat) + "\n" for beat in beats))


def load(settings):
    return allive.ingestion.load.load_new_files(settings, "heartbeats", now=datetime(2021, 4, 1, tzinfo=UTC))


def command(*arguments):
    return CliRunner().invoke(cli.app, list(arguments), catch_exceptions=False)


def outcome_of(report):
    """The asset's report of a load, in the form that a run returns to the command."""
    key = refresh_key()
    failed = []
    for name in ("batch_critical", "batch_warnings"):
        severity = name.removeprefix("batch_").removesuffix("s")
        checks = [check for check in report.checks if check.severity == severity]
        result = _check_result(key, name, checks, report)
        if not result.passed:
            metadata = {name: getattr(value, "value", value) for name, value in (result.metadata or {}).items()}
            failed.append(
                FailedCheck("raw/heartbeats", name, result.severity.value, result.description or "", metadata)
            )
    return RunOutcome("run", True, {"raw/heartbeats": _metadata(report, 1, 1.0)}, tuple(failed), ())


def refresh_key():
    import dagster as dg  # noqa: PLC0415 - seconds

    return dg.AssetKey(["raw", "heartbeats"])


def test_a_run_names_rejects_and_held_files(settings, capsys):
    good = BEAT | {"device": "tv"}
    bad = good | {"event_at": "yesterday"}
    land(settings, "heartbeats/few.ndjson", [good] * 400 + [bad] * 15)
    land(settings, "heartbeats/many.ndjson", [good] * 100 + [bad] * 110)
    outcome = outcome_of(load(settings))
    refresh.show_landed(outcome)
    refresh._show_warnings(outcome)
    assert refresh.show_held(settings, outcome)
    out, err = capsys.readouterr()
    table, said = out.split("Rejected heartbeats")
    assert "partly held" in table
    assert all(len(line) <= COLUMNS for line in (said + err).splitlines()), said + err
    (batch,) = list_held(settings)
    words = " ".join((said + err).split())
    assert "heartbeats/few.ndjson: bad_event_at, 15 records, the first in line 401" in words
    assert "`allive rejects show --type heartbeats`" in words
    assert "of device tv rejected (bad_event_at 125), the first in heartbeats/few.ndjson, line 401" in words
    assert f"Batch {batch.batch_id}: 1 file is held." in words
    assert "heartbeats/many.ndjson: 110 of 210 (bad_event_at 110)" in words
    refresh.show_held(settings, RunOutcome("next", True, {}, (), ()))
    assert f"heartbeats/many.ndjson of {batch.batch_id}" in capsys.readouterr().out


def test_a_test_of_dbt_that_finds_records_shows_some(tmp_path):
    with duckdb.connect(tmp_path / "w.duckdb") as con:
        con.execute("create table days as select * from (values ('d-1', 1, null), ('d-2', 2, 7)) as t(day, a, b)")
    nodes = [NodeResult("test.a", "warn", 0.1, 2, "m"), NodeResult("test.b", "pass", 0.1, 0, None)]
    first, second = with_examples(tmp_path / "w.duckdb", nodes, {"test.a": "select * from days -- all", "test.b": "x"})
    assert first.examples == ("day d-1, a 1", "day d-2, a 2, b 7")
    assert second.examples == ()
    assert with_examples(tmp_path / "w.duckdb", nodes, {"test.a": "select * from gone"}) == tuple(nodes)


def test_held_files_are_decided_by_name(settings):
    for name in "abc":
        land(settings, f"heartbeats/{name}.ndjson", [BEAT | {"playback_id": name}] * 100 + [{"bad": name}] * 110)
    load(settings)
    (batch,) = list_held(settings)
    shown = command("batches", "show", batch.batch_id)
    assert shown.exit_code == 0
    assert "heartbeats/b.ndjson" in shown.output
    assert "2021-01" in shown.output
    assert command("batches", "release", "heartbeats/b.ndjson", "--why", "known").exit_code == 0
    assert command("batches", "discard", batch.batch_id, "heartbeats/a.ndjson", "--why", "a test's").exit_code == 0
    again = command("batches", "discard", "heartbeats/a.ndjson", "--why", "a test's")
    assert again.exit_code == 1
    assert [held.names for held in list_held(settings)] == [("heartbeats/c.ndjson",)]
    audit = (settings.payouts_dir / "audit.ndjson").read_text().splitlines()
    assert [(line["action"], line["files"]) for line in map(json.loads, audit)] == [
        ("batch_released", ["heartbeats/b.ndjson"]),
        ("batch_discarded", ["heartbeats/a.ndjson"]),
    ]


def test_rejects_are_shown_without_what_a_terminal_would_obey(settings):
    land(settings, "heartbeats/a.ndjson", [BEAT, BEAT | {"event_at": "\x1b[2J" + "y" * 900}, {"event_id": "x"}])
    land(settings, "heartbeats/torn.ndjson.gz", [])
    load(settings)
    shown = command("rejects", "show")
    assert shown.exit_code == 0
    assert "\x1b" not in shown.output
    assert "\\x1b[2J" in shown.output or "\\u001b[2J" in shown.output
    assert "y" * 300 not in shown.output
    words = " ".join(shown.output.split())
    for part in ("heartbeats/a.ndjson, line 2: bad_event_at", "field event_at", "expected an ISO 8601 instant"):
        assert part in words
    for part in ("line 3: missing_playback_id", "value none", "to do add the value", "Rejects 1 to 3 of 3"):
        assert part in words
    listed = command("rejects", "list", "--reason", "missing_playback_id")
    assert listed.exit_code == 0
    assert "missing_playback_id" in listed.output
    assert "bad_event_at" not in listed.output
    assert command("rejects", "list", "--file", "heartbeats/other.ndjson").output == "No rejects.\n"


def test_an_export_says_where_it_is_and_what_to_do(settings, tmp_path):
    land(settings, "heartbeats/a.ndjson", [BEAT, BEAT | {"event_at": "yesterday"}])
    load(settings)
    assert command("rejects", "export", "--to", str(settings.landing_dir / "heartbeats")).exit_code == 1
    exported = command("rejects", "export", "--to", str(tmp_path / "x"))
    assert exported.exit_code == 0
    (path,) = (tmp_path / "x" / "heartbeats").glob("rejects-*.ndjson")
    assert str(path) in exported.output
    assert "personal data" in exported.output
    assert '"rejects_exported"' in (settings.payouts_dir / "audit.ndjson").read_text()
    assert command("rejects", "export", "--type", "lives").output == "No open rejects: nothing to export.\n"
