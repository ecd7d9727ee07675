"""The command line answers at once, and says with its exit code what kind of no it is."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from orchestration import cli

COMMANDS = [
    [],
    *([name] for name in ("run", "payout", "amend", "verify", "explain", "simulate", "statements", "demo", "up")),
    *(["batches", *rest] for rest in ([], ["list"], ["show"], ["release"], ["discard"])),
    *(["payments", *rest] for rest in ([], ["return"])),
    *(["balances", *rest] for rest in ([], ["list"], ["write-off"])),
    *([name] for name in ("invite", "dashboards")),
    *(["grants", *rest] for rest in ([], ["list"], ["add"], ["revoke"])),
    *(["invitations", *rest] for rest in ([], ["list"], ["revoke"])),
    *(["raw", *rest] for rest in ([], ["compact"], ["vacuum"])),
]
HEAVY = {"dagster", "dbt", "great_expectations", "polars", "duckdb", "pydantic"}


@pytest.fixture
def allive(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli.app, list(arguments))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(allive, command):
    result = allive(*command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


@pytest.mark.parametrize(
    "wrong",
    [
        ["nonsense"],
        ["payout"],
        ["payout", "2021-13"],
        ["payout", "février"],
        ["up", "--dashboards-port", "0"],
        ["up", "--port", "3000"],
        ["invite", "a@example.org"],
        ["invite", "a@example.org", "--finance", "--operator"],
        ["invitations", "revoke"],
        ["batches", "release", "x"],
        ["amend", "2021-01"],
        ["amend", "2021-01", "--why", " "],
        ["verify", "2021-1"],
        ["statements"],
        ["payments", "return", "2021-01", "a"],
        ["balances", "write-off", "a"],
        ["explain", "2021-01", "a", "--output", "x.csv"],
        ["simulate", "2021-01", "--pool-rule", "fair"],
    ],
)
def test_wrong_usage_is_2(allive, wrong):
    assert allive(*wrong).exit_code == 2


def test_wrong_usage_of_a_month_says_what_is_expected(allive):
    assert "expected YYYY-MM" in " ".join(allive("payout", "2021-13").output.split())


def test_a_month_that_is_not_over_is_refused_at_once(allive, tmp_path):
    result = allive("payout", "2999-01")
    assert result.exit_code == 1
    assert "not over in Paris" in result.output
    assert not (tmp_path / "dagster").exists(), "no run was started for it"


def test_no_batch_is_no_refusal_and_an_unknown_one_is(allive):
    assert allive("batches", "list").exit_code == 0
    for decision in (["show"], ["release", "--why", "x"], ["discard", "--why", "x"]):
        result = allive("batches", decision[0], "lives-000001-00000000", *decision[1:])
        assert result.exit_code == 1
        assert "Held are: none" in result.output


def test_the_demo_refuses_a_home_that_is_in_use(allive, tmp_path):
    (tmp_path / "landing" / "lives").mkdir(parents=True)
    (tmp_path / "landing" / "lives" / "real.csv").write_text("live_id\n")
    result = allive("demo")
    assert result.exit_code == 1
    assert "needs an empty data home" in result.output
    assert "real.csv" in result.output


@pytest.mark.parametrize(("name", "value"), [("ALLIVE_ALERT_CHANNEL", "pigeon"), ("ALLIVE_THREADS", "-1")])
def test_a_wrong_setting_is_wrong_usage_without_a_traceback(monkeypatch, capsys, name, value):
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["allive", "batches", "list"])
    assert cli.run_command_line() == 2
    shown = capsys.readouterr().err
    assert name in shown
    assert "Traceback" not in shown


def test_help_imports_nothing_heavy():
    code = "import sys, orchestration.cli; print(' '.join(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)
