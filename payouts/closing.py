"""Closing a settlement month: gate, settle, write aside, one atomic rename, audit (RULES.md §6)."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from ingestion.batches import list_held, months_touched
from ingestion.settings import Settings
from payouts import audit, files, gate, ledger, pseudonyms, requests
from payouts.errors import Refusal
from payouts.months import parse_month
from payouts.payer import payer_refusals
from payouts.run import ClosedRun, Requests, compute_run
from payouts.settlement import Settlement, open_warehouse, read_settlement
from payouts.statements.writing import Progress


def close_month(
    settings: Settings,
    month: str,
    *,
    operator: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ClosedRun:
    """Settle a month from the warehouse and close it into `payouts/<month>/`, or only compute it (`dry_run`).

    The warehouse must have been built since the last close: bookings are among its sources. The month appears as a
    whole, with its line in the audit log, or not at all; a closing that was killed is finished or forgotten by the
    next one.

    Raises:
        Refusal: The month is closed already, not over, out of order, or its data or checks block it.
        UnbalancedRunError: The totals do not agree.
    """
    parse_month(month)
    if dry_run:
        with open_warehouse(settings) as con:
            return _compute(settings, con, month)
    with _only_closing(settings, month):
        finish_interrupted_closings(settings)
        with open_warehouse(settings) as con:
            run = _compute(settings, con, month)
            return _publish(settings, con, run, operator=operator or audit.operator_name(settings), progress=progress)


def refusals(settings: Settings, month: str) -> tuple[str, ...]:
    """Return every reason why the month cannot close now; none means that it can."""
    try:
        close_month(settings, month, dry_run=True)
    except Refusal as refusal:
        return refusal.reasons
    return ()


def finish_interrupted_closings(settings: Settings) -> None:
    """Bring `payouts/` in order after a crash: record a month that appeared without its audit line, drop leftovers."""
    if not settings.payouts_dir.exists():
        return
    for intent_path in settings.payouts_dir.glob(".closing-*.json"):
        intent = json.loads(intent_path.read_text(encoding="utf-8"))
        _record_if_closed(settings, intent)
        intent_path.unlink()
    pseudonyms.drop_half_made_key(settings)
    for leftover in settings.payouts_dir.glob(".closing-*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


@contextmanager
def _only_closing(settings: Settings, month: str) -> Iterator[None]:
    settings.payouts_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.payouts_dir / ".closing.lock", timeout=0)
    try:
        with lock:
            yield
    except Timeout:
        _refuse(month, ["Another process is closing a month right now: wait for it, then look again."])


def _compute(settings: Settings, con: duckdb.DuckDBPyConnection, month: str) -> ClosedRun:
    _refuse(month, gate.calendar_refusals(settings, month))
    _refuse(month, requests.amendment_refusals(settings))
    _refuse(month, gate.warehouse_refusals(settings, con))
    settlement = _settle(settings, con, month)
    run = compute_run(
        settlement,
        brought_forward=requests.open_balances(settings),
        requests=Requests(requests.pending_amendments(settings), requests.pending_entries(settings)),
    )
    if run.control["paid_cents"]:
        _refuse(month, payer_refusals(settings))
    return run


def _settle(settings: Settings, con: duckdb.DuckDBPyConnection, month: str) -> Settlement:
    settlement = read_settlement(con, month)
    if settlement is None:
        raise Refusal(month, (gate.unknown_month_refusal(con),))
    reasons = list(gate.blocker_refusals(month, settlement.blockers))
    if not ledger.closed_months(settings):
        reasons += gate.first_run_refusals(con, month)
    reasons += [
        f"Batch {held.batch_id} ({held.record_type}) is held and touches the month: look at it with "
        f"`allive batches show {held.batch_id}`, then release or discard it."
        for held in list_held(settings)
        if month in months_touched(held, [month])
    ]
    _refuse(month, reasons)
    return settlement


def _refuse(month: str, reasons: list[str]) -> None:
    if reasons:
        raise Refusal(month, tuple(reasons))


def _publish(
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    run: ClosedRun,
    *,
    operator: str,
    progress: Progress | None,
) -> ClosedRun:
    month = run.settlement_month
    final = ledger.month_dir(settings, month)
    aside = settings.payouts_dir / f".closing-{month}"
    aside.mkdir()
    run_hash = files.write_month(
        aside,
        run,
        con=con,
        settings=settings,
        previous_run_hash=ledger.last_run_hash(settings),
        progress=progress,
    )
    intent = {
        "action": "close",
        "operator": operator,
        "settlement_month": month,
        "run_hash": run_hash,
        "manifest_sha256": files.sha256_of(aside / ledger.MANIFEST_FILE),
        "engine": audit.engine_name(settings),
    }
    intent_path = _write_intent(settings, intent)
    # rename() onto a folder with files in it fails: of two closings only one can win.
    aside.rename(final)
    files.sync(settings.payouts_dir)
    audit.record(settings, **intent)
    intent_path.unlink()
    return replace(run, run_hash=run_hash, path=final)


def _write_intent(settings: Settings, intent: dict[str, Any]) -> Path:
    path = settings.payouts_dir / f".closing-{intent['settlement_month']}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(intent), encoding="utf-8")
    files.sync(part)
    part.rename(path)
    files.sync(settings.payouts_dir)
    return path


def _record_if_closed(settings: Settings, intent: dict[str, Any]) -> None:
    month = intent["settlement_month"]
    if month not in ledger.closed_months(settings):
        return
    is_recorded = any(
        entry["action"] == "close" and entry.get("run_hash") == intent["run_hash"] for entry in audit.entries(settings)
    )
    if not is_recorded and ledger.read_manifest(settings, month).run_hash == intent["run_hash"]:
        audit.record(settings, **intent)
