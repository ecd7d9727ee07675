"""Compaction merges files without changing any record, and the vacuum deletes files that are no longer needed."""

import os
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

import allive.ingestion.compaction
from allive.ingestion.batches import list_held, release
from allive.ingestion.compaction import FEWEST_FILES, TARGET_BYTES, CompactionError, Merge, compact, plan_merges
from allive.ingestion.pin_problems import PinsError
from allive.ingestion.raw_tables import (
    REJECTS,
    DataFile,
    StoredFile,
    commit_batch,
    count_records,
    create_raw_views,
    open_table,
    read_pins,
    scan_of,
    stored_files,
    table_path,
)
from allive.ingestion.raw_versions import UnknownVersionError, batches_loaded_at, last_batch_of, loaded_at, records_of
from allive.ingestion.vacuum import vacuum
from tests.unit.ingestion.records import HEARTBEAT

pytestmark = pytest.mark.slow

NONE = timedelta()
DELIVERIES = FEWEST_FILES + 2
ROWS = "select * from raw.{} order by all"


@pytest.fixture
def delivered(home):
    """Ten deliveries of heartbeats from two days, each with a reject."""
    for number in range(DELIVERIES):
        deliver(home, number)
    return home


def deliver(home, number):
    home.land(
        f"heartbeats/{number}.ndjson",
        [
            HEARTBEAT | {"event_id": f"{number}-{i}", "playback_id": f"p{i}", "event_at": f"2021-02-0{1 + i}T10:00:00Z"}
            for i in range(2)
        ]
        + [{"event_id": f"{number}-broken"}],
    )
    assert home.load("heartbeats").verdict == "promoted"


def rows(home, table="heartbeats"):
    return home.query(ROWS.format(table))


def names(home, table="heartbeats"):
    return {file.path for file in stored_files(home.settings, table, read_pins(home.settings).layouts[table])}


def data_files(home, table="heartbeats"):
    folder = table_path(home.settings, table)
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts}


def test_records_and_pinned_versions_stay_while_files_become_few(delivered):
    before = {table: rows(delivered, table) for table in ("heartbeats", REJECTS)}
    pins = read_pins(delivered.settings)
    done = {one.table: one for one in compact(delivered.settings)}
    assert (done["heartbeats"].files, done["heartbeats"].merged, done["heartbeats"].into) == (20, 20, 2)
    assert (done[REJECTS].merged, done[REJECTS].into) == (10, 1)
    assert {table: rows(delivered, table) for table in before} == before
    assert {table: len(names(delivered, table)) for table in before} == {"heartbeats": 2, REJECTS: 1}
    after = read_pins(delivered.settings)
    assert (after.versions, after.batch_number) == (pins.versions, pins.batch_number)
    assert after.layouts != pins.layouts


def test_the_log_tells_how_many_records_there_are_whatever_was_merged(home, delivered):
    def counted():
        layouts = read_pins(home.settings).layouts
        return [count_records(home.settings, table, layouts[table]) for table in ("heartbeats", REJECTS, "artists")]

    assert counted() == [2 * DELIVERIES, DELIVERIES, 0]
    compact(home.settings)
    assert counted() == [2 * DELIVERIES, DELIVERIES, 0]
    deliver(home, DELIVERIES)
    assert counted() == [2 * DELIVERIES + 2, DELIVERIES + 1, 0]


def test_a_second_compaction_has_nothing_to_do(delivered):
    compact(delivered.settings)
    pins = read_pins(delivered.settings)
    assert [one.merged for one in compact(delivered.settings)] == [0, 0]
    assert read_pins(delivered.settings) == pins


def test_a_dry_run_changes_nothing(delivered):
    pins, files = read_pins(delivered.settings), data_files(delivered)
    assert [one.merged for one in compact(delivered.settings, is_dry_run=True)] == [20, 10]
    assert (read_pins(delivered.settings), data_files(delivered)) == (pins, files)


def test_files_within_are_sorted_by_playback(delivered):
    compact(delivered.settings)
    for name in names(delivered):
        path = table_path(delivered.settings, "heartbeats") / name
        sorted_rows = duckdb.sql(f"select playback_id, event_at from '{path}'").fetchall()
        assert sorted_rows == sorted(sorted_rows)


def test_what_was_loaded_is_known_after_the_log_was_trimmed(delivered):
    compact(delivered.settings)
    assert sum(one.log_entries for one in vacuum(delivered.settings, grace=NONE)) > 0
    for file in (delivered.settings.raw_dir / "_seen").iterdir():
        file.unlink()
    assert delivered.load("heartbeats") is None


def test_every_version_ever_pinned_can_be_read_after_its_files_are_gone(home):
    held = {}
    for number in range(2 * DELIVERIES):
        deliver(home, number)
        pins = read_pins(home.settings)
        held[pins.versions["heartbeats"]] = (pins.batch_number, rows(home))
        if number in (DELIVERIES, 2 * DELIVERIES - 1):
            compact(home.settings)
            vacuum(home.settings, grace=NONE)
    assert len(held) == 2 * DELIVERIES
    for version, (batch_number, expected) in held.items():
        assert last_batch_of(home.settings, "heartbeats", version) == batch_number
        records = records_of(home.settings, "heartbeats", version)
        with duckdb.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            query = scan_of("heartbeats", records.files, up_to=records.up_to)
            assert con.execute(f"select * from ({query}) order by all").fetchall() == expected


def test_a_version_that_never_was_is_told(delivered):
    with pytest.raises(UnknownVersionError, match="expected 99"):
        records_of(delivered.settings, "heartbeats", 99)


def test_when_a_batch_came_is_known_after_the_log_was_trimmed(delivered):
    pinned = read_pins(delivered.settings).versions["heartbeats"]
    before = loaded_at(delivered.settings, "heartbeats", 3), batches_loaded_at(delivered.settings, REJECTS, [2, 5, 77])
    assert before[0] is not None
    assert set(before[1]) == {2, 5}
    compact(delivered.settings)
    vacuum(delivered.settings, grace=NONE)
    assert loaded_at(delivered.settings, "heartbeats", pinned) is not None
    after = loaded_at(delivered.settings, "heartbeats", 3), batches_loaded_at(delivered.settings, REJECTS, [2, 5, 77])
    assert after == before


def test_a_held_batch_is_released_after_a_compaction(home, delivered):
    home.land("heartbeats/held.ndjson", [HEARTBEAT | {"event_id": f"h{i}"} for i in range(200)] + 20 * [{"a": 1}])
    assert home.load("heartbeats").verdict == "held"
    compact(home.settings)
    vacuum(home.settings, grace=NONE)
    before = len(rows(home))
    release(home.settings, list_held(home.settings)[0].batch_id, operator="tests", why="looked at")
    assert len(rows(home)) == before + 200
    newest = read_pins(home.settings).batch_number
    assert home.query(f"select count(*) from raw.heartbeats where batch_number = {newest}") == [(200,)]
    compact(home.settings)
    assert home.query(f"select count(*) from raw.heartbeats where batch_number = {newest}") == [(200,)]


def test_a_reader_of_the_old_files_goes_on_while_files_are_merged_and_loaded(delivered):
    with duckdb.connect() as con:
        create_raw_views(con, delivered.settings, read_pins(delivered.settings))
        expected = con.execute(ROWS.format("heartbeats")).fetchall()
        compact(delivered.settings)
        deliver(delivered, 99)
        vacuum(delivered.settings, grace=timedelta(hours=1))
        assert con.execute(ROWS.format("heartbeats")).fetchall() == expected
    assert len(rows(delivered)) == len(expected) + 2


def test_the_vacuum_deletes_what_left_the_layout_after_the_grace_period(delivered):
    old = names(delivered)
    compact(delivered.settings)
    assert data_files(delivered) == old | names(delivered)
    told = vacuum(delivered.settings, grace=NONE, is_dry_run=True)
    assert data_files(delivered) == old | names(delivered)
    tomorrow = datetime.now(UTC) + timedelta(hours=23)
    assert [one.files for one in vacuum(delivered.settings, grace=timedelta(days=1), now=tomorrow)] == [0, 0]
    done = vacuum(delivered.settings, grace=timedelta(days=1), now=tomorrow + timedelta(hours=2))
    assert [(one.files, one.bytes) for one in done] == [(one.files, one.bytes) for one in told]
    assert [one.files for one in done] == [20, 10]
    assert data_files(delivered) == names(delivered)
    assert [one.files for one in vacuum(delivered.settings, grace=NONE)] == [0, 0]


def test_the_vacuum_spares_what_a_reader_still_lists(delivered):
    folder = table_path(delivered.settings, "heartbeats")
    listed = frozenset(folder / name for name in names(delivered))
    compact(delivered.settings)
    assert [one.files for one in vacuum(delivered.settings, grace=NONE, in_use=listed)] == [0, 10]
    assert all(path.exists() for path in listed)


def test_a_file_that_lost_its_compaction_is_deleted_once_it_is_old(delivered):
    stray = table_path(delivered.settings, "heartbeats") / "event_day=2021-02-01/merged-000003-0a0b0c0d.parquet"
    stray.write_bytes(b"PAR1")
    assert [one.files for one in vacuum(delivered.settings, grace=timedelta(hours=1))] == [0, 0]
    os.utime(stray, (1, 1))
    assert [one.files for one in vacuum(delivered.settings, grace=timedelta(hours=1))] == [1, 0]


def test_a_file_that_does_not_hold_its_sources_rows_is_refused(delivered, monkeypatch):
    pins, files = read_pins(delivered.settings), data_files(delivered)
    monkeypatch.setattr(allive.ingestion.compaction, "_ORDER", {"heartbeats": "playback_id limit 7"})
    with pytest.raises(CompactionError, match=r"holds 7 records .* expected the 10"):
        compact(delivered.settings)
    assert (read_pins(delivered.settings), data_files(delivered)) == (pins, files)


def test_a_changed_value_is_refused_though_the_number_of_rows_is_right(delivered, monkeypatch):
    scan = allive.ingestion.compaction.scan_of_stored  # type: ignore[attr-defined]
    scanned = []

    def scan_with_a_slip(settings, table, files):
        scanned.append(table)
        query = scan(settings, table, files)
        return f"select * replace (upper(playback_id) as playback_id) from ({query})" if len(scanned) == 1 else query

    monkeypatch.setattr(allive.ingestion.compaction, "scan_of_stored", scan_with_a_slip)
    pins = read_pins(delivered.settings)
    with pytest.raises(CompactionError, match="holds 10 records"):
        compact(delivered.settings)
    assert read_pins(delivered.settings) == pins


def test_tables_that_are_ahead_of_their_pins_are_refused(delivered):
    pins = delivered.settings.raw_dir / "pins.json"
    older = pins.read_bytes()
    deliver(delivered, 99)
    pins.write_bytes(older)
    with pytest.raises(PinsError, match=r"expected version 11 \(batch 11\), the newest in its log"):
        compact(delivered.settings)


def test_a_home_without_raw_tables_is_left_alone(home):
    assert compact(home.settings) == ()
    assert vacuum(home.settings, grace=NONE) == ()


def test_a_table_of_an_older_making_gets_todays_properties(delivered):
    delta = open_table(delivered.settings, "heartbeats")
    delta.alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 36500 days"})
    before = rows(delivered)
    compact(delivered.settings)
    properties = open_table(delivered.settings, "heartbeats").metadata().configuration
    assert properties["delta.deletedFileRetentionDuration"] == "interval 2 days"
    assert rows(delivered) == before


def test_a_batch_is_not_committed_twice_though_its_transactions_be_forgotten(delivered):
    layout = read_pins(delivered.settings).layouts["heartbeats"]
    file = stored_files(delivered.settings, "heartbeats", layout)[0]
    batch = DataFile(file.path, file.size, file.records, file.last_batch, file.partition)
    assert (
        commit_batch(delivered.settings, "heartbeats", [batch], ["heartbeats/forgotten"], batch_number=file.last_batch)
        == layout
    )


def test_a_reader_of_new_batches_opens_no_old_file(home, delivered):
    """The plan leaves old files out, so the query works even though they are unreadable."""
    for number in range(DELIVERIES, DELIVERIES + 10):
        deliver(home, number)
    pins = read_pins(home.settings)
    with duckdb.connect() as con:
        create_raw_views(con, home.settings, pins)
        oldest = sorted(
            stored_files(home.settings, "heartbeats", pins.layouts["heartbeats"]), key=lambda f: f.last_batch
        )
        for file in oldest[:20]:
            (table_path(home.settings, "heartbeats") / file.path).write_bytes(b"no Parquet file")
        query = f"select count(*) from raw.heartbeats where batch_number > {pins.batch_number - 2}"
        assert con.execute(query).fetchone() == (4,)


def stored(*sizes, day="2021-02-01"):
    return [
        StoredFile(f"{day}/{i}", int(size * (1 << 20)), 1, i, i, {"event_day": day}) for i, size in enumerate(sizes)
    ]


@pytest.mark.parametrize(
    ("sizes", "merged"),
    [
        ((), []),
        ((0.1,) * (FEWEST_FILES - 1), []),
        ((0.1,) * FEWEST_FILES, [0.1] * FEWEST_FILES),
        ((0.1,) * FEWEST_FILES + (50,), [0.1] * FEWEST_FILES),
        ((5,) * FEWEST_FILES, []),
        ((0.5,) * 5 + (5, 15, 45), [0.5] * 5 + [5, 15, 45]),
        ((1,) * FEWEST_FILES + (TARGET_BYTES / (1 << 20),), [1] * FEWEST_FILES),
    ],
)
def test_the_smallest_files_are_merged_and_a_large_one_not_for_little(sizes, merged):
    assert [
        file.size for merge in plan_merges(stored(*sizes)) for file in sorted(merge.files, key=lambda file: file.size)
    ] == [int(size * (1 << 20)) for size in merged]


def test_days_are_merged_each_for_itself():
    merges = plan_merges(stored(*(0.1,) * 9) + stored(*(0.1,) * 9, day="2021-02-02") + stored(0.1, day="2021-02-03"))
    assert sorted((merge.files[0].partition["event_day"], len(merge.files)) for merge in merges) == [
        ("2021-02-01", 9),
        ("2021-02-02", 9),
    ]
    assert all(len({str(file.partition) for file in merge.files}) == 1 for merge in merges)


def test_what_is_more_than_a_file_becomes_several():
    merges = plan_merges(stored(*(1,) * 300))
    assert [len(merge.files) for merge in merges] == [128, 128, 44]


def test_a_year_of_days_rewrites_a_record_a_few_times():
    """A day gets late deliveries for 35 nights."""
    files, rewritten, delivered, number = [], 0, 0, 0
    for night in range(36):
        for _ in range(288 if night == 0 else 40):
            number += 1
            size = (1 << 20) * (0.4 if night == 0 else 0.01)
            delivered += int(size)
            files.append(StoredFile(str(number), int(size), 1, number, number, {}))
        for merge in plan_merges(files):
            assert isinstance(merge, Merge)
            number += 1
            rewritten += merge.size
            gone = {file.path for file in merge.files}
            files = [file for file in files if file.path not in gone]
            files.append(StoredFile(str(number), merge.size, 1, 1, number, {}))
    assert rewritten < 2 * delivered
    assert len(files) < 2 * FEWEST_FILES
