"""The in-memory DuckDB connection that ingestion computes in, within the memory it is given."""

import duckdb

from ingestion.settings import Settings


def connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open a connection in UTC that spills beyond the memory limit and reaches for no network."""
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
