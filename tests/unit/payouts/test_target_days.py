"""TARGET business days, against the ECB's rule (press release of 14 December 2000) computed here: no list is copied."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allive.payouts.target_days import is_target_day, next_target_day, requested_on

YEARS = range(2020, 2061)
DAYS = st.dates(date(2020, 1, 1), date(2060, 12, 1))
DAY = timedelta(days=1)


def easter_sunday(year: int) -> date:
    """The Sunday after the first full moon of the church on or after 21 March (Knuth, Algorithm E)."""
    golden, century = year % 19 + 1, year // 100 + 1
    leap, moon = 3 * century // 4 - 12, (8 * century + 5) // 25 - 5
    epact = (11 * golden + 20 + moon - leap) % 30
    if epact == 24 or (epact == 25 and golden > 11):
        epact += 1
    full = 44 - epact if 44 - epact >= 21 else 74 - epact
    full_moon = date(year, 3, 1) + DAY * (full - 1)
    return full_moon + DAY * (7 - (full_moon.weekday() + 1) % 7)


def closes(day: date) -> bool:
    easter = easter_sunday(day.year)
    fixed = {(1, 1), (5, 1), (12, 25), (12, 26)}
    return day.weekday() >= 5 or (day.month, day.day) in fixed or day in {easter - 2 * DAY, easter + DAY}


@pytest.mark.parametrize(
    ("year", "month", "day"), [(2024, 3, 31), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25), (2049, 4, 18)]
)
def test_easter_is_known(year: int, month: int, day: int) -> None:
    assert easter_sunday(year) == date(year, month, day)


@pytest.mark.parametrize("year", YEARS)
def test_business_days_are_those_of_the_ecb_s_rule(year: int) -> None:
    days = [date(year, 1, 1) + DAY * number for number in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
    assert [day for day in days if is_target_day(day)] == [day for day in days if not closes(day)]


@pytest.mark.parametrize(
    ("year", "closed"),
    [
        (2026, ["01-01", "04-03", "04-06", "05-01", "12-25"]),
        (2027, ["01-01", "03-26", "03-29"]),
    ],
)
def test_the_weekdays_on_which_target_is_closed(year: int, closed: list[str]) -> None:
    days = (date(year, 1, 1) + DAY * number for number in range(365))
    assert [f"{day:%m-%d}" for day in days if day.weekday() < 5 and not is_target_day(day)] == closed


@pytest.mark.parametrize("day", [date(2026, 5, 8), date(2026, 7, 14), date(2026, 11, 11), date(2026, 5, 14)])
def test_a_french_holiday_is_a_business_day(day: date) -> None:
    assert is_target_day(day)


@pytest.mark.parametrize(
    ("day", "following"),
    [
        ("2026-12-24", "2026-12-28"),
        ("2026-12-31", "2027-01-04"),
        ("2027-03-25", "2027-03-30"),
        ("2027-04-30", "2027-05-03"),
    ],
)
def test_the_next_business_day(day: str, following: str) -> None:
    assert next_target_day(date.fromisoformat(day)) == date.fromisoformat(day)
    assert next_target_day(date.fromisoformat(day) + DAY) == date.fromisoformat(following)


@given(DAYS)
def test_the_next_business_day_is_the_first_open_one(day: date) -> None:
    found = next_target_day(day)
    assert not closes(found)
    assert all(closes(day + DAY * number) for number in range((found - day).days))


@pytest.mark.parametrize(
    ("payment_date", "ordered_on", "expected"),
    [
        ("2026-06-10", "2026-06-03", "2026-06-10"),  # in the future and open
        ("2026-06-10", "2026-06-10", "2026-06-10"),  # today
        ("2026-06-10", "2026-11-24", "2026-11-24"),  # past: the day of the order, a Tuesday
        ("2026-06-10", "2026-11-28", "2026-11-30"),  # past, ordered on a Saturday
        ("2026-10-10", "2026-10-05", "2026-10-12"),  # a Saturday to come: never earlier than the payment date
        ("2026-04-03", "2026-04-01", "2026-04-07"),  # Good Friday to come
        ("2026-10-10", "2026-10-11", "2026-10-12"),  # a Saturday that is past, ordered on a Sunday
        ("2026-07-14", "2026-07-10", "2026-07-14"),  # a French holiday is open
    ],
)
def test_the_requested_date_of_an_order(payment_date: str, ordered_on: str, expected: str) -> None:
    found = requested_on(date.fromisoformat(payment_date), date.fromisoformat(ordered_on))
    assert found.isoformat() == expected


@given(DAYS, DAYS)
def test_a_requested_date_is_open_and_neither_before_the_order_nor_before_the_payment_date(
    payment_date: date, ordered_on: date
) -> None:
    found = requested_on(payment_date, ordered_on)
    assert not closes(found)
    assert found >= max(payment_date, ordered_on)
    if payment_date >= ordered_on and not closes(payment_date):
        assert found == payment_date
