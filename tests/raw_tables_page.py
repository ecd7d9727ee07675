"""Runs the code of docs/reading-raw-tables.md on a data home, beside the rows that the warehouse's own views have."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from allive.ingestion.raw_tables import create_raw_views, read_pins
from allive.ingestion.settings import Settings

PAGE = Path(__file__).parents[1] / "docs/reading-raw-tables.md"


def run_page(settings: Settings, *sections: str, **names: Any) -> dict[str, Any]:
    """Run the Python of some sections of the page, in order, as a reader would; return the variables.

    Args:
        settings: the data home.
        sections: titles of the page.
        names: variables that the page takes as given.
    """
    text = PAGE.read_text(encoding="utf-8")
    codes = {
        part.partition("\n")[0]: re.findall(r"```python\n(.*?)```", part, re.DOTALL) for part in text.split("\n## ")
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALLIVE_HOME", str(settings.home))
        for section in sections:
            assert codes[section], f"the page shows no Python in {section}"
            for code in codes[section]:
                exec(code, names)  # noqa: S102 - our own documentation
    return names


def heartbeats_by_day(settings: Settings) -> list[tuple[date, int]]:
    """The number of heartbeats of each Paris day in the views that the warehouse reads."""
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        create_raw_views(con, settings, read_pins(settings))
        return con.execute("select event_day, count(*) from raw.heartbeats group by all order by all").fetchall()
