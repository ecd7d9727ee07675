"""The checks of `allive doctor`: for each part of the data home, what was found and what to do.

They take no lock and write nothing.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import duckdb

from allive.ingestion.counted import counted
from allive.ingestion.durable import read_json
from allive.ingestion.home_format import HOME_FORMAT, home_format
from allive.ingestion.pin_problems import PinProblem, Trouble
from allive.ingestion.pins_check import check_pins
from allive.ingestion.private_files import readable_by_others
from allive.ingestion.raw_tables import TABLES, read_pins
from allive.ingestion.settings import Settings
from allive.orchestration.serving_copy import CURRENT
from allive.orchestration.warehouse import read_finished_build
from allive.payouts import audit, ledger
from allive.payouts.pins import pin_refusals
from allive.payouts.warehouse_mark import why_not_as_left

State = Literal["ok", "note", "FAILED"]
_REBUILT_BY_A_RUN: Final = "The next `allive run` creates it again."


@dataclass(frozen=True)
class Finding:
    """The result of checking one part of the data home.

    Attributes:
        found: The result in a few words, for a table column.
        reasons: For a failure or a note: what was found, what was expected, what to do.
    """

    part: str
    state: State
    found: str
    reasons: tuple[str, ...] = ()


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Check every part. A check that crashes is a failure of its part; the other parts are still checked."""
    return tuple(_examined(part, look, settings) for part, look in LOOKS)


def _examined(part: str, look: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return look(settings)
    except Exception as error:  # noqa: BLE001 - damaged files can raise any error
        what = " ".join(str(error).split())
        return Finding(part, "FAILED", "cannot be read", (f"{type(error).__name__}: {what}",))


def _home(settings: Settings) -> Finding:
    if not settings.home.is_dir():
        reason = f"{settings.home}: found no folder. Is ALLIVE_HOME right? The first `allive run` creates it."
        return Finding("data home", "note", "not there yet", (reason,))
    with _lock_holder(settings) as holder:
        return Finding("data home", "ok", f"in use by {holder}" if holder else "found, not in use")


def _format(settings: Settings) -> Finding:
    found = home_format(settings)
    if found > HOME_FORMAT:
        reason = f"format.json: found format {found}, expected {HOME_FORMAT} or older. Upgrade the project."
        return Finding("format", "FAILED", f"{found}, newer than the code", (reason,))
    return Finding("format", "ok", str(found))


def _readers(settings: Settings) -> Finding:
    readable = readable_by_others(settings)
    if not readable:
        return Finding("other users", "ok", "can read nothing")
    names = " ".join(path.name for path in readable)
    reason = f"Found entries that other users of this machine can read. `chmod -R go-rwx {names}` in {settings.home}."
    return Finding("other users", "note", f"can read {counted(len(readable), 'entry', 'entries')}", (reason,))


@contextmanager
def _lock_holder(settings: Settings) -> Iterator[str | None]:
    """The holder of the lock, from the kernel's list of locks: trying to take it could make another process fail."""
    path, locks = settings.home / ".lock", Path("/proc/locks")
    if not path.exists() or not locks.exists():
        yield None
        return
    inode = path.stat().st_ino
    is_held = any(
        fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode)
        for fields in map(str.split, locks.read_text(encoding="ascii").splitlines())
    )
    note = read_json(settings.home / ".lock.json") if is_held else None
    yield f"`{note['command']}` (pid {note['pid']})" if note else "another process" if is_held else None


def _pins(settings: Settings) -> Finding:
    problems = check_pins(settings)
    of_pins = [problem for problem in problems if problem.trouble is not Trouble.DAMAGED]
    if of_pins:
        return _failed("pins", of_pins)
    if problems:
        return Finding("pins", "note", "see the raw tables")
    pins = read_pins(settings)
    if not pins.batch_number:
        return Finding("pins", "note", "nothing is loaded yet")
    return Finding("pins", "ok", f"up to batch {pins.batch_number}")


def _raw_tables(settings: Settings) -> Finding:
    damaged = [problem for problem in check_pins(settings) if problem.trouble is Trouble.DAMAGED]
    if damaged:
        return _failed("raw tables", damaged)
    there = sum((settings.raw_dir / table / "_delta_log").is_dir() for table in TABLES)
    return Finding("raw tables", "ok", f"{there} of {len(TABLES)}, logs and files complete")


def _failed(part: str, problems: list[PinProblem]) -> Finding:
    troubles = ", ".join(sorted({problem.trouble.value for problem in problems}))
    return Finding(part, "FAILED", troubles, tuple(map(str, problems)))


def _months_and_pins(settings: Settings) -> Finding:
    reasons = tuple(pin_refusals(settings))
    return Finding(
        "months' raw versions", "FAILED" if reasons else "ok", "inconsistent" if reasons else "found", reasons
    )


def _closed_months(settings: Settings) -> Finding:
    closed = ledger.closed_months(settings)
    reasons = []
    for month in closed:
        try:
            ledger.read_manifest(settings, month)
            ledger.read_control(settings, month)
            ledger.read_lines(settings, month)
        except (OSError, ValueError, KeyError) as error:
            reasons.append(
                f"payouts/{month}: found {type(error).__name__} ({error}), expected the files of a closed month. "
                "Restore it from a backup of payouts/; `allive verify` shows details."
            )
    try:
        lines = sum(1 for _ in audit.entries(settings))
    except ValueError as error:
        lines = 0
        reasons.append(
            f"payouts/{audit.log_path(settings).name}: found a line that is not JSON ({error}). Restore it from a "
            "backup."
        )
    if reasons:
        return Finding("closed months", "FAILED", f"{len(reasons)} cannot be read", tuple(reasons))
    return Finding("closed months", "ok", f"{len(closed)}, and {counted(lines, 'line')} in the audit log")


def _warehouse(settings: Settings) -> Finding:
    if not settings.warehouse_path.exists():
        return Finding("warehouse", "note", "not there", (f"warehouse/: found none. {_REBUILT_BY_A_RUN}",))
    try:
        build = read_finished_build(settings)
    except duckdb.IOException as error:
        if "lock" in str(error):
            return Finding("warehouse", "note", "in use: not checked")
        return _broken_warehouse(error)
    except (duckdb.Error, json.JSONDecodeError, KeyError, TypeError) as error:
        return _broken_warehouse(error)
    return _unfinished(settings) if build is None else Finding("warehouse", "ok", f"built at {build.built_at}")


def _unfinished(settings: Settings) -> Finding:
    if why := why_not_as_left(settings):
        return Finding("warehouse", "note", "must be rebuilt", (f"warehouse/: {why}. {_REBUILT_BY_A_RUN}",))
    reason = "warehouse/: found no finished build: a check failed. `allive run` shows which one."
    return Finding("warehouse", "note", "not finished", (reason,))


def _broken_warehouse(error: Exception) -> Finding:
    reason = (
        f"warehouse/allive.duckdb: found {' '.join(str(error).split())[:200]}, expected a DuckDB file from "
        f"`allive run`. Delete the file: it is built from raw/ and payouts/. {_REBUILT_BY_A_RUN}"
    )
    return Finding("warehouse", "FAILED", "cannot be read", (reason,))


def _serving(settings: Settings) -> Finding:
    link = settings.serving_dir / CURRENT
    if not os.path.lexists(link):
        return Finding("serving copy", "note", "not there", (f"serving/: found none. {_REBUILT_BY_A_RUN}",))
    try:
        with duckdb.connect(link.resolve(), read_only=True) as con:
            row = con.execute("select strftime(published_at, '%Y-%m-%d %H:%M') from published.copy").fetchone()
    except duckdb.Error as error:
        reason = f"serving/{CURRENT}: found {' '.join(str(error).split())[:200]}. {_REBUILT_BY_A_RUN}"
        return Finding("serving copy", "FAILED", "cannot be read", (reason,))
    return Finding("serving copy", "ok", f"published at {row[0]} UTC" if row else "empty")


LOOKS: tuple[tuple[str, Callable[[Settings], Finding]], ...] = (
    ("data home", _home),
    ("format", _format),
    ("other users", _readers),
    ("raw tables", _raw_tables),
    ("pins", _pins),
    ("closed months", _closed_months),
    ("months' raw versions", _months_and_pins),
    ("warehouse", _warehouse),
    ("serving copy", _serving),
)
"""The parts in order of dependency: each depends only on those before it."""
