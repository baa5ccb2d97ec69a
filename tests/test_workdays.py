"""When staff are at work, over the holidays where a simple rule would go wrong. The weekday stands in the table."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.workdays import at_work, in_time, is_working_day, opening, week_begins, working_day_by, working_day_from
from tests.builders import STOCKHOLM, day


def moment(text: str) -> datetime:
    """The moment in "Fri 2027-04-30 08:00", local time. The weekday must be the right one."""
    return datetime.combine(day(text[:14]), datetime.strptime(text[15:], "%H:%M").time(), STOCKHOLM).astimezone(UTC)  # noqa: DTZ007 - only its time


@pytest.mark.parametrize(
    ("text", "is_working"),
    [
        ("Wed 2026-12-23", True),  # a half day by many agreements, and a working day
        ("Thu 2026-12-24", False),  # Christmas Eve
        ("Fri 2026-12-25", False),
        ("Sat 2026-12-26", False),
        ("Sun 2026-12-27", False),
        ("Mon 2026-12-28", True),
        ("Thu 2026-12-31", False),  # New Year's Eve, in week 53
        ("Fri 2027-01-01", False),
        ("Mon 2027-01-04", True),
        ("Tue 2027-01-05", True),  # Twelfth Night
        ("Wed 2027-01-06", False),  # Epiphany
        ("Fri 2027-03-26", False),  # Good Friday
        ("Mon 2027-03-29", False),  # Easter Monday
        ("Fri 2027-04-30", True),  # Walpurgis Night
        ("Thu 2027-05-06", False),  # Ascension Day
        ("Fri 2027-05-07", True),  # between a holiday and a weekend, which is no holiday
        ("Sun 2027-06-06", False),  # the National Day
        ("Thu 2027-06-24", True),
        ("Fri 2027-06-25", False),  # Midsummer Eve
        ("Mon 2027-06-28", True),
        ("Tue 2028-02-29", True),  # leap day
        ("Mon 2028-05-01", False),  # May Day
        ("Tue 2028-06-06", False),  # the National Day
    ],
)
def test_holidays_and_the_eves_that_nobody_works_are_no_working_days(text: str, *, is_working: bool) -> None:
    assert is_working_day(day(text)) is is_working


@pytest.mark.parametrize(
    ("on", "before", "after"),
    [
        ("Fri 2026-12-25", "Wed 2026-12-23", "Mon 2026-12-28"),
        ("Sat 2027-01-02", "Wed 2026-12-30", "Mon 2027-01-04"),
        ("Sun 2027-03-28", "Thu 2027-03-25", "Tue 2027-03-30"),
        ("Sat 2027-06-26", "Thu 2027-06-24", "Mon 2027-06-28"),
        ("Tue 2028-02-29", "Tue 2028-02-29", "Tue 2028-02-29"),
    ],
)
def test_the_working_day_before_and_after(on: str, before: str, after: str) -> None:
    assert working_day_by(day(on)) == day(before)
    assert working_day_from(day(on)) == day(after)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("Fri 2027-04-30 08:00", "Fri 2027-04-30 08:00"),
        ("Fri 2027-04-30 07:59", "Fri 2027-04-30 08:00"),
        ("Fri 2027-04-30 16:59", "Fri 2027-04-30 16:59"),
        ("Fri 2027-04-30 17:00", "Mon 2027-05-03 08:00"),
        ("Thu 2027-06-24 17:00", "Mon 2027-06-28 08:00"),  # over midsummer
        ("Wed 2026-12-23 20:00", "Mon 2026-12-28 08:00"),
        ("Wed 2026-12-30 17:30", "Mon 2027-01-04 08:00"),
        ("Fri 2027-03-26 09:00", "Tue 2027-03-30 08:00"),  # over the change to summer time, Sun 2027-03-28
        ("Fri 2027-10-29 18:00", "Mon 2027-11-01 08:00"),  # and back, Sun 2027-10-31
    ],
)
def test_what_comes_outside_working_hours_waits_for_them(at: str, told: str) -> None:
    assert at_work(moment(at), STOCKHOLM) == moment(told)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("Wed 2027-04-28 08:00", "Wed 2027-04-28 08:00"),
        ("Wed 2027-04-28 16:30", "Wed 2027-04-28 16:00"),
        ("Wed 2027-04-28 07:59", "Tue 2027-04-27 16:00"),
        ("Sun 2027-05-02 12:00", "Fri 2027-04-30 16:00"),
        ("Mon 2027-05-03 06:00", "Fri 2027-04-30 16:00"),
        ("Sat 2027-06-26 12:00", "Thu 2027-06-24 16:00"),
        ("Sat 2026-12-26 10:00", "Wed 2026-12-23 16:00"),
        ("Mon 2027-03-29 10:00", "Thu 2027-03-25 16:00"),  # the day after the change to summer time
    ],
)
def test_a_nudge_comes_while_there_is_an_hour_left_to_sign(at: str, told: str) -> None:
    assert in_time(moment(at), STOCKHOLM) == moment(told)


@pytest.mark.parametrize(
    ("deadline", "told"),
    [
        ("Fri 2027-04-09", "Fri 2027-04-09 08:00"),
        ("Sun 2027-03-28", "Thu 2027-03-25 08:00"),
        ("Fri 2027-06-25", "Thu 2027-06-24 08:00"),
        ("Fri 2027-01-01", "Wed 2026-12-30 08:00"),
        ("Tue 2028-02-29", "Tue 2028-02-29 08:00"),
    ],
)
def test_a_deadline_on_a_day_off_is_told_of_on_the_working_day_before(deadline: str, told: str) -> None:
    assert opening(day(deadline), STOCKHOLM) == moment(told)


@pytest.mark.parametrize(
    ("within", "begins", "week"),
    [
        ("Thu 2026-12-31", "Mon 2026-12-28 08:00", (2026, 53)),
        ("Sun 2027-01-03", "Mon 2026-12-28 08:00", (2026, 53)),
        ("Mon 2027-01-04", "Mon 2027-01-04 08:00", (2027, 1)),
        ("Wed 2027-03-31", "Tue 2027-03-30 08:00", (2027, 13)),  # Easter Monday
        ("Fri 2028-05-05", "Tue 2028-05-02 08:00", (2028, 18)),  # May Day
        ("Thu 2029-12-27", "Thu 2029-12-27 08:00", (2029, 52)),  # Christmas Eve is a Monday
    ],
)
def test_the_week_begins_on_its_first_working_day(within: str, begins: str, week: tuple[int, int]) -> None:
    assert week_begins(day(within), STOCKHOLM) == moment(begins)
    assert day(within).isocalendar()[:2] == week


def test_the_hours_follow_the_clocks_over_both_changes() -> None:
    assert opening(day("Thu 2027-03-25"), STOCKHOLM) == datetime(2027, 3, 25, 7, 0, tzinfo=UTC)
    assert opening(day("Tue 2027-03-30"), STOCKHOLM) == datetime(2027, 3, 30, 6, 0, tzinfo=UTC)
    assert opening(day("Mon 2027-11-01"), STOCKHOLM) == datetime(2027, 11, 1, 7, 0, tzinfo=UTC)


def test_every_year_that_can_be_planned_has_its_holidays() -> None:
    """Without them, a Christmas Eve would be a working day: then renew the package `holidays`."""
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        weekdays = [date(year, 1, 1), date(year, 1, 6), date(year, 12, 24), date(year, 12, 25), date(year, 12, 31)]
        assert not any(is_working_day(each) for each in weekdays)


def test_no_row_of_days_off_is_longer_than_nudges_look_ahead() -> None:
    start = date(2024, 1, 1)
    days = [start + timedelta(days=each) for each in range(365 * 30)]

    assert max((each - working_day_by(each)).days for each in days) <= 5
