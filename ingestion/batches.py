"""Held files, which failed a critical check, and the decisions that people take on them.

The held files of a batch are in `held/<batch_id>/`, with its report, until each of them was released or discarded.
Files without a recorded decision wait. A file that waits is not staged again. Only a discarded content is known
permanently: if it is delivered again, it never loads; if it is delivered with changes, it does.
"""

import calendar
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb

from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.decisions import Decision, read_decisions, record_decision
from allive.ingestion.durable import read_json, sync_file, write_json
from allive.ingestion.engine import connect
from allive.ingestion.home_format import raise_home_format
from allive.ingestion.pins_check import require_pins
from allive.ingestion.promotion import Promotion, finish_promotions, promote, staging_folder
from allive.ingestion.raw_tables import REJECTS, format_of_files, read_pins, scan_of
from allive.ingestion.reports import BatchReport, CheckResult
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text
from allive.ingestion.staged_files import sync_files

_REPORT = "batch.json"
_DISCARDED = "discarded"
# A period has at most 35 days: one whose last day is the first of a month can begin 34 days before.
_LONGEST_PERIOD_BEFORE = timedelta(days=34)
_DAY_OF = {"heartbeats": "event_day", "subscriptions": "period_end - 1"}


class UnknownBatchError(Exception):
    """There is no held batch with this id, or it does not contain this file, or no longer does."""


@dataclass(frozen=True)
class HeldFile:
    """A landed file that waits for a person's decision."""

    name: str
    """Relative to landing."""
    content_hash: str
    records: int | None
    """Accepted records; None in a batch that earlier code held, which counted by batch."""
    rejects: int | None
    """Rejected records; None in the same case."""
    first_day: date | None
    """First and last Paris day of its accepted records: events, or last days of paid periods."""
    last_day: date | None
    failed: tuple[str, ...]
    """The checks that it failed."""


@dataclass(frozen=True)
class HeldBatch:
    """A batch with files that wait for a person's decision."""

    report: BatchReport
    """The report on the whole batch."""
    files: tuple[HeldFile, ...]
    """The files that wait."""
    held_at: str

    @property
    def batch_id(self) -> str:
        """The batch's id."""
        return self.report.batch_id

    @property
    def record_type(self) -> str:
        """The record type of its files."""
        return self.report.record_type

    @property
    def failed_checks(self) -> tuple[CheckResult, ...]:
        """The critical checks that failed."""
        return tuple(check for check in self.report.checks if check.severity == "critical" and not check.passed)

    @property
    def names(self) -> tuple[str, ...]:
        """The landed files that wait, relative to landing."""
        return tuple(file.name for file in self.files)

    @property
    def records(self) -> int:
        """Accepted records that wait."""
        if any(file.records is None for file in self.files):
            return self.report.records
        return sum(file.records or 0 for file in self.files)

    @property
    def rejects(self) -> int:
        """Rejected records of the files that wait."""
        if any(file.rejects is None for file in self.files):
            return self.report.rejects
        return sum(file.rejects or 0 for file in self.files)

    @property
    def first_day(self) -> date | None:
        """First Paris day of the accepted records that wait."""
        return min((file.first_day for file in self.files if file.first_day), default=None)

    @property
    def last_day(self) -> date | None:
        """Last Paris day of the accepted records that wait."""
        return max((file.last_day for file in self.files if file.last_day), default=None)


@dataclass(frozen=True)
class HeldRejects:
    """The staged rejects of a batch's files that wait for a decision."""

    batch_id: str
    held_at: str
    names: tuple[str, ...]
    """The landed files that wait: the staged files can contain rejects of others."""
    files: tuple[Path, ...]


@dataclass(frozen=True)
class HeldContents:
    """The contents of held and discarded files, which must not be staged again."""

    contents: frozenset[str]
    unreadables: frozenset[str]


def hold(
    settings: Settings,
    report: BatchReport,
    promotion: Promotion,
    files: tuple[HeldFile, ...],
    *,
    folder: Path,
) -> None:
    """Move the held part of a batch aside, with its report, until a person decides.

    Args:
        settings: the data home.
        report: the report of the whole batch.
        promotion: the promotion that a release of all these files would make.
        files: the held files.
        folder: where their records are staged; they must already be synced to the disk.
    """
    held = {
        "report": report.as_dict(),
        "files": [asdict(file) for file in files],
        "held_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    raise_home_format(settings, format_of_files(file.data for file in promotion.files))
    write_json(folder / _REPORT, {"held": held, "promotion": promotion.as_dict()})
    settings.held_dir.mkdir(parents=True, exist_ok=True)
    folder.rename(settings.held_dir / report.batch_id)
    sync_file(settings.held_dir)
    sync_file(folder.parent)


def days_of_files(
    con: duckdb.DuckDBPyConnection, record_type: str, staged: Iterable[Path]
) -> dict[str, tuple[date, date]]:
    """Return the first and last day of the accepted records of each landed file that has any, if the type has days."""
    day = _DAY_OF.get(record_type)
    if day is None:
        return {}
    rows = con.execute(
        f"select source_file, min({day}), max({day}) from ({scan_of(record_type, staged)}) group by source_file"
    ).fetchall()
    return {name: (first, last) for name, first, last in rows}


def known_to_held(settings: Settings, record_type: str) -> HeldContents:
    """The contents of a record type that wait for a decision, or were discarded."""
    promotions = [
        Promotion.from_dict(stored["promotion"])
        for folder in (settings.held_dir, settings.held_dir / _DISCARDED)
        for _, stored in _stored_in(folder)
        if stored["promotion"]["record_type"] == record_type
    ]
    return HeldContents(
        contents=frozenset(h for p in promotions for h in p.content_hashes),
        unreadables=frozenset(h for p in promotions for h in p.unreadable_hashes),
    )


def _stored_in(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if stored := read_json(path / _REPORT) if path.is_dir() else None:
                yield path.name, stored


def list_held(settings: Settings) -> tuple[HeldBatch, ...]:
    """Every batch with files that wait for a decision, oldest first."""
    decisions = read_decisions(settings)
    batches = (
        _waiting(stored, [one for one in decisions if one.batch_id == batch_id])
        for batch_id, stored in _stored_in(settings.held_dir)
    )
    return tuple(sorted((held for held in batches if held.files), key=lambda held: (held.held_at, held.batch_id)))


def held_rejects(settings: Settings) -> list[HeldRejects]:
    """The staged rejects of all files that wait for a decision."""
    found = []
    for held in list_held(settings):
        folder = settings.held_dir / held.batch_id
        stored = Promotion.from_dict((read_json(folder / _REPORT) or {})["promotion"])
        if files := tuple(folder / file.source for file in stored.files if file.table == REJECTS):
            found.append(HeldRejects(held.batch_id, held.held_at, held.names, files))
    return found


def _waiting(stored: dict[str, Any], decisions: Iterable[Decision]) -> HeldBatch:
    decided = _decided(stored, decisions)
    return HeldBatch(
        report=BatchReport.from_dict(stored["held"]["report"]),
        files=tuple(file for file in _files_of(stored) if file.name not in decided),
        held_at=stored["held"]["held_at"],
    )


def _files_of(stored: dict[str, Any]) -> tuple[HeldFile, ...]:
    """The files of a held batch. Earlier code stored only their names, and one range of days for all of them."""
    held = stored["held"]
    failed = tuple(
        check["name"] for check in held["report"]["checks"] if check["severity"] == "critical" and not check["passed"]
    )
    if "first_day" in held:
        return tuple(
            HeldFile(name, content_hash, None, None, _day(held["first_day"]), _day(held["last_day"]), failed)
            for name, content_hash in zip(held["files"], stored["promotion"]["content_hashes"], strict=True)
        )
    return tuple(
        HeldFile(
            **{
                **file,
                "first_day": _day(file["first_day"]),
                "last_day": _day(file["last_day"]),
                "failed": tuple(file["failed"]),
            }
        )
        for file in held["files"]
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _decided(stored: dict[str, Any], decisions: Iterable[Decision]) -> dict[str, str]:
    """The decision on each file of a batch; the first one counts."""
    decided: dict[str, str] = {}
    for one in decisions:
        for name in one.files or [file.name for file in _files_of(stored)]:
            decided.setdefault(name, one.decision)
    return decided


def read_held(settings: Settings, batch_id: str, files: Collection[str] = ()) -> HeldBatch:
    """One held batch; with `files`, only these of its files.

    Raises:
        UnknownBatchError: there is no such batch, or a file of it does not wait; the message says what was decided, or
            lists what is held.
    """
    all_held = {held.batch_id: held for held in list_held(settings)}
    held = all_held.get(batch_id)
    unknown = sorted({*files} - {*held.names}) if held else [*files]
    if held and not unknown:
        chosen = {*files}
        return replace(held, files=tuple(file for file in held.files if not chosen or file.name in chosen))
    for decision in read_decisions(settings):
        if decision.batch_id == batch_id and (not unknown or not decision.files or {*decision.files} & {*unknown}):
            what = f"File {unknown[0]} of batch {batch_id!r}" if unknown else f"Batch {batch_id!r}"
            raise UnknownBatchError(
                f"{what} is no longer held: its {decision.decision} was decided by {decision.operator} at "
                f"{decision.decided_at}, and is final."
            )
    if held:
        raise UnknownBatchError(
            f"Batch {batch_id!r} holds no file {unknown[0]!r}. It holds {_named(held.names)}: "
            f"`allive batches show {batch_id}` lists all."
        )
    raise UnknownBatchError(f"No batch {batch_id!r} is held. Held batches: {', '.join(all_held) or 'none'}.")


def find_held(settings: Settings, what: str, files: Collection[str] = ()) -> HeldBatch:
    """The held files that an operator names: a batch by its id, some of its files, or files by their names alone.

    Raises:
        UnknownBatchError: nothing of that name is held, or a name is held in several batches.
    """
    batches = list_held(settings)
    if any(held.batch_id == what for held in batches):
        return read_held(settings, what, files)
    named = {what, *files}
    holding = [held for held in batches if named & {*held.names}]
    if len(holding) == 1:
        return read_held(settings, holding[0].batch_id, named)
    if holding:
        raise UnknownBatchError(
            f"Several batches hold files of these names: {', '.join(held.batch_id for held in holding)}. "
            "Name the batch first, then its files."
        )
    return read_held(settings, what, files)


def _named(names: Collection[str], *, most: int = 3) -> str:
    more = len(names) - most
    return ", ".join([*names][:most]) + (f" and {more:,} more" if more > 0 else "")


def release(settings: Settings, batch_id: str, files: Collection[str] = (), *, operator: str, why: str) -> BatchReport:
    """Promote held files despite failed checks, under a new batch number; without `files`, all that wait.

    The number is new because a reader's watermark might have passed the old one: readers would miss the records.

    Raises:
        UnknownBatchError: nothing of that name is held.
    """
    from allive.ingestion.staging import stage_landed  # noqa: PLC0415 - pyarrow, which showing held files does not need

    finish_decisions(settings)
    held = read_held(settings, batch_id, files)
    folder = settings.held_dir / batch_id
    stored = Promotion.from_dict((read_json(folder / _REPORT) or {})["promotion"])
    # Earlier code also held files that were set aside: they are released with the last of the others.
    unreadable = held.report.unreadable if _is_all_that_waits(settings, held) and stored.unreadable_hashes else ()
    number = read_pins(settings).batch_number + 1
    new_id = f"{held.record_type}-{number:06}-{secrets.token_hex(4)}"
    target = staging_folder(settings, new_id)
    target.mkdir(parents=True)
    with connect(settings) as con:
        staged = stage_landed(
            con,
            CONTRACTS[held.record_type],
            stored.files,
            [*held.names, *(name for name, _ in unreadable)],
            source=folder,
            target=target,
            batch_id=new_id,
            batch_number=number,
        )
    sync_files(target, staged)
    promote(
        settings,
        Promotion(
            batch_id=new_id,
            batch_number=number,
            record_type=held.record_type,
            files=tuple(staged),
            content_hashes=tuple(file.content_hash for file in held.files),
            unreadable_hashes=stored.unreadable_hashes if unreadable else (),
            release=_decision(held, "release", operator, why),
        ),
    )
    _carry_out(settings, batch_id)
    return replace(
        held.report,
        batch_id=new_id,
        batch_number=number,
        files=len(held.files),
        records=sum(file.data.records for file in staged if file.table == held.record_type),
        rejects=sum(file.data.records for file in staged if file.table == REJECTS) - len(unreadable),
        verdict="promoted",
        unreadable=unreadable,
        held_files=(),
        held_records=0,
        held_rejects=0,
    )


def _is_all_that_waits(settings: Settings, held: HeldBatch) -> bool:
    return len(held.files) == len(read_held(settings, held.batch_id).files)


def discard(settings: Settings, batch_id: str, files: Collection[str] = (), *, operator: str, why: str) -> HeldBatch:
    """Discard held files; without `files`, all that wait. The report is kept, their records are not.

    Their contents never load again.

    Returns:
        The discarded files.

    Raises:
        UnknownBatchError: nothing of that name is held.
    """
    finish_decisions(settings)
    held = read_held(settings, batch_id, files)
    record_decision(settings, _decision(held, "discard", operator, why))
    _carry_out(settings, batch_id)
    return held


def finish_decisions(settings: Settings) -> None:
    """After a crash, carry out the decisions on held files, before anything else is decided.

    Raises:
        PinsError: the pins do not match the tables: a batch number would be used twice, or records would be hidden.
    """
    require_pins(settings, with_files=False)
    finish_promotions(settings)
    for batch_id in sorted({decision.batch_id for decision in read_decisions(settings)}):
        if (settings.held_dir / batch_id).exists():
            _carry_out(settings, batch_id)


def _carry_out(settings: Settings, batch_id: str) -> None:
    """Carry out the decisions on a batch. Every step can be repeated."""
    folder = settings.held_dir / batch_id
    stored = read_json(folder / _REPORT)
    if stored is not None:
        decisions = [one for one in read_decisions(settings) if one.batch_id == batch_id]
        decided = _decided(stored, decisions)
        waits = any(file.name not in decided for file in _files_of(stored))
        _note_discarded(settings, batch_id, stored, decided)
        if waits:
            _drop_records(settings, folder, decided)
            return
    shutil.rmtree(folder)
    sync_file(settings.held_dir)


def _note_discarded(settings: Settings, batch_id: str, stored: dict[str, Any], decided: Mapping[str, str]) -> None:
    """Keep the report, and the hashes of the discarded files."""
    discarded = [file for file in _files_of(stored) if decided.get(file.name) == "discard"]
    if not discarded:
        return
    # Earlier code also held files that were set aside: they are discarded with the last of the others.
    is_last = len(decided) == len(_files_of(stored)) and [*decided.values()][-1] == "discard"
    promotion = replace(
        Promotion.from_dict(stored["promotion"]),
        files=(),
        content_hashes=tuple(file.content_hash for file in discarded),
        unreadable_hashes=tuple(stored["promotion"]["unreadable_hashes"]) if is_last else (),
    )
    held = {"report": stored["held"]["report"], "files": [asdict(file) for file in discarded]}
    path = settings.held_dir / _DISCARDED / batch_id / _REPORT
    write_json(path, {"held": {**held, "held_at": stored["held"]["held_at"]}, "promotion": promotion.as_dict()})
    sync_file(path.parent.parent)
    sync_file(settings.held_dir)


def _drop_records(settings: Settings, folder: Path, decided: Collection[str]) -> None:
    """Rewrite the held records without those of files that were decided on."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    with connect(settings) as con:
        con.register("decided", pa.table({"name": pa.array([*decided], pa.string())}))
        # All files, not only those of the promotion: earlier code left its staged rejects next to them.
        for path in folder.rglob("*.parquet"):
            records = f"read_parquet({sql_text(path)}, hive_partitioning = false)"
            is_decided = "source_file in (select name from decided)"
            if con.execute(f"select count(*) from {records} where {is_decided}").fetchone() == (0,):
                continue
            rest = path.with_suffix(".tmp")
            con.execute(
                f"copy (select * from {records} where not {is_decided}) to {sql_text(str(rest))} "
                "(format parquet, compression zstd)"
            )
            sync_file(rest)
            rest.replace(path)


def _decision(held: HeldBatch, what: Literal["release", "discard"], operator: str, why: str) -> Decision:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Decision(held.batch_id, what, operator, why, now, held.names)


def months_touched(held: HeldBatch, open_months: Iterable[str]) -> tuple[str, ...]:
    """The months among `open_months` ('YYYY-MM') whose settlement the files that wait could change.

    Heartbeats touch a month if an event day is in [its first day - 34 days, its last day]. Subscriptions touch every
    month from the earliest last day of a period on. The catalogue touches every month. Each file is judged by its own
    days. The days of a file without accepted records are unknown, so it touches every month.
    """
    spans = {(file.first_day, file.last_day) for file in held.files}
    return tuple(month for month in open_months if any(_touches(held.record_type, *span, month) for span in spans))


def _touches(record_type: str, first_day: date | None, last_day: date | None, month: str) -> bool:
    if first_day is None or last_day is None:
        return True
    first = date.fromisoformat(f"{month}-01")
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    if record_type == "heartbeats":
        return first_day <= last and last_day >= first - _LONGEST_PERIOD_BEFORE
    return first_day <= last
