"""Settlement months and the clock in Paris."""

from datetime import UTC, date, datetime

import pytest

from allive.payouts import months


@pytest.mark.parametrize(
    ("now", "is_over"),
    [
        (datetime(2021, 1, 31, 22, 59, 59, tzinfo=UTC), False),  # 23:59:59 in Paris, UTC+1
        (datetime(2021, 1, 31, 23, 0, 0, tzinfo=UTC), True),
    ],
)
def test_january_ends_in_paris_not_in_utc(now: datetime, is_over: bool) -> None:
    assert months.is_over("2021-01", now=now) is is_over


@pytest.mark.parametrize(
    ("now", "is_over"),
    [
        (datetime(2021, 3, 31, 21, 59, 59, tzinfo=UTC), False),  # summer time: UTC+2
        (datetime(2021, 3, 31, 22, 0, 0, tzinfo=UTC), True),
    ],
)
def test_march_ends_in_summer_time(now: datetime, is_over: bool) -> None:
    assert months.is_over("2021-03", now=now) is is_over


@pytest.mark.parametrize("text", ["2021-13", "2021-00", "2021-1", "202101", "21-01", "2021-01-01", ""])
def test_what_is_not_a_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected YYYY-MM"):
        months.parse_month(text)


def test_a_leap_february_and_a_year_end() -> None:
    assert months.last_day("2024-02") == date(2024, 2, 29)
    assert months.following("2020-12") == "2021-01"


def test_the_payment_date_of_december_lies_in_the_next_year() -> None:
    assert months.payment_date("2021-12", delay_days=7) == date(2022, 1, 10)
