"""The orchestrated jobs on the golden season, started as by the commands: assets, checks, held batches, months."""

import gzip
import json
import re
import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from typer.testing import CliRunner

from allive.ingestion.batches import list_held
from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.settings import Settings
from allive.orchestration import cli
from allive.orchestration.definitions import defs
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.instance import open_instance
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.publishing import CURRENT
from allive.orchestration.runs import run_job
from allive.payouts import audit
from allive.payouts.close_orders import order_close
from tests.pipeline import new_pipeline

# Dagster 1.13 still asks pydantic for `__fields__`.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")

GOLDEN = Path(__file__).parents[1] / "golden" / "landing"


@pytest.fixture(scope="module")
def home(tmp_path_factory, unit_tested_home):
    """A data home with the golden season in landing; the tests of this module run on it one after another."""
    settings = new_pipeline(tmp_path_factory.mktemp("orchestrated"), parsed=unit_tested_home).settings
    shutil.copytree(GOLDEN, settings.landing_dir, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ALLIVE_HOME", str(settings.home))
        environment.setenv("DAGSTER_HOME", str(settings.dagster_dir))
        yield Settings()


def allive(*arguments):
    return CliRunner().invoke(cli.app, list(arguments), catch_exceptions=False)


def run(settings, name, **options):
    with hold_data_home(settings, command="tests"):
        return run_job(settings, name, **options)


@pytest.fixture(scope="module")
def first_run(home):
    outcome = run(home, "refresh")
    assert outcome.success, outcome.failures
    return outcome


def test_the_definitions_load_with_every_model_as_schema_slash_table(home):
    repository = defs().get_repository_def()
    keys = {key.to_user_string() for key in repository.asset_graph.materializable_asset_keys}
    assert {f"raw/{record_type}" for record_type in RECORD_TYPES} <= keys
    assert {"marts/fct_artist_months", "payouts/closed_month", "payouts/month_preview", "serving/allive"} <= keys
    assert {key.split("/")[0] for key in keys} == {"raw", "staging", "intermediate", "marts", "payouts", "serving"}
    assert {job.name for job in repository.get_all_jobs()} >= {"refresh", "payout", "payout_preview", "monthly_payout"}


def test_whatever_opens_the_warehouse_is_in_its_pool(home):
    graph = defs().get_repository_def().asset_graph
    for key in graph.materializable_asset_keys:
        pools = graph.get(key).pools
        assert pools == (set() if key.path[0] == "raw" else {"warehouse"}), key


def test_raw_and_marts_have_freshness_policies(home):
    graph = defs().get_repository_def().asset_graph
    for key in graph.materializable_asset_keys:
        if key.path[0] in {"raw", "marts"}:
            assert graph.get(key).freshness_policy is not None, key


def test_every_dbt_test_is_an_asset_check(home):
    manifest = json.loads(parsed_project(home).manifest_path.read_bytes())
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    checks = [
        key
        for key in defs().get_repository_def().asset_graph.asset_check_keys
        if key.asset_key.path[0] in {"staging", "intermediate", "marts"}
    ]
    assert manifest["unit_tests"]
    assert len(checks) == len(tests) + len(manifest["unit_tests"])


def test_a_run_is_seen_in_the_instance_with_rows_and_checks(home, first_run):
    with open_instance(home) as instance:
        seen = instance.get_run_by_id(first_run.run_id)
        assert (seen.job_name, seen.status) == ("refresh", dg.DagsterRunStatus.SUCCESS)
        latest = instance.get_latest_materialization_event(dg.AssetKey(["marts", "fct_daily_watch"]))
        assert latest.asset_materialization.metadata["dagster/row_count"].value > 0
    assert first_run.assets["raw/heartbeats"]["rejects"] == 12
    assert first_run.assets["raw/heartbeats"]["verdict"] == "promoted"
    assert first_run.assets["marts/fct_daily_watch"]["state"] == "built"
    assert not [check for check in first_run.failed_checks if check.severity == "ERROR"]


def test_the_serving_copy_is_there(home, first_run):
    with duckdb.connect((home.serving_dir / CURRENT).resolve(), read_only=True) as con:
        assert con.execute("select count(*) > 0 from marts.fct_artist_months").fetchone() == (True,)


def test_a_second_run_finds_everything_up_to_date(home, first_run):
    outcome = run(home, "refresh")
    assert outcome.success
    assert {outcome.assets[f"raw/{name}"]["verdict"] for name in RECORD_TYPES} == {"nothing new"}
    assert outcome.assets["marts/fct_daily_watch"]["state"] == "up to date"
    assert outcome.assets["serving/allive"]["state"] == "up to date"
    assert outcome.assets.keys() == first_run.assets.keys()


def test_materializing_one_mart_says_what_was_done(home, first_run):
    mart = dg.AssetKey(["marts", "fct_daily_watch"])
    with open_instance(home) as instance:
        result = (
            defs()
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(instance=instance, asset_selection=[mart], raise_on_error=False)
        )
        logged = " ".join(str(entry.user_message) for entry in instance.all_logs(result.run_id))
    (seen,) = result.get_asset_materialization_events()
    assert (seen.asset_key, seen.materialization.metadata["state"].value) == (mart, "up to date")
    assert "Nothing was built: the warehouse was built from the same inputs" in logged


@pytest.mark.parametrize(("job", "deletions"), [("refresh", 0), ("rebuild", 1)])
def test_the_ui_can_ask_for_a_whole_new_build(home, first_run, monkeypatch, job, deletions):
    deleted = []
    monkeypatch.setattr("allive.orchestration.defs.dbt.warehouse.delete_warehouse", deleted.append)
    with open_instance(home) as instance:
        result = defs().resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
    assert result.success
    assert deleted == [home] * deletions


def test_a_run_that_was_killed_is_not_left_running(home, first_run):
    with open_instance(home) as instance:
        dead = instance.create_run_for_job(
            defs().resolve_job_def("refresh"), status=dg.DagsterRunStatus.STARTED, tags={"allive/started_by": "command"}
        )
        run(home, "payout_preview", partition_key="2021-01")
        assert instance.get_run_by_id(dead.run_id).status is dg.DagsterRunStatus.FAILURE


def test_a_preview_shows_the_control_totals_and_writes_nothing(home, first_run):
    outcome = run(home, "payout_preview", partition_key="2021-01")
    assert outcome.assets["payouts/month_preview"]["settlement_month"] == "2021-01"
    result = allive("payout", "2021-01", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "Nothing was written" in result.output
    assert not home.payouts_dir.exists()
    assert not [page for page in home.data_docs_dir.iterdir() if page.name.startswith("month_")]


def order(home, month, *, acknowledged=None):
    given = order_close(home, month, operator="tests", origin="command", acknowledged=acknowledged)
    return {"payouts__closed_month": {"config": {"order": given.order_id}}}


def code_of(month):
    """The code of the open warnings, as an operator reads it in the output of the dry run."""
    return re.search(r"--acknowledge (\w+)", allive("payout", month, "--dry-run").output)[1]


def test_a_month_before_its_turn_is_refused_by_a_failed_check(home, first_run):
    outcome = run(home, "payout", partition_key="2021-03", ops=order(home, "2021-03"))
    assert not outcome.success
    (refusal,) = [check for check in outcome.failed_checks if check.name == "may_close"]
    assert "close 2021-02 first" in refusal.metadata["reasons"][0]
    assert not list(home.payouts_dir.glob("2*"))


@pytest.mark.parametrize("job", ["monthly_payout", "payout"])
def test_a_job_that_nobody_asked_for_alerts_and_does_not_close_while_auto_close_is_off(home, first_run, job):
    outcome = run(home, job, partition_key="2021-01")
    assert outcome.success, outcome.failures
    assert "payouts/closed_month" not in outcome.assets
    alert = max((home.home / "alerts").glob("*.json"))
    assert json.loads(alert.read_text())["subject"] == "2021-01 is ready to close and waits for you"
    assert not list(home.payouts_dir.glob("2*"))


@pytest.mark.parametrize("order_id", ["", "0" * 64])
def test_nothing_closes_by_run_config_alone(home, first_run, order_id):
    ops = {"payouts__closed_month": {"config": {"order": order_id}}}
    outcome = run(home, "payout", partition_key="2021-01", ops=ops)
    assert not outcome.success
    assert "Nothing closes without it" in " ".join(outcome.failures)
    assert not list(home.payouts_dir.glob("2*"))


@pytest.mark.parametrize("job", ["refresh", "rebuild"])
def test_auto_close_closes_nothing_after_a_refresh_that_failed(home, first_run, monkeypatch, job):
    """The serving copy does not show what the failed refresh found, so no one could check what the schedule closes."""
    monkeypatch.setenv("ALLIVE_AUTO_CLOSE", "true")
    monkeypatch.setenv("ALLIVE_AUTO_CLOSE_STOPS_AT", "[]")
    with open_instance(home) as instance:
        instance.create_run_for_job(defs().resolve_job_def(job), status=dg.DagsterRunStatus.FAILURE)
    outcome = run(home, "monthly_payout", partition_key="2021-01")
    assert not outcome.success
    assert "The last refresh failed" in " ".join(outcome.failures)
    assert not list(home.payouts_dir.glob("2*"))
    assert run(home, "refresh").success, "from here on the schedule can close again"


def test_auto_close_leaves_a_month_with_open_warnings_to_a_person(home, first_run, monkeypatch):
    monkeypatch.setenv("ALLIVE_AUTO_CLOSE", "true")
    outcome = run(home, "monthly_payout", partition_key="2021-01")
    assert not outcome.success
    (refusal,) = [check for check in outcome.failed_checks if check.name == "may_close"]
    assert f"allive payout 2021-01 --acknowledge {code_of('2021-01')}" in refusal.metadata["reasons"][-1]
    assert not list(home.payouts_dir.glob("2*"))


def test_a_failed_load_closes_nothing(home, first_run, monkeypatch):
    """Landed files were not loaded: the month would close without them."""

    def fail(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("ALLIVE_AUTO_CLOSE", "true")
    monkeypatch.setenv("ALLIVE_AUTO_CLOSE_STOPS_AT", "[]")
    monkeypatch.setattr("allive.orchestration.defs.ingestion.raw.load_new_files", fail)
    outcome = run(home, "monthly_payout", partition_key="2021-01")
    assert not outcome.success
    assert "No space left on device" in " ".join(outcome.failures)
    assert not list(home.payouts_dir.glob("2*"))


def test_the_schedule_s_job_closes_when_auto_close_is_on(home, first_run, monkeypatch):
    monkeypatch.setenv("ALLIVE_AUTO_CLOSE", "true")
    monkeypatch.setenv("ALLIVE_AUTO_CLOSE_STOPS_AT", "[]")
    outcome = run(home, "monthly_payout", partition_key="2021-01")
    assert outcome.success, outcome.failures
    assert len(outcome.assets["payouts/closed_month"]["run_hash"]) == 64
    (closed,) = [entry for entry in audit.entries(home) if entry["action"] == "close"]
    assert closed["operator"] == "schedule (auto_close)"
    assert closed["acknowledged"]


def test_open_warnings_refuse_a_close_that_does_not_acknowledge_exactly_them(home, first_run):
    for wrong in ((), ("--acknowledge", "00000000")):
        refused = allive("payout", "2021-02", *wrong)
        assert refused.exit_code == 1
        assert code_of("2021-02") in refused.output
    assert not (home.payouts_dir / "2021-02").exists()


def test_a_command_closes_the_next_month_and_refuses_it_the_second_time(home, first_run):
    code = code_of("2021-02")
    closed = allive("payout", "2021-02", "--acknowledge", code)
    assert closed.exit_code == 0, closed.output
    assert "Closed as run" in closed.output
    (line,) = [entry for entry in audit.entries(home) if entry.get("settlement_month") == "2021-02"][-1:]
    assert (line["action"], line["acknowledged"]) == ("close", code)
    before = {path: path.read_bytes() for path in home.payouts_dir.rglob("*") if path.is_file()}
    again = allive("payout", "2021-02", "--acknowledge", code)
    assert again.exit_code == 1
    assert "closed already" in again.output
    assert {path: path.read_bytes() for path in home.payouts_dir.rglob("*") if path.is_file()} == before


def test_what_is_left_out_of_landing_is_told_by_the_exit_status_and_by_a_check(home, first_run):
    odd = home.landing_dir / "lives" / "link.csv"
    truncated = home.landing_dir / "lives" / "truncated.csv.gz"
    odd.symlink_to(GOLDEN / "lives" / "lives-1.csv")
    truncated.write_bytes(gzip.compress(b"live_id,title" * 1000)[:40])
    result = allive("run")
    assert result.exit_code == 1
    words = " ".join(result.output.split())
    assert words.count("lives/link.csv: a link") == 1
    assert words.count("lives/truncated.csv.gz:") == 1
    assert "Not all landed files were taken: 1 not taken, 1 set aside as unreadable" in words
    again = run(home, "refresh")
    assert again.success, "the service's run must continue"
    (check,) = [check for check in again.failed_checks if check.name == "landing_left_out"]
    assert (check.severity, check.metadata["in_words"][0].partition(":")[0]) == ("WARN", "lives/link.csv")
    odd.unlink()
    assert allive("run").exit_code == 0, "the unreadable file was reported once, and the link is gone"
    truncated.unlink()


def test_a_held_batch_stays_out_of_everything_and_the_run_says_so(home, first_run):
    lines = (GOLDEN / "lives" / "lives-1.csv").read_text().splitlines()
    broken = [lines[0], *(f"live-{number}" + "," * lines[0].count(",") for number in range(300))]
    (home.landing_dir / "lives" / "lives-2.csv").write_text("\n".join(broken) + "\n")
    pinned = read_pins(home)
    result = allive("run")
    assert result.exit_code == 1
    (held,) = list_held(home)
    assert f"Batch {held.batch_id} is held" in result.output
    assert f"allive batches release {held.batch_id}" in result.output
    assert "Serving copy" in result.output, "the rest of the run was done"
    assert read_pins(home) == pinned
    assert allive("run").exit_code == 0, "the held batch was reported once; now it only waits"
    refused = allive("payout", "2021-03")
    assert refused.exit_code == 1
    assert held.batch_id in refused.output


def test_a_discarded_batch_blocks_no_longer(home, first_run):
    (held,) = list_held(home)
    shown = allive("batches", "show", held.batch_id)
    assert shown.exit_code == 0
    assert "2021-03" in shown.output
    discarded = allive("batches", "discard", held.batch_id, "--why", "a broken export")
    assert discarded.exit_code == 0, discarded.output
    assert allive("payout", "2021-03", "--acknowledge", code_of("2021-03")).exit_code == 0


def test_a_file_that_cannot_be_read_is_loaded_first_and_refuses_until_it_is_whole(home, first_run):
    """The close itself loads it: nothing was run in between."""
    broken = home.landing_dir / "subscriptions" / "late.ndjson.gz"
    broken.write_bytes(gzip.compress(b'{"period_id": "p"}')[:-4])
    waiting = allive("payout", "2021-04", "--dry-run")
    assert "subscriptions/late.ndjson.gz" in waiting.output
    refused = allive("payout", "2021-04")
    assert refused.exit_code == 1
    assert "subscriptions/late.ndjson.gz could not be read" in refused.output
    broken.unlink()
    assert "subscriptions/late.ndjson.gz could not be read" not in allive("payout", "2021-04").output
