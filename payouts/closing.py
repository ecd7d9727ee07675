"""Closing a settlement month: preconditions, settle, write aside, prove, one atomic rename, audit (RULES.md §6)."""

import functools
import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb
from filelock import FileLock, Timeout
from pydantic import SecretStr

from allive.ingestion.batches import list_held, months_touched
from allive.ingestion.counted import counted
from allive.ingestion.durable import sync_file
from allive.ingestion.paris_days import PARIS
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.settings import Settings
from allive.payouts import audit, files, ledger, preconditions, pseudonyms, requests
from allive.payouts.bank_details import bic_for, electronic
from allive.payouts.close_orders import CloseOrder, take_up
from allive.payouts.close_warnings import CloseWarning, acknowledgement, in_words, open_warnings
from allive.payouts.errors import Refusal
from allive.payouts.interrupted_closings import finish_interrupted_closings
from allive.payouts.months import parse_month
from allive.payouts.payer import payer_refusals
from allive.payouts.payments.balance_entries import open_balances
from allive.payouts.payments.orders import check_orders, order_month
from allive.payouts.pins import pin_refusals
from allive.payouts.run import ClosedRun, UnbalancedRunError, compute_run
from allive.payouts.settlement import Settlement, read_settlement
from allive.payouts.warehouse_file import open_warehouse

Progress = Callable[[str, str], None]
"""Called with the current step and its progress."""


def close_month(
    settings: Settings,
    month: str,
    *,
    order_id: str,
    progress: Progress | None = None,
) -> ClosedRun:
    """Settle a month from the warehouse, prove it, and close it into `payouts/<month>/`.

    The warehouse must have been built since the last close: the bookings are among its sources. Before the month
    appears, its bookings are computed a second time from the pinned records, and compared (RULES.md §6). The month
    appears as a whole, with its line in the audit log, or not at all; the next closing completes or discards one that
    was killed.

    Args:
        settings: The data home.
        month: The settlement month.
        order_id: The order (`allive.payouts.close_orders`), which this attempt uses up. It names who closes the month
            and which warnings they acknowledged.
        progress: Called with the current step.

    Raises:
        Refusal: There is no such order; the month is closed already, not over or out of order; its data or the proof
            forbid it; or its open warnings are not the ones that were acknowledged.
    """
    parse_month(month)
    with _only_closing(settings, month):
        finish_interrupted_closings(settings)
        _refuse(month, preconditions.calendar_refusals(settings, month))
        order = take_up(settings, order_id, month)
        with open_warehouse(settings) as con:
            run = _compute(settings, con, month)
            _refuse(month, _unacknowledged(open_warnings(settings, con, run), order))
            return _publish(settings, con, run, order=order, progress=progress)


_MOST_WARNINGS: Final = 20
"""Warnings listed per kind in a refusal; the dry run lists all."""


@dataclass(frozen=True)
class Preview:
    """The run that closing a month would give.

    Attributes:
        acknowledgement: The code that a close by hand requires; None if no warning is open.
    """

    run: ClosedRun
    warnings: tuple[CloseWarning, ...]
    acknowledgement: str | None


def preview_month(settings: Settings, month: str, *, progress: Progress | None = None) -> Preview:
    """Settle and prove a month, as a close would, without writing anything permanent.

    Raises:
        Refusal: The month could not be closed now.
    """
    parse_month(month)
    if not pseudonyms.has_key(settings) and not ledger.closed_months(settings):
        # A preview creates no permanent key: its pseudonyms are never shown.
        settings = settings.model_copy(update={"pseudonym_key": SecretStr(secrets.token_hex(32))})
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    for left_by_a_kill in settings.temp_dir.glob("preview-*"):
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    with open_warehouse(settings) as con, TemporaryDirectory(prefix="preview-", dir=settings.temp_dir) as scratch:
        run = _compute(settings, con, month)
        folder = Path(scratch) / month
        folder.mkdir()
        with _as_the_project_writes_it(month):
            files.write_data(folder, run, con=con, settings=settings)
        _prove(settings, folder, run, progress=progress)
        check_orders(settings, files.transfers_of(run), today=_today())
        return _preview(settings, con, run)


def settle_month(settings: Settings, month: str) -> Preview:
    """Settle a month without proving it, to show figures of a month that was previewed or is about to be closed.

    Raises:
        Refusal: The month could not be closed now.
    """
    with open_warehouse(settings) as con:
        return _preview(settings, con, _compute(settings, con, month))


@contextmanager
def _only_closing(settings: Settings, month: str) -> Iterator[None]:
    settings.payouts_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.payouts_dir / ".closing.lock", timeout=0)
    try:
        with lock:
            yield
    except Timeout:
        _refuse(month, ["Another process is closing a month right now: wait for it, then look again."])


@contextmanager
def _as_the_project_writes_it(month: str) -> Iterator[None]:
    """Refuse a warehouse whose tables break the code that reads them; no warehouse that the project builds does."""
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException):
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, UnbalancedRunError, duckdb.Error) as error:
        found = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise Refusal(
            month, (f"The warehouse is not as the project builds it ({found}).", preconditions.LIKELY_CAUSES)
        ) from error


def _compute(settings: Settings, con: duckdb.DuckDBPyConnection, month: str) -> ClosedRun:
    _refuse(month, preconditions.calendar_refusals(settings, month))
    _refuse(month, requests.amendment_refusals(settings))
    _refuse(month, pin_refusals(settings))
    _refuse(month, preconditions.key_refusals(settings))
    _refuse(month, preconditions.warehouse_refusals(settings, con))
    with _as_the_project_writes_it(month):
        settlement = _settle(settings, con, month)
        run = compute_run(
            settlement,
            brought_forward=open_balances(settings),
            requests=requests.requests_of_next_run(settings),
            withholdings=settings.withholdings,
        )
    if run.control["paid_cents"]:
        _refuse(month, payer_refusals(settings))
    return run


def _preview(settings: Settings, con: duckdb.DuckDBPyConnection, run: ClosedRun) -> Preview:
    warnings = open_warnings(settings, con, run)
    return Preview(run, warnings, acknowledgement(run.settlement_month, warnings))


def _unacknowledged(warnings: tuple[CloseWarning, ...], order: CloseOrder) -> list[str]:
    code = acknowledgement(order.settlement_month, warnings)
    if code is None or order.acknowledged == code:
        return []
    found = f"the order acknowledges {order.acknowledged}" if order.acknowledged else "the order acknowledges none"
    return [
        *in_words(warnings, most=_MOST_WARNINGS),
        (
            f"{counted(len(warnings), 'warning is open', 'warnings are open')} and {found}; expected {code}. Look at "
            f"each, then close with "
            f"`allive payout {order.settlement_month} --acknowledge {code}`."
        ),
    ]


def _settle(settings: Settings, con: duckdb.DuckDBPyConnection, month: str) -> Settlement:
    settlement = read_settlement(con, month)
    if settlement is None:
        raise Refusal(month, (preconditions.unknown_month_refusal(con),))
    reasons = list(preconditions.blocker_refusals(month, settlement.blockers))
    if not ledger.closed_months(settings):
        reasons += preconditions.first_run_refusals(con, month)
    reasons += [
        f"Batch {held.batch_id} ({held.record_type}) is held, with {_some_files(held.names)}, and touches the month: "
        f"look at it with `allive batches show {held.batch_id}`, then release or discard it."
        for held in list_held(settings)
        if month in months_touched(held, [month])
    ]
    reasons += preconditions.unreadable_refusals(settings, con)
    reasons += preconditions.unread_refusals(settings)
    _refuse(month, reasons)
    return settlement


def _some_files(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{len(names):,} files such as {names[0]}"


def _refuse(month: str, reasons: list[str]) -> None:
    if reasons:
        raise Refusal(month, tuple(reasons))


def _prove(settings: Settings, folder: Path, run: ClosedRun, *, progress: Progress | None) -> None:
    # It imports Polars, which nothing else here needs.
    from allive.payouts.verification.proving import prove_run  # noqa: PLC0415

    tell = None if progress is None else functools.partial(progress, "proving")
    payees = {
        payee.artist_id: (
            payee.creditor_name,
            payee.iban and electronic(payee.iban),
            payee.iban and bic_for(payee.iban, payee.bic),
            payee.street,
            payee.postcode,
            payee.town,
            payee.country,
        )
        for payee in run.payees.values()
    }
    proof = prove_run(settings, folder, pinned=read_pins(settings).versions, payees=payees, progress=tell)
    if not proof.holds:
        raise Refusal(run.settlement_month, preconditions.proof_refusals(proof.findings, proof.unchecked))


def _publish(
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    run: ClosedRun,
    *,
    order: CloseOrder,
    progress: Progress | None,
) -> ClosedRun:
    month = run.settlement_month
    final = ledger.month_dir(settings, month)
    aside = settings.payouts_dir / f".closing-{month}"
    folder = aside / month
    folder.mkdir(parents=True)
    try:
        with _as_the_project_writes_it(month):
            files.write_data(folder, run, con=con, settings=settings)
        _prove(settings, folder, run, progress=progress)
        check_orders(settings, files.transfers_of(run), today=_today())
    except Refusal:
        shutil.rmtree(aside)
        raise
    tell = None if progress is None else lambda done, total: progress("writing", f"{done} of {total} statements")
    run_hash = files.write_documents(
        folder, run, settings=settings, previous_run_hash=ledger.last_run_hash(settings), progress=tell
    )
    intent: dict[str, Any] = {
        "action": "close",
        "operator": order.operator,
        **({"approved_by": order.approved_by} if order.approved_by else {}),
        "order": order.order_id,
        "acknowledged": order.acknowledged,
        "settlement_month": month,
        "run_hash": run_hash,
        "manifest_sha256": files.sha256_of(folder / ledger.MANIFEST_FILE),
        "engine": audit.engine_name(settings),
    }
    intent_path = _write_intent(settings, intent)
    # rename() onto a folder with files in it fails: of two closings only one can win.
    folder.rename(final)
    sync_file(settings.payouts_dir)
    audit.record(settings, **intent)
    aside.rmdir()
    intent_path.unlink()
    order_month(settings, month, operator=order.operator, today=_today())
    return replace(run, run_hash=run_hash, path=final)


def _today() -> date:
    """The day in Paris, for the date that orders ask for. No figure of a month depends on it."""
    return datetime.now(PARIS).date()


def _write_intent(settings: Settings, intent: dict[str, Any]) -> Path:
    path = settings.payouts_dir / f".closing-{intent['settlement_month']}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(intent), encoding="utf-8")
    sync_file(part)
    part.rename(path)
    sync_file(settings.payouts_dir)
    return path
