"""Checks the month about to close with its Great Expectations suites, pushed down to DuckDB."""

from typing import Final

import duckdb

from allive.ingestion.expectations.validation import Docs, validate
from allive.ingestion.reports import CheckResult
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_name, sql_text
from allive.payouts import months

_VIEWS: Final = {
    "month_artists": """
        select
            artists.artist_id,
            artists.category,
            artists.current_direct_nanos as direct_nanos,
            artists.current_pool_nanos as pool_nanos,
            artists.current_earned_nanos as earned_nanos,
            artists.current_earned_cents as earned_cents,
            months.envelope_nanos as month_envelope_nanos
        from {warehouse}.marts.fct_artist_months as artists
        inner join {warehouse}.marts.fct_settlement_months as months
            on artists.settlement_month = months.settlement_month
        where artists.settlement_month = {month}
    """,
    "month_slices": "select * from {warehouse}.marts.fct_period_slices where settlement_month = {month}",
}


def check_month(settings: Settings, month: str, *, with_docs: bool = True) -> tuple[CheckResult, ...]:
    """Validate the month in the warehouse; a failed critical check forbids the close.

    The warehouse is attached read-only to a separate connection: the suites need views of one month, which cannot be
    created in a read-only warehouse.

    Args:
        settings: The data home.
        month: The settlement month.
        with_docs: Whether the data docs show the outcome; a preview writes nothing.
    """
    months.parse_month(month)
    warehouse = settings.warehouse_path.stem
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as con:
        con.execute("set timezone = 'UTC'")
        con.execute("set memory_limit = ?", [settings.duckdb_memory_limit])
        con.execute("set temp_directory = ?", [str(settings.temp_dir)])
        con.execute(f"attach {sql_text(settings.warehouse_path)} as {sql_name(warehouse)} (read_only)")
        results: list[CheckResult] = []
        for view, query in _VIEWS.items():
            con.execute(f"create view {view} as {query.format(warehouse=sql_name(warehouse), month=sql_text(month))}")
            docs = Docs(settings.data_docs_dir, about=month) if with_docs else None
            results += validate(con, view, f"allive.payouts.expectations.{view}", docs)
    return tuple(results)


def critical_refusals(checks: tuple[CheckResult, ...]) -> tuple[str, ...]:
    """Return a refusal for each failed critical check, in words for an operator."""
    return tuple(
        f"Check {check.name} failed: {check.found}, expected that {check.expected}. {check.detail}".strip()
        for check in checks
        if not check.passed and check.severity == "critical"
    )
