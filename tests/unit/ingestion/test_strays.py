"""Heartbeats from many days: few files, bounded memory, and the same rows as with one file per day (docs/adr/0026)."""

import json
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from allive.ingestion import day_files, home_format
from allive.ingestion.batches import list_held, release
from allive.ingestion.compaction import compact
from allive.ingestion.home_format import FormatError
from allive.ingestion.lock import data_home_lock
from allive.ingestion.pins_check import require_pins
from allive.ingestion.promotion import finish_promotions
from allive.ingestion.raw_tables import is_stray, read_pins, scan_of, stored_files
from allive.ingestion.raw_versions import records_of

from .conftest import NOW, Home
from .records import HEARTBEAT

PARIS = ZoneInfo("Europe/Paris")
NO_DAY = "event_day=__HIVE_DEFAULT_PARTITION__/"
EVERYTHING = "select * exclude (batch_number) from raw.heartbeats order by all"


def beat(number: int, at: datetime, **more: object) -> dict[str, object]:
    return (
        HEARTBEAT
        | {
            "event_id": f"e-{number}",
            "playback_id": f"p-{number % 9}",
            "event_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "device": "ios",
        }
        | more
    )


def on_many_days(days: int, *, first: int = 0) -> list[dict[str, object]]:
    """One heartbeat per Paris day, around midnight or at noon, in summer and in winter."""
    moments = (time(0, 0, 0), time(23, 59, 59, 999_000), time(12), time(0, 59, 59), time(1, 30))
    dates = [date(2015, 1, 3) + timedelta(days=first + n) for n in range(days)]
    return [
        beat(first + n, datetime.combine(day, moments[n % 5], PARIS).astimezone(UTC)) for n, day in enumerate(dates)
    ]


def on_one_day(count: int, day: datetime = datetime(2021, 3, 2, 9, tzinfo=UTC), **more: object) -> list[dict]:
    return [beat(100_000 + n, day + timedelta(seconds=n), **more) for n in range(count)]


def paths(home: Home) -> list[str]:
    pins = read_pins(home.settings)
    return sorted(file.path for file in stored_files(home.settings, "heartbeats", pins.layouts["heartbeats"]))


def records_in_strays(home: Home) -> int:
    pins = read_pins(home.settings)
    files = stored_files(home.settings, "heartbeats", pins.layouts["heartbeats"])
    return sum(file.records for file in files if is_stray(file.path))


def test_heartbeats_of_four_thousand_days_are_one_file_within_a_gigabyte(home):
    """With a file and a buffer per day, DuckDB needed more than its 0.8 GB, or took minutes when it had more."""
    heartbeats = on_many_days(4000)
    home.land("heartbeats/a.ndjson", heartbeats)
    assert home.settings.memory_limit == "1GB"
    report = home.load("heartbeats", now=datetime(2026, 1, 1, tzinfo=UTC))
    assert (report.verdict, report.records) == ("promoted", 4000)
    (path,) = paths(home)
    assert path.startswith(NO_DAY)
    assert is_stray(path)
    by_day = Counter(datetime.fromisoformat(str(one["event_at"])).astimezone(PARIS).date() for one in heartbeats)
    assert dict(home.query("select event_day, count(*) from raw.heartbeats group by 1")) == by_day
    assert len(by_day) == 4000


def test_the_days_of_a_usual_load_keep_their_files_beside_a_thousand_strays(home):
    """Two of the strays' days share a group with the usual days."""
    home.land("heartbeats/a.ndjson", on_one_day(600) + on_one_day(600, datetime(2021, 3, 3, 23, 30, tzinfo=UTC)))
    home.land("heartbeats/b.csv", csv_of(on_many_days(1000)))
    report = home.load("heartbeats")
    assert (report.verdict, report.records) == ("promoted", 2200)
    folders = Counter(path.partition("/")[0] for path in paths(home))
    assert folders == {"event_day=2021-03-02": 1, "event_day=2021-03-04": 1, NO_DAY.rstrip("/"): 1}
    assert records_in_strays(home) == 1000
    assert home.query("select count(*) from raw.heartbeats where event_day = date '2021-03-04'") == [(600,)]


def csv_of(records):
    return "\n".join([",".join(records[0]), *(",".join(map(str, one.values())) for one in records)]) + "\n"


def test_a_load_of_few_days_has_no_strays_and_leaves_the_home_as_earlier_code_knows_it(home):
    home.land("heartbeats/a.ndjson", on_many_days(64 * 30)[::30])
    with data_home_lock(home.settings, command="allive run"):
        home.load("heartbeats")
    assert len(paths(home)) == day_files.MOST_DAYS == 64
    assert records_in_strays(home) == 0
    assert json.loads((home.settings.home / "format.json").read_text()) == {"format": 1}


@pytest.mark.parametrize(("on_a_day", "dated"), [(511, 0), (512, 1)])
def test_a_day_that_is_worth_a_file_has_one(home, on_a_day, dated):
    home.land("heartbeats/a.ndjson", on_many_days(100) + on_one_day(on_a_day))
    home.load("heartbeats")
    assert sum("2021-03-02" in path for path in paths(home)) == dated
    assert len(paths(home)) == 1 + dated


def test_a_home_with_strays_is_refused_by_code_that_would_read_them_as_of_no_day(home, monkeypatch):
    home.land("heartbeats/a.ndjson", on_many_days(65))
    with data_home_lock(home.settings, command="allive run"):
        home.load("heartbeats")
    assert json.loads((home.settings.home / "format.json").read_text()) == {"format": 2}
    monkeypatch.setattr(home_format, "HOME_FORMAT", 1)
    refusal = "has format 2; this version of the project knows formats up to 1"
    with pytest.raises(FormatError, match=refusal), data_home_lock(home.settings, command="allive run"):
        pass


def test_the_format_is_raised_before_the_promotion_is_decided(home, monkeypatch):
    """Otherwise earlier code that found the decision after a crash would carry it out."""

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    home.land("heartbeats/a.ndjson", on_many_days(65))
    monkeypatch.setattr("allive.ingestion.promotion.write_json", crash)
    with pytest.raises(KeyboardInterrupt):
        home.load("heartbeats")
    assert json.loads((home.settings.home / "format.json").read_text()) == {"format": 2}
    monkeypatch.undo()
    finish_promotions(home.settings)
    assert paths(home) == []


# --- the same rows as with one file per day ----------------------------------------------------------


def two_homes(tmp_path, monkeypatch):
    monkeypatch.setattr("allive.ingestion.load.validate", lambda *_: ())
    return Home(tmp_path / "strays"), Home(tmp_path / "a-file-a-day")


def in_both(homes, monkeypatch, act):
    """Do the same in both homes; only the first one uses strays."""
    results = []
    for home, most in zip(homes, (64, 10**9), strict=True):
        monkeypatch.setattr(day_files, "MOST_DAYS", most)
        results.append(act(home))
    return results


def assert_equal(homes):
    ours, theirs = (home.query(EVERYTHING) for home in homes)
    assert ours == theirs
    by_day = "select event_day, count(*), min(event_at), max(event_at) from raw.heartbeats group by 1 order by 1"
    assert homes[0].query(by_day) == homes[1].query(by_day)
    return len(ours)


def version_of(home, version):
    """The heartbeats of a version of the table, read from today's files."""
    records = records_of(home.settings, "heartbeats", version)
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        scan = scan_of("heartbeats", records.files, up_to=records.up_to)
        return con.execute(f"select * exclude (batch_number) from ({scan}) order by all").fetchall()


@pytest.mark.slow
def test_rows_are_the_same_through_loads_compaction_pins_and_a_release(tmp_path, monkeypatch):
    homes = two_homes(tmp_path, monkeypatch)
    monkeypatch.setattr("allive.ingestion.compaction.FEWEST_FILES", 2)
    odd = on_many_days(90, first=1500)[::3]
    for number, one in enumerate(odd):
        one |= {"position_s": "far", "state": ("playing", "stopped")[number % 2]}
    deliveries = [
        on_many_days(200) + odd + on_one_day(700) + [beat(1, NOW, event_at="hier")],
        on_many_days(150, first=1000) + on_one_day(20, datetime(2021, 3, 28, 0, 30, tzinfo=UTC)),
        on_one_day(30),
        on_many_days(80, first=2000),
    ]
    versions = []
    for number, delivery in enumerate(deliveries):
        in_both(homes, monkeypatch, lambda home, n=number, d=delivery: home.land(f"heartbeats/{n}.ndjson", d))
        reports = in_both(homes, monkeypatch, lambda home: home.load("heartbeats"))
        assert [report.verdict for report in reports] == ["promoted", "promoted"]
        assert reports[0].checks == reports[1].checks
        assert_equal(homes)
        versions.append([read_pins(home.settings).versions["heartbeats"] for home in homes])
        if number == 2:
            merged = in_both(homes, monkeypatch, lambda home: compact(home.settings, tables=["heartbeats"]))
            assert all(one.into for (one,) in merged)
            assert_equal(homes)
    assert len(paths(homes[0])) <= 6
    assert len(paths(homes[1])) > 200
    for pinned in versions:
        ours, theirs = (version_of(home, version) for home, version in zip(homes, pinned, strict=True))
        assert ours == theirs
    in_both(homes, monkeypatch, lambda home: compact(home.settings, tables=["heartbeats"]))
    assert assert_equal(homes) == sum(map(len, deliveries)) - 1
    assert version_of(homes[0], versions[0][0]) == version_of(homes[1], versions[0][1])
    for home in homes:
        require_pins(home.settings)

    broken = [beat(n, NOW, event_at="hier") for n in range(100)]
    in_both(homes, monkeypatch, lambda home: home.land("heartbeats/held.ndjson", on_many_days(120) + broken))
    in_both(homes, monkeypatch, lambda home: home.load("heartbeats"))
    held = [list_held(home.settings)[0] for home in homes]
    assert (held[0].first_day, held[0].last_day) == (held[1].first_day, held[1].last_day)
    assert held[0].first_day < date(2015, 1, 10)
    in_both(
        homes,
        monkeypatch,
        lambda home: release(home.settings, list_held(home.settings)[0].batch_id, operator="Anne", why="an archive"),
    )
    assert_equal(homes)
    assert len(paths(homes[0])) < 10


@pytest.mark.slow
def test_what_earlier_code_held_by_day_is_released_as_strays(tmp_path, monkeypatch):
    """`held/` has one file per day, the table one file for all."""
    home = two_homes(tmp_path, monkeypatch)[0]
    broken = [beat(n, NOW, event_at="hier") for n in range(100)]
    home.land("heartbeats/held.ndjson", on_many_days(120) + broken)
    monkeypatch.setattr(day_files, "MOST_DAYS", 10**9)
    home.load("heartbeats")
    monkeypatch.undo()
    assert not (home.settings.home / "format.json").exists()
    (held,) = list_held(home.settings)
    release(home.settings, held.batch_id, operator="Anne", why="an archive")
    assert len(paths(home)) == 1
    assert home_format.home_format(home.settings) == 2
    assert home.query("select count(*), count(distinct event_day) > 100 from raw.heartbeats") == [(120, True)]


def test_new_batches_are_told_by_their_number_also_among_strays(home):
    """A refresh reads every record loaded since the last one, whichever file it is in."""
    home.land("heartbeats/a.ndjson", on_many_days(100))
    home.load("heartbeats")
    home.land("heartbeats/b.ndjson", on_many_days(70, first=500))
    home.load("heartbeats")
    assert home.query("select count(*), count(distinct event_day) from raw.heartbeats where batch_number > 1") == [
        (70, 70)
    ]
