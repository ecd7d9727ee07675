"""Closed months as sources of the warehouse: schema `booked`, views over their files and pinned catalogues."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

import duckdb

from allive.ingestion.raw_tables import columns_of, scan_of
from allive.ingestion.raw_versions import records_of
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text, sql_value
from allive.payouts import ledger, requests
from allive.payouts.booked_periods import note_booked_periods
from allive.payouts.look_back import look_back_of_next_run
from allive.payouts.run import Adjustment, PayoutLine

CATALOGUE_TABLES: Final = ("lives", "live_credits", "artist_categories")
"""A closed month keeps the version of these raw tables that it closed with (RULES.md §6)."""

_SQL_TYPES: Final[dict[Any, str]] = {str: "varchar", str | None: "varchar", int: "bigint"}
_POLICY_COLUMNS: Final = {
    "policy_valid_from": "date",
    "price_cents": "bigint",
    "envelope_cents": "bigint",
    "minimum_live_s": "bigint",
    "minimum_pool_share_bp": "bigint",
    "minimum_payout_cents": "bigint",
    "look_back_months": "bigint",
    "payment_delay_days": "bigint",
    "pool_rule": "varchar",
}


def create_booking_views(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create the views of schema `booked`, empty and typed before the first close.

    Raises:
        PseudonymKeyError: The key of the pseudonyms is not that of the closed months.
        UnknownBookingsError: A closed month booked periods that are not in the raw tables.
    """
    closed = ledger.closed_months(settings)
    note_booked_periods(con, settings)
    catalogues = kept_catalogues(settings)
    views = {
        "months": _months(settings, closed, catalogues),
        "periods": "select period_id, settlement_month from build.booked_periods",
        "artist_months": _lines(settings, closed, ledger.PAYOUTS_FILE, PayoutLine),
        "adjustments": _lines(settings, closed, ledger.ADJUSTMENTS_FILE, Adjustment),
        **{table: _catalogue(settings, table, set(filter(None, catalogues.values()))) for table in CATALOGUE_TABLES},
    }
    con.execute("create schema if not exists booked")
    for name, query in views.items():
        con.execute(f"create or replace view booked.{name} as {query}")


def kept_catalogues(settings: Settings) -> dict[str, str | None]:
    """Return, for each closed month, the run whose pinned catalogue settles it again; None means today's catalogue.

    Today's catalogue applies to a month that waits for an amendment, and to a month that the next run does not reach;
    figures of the latter are for information only.
    """
    waiting = requests.pending_amendments(settings)
    look_back = look_back_of_next_run(settings)
    return {
        month: None if month in waiting or month not in look_back else ledger.catalogue_of(settings, month)
        for month in ledger.closed_months(settings)
    }


def _months(settings: Settings, closed: tuple[str, ...], catalogues: dict[str, str | None]) -> str:
    columns = {
        "settlement_month": "varchar",
        "catalogue": "varchar",
        "is_in_look_back": "boolean",
        **_POLICY_COLUMNS,
    }
    look_back = look_back_of_next_run(settings)
    rows = []
    for month in closed:
        values: dict[str, Any] = {
            **ledger.read_control(settings, month)["policy"],
            "settlement_month": month,
            "catalogue": catalogues[month],
            "is_in_look_back": month in look_back,
        }
        rows.append(", ".join(f"cast({sql_value(values[name])} as {type_})" for name, type_ in columns.items()))
    if not rows:
        return _nothing(columns)
    return f"select * from (values {', '.join(f'({row})' for row in rows)}) as months({', '.join(columns)})"


def _lines(settings: Settings, closed: tuple[str, ...], name: str, line: type) -> str:
    columns = {field.name: _SQL_TYPES[field.type] for field in fields(line)}
    if not closed:
        return _nothing(columns)
    files = ", ".join(sql_text(ledger.month_dir(settings, month) / name) for month in closed)
    types = ", ".join(f"{sql_text(column)}: {sql_text(type_)}" for column, type_ in columns.items())
    return (
        f"select * from read_csv([{files}], header = true, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {{{types}}}, nullstr = '')"
    )


def _catalogue(settings: Settings, table: str, runs: Iterable[str]) -> str:
    selects = [
        f"select {sql_text(run)} as catalogue, * from ({scan_of(table, records.files, up_to=records.up_to)})"
        for run in sorted(runs)
        for records in [records_of(settings, table, ledger.read_control(settings, run)["raw_versions"].get(table))]
    ]
    return " union all ".join(selects) or _nothing({"catalogue": "varchar", **columns_of(table)})


def _nothing(columns: dict[str, str]) -> str:
    return f"select {', '.join(f'cast(null as {type_}) as {name}' for name, type_ in columns.items())} where false"
