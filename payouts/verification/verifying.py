"""Verifying closed months, in order: seals, amounts, what was sent, and the heartbeats while they are there."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ingestion.settings import Settings
from payouts import audit
from payouts.bank_file import BankedTransfer
from payouts.ledger import BANK_FILE, RESETTLED_FOLDER, SLICES_FILE, closed_months
from payouts.verification.adjustments import check_adjustments
from payouts.verification.amounts import check_amounts
from payouts.verification.balances import check_balances
from payouts.verification.books import Books, Month, read_month
from payouts.verification.documents import check_bank_file, check_statements
from payouts.verification.findings import Check, Progress, Report, Verification
from payouts.verification.month_files import Manifest
from payouts.verification.policy_history import check_policy, read_history
from payouts.verification.seals import AuditLog, check_anchor, check_chain, check_files, read_audit_log
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
    manifests: dict[str, Manifest | None] = {}
    for one in months:
        report.progress(f"{one}: files")
        manifests[one] = check_files(report, payouts / one)
    check_chain(report, payouts, manifests, log)
    if anchor is not None:
        check_anchor(report, log, anchor)
    if month is not None and month not in months:
        report.at(Check.CHAIN, month).same("folder", found=None, expected="a closed month")
    wanted = tuple(one for one in months if month in {None, one})
    _check_months(report, settings, manifests, log, wanted=wanted)
    newest = manifests[months[-1]] if months else None
    return Verification(
        months=wanted,
        findings=report.findings(),
        counts=report.counts(),
        unchecked=tuple(report.unchecked),
        last_run_hash=newest.run_hash if newest else None,
        audit_head=log.head,
    )


def record_verification(settings: Settings, verification: Verification, *, operator: str) -> dict[str, Any]:
    """Put a verification on record; one that found nothing also records the run hash that later ones must find."""
    proven: dict[str, Any] = {}
    if verification.is_proven and verification.last_run_hash:
        proven = {"last_month": closed_months(settings)[-1], "last_run_hash": verification.last_run_hash}
    return audit.record(
        settings,
        action="verify",
        operator=operator,
        months=list(verification.months),
        findings=len(verification.findings),
        **proven,
    )


def _check_months(
    report: Report,
    settings: Settings,
    manifests: Mapping[str, Manifest | None],
    log: AuditLog,
    *,
    wanted: Collection[str],
) -> None:
    from payouts.verification.from_heartbeats import check_heartbeats  # noqa: PLC0415 - Polars, which simulations do without

    books: Books | None = Books()
    policies = read_history(report, settings)
    for name in manifests:
        month = read_month(report, settings.payouts_dir / name)
        if month is not None and name in wanted and policies is not None:
            check_policy(report, month, policies)
        if month is None or books is None:
            # Without a month's balances nothing can be said of those after it.
            books = None
            if name in wanted and month is not None:
                report.not_checked(name, "adjustments, balances, heartbeats", "a month before it cannot be read")
                _check_alone(report, month, manifests[name])
            continue
        if name in wanted:
            transfers = _check_alone(report, month, manifests[name])
            check_adjustments(report, month, books)
            check_balances(report, month, books, log)
            check_heartbeats(report, settings, month, books, transfers)
        books.close(month)
    report.progress("periods of all months")
    _check_periods_across(report, settings.payouts_dir, [*manifests], wanted=wanted)


def _check_alone(report: Report, month: Month, manifest: Manifest | None) -> tuple[BankedTransfer, ...]:
    report.progress(f"{month.name}: amounts")
    check_amounts(report, month)
    report.progress(f"{month.name}: statements and bank file")
    check_statements(report, month.folder, month.rows, manifest)
    return check_bank_file(
        report.at(Check.BANK_FILE, month.file(BANK_FILE)),
        month.folder / BANK_FILE,
        month.rows,
        control=month.control,
        manifest=manifest,
    )


def _check_periods_across(report: Report, payouts: Path, months: Iterable[str], *, wanted: Collection[str]) -> None:
    """A period is settled in one month only (RULES.md §6)."""
    files = {payouts / month / SLICES_FILE: month for month in months} | {
        path: path.stem for month in months for path in (payouts / month / RESETTLED_FOLDER).glob("*.parquet")
    }
    with report.at(Check.PERIODS, f"*/{SLICES_FILE}").reading("periods of all months"):
        for period_id, found in periods_in_two_months(files):
            if not {*found}.isdisjoint(wanted):
                place = report.at(Check.PERIODS, f"{found[-1]}/{SLICES_FILE}")
                place.same(f"period {period_id!r}, months", found=" and ".join(found), expected="one month")
