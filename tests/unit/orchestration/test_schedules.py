"""The clock of the service is Paris's; a tick that has nothing to do says why."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from orchestration.defs.payouts.months import MONTHS
from orchestration.defs.schedules import daily_refresh, monthly_payout_schedule, nightly_upkeep

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path))
    (tmp_path / "raw").mkdir()
    return tmp_path


def tick(*when):
    context = dg.build_schedule_context(scheduled_execution_time=datetime(*when, tzinfo=PARIS))
    return monthly_payout_schedule(context)


def first_ticks(schedule, start, count):
    iterator = schedule_execution_time_iterator(
        start.timestamp(), schedule.cron_schedule, schedule.execution_timezone, ascending=True
    )
    return [next(iterator).astimezone(UTC).strftime("%Y-%m-%d %H:%M") for _ in range(count)]


def test_the_payout_is_on_the_3rd_at_06_00_in_paris_summer_and_winter():
    ticks = first_ticks(monthly_payout_schedule, datetime(2021, 3, 1, tzinfo=UTC), 3)
    assert ticks == ["2021-03-03 05:00", "2021-04-03 04:00", "2021-05-03 04:00"]


def test_the_refresh_is_at_05_00_in_paris_also_over_a_change_of_clocks():
    ticks = first_ticks(daily_refresh, datetime(2021, 10, 30, 0, tzinfo=UTC), 3)
    assert ticks == ["2021-10-30 03:00", "2021-10-31 04:00", "2021-11-01 04:00"]


def test_the_upkeep_comes_half_an_hour_after_the_refresh():
    ticks = first_ticks(nightly_upkeep, datetime(2021, 10, 30, 0, tzinfo=UTC), 3)
    assert ticks == ["2021-10-30 03:30", "2021-10-31 04:30", "2021-11-01 04:30"]


@pytest.mark.parametrize(
    ("when", "month"),
    [
        ((2021, 3, 3, 6), "2021-02"),
        ((2021, 1, 3, 6), "2020-12"),
        ((2021, 4, 3, 6), "2021-03"),
        ((2020, 2, 3, 6), "2020-01"),
    ],
)
def test_the_3rd_asks_for_the_month_before(home, when, month):
    request = tick(*when)
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == (month, month)


def test_before_the_first_month_was_over_it_skips(home):
    assert "first settlement month is 2020-01" in tick(2020, 1, 3, 6).skip_message


def test_a_closed_month_is_skipped(home):
    (home / "payouts" / "2021-02").mkdir(parents=True)
    assert tick(2021, 3, 3, 6).skip_message == "2021-02 is closed already."


def test_nothing_loaded_is_skipped(home):
    (home / "raw").rmdir()
    assert "Nothing has ever been loaded" in tick(2021, 3, 3, 6).skip_message


def test_a_month_is_a_partition_from_its_end_in_paris_on():
    end = datetime(2021, 3, 31, 22, tzinfo=UTC)
    assert MONTHS.get_partition_keys(current_time=end - timedelta(seconds=1))[-1] == "2021-02"
    assert MONTHS.get_partition_keys(current_time=end)[-1] == "2021-03"
    window = MONTHS.time_window_for_partition_key("2021-03")
    assert window.end.timestamp() - window.start.timestamp() == (31 * 24 - 1) * 3600
