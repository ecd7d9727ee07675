"""Checks each artist's paid and carried amounts, and the requests that went into a balance (RULES.md §6)."""

from collections import Counter
from typing import Final

from allive.payouts.closed_month.books import Books, Month
from allive.payouts.closed_month.findings import Check, Place, Report
from allive.payouts.closed_month.month_files import BalanceEntry, PayoutRow
from allive.payouts.formats import AUDIT_FILE
from allive.payouts.ledger import CONTROL_FILE, PAYOUTS_FILE
from allive.payouts.verification.payments import PaymentsLog, PaymentsThen, check_taken_up
from allive.payouts.verification.seals import AuditLog

_REASONS: Final = ("no_iban", "bad_iban", "not_sepa", "returned", "iban_undated", "iban_changed", "held")


def check_balances(
    report: Report, month: Month, books: Books, log: AuditLog, payments: PaymentsLog
) -> PaymentsThen | None:
    """Compare a run's balances with the month before, with the requests on record, and with the rules.

    Returns the payments that the run knew of; None if the register does not show them.
    """
    standing = check_taken_up(report, month, payments, books.taken_up)
    _check_requests(report.at(Check.BALANCES, month.file(CONTROL_FILE)), month, books, log)
    place = report.at(Check.BALANCES, month.file(PAYOUTS_FILE))
    expected = Counter(books.balances)
    for entry in month.control.balance_entries:
        expected[entry.artist_id] += entry.cents
    found = {row.artist_id: row.brought_forward_cents for row in month.rows}
    for artist in sorted(found.keys() | {artist for artist, cents in expected.items() if cents}):
        what = f"artist {artist!r}, brought_forward_cents"
        place.same(what, found=found.get(artist), expected=expected[artist])
    for row in month.rows:
        _check_balance(place, row, minimum_cents=month.control.policy.minimum_payout_cents)
    return standing


def _check_balance(place: Place, row: PayoutRow, *, minimum_cents: int) -> None:
    """Check that a balance is paid in full, or carried in full for a reason.

    The month does not say whether an artist has left, is held or has bank details: where that decides, both are
    accepted.
    """
    payable = row.brought_forward_cents + row.earned_cents + row.adjustment_cents
    settled = {(payable, 0, ""), *((0, payable, reason) for reason in _REASONS)}
    if payable <= 0:
        settled = {(0, payable, "negative" if payable else "")}
    elif payable < minimum_cents and not row.settlement_month.endswith("-12"):
        settled.add((0, payable, "below_minimum"))
    found = row.paid_cents, row.carried_forward_cents, row.carry_reason
    place.holds(
        f"artist {row.artist_id!r}, paid, carried and why",
        found in settled,
        found=found,
        expected=" or ".join(map(str, sorted(settled, key=str))),
    )


def _check_requests(place: Place, month: Month, books: Books, log: AuditLog) -> None:
    """Check that the run's requests are on record, not withdrawn, and not taken up by an earlier run."""
    control = month.control
    if any(log.is_unread(entry) for entry in control.requests()):
        why = f"they are in lines of {AUDIT_FILE} that are newer than this version of the project"
        place.report.not_checked(month.name, "the requests that its run took up", why)
        return
    withdrawn = {
        entry: f"by {line.entry.get('operator')}"
        for line in log.lines.values()
        if line.entry.get("action") == "amend_withdrawn"
        for entry in line.entry.get("entries", ())
    }
    for entry in control.requests():
        place.same(f"request {entry}, taken up before", found=books.taken_up.get(entry), expected=None)
        place.same(f"request {entry}, withdrawn", found=withdrawn.get(entry), expected=None)
    asked = [log.entry(entry) for entry in control.amendments]
    amended = {again for again, settled in control.adjustments.items() if settled.catalogue == month.name}
    place.same("actions of the amendments", found=[one.get("action") for one in asked], expected=["amend"] * len(asked))
    place.same(
        "amended months", found=sorted(amended), expected=sorted({str(one.get("settlement_month")) for one in asked})
    )
    balances = Counter(books.balances)
    for one in control.balance_entries:
        if ":" in one.entry:  # of the register (`check_taken_up`)
            balances[one.artist_id] += one.cents
            continue
        recorded = log.entry(one.entry)
        place.same(
            f"{one.kind} of artist {one.artist_id!r}, as recorded",
            found=(one.kind, one.artist_id, one.cents, one.settlement_month),
            expected=tuple(recorded.get(name) for name in ("action", "artist_id", "cents", "settlement_month")),
        )
        place.holds(
            f"{one.kind} of artist {one.artist_id!r}, {one.cents} cents",
            one.cents > 0 and one.cents == _cents_that_may_come(one, books, balances),
            found=one.cents,
            expected="what the run of that month paid, or the negative balance that is written off",
        )
        balances[one.artist_id] += one.cents


def _cents_that_may_come(entry: BalanceEntry, books: Books, balances: Counter[str]) -> int:
    if entry.settlement_month is None:
        return -balances[entry.artist_id] if entry.kind == "write_off" else 0
    return books.paid.get(entry.settlement_month, Counter())[entry.artist_id]
