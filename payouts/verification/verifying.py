"""Verifies closed months in order: hashes, amounts, documents sent, and the heartbeats while they exist."""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from allive.ingestion.home_format import FORMAT_FILE, HOME_FORMAT, FormatError, home_format
from allive.ingestion.settings import Settings
from allive.payouts import audit
from allive.payouts.bank_file import BankedTransfer
from allive.payouts.closed_month.books import Books, Month, read_month
from allive.payouts.closed_month.findings import Check, Progress, Report, Verdict, Verification
from allive.payouts.closed_month.month_files import Manifest
from allive.payouts.closed_month.slices import Pseudonyms, names_by_pseudonym, periods_in_two_months
from allive.payouts.ledger import BANK_FILE, RESETTLED_FOLDER, SLICES_FILE, closed_months
from allive.payouts.verification.adjustments import check_adjustments
from allive.payouts.verification.amounts import check_amounts
from allive.payouts.verification.balances import check_balances
from allive.payouts.verification.documents import check_bank_file, check_statements, check_transfers
from allive.payouts.verification.payments import PaymentsLog, PaymentsThen, check_payments, read_payments
from allive.payouts.verification.policy_history import check_policy, read_history
from allive.payouts.verification.seals import AuditLog, check_anchor, check_chain, check_files, read_audit_log
from allive.payouts.verification.withholdings import check_withholdings


def verify(
    settings: Settings, month: str | None = None, *, anchor: str | None = None, progress: Progress | None = None
) -> Verification:
    """Check closed months against everything that they can be checked against; write nothing.

    Hashes, the chain and the audit log are checked for all months; amounts and documents for one or, by default, for
    all. Data newer than the code (the data home, a month, a line of the audit log) is not checked, and not a finding.

    Args:
        settings: Where `payouts/` and the raw tables are.
        month: The one month to check in depth; a missing month is a finding.
        anchor: An `audit_head` that was noted outside the data home: its line must still be in the log. Without it, a
            log that was cut after its last closing, or rewritten with all months and documents, cannot be detected.
        progress: Called with a text about the current check.
    """
    report = Report(progress or (lambda _: None))
    payouts = settings.payouts_dir
    if not _can_be_read(report, settings, is_anchored=anchor is not None):
        return _outcome(report, (), {}, AuditLog(), PaymentsLog())
    months = closed_months(settings)
    log = read_audit_log(report, payouts)
    payments = read_payments(report, payouts)
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
    _check_months(report, settings, manifests, log, payments, wanted=wanted)
    return _outcome(report, wanted, manifests, log, payments)


def record_verification(settings: Settings, verification: Verification, *, operator: str) -> dict[str, Any]:
    """Record a verification in the audit log, with its verdict and the months that it proved.

    If nothing is wrong, the newest month that was proven is recorded with its run hash. Later verifications must find
    the same hash.
    """
    proven = [one.month for one in verification.verdicts if one.verdict is Verdict.PROVEN]
    to_find: dict[str, Any] = {}
    if proven and verification.verdict is not Verdict.FAILED:
        to_find = {"last_month": proven[-1], "last_run_hash": verification.run_hashes[proven[-1]]}
    return audit.record(
        settings,
        action="verify",
        operator=operator,
        verdict=verification.verdict.title,
        months=list(verification.months),
        proven=proven,
        findings=len(verification.findings),
        payments_head=verification.payments_head,
        **to_find,
    )


def _can_be_read(report: Report, settings: Settings, *, is_anchored: bool) -> bool:
    """Whether the data home has something to check, in a format that this code knows.

    An anchor shows that there was an audit log: with an anchor, a missing log is a finding.
    """
    payouts = settings.payouts_dir
    what = "closed months"
    place = report.at(Check.FILES, f"../{FORMAT_FILE}")
    try:
        found = home_format(settings)
    except FormatError as error:
        return place.holds("format", is_so=False, found=str(error), expected="the format of the data home")
    if found > HOME_FORMAT:
        why = (
            f"the data home has format {found}, and this version of the project knows formats up to {HOME_FORMAT}. "
            "Upgrade the project, then verify it."
        )
        report.not_checked(payouts.name, what, why)
    elif payouts.exists() and not os.access(payouts, os.R_OK | os.X_OK):
        report.not_checked(payouts.name, what, "this user has no permission to read payouts/")
    elif not (is_anchored or closed_months(settings) or audit.log_path(settings).exists()):
        why = "there are none, and no audit log that would know of any. If months were closed, restore payouts/."
        report.not_checked(payouts.name, what, why)
    else:
        return True
    return False


def _outcome(
    report: Report,
    wanted: tuple[str, ...],
    manifests: Mapping[str, Manifest | None],
    log: AuditLog,
    payments: PaymentsLog,
) -> Verification:
    run_hashes = {month: manifest.run_hash for month, manifest in manifests.items() if manifest is not None}
    return Verification(
        months=wanted,
        findings=report.findings(),
        counts=report.counts(),
        unchecked=tuple(report.unchecked),
        last_run_hash=run_hashes.get(max(manifests, default="")),
        audit_head=log.head,
        payments_head=payments.head,
        run_hashes=run_hashes,
    )


def _check_months(
    report: Report,
    settings: Settings,
    manifests: Mapping[str, Manifest | None],
    log: AuditLog,
    payments: PaymentsLog,
    *,
    wanted: Collection[str],
) -> None:
    # They import Polars, which simulations do not need.
    from allive.payouts.verification.against_records import check_against_records  # noqa: PLC0415
    from allive.payouts.verification.pseudonym_key import (  # noqa: PLC0415
        ANOTHER_KEY,
        NO_KEY,
        check_key,
        read_key,
    )

    books = Books()
    unread: str | None = None
    policies = read_history(report, settings)
    key = read_key(settings)
    for name in manifests:
        month = None if report.is_unread(name) else read_month(report, settings.payouts_dir / name)
        if month is not None and name in wanted and policies is not None:
            check_policy(report, month, policies)
        manifest = manifests[name]
        if month is not None and name in wanted and manifest is not None:
            check_key(report, key, month, books, month_format=manifest.format)
        if month is None or unread is not None:
            # Without a month's balances, later months cannot be checked.
            if name in wanted and month is not None:
                why = f"a month before it, {unread}, cannot be read"
                report.not_checked(name, "adjustments, balances, heartbeats", why)
                _check_alone(report, month, manifests[name])
            unread = unread or name
            continue
        if name in wanted:
            transfers = _check_alone(report, month, manifests[name])
            check_adjustments(report, month, books)
            then = check_balances(report, month, books, log, payments) or PaymentsThen()
            check_against_records(
                report,
                settings,
                month,
                books,
                key=key,
                policies=policies,
                transfers=transfers,
                standings=then.standings(),
            )
        books.close(month)
    report.progress("payments")
    check_payments(report, settings.payouts_dir, payments, audit_log=log, books=books)
    report.progress("periods of all months")
    read = [name for name in manifests if not report.is_unread(name)]
    is_right = key is not None and key.check_value == books.key_check
    pseudonyms = key.of_period if key is not None and is_right else None
    why = NO_KEY if key is None else ANOTHER_KEY
    _check_periods_across(report, settings.payouts_dir, read, wanted=wanted, pseudonyms=pseudonyms, why=why)


def _check_alone(report: Report, month: Month, manifest: Manifest | None) -> tuple[BankedTransfer, ...]:
    report.progress(f"{month.name}: amounts")
    check_amounts(report, month)
    report.progress(f"{month.name}: statements and bank file")
    check_statements(report, month, manifest)
    if manifest is not None and manifest.format > 1:
        check_withholdings(report, month)
        return check_transfers(report, month)
    return check_bank_file(
        report.at(Check.BANK_FILE, month.file(BANK_FILE)),
        month.folder / BANK_FILE,
        month.rows,
        control=month.control,
        manifest=manifest,
    )


def _check_periods_across(
    report: Report,
    payouts: Path,
    months: Iterable[str],
    *,
    wanted: Collection[str],
    pseudonyms: Pseudonyms | None,
    why: str,
) -> None:
    """Check that each period is settled in one month only (RULES.md §6), whatever the formats of the months.

    Periods of format 1 have ids and later ones pseudonyms: without `pseudonyms`, and that is `why`, the later months
    are noted as not checked against the earlier ones.
    """
    files = {payouts / month / SLICES_FILE: month for month in months} | {
        path: path.stem for month in months for path in (payouts / month / RESETTLED_FOLDER).glob("*.parquet")
    }
    with report.at(Check.PERIODS, f"*/{SLICES_FILE}").reading("periods of all months"):
        by_pseudonym = [path for path in files if names_by_pseudonym(path)]
        if by_pseudonym and len(by_pseudonym) < len(files) and pseudonyms is None:
            for name in sorted({path.relative_to(payouts).parts[0] for path in by_pseudonym}.intersection(wanted)):
                report.not_checked(name, "its periods against months of format 1", why)
        for name, found in periods_in_two_months(files, pseudonyms=pseudonyms):
            if not {*found}.isdisjoint(wanted):
                place = report.at(Check.PERIODS, f"{found[-1]}/{SLICES_FILE}")
                place.same(f"period {name!r}, months", found=" and ".join(found), expected="one month")
