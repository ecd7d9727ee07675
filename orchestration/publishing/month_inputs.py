"""Hashes of everything that determines a month under its scenarios, so that an unchanged month is not settled again."""

import hashlib
import json
from importlib.resources import files
from typing import Any

import duckdb

from allive.ingestion.settings import Settings
from allive.orchestration.serving_copy import code_version
from allive.payouts import ledger, requests
from allive.payouts.payments.balance_entries import open_balances
from allive.payouts.payments.register import read_register


def read_month_inputs(settings: Settings, con: duckdb.DuckDBPyConnection, months: list[str]) -> dict[str, str]:
    """Return a hash per month: of its policy, periods, catalogue, watch time, bank details and the code.

    For the month that closes next, it includes balances and corrections.
    """
    query = (files(__package__) / "month_inputs.sql").read_text(encoding="utf-8")
    found = {month: rest for month, *rest in con.execute(query, {"months": months}).fetchall()}
    common = [code_version(), _one(con, "select sum(hash(payees)) from marts.dim_payees as payees")]
    next_month = ledger.next_month(settings)
    return {
        month: _hash([common, found[month], _balances(settings, con) if next_month in {None, month} else None])
        for month in months
    }


def _balances(settings: Settings, con: duckdb.DuckDBPyConnection) -> list[Any]:
    corrections = _one(
        con,
        "select sum(hash(settlement_month, artist_id, booked_earned_cents, adjustment_cents, "
        "pending_adjustment_cents)) from marts.fct_artist_months "
        # Most lines correct nothing: an artist's first minutes in an open month do not make another month settle again.
        "where booked_earned_cents is not null or adjustment_cents != 0 or pending_adjustment_cents != 0",
    )
    # Holds and IBANs set aside decide who would be paid.
    head = read_register(settings).head
    return [open_balances(settings), requests.pending_amendments(settings), head, corrections]


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _one(con: duckdb.DuckDBPyConnection, query: str) -> str:
    row = con.execute(query).fetchone()
    return str(row[0] if row else None)
