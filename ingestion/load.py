"""Loads the new files of a record type from landing as one batch. Files at fault are held, the others promoted.

The caller holds the data home's lock (`allive.ingestion.lock`).
"""

import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from allive.ingestion.batches import HeldFile, days_of_files, finish_decisions, hold, known_to_held
from allive.ingestion.checks import check_counts, files_at_fault
from allive.ingestion.contracts import CONTRACTS, Contract
from allive.ingestion.engine import connect
from allive.ingestion.expectations.validation import Docs, validate
from allive.ingestion.file_notes import check_notes
from allive.ingestion.landed_content import Limits, hash_content
from allive.ingestion.landing import LandedFile, NotTakenError, UnreadableFileError, hash_bytes
from allive.ingestion.odd_entries import OddEntry
from allive.ingestion.promotion import (
    Promoted,
    Promotion,
    promote,
    staging_folder,
)
from allive.ingestion.raw_tables import read_pins, scan_of
from allive.ingestion.readers import FirstReads
from allive.ingestion.reports import BatchReport, CheckResult, RejectedLines
from allive.ingestion.seen_files import seen_files_of
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text
from allive.ingestion.staged_files import StagedFile, sync_files
from allive.ingestion.staging import (
    StagedBatch,
    StagingInterruptedError,
    UnreadableFile,
    stage_files,
    stage_landed,
)
from allive.ingestion.waiting import ONE_LOAD, find_fresh

__all__ = ["BatchReport", "CheckResult", "load_new_files", "validate_files"]

Progress = Callable[[str, int], None]
"""Called with a record type and the bytes read since the last call."""

Validator = Callable[[Settings, str, tuple[Path, ...], tuple[str, ...] | None], tuple[CheckResult, ...]]
"""Validates staged files of accepted records, as `validate_files` does, perhaps in another process."""

_MOST_KINDS = 20
"""The largest number of kinds of rejects (by file and reason) that a report lists."""

# A large uncompressed file whose size no other file has is hashed while it is loaded, not before.
_HASHED_FIRST_BELOW_BYTES = 1 << 20


def validate_files(
    settings: Settings, record_type: str, files: tuple[Path, ...], landed: tuple[str, ...] | None = None
) -> tuple[CheckResult, ...]:
    """Validate staged accepted records against the suite of their type; with `landed`, only those of these files."""
    con = connect(settings)
    try:
        scan = scan_of(record_type, list(files), lacked=())
        if landed is not None:
            scan = f"select * from ({scan}) where source_file in ({', '.join(map(sql_text, landed))})"
        con.execute(f"create view staged as {scan}")
        # The data docs show batches. A search for the files at fault validates parts of one.
        docs = Docs(settings.data_docs_dir, about=_batch_of(settings, record_type, files)) if landed is None else None
        return validate(con, "staged", f"allive.ingestion.expectations.{record_type}", docs)
    finally:
        con.close()


def _batch_of(settings: Settings, record_type: str, files: Iterable[Path]) -> str:
    """The id of the batch whose staged files these are; the record type if they are elsewhere."""
    staging = staging_folder(settings, record_type).parent
    staged = (file.relative_to(staging).parts[0] for file in files if file.is_relative_to(staging))
    return next(staged, record_type)


def load_new_files(
    settings: Settings,
    record_type: str,
    *,
    progress: Progress | None = None,
    now: datetime | None = None,
    validator: Validator = validate_files,
) -> BatchReport | None:
    """Load the files of a record type that have not been processed yet, as one batch.

    Each file is loaded completely or not at all, and only once: its decompressed content identifies it, whatever its
    name or compression. After a crash, the next call completes what was decided.

    Args:
        settings: the data home.
        record_type: one of `RECORD_TYPES`.
        progress: called while files are read.
        now: the time of the load, for `in_future`; the current time by default.
        validator: validates the accepted records; by default in this process.

    Returns:
        The report on the batch; None if there is nothing new.

    Raises:
        PinsError: the pins do not match the raw tables (`allive.ingestion.pins_check`); nothing was loaded.
    """
    with ONE_LOAD:
        finish_decisions(settings)
        seen = seen_files_of(settings, record_type)
        fresh = find_fresh(settings, seen, record_type)
        if not fresh:
            return None
        missed: dict[str, OddEntry] = {}
        report = _load(
            settings,
            CONTRACTS[record_type],
            fresh,
            missed=missed,
            progress=progress,
            now=now or datetime.now(UTC),
            validator=validator,
        )
        seen.note_missed(missed.values())
        dealt_with = [file for file in fresh if file.name not in missed]
        seen.remember(dealt_with, batch_number=read_pins(settings).batch_number)
        return report


@dataclass
class _Sorted:
    """Landed files, sorted by what to do with them."""

    to_load: list[LandedFile] = field(default_factory=list)
    unreadable: list[UnreadableFile] = field(default_factory=list)
    already_loaded: int = 0


class _Known:
    """The contents that the raw layer and the held batches know."""

    def __init__(self, settings: Settings, record_type: str) -> None:
        self._promoted = Promoted(settings, record_type)
        self._held = known_to_held(settings, record_type)

    def has_content(self, content_hash: str) -> bool:
        return content_hash in self._held.contents or self._promoted.has_content(content_hash)

    def has_unreadable(self, bytes_hash: str) -> bool:
        return bytes_hash in self._held.unreadables or self._promoted.has_unreadable(bytes_hash)


def _load(
    settings: Settings,
    contract: Contract,
    fresh: list[LandedFile],
    *,
    missed: dict[str, OddEntry],
    progress: Progress | None,
    now: datetime,
    validator: Validator,
) -> BatchReport | None:
    known, limits = _Known(settings, contract.record_type), Limits.of(settings)
    files = _sort(fresh, known, limits, missed)
    batch_number = read_pins(settings).batch_number + 1
    batch_id = f"{contract.record_type}-{batch_number:06}-{secrets.token_hex(4)}"
    folder = staging_folder(settings, batch_id)

    def tell(size: int) -> None:
        if progress:
            progress(contract.record_type, size)

    on_read = FirstReads(tell)
    con = connect(settings)
    try:
        while files.to_load or files.unreadable:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                staged = stage_files(
                    con,
                    contract,
                    files.to_load,
                    files.unreadable,
                    folder=folder,
                    batch_id=batch_id,
                    batch_number=batch_number,
                    loaded_at=now,
                    limits=limits,
                    on_read=on_read,
                )
            except StagingInterruptedError as interrupted:
                for file, reason in interrupted.not_taken:
                    _leave(files, file, reason, missed)
                for file, reason in interrupted.unreadable:
                    _set_aside(files, file, reason, known, missed)
                continue
            if repeated := _repeated(staged.hashes, known):
                # Known only now, because these files were hashed while they were staged: stage again without them.
                files.to_load = [file for file in files.to_load if file.name not in repeated]
                files.already_loaded += len(repeated)
                continue
            return _decide(
                settings,
                con,
                contract,
                staged,
                files=files,
                folder=folder,
                batch_number=batch_number,
                validator=validator,
            )
    finally:
        con.close()
    shutil.rmtree(folder, ignore_errors=True)
    return None


def _sort(fresh: list[LandedFile], known: _Known, limits: Limits, missed: dict[str, OddEntry]) -> _Sorted:
    """Hash the files that only a hash can distinguish, and leave out those that are known or occur twice."""
    files = _Sorted()
    sizes = Counter(file.size for file in fresh)
    taken = set()
    for file in fresh:
        is_told_by_size = sizes[file.size] == 1 and file.size >= _HASHED_FIRST_BELOW_BYTES
        if is_told_by_size and not file.compression and file.format != ".parquet":
            files.to_load.append(file)
            continue
        try:
            content_hash = hash_content(file, limits)
        except UnreadableFileError as error:
            _set_aside(files, file, str(error), known, missed)
            continue
        except NotTakenError as error:
            _leave(files, file, str(error), missed)
            continue
        if content_hash in taken or known.has_content(content_hash):
            files.already_loaded += 1
        else:
            taken.add(content_hash)
            files.to_load.append(file)
    return files


def _set_aside(files: _Sorted, file: LandedFile, why: str, known: _Known, missed: dict[str, OddEntry]) -> None:
    try:
        bytes_hash = hash_bytes(file)
    except NotTakenError as error:
        _leave(files, file, str(error), missed)
        return
    files.to_load = [other for other in files.to_load if other != file]
    is_repeated = any(other.bytes_hash == bytes_hash for other in files.unreadable)
    if is_repeated or known.has_unreadable(bytes_hash):
        files.already_loaded += 1
    else:
        files.unreadable.append(UnreadableFile(file, why, bytes_hash))


def _leave(files: _Sorted, file: LandedFile, why: str, missed: dict[str, OddEntry]) -> None:
    """Leave a file where it is: it is reported, and the next run finds it again if it is still there."""
    files.to_load = [other for other in files.to_load if other != file]
    missed[file.name] = OddEntry(file.name, why)


def _repeated(hashes: dict[str, str], known: _Known) -> set[str]:
    """Names of files whose content is known, or is in an earlier file of the batch."""
    first_of: dict[str, str] = {}
    return {
        name
        for name, content_hash in hashes.items()
        if first_of.setdefault(content_hash, name) != name or known.has_content(content_hash)
    }


def _decide(
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    staged: StagedBatch,
    *,
    files: _Sorted,
    folder: Path,
    batch_number: int,
    validator: Validator,
) -> BatchReport:
    accepted = tuple(folder / file.source for file in staged.files if file.table == contract.record_type)
    checks = check_counts(contract, staged) + check_notes(staged.notes)
    with ThreadPoolExecutor(1) as beside:
        synced = beside.submit(sync_files, folder, staged.files)
        if accepted:
            checks += _validated(settings, contract, staged, accepted, validator)
        synced.result()
    at_fault = {
        name
        for check in checks
        if not check.passed and check.severity == "critical"
        for name in check.files or staged.counts
    }
    report = _report(
        contract, staged, files, at_fault=at_fault, checks=checks, folder=folder, batch_number=batch_number
    )
    promotion = Promotion(
        batch_id=folder.name,
        batch_number=batch_number,
        record_type=contract.record_type,
        files=tuple(staged.files),
        content_hashes=tuple(staged.hashes.values()),
        unreadable_hashes=tuple(entry.bytes_hash for entry in files.unreadable),
    )
    if at_fault:
        promotion = _hold_files(settings, con, contract, report, promotion, staged=staged, folder=folder)
    if promotion.content_hashes or promotion.unreadable_hashes:
        promote(settings, promotion)
    else:
        shutil.rmtree(folder)
    return report


def _validated(
    settings: Settings,
    contract: Contract,
    staged: StagedBatch,
    accepted: tuple[Path, ...],
    validator: Validator,
) -> tuple[CheckResult, ...]:
    """Run the suite on the whole batch; if an invariant fails, find the files that fail it alone."""

    def validated(landed: Sequence[str] | None) -> tuple[CheckResult, ...]:
        names = None if landed is None else tuple(landed)
        return validator(settings, contract.record_type, accepted, names)

    def fails(landed: Sequence[str]) -> bool:
        return any(not check.passed and check.severity == "critical" for check in validated(landed))

    checks = validated(None)
    if all(check.passed or check.severity != "critical" for check in checks):
        return checks
    at_fault = files_at_fault([name for name, file in staged.counts.items() if file.accepted], fails)
    return tuple(
        check if check.passed or check.severity != "critical" else replace(check, files=at_fault) for check in checks
    )


def _hold_files(
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    report: BatchReport,
    promotion: Promotion,
    *,
    staged: StagedBatch,
    folder: Path,
) -> Promotion:
    """Move the held files of a staged batch aside, and return the promotion of the other files.

    The held files are moved first: if the load is killed in between, the next one finds only the other files as new.
    """
    held, kept = folder / "held", folder / "kept"
    at_fault = {*report.held_files}
    hashes_kept = {name: content for name, content in staged.hashes.items() if name not in at_fault}
    others = [*hashes_kept, *(name for name, _ in report.unreadable)]
    parts = {}
    for part, names in ((held, report.held_files), (kept, others)):
        part.mkdir()
        parts[part] = stage_landed(
            con,
            contract,
            promotion.files,
            names,
            source=folder,
            target=part,
            batch_id=promotion.batch_id,
            batch_number=promotion.batch_number,
        )
        sync_files(part, parts[part])
    hold(
        settings,
        report,
        replace(
            promotion,
            files=tuple(parts[held]),
            content_hashes=tuple(staged.hashes[name] for name in report.held_files),
            unreadable_hashes=(),
        ),
        _held_files(
            con, contract, report, staged, [held / file.source for file in parts[held] if _is_of(contract, file)]
        ),
        folder=held,
    )
    return replace(
        promotion,
        files=tuple(replace(file, source=f"{kept.name}/{file.source}") for file in parts[kept]),
        content_hashes=tuple(hashes_kept.values()),
    )


def _is_of(contract: Contract, file: StagedFile) -> bool:
    return file.table == contract.record_type


def _held_files(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    report: BatchReport,
    staged: StagedBatch,
    records: Iterable[Path],
) -> tuple[HeldFile, ...]:
    days = days_of_files(con, contract.record_type, records)
    failed = [check for check in report.checks if not check.passed and check.severity == "critical"]
    of_files: dict[str, list[str]] = {}
    for check in failed:
        for name in check.files or report.held_files:
            of_files.setdefault(name, []).append(check.name)
    held = []
    for name in report.held_files:
        counts, (first_day, last_day) = staged.counts[name], days.get(name, (None, None))
        content_hash = staged.hashes[name]
        held.append(
            HeldFile(
                name, content_hash, counts.accepted, counts.rejected, first_day, last_day, failed=tuple(of_files[name])
            )
        )
    return tuple(held)


def _report(
    contract: Contract,
    staged: StagedBatch,
    files: _Sorted,
    *,
    at_fault: Collection[str],
    checks: tuple[CheckResult, ...],
    folder: Path,
    batch_number: int,
) -> BatchReport:
    held = tuple(name for name in staged.counts if name in at_fault)
    kinds = [
        RejectedLines(name, reason, records, file.first_lines[reason])
        for name, file in staged.counts.items()
        if name not in at_fault
        for reason, records in file.rejects.items()
    ]
    kinds.sort(key=lambda kind: (-kind.records, kind.file, kind.reason))
    return BatchReport(
        batch_id=folder.name,
        batch_number=batch_number,
        record_type=contract.record_type,
        files=len(files.to_load),
        records=staged.records,
        rejects=staged.rejects,
        bytes=_size(files.to_load),
        verdict="promoted" if not held else "held" if len(held) == len(staged.counts) else "partly held",
        checks=checks,
        unreadable=tuple((entry.file.name, entry.why) for entry in files.unreadable),
        already_loaded=files.already_loaded,
        held_files=held,
        held_records=sum(staged.counts[name].accepted for name in held),
        held_rejects=sum(staged.counts[name].rejected for name in held),
        rejected=tuple(kinds[:_MOST_KINDS]),
        rejected_kinds=len(kinds),
    )


def _size(files: Iterable[LandedFile]) -> int:
    return sum(file.size for file in files)
