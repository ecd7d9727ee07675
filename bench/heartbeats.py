"""Generated heartbeats of any number in the raw layout: shuffled, with redeliveries, the same on every machine."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import duckdb

from allive.ingestion.sql_text import sql_text

_SQL = Path(__file__).with_name("sql") / "heartbeats.sql"
_DAYS = 30
_HEARTBEATS_A_PLAYBACK = 150 * 1.02


def write_heartbeats(
    scratch: Path, heartbeats: int, *, threads: int, memory_gb: float, tell: Callable[[str], None]
) -> Path:
    """Write about `heartbeats` rows as Parquet below `scratch`, or return the folder that an earlier bench wrote.

    Thirty daily deliveries, each shuffled as a whole. A heartbeat after a long break is in a later day's folder.
    """
    version = hashlib.sha256(_SQL.read_bytes()).hexdigest()[:8]
    folder = scratch / f"heartbeats-{heartbeats}-{version}"
    complete = folder / "complete"
    if complete.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    query = _SQL.read_text(encoding="utf-8")
    playbacks = max(1, round(heartbeats / _DAYS / _HEARTBEATS_A_PLAYBACK))
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
        con.execute("set threads = ?", [threads])
        con.execute("set memory_limit = ?", [f"{memory_gb}GB"])
        con.execute("set temp_directory = ?", [str(scratch / "spill")])
        for day in range(_DAYS):
            tell(f"generating heartbeats: day {day + 1} of {_DAYS}")
            # The options of a COPY cannot be bound parameters; these values come from this module.
            con.execute(
                f"copy ({query}) to {sql_text(folder)} (format parquet, compression zstd, row_group_size 122_880, "
                f"partition_by (event_day), overwrite_or_ignore, filename_pattern 'delivery-{day:02d}-{{i}}')",
                {"day": day, "playbacks": playbacks},
            )
    complete.touch()
    return folder


def heartbeat_files(folder: Path) -> list[Path]:
    """The Parquet files that `write_heartbeats` wrote, in a fixed order."""
    return sorted(folder.glob("event_day=*/*.parquet"))
