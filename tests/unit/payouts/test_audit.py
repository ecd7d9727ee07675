"""The audit log: append-only, chained, and whole after a crash."""

import hashlib
import json
from pathlib import Path

import pytest

from ingestion.settings import Settings
from payouts import audit


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


def test_the_operator_is_the_setting_or_the_login_name(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "berthe")
    assert audit.operator_name(settings) == "berthe"
    assert audit.operator_name(Settings(home=settings.home, operator="ana")) == "ana"
