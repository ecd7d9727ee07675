"""Held batches: what failed a critical check, and the decision that a person takes on it.

A held batch is its staging folder, moved whole to `held/<batch_id>/`. Its files stay known: they
are not staged again while it is held, nor after it was released or discarded (a content that was
discarded never loads; deliver it changed).
"""

import calendar
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ingestion.contracts.fields import sql_text
from ingestion.decisions import Decision, read_decisions, record_decision
from ingestion.durable import read_json, sync_file, write_json
from ingestion.engine import connect
from ingestion.pins_check import require_pins
from ingestion.promotion import Promotion, finish_promotions, promote, staging_folder
from ingestion.raw_tables import read_pins
from ingestion.reports import BatchReport, CheckResult
from ingestion.settings import Settings
from ingestion.staging import StagedFile

_REPORT = "batch.json"
_DISCARDED = "discarded"
# A period has at most 35 days: one whose last day is the first of a month may begin 34 days before.
_LONGEST_PERIOD_BEFORE = timedelta(days=34)
_DAY_OF = {"heartbeats": "event_day", "subscriptions": "period_end - 1"}


class UnknownBatchError(Exception):
    """No held batch has this id, or none any more."""


@dataclass(frozen=True)
class HeldBatch:
    """A batch that waits for a person's decision."""

    report: BatchReport
    files: tuple[str, ...]
    """The landed files in it, relative to landing."""
    held_at: str
    first_day: date | None
    """First and last Paris day of its accepted records: events, or last days of paid periods."""
    last_day: date | None

    @property
    def batch_id(self) -> str:
        """What to call it by."""
        return self.report.batch_id

    @property
    def record_type(self) -> str:
        """The record type of its files."""
        return self.report.record_type

    @property
    def failed_checks(self) -> tuple[CheckResult, ...]:
        """The critical checks for which it is held."""
        return tuple(check for check in self.report.checks if check.severity == "critical" and not check.passed)


@dataclass(frozen=True)
class HeldContents:
    """What held and discarded batches hold: not to be staged again."""

    contents: frozenset[str]
    unreadables: frozenset[str]


def hold(
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    report: BatchReport,
    promotion: Promotion,
    source_files: tuple[str, ...],
) -> None:
    """Move a staged batch aside, with its report, until a person decides."""
    folder = staging_folder(settings, report.batch_id)
    first_day, last_day = _days(con, folder, promotion)
    held_at = datetime.now(UTC).isoformat(timespec="seconds")
    held = HeldBatch(report, source_files, held_at, first_day, last_day)
    write_json(folder / _REPORT, {"held": asdict(held), "promotion": promotion.as_dict()})
    settings.held_dir.mkdir(parents=True, exist_ok=True)
    folder.rename(settings.held_dir / report.batch_id)
    sync_file(settings.held_dir)
    sync_file(folder.parent)


def _days(con: duckdb.DuckDBPyConnection, folder: Path, promotion: Promotion) -> tuple[date | None, date | None]:
    files = [str(folder / f.source) for f in promotion.files if f.table == promotion.record_type]
    day = _DAY_OF.get(promotion.record_type)
    if not files or day is None:
        return None, None
    row = con.execute(
        f"select min({day}), max({day}) from read_parquet(?, hive_partitioning = true, "
        "hive_types = {'event_day': date})"
        if day == "event_day"
        else f"select min({day}), max({day}) from read_parquet(?, hive_partitioning = false)",
        [files],
    ).fetchone()
    return row or (None, None)


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


def _stored_in(folder: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if stored := read_json(path / _REPORT) if path.is_dir() else None:
                yield path.name, stored


def list_held(settings: Settings) -> tuple[HeldBatch, ...]:
    """Every batch that waits for a decision, the oldest first."""
    batches = (_from_stored(stored) for _, stored in _stored_in(settings.held_dir))
    return tuple(sorted(batches, key=lambda held: (held.held_at, held.batch_id)))


def _from_stored(stored: dict[str, Any]) -> HeldBatch:
    held = stored["held"]
    days = [date.fromisoformat(day) if day else None for day in (held["first_day"], held["last_day"])]
    return HeldBatch(
        report=BatchReport.from_dict(held["report"]),
        files=tuple(held["files"]),
        held_at=held["held_at"],
        first_day=days[0],
        last_day=days[1],
    )


def read_held(settings: Settings, batch_id: str) -> HeldBatch:
    """One held batch.

    Raises:
        UnknownBatchError: none has this id; the message says what was decided on it, or names those there are.
    """
    for held in list_held(settings):
        if held.batch_id == batch_id:
            return held
    for decision in read_decisions(settings):
        if decision.batch_id == batch_id:
            raise UnknownBatchError(
                f"Batch {batch_id!r} is not held any more: its {decision.decision} was decided by "
                f"{decision.operator} at {decision.decided_at}, and stands."
            )
    ids = ", ".join(held.batch_id for held in list_held(settings)) or "none"
    raise UnknownBatchError(f"No batch {batch_id!r} is held. Held are: {ids}.")


def release(settings: Settings, batch_id: str, *, operator: str, why: str) -> BatchReport:
    """Promote a held batch in spite of its failed checks, under a new batch number.

    The number is new, so that a reader's watermark, which may have passed the old one, takes it.

    Raises:
        UnknownBatchError: none has this id.
    """
    finish_decisions(settings)
    held = read_held(settings, batch_id)
    folder = settings.held_dir / batch_id
    stored = Promotion.from_dict((read_json(folder / _REPORT) or {})["promotion"])
    number = read_pins(settings).batch_number + 1
    new_id = f"{held.record_type}-{number:06}-{secrets.token_hex(4)}"
    target = staging_folder(settings, new_id)
    target.mkdir(parents=True)
    with connect(settings) as con:
        files = tuple(
            _renumbered(con, file, folder, target, name=f"{new_id}-{i}", number=number)
            for i, file in enumerate(stored.files)
        )
    promote(
        settings,
        replace(
            stored,
            batch_id=new_id,
            batch_number=number,
            files=files,
            release=_decision(batch_id, "release", operator, why),
        ),
    )
    return replace(held.report, batch_id=new_id, batch_number=number, verdict="promoted")


def _renumbered(
    con: duckdb.DuckDBPyConnection,
    file: StagedFile,
    folder: Path,
    target: Path,
    *,
    name: str,
    number: int,
) -> StagedFile:
    source = f"{name}.parquet"
    rows = con.execute(
        "copy (select * replace (cast($number as bigint) as batch_number) "
        "from read_parquet($source, hive_partitioning = false)) "
        f"to {sql_text(str(target / source))} (format parquet, compression zstd, return_stats)",
        {"number": number, "source": str(folder / file.source)},
    ).fetchall()
    sync_file(target / source)
    directory = file.data.path.rpartition("/")[0]
    return StagedFile(
        source=source,
        table=file.table,
        data=replace(
            file.data,
            path=f"{directory}/{source}" if directory else source,
            size=rows[0][2],
            batch_number=number,
        ),
    )


def discard(settings: Settings, batch_id: str, *, operator: str, why: str) -> HeldBatch:
    """Give a held batch up: its report is kept, its records are not, its content never loads again.

    Raises:
        UnknownBatchError: none has this id.
    """
    finish_decisions(settings)
    held = read_held(settings, batch_id)
    record_decision(settings, _decision(batch_id, "discard", operator, why))
    _carry_out_discard(settings, batch_id)
    return held


def finish_decisions(settings: Settings) -> None:
    """After a crash: carry out what was decided on held batches, before anything else is decided.

    Raises:
        PinsError: the pins do not fit the tables; on them a batch number would come twice, or records be hidden.
    """
    require_pins(settings, with_files=False)
    finish_promotions(settings)
    for decision in read_decisions(settings):
        if decision.decision == "discard":
            _carry_out_discard(settings, decision.batch_id)


def _carry_out_discard(settings: Settings, batch_id: str) -> None:
    """Every step can be repeated; nothing happens if all are done."""
    source = settings.held_dir / batch_id
    target = settings.held_dir / _DISCARDED / batch_id
    if source.exists():
        target.parent.mkdir(exist_ok=True)
        source.rename(target)
        sync_file(settings.held_dir)
        sync_file(target.parent)
    for path in target.glob("*"):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _REPORT:
            path.unlink()


def _decision(batch_id: str, what: str, operator: str, why: str) -> Decision:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Decision(batch_id, what, operator, why, now)  # type: ignore[arg-type]


def months_touched(held: HeldBatch, open_months: Iterable[str]) -> tuple[str, ...]:
    """The months among `open_months` ('YYYY-MM') whose settlement the batch could change.

    Heartbeats touch a month if an event day lies in [its first day - 34 days, its last day];
    subscriptions every month from the earliest last day of a period on; the catalogue every month.
    A batch without a single accepted record says nothing of its days: it touches every month.
    """
    return tuple(month for month in open_months if _touches(held, month))


def _touches(held: HeldBatch, month: str) -> bool:
    if held.first_day is None or held.last_day is None:
        return True
    first = date.fromisoformat(f"{month}-01")
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    if held.record_type == "heartbeats":
        return held.first_day <= last and held.last_day >= first - _LONGEST_PERIOD_BEFORE
    return held.first_day <= last
