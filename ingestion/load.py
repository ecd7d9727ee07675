"""Loading what is new of a record type: files in landing become one batch, promoted or held.

The caller holds the data home's lock (`ingestion.lock`).
"""

import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ingestion.batches import finish_decisions, hold, known_to_held
from ingestion.checks import check_counts
from ingestion.contracts import CONTRACTS, Contract
from ingestion.engine import connect
from ingestion.expectations.validation import validate
from ingestion.file_notes import check_notes
from ingestion.landed_content import Limits, hash_content
from ingestion.landing import LandedFile, NotTakenError, UnreadableFileError, hash_bytes
from ingestion.odd_entries import OddEntry
from ingestion.promotion import (
    Promoted,
    Promotion,
    promote,
    staging_folder,
)
from ingestion.raw_tables import read_pins, scan_of
from ingestion.readers import FirstReads
from ingestion.reports import BatchReport, CheckResult
from ingestion.seen_files import seen_files_of
from ingestion.settings import Settings
from ingestion.staging import (
    StagedBatch,
    StagingInterruptedError,
    UnreadableFile,
    stage_files,
    sync_files,
)

__all__ = ["BatchReport", "CheckResult", "has_new_files", "load_new_files", "validate_files", "waiting_files"]

Progress = Callable[[str, int], None]
"""Called with a record type and the bytes read since the last call."""

Validator = Callable[[Settings, str, tuple[Path, ...]], tuple[CheckResult, ...]]
"""Validates staged files of accepted records, as `validate_files` does, perhaps in another process."""

# A large uncompressed file of a size that no other has is hashed while it is loaded, not before.
_HASHED_FIRST_BELOW_BYTES = 1 << 20

# Batch numbers are given in the order of commits: one load at a time, also among threads.
_one_load = threading.Lock()


def has_new_files(settings: Settings) -> bool:
    """Whether anything in landing has not been dealt with yet. Reads no content."""
    return any(_fresh_files(settings, record_type) for record_type in CONTRACTS)


def waiting_files(settings: Settings, *, landed_before: datetime | None = None) -> tuple[str, ...]:
    """Return the files in landing that have not been dealt with yet, by name. Reads no content, writes nothing.

    With `landed_before` only those that lay there by then; the instant is compared with the file's change of name.
    """
    files = [file for record_type in CONTRACTS for file in _fresh_files(settings, record_type)]
    if landed_before is not None:
        files = [file for file in files if file.ctime_ns < landed_before.timestamp() * 1e9]
    return tuple(file.name for file in files)


def _fresh_files(settings: Settings, record_type: str) -> list[LandedFile]:
    return seen_files_of(settings, record_type).look(settings.landing_dir, record_type, is_noted=False).fresh


def validate_files(settings: Settings, record_type: str, files: tuple[Path, ...]) -> tuple[CheckResult, ...]:
    """Validate staged files of accepted records against the suite of their type."""
    con = connect(settings)
    try:
        con.execute(f"create view staged as {scan_of(record_type, list(files))}")
        return validate(con, "staged", f"ingestion.expectations.{record_type}")
    finally:
        con.close()


def load_new_files(
    settings: Settings,
    record_type: str,
    *,
    progress: Progress | None = None,
    now: datetime | None = None,
    validator: Validator = validate_files,
) -> BatchReport | None:
    """Load the files of a record type that have not been dealt with yet, as one batch.

    Each file is loaded whole or not at all, and once: by its decompressed content, under whatever
    name or compression. After a crash the next call completes what was decided.

    Args:
        settings: the data home.
        record_type: one of `RECORD_TYPES`.
        progress: called while files are read.
        now: the time of the load, for `in_future`; the clock's by default.
        validator: who validates the accepted records; this process by default.

    Returns:
        What became of the batch; None if there is nothing new.

    Raises:
        PinsError: the pins do not fit the raw tables (`ingestion.pins_check`); nothing was loaded.
    """
    with _one_load:
        finish_decisions(settings)
        seen = seen_files_of(settings, record_type)
        seen.forget_what_came_after(read_pins(settings).batch_number)
        fresh = seen.look(settings.landing_dir, record_type).fresh
        seen.note_missed([])
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
    """Landed files by what is to be done with them."""

    to_load: list[LandedFile] = field(default_factory=list)
    unreadable: list[UnreadableFile] = field(default_factory=list)
    already_loaded: int = 0


class _Known:
    """What the raw layer and the held batches know of contents."""

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
                # Known only now, as they were hashed on the way: once more without them.
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
    """Hash what can be told apart only so, and leave out what is known or comes twice."""
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
    """Leave a file where it is: it is named, and found again by the next run if it is still there."""
    files.to_load = [other for other in files.to_load if other != file]
    missed[file.name] = OddEntry(file.name, why)


def _repeated(hashes: dict[str, str], known: _Known) -> set[str]:
    """Names of files whose content is known, or that another file of the batch brought first."""
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
            checks += validator(settings, contract.record_type, accepted)
        synced.result()
    is_held = any(not check.passed and check.severity == "critical" for check in checks)
    report = BatchReport(
        batch_id=folder.name,
        batch_number=batch_number,
        record_type=contract.record_type,
        files=len(files.to_load),
        records=staged.records,
        rejects=staged.rejects,
        bytes=_size(files.to_load),
        verdict="held" if is_held else "promoted",
        checks=checks,
        unreadable=tuple((entry.file.name, entry.why) for entry in files.unreadable),
        already_loaded=files.already_loaded,
    )
    promotion = Promotion(
        batch_id=folder.name,
        batch_number=batch_number,
        record_type=contract.record_type,
        files=tuple(staged.files),
        content_hashes=tuple(staged.hashes.values()),
        unreadable_hashes=tuple(entry.bytes_hash for entry in files.unreadable),
    )
    if is_held:
        hold(settings, con, report, promotion, tuple(staged.hashes))
    else:
        promote(settings, promotion)
    return report


def _size(files: Iterable[LandedFile]) -> int:
    return sum(file.size for file in files)
