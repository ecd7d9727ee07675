"""Closed months from their own files: what every artist was booked and paid, and each run's control totals."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import duckdb

from allive.ingestion.settings import Settings
from allive.payouts import audit, ledger
from allive.payouts.statements.names import STATEMENTS_FOLDER, statement_file_name

_CLOSED_MONTHS: Final = {
    "settlement_month": "varchar",
    "run_hash": "varchar",
    "closed_at": "timestamptz",
    "periods": "bigint",
    "idle_periods": "bigint",
    "envelope_nanos": "bigint",
    "envelope_cents": "bigint",
    "direct_nanos": "bigint",
    "pool_nanos": "bigint",
    "pool_members": "bigint",
    "earned_cents": "bigint",
    "adjustment_cents": "bigint",
    "brought_forward_cents": "bigint",
    "paid_cents": "bigint",
    "paid_artists": "bigint",
    "carried_forward_cents": "bigint",
    "open_periods": "bigint",
    "open_envelope_cents": "bigint",
    "payment_date": "date",
    "pool_rule": "varchar",
    "minimum_payout_cents": "bigint",
}


def publish_booked_money(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Write the closed months' tables.

    `artist_payouts` and `adjustments` have the rows of the files of the same names. `closed_months` combines control,
    manifest and audit log. `statements` lists the artists and months that have one.
    """
    con.execute(
        "create table published.artist_payouts as select * from warehouse.booked.artist_months "
        "order by settlement_month, artist_id"
    )
    con.execute(
        "create table published.adjustments as select * from warehouse.booked.adjustments "
        "order by settlement_month, corrects_month, artist_id"
    )
    columns = ", ".join(f"{name} {type_}" for name, type_ in _CLOSED_MONTHS.items())
    con.execute(f"create table published.closed_months ({columns})")
    con.execute("create table published.statements (settlement_month varchar, artist_id varchar)")
    closed_at = _closing_instants(settings)
    for month in ledger.closed_months(settings):
        manifest = ledger.read_manifest(settings, month)
        row = _closed_month(ledger.read_control(settings, month), manifest.run_hash, closed_at.get(manifest.run_hash))
        con.execute(f"insert into published.closed_months values ({', '.join('?' * len(row))})", row)
        con.execute(
            "insert into published.statements select ?, unnest(?::varchar[])",
            [month, _artists_with_statements(con, month, manifest.files)],
        )


def _closed_month(control: dict[str, Any], run_hash: str, closed_at: datetime | None) -> list[Any]:
    known = {
        **control["policy"],
        **control,
        "run_hash": run_hash,
        "closed_at": closed_at,
        "pool_members": len(control["pool_members"]),
    }
    return [known[name] for name in _CLOSED_MONTHS]


def _closing_instants(settings: Settings) -> dict[str, datetime]:
    """Return when each run was closed, by its hash."""
    return {
        entry["run_hash"]: datetime.fromisoformat(entry["at"])
        for entry in audit.entries(settings)
        if entry["action"] == "close"
    }


def _artists_with_statements(con: duckdb.DuckDBPyConnection, month: str, files: Mapping[str, str]) -> list[str]:
    """Return the artists with a statement in the month. File names are not enough: an id unfit for a name is hashed."""
    artists = con.execute(
        "select artist_id from published.artist_payouts where settlement_month = ? order by artist_id", [month]
    ).fetchall()
    return [artist_id for (artist_id,) in artists if f"{STATEMENTS_FOLDER}/{statement_file_name(artist_id)}" in files]
