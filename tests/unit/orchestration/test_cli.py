"""The command line answers quickly, and its exit codes distinguish refusals from wrong usage."""

import errno
import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from allive.ingestion.home_format import FormatError
from allive.orchestration import cli

COMMANDS = [
    [],
    *([name] for name in ("run", "payout", "amend", "verify", "explain", "simulate", "statements", "demo", "up")),
    *(["batches", *rest] for rest in ([], ["list"], ["show"], ["release"], ["discard"])),
    *(["rejects", *rest] for rest in ([], ["list"], ["show"], ["export"])),
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
        ["rejects", "list", "--month", "2021-13"],
        ["rejects", "export", "--type", "nonsense"],
        ["rejects", "show", "--page", "0"],
        ["amend", "2021-01"],
        ["amend", "2021-01", "--why", " "],
        ["amend", "2021-01", "--withdraw"],
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
    assert not (tmp_path / "dagster").exists(), "no run was started"


def test_no_batch_is_no_refusal_and_an_unknown_one_is(allive):
    assert allive("batches", "list").exit_code == 0
    for decision in (["show"], ["release", "--why", "x"], ["discard", "--why", "x"]):
        result = allive("batches", decision[0], "lives-000001-00000000", *decision[1:])
        assert result.exit_code == 1
        assert "Held batches: none" in result.output


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
    code = "import sys, allive.orchestration.cli; print(' '.join(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)


LOOKING = ("access", "batches", "doctor", "explain", "payout", "publish", "rejects", "requests", "refresh")
"""Modules of commands that look something up, or find out first whether there is anything to do."""


@pytest.mark.parametrize(
    ("modules", "not_imported"),
    [
        (LOOKING, {"dagster", "dbt", "great_expectations", "pandas"}),
        (("batches", "refresh", "rejects", "requests"), {"numpy", "pyarrow"}),
    ],
    ids=["no orchestrator", "no arrays"],
)
def test_commands_that_look_something_up_import_nothing_heavy(modules, not_imported):
    names = ", ".join(f"allive.orchestration.commands.{module}" for module in modules)
    code = f"import sys, {names}; print(' '.join(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert not_imported.isdisjoint(done.stdout.split())


def test_pandas_is_kept_out_only_inside():
    code = """
import sys, duckdb
from allive.orchestration.no_pandas import without_pandas
with without_pandas():
    assert duckdb.execute("select ?", ["a"]).fetchall() == [("a",)]
    assert "pandas" not in sys.modules
import pandas
frame = pandas.DataFrame({"n": [1, 2]})
with without_pandas():
    assert duckdb.execute("select sum(n) from frame where n > ?", [1]).fetchall() == [(2,)]
assert duckdb.execute("select n from frame").df().equals(frame)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


ON_A_HOME = [
    ["run"],
    ["payout", "2021-02"],
    ["payout", "2021-02", "--dry-run"],
    ["amend", "2021-01", "--why", "tests"],
    ["explain", "2021-01", "a"],
    ["simulate", "2021-01", "--pro-rata"],
    ["statements", "--year", "2021"],
    ["demo"],
    ["dbt", "ls"],
    ["mf", "list", "metrics"],
    ["doctor"],
    ["publish", "4f0c2a9be171", "--why", "tests"],
    ["invitations", "list"],
    ["invitations", "revoke", "a@allive.example"],
    ["dashboards"],
    ["up"],
    ["invite", "a@allive.example", "--finance"],
    ["batches", "list"],
    ["batches", "show", "b"],
    ["batches", "release", "b", "--why", "tests"],
    ["batches", "discard", "b", "--why", "tests"],
    ["batches", "discard", "b", "file", "--why", "tests"],
    ["rejects", "list"],
    ["rejects", "show", "--type", "lives"],
    ["rejects", "export"],
    ["grants", "list"],
    ["grants", "add", "--issuer", "i", "--subject", "s", "--name", "n", "--finance"],
    ["grants", "revoke", "n"],
    ["accounts", "--month", "2021-01"],
    ["payments", "list"],
    ["payments", "log"],
    ["payments", "unmatched"],
    ["payments", "import", "answer.xml"],
    ["payments", "return", "2021-01", "a", "--why", "tests"],
    ["payments", "executed", "2021-01", "--why", "tests"],
    ["payments", "cancel", "2021-01", "--why", "tests"],
    ["payments", "reissue", "2021-01", "--why", "tests"],
    ["payments", "settle", "a", "12.34", "--why", "tests"],
    ["payments", "hold", "a", "--why", "tests"],
    ["payments", "unhold", "a", "--why", "tests"],
    ["payments", "confirm-iban", "a", "--why", "tests"],
    ["payments", "dismiss", "1a2b3c:0", "--why", "tests"],
    ["payments", "undo", "1a2b3c", "--why", "tests"],
    ["balances", "list"],
    ["balances", "write-off", "a", "--why", "tests"],
    ["raw", "compact"],
    ["raw", "vacuum"],
]


KNOWN = {"home": 2, "month": 2, "line": 1}
"""The newest format of each kind that the code knows."""


def newer(home, what):
    """Make a data home with one part that is newer than the code."""
    files = {"home": "format.json", "month": "payouts/2021-01/manifest.json", "line": "payouts/audit.ndjson"}
    path = home / files[what]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format": KNOWN[what] + 1}) + "\n", encoding="ascii")


def below(home):
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*"))


@pytest.mark.parametrize("what", ["home", "month", "line"])
@pytest.mark.parametrize("command", ON_A_HOME, ids=" ".join)
def test_every_command_refuses_what_is_newer_and_writes_nothing(allive, tmp_path, monkeypatch, what, command):
    # The next step of every command: no command must reach it, and `up` would run forever.
    monkeypatch.setattr("allive.orchestration.terminal.log_to_file", lambda _: sys.exit("went on"))
    newer(tmp_path, what)
    before = below(tmp_path)
    result = allive(*command)
    assert isinstance(result.exception, FormatError)
    refusal = f"has format {KNOWN[what] + 1}; this version of the project knows formats up to {KNOWN[what]}. Upgrade"
    assert refusal in str(result.exception)
    assert below(tmp_path) == before


@pytest.mark.parametrize("what", ["home", "month", "line"])
def test_a_newer_format_is_said_in_words_and_exits_1(tmp_path, monkeypatch, capsys, what):
    newer(tmp_path, what)
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["allive", "balances", "list"])
    assert cli.run_command_line() == 1
    said = capsys.readouterr().err
    assert f"has format {KNOWN[what] + 1}" in said
    assert "bug" not in said


def test_every_command_is_tried_on_a_newer_home():
    """Each command must be listed in ON_A_HOME, except `verify`, which has its own verdict on a newer home."""
    groups = {group.name: group.typer_instance for group in cli.app.registered_groups}
    names = {(None, one.name or one.callback.__name__) for one in cli.app.registered_commands}
    names |= {(group, one.name) for group, app in groups.items() for one in app.registered_commands}
    tried = {(one[0], one[1]) if one[0] in groups else (None, one[0]) for one in ON_A_HOME}
    assert names - {(None, "verify")} == tried


def test_verify_of_a_newer_home_is_not_provable_and_writes_nothing(allive, tmp_path):
    newer(tmp_path, "home")
    before = below(tmp_path)
    result = allive("verify")
    assert result.exit_code == 3
    assert "the data home has format 3" in " ".join(result.output.replace("│", " ").split())
    assert below(tmp_path) == before


def test_verify_without_payouts_is_not_provable_and_leaves_no_record(allive, tmp_path):
    result = allive("verify")
    assert result.exit_code == 3
    assert "Not recorded: the data home has no audit log." in result.output
    assert not (tmp_path / "payouts").exists()


def test_run_and_up_name_what_others_can_read(allive, tmp_path, monkeypatch):
    (tmp_path / "payouts").mkdir()
    (tmp_path / "payouts").chmod(0o750)
    tmp_path.chmod(0o755)

    def stop(*_, **__):
        raise InterruptedError

    monkeypatch.setattr("allive.ingestion.waiting.has_new_files", stop)
    monkeypatch.setattr("allive.orchestration.service.running_service", stop)
    for command in ("run", "up"):
        result = allive(command)
        assert isinstance(result.exception, InterruptedError)
        assert "Other users of this machine can read parts of the data home:" in result.output
        assert "chmod -R go-rwx payouts" in result.output


def test_a_read_only_home_is_no_defect(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system", str(tmp_path / ".lock"))

    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["allive", "balances", "list"])
    monkeypatch.setattr("allive.orchestration.commands.requests.list_balances", refuse)
    assert cli.run_command_line() == 1
    said = capsys.readouterr().err
    assert "Read-only file system" in said
    assert "bug" not in said


def test_what_a_command_writes_is_private(tmp_path, monkeypatch):
    before = os.umask(0o022)
    try:
        monkeypatch.setenv("ALLIVE_HOME", str(tmp_path / "home"))
        monkeypatch.setattr(sys, "argv", ["allive", "balances", "list"])
        assert cli.run_command_line() == 0
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "home", *(tmp_path / "home").rglob("*"))}
    assert modes == {0}


def test_only_an_amendment_that_waits_is_withdrawn(allive):
    result = allive("amend", "2021-01", "--withdraw", "--why", "they were right")
    assert result.exit_code == 1
    assert "No amendment of it is waiting; waiting: none." in " ".join(result.output.split())
