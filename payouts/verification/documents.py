"""What left the house, read back: statements and bank file against the rows and the run that they were made of."""

from pathlib import Path
from typing import Final

from payouts.bank_file import BankedTransfer, read_bank_file
from payouts.ledger import BANK_FILE, PAYOUTS_FILE
from payouts.statements import STATEMENTS_FOLDER, read_statement_total, statement_file_name, statement_number
from payouts.verification.findings import Check, Report
from payouts.verification.month_files import Control, Manifest, PayoutRow

_RUN_HASH_DIGITS: Final = 20
"""How many of the run hash stand in a message id."""
_TOLD_EVERY: Final = 500


def check_statements(report: Report, folder: Path, rows: list[PayoutRow], manifest: Manifest | None) -> None:
    """Read every statement's printed totals, number and run hash back from its PDF."""
    month = folder.name
    expected = {statement_file_name(row.artist_id): row for row in rows}
    found = {path.name for path in (folder / STATEMENTS_FOLDER).glob("*")}
    for extra in sorted(found - expected.keys()):
        report.compare(
            Check.STATEMENTS,
            month,
            f"{month}/{STATEMENTS_FOLDER}/{extra}",
            "file",
            found="a statement",
            expected=f"none, as no row of {PAYOUTS_FILE} has it",
        )
    for position, (name, row) in enumerate(expected.items(), start=1):
        file = f"{month}/{STATEMENTS_FOLDER}/{name}"
        if position % _TOLD_EVERY == 0:
            report.progress(f"{month}: statement {position:,} of {len(rows):,}")
        with report.reading(Check.STATEMENTS, month, file):
            printed = read_statement_total(folder / STATEMENTS_FOLDER / name)
            for what, value in {
                "number": statement_number(month, position),
                "earned_cents": row.earned_cents,
                "paid_cents": row.paid_cents,
                "carried_forward_cents": row.carried_forward_cents,
                **({"run_hash": manifest.run_hash} if manifest else {}),
            }.items():
                report.compare(
                    Check.STATEMENTS,
                    month,
                    file,
                    f"printed {what} of artist {row.artist_id!r}",
                    found=getattr(printed, what),
                    expected=value,
                )


def check_bank_file(
    report: Report, folder: Path, rows: list[PayoutRow], control: Control, manifest: Manifest | None
) -> tuple[BankedTransfer, ...]:
    """Read the bank file back: one transfer for each paid row, in their order; return its transfers."""
    month, file = folder.name, f"{folder.name}/{BANK_FILE}"
    path = folder / BANK_FILE
    payments = {
        statement_number(month, position): row.paid_cents
        for position, row in enumerate(rows, start=1)
        if row.paid_cents
    }
    if not payments and not path.exists():
        return ()

    def same(what: str, found: object, expected: object) -> None:
        report.compare(Check.BANK_FILE, month, file, what, found=found, expected=expected)

    with report.reading(Check.BANK_FILE, month, file):
        bank_file = read_bank_file(path)
        same("control sum in cents", bank_file.control_sum_cents, control.paid_cents)
        same("number of transfers", bank_file.number_of_transfers, control.paid_artists)
        same("requested execution date", bank_file.payment_date.isoformat(), control.payment_date)
        if manifest is not None:
            same("message id", bank_file.message_id, f"ALV-{month}-{manifest.run_hash[:_RUN_HASH_DIGITS]}")
        same("order of the transfers", [one.end_to_end_id for one in bank_file.transfers], [*payments])
        for one in bank_file.transfers:
            same(f"cents of {one.end_to_end_id}", one.amount_cents, payments.get(one.end_to_end_id))
        return bank_file.transfers
    return ()
