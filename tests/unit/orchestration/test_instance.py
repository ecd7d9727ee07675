"""Dagster's settings in the data home are right when created, and an operator's edits to them are kept."""

import dagster as dg
import pytest
from dagster._core.instance.config import PoolGranularity

from allive.ingestion.settings import Settings
from allive.orchestration.event_log import KeptSqliteEventLogStorage
from allive.orchestration.instance import open_instance, write_instance_settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "elsewhere")  # the instance sets it; monkeypatch restores it
    return Settings(home=tmp_path)


def test_crashes_are_retried_and_failed_checks_are_not(settings):
    with open_instance(settings) as instance:
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 2
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert instance.run_monitoring_enabled


def test_one_run_at_a_time_and_one_user_of_the_warehouse(settings):
    with open_instance(settings) as instance:
        concurrency = instance.get_concurrency_config()
        assert concurrency.pool_config.default_pool_limit == 1
        assert concurrency.pool_config.pool_granularity is PoolGranularity.RUN
        assert concurrency.run_queue_config.max_concurrent_runs == 1


def test_nothing_is_sent_anywhere(settings):
    with open_instance(settings) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled


def test_an_operator_s_edits_stay(settings):
    write_instance_settings(settings)
    path = settings.dagster_dir / "dagster.yaml"
    path.write_text("telemetry: {enabled: false}\n")
    write_instance_settings(settings)
    assert path.read_text() == "telemetry: {enabled: false}\n"


def test_what_a_command_s_run_logged_is_what_the_service_reads(settings):
    @dg.asset(check_specs=[dg.AssetCheckSpec("holds", asset="thing")])
    def thing():
        yield dg.MaterializeResult(metadata={"rows": 3})
        yield dg.AssetCheckResult(asset_key="thing", check_name="holds", passed=True)

    with open_instance(settings) as kept:
        assert isinstance(kept.event_log_storage, KeptSqliteEventLogStorage)
        run_id = dg.materialize([thing], instance=kept).run_id
        logged = [entry.message for entry in kept.all_logs(run_id)]
    with dg.DagsterInstance.from_config(str(settings.dagster_dir)) as original:
        assert not isinstance(original.event_log_storage, KeptSqliteEventLogStorage)
        assert [entry.message for entry in original.all_logs(run_id)] == logged
        event = original.get_latest_materialization_event(dg.AssetKey("thing"))
        assert event.asset_materialization.metadata["rows"].value == 3
