"""Reads back the documents sent out: statements and bank file, against the rows and run they were made from."""

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from allive.payouts.bank_file import BankedTransfer, read_bank_file
from allive.payouts.closed_month.books import Month
from allive.payouts.closed_month.findings import Check, Place, Report
from allive.payouts.closed_month.month_files import Control, Manifest, PayoutRow, TransferRow, read_rows
from allive.payouts.ledger import PAYOUTS_FILE, TRANSFERS_FILE
from allive.payouts.statements import (
    STATEMENTS_FOLDER,
    StatementTotals,
    UnreadableStatementError,
    read_statement_total,
    statement_file_name,
    statement_number,
)

_RUN_HASH_DIGITS: Final = 20
"""How many digits of the run hash are in a message id."""
_TOLD_EVERY: Final = 500
_WORTH_PROCESSES: Final = 200
"""From this many statements on, reading them takes longer than starting processes."""
_PER_PROCESS: Final = 25
"""How many statements a process is given at a time."""


def check_statements(report: Report, month: Month, manifest: Manifest | None) -> None:
    """Read every statement's printed totals, number and run hash back from its PDF."""
    folder, rows, withheld = month.folder, month.rows, Counter[str]()
    for one in month.withheld:
        withheld[one.artist_id] += one.withheld_cents
    positions = {statement_file_name(row.artist_id): position for position, row in enumerate(rows, start=1)}
    for extra in {path.name for path in (folder / STATEMENTS_FOLDER).glob("*")} - positions.keys():
        place = report.at(Check.STATEMENTS, f"{month.name}/{STATEMENTS_FOLDER}/{extra}")
        place.same("file", found="a file", expected=f"none: it is of no row of {PAYOUTS_FILE}")
    readings = _read_all([folder / STATEMENTS_FOLDER / name for name in positions])
    for (name, position), printed in zip(positions.items(), readings, strict=True):
        if position % _TOLD_EVERY == 0:
            report.progress(f"{month.name}: statement {position:,} of {len(rows):,}")
        row = rows[position - 1]
        place = report.at(Check.STATEMENTS, f"{month.name}/{STATEMENTS_FOLDER}/{name}")
        with place.reading():
            if isinstance(printed, Exception):
                raise printed
            expected = {
                "number": statement_number(month.name, position),
                "earned_cents": row.earned_cents,
                "paid_cents": row.paid_cents,
                "carried_forward_cents": row.carried_forward_cents,
                "ordered_cents": row.paid_cents - withheld[row.artist_id],
                **({"run_hash": manifest.run_hash} if manifest else {}),
            }
            for what, value in expected.items():
                place.same(
                    f"{what} as printed for artist {row.artist_id!r}", found=getattr(printed, what), expected=value
                )


def _read_all(pdfs: list[Path]) -> Iterator[StatementTotals | Exception]:
    """Yield each statement's totals, or the error that prevents reading it; many statements are read in parallel."""
    if len(pdfs) < _WORTH_PROCESSES:
        yield from map(_read, pdfs)
        return
    # Spawned: a fork would copy locks held by the threads of the Parquet libraries, and hang.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        yield from processes.map(_read, pdfs, chunksize=_PER_PROCESS)


def _read(pdf: Path) -> StatementTotals | Exception:
    # On a damaged file pypdf logs each repair it tries; the finding reports the damage once.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        return read_statement_total(pdf)
    except (OSError, UnreadableStatementError) as error:
        return error


def check_bank_file(
    place: Place, path: Path, rows: list[PayoutRow], *, control: Control, manifest: Manifest | None
) -> tuple[BankedTransfer, ...]:
    """Check that the bank file has one transfer per paid row, in the same order, and return its transfers."""
    month = control.settlement_month
    payments = {
        statement_number(month, position): row.paid_cents
        for position, row in enumerate(rows, start=1)
        if row.paid_cents
    }
    if not payments and not path.exists():
        return ()
    with place.reading():
        bank_file = read_bank_file(path)
        transfers = bank_file.transfers
        place.same("control sum in cents", found=bank_file.control_sum_cents, expected=control.paid_cents)
        place.same("number of transfers", found=bank_file.number_of_transfers, expected=control.paid_artists)
        place.same("execution date", found=bank_file.payment_date.isoformat(), expected=control.payment_date)
        place.same("order of transfers", found=[one.end_to_end_id for one in transfers], expected=[*payments])
        for one in transfers:
            expected = payments.get(one.end_to_end_id)
            place.same(f"cents of {one.end_to_end_id}", found=one.amount_cents, expected=expected)
        if manifest is not None:
            message_id = f"ALV-{month}-{manifest.run_hash[:_RUN_HASH_DIGITS]}"
            place.same("message id", found=bank_file.message_id, expected=message_id)
        return transfers
    return ()


def check_transfers(report: Report, month: Month) -> tuple[BankedTransfer, ...]:
    """Check that `transfers.csv` has one line per paid row, in the same order, and return the transfers."""
    place = report.at(Check.BANK_FILE, month.file(TRANSFERS_FILE))
    with place.reading():
        lines = read_rows(month.folder / TRANSFERS_FILE, TransferRow)
        place.same(
            "transfers",
            found=[(one.settlement_month, one.end_to_end_id, one.artist_id, one.paid_cents) for one in lines],
            expected=[
                (month.name, statement_number(month.name, position), row.artist_id, row.paid_cents)
                for position, row in enumerate(month.rows, start=1)
                if row.paid_cents
            ],
        )
        for one in lines:
            place.same(
                f"cents of {one.end_to_end_id}, ordered and withheld",
                found=(one.ordered_cents + one.withheld_cents, min(one.ordered_cents, one.withheld_cents, 0)),
                expected=(one.paid_cents, 0),
            )
        return tuple(
            BankedTransfer(one.end_to_end_id, one.ordered_cents, one.iban, one.account_holder) for one in lines
        )
    return ()
