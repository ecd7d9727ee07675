"""`allive batches`: shows held files and the reasons, and releases or discards them."""

from collections.abc import Callable, Sequence
from typing import Any

from allive.ingestion.batches import (
    HeldBatch,
    UnknownBatchError,
    discard,
    find_held,
    list_held,
    months_touched,
    release,
)
from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import refuse, say, say_points, table, visible
from allive.payouts import audit, ledger
from allive.payouts.audit import operator_name
from allive.payouts.months import following

_FILES_A_PAGE = 30


def list_batches(settings: Settings) -> bool:
    """List the batches with held files, the oldest first."""
    held = list_held(settings)
    if not held:
        say("No files are held.")
        return True
    table(
        "Held files, by batch",
        ("batch", "held at", "files", "records", "rejects", "first day", "last day", "failed"),
        [
            (
                batch.batch_id,
                batch.held_at,
                len(batch.files),
                batch.records,
                batch.rejects,
                str(batch.first_day or ""),
                str(batch.last_day or ""),
                ", ".join(sorted({name for file in batch.files for name in file.failed})),
            )
            for batch in held
        ],
    )
    say("See the files of a batch with `allive batches show BATCH`.")
    return True


def show_batch(settings: Settings, batch_id: str, *, page: int = 1) -> bool:
    """Show why files of a batch are held, one page of them, and what they affect. Return whether there are any."""
    try:
        batch = find_held(settings, batch_id)
    except UnknownBatchError as error:
        return _refuse_unknown(error)
    say_points(
        f"{batch.batch_id}, held at {batch.held_at}. Failed checks:",
        [
            f"{check.name}: found {check.found}; expected {check.expected}. {visible(check.detail)}"
            for check in batch.failed_checks
        ],
    )
    if warnings := [check for check in batch.report.checks if check.severity == "warning" and not check.passed]:
        say_points("Warnings of the batch:", [f"{check.name}: {visible(check.found)}" for check in warnings])
    first = (page - 1) * _FILES_A_PAGE
    shown = batch.files[first : first + _FILES_A_PAGE]
    table(
        f"Held files {first + 1} to {first + len(shown)} of {len(batch.files)}",
        ("file", "records", "rejects", "first day", "last day", "failed"),
        [
            (
                visible(file.name),
                file.records,
                file.rejects,
                str(file.first_day or ""),
                str(file.last_day or ""),
                ", ".join(file.failed),
            )
            for file in shown
        ],
    )
    if first + len(shown) < len(batch.files):
        say(f"More: `allive batches show {batch.batch_id} --page {page + 1}`.")
    touched = months_touched(batch, _months_that_may_close_soon(settings, batch))
    if touched:
        say(f"Until you decide, these months cannot close: {', '.join(touched)}")
    say(f"Their rejected lines: `allive rejects show --type {batch.record_type} --held`.")
    say(
        f"Load all of them unchanged: `allive batches release {batch.batch_id} --why …`. "
        f"Keep all of them out permanently: `allive batches discard {batch.batch_id} --why …`. "
        "To decide on single files, name them after the batch."
    )
    return True


def release_held(settings: Settings, what: str, files: Sequence[str], *, why: str) -> bool:
    """Load held files. Return whether there were any."""

    def decide(operator: str, held: HeldBatch) -> str:
        report = release(settings, held.batch_id, held.names, operator=operator, why=why)
        audit.record(settings, action="batch_released", operator=operator, **_on_record(held, files), why=why)
        return (
            f"Released as {report.batch_id}. Files: {report.files:,}; records: {report.records:,}. They are in the raw "
            "tables; `allive run` brings them into the warehouse."
        )

    return _decide(settings, what, files, decide, command=f"allive batches release {what}")


def discard_held(settings: Settings, what: str, files: Sequence[str], *, why: str) -> bool:
    """Keep held files out permanently. Return whether there were any."""

    def decide(operator: str, held: HeldBatch) -> str:
        batch = discard(settings, held.batch_id, held.names, operator=operator, why=why)
        audit.record(settings, action="batch_discarded", operator=operator, **_on_record(held, files), why=why)
        return (
            f"Discarded from {batch.batch_id}. Files that will not load: {len(batch.files):,}. "
            "A corrected delivery is a new file with different content."
        )

    return _decide(settings, what, files, decide, command=f"allive batches discard {what}")


def _on_record(held: HeldBatch, files: Sequence[str]) -> dict[str, Any]:
    """The batch, and its files if they were named or are only some; `held/decisions.ndjson` always has them."""
    named = held.names if files or len(held.names) < len(held.report.held_files) else ()
    return {"batch": held.batch_id} | ({"files": [*named]} if named else {})


def _decide(
    settings: Settings,
    what: str,
    files: Sequence[str],
    decide: Callable[[str, HeldBatch], str],
    *,
    command: str,
) -> bool:
    try:
        with hold_data_home(settings, command=command):
            say(decide(operator_name(settings), find_held(settings, what, files)))
    except UnknownBatchError as error:
        return _refuse_unknown(error)
    return True


def _refuse_unknown(error: UnknownBatchError) -> bool:
    refuse("There is nothing to decide.", [str(error), "`allive batches list` shows what is held."])
    return False


def _months_that_may_close_soon(settings: Settings, batch: HeldBatch) -> list[str]:
    """Return the open months from the next to close to the one after the batch's last day."""
    closed = ledger.closed_months(settings)
    last = batch.last_day.isoformat()[:7] if batch.last_day else batch.held_at[:7]
    month = following(closed[-1]) if closed else (batch.first_day or last).__str__()[:7]
    months = []
    while month <= following(last):
        months.append(month)
        month = following(month)
    return months
