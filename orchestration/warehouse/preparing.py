"""The warehouse file before a build: deleted if it cannot be continued, else prepared with its views and its token."""

from pathlib import Path

from allive.ingestion.raw_tables import Pins, create_raw_views
from allive.ingestion.settings import Settings
from allive.orchestration.parsed_project import ParsedProject
from allive.payouts.bookings import create_booking_views
from allive.payouts.warehouse_file import open_warehouse
from allive.payouts.warehouse_mark import forget_mark, why_not_as_left


def prepare(settings: Settings, project: ParsedProject, pins: Pins, token: str) -> None:
    """Prepare the warehouse file for a build of these pins: create its views, and record the start with `token`.

    Raises:
        duckdb.IOException: Another process has it open.
    """
    settings.warehouse_path.parent.mkdir(parents=True, exist_ok=True)
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    with open_warehouse(settings, read_only=False) as con:
        # Open first: if another process reads the file, this fails before anything is written, and the mark stays true.
        forget_mark(settings)
        con.execute("create schema if not exists build")
        con.execute("create or replace table build.finished (inputs varchar, built_at varchar, nodes varchar)")
        con.execute("create or replace table build.begun (project varchar, batch_number bigint, token varchar)")
        con.execute("insert into build.begun values (?, ?, ?)", [project.content_hash, pins.batch_number, token])
        create_raw_views(con, settings, pins)
        create_booking_views(con, settings)


def delete_warehouse(settings: Settings) -> None:
    """Delete the warehouse, so that the next build starts from the raw tables and the closed months."""
    forget_mark(settings)
    for path in (settings.warehouse_path, Path(f"{settings.warehouse_path}.wal")):
        path.unlink(missing_ok=True)


def drop_what_is_not_as_left(settings: Settings) -> str | None:
    """Delete a warehouse that anything but the project wrote to, or that is truncated; return why."""
    if not settings.warehouse_path.exists():
        return None
    why = why_not_as_left(settings)
    if why is None:
        return None
    delete_warehouse(settings)
    return f"The warehouse was deleted and is built from the raw tables: {why}."


def drop_what_cannot_be_continued(settings: Settings, project: ParsedProject, pins: Pins) -> str | None:
    """Delete a warehouse whose incremental rows might come from another project or other raw tables; return why."""
    if not settings.warehouse_path.exists():
        return None
    with open_warehouse(settings, read_only=True) as con:
        built_by, batch_number = con.execute("select project, batch_number from build.begun").fetchone() or (None, 0)
    if built_by != project.content_hash:
        why = "another version of the dbt project, or another engine, built it"
    elif batch_number > pins.batch_number:
        why = f"it contains batch {batch_number}, but the raw tables end with batch {pins.batch_number}"
    else:
        return None
    delete_warehouse(settings)
    return f"The warehouse was deleted and is built from the raw tables: {why}."
