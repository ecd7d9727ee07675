"""Only one process works on a data home at a time; runs inside that process reuse its lock."""

import subprocess
import sys

import pytest

from allive.ingestion.lock import DataHomeLockedError
from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home

TRY = """
import sys
from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home
with hold_data_home(Settings(home=sys.argv[1]), command="another"):
    pass
"""


def try_elsewhere(home):
    return subprocess.run([sys.executable, "-c", TRY, home], capture_output=True, text=True, check=False)


def test_a_run_of_the_same_process_finds_it_taken(tmp_path):
    settings = Settings(home=tmp_path)
    with hold_data_home(settings, command="allive demo"):
        with hold_data_home(settings, command="orchestrated run"):
            pass
        assert try_elsewhere(tmp_path).returncode == 1  # the inner one did not release it
    assert try_elsewhere(tmp_path).returncode == 0


def test_another_process_is_refused_and_told_who_holds_it(tmp_path):
    with hold_data_home(Settings(home=tmp_path), command="allive payout 2021-02"):
        refused = try_elsewhere(tmp_path)
    assert "`allive payout 2021-02` (pid " in refused.stderr


def test_it_is_given_back_after_an_error(tmp_path):
    settings = Settings(home=tmp_path)
    with pytest.raises(ZeroDivisionError), hold_data_home(settings, command="first"):
        raise ZeroDivisionError
    with hold_data_home(settings, command="second"):
        pass


def test_the_refusal_is_the_ingestion_lock_s_own(tmp_path):
    settings = Settings(home=tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", TRY.replace("pass", "print(1, flush=True); input()"), tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        child.stdout.readline()
        with pytest.raises(DataHomeLockedError, match="`another`"), hold_data_home(settings, command="allive run"):
            pass
        child.communicate("\n")
