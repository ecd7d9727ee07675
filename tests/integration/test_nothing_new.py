"""`allive run` with nothing new: the answer without Dagster is the answer of the job; anything new starts the job."""

import csv
import json
import os
import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

import allive.orchestration.commands.refresh
import allive.orchestration.runs
from allive.ingestion.batches import list_held
from allive.ingestion.settings import Settings
from allive.orchestration import cli
from allive.orchestration.dbt_manifest import check_of, with_every_test
from allive.orchestration.definitions import defs
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.nothing_new import outcome_of_nothing_new
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.publishing import CURRENT
from allive.payouts import audit
from tests.pipeline import Pipeline, new_pipeline

# Dagster 1.13 still asks pydantic for `__fields__`.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")

GOLDEN = Path(__file__).parents[1] / "golden" / "landing"


@pytest.fixture(scope="module")
def home(tmp_path_factory, unit_tested_home):
    """A data home on which the golden season was run; the tests of this module change it one after another."""
    settings = new_pipeline(tmp_path_factory.mktemp("nothing_new"), parsed=unit_tested_home).settings
    shutil.copytree(GOLDEN, settings.landing_dir, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ALLIVE_HOME", str(settings.home))
        environment.setenv("DAGSTER_HOME", str(settings.dagster_dir))
        assert answer()[0] == 0
        yield Settings()


@pytest.fixture
def jobs(monkeypatch):
    """The jobs that a test starts, in order."""
    started = []
    run_job = allive.orchestration.runs.run_job

    def noted(settings, name, **options):
        started.append(name)
        return run_job(settings, name, **options)

    monkeypatch.setattr(allive.orchestration.runs, "run_job", noted)
    return started


def answer():
    """The exit code of `allive run` and what it prints, without the lines that only show progress."""
    result = CliRunner().invoke(cli.app, ["run"], catch_exceptions=False)
    return result.exit_code, [line for line in result.output.splitlines() if not line.startswith("… ")]


def answer_of_job():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(allive.orchestration.commands.refresh, "outcome_of_nothing_new", lambda _: None)
        return answer()


def found(settings):
    with hold_data_home(settings, command="tests"):
        return outcome_of_nothing_new(settings)


def require_same_answers(jobs):
    expected = answer_of_job()
    assert jobs == ["refresh"]
    assert answer() == expected
    assert jobs == ["refresh"], "the second answer came without the job"
    return expected


@contextmanager
def changed(path, content):
    """Replace a file by rename, as a delivery does; put the original back afterwards."""
    aside = path.with_name(f".{path.name}.before")
    path.rename(aside)
    path.write_bytes(content)
    try:
        yield
    finally:
        aside.replace(path)


def test_nothing_new_is_answered_as_by_the_job(home, jobs):
    code, lines = require_same_answers(jobs)
    assert code == 0
    assert lines[0] == "Nothing new has landed."
    assert lines[-1].startswith("Serving copy up to date:")


def test_the_outcome_has_the_assets_and_warnings_of_the_job(home, jobs, monkeypatch):
    outcomes = []
    run_job = allive.orchestration.runs.run_job

    def kept(*arguments, **options):
        outcomes.append(run_job(*arguments, **options))
        return outcomes[0]

    monkeypatch.setattr(allive.orchestration.runs, "run_job", kept)
    answer_of_job()
    of_job, of_look = outcomes[0], found(home)
    assert of_look.assets.keys() == of_job.assets.keys()
    shown = {"state", "built_at", "dagster/row_count", "verdict", "file"}
    for asset, metadata in of_job.assets.items():
        assert {k: v for k, v in of_look.assets[asset].items() if k in shown} == {
            k: v for k, v in metadata.items() if k in shown
        }, asset
    warnings = [check for check in of_job.failed_checks if check.asset.startswith(("staging", "intermediate", "marts"))]
    assert [(c.asset, c.name, c.severity, c.description) for c in of_look.failed_checks] == [
        (c.asset, c.name, c.severity, c.description) for c in warnings
    ]


def test_every_dbt_test_has_the_asset_and_name_of_its_check_in_dagster(home):
    manifest = with_every_test(json.loads(parsed_project(home).manifest_path.read_bytes()))
    tests = [unique_id for unique_id, node in manifest["nodes"].items() if node["resource_type"] == "test"]
    checks = {
        (key.asset_key.to_user_string(), key.name)
        for key in defs().get_repository_def().asset_graph.asset_check_keys
        if key.asset_key.path[0] in {"staging", "intermediate", "marts"}
    }
    assert tests
    assert {check_of(manifest, unique_id) for unique_id in tests} == checks


def test_an_odd_entry_is_named_again_with_exit_1(home, jobs):
    odd = home.landing_dir / "lives" / "link.csv"
    odd.symlink_to(GOLDEN / "lives" / "lives-1.csv")
    try:
        code, lines = require_same_answers(jobs)
    finally:
        odd.unlink()
    assert code == 1
    assert "Not taken from landing: 1." in lines
    assert any(line.startswith("Not all landed files were taken: 1 not taken") for line in lines)


def test_a_new_file_starts_the_job(home):
    new = home.landing_dir / "lives" / "lives-again.csv"
    shutil.copy(GOLDEN / "lives" / "lives-1.csv", new)
    try:
        assert found(home) is None, "a file is known only once its content was read"
    finally:
        new.unlink()


def test_other_content_under_the_same_name_size_and_time_starts_the_job(home):
    path = home.landing_dir / "lives" / "lives-1.csv"
    status, content = path.stat(), path.read_bytes()
    with changed(path, content.swapcase()):
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
        assert found(home) is None
    assert found(home) is not None


def test_files_that_the_pins_do_not_cover_start_the_job(home):
    """As after a restore of raw/ from an older copy: the memory of landing knows files that are not loaded."""
    with closing(sqlite3.connect(home.raw_dir / "_seen" / "lives.sqlite")) as memory, memory:
        (before,) = memory.execute("select batch_number from loaded").fetchone()
        memory.execute("update loaded set batch_number = 1000")
    assert found(home) is None
    with closing(sqlite3.connect(home.raw_dir / "_seen" / "lives.sqlite")) as memory:
        assert memory.execute("select count(*) from files").fetchone() == (0,), f"batch {before} covers none of them"
    assert answer()[0] == 0
    assert found(home) is not None


def test_a_changed_policy_starts_the_job(home, tmp_path):
    project = tmp_path / "dbt_project"
    shutil.copytree(home.dbt_project_dir, project, ignore=shutil.ignore_patterns("target", "logs"))
    other = home.with_project(project)
    policies = other.policies_path.read_text(encoding="utf-8")
    (header, first), *_ = [list(csv.reader(policies.splitlines()))[:2]]
    cents = first[header.index("envelope_cents")]
    other.policies_path.write_text(policies.replace(f",{cents},", f",{int(cents) + 1},", 1), encoding="utf-8")
    assert found(other) is None


def test_a_warehouse_that_something_else_wrote_to_starts_the_job(home, tmp_path):
    shutil.copy2(home.warehouse_path, tmp_path / "before")
    with duckdb.connect(home.warehouse_path) as con:
        con.execute("create table build.foreign_rows (n integer)")
    assert found(home) is None
    shutil.copy2(tmp_path / "before", home.warehouse_path)
    assert found(home) is not None


@pytest.mark.parametrize("damage", ["cut", "overwritten", "gone"])
def test_a_damaged_serving_copy_starts_the_job(home, tmp_path, damage):
    copy = (home.serving_dir / CURRENT).resolve()
    shutil.copy2(copy, tmp_path / "before")
    if damage == "cut":
        os.truncate(copy, copy.stat().st_size // 2)
    elif damage == "overwritten":
        with copy.open("r+b") as file:
            file.seek(4096)
            file.write(b"\0" * (copy.stat().st_size - 4096))
    else:
        copy.unlink()
    assert found(home) is None
    shutil.copy2(tmp_path / "before", copy)
    assert found(home) is not None


@pytest.mark.parametrize(
    ("job", "status", "tags"),
    [
        ("refresh", "FAILURE", {}),
        ("rebuild", "FAILURE", {}),
        ("refresh", "STARTED", {"allive/started_by": "command"}),
    ],
    ids=["failed", "rebuild failed", "killed"],
)
def test_after_a_run_that_failed_or_was_killed_the_job_runs(home, job, status, tags):
    """The schedule closes nothing after a failed refresh, and the queue of runs waits for a killed one."""
    with closing(sqlite3.connect(home.dagster_dir / "history" / "runs.db")) as runs:
        with runs:
            runs.execute(
                "insert into runs (run_id, pipeline_name, status, run_body) select 'of-tests', ?, ?, run_body "
                "from runs limit 1",
                [job, status],
            )
            runs.executemany("insert into run_tags (run_id, key, value) values ('of-tests', ?, ?)", tags.items())
        assert found(home) is None
        with runs:
            runs.execute("delete from run_tags where run_id = 'of-tests'")
            runs.execute("delete from runs where run_id = 'of-tests'")
    assert found(home) is not None


def test_a_history_kept_elsewhere_starts_the_job(home):
    configuration = home.dagster_dir / "dagster.yaml"
    text = configuration.read_text(encoding="utf-8")
    configuration.write_text(text + "storage:\n  postgres: {}\n", encoding="utf-8")
    assert found(home) is None
    configuration.write_text(text, encoding="utf-8")


def test_a_held_batch_is_named_again(home, jobs):
    lines = (GOLDEN / "lives" / "lives-1.csv").read_text().splitlines()
    broken = [lines[0], *(f"live-{number}" + "," * lines[0].count(",") for number in range(300))]
    (home.landing_dir / "lives" / "lives-2.csv").write_text("\n".join(broken) + "\n")
    assert found(home) is None
    assert answer()[0] == 1
    (held,) = list_held(home)
    jobs.clear()
    code, lines = require_same_answers(jobs)
    assert code == 0
    assert any(line.startswith(f"Still held since {held.held_at}: lives/lives-2.csv") for line in lines)
    assert CliRunner().invoke(cli.app, ["batches", "discard", held.batch_id, "--why", "tests"]).exit_code == 0
    assert found(home) is None, "the serving copy still shows the held batch"
    assert answer()[0] == 0


def test_a_month_closed_since_starts_the_job(home, jobs):
    Pipeline(home).close("2021-01")
    assert found(home) is None
    assert answer()[0] == 0
    jobs.clear()
    assert require_same_answers(jobs)[0] == 0
    audit.record(home, action="amend", operator="tests", settlement_month="2021-01", why="tests")
    assert found(home) is None, "an amendment changes the catalogue that the month is settled with"
