"""The project as users of Dagster find it in a clone: their commands work at its root, and every asset says what it is.

https://docs.dagster.io/api/clis/dg-cli
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from allive.ingestion.settings import Settings
from allive.orchestration.definitions import defs

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DEADLINE_S = 300


@pytest.fixture
def home(tmp_path: Path, parsed_home: Path) -> Path:
    of_parsed = Settings(home=parsed_home).warehouse_path.parent / "dbt"
    home = tmp_path / "home"
    (home / "warehouse").mkdir(parents=True)
    (home / "warehouse" / "dbt").symlink_to(of_parsed)
    return home


def run(home: Path, *command: str, **more: str) -> str:
    """Run a command at the repository's root, with the environment of a user who set the data home only."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ALLIVE_", "DAGSTER_"))}
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        env=environment | {"ALLIVE_HOME": str(home), "COLUMNS": "80"} | more,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "deprecat" not in (done.stdout + done.stderr).lower()
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("dagster", "definitions", "validate"), "Validation successful for code location allive"),
        (("dg", "check", "defs"), "All definitions loaded successfully"),
    ],
    ids=["dagster", "dg"],
)
def test_definitions_are_valid_at_the_root(home: Path, command: Sequence[str], says: str) -> None:
    assert says in run(home, *command)


def test_dg_lists_what_there_is(home: Path) -> None:
    listed = json.loads(run(home, "dg", "list", "defs", "--json"))
    assets = {asset["asset_key"] for asset in listed["assets"]}
    assert {"raw/heartbeats", "marts/fct_artist_months", "payouts/closed_month", "serving/allive"} <= assets
    assert {job["name"] for job in listed["jobs"]} >= {"refresh", "payout"}


@pytest.mark.slow
@pytest.mark.parametrize(("of_the_home", "status"), [(True, "RUNNING"), (False, "STOPPED")])
def test_nothing_starts_by_itself_on_a_temporary_instance(home: Path, of_the_home: bool, status: str) -> None:
    """`dagster dev` makes a temporary instance, which does not know whether the last refresh failed."""
    program = (
        "from allive.orchestration.definitions import defs; found = defs(); "
        "print({one.default_status.value for one in [*found.schedules, *found.sensors]})"
    )
    environment = {"ALLIVE_HOME": str(home)} | ({"DAGSTER_HOME": str(home / "dagster")} if of_the_home else {})
    printed = run(home, "python", "-W", "ignore", "-c", program, **environment)
    assert printed.splitlines()[-1] == str({status})


def test_every_asset_has_a_description_a_group_and_an_owner() -> None:
    graph = defs().get_repository_def().asset_graph
    keys = graph.get_all_asset_keys()
    assert len(keys) > 90
    for key in keys:
        asset = graph.get(key)
        assert asset.description, key
        assert asset.owners, key
        assert asset.group_name != "default", key


def test_the_owner_of_a_model_is_the_team_of_its_dbt_group() -> None:
    graph = defs().get_repository_def().asset_graph
    owners = {key.to_user_string(): [*graph.get(key).owners] for key in graph.get_all_asset_keys()}
    assert owners["marts/fct_artist_months"] == ["team:finance-operations"]
    assert owners["marts/fct_playbacks"] == ["team:audience-analytics"]


def test_assets_lead_to_their_code() -> None:
    repository = defs().get_repository_def()
    without = {
        spec.key.to_user_string()
        for definition in repository.assets_defs_by_key.values()
        for spec in definition.specs
        if definition.is_executable and "dagster/code_references" not in spec.metadata
    }
    assert not without
