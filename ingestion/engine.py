"""The in-memory DuckDB connection that ingestion works with, within its memory limit."""

import duckdb

from allive.ingestion.settings import Settings


def connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open a connection in UTC that spills to disk beyond the memory limit and does not use the network."""
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.duckdb_memory_limit,
        "temp_directory": str(settings.temp_dir),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if settings.threads:
        config["threads"] = settings.threads
    connection = duckdb.connect(config=config)
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    return connection
