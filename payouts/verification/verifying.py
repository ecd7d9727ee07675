"""Verifying closed months, in order: seals, amounts, what was sent, and the heartbeats while they are there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingestion.settings import Settings
from payouts import audit
from payouts.ledger import RESETTLED_FOLDER, SLICES_FILE, closed_months
from payouts.verification.amounts import Books, Month, check_amounts, read_month
from payouts.verification.documents import check_bank_file, check_statements
from payouts.verification.findings import Check, Progress, Report, Verification
from payouts.verification.month_files import Manifest
from payouts.verification.seals import (
    AuditLog,
    check_anchor,
    check_chain,
    check_files,
    read_audit_log,
)
from payouts.verification.slices import periods_in_two_months


def verify(
    settings: Settings, month: str | None = None, *, anchor: str | None = None, progress: Progress | None = None
) -> Verification:
    """Check closed months against everything that they can be checked against; writes nothing.

    Hashes, the chain and the audit log are checked of all months, amounts and documents of one or, by default, of all.

    Args:
        settings: Where `payouts/` and the raw tables lie.
        month: The one month to check in depth; one that is not there is a finding.
        anchor: An `audit_head` that was noted outside of the data home: its line must still be in the log. Without it
            a log that was cut after its last closing, or rewritten with all months and documents, cannot be told.
        progress: Is told what is being checked.
    """
    report = Report(progress or (lambda _: None))
    payouts = settings.payouts_dir
    months = closed_months(settings)
    log = read_audit_log(report, payouts)
    manifests = _check_seals(report, payouts, months, log)
    if anchor is not None:
        check_anchor(report, log, anchor)
    if month is not None and month not in months:
        report.compare(Check.CHAIN, month, month, "closed month", found=None, expected="a month that is closed")
    wanted = months if month is None else tuple(one for one in months if one == month)
    _check_contents(report, settings, months, wanted, manifests, log)
    newest = manifests[months[-1]] if months else None
    return Verification(
        months=wanted,
        findings=report.listed(),
        counts=report.counts(),
        unchecked=tuple(report.unchecked),
        last_run_hash=newest.run_hash if newest else None,
        audit_head=log.head,
    )


def record_verification(settings: Settings, verification: Verification, *, operator: str) -> dict[str, Any]:
    """Put a verification on record; one that found nothing also records the run hash that later ones must find."""
    proven = {
        "last_month": closed_months(settings)[-1],
        "last_run_hash": verification.last_run_hash,
    }
    return audit.record(
        settings,
        action="verify",
        operator=operator,
        months=list(verification.months),
        findings=len(verification.findings),
        **(proven if verification.is_proven and verification.last_run_hash else {}),
    )


def _check_seals(report: Report, payouts: Path, months: tuple[str, ...], log: AuditLog) -> dict[str, Manifest | None]:
    manifests: dict[str, Manifest | None] = {}
    for month in months:
        report.progress(f"{month}: files")
        manifests[month] = check_files(report, payouts / month)
    check_chain(report, payouts, months, manifests, log)
    return manifests


def _check_contents(
    report: Report,
    settings: Settings,
    months: tuple[str, ...],
    wanted: tuple[str, ...],
    manifests: dict[str, Manifest | None],
    log: AuditLog,
) -> None:
    books = Books()
    for name in months:
        month = read_month(report, settings.payouts_dir / name)
        if name in wanted:
            report.progress(f"{name}: amounts")
            _check_month(report, month, books, manifests[name], log)
        books.close(month)
    if wanted:
        report.progress("periods across months")
        _check_periods_across(report, settings.payouts_dir, months, wanted)


def _check_month(report: Report, month: Month, books: Books, manifest: Manifest | None, log: AuditLog) -> None:
    check_amounts(report, month, books, log)
    if month.rows is not None:
        report.progress(f"{month.name}: statements and bank file")
        check_statements(report, month.folder, month.rows, manifest)
        if month.control is not None:
            check_bank_file(report, month.folder, month.rows, month.control, manifest)


def _check_periods_across(report: Report, payouts: Path, months: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    """A period is settled in one month only (RULES.md §6)."""
    files = dict(_slices_files(payouts, months))
    with report.reading(Check.PERIODS, None, f"*/{SLICES_FILE}", "periods of all months"):
        for period_id, found in periods_in_two_months(files):
            if {*found} & {*wanted}:
                file = f"{found[-1]}/{SLICES_FILE}"
                report.compare(
                    Check.PERIODS,
                    found[-1],
                    file,
                    f"period {period_id!r}, months that settle it",
                    found=" and ".join(found),
                    expected="one month",
                )


def _slices_files(payouts: Path, months: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    for month in months:
        yield payouts / month / SLICES_FILE, month
        for path in sorted((payouts / month / RESETTLED_FOLDER).glob("*.parquet")):
            yield path, path.stem
