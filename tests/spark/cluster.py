"""A standalone Spark cluster on loopback: a master and two workers, which are tracked and stopped one by one."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyspark

WORKERS = 2
PATIENCE_S = 120
# Small heaps, and the fast compiler only: no process lives long enough for the other one to pay off.
DAEMON_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True)
class Cluster:
    """The master's address, and the processes."""

    folder: Path
    url: str
    master: subprocess.Popen[bytes]
    workers: tuple[subprocess.Popen[bytes], ...]

    def kill_a_worker(self) -> None:
        """SIGKILL a worker and its executor, as when a machine loses power."""
        victim = self.workers[0]
        executors = children_of(victim.pid)
        assert executors, "the worker to be killed runs no executor"
        for pid in (victim.pid, *executors):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        victim.wait()


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Start master and workers; on leaving, stop them and all processes that they started."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        port = free_port()
        url = f"spark://127.0.0.1:{port}"
        master = start(folder, "master", ["Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"])
        started.append(master)
        wait_for_port(port, master, folder / "master.log")
        for number in range(WORKERS):
            name = f"worker-{number}"
            options = ["--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g"]
            started.append(start(folder, name, ["Worker", *options, "--work-dir", str(folder / name), url]))
        yield Cluster(folder=folder, url=url, master=master, workers=tuple(started[1:]))
    finally:
        executors = {pid for process in started for pid in children_of(process.pid)}
        for process in reversed(started):
            if process.poll() is None:
                process.terminate()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()
            process.wait()
        end(executors)


def start(folder: Path, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start a daemon of the cluster: `spark-class` becomes the Java process, so its id is the daemon's."""
    role, *options = arguments
    home = Path(pyspark.__file__).parent
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "shuffles"),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": DAEMON_OPTIONS,
    }
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{role.lower()}.{role}", *options]
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, cwd=folder)


def free_port() -> int:
    """A free port on loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a process listens."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"nothing listens on {port} after {PATIENCE_S} s: {log.read_text(encoding='utf-8')}")


def children_of(pid: int) -> set[int]:
    """All descendants of a process."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(") ", 1)[1].split()[1])
    found = {child for child, parent in parents.items() if parent == pid}
    return found | {grandchild for child in found for grandchild in children_of(child)}


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and its descendants so far; ended processes count if they were waited for."""
    ticks = 0
    for one in (pid, *children_of(pid)):
        with suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{one}/stat").read_text().rsplit(") ", 1)[1].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def end(pids: set[int]) -> None:
    """Give processes a moment to end by themselves, then kill those that did not."""
    deadline = time.monotonic() + 10
    while (alive := {pid for pid in pids if is_alive(pid)}) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in alive:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process runs (one that ended and was not waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def left_over(folder: Path) -> list[str]:
    """Processes that use a folder: they work in it, or their command names it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in command or str((process / "cwd").readlink()).startswith(str(folder)):
                found.append(f"{process.name}: {command[:200]}")
    return found
