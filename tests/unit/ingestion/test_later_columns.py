"""A raw table written by an earlier version of the project gets new columns; its old files stay unchanged."""

from datetime import UTC, datetime

import polars as pl
import pyarrow.parquet as pq
import pytest

from allive.ingestion.batches import release
from allive.ingestion.compaction import compact
from allive.ingestion.pins_check import require_pins
from allive.ingestion.raw_tables import columns_of, later_columns_of, open_table, read_pins, stored_files, table_path
from allive.ingestion.rejects.relation import open_rejects
from allive.payouts.verification.pinned_records import all_records, latest
from tests.fixtures.homes import unpack_format_1

from .conftest import Home
from .records import ARTIST, HEARTBEAT, LIVE, SUBSCRIPTION

pytestmark = pytest.mark.slow

LATER = {"currency", "refunded_cents"}
NOW = datetime(2022, 1, 1, tzinfo=UTC)


@pytest.fixture
def grown(home, tmp_path):
    """A home of format 1 that has since loaded a subscription with a refund."""
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
    monkeypatch.setattr("allive.ingestion.compaction.FEWEST_FILES", 2)
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


def test_the_payees_of_an_earlier_version_get_their_details_with_their_next_record(old_home):
    details = {
        "legal_name": "Ève SARL",
        "account_holder": "Ève Martin",
        "siren": "732829320",
        "vat_id": "FR44732829320",
        "tax_country": "FR",
        "contact_email": "compta@eve.example",
    }
    assert later_columns_of("artists").keys() == details.keys()
    listed = ", ".join(details)
    (count,) = old_home.query(f"select count(*), {', '.join(f'count({name})' for name in details)} from raw.artists")
    assert (count[0] > 0, {*count[1:]}) == (True, {0})
    known = old_home.query("from raw.artists order by all")
    old_home.land("artists/later.ndjson", [ARTIST | details, ARTIST | {"artist_id": "a-2"}])
    assert old_home.load("artists", now=NOW).verdict == "promoted"
    assert old_home.query(f"select {listed} from raw.artists where siren is not null") == [tuple(details.values())]
    assert old_home.query("from raw.artists where artist_id not in ('a-1', 'a-2') order by all") == known
    version = read_pins(old_home.settings).versions["artists"]
    (found,) = (
        latest(old_home.settings, "artists", version, key=["artist_id"])
        .filter(pl.col("artist_id") == "a-1")
        .rows(named=True)
    )
    assert {name: found[name] for name in details} == details


# --- heartbeats and rejects: the log says which files have a later column ---------------------------

WITH_VERSION = HEARTBEAT | {
    "event_id": "new",
    "playback_id": "p-new",
    "device": "IOS",
    "app_version": " ios 4.2.1\u200b",
}


@pytest.fixture
def old_home(tmp_path):
    path = unpack_format_1(tmp_path / "format-1")
    return Home(next(one.parent for one in path.rglob("raw") if one.is_dir()))


def heartbeats_by_version(home):
    return home.query("select app_version, count(*) from raw.heartbeats group by all order by 1 nulls last")


def files_of(home, table):
    return stored_files(home.settings, table, read_pins(home.settings).layouts[table])


def test_old_heartbeats_have_no_app_version_and_new_ones_have_theirs(old_home, monkeypatch):
    ((none, old_records),) = heartbeats_by_version(old_home)
    assert none is None
    old_home.land("heartbeats/later.ndjson", [WITH_VERSION, HEARTBEAT])
    assert old_home.load("heartbeats", now=NOW).verdict == "promoted"
    expected = [("ios 4.2.1", 1), (None, old_records + 1)]
    assert heartbeats_by_version(old_home) == expected
    of_day = [file for file in files_of(old_home, "heartbeats") if file.partition["event_day"] == "2021-01-18"]
    assert [dict(file.null_counts) for file in sorted(of_day, key=lambda file: file.last_batch)][-1] == {
        "app_version": 1
    }
    assert {file.lacked_columns("heartbeats") for file in of_day} == {frozenset(), frozenset({"app_version"})}

    before = old_home.query("from raw.heartbeats order by all")
    monkeypatch.setattr("allive.ingestion.compaction.FEWEST_FILES", 2)
    (compacted,) = compact(old_home.settings, tables=["heartbeats"])
    assert compacted.merged >= 2
    assert old_home.query("from raw.heartbeats order by all") == before
    # Compaction writes a checkpoint, where the log reader finds the counts.
    (merged,) = [file for file in files_of(old_home, "heartbeats") if file.partition["event_day"] == "2021-01-18"]
    assert (dict(merged.null_counts), merged.records) == ({"app_version": merged.records - 1}, merged.records)


def test_the_columns_of_a_table_are_read_from_the_log_not_from_each_file(old_home):
    old_home.land("heartbeats/later.ndjson", [WITH_VERSION])
    old_home.load("heartbeats", now=NOW)
    last = read_pins(old_home.settings).batch_number
    older = [file for file in files_of(old_home, "heartbeats") if file.last_batch < last]
    assert len(older) > 40
    groups = sorted(older, key=lambda file: (file.last_batch, file.path), reverse=True)
    # Each of the newest 16 files (one of them new) can be opened; only the first of the next 64, and so on.
    firsts = {15, 15 + 64, 15 + 64 + 256}
    for number, file in enumerate(groups):
        if number > 15 and number not in firsts:
            path = table_path(old_home.settings, "heartbeats") / file.path
            path.write_bytes(b"?" * path.stat().st_size)
    assert old_home.query(f"select count(*), min(app_version) from raw.heartbeats where batch_number >= {last}") == [
        (1, "ios 4.2.1")
    ]


def test_a_rejected_heartbeat_keeps_its_device_and_app_version(home):
    broken = WITH_VERSION | {"event_at": "hier"}
    home.land("heartbeats/a.ndjson", [HEARTBEAT, broken, broken | {"app_version": "v" * 65, "device": "fridge"}, "cut"])
    home.land("lives/a.ndjson", [LIVE | {"kind": "opera"}])
    home.load("heartbeats")
    home.load("lives")
    rejects = "select record_type, source_line, device, app_version from raw.rejects order by 1, 2"
    assert home.query(rejects) == [
        ("heartbeats", 2, "ios", "ios 4.2.1"), ("heartbeats", 3, None, None), ("heartbeats", 4, None, None),
        ("lives", 1, None, None),
    ]  # fmt: skip


def test_what_was_held_keeps_the_app_versions_of_records_and_rejects(home):
    broken = WITH_VERSION | {"event_at": "hier", "app_version": "tv 2.0"}
    home.land("heartbeats/a.ndjson", [WITH_VERSION] * 150 + [broken] * 100)
    report = home.load("heartbeats")
    assert report.verdict == "held"
    with open_rejects(home.settings) as rejects:
        assert rejects.con.execute("select distinct device, app_version from rejects").fetchall() == [("ios", "tv 2.0")]
    release(home.settings, report.batch_id, operator="Anne", why="checked")
    assert heartbeats_by_version(home) == [("ios 4.2.1", 150)]
    assert home.query("select distinct device, app_version from raw.rejects") == [("ios", "tv 2.0")]


def test_rejects_of_an_earlier_version_have_neither(old_home):
    count = old_home.query("select count(*) from raw.rejects")
    assert count > [(0,)]
    assert old_home.query("select count(device), count(app_version) from raw.rejects") == [(0, 0)]
    old_home.land("heartbeats/later.ndjson", [HEARTBEAT, WITH_VERSION | {"state": 3}])
    old_home.load("heartbeats", now=NOW)
    assert old_home.query("select count(device), max(app_version) from raw.rejects") == [(1, "ios 4.2.1")]


def test_held_by_an_earlier_version_and_released_by_this_one(home):
    """Records staged without the column are staged again with it: the file's columns decide, not the log."""
    home.land("heartbeats/a.ndjson", [HEARTBEAT] * 150 + [HEARTBEAT | {"event_at": "x"}] * 100)
    report = home.load("heartbeats")
    for path in (home.settings.held_dir / report.batch_id).rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        is_of_rejects = "reason" in table.column_names
        pq.write_table(table.drop_columns(["device", "app_version"] if is_of_rejects else ["app_version"]), path)
    release(home.settings, report.batch_id, operator="Anne", why="checked")
    assert heartbeats_by_version(home) == [(None, 150)]
    assert home.query("select count(*), count(app_version) from raw.rejects") == [(100, 0)]
