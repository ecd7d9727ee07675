"""The marts that dashboards read, copied unchanged. A mart that is not listed here is not published."""

from typing import Final

import duckdb

PUBLISHED_MARTS: Final = (
    "dim_artists",
    "dim_live_credits",
    "dim_lives",
    "fct_artist_audience",
    "fct_artist_lives",
    "fct_artist_months",
    "fct_artist_visibility",
    "fct_category_starts",
    "fct_close_blockers",
    "fct_emerging_visibility",
    "fct_live_months",
    "fct_live_retention",
    "fct_live_starts",
    "fct_platform_days",
    "fct_platform_months",
    "fct_player_health",
    "fct_player_signs",
    "fct_settlement_months",
    "fct_subscriber_cohorts",
    "fct_watch_days",
)


def copy_marts(con: duckdb.DuckDBPyConnection) -> None:
    """Copy the published marts of the attached `warehouse` into schema `marts`, and note their row counts."""
    con.execute("create schema marts")
    con.execute("create table published.marts (mart varchar, rows bigint)")
    for mart in _built_marts(con):
        con.execute(f"create table marts.{mart} as select * from warehouse.marts.{mart}")
        con.execute(f"insert into published.marts select ?, count(*) from marts.{mart}", [mart])


def _built_marts(con: duckdb.DuckDBPyConnection) -> list[str]:
    built = con.execute(
        "select table_name from duckdb_tables() where database_name = 'warehouse' and schema_name = 'marts'"
    ).fetchall()
    return [mart for mart in PUBLISHED_MARTS if (mart,) in built]
