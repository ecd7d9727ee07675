"""The day in Paris of an instant (RULES.md §3.4), in Python, in DuckDB's SQL and in Spark's."""

from typing import Final
from zoneinfo import ZoneInfo

from allive.ingestion.sql_text import spark_text, sql_text

PARIS: Final = ZoneInfo("Europe/Paris")

_DAY_MS: Final = 24 * 60 * 60 * 1000


def paris_day(instant: str) -> str:
    """DuckDB's SQL for the Paris day of a timestamptz."""
    return f"cast(timezone({sql_text(PARIS.key)}, {instant}) as date)"


def paris_day_of_recent(instant: str) -> str:
    """The same day for an instant after 1976, much cheaper: the days of heartbeats.

    Since 1976 Paris has been one or two hours ahead of UTC, so the day depends on daylight saving time only between
    22:00 and 23:00 UTC. Calling ICU only then is exact.
    """
    return f"""case
    when (epoch_ms({instant}) // 3600000) % 24 = 22
        then {paris_day(instant)}
    else date '1970-01-01' + cast((epoch_ms({instant}) + 3600000) // {_DAY_MS} as integer)
end"""


def spark_paris_day(instant: str) -> str:
    """Spark's SQL for the Paris day of a timestamp in UTC."""
    return f"to_date(from_utc_timestamp({instant}, {spark_text(PARIS.key)}))"
