"""Runs contestants, each in a process of its own, in turns, and measures them. Knows nothing of what they compute."""

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
# A limit is what an engine may plan with; its process also holds Python, libraries and the files it reads.
_GRACE = 1.25
_READ_BYTES = 2**24
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Run:
    """One run of a contestant: what it measured of itself, or why it did not finish."""

    seconds: float | None
    cpu_seconds: float | None
    peak_bytes: int
    failure: str | None = None

    @property
    def out_of_memory(self) -> bool:
        """Whether the memory that all contestants have alike was too little for this one."""
        return self.failure is not None and "memory" in self.failure.lower()


def race(
    contestants: Mapping[str, Sequence[str]],
    *,
    inputs: Iterable[Path] = (),
    rounds: int,
    memory_gb: float,
    tell: Callable[[str], None],
) -> dict[str, Run]:
    """Run every contestant `rounds` times, in turns, so that a slow minute of the machine hits all; keep the best.

    A contestant is the arguments of `python`; its last line of output is JSON with `seconds` and `cpu_seconds`, taken
    around the work alone: no interpreter start, no imports. One that fails is not run again.

    `inputs` are the files that all of them read: each finds them in memory, whatever the one before it pushed out.
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
        # What an exception is called comes first, advice may follow.
        told = next((line for line in reversed(lines) if re.match(r"\S*(Error|Exception)\b", line)), lines[-1])
        return Run(None, None, peak, told[:120])
    measured = json.loads(out.strip().splitlines()[-1])
    return Run(measured["seconds"], measured["cpu_seconds"], max(peak, measured["peak_bytes"]))


def own_peak_bytes() -> int:
    """The most memory this process ever held: VmHWM (`ru_maxrss` would count the parent's before the fork)."""
    return peak_bytes_of(Path("/proc/self/status"))


def peak_bytes_of_tree(pid: int) -> int:
    """The peaks of a process and of those that it started and that live, added up: at least what they held at once."""
    return sum(peak_bytes_of(Path(f"/proc/{one}/status")) for one in _tree(pid))


def cpu_seconds_of_tree(pid: int) -> float:
    """The CPU seconds of a process, of those that it started and that live, and of those of them that ended."""
    ticks = 0
    for one in _tree(pid):
        try:
            # After the name, which may hold anything and ends in the last bracket: utime, stime, cutime, cstime.
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
    """The most memory a process ever held, by its status file; 0 when it is gone."""
    try:
        text = status.read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmHWM")), 0)
