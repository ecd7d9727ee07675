"""`allive batches`: what is held, why, and the decision on it."""

from collections.abc import Callable

from ingestion.batches import (
    HeldBatch,
    UnknownBatchError,
    discard,
    list_held,
    months_touched,
    read_held,
    release,
)
from ingestion.settings import Settings
from orchestration.home_lock import hold_data_home
from orchestration.terminal import refuse, say, table
from payouts import audit, ledger
from payouts.audit import operator_name
from payouts.months import following


def list_batches(settings: Settings) -> bool:
    """List the held batches, the oldest first."""
    held = list_held(settings)
    if not held:
        say("No batch is held.")
        return True
    table(
        "Held batches",
        ("batch", "record type", "held at", "files", "records", "rejects", "first day", "last day", "failed"),
        [
            (
                batch.batch_id,
                batch.record_type,
                batch.held_at,
                len(batch.files),
                batch.report.records,
                batch.report.rejects,
                str(batch.first_day or ""),
                str(batch.last_day or ""),
                ", ".join(check.name for check in batch.failed_checks),
            )
            for batch in held
        ],
    )
    say("See one with `allive batches show BATCH`.")
    return True


def show_batch(settings: Settings, batch_id: str) -> bool:
    """Show a held batch's checks and files; whether there is one."""
    try:
        batch = read_held(settings, batch_id)
    except UnknownBatchError as error:
        return _refuse_unknown(error)
    table(
        f"{batch.batch_id}, held at {batch.held_at}",
        ("check", "force", "passed", "found", "expected", "detail"),
        [
            (check.name, check.severity, "yes" if check.passed else "NO", check.found, check.expected, check.detail)
            for check in sorted(batch.report.checks, key=lambda check: check.passed)
        ],
    )
    table("Files", ("file",), [(file,) for file in batch.files])
    touched = months_touched(batch, _months_that_may_close_soon(settings, batch))
    if touched:
        say(f"Until you decide, these months cannot close: {', '.join(touched)}")
    say(
        f"Let it in as it is: `allive batches release {batch_id} --why …`. "
        f"Keep it out for good: `allive batches discard {batch_id} --why …`."
    )
    return True


def release_batch(settings: Settings, batch_id: str, *, why: str) -> bool:
    """Let a held batch in; whether there was one."""

    def decide(operator: str) -> str:
        report = release(settings, batch_id, operator=operator, why=why)
        audit.record(settings, action="batch_released", operator=operator, batch=batch_id, why=why)
        return (
            f"Released as {report.batch_id}: {report.records:,} records are in the raw tables. "
            "Bring them into the warehouse with `allive run`."
        )

    return _decide(settings, decide, command=f"allive batches release {batch_id}")


def discard_batch(settings: Settings, batch_id: str, *, why: str) -> bool:
    """Keep a held batch out for good; whether there was one."""

    def decide(operator: str) -> str:
        batch = discard(settings, batch_id, operator=operator, why=why)
        audit.record(settings, action="batch_discarded", operator=operator, batch=batch_id, why=why)
        return (
            f"Discarded {batch.batch_id}: its {len(batch.files)} file(s) will not load. "
            "A corrected delivery is a new file with another content."
        )

    return _decide(settings, decide, command=f"allive batches discard {batch_id}")


def _decide(settings: Settings, decide: Callable[[str], str], *, command: str) -> bool:
    try:
        with hold_data_home(settings, command=command):
            say(decide(operator_name(settings)))
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
