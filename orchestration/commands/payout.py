"""`allive payout`: a month is previewed or closed, and its lines and control totals are shown."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ingestion.settings import Settings
from orchestration.home_lock import hold_data_home
from orchestration.runs import run_job
from orchestration.terminal import euros, euros_of_nanos, refuse, say, showing_progress, table, warn
from payouts import gate, ledger
from payouts.audit import operator_name
from payouts.closing import close_month
from payouts.run import as_row
from payouts.statements import STATEMENTS_FOLDER

_MS_PER_HOUR = 3_600_000


def pay_out(settings: Settings, month: str, *, command: str, publish: bool = True, verbose: bool = False) -> bool:
    """Build the warehouse on the present bookings and close the month; whether it closed.

    With `publish` the serving copy shows the close when this returns.
    """
    with hold_data_home(settings, command=command):
        if _refused_by_the_calendar(settings, month):
            return False
        with showing_progress():
            closing = {"config": {"operator": operator_name(settings)}}
            outcome = run_job(
                settings,
                "payout",
                partition_key=month,
                ops={"payouts__closed_month": closing},
                verbose=verbose,
            )
        _show_warnings(outcome.failed_checks)
        if not outcome.success:
            reasons = _reasons(outcome.failed_checks) or outcome.failures
            refuse(f"{month} was not closed.", reasons)
        elif publish:
            with showing_progress():
                published = run_job(settings, "republish", verbose=verbose)
            if not published.success:
                refuse(f"{month} is closed. The serving copy does not show it yet: `allive run`.", published.failures)
    return outcome.success


def preview(settings: Settings, month: str, *, verbose: bool = False) -> bool:
    """Show what the month would close to; write nothing. Whether it could close."""
    with hold_data_home(settings, command=f"allive payout {month} --dry-run"):
        if _refused_by_the_calendar(settings, month):
            return False
        with showing_progress():
            outcome = run_job(settings, "payout_preview", partition_key=month, verbose=verbose)
        _show_warnings(outcome.failed_checks)
        reasons = _reasons(outcome.failed_checks) or outcome.failures
        if reasons:
            refuse(f"{month} could not close now.", reasons)
            return False
        run = close_month(settings, month, dry_run=True)
    show_lines(f"{month}, not closed: what it would pay", (as_row(line) for line in run.lines))
    show_control([run.control])
    say(f"Nothing was written. Close it with `allive payout {month}`.")
    return True


def show_closed_month(settings: Settings, month: str) -> None:
    """Show a closed month from its files."""
    show_lines(f"{month}, closed", closed_lines(settings, month))
    show_control([ledger.read_control(settings, month)])
    manifest = ledger.read_manifest(settings, month)
    folder = ledger.month_dir(settings, month)
    say(f"Closed as run {manifest.run_hash} in {folder}")
    if (folder / ledger.BANK_FILE).exists():
        say(f"For the bank: {folder / ledger.BANK_FILE}. For the artists: {folder / STATEMENTS_FOLDER}/")
    else:
        say(f"Nobody is paid: there is no bank file. For the artists: {folder / STATEMENTS_FOLDER}/")


def closed_lines(settings: Settings, month: str) -> list[dict[str, Any]]:
    """Read a closed month's lines, amounts as whole numbers."""
    return [
        {
            name: int(value) if name.endswith(("_ms", "_cents", "_nanos", "_subscribers")) else value
            for name, value in row.items()
        }
        for row in ledger.read_lines(settings, month)
    ]


def show_lines(title: str, lines: Iterable[Mapping[str, Any]]) -> None:
    """Show payout lines, one an artist."""
    table(
        title,
        (
            *("artist", "name", "category", "hours", "subscribers", "earned", "adjusted", "brought", "paid", "carried"),
            "why carried",
        ),
        [
            (
                line["artist_id"],
                line["artist_name"],
                line["category"],
                round(Decimal(line["watch_ms"]) / _MS_PER_HOUR, 1),
                line["paying_subscribers"],
                *(
                    euros(line[name])
                    for name in (
                        "earned_cents",
                        "adjustment_cents",
                        "brought_forward_cents",
                        "paid_cents",
                        "carried_forward_cents",
                    )
                ),
                line["carry_reason"],
            )
            for line in lines
        ],
    )


def show_control(controls: Iterable[Mapping[str, Any]]) -> None:
    """Show control totals, one line a month."""
    table(
        "Control totals",
        ("month", "periods", "idle", "envelopes", "direct", "pool", "members", "earned", "adjusted", "paid", "carried"),
        [
            (
                control["settlement_month"],
                control["periods"],
                control["idle_periods"],
                euros(control["envelope_cents"]),
                euros_of_nanos(control["direct_nanos"]),
                euros_of_nanos(control["pool_nanos"]),
                len(control["pool_members"]),
                euros(control["earned_cents"]),
                euros(control["adjustment_cents"]),
                euros(control["paid_cents"]),
                euros(control["carried_forward_cents"]),
            )
            for control in controls
        ],
    )


def _refused_by_the_calendar(settings: Settings, month: str) -> bool:
    """Refuse at once what needs no warehouse to be refused."""
    reasons = gate.calendar_refusals(settings, month, now=datetime.now(UTC))
    if reasons:
        refuse(f"{month} cannot close.", reasons)
    return bool(reasons)


def _show_warnings(failed_checks: Iterable[Any]) -> None:
    """Name again, before the figures, what looks odd in the month and forbids nothing."""
    warnings = [
        text for check in failed_checks if check.name == "month_warnings" for text in check.metadata["warnings"]
    ]
    if warnings:
        warn("Look at this before you pay:", warnings)


def _reasons(failed_checks: Iterable[Any]) -> tuple[str, ...]:
    return tuple(reason for check in failed_checks if check.name == "may_close" for reason in check.metadata["reasons"])
