"""One command at a time on a data home."""

import subprocess
import sys

import pytest

from allive.ingestion.lock import DataHomeLockedError, data_home_lock
from allive.ingestion.settings import Settings

HOLDER = """
import sys
from allive.ingestion.lock import data_home_lock
from allive.ingestion.settings import Settings
with data_home_lock(Settings(), command="allive run"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path))
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(DataHomeLockedError, match=rf"`allive run` \(pid {holder.pid}"),
            data_home_lock(Settings(), command="allive payout 2021-02"),
        ):
            pass
        holder.kill()
    with data_home_lock(Settings(), command="allive payout 2021-02"):
        pass


def test_it_is_free_again_after_an_error(tmp_path):
    settings = Settings(home=tmp_path)
    with pytest.raises(ZeroDivisionError), data_home_lock(settings, command="allive run"):
        _ = 1 / 0
    with data_home_lock(settings, command="allive run"):
        pass
