"""Months that an earlier version closed still verify, or verification says which part it cannot check."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from allive.ingestion.settings import Settings
from allive.payouts import ledger
from allive.payouts.verification import Verdict, verify
from tests.fixtures.homes import MONTHS_OF_FORMAT_1, PSEUDONYM_KEY, unpack_format_1

LAST_RUN_HASH = "375fbf3393b06ddedf44f68313fafd4c33e8f4b79dcb14ca7b920a3a08ec1779"
AUDIT_HEAD = "41b74f6356b039be0b1e0e4c884244d5b3aa9cb23bf4c65f6b1ebee782b3d38f"
"""Noted by the version that wrote the home."""
PAID_CENTS = {"2021-01": 9271, "2021-02": 13520, "2021-03": 12636}
"""Shown by that version when it closed the months."""
_DEADLINE_S = 240
_BIND_READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'


@pytest.fixture(scope="module")
def format_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data home of format 1. Read only."""
    return unpack_format_1(tmp_path_factory.mktemp("format-1"))


@pytest.fixture
def home(format_1: Path, tmp_path: Path) -> Path:
    """A copy of the data home of format 1."""
    return Path(shutil.copytree(format_1, tmp_path / "home"))


def settings_of(home: Path) -> Settings:
    return Settings(home=home, pseudonym_key=PSEUDONYM_KEY)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "ALLIVE_HOME": str(home), "ALLIVE_PSEUDONYM_KEY": PSEUDONYM_KEY, "COLUMNS": "80"}


VERIFY = (sys.executable, "-m", "allive.orchestration.cli", "verify")


def allive_verify(home: Path, *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, *VERIFY]
    return subprocess.run(
        command, env=environment(home), capture_output=True, text=True, timeout=_DEADLINE_S, check=False
    )


def content(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_a_home_of_format_1_is_proven_from_its_heartbeats_on(format_1: Path) -> None:
    verification = verify(settings_of(format_1))
    assert verification.findings == ()
    assert verification.unchecked == ()
    assert verification.verdict is Verdict.PROVEN
    assert [(one.month, one.verdict) for one in verification.verdicts] == [
        (month, Verdict.PROVEN) for month in MONTHS_OF_FORMAT_1
    ]
    assert all(count.compared for count in verification.counts)
    assert (verification.last_run_hash, verification.audit_head) == (LAST_RUN_HASH, AUDIT_HEAD)


def test_its_months_are_read_as_they_were_shown(format_1: Path) -> None:
    settings = settings_of(format_1)
    assert ledger.last_run_hash(settings) == LAST_RUN_HASH
    paid = {
        month: sum(int(row["paid_cents"]) for row in ledger.read_lines(settings, month)) for month in MONTHS_OF_FORMAT_1
    }
    assert paid == PAID_CENTS


def test_without_its_heartbeats_it_is_not_provable_and_nothing_of_it_is_wrong(home: Path) -> None:
    shutil.rmtree(home / "raw")
    shown = allive_verify(home)
    assert shown.returncode == 3, shown.stderr
    assert "Nothing wrong was found, but not everything could be checked:" in shown.stderr
    assert "changed or cut" not in shown.stdout + shown.stderr
    assert shown.stdout.count("  not provable  ") == len(MONTHS_OF_FORMAT_1)
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_verified_by_the_command_it_stays_as_it_was_but_for_the_record(home: Path) -> None:
    before = content(home)
    shown = allive_verify(home)
    assert shown.returncode == 0, shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 80
    after = content(home)
    log = after["payouts/audit.ndjson"]
    assert log.startswith(before["payouts/audit.ndjson"])
    assert log.count(b'"verdict": "proven"') == 1
    assert {name: after[name] for name in before if name != "payouts/audit.ndjson"} == {
        name: before[name] for name in before if name != "payouts/audit.ndjson"
    }
    again = verify(settings_of(home), anchor=AUDIT_HEAD)
    assert again.verdict is Verdict.PROVEN


def test_a_changed_cent_of_it_is_a_failure(home: Path) -> None:
    path = home / "payouts" / "2021-01" / "artist_payouts.csv"
    path.write_bytes(path.read_bytes().replace(b"1480", b"1481", 1))
    shown = allive_verify(home)
    assert shown.returncode == 1
    assert "checks failed: fix the errors below." in shown.stderr
    assert "2021-01  FAILED" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


@pytest.fixture
def read_only(home: Path) -> Iterator[tuple[str, ...]]:
    """Words to put before a command, so that no process can write to the copy while the command runs."""
    if os.geteuid():
        paths = [home, *home.rglob("*")]
        for path in paths:
            path.chmod(path.stat().st_mode & ~0o222)
        yield ()
        for path in paths:
            path.chmod(path.stat().st_mode | 0o200)
        return
    # The superuser ignores file modes, so use a read-only mount that only the command sees.
    trial = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{_BIND_READ_ONLY} && ! touch "$1/x" 2>/dev/null', "sh", str(home)],
        check=False,
        timeout=_DEADLINE_S,
        capture_output=True,
    )
    if trial.returncode:
        pytest.skip(f"the superuser can write to any folder here: {trial.stderr.decode().strip() or 'no mounts'}")
    yield ("unshare", "-m", "sh", "-c", f'{_BIND_READ_ONLY} && shift && exec "$@"', "sh", str(home))


def test_it_is_proven_on_a_read_only_copy_and_nothing_is_written(home: Path, read_only: tuple[str, ...]) -> None:
    before = content(home)
    shown = allive_verify(home, *read_only)
    assert shown.returncode == 0, shown.stderr
    assert "Not recorded: the data home is read-only." in shown.stdout
    assert content(home) == before
