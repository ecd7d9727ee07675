"""A separate data home for each test, with short methods to land, load and query."""

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from allive.ingestion.load import BatchReport, load_new_files
from allive.ingestion.raw_tables import create_raw_views, read_pins
from allive.ingestion.settings import Settings

NOW = datetime(2021, 4, 1, 12, tzinfo=UTC)


class Home:
    """A data home under test."""

    def __init__(self, path: Path) -> None:
        self.settings = Settings(home=path, memory_limit="1GB", threads=2)

    def land(self, name: str, content: bytes | str | list[dict]) -> Path:
        """Put a file into landing: bytes, text, or records as NDJSON."""
        if isinstance(content, list):
            content = "".join(json.dumps(record) + "\n" for record in content)
        if isinstance(content, str):
            content = content.encode()
        path = self.settings.landing_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def load(self, record_type: str, now: datetime = NOW) -> BatchReport | None:
        return load_new_files(self.settings, record_type, now=now)

    def query(self, sql: str) -> list[tuple]:
        """Query the pinned raw views."""
        with duckdb.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            create_raw_views(con, self.settings, read_pins(self.settings))
            return con.execute(sql).fetchall()

    def rejects(self) -> list[tuple[str, int | None, str]]:
        return self.query("select source_file, source_line, reason from raw.rejects order by all nulls first")

    def reasons(self) -> list[str]:
        return [reason for _, _, reason in self.rejects()]


@pytest.fixture
def home(tmp_path, monkeypatch):
    # The expectation suites have their own tests; importing Great Expectations takes seconds.
    monkeypatch.setattr("allive.ingestion.load.validate", lambda *_: ())
    return Home(tmp_path / "home")
