"""The serving copy: always a new name, swapped by rename, three kept, no personal data, and its own tables."""

import json
import re
import shutil
import threading
from datetime import UTC, datetime

import duckdb
import pytest

from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.raw_tables import DataFile, columns_of, commit_batch
from allive.ingestion.settings import Settings
from allive.orchestration.publishing import CURRENT, PUBLISHED_MARTS, EmptierCopyError, PersonalDataError, publish
from allive.orchestration.publishing.emptier import Contents, accept, what_is_lost
from allive.orchestration.publishing.rows import as_table
from allive.orchestration.publishing.scenarios import ArtistOutcome, MonthTotals, ScenarioTables
from allive.payouts import audit
from allive.payouts.bookings import create_booking_views

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_scenarios(monkeypatch):
    """Skip the scenarios: they need a settled warehouse (tests/integration/test_explain_simulate.py)."""
    nothing = ScenarioTables(as_table(MonthTotals, ()), as_table(ArtistOutcome, ()))
    monkeypatch.setattr("allive.orchestration.publishing.copies.compute_scenarios", lambda *_: nothing)


@pytest.fixture
def settings(tmp_path):
    settings = Settings(home=tmp_path)
    settings.warehouse_path.parent.mkdir(parents=True)
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute("create schema marts")
        con.execute("create schema raw")
        for mart in (*PUBLISHED_MARTS, "dim_subscribers"):
            con.execute(f"create table marts.{mart} as select 1 as id, 'x' as name")
        con.execute("create table marts.dim_payees (artist_id varchar, iban varchar)")
        for table in (*RECORD_TYPES, "rejects"):
            columns = ", ".join(f"{name} {type_}" for name, type_ in columns_of(table).items())
            con.execute(f"create table raw.{table} ({columns})")
        con.execute("create table marts.fct_playbacks (last_heartbeat_at timestamptz)")
        con.execute(
            """
            create or replace table marts.fct_settlement_months as
            select * from (values ('2021-02', true, 1), ('2021-03', false, 1), ('2021-04', false, 0))
            as months (settlement_month, is_closed, periods);
            create or replace table marts.fct_artist_months as
            select settlement_month, 'art' as artist_id, 30::bigint as current_earned_nanos,
            20::bigint as current_direct_nanos, 10::bigint as current_pool_nanos, 5::bigint as current_watch_ms,
            3::bigint as current_earned_cents
            from marts.fct_settlement_months
            """
        )
        create_booking_views(con, settings)
    return settings


def read(settings, sql):
    with duckdb.connect((settings.serving_dir / CURRENT).resolve(), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_only_published_marts_are_in_it(settings):
    copy = publish(settings, inputs="a" * 64)
    tables = read(settings, "select table_name from duckdb_tables() where schema_name = 'marts' order by 1")
    assert [name for (name,) in tables] == sorted(PUBLISHED_MARTS)
    assert copy.rows == dict.fromkeys(PUBLISHED_MARTS, 1) | {"fct_settlement_months": 3, "fct_artist_months": 3}


def test_every_table_and_column_says_what_it_is(settings):
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute(
            "comment on table marts.dim_lives is 'The lives'' table.'; comment on column marts.dim_lives.id is 'Id.'"
        )
    publish(settings, inputs="a" * 64)
    without = read(
        settings,
        "select table_name, column_name from duckdb_columns() where schema_name = 'published' and comment is null "
        "union all select table_name, '' from duckdb_tables() where schema_name = 'published' and comment is null",
    )
    assert without == []
    of_lives = read(settings, "select comment from duckdb_tables() where table_name = 'dim_lives'")
    of_id = read(settings, "select column_name, comment from duckdb_columns() where table_name = 'dim_lives'")
    assert (of_lives, of_id) == ([("The lives' table.",)], [("id", "Id."), ("name", None)])


def test_a_copy_of_the_same_inputs_is_kept(settings):
    first = publish(settings, inputs="a" * 64)
    again = publish(settings, inputs="a" * 64)
    assert first.is_new
    assert (again.path, again.rows, again.is_new) == (first.path, first.rows, False)


def test_every_copy_has_a_new_name_also_of_inputs_that_come_back(settings):
    paths = [publish(settings, inputs=inputs * 64).path for inputs in "abab"]
    assert len(set(paths)) == 4
    assert (settings.serving_dir / CURRENT).resolve() == paths[-1]
    assert sorted(settings.serving_dir.glob("allive-*")) == sorted(paths[1:])


def test_a_reader_of_the_old_copy_is_not_disturbed(settings):
    publish(settings, inputs="0" * 64)
    with duckdb.connect((settings.serving_dir / CURRENT).resolve(), read_only=True) as reader:
        for inputs in "abcd":
            publish(settings, inputs=inputs * 64)
        assert reader.execute("select count(*) from marts.dim_lives").fetchone() == (1,)


def test_readers_see_one_whole_copy_or_another_while_copies_are_swapped(settings):
    """The reader resolves the link every time, as the dashboards do; two tables of a copy never disagree."""
    publish(settings, inputs="first")
    seen, stop = [], threading.Event()

    def keep_reading():
        while not stop.is_set():
            seen.extend(
                read(settings, "select (select name from marts.dim_lives), (select name from marts.dim_artists)")
            )

    reader = threading.Thread(target=keep_reading)
    reader.start()
    for number in range(4):
        with duckdb.connect(settings.warehouse_path) as con:
            for mart in ("dim_lives", "dim_artists"):
                con.execute(f"update marts.{mart} set name = ?", [str(number)])
        publish(settings, inputs=str(number))
    stop.set()
    reader.join()
    assert seen
    assert all(one == other for one, other in seen)
    assert read(settings, "select name from marts.dim_lives") == [("3",)]


@pytest.mark.parametrize("column", ["subscriber_id", "email", "iban"])
def test_a_personal_column_stops_it_and_the_old_copy_stays(settings, column):
    before = publish(settings, inputs="a" * 64)
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute(f"alter table marts.dim_artists add column {column} varchar")
    with pytest.raises(PersonalDataError, match=f"dim_artists.{column}"):
        publish(settings, inputs="b" * 64)
    assert (settings.serving_dir / CURRENT).resolve() == before.path


def test_a_held_batch_is_seen_though_the_warehouse_does_not_change(settings):
    publish(settings, inputs="a" * 64)
    hold(settings, "heartbeats-000007-abc")

    copy = publish(settings, inputs="a" * 64)

    assert copy.is_new
    assert read(settings, "select batch, record_type, reason, records from published.held_batches") == [
        ("heartbeats-000007-abc", "heartbeats", "reject_share", 200)
    ]
    assert not publish(settings, inputs="a" * 64).is_new
    shutil.rmtree(settings.held_dir)
    assert publish(settings, inputs="a" * 64).is_new
    assert read(settings, "select * from published.held_batches") == []


def hold(settings, batch_id):
    checks = [
        {"name": "reject_share", "passed": False, "severity": "critical", "found": "1 files above", "expected": "5 %",
         "detail": "sub-0001"},
        {"name": "device_known", "passed": False, "severity": "warning", "found": "3", "expected": "0", "detail": ""},
    ]  # fmt: skip
    report = {
        "batch_id": batch_id, "batch_number": 7, "record_type": "heartbeats", "files": 1, "records": 200, "rejects": 20,
        "bytes": 1, "verdict": "held", "checks": checks, "unreadable": [], "already_loaded": 0,
    }  # fmt: skip
    held = {"report": report, "files": ["a.csv"], "held_at": "2021-03-04T05:06:07+00:00", "first_day": None}
    folder = settings.held_dir / batch_id
    folder.mkdir(parents=True)
    stored = {"held": held | {"last_day": None}, "promotion": {"content_hashes": ["a"]}}
    (folder / "batch.json").write_text(json.dumps(stored), encoding="utf-8")


def test_nothing_of_what_a_check_found_by_name_is_published(settings):
    hold(settings, "heartbeats-000007-abc")
    copy = publish(settings, inputs="a" * 64)
    assert b"sub-0001" not in copy.path.read_bytes()


def test_estimates_of_open_months_are_kept_by_day_the_last_of_each(settings):
    seen = "select seen_on::varchar, settlement_month, earned_nanos from published.estimates order by all"
    publish(settings, inputs="a" * 64, now=datetime(2021, 3, 1, 22, 59, tzinfo=UTC))
    earn(settings, 31)
    publish(settings, inputs="b" * 64, now=datetime(2021, 3, 1, 23, 1, tzinfo=UTC))  # 2 March in Paris
    earn(settings, 32)
    publish(settings, inputs="c" * 64, now=datetime(2021, 3, 2, 12, 0, tzinfo=UTC))

    assert read(settings, seen) == [("2021-03-01", "2021-03", 30), ("2021-03-02", "2021-03", 32)]

    publish(settings, inputs="d" * 64, now=datetime(2021, 5, 3, 12, 0, tzinfo=UTC))
    assert read(settings, seen) == [("2021-03-02", "2021-03", 32), ("2021-05-03", "2021-03", 32)]  # 62 days before


def test_estimates_of_an_earlier_release_are_kept_without_their_cents(settings):
    copy = publish(settings, inputs="a" * 64, now=datetime(2021, 3, 1, 12, 0, tzinfo=UTC))
    with duckdb.connect(copy.path) as con:
        con.execute("alter table published.estimates drop column earned_cents")
    publish(settings, inputs="b" * 64, now=datetime(2021, 3, 2, 12, 0, tzinfo=UTC))
    seen = "select seen_on::varchar, earned_nanos, earned_cents from published.estimates order by all"
    assert read(settings, seen) == [("2021-03-01", 30, None), ("2021-03-02", 30, 3)]


def earn(settings, nanos):
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute("update marts.fct_artist_months set current_earned_nanos = ?", [nanos])


def test_a_copy_that_cannot_be_read_is_replaced(settings):
    first = publish(settings, inputs="a" * 64)
    first.path.write_bytes(b"no database")
    assert publish(settings, inputs="a" * 64).is_new
    assert read(settings, "select count(*) from published.copy") == [(1,)]


def grow(settings, mart, rows):
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute(f"create or replace table marts.{mart} as select i as id, 'x' as name from range({rows}) as r(i)")


def test_a_copy_that_lost_rows_is_refused_and_the_old_one_stays(settings):
    grow(settings, "fct_watch_days", 1000)
    before = publish(settings, inputs="a" * 64)
    for rows in (0, 400, 899):
        grow(settings, "fct_watch_days", rows)
        with pytest.raises(EmptierCopyError, match=rf"fct_watch_days: {rows} rows, 1,000 before"):
            publish(settings, inputs=str(rows) * 32)
        assert (settings.serving_dir / CURRENT).resolve() == before.path
        assert not [*settings.serving_dir.glob(".allive-*.part*")]
    grow(settings, "fct_watch_days", 900)
    assert publish(settings, inputs="b" * 64).is_new


def test_a_mart_that_becomes_empty_because_things_got_better_is_published(settings):
    grow(settings, "fct_close_blockers", 300)
    publish(settings, inputs="a" * 64)
    grow(settings, "fct_close_blockers", 0)
    assert publish(settings, inputs="b" * 64).is_new


def test_fewer_records_of_a_type_are_refused_though_every_mart_has_its_rows(settings):
    """A calendar mart has a row per day, with or without heartbeats."""
    publish(settings, inputs="a" * 64)
    with_records(settings, 5000)
    again = publish(settings, inputs="b" * 64)
    with_records(settings, 4000)
    with pytest.raises(EmptierCopyError, match="heartbeats: 4,000 records, 5,000 before"):
        publish(settings, inputs="c" * 64)
    assert (settings.serving_dir / CURRENT).resolve() == again.path


def with_records(settings, records):
    pins = {"versions": {"heartbeats": 1}, "batch_number": 1}
    settings.raw_dir.mkdir(exist_ok=True)
    (settings.raw_dir / "pins.json").write_text(json.dumps(pins), encoding="utf-8")
    shutil.rmtree(settings.raw_dir / "heartbeats", ignore_errors=True)
    files = [DataFile("event_day=2021-01-01/a.parquet", 1, records, 1, {"event_day": "2021-01-01"})]
    commit_batch(settings, "heartbeats", files, ["heartbeats/a"], batch_number=1)


def test_a_closed_month_that_is_gone_or_another_run_is_refused(settings):
    before = Contents(closed={"2021-01": "a" * 64, "2021-02": "b" * 64})
    assert what_is_lost(before, Contents(closed={"2021-01": "a" * 64})) == ["2021-02 is not closed any more"]
    other = Contents(closed={"2021-01": "a" * 64, "2021-02": "c" * 64})
    assert what_is_lost(before, other) == ["2021-02 is another run than before"]
    assert what_is_lost(before, Contents(closed={**before.closed, "2021-03": "d" * 64})) == []


def test_an_emptier_copy_is_published_for_who_gives_its_code_and_that_is_on_record(settings):
    grow(settings, "fct_watch_days", 1000)
    publish(settings, inputs="a" * 64)
    grow(settings, "fct_watch_days", 10)
    with pytest.raises(EmptierCopyError) as refused:
        publish(settings, inputs="b" * 64)
    (code,) = re.findall(r"`allive publish ([0-9a-f]{12}) --why …`", str(refused.value))
    accept(settings, code, operator="nina", why="the test season was deleted")
    assert publish(settings, inputs="b" * 64).is_new
    (entry,) = audit.entries(settings)
    assert (entry["action"], entry["code"], entry["operator"]) == ("publish_emptier", code, "nina")

    grow(settings, "fct_watch_days", 1000)
    publish(settings, inputs="c" * 64)
    grow(settings, "fct_watch_days", 5)
    with pytest.raises(EmptierCopyError):  # another copy needs another code
        publish(settings, inputs="d" * 64)


def test_a_copy_in_service_that_cannot_be_read_does_not_let_an_emptier_one_pass(settings):
    grow(settings, "fct_watch_days", 1000)
    publish(settings, inputs="a" * 64)
    second = publish(settings, inputs="b" * 64)
    for damage in (lambda: second.path.write_bytes(b"no database"), second.path.unlink):
        damage()
        grow(settings, "fct_watch_days", 10)
        with pytest.raises(EmptierCopyError, match="10 rows, 1,000 before"):
            publish(settings, inputs="c" * 64)
    grow(settings, "fct_watch_days", 1000)
    assert publish(settings, inputs="a" * 64).is_new  # a kept copy has the same state, but it is not in service
    assert read(settings, "select count(*) from marts.fct_watch_days") == [(1000,)]
