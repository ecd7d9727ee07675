"""Pins that do not fit the raw tables are refused with the reason; lost, broken and old ones are rebuilt exactly."""

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable, write_deltalake

import allive.ingestion.compaction
import allive.ingestion.pins_check
import allive.ingestion.promotion
from allive.ingestion.batches import finish_decisions, list_held, release
from allive.ingestion.compaction import compact
from allive.ingestion.pin_problems import PinsError, Trouble
from allive.ingestion.pins_check import check_pins, require_pins
from allive.ingestion.pins_repair import REPAIRS_FILE, rebuild_pins, repair_lost_pins, repair_pins
from allive.ingestion.raw_tables import REJECTS, TABLES, Pins, read_pins, stored_files, table_path
from allive.ingestion.raw_versions import last_batch_of
from allive.ingestion.vacuum import vacuum
from tests.unit.ingestion.records import GOOD, HEARTBEAT

pytestmark = pytest.mark.slow

ANYTHING = {}
"""No month is closed, so any version will do."""


class DeathError(Exception):
    """Simulates the death of the process."""


@pytest.fixture
def few_files_are_many(monkeypatch):
    monkeypatch.setattr(allive.ingestion.compaction, "FEWEST_FILES", 2)


def deliver(home, number, **more):
    """Load three batches: heartbeats with a reject, artists without one, and a file with only rejects."""
    home.land(
        f"heartbeats/{number}.ndjson",
        [HEARTBEAT | {"event_id": f"{number}-{i}", "event_at": f"2021-02-0{1 + i}T10:00:00Z"} | more for i in range(2)]
        + [{"event_id": f"{number}-broken"}],
    )
    home.land(f"artists/{number}.ndjson", [GOOD["artists"] | {"artist_id": f"a-{number}"}])
    home.land(f"lives/{number}.ndjson", [{"live_id": f"broken-{number}"}])
    for record_type in ("heartbeats", "artists", "lives"):
        home.load(record_type)


@pytest.fixture
def loaded(home):
    """Two deliveries of three batches each; the last batch of each has only rejects."""
    deliver(home, 1)
    deliver(home, 2)
    return home


def pins_file(home) -> Path:
    return home.settings.raw_dir / "pins.json"


def upkeep(home):
    compact(home.settings)
    vacuum(home.settings, grace=timedelta())


def hold_and_release(home):
    hold_only(home)
    release(home.settings, list_held(home.settings)[0].batch_id, operator="tests", why="looked at")


def hold_only(home):
    home.land("heartbeats/held.ndjson", [HEARTBEAT | {"event_id": f"h{i}"} for i in range(200)] + 20 * [{"a": 1}])
    assert home.load("heartbeats").verdict == "held"


def an_empty_file(home):
    """Load a batch without a record or a reject: no file has its number."""
    home.land("subscriptions/empty.ndjson", b"")
    assert home.load("subscriptions").verdict == "promoted"


def an_unreadable_file(home):
    home.land("artists/torn.ndjson.gz", b"\x1f\x8b\x08\x00torn")
    assert home.load("artists").records == 0


HISTORIES = {
    "loads": [],
    "compaction": [upkeep],
    "compaction without vacuum": [lambda home: compact(home.settings)],
    "loads after upkeep": [upkeep, lambda home: deliver(home, 3), upkeep, lambda home: deliver(home, 4)],
    "released": [hold_and_release],
    "released after upkeep": [upkeep, hold_and_release, upkeep],
    "held": [hold_only],
    "empty last": [an_empty_file],
    "empty last, then upkeep": [an_empty_file, upkeep, upkeep],
    "unreadable last": [an_unreadable_file],
    "unreadable last, then upkeep": [an_unreadable_file, upkeep],
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
@pytest.mark.usefixtures("few_files_are_many")
def test_lost_pins_are_rebuilt_to_the_number(loaded, history):
    for step in history:
        step(loaded)
    assert check_pins(loaded.settings) == ()
    pins, rows = read_pins(loaded.settings), loaded.query("select * from raw.heartbeats order by all")
    pins_file(loaded).unlink()
    repair = repair_lost_pins(loaded.settings, operator="tests", at_least=pins.versions)
    assert repair.pins == read_pins(loaded.settings) == pins
    assert check_pins(loaded.settings) == ()
    assert loaded.query("select * from raw.heartbeats order by all") == rows
    assert [loaded.load(record_type) for record_type in GOOD] == 6 * [None]


@pytest.mark.usefixtures("few_files_are_many")
def test_pins_of_logs_that_an_earlier_version_wrote_are_rebuilt_to_the_number(loaded):
    """Its log entries have no batch number, and its register's rows have no kind."""
    for step in (an_empty_file, upkeep, lambda home: deliver(home, 3), an_empty_file_of_artists):
        step(loaded)
    pins, promotions = read_pins(loaded.settings), 0
    for table in TABLES:
        for entry in (table_path(loaded.settings, table) / "_delta_log").glob("*.json"):
            content = entry.read_text()
            if '"allive":"promotion"' in content:  # its two keys come in either order
                promotions += 1
                entry.write_text(re.sub(r'"allive(_batch)?":', r'"ignored\1":', content))
    assert promotions
    with sqlite3.connect(loaded.settings.raw_dir / "versions.sqlite") as register:
        register.execute("alter table versions drop column promoted")
    register.close()
    assert check_pins(loaded.settings) == ()
    assert rebuilt(loaded) == pins


def rebuilt(home):
    try:
        return rebuild_pins(home.settings).pins
    except PinsError as error:
        pytest.fail(str(error))


def an_empty_file_of_artists(home):
    home.land("artists/empty.ndjson", b"")
    assert home.load("artists").verdict == "promoted"


def after(call, times=1):
    """Wrap a function so that it dies after doing its work, at its nth call."""
    calls = []

    def dying(*args, **kwargs):
        result = call(*args, **kwargs)
        calls.append(None)
        if len(calls) == times:
            raise DeathError
        return result

    return dying


CRASHES = {
    "decided": ("_carry_out", lambda _: lambda *_args: (_ for _ in ()).throw(DeathError)),
    "moved": ("_move_files", after),
    "records committed": ("commit_batch", after),
    "rejects committed": ("commit_batch", lambda call: after(call, 2)),
    "pinned": ("write_pins", after),
}


def crash(home, monkeypatch, where):
    name, dying = CRASHES[where]
    home.land("heartbeats/crash.ndjson", [HEARTBEAT | {"event_id": "crash"}, {"event_id": "broken"}])
    with monkeypatch.context() as patch:
        patch.setattr(allive.ingestion.promotion, name, dying(getattr(allive.ingestion.promotion, name)))
        with pytest.raises(DeathError):
            home.load("heartbeats")


@pytest.mark.parametrize("where", ["records committed", "rejects committed"])
def test_what_was_committed_and_not_pinned_is_no_trouble(home, monkeypatch, where):
    deliver(home, 1)
    crash(home, monkeypatch, where)
    assert check_pins(home.settings) == ()


@pytest.mark.parametrize("where", CRASHES)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_half_promotion_is_no_trouble_and_pins_lost_in_it_are_rebuilt(home, monkeypatch, where, is_first, tmp_path):
    if not is_first:
        deliver(home, 1)
    crash(home, monkeypatch, where)
    assert check_pins(home.settings) == ()
    copy = type(home)(tmp_path / "copy")
    shutil.copytree(home.settings.home, copy.settings.home)
    finish_decisions(home.settings)
    pins = read_pins(home.settings)
    assert check_pins(home.settings) == ()
    assert home.query("select count(*) from raw.heartbeats where event_id = 'crash'") == [(1,)]

    pins_file(copy).unlink(missing_ok=True)
    if is_first:
        assert check_pins(copy.settings) == ()  # the first batch is unfinished: finishing it writes the pins
        finish_decisions(copy.settings)
    else:
        assert [problem.trouble for problem in check_pins(copy.settings)] == [Trouble.LOST]
        repair_pins(copy.settings, operator="tests", at_least=ANYTHING)
    assert read_pins(copy.settings) == pins
    assert copy.load("heartbeats") is None


@pytest.mark.usefixtures("few_files_are_many")
def test_a_compaction_that_died_before_it_pinned_is_no_trouble(loaded, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(allive.ingestion.compaction, "write_pins", lambda *_: (_ for _ in ()).throw(DeathError))
        with pytest.raises(DeathError):
            compact(loaded.settings)
    assert check_pins(loaded.settings) == ()
    pins_file(loaded).unlink()
    repair_pins(loaded.settings, operator="tests", at_least=ANYTHING)
    rebuilt = read_pins(loaded.settings)
    compact(loaded.settings)
    assert rebuilt.layouts["heartbeats"] == read_pins(loaded.settings).layouts["heartbeats"]


def test_lost_pins_are_not_nothing_loaded(loaded):
    """Every reader refuses: otherwise an empty platform would be built and published."""
    pins_file(loaded).unlink()
    for read in (
        lambda: read_pins(loaded.settings),
        lambda: loaded.query("select 1"),
        lambda: require_pins(loaded.settings),
        lambda: deliver(loaded, 3),
        lambda: compact(loaded.settings),
    ):
        with pytest.raises(PinsError, match=r"no such file beside 4 loaded tables.*allive doctor --repair"):
            read()


def test_no_pins_before_the_first_load_are_fine(home):
    assert check_pins(home.settings) == ()
    assert read_pins(home.settings) == Pins(dict.fromkeys(TABLES), 0, dict.fromkeys(TABLES))


BROKEN = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "no JSON object": lambda _: b"[]",
    "a list of versions": lambda _: b'{"versions": [1], "batch_number": 1}',
    "no batch number": lambda content: content.replace(b'"batch_number"', b'"batch"'),
    "a version of text": lambda content: content.replace(b'"artists": 2', b'"artists": "2"'),
    "a version and no layout": lambda content: (
        content.replace(b'"artists": 2\n', b'"artists": null\n')
        if b'"artists": 2\n' in content
        else json.dumps(json.loads(content) | {"layouts": {"artists": None}}).encode()
    ),
    "a negative version": lambda content: content.replace(b'"artists": 2', b'"artists": -2'),
    "batch zero": lambda content: content.replace(b'"batch_number": 6', b'"batch_number": 0'),
    "another table": lambda content: content.replace(b'"versions": {', b'"versions": {"shows": 3,'),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_broken_pins_are_refused_and_rebuilt(loaded, damage):
    content, pins = pins_file(loaded).read_bytes(), read_pins(loaded.settings)
    broken = damage(content)
    assert broken != content
    pins_file(loaded).write_bytes(broken)
    with pytest.raises(PinsError, match=r"raw/pins\.json") as refused:
        loaded.load("heartbeats")
    assert [problem.trouble for problem in refused.value.problems] == [Trouble.BROKEN]
    repair = repair_lost_pins(loaded.settings, operator="nina", at_least=pins.versions)
    assert read_pins(loaded.settings) == pins
    assert "broken" in str(repair)
    (line,) = (loaded.settings.raw_dir / REPAIRS_FILE).read_text().splitlines()
    record = json.loads(line)
    assert (record["operator"], record["by_itself"], record["before"]) == ("nina", True, broken.decode())
    assert record["after"] == asdict(pins)


@pytest.mark.parametrize("since", [1, 2], ids=["a record batch", "several batches"])
@pytest.mark.parametrize("with_upkeep", [False, True])
@pytest.mark.usefixtures("few_files_are_many")
def test_stale_pins_are_refused_at_a_load_and_rebuilt_when_asked(loaded, since, with_upkeep):
    """A load on stale pins would use a batch number twice."""
    old = pins_file(loaded).read_bytes()
    for number in range(since):
        deliver(loaded, 10 + number)
        if with_upkeep:
            upkeep(loaded)
    pins = read_pins(loaded.settings)
    pins_file(loaded).write_bytes(old)
    for with_files in (False, True):
        problems = check_pins(loaded.settings, with_files=with_files)
        assert {problem.trouble for problem in problems} == {Trouble.STALE}
        assert "raw/heartbeats" in str(problems[0])
    for act in (lambda: deliver(loaded, 99), lambda: compact(loaded.settings), lambda: hold_and_release(loaded)):
        with pytest.raises(PinsError, match="older than the tables"):
            act()
    with pytest.raises(PinsError):  # readable pins are never overruled automatically
        repair_lost_pins(loaded.settings, operator="tests", at_least=ANYTHING)
    repair_pins(loaded.settings, operator="tests", at_least=pins.versions)
    assert read_pins(loaded.settings) == pins
    numbers = loaded.query("select batch_number from raw.rejects group by all order by all")
    assert numbers == sorted(set(numbers))


def test_pins_that_are_stale_by_one_batch_without_a_record_are_refused(loaded):
    old = pins_file(loaded).read_bytes()
    an_empty_file(loaded)
    pins_file(loaded).write_bytes(old)
    assert {problem.trouble for problem in check_pins(loaded.settings, with_files=False)} == {Trouble.STALE}


@pytest.mark.usefixtures("few_files_are_many")
def test_pins_from_before_a_compaction_whose_files_are_gone_are_stale(loaded):
    old = pins_file(loaded).read_bytes()
    compact(loaded.settings)
    vacuum(loaded.settings, grace=timedelta())
    pins = read_pins(loaded.settings)
    pins_file(loaded).write_bytes(old)
    assert {problem.trouble for problem in check_pins(loaded.settings)} == {Trouble.STALE}
    repair_pins(loaded.settings, operator="tests", at_least=ANYTHING)
    assert read_pins(loaded.settings) == pins


@pytest.mark.parametrize("table", ["heartbeats", "artists", "lives", REJECTS])
def test_a_table_restored_from_an_older_copy_is_refused_and_not_repaired(loaded, tmp_path, table):
    """Its records are gone, whether the pins are current, missing or as old as the table."""
    shutil.copytree(loaded.settings.raw_dir, tmp_path / "older")
    old = pins_file(loaded).read_bytes()
    deliver(loaded, 3)
    new = pins_file(loaded).read_bytes()
    shutil.rmtree(table_path(loaded.settings, table))
    shutil.copytree(tmp_path / "older" / table, table_path(loaded.settings, table))
    for content in (new, None, old):
        pins_file(loaded).unlink(missing_ok=True)
        if content is not None:
            pins_file(loaded).write_bytes(content)
        troubles = {problem.trouble for problem in check_pins(loaded.settings)}
        assert troubles
        assert content != new or Trouble.AHEAD in troubles
        with pytest.raises(PinsError) as refused:
            repair_pins(loaded.settings, operator="tests", at_least=ANYTHING)
        assert any("Restore raw/ as a whole" in problem.advice for problem in refused.value.problems)
        assert (pins_file(loaded).read_bytes() if pins_file(loaded).exists() else None) == content


@pytest.mark.usefixtures("few_files_are_many")
def test_tables_restored_without_the_register_of_their_versions_are_refused(loaded, tmp_path):
    shutil.copytree(loaded.settings.raw_dir, tmp_path / "older")
    deliver(loaded, 3)
    upkeep(loaded)
    register = (loaded.settings.raw_dir / "versions.sqlite").read_bytes()
    shutil.rmtree(loaded.settings.raw_dir)
    shutil.copytree(tmp_path / "older", loaded.settings.raw_dir)
    assert check_pins(loaded.settings) == ()  # everything is from one copy
    (loaded.settings.raw_dir / "versions.sqlite").write_bytes(register)
    assert "raw/versions.sqlite knows" in str(PinsError(check_pins(loaded.settings, with_files=False)))


def newest_entry(home, table):
    return max((table_path(home.settings, table) / "_delta_log").glob("*.json"))


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def a_data_file(home):
    layout = read_pins(home.settings).layouts["heartbeats"]
    return table_path(home.settings, "heartbeats") / stored_files(home.settings, "heartbeats", layout)[0].path


def foreign_delete(home):
    DeltaTable(str(table_path(home.settings, "heartbeats"))).delete("batch_number = 1")


def foreign_append(home):
    layout = read_pins(home.settings).layouts["artists"]
    folder = table_path(home.settings, "artists")
    rows = duckdb.sql(f"from '{folder / stored_files(home.settings, 'artists', layout)[0].path}'").to_arrow_table()
    write_deltalake(str(folder), rows, mode="append")


DAMAGES = {
    "the newest log entry cut": lambda home: cut(newest_entry(home, "heartbeats")),
    "the newest log entry of the rejects cut": lambda home: cut(newest_entry(home, REJECTS)),
    "the newest log entry empty": lambda home: newest_entry(home, "artists").write_bytes(b""),
    "the newest log entry gone": lambda home: newest_entry(home, "heartbeats").unlink(),
    "a log entry in the middle gone": lambda home: (
        table_path(home.settings, REJECTS) / "_delta_log" / f"{3:020}.json"
    ).unlink(),
    "an old log entry cut": lambda home: cut(table_path(home.settings, "artists") / "_delta_log" / f"{0:020}.json"),
    "the log gone": lambda home: shutil.rmtree(table_path(home.settings, "artists") / "_delta_log"),
    "the table gone": lambda home: shutil.rmtree(table_path(home.settings, "artists")),
    "a Parquet file gone": lambda home: a_data_file(home).unlink(),
    "a Parquet file cut": lambda home: cut(a_data_file(home)),
    "a foreign delete": foreign_delete,
    "a foreign append": foreign_append,
}


@pytest.mark.parametrize("are_lost", [False, True], ids=["pinned", "lost pins"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_named_and_nothing_is_repaired_over_it(loaded, damage, are_lost):
    damage(loaded)
    problems = check_pins(loaded.settings)
    assert {problem.trouble for problem in problems} <= {Trouble.DAMAGED, Trouble.AHEAD}
    assert problems
    if are_lost:
        pins_file(loaded).unlink()
    for repair in (repair_pins, repair_lost_pins):
        with pytest.raises(PinsError) as refused:
            repair(loaded.settings, operator="tests", at_least=ANYTHING)
        assert all(problem.advice for problem in refused.value.problems)
    assert not (loaded.settings.raw_dir / REPAIRS_FILE).exists()
    assert pins_file(loaded).exists() is not are_lost


@pytest.mark.usefixtures("few_files_are_many")
def test_a_register_that_cannot_be_read_is_named(loaded):
    upkeep(loaded)
    (loaded.settings.raw_dir / "versions.sqlite").write_bytes(b"no database, but long enough to be looked at" * 50)
    assert "raw/versions.sqlite cannot be read" in str(PinsError(check_pins(loaded.settings, with_files=False)))


@pytest.mark.usefixtures("few_files_are_many")
def test_a_register_has_its_name_from_when_it_is_whole(loaded, monkeypatch):
    """If upkeep dies while it creates the register, there is no register, as before."""
    connect = sqlite3.connect

    def dies_once_there_is_a_file(database, **options):
        connection = connect(database, **options)
        if database == ":memory:":
            return connection
        connection.execute("create table half (made)")
        connection.close()
        raise DeathError

    with monkeypatch.context() as dying:
        dying.setattr(sqlite3, "connect", dies_once_there_is_a_file)
        with pytest.raises(DeathError):
            upkeep(loaded)
    assert not (loaded.settings.raw_dir / "versions.sqlite").exists()
    assert check_pins(loaded.settings) == ()
    upkeep(loaded)
    assert {path.name for path in loaded.settings.raw_dir.glob("*versions.sqlite*")} == {"versions.sqlite"}


@pytest.mark.usefixtures("few_files_are_many")
def test_a_register_whose_writer_was_killed_in_the_middle_is_as_before(loaded):
    upkeep(loaded)
    path = loaded.settings.raw_dir / "versions.sqlite"
    before = path.read_bytes()
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_THE_MIDDLE, path], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() != before
    assert path.with_name("versions.sqlite-journal").exists()
    assert check_pins(loaded.settings) == ()
    assert path.read_bytes() == before


KILLED_IN_THE_MIDDLE = """
import os, signal, sqlite3, sys
register = sqlite3.connect(sys.argv[1])
register.execute("pragma cache_size = 1")  # its changes reach the file before they are committed
register.execute("delete from versions")
register.executemany("insert into versions values (?, 1, 1, 1, 1)", [("x" * 500 + str(n),) for n in range(500)])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("few_files_are_many")
def test_an_empty_register_that_a_killed_creation_left_is_created_again(loaded):
    path = loaded.settings.raw_dir / "versions.sqlite"
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_IT_CREATES, path], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.stat().st_size == 0
    assert path.with_name("versions.sqlite-journal").exists()
    assert check_pins(loaded.settings) == ()
    upkeep(loaded)
    assert check_pins(loaded.settings) == ()
    with sqlite3.connect(path) as register:
        assert register.execute("select count(*) from versions").fetchone() != (0,)


KILLED_WHILE_IT_CREATES = """
import os, signal, sqlite3, sys
register = sqlite3.connect(sys.argv[1], isolation_level=None)
register.execute("begin immediate")
register.execute("create table versions (raw_table text, version integer, batch_number integer)")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("leave", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["gone", "emptied"])
@pytest.mark.usefixtures("few_files_are_many")
def test_a_register_that_is_gone_is_named(loaded, leave):
    """The log was trimmed, so nothing else knows the batch of the pinned version."""
    upkeep(loaded)
    leave(loaded.settings.raw_dir / "versions.sqlite")
    assert "in neither the log nor the register" in str(PinsError(check_pins(loaded.settings, with_files=False)))


def test_pins_that_a_month_is_ahead_of_are_not_rebuilt(loaded):
    pins = read_pins(loaded.settings)
    pins_file(loaded).unlink()
    later = pins.versions | {"artists": pins.versions["artists"] + 1}
    for repair in (repair_pins, repair_lost_pins):
        with pytest.raises(PinsError, match="which a closed month read"):
            repair(loaded.settings, operator="tests", at_least=later)
    assert not pins_file(loaded).exists()


def test_a_decision_of_an_older_copy_does_not_set_the_pins_back(loaded, monkeypatch, tmp_path):
    """Carried out again, it would pin its own batch number, although later batches have been loaded."""
    crash(loaded, monkeypatch, "pinned")
    staging = loaded.settings.raw_dir / "_staging"
    shutil.copytree(staging, tmp_path / "staging")
    finish_decisions(loaded.settings)
    deliver(loaded, 7)
    pins = read_pins(loaded.settings)
    shutil.copytree(tmp_path / "staging", staging, dirs_exist_ok=True)
    with pytest.raises(PinsError, match="batch 7 half promoted"):
        deliver(loaded, 8)
    repair_pins(loaded.settings, operator="tests", at_least=ANYTHING)
    assert read_pins(loaded.settings) == pins
    assert not any(staging.iterdir())
    deliver(loaded, 9)
    assert read_pins(loaded.settings).batch_number == pins.batch_number + 3


def test_a_decision_that_cannot_be_read_is_named(loaded, monkeypatch):
    crash(loaded, monkeypatch, "moved")
    (plan,) = (loaded.settings.raw_dir / "_staging").glob("*/promotion.json")
    cut(plan)
    with pytest.raises(PinsError, match=r"raw/_staging/.*/promotion\.json"):
        loaded.load("heartbeats")


def test_the_register_is_read_where_nothing_may_be_written(loaded, monkeypatch):
    monkeypatch.setattr(allive.ingestion.compaction, "FEWEST_FILES", 2)
    first = read_pins(loaded.settings).versions["heartbeats"]
    deliver(loaded, 3)
    upkeep(loaded)
    raw = loaded.settings.raw_dir
    before = {path: path.stat().st_mtime_ns for path in (raw, *raw.rglob("*"))}
    assert last_batch_of(loaded.settings, "heartbeats", first) == 4
    assert check_pins(loaded.settings) == ()
    assert {path: path.stat().st_mtime_ns for path in (raw, *raw.rglob("*"))} == before


def test_files_that_were_loaded_after_the_copy_that_was_restored_are_loaded_again(loaded, tmp_path):
    """The memory of landed files is newer than the tables: it has files that were never loaded into them."""
    shutil.copytree(loaded.settings.raw_dir, tmp_path / "older")
    deliver(loaded, 3)
    rows = loaded.query("select * exclude batch_number from raw.heartbeats order by all")
    for path in loaded.settings.raw_dir.iterdir():
        if path.name != "_seen":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (tmp_path / "older").iterdir():
        if path.name != "_seen":
            shutil.move(path, loaded.settings.raw_dir)
    assert check_pins(loaded.settings) == ()
    assert loaded.load("heartbeats").verdict == "promoted"
    assert loaded.query("select * exclude batch_number from raw.heartbeats order by all") == rows


@pytest.mark.usefixtures("few_files_are_many")
def test_pins_from_before_upkeep_are_older_than_the_register(loaded):
    """The newer batch's entry is trimmed from the heartbeats log, and no other table has a newer entry."""
    old = pins_file(loaded).read_bytes()
    loaded.land("heartbeats/later.ndjson", [HEARTBEAT | {"event_id": "later"}])
    loaded.load("heartbeats")
    upkeep(loaded)
    pins_file(loaded).write_bytes(old)
    found = [str(problem) for problem in check_pins(loaded.settings, with_files=False)]
    assert any("version 2 of raw/heartbeats, expected version 3 (batch 7)" in problem for problem in found)


def test_a_hole_in_a_log_is_named(loaded):
    (table_path(loaded.settings, REJECTS) / "_delta_log" / f"{3:020}.json").unlink()
    found = [str(problem) for problem in check_pins(loaded.settings, with_files=False)]
    assert any("no entry for version 3" in problem for problem in found)


@pytest.mark.parametrize("where", CRASHES)
def test_rebuilt_pins_leave_out_what_is_still_to_be_finished(loaded, monkeypatch, where):
    pins = read_pins(loaded.settings)
    crash(loaded, monkeypatch, where)
    assert rebuilt(loaded) == pins
