"""Schedules run on Paris time; a tick that has nothing to do says why."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from allive.ingestion.settings import Settings
from allive.orchestration.defs.payouts.months import MONTHS
from allive.orchestration.defs.schedules import (
    ask_for_due_month,
    daily_refresh,
    monthly_payout_schedule,
    nightly_upkeep,
)

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path))
    (tmp_path / "raw").mkdir()
    return tmp_path


def close(home, *months):
    for month in months:
        (home / "payouts" / month).mkdir(parents=True)


def tick(*when):
    context = dg.build_schedule_context(scheduled_execution_time=datetime(*when, tzinfo=PARIS))
    return monthly_payout_schedule(context)


def first_ticks(schedule, start, count):
    iterator = schedule_execution_time_iterator(
        start.timestamp(), schedule.cron_schedule, schedule.execution_timezone, ascending=True
    )
    return [next(iterator).astimezone(UTC).strftime("%Y-%m-%d %H:%M") for _ in range(count)]


def test_the_payout_is_asked_for_every_day_at_06_00_in_paris_summer_and_winter():
    ticks = first_ticks(monthly_payout_schedule, datetime(2021, 3, 27, tzinfo=UTC), 3)
    assert ticks == ["2021-03-27 05:00", "2021-03-28 04:00", "2021-03-29 04:00"]


def test_the_refresh_is_at_05_00_in_paris_also_over_a_change_of_clocks():
    ticks = first_ticks(daily_refresh, datetime(2021, 10, 30, 0, tzinfo=UTC), 3)
    assert ticks == ["2021-10-30 03:00", "2021-10-31 04:00", "2021-11-01 04:00"]


def test_the_upkeep_comes_half_an_hour_after_the_refresh():
    ticks = first_ticks(nightly_upkeep, datetime(2021, 10, 30, 0, tzinfo=UTC), 3)
    assert ticks == ["2021-10-30 03:30", "2021-10-31 04:30", "2021-11-01 04:30"]


@pytest.mark.parametrize(
    ("closed", "when", "month"),
    [
        ("2021-01", (2021, 3, 3, 6), "2021-02"),
        ("2020-11", (2021, 1, 3, 6), "2020-12"),
        ("2021-01", (2021, 3, 19, 6), "2021-02"),
        ("2021-01", (2021, 8, 1, 6), "2021-02"),
    ],
)
def test_the_oldest_month_that_is_due_is_asked_for(home, closed, when, month):
    close(home, closed)
    request = tick(*when)
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == (month, f"{month} {date(*when[:3])}")


def test_a_month_is_not_due_before_the_3rd_and_the_tick_says_from_when_on(home):
    close(home, "2021-01")
    assert tick(2021, 3, 2, 6).skip_message == "No month is due on 2021-03-02: 2021-02 is due from 2021-03-03 on."


def test_before_anything_is_published_the_first_month_is_not_known(home):
    assert tick(2021, 3, 3, 6).skip_message == (
        "Nothing is published yet: the first month to close is not known. Run `allive run`."
    )


def test_without_a_published_period_there_is_no_first_month(home):
    serving = home / "serving"
    serving.mkdir()
    with duckdb.connect(serving / "copy.duckdb") as con:
        con.execute("create schema published")
        con.execute("create table published.copy as select now() as published_at, null as data_until_at")
        con.execute("create schema marts")
        con.execute("create table marts.fct_settlement_months (settlement_month varchar, periods bigint)")
    (serving / "current.duckdb").symlink_to("copy.duckdb")
    assert "there is no first month to close" in tick(2021, 3, 3, 6).skip_message


def test_days_of_downtime_over_the_3rd_and_days_of_refusals(home):
    """The schedule's requests per day: down from the 2nd to the 5th, refused until the 8th, then closed."""
    close(home, "2021-01")
    asked = {}
    for day in (1, 6, 7, 8, 9):
        request = tick(2021, 3, day, 6)
        asked[day] = request.partition_key if isinstance(request, dg.RunRequest) else request.skip_message
        if day == 8:
            close(home, "2021-02")
    assert asked == {
        1: "No month is due on 2021-03-01: 2021-02 is due from 2021-03-03 on.",
        6: "2021-02",
        7: "2021-02",
        8: "2021-02",
        9: "No month is due on 2021-03-09: 2021-03 is due from 2021-04-03 on.",
    }


def test_twelve_missed_months_are_asked_for_one_after_the_other(home):
    """The tick requests the oldest month; each run that closes its month requests the next (`payout_done`)."""
    close(home, "2020-12")
    today, asked = date(2022, 1, 9), []
    request = ask_for_due_month(Settings(), today=today, key="2022-01-09")
    while isinstance(request, dg.RunRequest):
        asked.append((request.partition_key, request.tags["allive/months_due"]))
        close(home, request.partition_key)
        request = ask_for_due_month(Settings(), today=today, key=f"after {len(asked)}")
    assert asked == [(f"2021-{month:02}", str(13 - month)) for month in range(1, 13)]
    assert request.skip_message == "No month is due on 2022-01-09: 2022-01 is due from 2022-02-03 on."


def test_nothing_loaded_is_skipped(home):
    (home / "raw").rmdir()
    assert "Nothing has ever been loaded" in tick(2021, 3, 3, 6).skip_message


def test_a_month_is_a_partition_from_its_end_in_paris_on():
    end = datetime(2021, 3, 31, 22, tzinfo=UTC)
    assert MONTHS.get_partition_keys(current_time=end - timedelta(seconds=1))[-1] == "2021-02"
    assert MONTHS.get_partition_keys(current_time=end)[-1] == "2021-03"
    window = MONTHS.time_window_for_partition_key("2021-03")
    assert window.end.timestamp() - window.start.timestamp() == (31 * 24 - 1) * 3600
