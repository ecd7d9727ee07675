"""Computes what a run withholds of its payments a second time, from the withholdings that it keeps (RULES.md §10)."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.books import Month
from allive.payouts.closed_month.findings import Check, Place, Report
from allive.payouts.closed_month.month_files import PayeeRow, TransferRow, WithheldRow, WithholdingInForce, read_rows
from allive.payouts.ledger import CONTROL_FILE, PAYEES_FILE, TRANSFERS_FILE, WITHHOLDINGS_FILE


def check_withholdings(report: Report, month: Month) -> None:
    """Compare `withholdings.csv` and the transfers of a month of format 2 with the withholdings that it keeps.

    Countries of tax residence are those of `payees.csv`, which `check_payees` compares with the pinned records.
    """
    paid_on = date.fromisoformat(month.control.payment_date)
    at_control = report.at(Check.AMOUNTS, month.file(CONTROL_FILE))
    for one in month.control.withholdings:
        at_control.holds(
            f"withholding {one.name!r}",
            one.since <= paid_on <= (one.until or paid_on),
            found=f"from {one.since} to {one.until}",
            expected=f"one that is in force on {paid_on}",
        )
    has_file = (month.folder / WITHHOLDINGS_FILE).exists()
    place = report.at(Check.AMOUNTS, month.file(WITHHOLDINGS_FILE))
    place.same("file", found=has_file, expected=bool(month.control.withholdings))
    with report.at(Check.AMOUNTS, month.file(PAYEES_FILE)).reading():
        payees = read_rows(month.folder / PAYEES_FILE, PayeeRow)
        _check_payees(report.at(Check.AMOUNTS, month.file(PAYEES_FILE)), month, payees)
        countries = {payee.artist_id: payee.tax_country for payee in payees}
        expected = list(_withheld(month, countries))
        place.same("what is withheld", found=month.withheld, expected=expected)
        _check_transfers(report.at(Check.BANK_FILE, month.file(TRANSFERS_FILE)), month, expected)


def withholdings_of_the_setting(settings: Settings, month: Month) -> list[dict[str, Any]]:
    """Return the withholdings that the settings have for the month's payment date, as `control.json` keeps them."""
    paid_on = date.fromisoformat(month.control.payment_date)
    return [
        one.model_dump(exclude_none=True)
        for one in settings.withholdings
        if not (paid_on < one.since or (one.until is not None and paid_on > one.until))
    ]


def _check_payees(place: Place, month: Month, payees: list[PayeeRow]) -> None:
    place.same(
        "payees",
        found=[(one.settlement_month, one.artist_id) for one in payees],
        expected=[(month.name, row.artist_id) for row in month.rows],
    )
    for has_number in (True, False):
        notes = {one.vat_note for one in payees if bool(one.vat_id) is has_number}
        what = f"notes of VAT of artists {'with' if has_number else 'without'} a number"
        place.holds(what, len(notes) <= 1, found=sorted(notes), expected="the same for all")


def _withheld(month: Month, countries: dict[str, str]) -> Iterator[WithheldRow]:
    for row in month.rows:
        if not row.paid_cents:
            continue
        for one in month.control.withholdings:
            if _is_meant(one, row.artist_id, countries.get(row.artist_id, "")):
                cents, _ = divmod(row.paid_cents * one.rate_bp, 10_000)
                yield WithheldRow(month.name, row.artist_id, one.name, one.owed_to, one.rate_bp, row.paid_cents, cents)


def _is_meant(one: WithholdingInForce, artist_id: str, country: str) -> bool:
    """Whether a withholding is meant for an artist. An unknown country is on no list and is no other country."""
    listed_here = one.artist_ids is None or artist_id in one.artist_ids
    lives_there = one.tax_countries is None or (country != "" and country in one.tax_countries)
    lives_elsewhere = one.not_tax_countries is None or (country != "" and country not in one.not_tax_countries)
    return listed_here and lives_there and lives_elsewhere


def _check_transfers(place: Place, month: Month, expected: list[WithheldRow]) -> None:
    sums: Counter[str] = Counter()
    for one in expected:
        sums[one.artist_id] += one.withheld_cents
    with place.reading():
        for transfer in read_rows(month.folder / TRANSFERS_FILE, TransferRow):
            place.same(
                f"withheld cents of {transfer.end_to_end_id}",
                found=transfer.withheld_cents,
                expected=sums[transfer.artist_id],
            )
