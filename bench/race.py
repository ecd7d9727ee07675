"""Runs contestants in turns, each in its own process, and measures them. Does not know what they compute."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PATIENCE_S = 3_600
_POLL_S = 0.02
# The limit is for the engine. Its process also holds Python, libraries and the files it reads.
_GRACE = 1.25
_READ_BYTES = 2**24
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Run:
    """One run of a contestant: its own measurements, or why it did not finish."""

    seconds: float | None
    cpu_seconds: float | None
    peak_bytes: int
    failure: str | None = None

    @property
    def out_of_memory(self) -> bool:
        """Whether this contestant needed more than the memory limit, which is the same for all."""
        return self.failure is not None and "memory" in self.failure.lower()


def race(
    contestants: Mapping[str, Sequence[str]],
    *,
    inputs: Iterable[Path] = (),
    rounds: int,
    memory_gb: float,
    tell: Callable[[str], None],
) -> dict[str, Run]:
    """Run every contestant `rounds` times and keep its best run.

    They take turns, so that a slow minute of the machine affects all of them. A contestant is a list of arguments for
    `python`. Its last line of output is JSON with `seconds` and `cpu_seconds`, measured around the work alone, without
    interpreter start and imports. A contestant that fails is not run again.

    `inputs` are the files that all of them read. They are read once before each run, so that every contestant finds
    them in memory, whatever the previous one pushed out.
    """
    files = list(inputs)
    best: dict[str, Run] = {}
    for turn in range(rounds):
        for name, arguments in contestants.items():
            before = best.get(name)
            if before is not None and before.failure:
                continue
            tell(f"round {turn + 1} of {rounds}: {name}")
            for file in files:
                _read_through(file)
            run = _run(arguments, memory_bytes=int(memory_gb * 1e9))
            if before is None or run.failure or _seconds(run) < _seconds(before):
                best[name] = run
    return best


def _read_through(file: Path) -> None:
    with file.open("rb", buffering=0) as stream:
        while stream.read(_READ_BYTES):
            pass


def _seconds(run: Run) -> float:
    return float("inf") if run.seconds is None else run.seconds


def _run(arguments: Sequence[str], *, memory_bytes: int) -> Run:
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - this interpreter, modules of this package
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_bytes_of_tree(process.pid))
        if peak > memory_bytes * _GRACE:
            process.kill()
            process.communicate()
            return Run(None, None, peak, f"out of memory: stopped at {peak / 1e9:.1f} GB")
        if time.monotonic() - started > _PATIENCE_S:
            process.kill()
            process.communicate()
            return Run(None, None, peak, f"stopped after {_PATIENCE_S} s")
        time.sleep(_POLL_S)
    out, err = process.communicate()
    if process.returncode:
        lines = err.strip().splitlines() or [f"ended with code {process.returncode}"]
        # The line with the exception comes first; advice can follow it.
        told = next((line for line in reversed(lines) if re.match(r"\S*(Error|Exception)\b", line)), lines[-1])
        return Run(None, None, peak, told[:120])
    measured = json.loads(out.strip().splitlines()[-1])
    return Run(measured["seconds"], measured["cpu_seconds"], max(peak, measured["peak_bytes"]))


def own_peak_bytes() -> int:
    """The most memory this process ever held: VmHWM (`ru_maxrss` would include the parent's before the fork)."""
    return peak_bytes_of(Path("/proc/self/status"))


def peak_bytes_of_tree(pid: int) -> int:
    """Sum of the peaks of a process and its running descendants: never less than what they held at the same time."""
    return sum(peak_bytes_of(Path(f"/proc/{one}/status")) for one in _tree(pid))


def cpu_seconds_of_tree(pid: int) -> float:
    """CPU seconds of a process and its running descendants, including their children that have ended."""
    ticks = 0
    for one in _tree(pid):
        try:
            # The name can contain anything, so split at the last bracket. Then: utime, stime, cutime, cstime.
            numbers = Path(f"/proc/{one}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:15]
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(map(int, numbers))
    return ticks / os.sysconf("SC_CLK_TCK")


def _tree(pid: int) -> list[int]:
    tree, waiting = [], [pid]
    while waiting:
        tree.append(one := waiting.pop())
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                waiting += map(int, task.read_text(encoding="ascii").split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return tree


def peak_bytes_of(status: Path) -> int:
    """The most memory a process ever held, from its status file; 0 if the process has ended."""
    try:
        text = status.read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmHWM")), 0)
