"""Checks that the pins match the raw tables: their logs, the register of versions, the files. Only reads.

With pins that are lost, broken or older than the tables, data would seem to be missing, and a load would use batch
numbers a second time. Every load, build and close therefore checks the pins first. A promotion or compaction that a
crash interrupted is not a problem: the next load or compaction finishes it.
"""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from allive.ingestion.pin_problems import REPAIR, RESTORE_RAW, PinProblem, PinsError, Trouble
from allive.ingestion.promotion import Promotion, decided_promotions
from allive.ingestion.raw_tables import (
    REJECTS,
    TABLES,
    Pins,
    open_table,
    pins_path,
    read_pins,
    stored_files,
    table_path,
)
from allive.ingestion.raw_versions import Commit, DamagedLogError, logged_versions, noted_versions
from allive.ingestion.settings import Settings

_LOOKS = 3


def require_pins(settings: Settings, *, with_files: bool = True) -> None:
    """Raise an error unless the pins match the raw tables.

    Args:
        settings: the data home.
        with_files: also check each pinned file and the register of contents; otherwise only the newest entries of the
            logs, which takes a millisecond or two.

    Raises:
        PinsError: they do not match; each problem says what was found, what was expected and what to do.
    """
    if problems := check_pins(settings, with_files=with_files):
        raise PinsError(problems)


def check_pins(settings: Settings, *, with_files: bool = True) -> tuple[PinProblem, ...]:
    """Return the problems that `require_pins` raises; empty if there are none, also before the first load.

    Works while another process loads: if the tables change during the check, it checks again.
    """
    for _ in range(_LOOKS):
        before = _stamp(settings)
        problems = _check(settings, with_files=with_files)
        if not problems or _stamp(settings) == before:
            break
    return problems


def _stamp(settings: Settings) -> list[object]:
    return [_stamp_of(pins_path(settings)), *(_stamp_of(table_path(settings, t) / "_delta_log") for t in TABLES)]


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _check(settings: Settings, *, with_files: bool) -> tuple[PinProblem, ...]:
    try:
        pins = read_pins(settings)
        decided = decided_promotions(settings)
    except PinsError as error:
        return error.problems
    problems = list(_check_decided(settings, pins, decided))
    in_flight = tuple(promotion for promotion in decided.values() if promotion is not None)
    newest: dict[str, Commit] = {}
    for table in TABLES:
        try:
            problems += _check_log(settings, table, pins, in_flight, newest)
        except DamagedLogError as error:
            problems.append(damaged_log(table, str(error)))
    if not problems:
        problems += _check_batches(pins, newest)
    if with_files and not problems:
        for table in TABLES:
            problems += _check_layout(settings, table, pins)
        problems += check_contents(settings, newest)
    return tuple(problems)


def _check_decided(settings: Settings, pins: Pins, decided: dict[Path, Promotion | None]) -> Iterator[PinProblem]:
    """Check that an unfinished promotion is the last or the next one: otherwise its batch number is used twice."""
    for folder, promotion in decided.items():
        if promotion is None or promotion.batch_number in {pins.batch_number, pins.batch_number + 1}:
            continue
        is_older = promotion.batch_number > pins.batch_number
        yield PinProblem(
            Trouble.STALE if is_older else Trouble.DAMAGED,
            where="raw/pins.json" if is_older else folder.relative_to(settings.home).as_posix(),
            found=f"batch {pins.batch_number} pinned and batch {promotion.batch_number} half promoted",
            expected=f"batch {promotion.batch_number - 1} or {promotion.batch_number} pinned",
            advice=REPAIR,
        )


def _check_log(
    settings: Settings, table: str, pins: Pins, in_flight: tuple[Promotion, ...], newest: dict[str, Commit]
) -> Iterator[PinProblem]:
    """Compare a table's pinned version and layout with its newest log entries; put the pinned entry in `newest`."""
    version, layout = pins.versions[table], pins.layouts[table]
    logged = logged_versions(settings, table)
    if version is None or layout is None:
        last = newest_promotion(logged, but_not=ids_of(in_flight, table))
        if last is not None:
            yield _stale(table, None, newest=last.version, batch=last.promoted)
        elif not logged and not in_flight and any(table_path(settings, table).rglob("*.parquet")):
            yield damaged_log(table, "Parquet files and no log")
        return
    if not logged:
        yield damaged_log(table, "no log, though the pins name version " + str(version))
        return
    last_version = max(logged)
    yield from check_continuity(settings, table, logged)
    if last_version < max(version, layout):
        yield PinProblem(
            Trouble.AHEAD,
            where=f"raw/{table}/_delta_log",
            found=f"version {last_version} as its last",
            expected=f"version {max(version, layout)}, which the pins name, or a later one",
            advice="The table was restored from an older copy than the pins. " + RESTORE_RAW,
        )
        return
    later = tuple(_check_later(settings, table, logged, version, to_be_finished=ids_of(in_flight, table)))
    yield from later
    if not later:
        yield from _check_pinned(settings, table, logged, version=version, newest=newest)


def _check_later(
    settings: Settings, table: str, logged: dict[int, Path], version: int, *, to_be_finished: frozenset[str]
) -> Iterator[PinProblem]:
    """Check that after the pinned version there are only compactions and the unfinished promotion."""
    for number in sorted((number for number in logged if number > version), reverse=True):
        commit = Commit.read(logged[number])
        if not commit.is_ours:
            yield changed_from_outside(table, number)
        elif commit.is_promotion and commit.contents != to_be_finished:
            yield _stale(table, version, newest=number, batch=commit.promoted)
            return
    for noted in noted_versions(settings, table, before=min(logged)):
        if noted.version <= version:
            return
        if noted.is_promotion:
            yield _stale(table, version, newest=noted.version, batch=noted.batch_number)
            return


def _check_pinned(
    settings: Settings, table: str, logged: dict[int, Path], *, version: int, newest: dict[str, Commit]
) -> Iterator[PinProblem]:
    """Check that the pinned version promoted a batch. If the log was trimmed, the register has its entry."""
    if path := logged.get(version):
        newest[table] = Commit.read(path)
        is_promotion = newest[table].is_promotion
    else:
        noted = next(noted_versions(settings, table, before=version + 1), None)
        if noted is None or noted.version != version:
            yield damaged_log(table, f"version {version}, which the pins name, in neither the log nor the register")
            return
        is_promotion = noted.promoted is None or noted.is_promotion
    if not is_promotion:
        yield PinProblem(
            Trouble.AHEAD,
            where="raw/pins.json",
            found=f"version {version} of raw/{table}, which brought no batch",
            expected="the version with which its last batch came",
            advice="Pins and tables are of different copies. " + RESTORE_RAW,
        )


def _check_batches(pins: Pins, newest: dict[str, Commit]) -> Iterator[PinProblem]:
    """Check that the pinned batch number is the newest in the logs, and that its two commits belong together."""
    last = max((commit.promoted for commit in newest.values() if commit.promoted is not None), default=0)
    if last > pins.batch_number:
        yield PinProblem(
            Trouble.STALE,
            where="raw/pins.json",
            found=f"batch number {pins.batch_number}",
            expected=f"{last}, the newest batch in the tables' logs",
            advice=REPAIR,
        )
    rejects = newest.get(REJECTS)
    if rejects is None:
        return
    if rejects.promoted is not None and rejects.promoted < pins.batch_number:
        yield PinProblem(
            Trouble.AHEAD,
            where="raw/pins.json",
            found=f"batch number {pins.batch_number}",
            expected=f"{rejects.promoted}, the newest batch in the tables' logs",
            advice="Pins and tables are of different copies. " + RESTORE_RAW,
        )
    record_type, contents = loaded_contents(rejects)
    if contents and record_type in newest and newest[record_type].contents != contents:
        yield missing_batch(record_type, rejects)


def _check_layout(settings: Settings, table: str, pins: Pins) -> tuple[PinProblem, ...]:
    layout = pins.layouts[table]
    found = tuple(check_files(settings, table, layout, up_to=pins.batch_number))
    newest = max(logged_versions(settings, table), default=None)
    if not found or layout == newest or any(check_files(settings, table, newest, up_to=pins.batch_number)):
        return found
    stale = PinProblem(
        Trouble.STALE,
        where="raw/pins.json",
        found=f"layout {layout} of raw/{table}, whose files are gone",
        expected=f"layout {newest}, the newest in its log",
        advice=f"The pins are older than the tables. {REPAIR}",
    )
    return (stale,)


def check_continuity(settings: Settings, table: str, logged: dict[int, Path]) -> Iterator[PinProblem]:
    """Check that the log has no gap, and does not end before the newest version in the register."""
    for below, above in pairwise(sorted(logged)):
        if above != below + 1:
            yield damaged_log(table, f"no entry for version {below + 1}, though there are earlier and later ones")
            return
    noted = next(noted_versions(settings, table), None)
    if noted is not None and noted.version > max(logged):
        yield PinProblem(
            Trouble.AHEAD,
            where=f"raw/{table}/_delta_log",
            found=f"version {max(logged)} as its last",
            expected=f"version {noted.version}, which raw/versions.sqlite knows, or a later one",
            advice="The table was restored from an older copy than the register. " + RESTORE_RAW,
        )


def check_files(settings: Settings, table: str, layout: int | None, *, up_to: int) -> Iterator[PinProblem]:
    """Check that a layout of a table can be read from its log, and that each of its files exists with its size."""
    if layout is None:
        return
    try:
        files = stored_files(settings, table, layout)
    except Exception as error:  # noqa: BLE001 - a damaged log can raise any error in its reader
        yield damaged_log(table, f"version {layout} cannot be opened ({_first_line(error)})")
        return
    folder = os.fspath(table_path(settings, table))
    missing, resized, later = [], [], []
    for file in files:
        try:
            size = os.stat(f"{folder}/{file.path}").st_size  # noqa: PTH116 - thousands of files: Path takes twice as long
        except FileNotFoundError:
            missing.append(file)
            continue
        if size != file.size:
            resized.append((file, size))
        if file.last_batch > up_to:
            later.append(file)
    if missing:
        yield _damaged_files(table, f"no file {missing[0].path}", "the file that the log names", len(missing))
    if resized:
        (file, size), *_ = resized
        yield _damaged_files(table, f"{size:,} bytes in {file.path}", f"the log's {file.size:,}", len(resized))
    if later:
        number = max(file.last_batch for file in later)
        yield PinProblem(
            Trouble.STALE,
            where="raw/pins.json",
            found=f"batch number {up_to}",
            expected=f"{number}, of which raw/{table} holds records",
            advice=REPAIR,
        )


def check_contents(settings: Settings, newest: dict[str, Commit]) -> Iterator[PinProblem]:
    """Check that the contents of each table's newest batch are in the register of contents, the rejects' log."""
    loaded = {table: commit for table, commit in newest.items() if table != REJECTS}
    if not loaded:
        return
    register = open_table(settings, REJECTS)
    for table, commit in loaded.items():
        if register is None or any(register.transaction_version(one) is None for one in commit.contents):
            yield PinProblem(
                Trouble.DAMAGED,
                where=f"raw/{REJECTS}/_delta_log",
                found=f"no entry for what version {commit.version} of raw/{table} loaded",
                expected="the register to know each content that was loaded: it would be loaded again",
                advice="The tables are of different copies. " + RESTORE_RAW,
            )


def newest_promotion(logged: dict[int, Path], *, but_not: frozenset[str] = frozenset()) -> Commit | None:
    """The newest entry of a log that promoted a batch, except the one with the contents `but_not`."""
    for _, path in sorted(logged.items(), reverse=True):
        commit = Commit.read(path)
        if commit.is_promotion and commit.contents != but_not:
            return commit
    return None


def ids_of(promotions: tuple[Promotion, ...], table: str) -> frozenset[str]:
    """The app transactions that unfinished promotions commit to a table."""
    return frozenset(app_id for promotion in promotions for app_id in promotion.app_ids(table))


def loaded_contents(rejects: Commit) -> tuple[str, frozenset[str]]:
    """The record type of a batch and the contents that it loaded, from its entry in the rejects' log."""
    (record_type, *_) = next(iter(rejects.contents)).split("/")
    return record_type, frozenset(one for one in rejects.contents if one.count("/") == 1)


def damaged_log(table: str, found: str) -> PinProblem:
    """The problem of a log that cannot be read."""
    return PinProblem(
        Trouble.DAMAGED,
        where=f"raw/{table}",
        found=found,
        expected="the Delta log of the table, whole",
        advice=RESTORE_RAW,
    )


def changed_from_outside(table: str, version: int) -> PinProblem:
    """The problem of a log entry that this project did not write."""
    return PinProblem(
        Trouble.DAMAGED,
        where=f"raw/{table}",
        found=f"version {version}, which something else than this project wrote",
        expected="promotions and compactions only",
        advice="Find out what wrote to raw/. " + RESTORE_RAW,
    )


def missing_batch(record_type: str, rejects: Commit) -> PinProblem:
    """The problem of a batch that is in the register but not in its table."""
    number = f"batch {rejects.promoted}" if rejects.promoted else "a batch"
    return PinProblem(
        Trouble.DAMAGED,
        where=f"raw/{record_type}/_delta_log",
        found=f"no entry for {number}",
        expected="the records whose contents the rejects' register knows: they would never be loaded again",
        advice="The table was restored from an older copy than the rejects. " + RESTORE_RAW,
    )


def _stale(table: str, version: int | None, *, newest: int, batch: int | None) -> PinProblem:
    of_batch = f" (batch {batch})" if batch else ""
    return PinProblem(
        Trouble.STALE,
        where="raw/pins.json",
        found=f"{'no version' if version is None else f'version {version}'} of raw/{table}",
        expected=f"version {newest}{of_batch}, the newest in its log",
        advice=f"The pins are older than the tables. {REPAIR}",
    )


def _damaged_files(table: str, found: str, expected: str, number: int) -> PinProblem:
    more = "" if number == 1 else f", and {number - 1:,} more such files"
    return PinProblem(
        Trouble.DAMAGED,
        where=f"raw/{table}",
        found=found + more,
        expected=expected,
        advice="Restore the file from a backup of raw/: its records are in no other file.",
    )


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"
