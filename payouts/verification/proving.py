"""Proves a run before it is closed: its data files against the records it pins, by the second implementation."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.books import Books, Month, read_month
from allive.payouts.closed_month.findings import Check, Finding, Progress, Report, Unchecked
from allive.payouts.ledger import CONTROL_FILE, MONTH_FORMAT, closed_months
from allive.payouts.verification.adjustments import check_adjustments
from allive.payouts.verification.against_records import check_against_records
from allive.payouts.verification.amounts import check_amounts
from allive.payouts.verification.balances import check_balances
from allive.payouts.verification.payees import Named
from allive.payouts.verification.payments import PaymentsThen, check_payments, read_payments
from allive.payouts.verification.policy_history import check_policy, read_history
from allive.payouts.verification.pseudonym_key import check_key, read_key
from allive.payouts.verification.seals import AuditLog, check_chain, check_files, read_audit_log
from allive.payouts.verification.withholdings import check_withholdings, withholdings_of_the_setting

_REQUESTS: Final = frozenset({"amend", "payment_returned", "write_off"})


@dataclass(frozen=True)
class Proof:
    """The result of a proof. A run is proven if everything could be checked and nothing differs."""

    findings: tuple[Finding, ...]
    unchecked: tuple[Unchecked, ...]
    comparisons: int

    @property
    def holds(self) -> bool:
        """Whether the run can be closed."""
        return not (self.findings or self.unchecked)


def prove_run(
    settings: Settings,
    folder: Path,
    *,
    pinned: Mapping[str, int | None],
    payees: Mapping[str, Named],
    progress: Progress | None = None,
) -> Proof:
    """Compute a run's weights, policy, amounts and payments again from the records it pins, and compare; write nothing.

    First checks that the closed months before the run match their manifests and the audit log.

    Args:
        settings: Where the raw tables and the closed months are.
        folder: The run's data files, as `files.write_data` writes them; its name is the settlement month.
        pinned: The versions of the raw tables that are pinned now, which the run must name.
        payees: The payees that the order will name, by artist.
        progress: Called with a text about the current computation.
    """
    report = Report(progress or (lambda _: None))
    log = read_audit_log(report, settings.payouts_dir)
    payments = read_payments(report, settings.payouts_dir)
    closed = closed_months(settings)
    manifests = {}
    for name in closed:
        report.progress(f"{name}: data files")
        manifests[name] = check_files(report, settings.payouts_dir / name, data_alone=True)
    check_chain(report, settings.payouts_dir, manifests, log)
    books = Books()
    earlier = [read_month(report, settings.payouts_dir / name) for name in closed]
    month = read_month(report, folder)
    if month is not None and all(one is not None for one in earlier):
        for one in earlier:
            if one is not None:
                books.close(one)
        policies = read_history(report, settings)
        at_control = report.at(Check.WATCHING, month.file(CONTROL_FILE))
        at_control.same("raw_versions", found=month.control.raw_versions, expected=pinned)
        key = read_key(settings)
        check_key(report, key, month, books, month_format=MONTH_FORMAT)
        check_amounts(report, month)
        check_adjustments(report, month, books)
        check_payments(report, settings.payouts_dir, payments, audit_log=log, books=books)
        at_control.same("payments_head", found=month.control.payments_head, expected=payments.head)
        then = check_balances(report, month, books, log, payments) or PaymentsThen()
        _check_all_requests(report, month, books, log)
        check_withholdings(report, month)
        at_control.same(
            "withholdings in force",
            found=[one.model_dump(exclude_none=True) for one in month.control.withholdings],
            expected=withholdings_of_the_setting(settings, month),
        )
        if policies is not None:
            check_policy(report, month, policies)
        check_against_records(
            report, settings, month, books, key=key, policies=policies, payees=payees, standings=then.standings()
        )
    return Proof(
        findings=report.findings(),
        unchecked=tuple(report.unchecked),
        comparisons=sum(count.compared for count in report.counts()),
    )


def _check_all_requests(report: Report, month: Month, books: Books, log: AuditLog) -> None:
    """Check that the run takes up every waiting request: none is passed over."""
    withdrawn = {entry for line in log.lines.values() for entry in line.entry.get("entries", ())}
    waiting = {
        entry
        for entry, line in log.lines.items()
        if line.entry.get("action") in _REQUESTS and entry not in books.taken_up and entry not in withdrawn
    }
    place = report.at(Check.BALANCES, month.file(CONTROL_FILE))
    found = sorted(one for one in month.control.requests() if ":" not in one)
    place.same("requests taken up", found=found, expected=sorted(waiting))
