"""What closed months booked, as sources of the warehouse: schema `booked`, views over the files in `payouts/`."""

import duckdb

from ingestion.settings import Settings
from payouts import ledger

_ARTIST_MONTH_COLUMNS = {
    "settlement_month": "varchar",
    "artist_id": "varchar",
    "artist_name": "varchar",
    "category": "varchar",
    "watch_ms": "bigint",
    "paying_subscribers": "bigint",
    "direct_nanos": "bigint",
    "pool_nanos": "bigint",
    "earned_nanos": "bigint",
    "earned_cents": "bigint",
    "adjustment_cents": "bigint",
    "brought_forward_cents": "bigint",
    "paid_cents": "bigint",
    "carried_forward_cents": "bigint",
    "carry_reason": "varchar",
}


def create_booking_views(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create `booked.months`, `booked.periods` and `booked.artist_months`, empty and typed before the first close."""
    closed = ledger.closed_months(settings)
    con.execute("create schema if not exists booked")
    con.execute(f"create or replace view booked.months as {_months(closed)}")
    con.execute(f"create or replace view booked.periods as {_periods(settings, closed)}")
    con.execute(f"create or replace view booked.artist_months as {_artist_months(settings, closed)}")


def _months(closed: tuple[str, ...]) -> str:
    rows = ", ".join(f"({_literal(month)})" for month in closed) or "(null)"
    return (
        "select settlement_month::varchar as settlement_month "
        f"from (values {rows}) as months(settlement_month) where settlement_month is not null"
    )


def _periods(settings: Settings, closed: tuple[str, ...]) -> str:
    if not closed:
        return "select null::varchar as period_id, null::varchar as settlement_month where false"
    selects = [
        "select distinct period_id, "
        f"{_literal(month)} as settlement_month from read_parquet("
        f"{_literal(str(ledger.month_dir(settings, month) / ledger.SLICES_FILE))})"
        for month in closed
    ]
    return " union all ".join(selects)


def _artist_months(settings: Settings, closed: tuple[str, ...]) -> str:
    if not closed:
        columns = ", ".join(f"null::{type_} as {name}" for name, type_ in _ARTIST_MONTH_COLUMNS.items())
        return f"select {columns} where false"
    files = ", ".join(_literal(str(ledger.month_dir(settings, month) / ledger.PAYOUTS_FILE)) for month in closed)
    columns = ", ".join(f"{_literal(name)}: {_literal(type_)}" for name, type_ in _ARTIST_MONTH_COLUMNS.items())
    return (
        f"select * from read_csv([{files}], header = true, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {{{columns}}}, nullstr = '')"
    )


def _literal(text: str) -> str:
    # A view cannot bind parameters; what goes in are months and paths below the data home.
    return "'" + text.replace("'", "''") + "'"
