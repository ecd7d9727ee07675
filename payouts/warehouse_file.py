"""Opens the warehouse file with the limits of the settings."""

import duckdb

from allive.ingestion.settings import Settings


def open_warehouse(settings: Settings, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Open the warehouse; its session is in UTC and loads no extension from outside.

    The connection closes itself at the end of a `with` block. Connections that are open at the same time in one process
    must agree on `read_only`.

    Raises:
        duckdb.IOException: There is no warehouse, or another process has it open.
    """
    # No bound values: the first one makes DuckDB import pandas, which a run with nothing new does not need.
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.duckdb_memory_limit,
        "temp_directory": str(settings.temp_dir),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if settings.threads:
        config["threads"] = settings.threads
    con = duckdb.connect(settings.warehouse_path, read_only=read_only, config=config)
    con.execute("set TimeZone = 'UTC'")
    return con
