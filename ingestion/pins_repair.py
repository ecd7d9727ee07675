"""Rebuilds the pins from the tables' logs: every finished promotion, with no record missing and none counted twice.

A batch has one entry in its table's log and one in the rejects' log, which is the register of contents and gives the
order of all batches. For each table, the newest version is pinned that added a batch with both entries. A promotion
that a crash interrupted is left out, and finished afterwards as usual. If the pins cannot be rebuilt this way, the
repair is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from allive.ingestion.batches import finish_decisions
from allive.ingestion.durable import append_json_line
from allive.ingestion.pin_problems import RESTORE_RAW, PinProblem, PinsError, Trouble
from allive.ingestion.pins_check import (
    changed_from_outside,
    check_contents,
    check_continuity,
    check_files,
    check_pins,
    damaged_log,
    ids_of,
    loaded_contents,
    missing_batch,
)
from allive.ingestion.promotion import Promotion, decided_promotions, tidy_up
from allive.ingestion.raw_tables import (
    REJECTS,
    TABLES,
    Pins,
    open_table,
    pins_path,
    read_pins,
    stored_files,
    table_path,
    write_pins,
)
from allive.ingestion.raw_versions import Commit, DamagedLogError, logged_versions, noted_versions
from allive.ingestion.settings import Settings

REPAIRS_FILE: Final = "repairs.ndjson"
Versions = Mapping[str, int | None]
"""Versions by raw table."""


@dataclass(frozen=True)
class Repair:
    """The result of a repair: the problems that it found, and the rebuilt pins."""

    problems: tuple[PinProblem, ...]
    pins: Pins

    def __str__(self) -> str:
        tables = sum(version is not None for version in self.pins.versions.values())
        return (
            f"The pins were {self.problems[0].trouble} and have been rebuilt from the logs of {tables} raw tables, up "
            f"to batch {self.pins.batch_number}. The repair is recorded in raw/{REPAIRS_FILE}."
        )


def repair_lost_pins(settings: Settings, *, operator: str, at_least: Versions) -> Repair | None:
    """Rebuild pins that are lost or cannot be read, if that is safe; None if the pins are correct.

    It is safe if every log, register and file is complete, and no month was closed on a later version than the logs
    have: then the logs contain everything that was in the pins. Pins that contradict the logs are left to a person.
    The data home must be locked.

    Raises:
        PinsError: something else is wrong, or the pins cannot be rebuilt.
    """
    problems = check_pins(settings)
    if not problems:
        return None
    error = PinsError(problems)
    if not error.is_lost_only:
        raise error
    return _repair(settings, problems, operator=operator, at_least=at_least, by_itself=True)


def repair_pins(settings: Settings, *, operator: str, at_least: Versions) -> Repair | None:
    """Rebuild pins that are lost, cannot be read or are older than the logs; None if they are correct.

    Also finishes or cleans up promotions that a crash interrupted. The data home must be locked.

    Args:
        settings: the data home.
        operator: the person who repairs, for the record.
        at_least: the versions that closed months read; the rebuilt pins must not be older.

    Raises:
        PinsError: they cannot be rebuilt; nothing was changed.
    """
    problems = check_pins(settings)
    if not problems:
        return None
    return _repair(settings, problems, operator=operator, at_least=at_least, by_itself=False)


def _repair(
    settings: Settings, problems: tuple[PinProblem, ...], *, operator: str, at_least: Versions, by_itself: bool
) -> Repair:
    rebuilt = rebuild_pins(settings, at_least=at_least)
    _refuse_to_go_back(settings, rebuilt)
    pins = rebuilt.pins
    append_json_line(
        settings.raw_dir / REPAIRS_FILE,
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "operator": operator,
            "by_itself": by_itself,
            "problems": [asdict(problem) for problem in problems],
            "before": _content(pins_path(settings)),
            "after": asdict(pins),
        },
    )
    if pins.batch_number:
        write_pins(settings, pins)
    else:  # the very first batch is being promoted: there were no pins yet
        pins_path(settings).unlink(missing_ok=True)
    for folder, promotion in rebuilt.finished.items():
        tidy_up(settings, promotion, folder)
    finish_decisions(settings)
    return Repair(problems, read_pins(settings))


@dataclass(frozen=True)
class Rebuilt:
    """The pins rebuilt from the logs.

    Attributes:
        finished: Promotions, by staging folder, that only have to be cleaned up.
        in_flight: Unfinished promotions; they are not in the pins.
    """

    pins: Pins
    finished: dict[Path, Promotion]
    in_flight: tuple[Promotion, ...]


def _refuse_to_go_back(settings: Settings, rebuilt: Rebuilt) -> None:
    """Raise an error if readable pins name more than the logs contain: those records are gone beyond repair."""
    try:
        pins = read_pins(settings)
    except PinsError:
        return
    to_be_finished = {table for one in rebuilt.in_flight for table in (one.record_type, REJECTS)}
    older = [
        PinProblem(
            Trouble.AHEAD,
            where=f"raw/{table}/_delta_log",
            found=f"version {rebuilt.pins.versions[table]} as the newest with a batch",
            expected=f"version {version}, which the pins name, or a later one",
            advice="The table was restored from an older copy than the pins. " + RESTORE_RAW,
        )
        for table, version in pins.versions.items()
        if (version or 0) > (rebuilt.pins.versions[table] or 0) and table not in to_be_finished
    ]
    last = max([rebuilt.pins.batch_number, *(one.batch_number for one in rebuilt.in_flight)])
    if pins.batch_number > last:
        older.append(
            PinProblem(
                Trouble.AHEAD,
                where="raw/rejects/_delta_log",
                found=f"batch {last} as the last one",
                expected=f"batch {pins.batch_number}, which the pins name, or a later one",
                advice="Pins and tables are of different copies. " + RESTORE_RAW,
            )
        )
    if older:
        raise PinsError(older)


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else None


@dataclass
class _Logs:
    """The tables' logs, and the unfinished promotions."""

    settings: Settings
    entries: dict[str, dict[int, Path]]
    in_flight: tuple[Promotion, ...]

    def promotions(self, table: str) -> Iterator[Commit]:
        """A table's promotions that are still in its log, newest first, without the unfinished one."""
        to_be_finished = ids_of(self.in_flight, table)
        for _, path in sorted(self.entries[table].items(), reverse=True):
            commit = Commit.read(path)
            if commit.is_promotion and commit.contents != to_be_finished:
                yield commit


def rebuild_pins(settings: Settings, *, at_least: Versions | None = None) -> Rebuilt:
    """Return the pins rebuilt from the logs. Changes nothing.

    Raises:
        PinsError: a log or a file is damaged, or the tables come from different copies.
    """
    decided = {folder: promotion for folder, promotion in decided_promotions(settings).items() if promotion}
    finished = _finished(settings, decided)
    logs = _Logs(
        settings,
        {table: logged_versions(settings, table) for table in TABLES},
        tuple(promotion for folder, promotion in decided.items() if folder not in finished),
    )
    problems: list[PinProblem] = []
    versions: dict[str, int | None] = {}
    layouts: dict[str, int | None] = {}
    newest: dict[str, Commit] = {}
    for table in TABLES:
        try:
            versions[table], layouts[table] = _newest(logs, table, newest, problems)
        except DamagedLogError as error:
            problems.append(damaged_log(table, str(error)))
    if not problems:
        problems += _check_pairs(logs, newest)
    if problems:
        raise PinsError(problems)
    batch_number = _last_batch_number(logs, layouts)
    for table in TABLES:
        problems += check_files(settings, table, layouts[table], up_to=batch_number)
    problems += check_contents(settings, newest)
    problems += _check_months(versions, at_least or {})
    problems += _check_next(logs, batch_number)
    if problems:
        raise PinsError(problems)
    return Rebuilt(Pins(versions, batch_number, layouts), finished, logs.in_flight)


def _finished(settings: Settings, decided: Mapping[Path, Promotion]) -> dict[Path, Promotion]:
    """Promotions that have all their commits, with later commits after them: only their folders are left to remove."""
    if not decided:
        return {}
    done = {}
    for folder, promotion in decided.items():
        last = next(iter(_Logs(settings, {REJECTS: logged_versions(settings, REJECTS)}, ()).promotions(REJECTS)), None)
        register = open_table(settings, REJECTS)
        is_registered = register is not None and all(
            register.transaction_version(app_id) is not None for app_id in promotion.app_ids(REJECTS)
        )
        if is_registered and last is not None and last.contents != frozenset(promotion.app_ids(REJECTS)):
            done[folder] = promotion
    return done


def _newest(
    logs: _Logs, table: str, newest: dict[str, Commit], problems: list[PinProblem]
) -> tuple[int | None, int | None]:
    """The version that added a table's last finished batch, and the layout of its records."""
    logged = logs.entries[table]
    if not logged:
        if not logs.in_flight and any(table_path(logs.settings, table).rglob("*.parquet")):
            problems.append(damaged_log(table, "Parquet files and no log"))
        return None, None
    problems += check_continuity(logs.settings, table, logged)
    to_be_finished = ids_of(logs.in_flight, table)
    layout: int | None = None
    for version, path in sorted(logged.items(), reverse=True):
        commit = Commit.read(path)
        if not commit.is_ours:
            problems.append(changed_from_outside(table, version))
            return None, None
        if commit.is_promotion and commit.contents == to_be_finished:
            layout = None
            continue
        layout = version if layout is None else layout
        if commit.is_promotion:
            newest[table] = commit
            return version, layout
    for noted in noted_versions(logs.settings, table, before=min(logged)):
        if noted.is_promotion:
            return noted.version, layout
    if min(logged):
        found = f"no trace of its versions before {min(logged)}, not even in raw/versions.sqlite"
        problems.append(damaged_log(table, found))
    return None, None


def _check_pairs(logs: _Logs, newest: Mapping[str, Commit]) -> Iterator[PinProblem]:
    """Check that each record type's newest batch in the rejects' log is also the newest one in its table's log."""
    seen: set[str] = set()
    for rejects in logs.promotions(REJECTS):
        record_type, contents = loaded_contents(rejects)
        if not contents or record_type in seen:
            continue
        seen.add(record_type)
        in_table = newest.get(record_type)
        if in_table is None and not logs.entries.get(record_type):
            yield missing_batch(record_type, rejects)
        elif in_table is not None and in_table.contents != contents:
            known = {one for commit in logs.promotions(record_type) for one in commit.contents}
            if not contents <= known:
                yield missing_batch(record_type, rejects)


def _last_batch_number(logs: _Logs, layouts: Versions) -> int:
    """The number of the last batch: the newest known number, plus one for each batch after it."""
    later = 0
    for rejects in logs.promotions(REJECTS):
        number = rejects.promoted or _number_of_pair(logs, rejects)
        if number is not None:
            return number + later
        later += 1
    for noted in noted_versions(logs.settings, REJECTS, before=min(logs.entries[REJECTS], default=0)):
        number = noted.batch_number if noted.batch_number is not None else noted.promoted
        if number is not None and number > 0:
            return number + later
        # An entry of unknown kind might be a batch. To skip a number is harmless; to use one twice is not.
        later += number != 0
    return later + max(
        (file.last_batch for table in TABLES for file in stored_files(logs.settings, table, layouts[table])), default=0
    )


def _number_of_pair(logs: _Logs, rejects: Commit) -> int | None:
    """A batch's number from its records. Earlier versions of the project did not log it for a batch without rejects."""
    record_type, contents = loaded_contents(rejects)
    if contents and record_type in logs.entries:
        for commit in logs.promotions(record_type):
            if commit.contents == contents:
                return commit.promoted
    return None


def _check_months(versions: Versions, at_least: Versions) -> Iterator[PinProblem]:
    for table, version in at_least.items():
        if version is not None and version > (versions.get(table) or 0):
            yield PinProblem(
                Trouble.AHEAD,
                where=f"raw/{table}",
                found=f"version {versions.get(table)} as the newest with a batch",
                expected=f"version {version}, which a closed month read, or a later one",
                advice="The raw tables are older than payouts/. " + RESTORE_RAW,
            )


def _check_next(logs: _Logs, batch_number: int) -> Iterator[PinProblem]:
    """Check that a promotion that a crash interrupted is the next batch."""
    for promotion in logs.in_flight:
        if promotion.batch_number != batch_number + 1:
            yield PinProblem(
                Trouble.DAMAGED,
                where="raw/_staging",
                found=f"batch {promotion.batch_number} half promoted after batch {batch_number}",
                expected=f"batch {batch_number + 1}",
                advice="Staging and tables are of different copies. " + RESTORE_RAW,
            )
