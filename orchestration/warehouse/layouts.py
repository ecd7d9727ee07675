"""The raw files that the warehouse's views read: they change when the same records are rewritten into other files."""

import re
from pathlib import Path

from allive.ingestion.raw_tables import Pins, create_raw_views
from allive.ingestion.settings import Settings
from allive.payouts.bookings import create_booking_views
from allive.payouts.warehouse_file import open_warehouse
from allive.payouts.warehouse_mark import forget_mark, note_mark


def follow_layouts(settings: Settings, pins: Pins) -> None:
    """Point the views to the current files, if the same records were rewritten into other files since."""
    with open_warehouse(settings, read_only=True) as con:
        layouts = dict(con.execute("select table_name, version from raw.layouts").fetchall())
        (token,) = con.execute("select token from build.begun").fetchone() or ("",)
    if layouts != pins.layouts:
        with open_warehouse(settings, read_only=False) as con:
            forget_mark(settings)
            create_raw_views(con, settings, pins)
            create_booking_views(con, settings)
        note_mark(settings, token)


def files_in_views(settings: Settings) -> frozenset[Path]:
    """The files that the warehouse's views read, from the layouts that were pinned when it was last updated."""
    if not settings.warehouse_path.exists():
        return frozenset()
    with open_warehouse(settings, read_only=True) as con:
        views = con.execute("select sql from duckdb_views() where schema_name in ('raw', 'booked')").fetchall()
    # Each quoted text that ends in .parquet is a path; a quote inside a path is doubled.
    return frozenset(
        Path(literal.replace("''", "'"))
        for (sql,) in views
        for literal in re.findall(r"'((?:[^']|'')*\.parquet)'", sql)
    )
