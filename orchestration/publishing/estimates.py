"""Estimates of open months, from the last copy of each day, so that a page can show how they changed.

They are stored nowhere else: deleting the serving folder deletes them.
"""

from datetime import datetime
from typing import Final

import duckdb

from allive.ingestion.paris_days import PARIS
from allive.orchestration.publishing.previous_copy import PreviousCopy

KEPT_DAYS: Final = 62
_COLUMNS: Final = (
    "settlement_month varchar, artist_id varchar, seen_on date, earned_nanos bigint, direct_nanos bigint, "
    "pool_nanos bigint, watch_ms bigint, earned_cents bigint"
)


def publish_estimates(con: duckdb.DuckDBPyConnection, previous: PreviousCopy | None, *, now: datetime) -> None:
    """Write `published.estimates`: one row per settlement month, artist and Paris day on which a copy was published.

    Rows of this day are the current `current_*` values of open months; those of the 62 days before come from the
    previous copy; those of earlier releases have no cents.
    """
    today = now.astimezone(PARIS).date()
    con.execute(f"create table published.estimates ({_COLUMNS})")
    if previous is not None and "estimates" in previous.tables:
        con.register("earlier", previous.tables["estimates"])
        con.execute(
            "insert into published.estimates by name select * from earlier "
            "where seen_on < $today and seen_on >= $today - cast($days as integer)",
            {"today": today, "days": KEPT_DAYS},
        )
        con.unregister("earlier")
    con.execute(
        """
        insert into published.estimates
        select
            artists.settlement_month, artists.artist_id, $today, artists.current_earned_nanos,
            artists.current_direct_nanos, artists.current_pool_nanos, artists.current_watch_ms,
            artists.current_earned_cents
        from warehouse.marts.fct_artist_months as artists
        inner join warehouse.marts.fct_settlement_months as months using (settlement_month)
        where not months.is_closed and months.periods > 0
        order by all
        """,
        {"today": today},
    )
