"""The audit log: append-only, chained, and intact after a crash."""

import hashlib
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from allive.ingestion.home_format import FormatError
from allive.ingestion.settings import Settings
from allive.payouts import audit


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_each_line_names_the_hash_of_the_line_before(settings: Settings) -> None:
    for number in range(3):
        audit.record(settings, action="close", operator="ana", number=number)
    lines = audit.log_path(settings).read_bytes().splitlines()
    previous = [json.loads(line)["previous"] for line in lines]
    assert previous == [hashlib.sha256(line).hexdigest() for line in [b"", *lines[:-1]]]


def test_each_line_seals_itself(settings: Settings) -> None:
    audit.record(settings, action="close", operator="Zoé", why="« fin »")
    (line,) = audit.log_path(settings).read_text(encoding="utf-8").splitlines()
    unsealed, _, seal = line.rpartition(', "sha256": "')
    assert seal == hashlib.sha256(f"{unsealed}}}".encode()).hexdigest() + '"}'


def test_a_torn_last_line_is_dropped_and_the_chain_goes_on(settings: Settings) -> None:
    audit.record(settings, action="close", operator="ana")
    path = audit.log_path(settings)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"at": "2021-03-03T0')
    assert len(list(audit.entries(settings))) == 1
    audit.record(settings, action="close", operator="ana")
    assert path.read_bytes().startswith(whole)
    first, second = audit.entries(settings)
    assert second["previous"] == hashlib.sha256(whole.rstrip(b"\n")).hexdigest()
    assert first["action"] == second["action"] == "close"


RECORD = """
import sys
from pathlib import Path
from allive.ingestion.settings import Settings
from allive.payouts import audit
for number in range(30):
    audit.record(Settings(home=Path(sys.argv[1])), action="export", operator=sys.argv[2], number=number, why="é" * 500)
"""


def test_processes_that_record_at_once_leave_one_whole_chain(settings: Settings) -> None:
    """For example, the gate and a run."""
    processes = [
        subprocess.Popen([sys.executable, "-c", RECORD, str(settings.home), name]) for name in ("gate", "run", "cli")
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    lines = audit.log_path(settings).read_bytes().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["previous"] for entry in entries] == [hashlib.sha256(line).hexdigest() for line in [b"", *lines[:-1]]]
    assert sorted((entry["operator"], entry["number"]) for entry in entries) == [
        (name, number) for name in ("cli", "gate", "run") for number in range(30)
    ]


def test_a_line_begins_with_its_format(settings: Settings) -> None:
    audit.record(settings, action="close", operator="ana")
    assert audit.log_path(settings).read_bytes().startswith(b'{"format": 1, ')


def test_a_line_of_an_earlier_version_has_no_format_and_is_read(settings: Settings) -> None:
    audit.log_path(settings).parent.mkdir()
    audit.log_path(settings).write_bytes(b'{"at": "2021-03-03T06:00:00+00:00", "action": "close"}\n')
    assert [entry["action"] for entry in audit.entries(settings)] == ["close"]


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda settings: audit.record(settings, action="close", operator="ana"), id="record"),
        pytest.param(lambda settings: list(audit.entries(settings)), id="read"),
        pytest.param(lambda settings: list(audit.identified_entries(settings)), id="read with ids"),
    ],
)
def test_a_newer_line_is_refused_by_its_number(settings: Settings, use: Callable[[Settings], object]) -> None:
    audit.record(settings, action="close", operator="ana")
    log = audit.log_path(settings)
    log.write_bytes(log.read_bytes() + b'{"format": 2, "what": "a later version knows"}\n')
    before = log.read_bytes()
    with pytest.raises(FormatError, match=r"Line 2 of .*audit\.ndjson has format 2; .* up to 1\. Upgrade"):
        use(settings)
    assert log.read_bytes() == before


def test_no_setting_and_no_variable_says_who_acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "ALLIVE_OPERATOR"):
        monkeypatch.setenv(variable, "berthe")
    (tmp_path / "allive.env").write_text("ALLIVE_OPERATOR=berthe\n", encoding="ascii")
    settings = Settings(home=tmp_path, operator="berthe")
    assert audit.operator_name(settings).endswith(pwd.getpwuid(os.getuid()).pw_name)
    assert "berthe" not in audit.operator_name(settings)
