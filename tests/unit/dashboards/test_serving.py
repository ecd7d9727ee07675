"""Readers of the serving copy see the newest copy at their next look, never a mixture and never an error."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from allive.dashboards.serving import CURRENT, ServingCopyMissingError, current_copy
from allive.ingestion.settings import Settings

PUBLISHED_AT = datetime(2021, 4, 1, 8, 30, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def publish(settings: Settings, number: int) -> None:
    settings.serving_dir.mkdir(exist_ok=True)
    path = settings.serving_dir / f"allive-{number:06d}-x.duckdb"
    with duckdb.connect(path) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("create schema published")
        con.execute("create table published.copy (published_at timestamptz, data_until_at timestamptz)")
        con.execute("insert into published.copy values (?, null)", [PUBLISHED_AT])
        con.execute("create table published.number as select ? as number, 'a' as letter", [number])
    aside = settings.serving_dir / ".new"
    aside.symlink_to(path.name)
    aside.replace(settings.serving_dir / CURRENT)


def test_the_copy_in_service_says_when_it_was_published(settings: Settings) -> None:
    publish(settings, 1)
    copy = current_copy(settings)
    assert copy.published_at == PUBLISHED_AT
    assert copy.data_until_at is None
    assert copy.path.name == "allive-000001-x.duckdb"


def test_a_swap_is_seen_at_once_and_an_older_copy_stays_whole(settings: Settings) -> None:
    publish(settings, 1)
    before = current_copy(settings)
    for number in range(2, 6):
        publish(settings, number)
    assert current_copy(settings).rows("select number from published.number") == ({"number": 5},)
    # Read for the first time after four swaps: still the copy from when the page began.
    assert before.rows("select number, letter from published.number") == ({"number": 1, "letter": "a"},)


def test_a_copy_in_use_may_be_deleted(settings: Settings) -> None:
    publish(settings, 1)
    copy = current_copy(settings)
    copy.path.unlink()
    assert copy.rows("select number from published.number") == ({"number": 1},)


def test_values_are_bound(settings: Settings) -> None:
    publish(settings, 1)
    copy = current_copy(settings)
    assert copy.rows("select number from published.number where letter = ?", "a' or 'a' = 'a") == ()


def test_nothing_can_be_written_or_reached_from_a_copy(settings: Settings) -> None:
    publish(settings, 1)
    copy = current_copy(settings)
    for statement in (
        "create table published.more (x int)",
        f"copy published.number to '{settings.home}/stolen.csv'",
        "select * from read_csv('/etc/passwd')",
        "set enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            copy.rows(statement)


def test_nothing_published_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(ServingCopyMissingError, match="allive run"):
        current_copy(settings)


def test_a_file_that_is_no_copy_says_what_to_do(settings: Settings) -> None:
    settings.serving_dir.mkdir()
    (settings.serving_dir / CURRENT).write_bytes(b"not a database")
    with pytest.raises(ServingCopyMissingError, match="allive run"):
        current_copy(settings)
