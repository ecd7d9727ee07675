"""A raw table that an earlier version of the project wrote takes new columns; its old files stay as they are."""

from datetime import UTC, datetime

import polars as pl
import pytest

from ingestion.compaction import compact
from ingestion.pins_check import require_pins
from ingestion.raw_tables import columns_of, later_columns_of, open_table, read_pins
from payouts.verification.pinned_records import all_records, latest
from tests.fixtures.homes import unpack_format_1

from .conftest import Home
from .records import SUBSCRIPTION

LATER = {"currency", "refunded_cents"}
NOW = datetime(2022, 1, 1, tzinfo=UTC)


@pytest.fixture
def grown(home, tmp_path):
    """A home of format 1 into which a subscription with a refund has landed since."""
    path = unpack_format_1(tmp_path / "format-1")
    old = Home(next(one.parent for one in path.rglob("raw") if one.is_dir()))
    before = read_pins(old.settings)
    assert old.query("select count(*), count(currency), count(refunded_cents) from raw.subscriptions")[0][1:] == (0, 0)
    columns = {field.name for field in open_table(old.settings, "subscriptions").schema().fields}
    assert columns == columns_of("subscriptions").keys() - LATER
    refunded = SUBSCRIPTION | {"period_id": "new", "price_cents": 499, "refunded_cents": 450, "currency": "EUR"}
    old.land("subscriptions/later.ndjson", [refunded])
    assert old.load("subscriptions", now=NOW).verdict == "promoted"
    return old, before


def rows(home):
    return home.query("select * exclude (batch_number) from raw.subscriptions order by all")


def test_a_table_of_an_earlier_version_grows_in_place(grown):
    home, before = grown
    assert later_columns_of("subscriptions").keys() == LATER
    columns = {field.name for field in open_table(home.settings, "subscriptions").schema().fields}
    assert columns == columns_of("subscriptions").keys()
    counted = "select currency, refunded_cents, count(*) > 1 from raw.subscriptions group by all order by 1"
    assert home.query(counted) == [
        ("EUR", 450, False), (None, None, True),
    ]  # fmt: skip
    require_pins(home.settings, with_files=True)
    old, new = before.versions["subscriptions"], read_pins(home.settings).versions["subscriptions"]
    then, now = (all_records(home.settings, "subscriptions", version) for version in (old, new))
    assert (then["refunded_cents"].null_count(), now.height) == (then.height, then.height + 1)
    (found,) = (
        latest(home.settings, "subscriptions", new, key=["period_id"]).filter(pl.col("period_id") == "new").rows()
    )
    assert found[-1] == 450


def test_a_compaction_of_old_and_new_files_changes_no_record(grown, monkeypatch):
    home, before = grown
    monkeypatch.setattr("ingestion.compaction.FEWEST_FILES", 2)
    expected = rows(home)
    (compacted,) = compact(home.settings, tables=["subscriptions"])
    assert compacted.into == 1
    assert rows(home) == expected
    require_pins(home.settings, with_files=True)
    then = all_records(home.settings, "subscriptions", before.versions["subscriptions"])
    assert then.height == len(expected) - 1
    home.land("subscriptions/last.ndjson", [SUBSCRIPTION])
    home.load("subscriptions", now=NOW)
    assert len(rows(home)) == len(expected) + 1
