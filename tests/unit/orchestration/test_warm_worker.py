"""The worker process: results, errors and messages come back, a crash is reported, it ends with its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from allive.orchestration import warm_worker


def nothing() -> None:
    """The worker's warm-up, which does nothing."""


def pid_and_report(name: str) -> int:
    warm_worker.report(name, "done")
    return os.getpid()


def fail() -> None:
    raise LookupError("not there")


def fail_in_a_way_that_does_not_travel() -> None:
    class LocalError(Exception):
        pass

    raise LocalError("local")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_without_a_worker_the_call_is_made_here():
    reported = []
    assert warm_worker.call_with_listener(lambda *what: reported.append(what), pid_and_report, "model") == os.getpid()
    assert reported == [("model", "done")]


def test_with_a_worker_the_call_is_made_there():
    reported = []
    with warm_worker.warming_up(nothing):
        first = warm_worker.call_with_listener(lambda *what: reported.append(what), pid_and_report, "model")
        assert first == warm_worker.call(pid_and_report, "again") != os.getpid()
        with pytest.raises(LookupError, match="not there"):
            warm_worker.call(fail)
        with pytest.raises(RuntimeError, match="LocalError: local"):
            warm_worker.call(fail_in_a_way_that_does_not_travel)
        assert warm_worker.call(pid_and_report, "after a failure") == first
    assert reported == [("model", "done")]
    assert warm_worker.call(pid_and_report, "here again") == os.getpid()


def test_a_worker_that_dies_is_an_error_that_says_so():
    with warm_worker.warming_up(nothing), pytest.raises(RuntimeError, match="was killed while it worked"):
        warm_worker.call(die)


PARENT = """
import time
from allive.orchestration import warm_worker
from tests.unit.orchestration.test_warm_worker import nothing, pid_and_report
if __name__ == "__main__":
    with warm_worker.warming_up(nothing):
        print(warm_worker.call(pid_and_report, "x"), flush=True)
        time.sleep(60)
"""


def test_it_does_not_outlive_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    path = os.pathsep.join(filter(None, sys.path))
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    with parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(worker)


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"
