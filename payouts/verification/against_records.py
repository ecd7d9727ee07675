"""Checks a run against the records that it pinned: before it closes (`proving`), and while they exist (`verify`)."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from allive.ingestion.settings import Settings
from allive.payouts.bank_file import BankedTransfer
from allive.payouts.closed_month.books import Books, Month
from allive.payouts.closed_month.findings import Check, Report
from allive.payouts.ledger import CONTROL_FILE
from allive.payouts.standing import Standing
from allive.payouts.verification.from_heartbeats import WHAT_IS_PINNED, check_heartbeats
from allive.payouts.verification.open_envelopes import check_open_envelopes
from allive.payouts.verification.payees import Named, check_payees
from allive.payouts.verification.pinned_records import GoneError, panics_as_errors
from allive.payouts.verification.policy_history import History
from allive.payouts.verification.pseudonym_key import PseudonymKey


def check_against_records(
    report: Report,
    settings: Settings,
    month: Month,
    books: Books,
    *,
    key: PseudonymKey | None,
    policies: History | None,
    transfers: Iterable[BankedTransfer] = (),
    payees: Mapping[str, Named] | None = None,
    standings: Mapping[str, Standing] = MappingProxyType({}),
) -> None:
    """Compute a run again from the records it pinned: watch time, slices, amounts, payments and open envelopes.

    Records that are gone are noted as not checked.

    Args:
        report: Where the findings go.
        settings: Where the raw tables and the closed months are.
        month: The run.
        books: The balances and bookings of the runs before it.
        key: The key of the pseudonyms; None if it is not here.
        policies: The project's policies; None if they could not be read.
        transfers: The transfers of the bank file, once it is written.
        payees: The payees that the order will name, until it is written.
        standings: Holds and doubtful IBANs by artist, from the register of payments as of the run.
    """
    check_heartbeats(report, settings, month, books, transfers, key=key)
    is_damaged = any((one.month, one.what) == (month.name, WHAT_IS_PINNED) for one in report.findings())
    if is_damaged or all(version is None for version in month.control.raw_versions.values()):
        return  # check_heartbeats has reported it
    place = report.at(Check.BALANCES, month.file(CONTROL_FILE))
    with place.reading(WHAT_IS_PINNED), panics_as_errors():
        try:
            check_payees(report, settings, month, payees, standings=standings)
            if policies is not None:
                check_open_envelopes(report, settings, month, books, policies, key=key)
        except GoneError as gone:
            report.not_checked(month.name, "payments and open envelopes", str(gone))
