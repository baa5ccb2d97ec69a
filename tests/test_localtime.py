"""Wall-clock time stays wall-clock time over both changes of the clocks, every year that is promised."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import RefusedError
from campaigns.localtime import after_quiet, chosen, is_quiet, local, to_utc
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from tests.builders import STOCKHOLM, day

YEARS = range(FIRST_YEAR, LAST_YEAR + 1)


def last_sunday(year: int, month: int) -> date:
    """EU directive 2000/84/EC: summer time begins the last Sunday of March and ends the last Sunday of October."""
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "wall", "expected"),
    [
        ("Sat 2027-03-27", "16:30", "2027-03-27 15:30"),
        ("Sun 2027-03-28", "01:59", "2027-03-28 00:59"),
        ("Sun 2027-03-28", "02:00", "2027-03-28 01:00"),  # does not exist: shows as 03.00
        ("Sun 2027-03-28", "02:30", "2027-03-28 01:30"),  # does not exist: shows as 03.30
        ("Sun 2027-03-28", "02:59", "2027-03-28 01:59"),  # does not exist: shows as 03.59
        ("Sun 2027-03-28", "03:00", "2027-03-28 01:00"),
        ("Sun 2027-03-28", "16:30", "2027-03-28 14:30"),
        ("Sun 2027-10-31", "01:59", "2027-10-30 23:59"),
        ("Sun 2027-10-31", "02:00", "2027-10-31 00:00"),  # exists twice: the first
        ("Sun 2027-10-31", "02:59", "2027-10-31 00:59"),  # exists twice: the first
        ("Sun 2027-10-31", "03:00", "2027-10-31 02:00"),
        ("Sun 2027-10-31", "16:30", "2027-10-31 15:30"),
        ("Fri 2027-12-31", "23:59", "2027-12-31 22:59"),
    ],
)
def test_the_instant_when_the_clocks_show_a_time(when: str, wall: str, expected: str) -> None:
    assert to_utc(day(when), time.fromisoformat(wall), STOCKHOLM) == utc(expected)


@pytest.mark.parametrize("year", YEARS)
def test_a_time_that_does_not_exist_moves_forward_by_the_gap(year: int) -> None:
    change = last_sunday(year, 3)

    for minute in range(60):
        shown = local(to_utc(change, time(2, minute), STOCKHOLM), STOCKHOLM)
        assert (shown.date(), shown.time(), shown.utcoffset()) == (change, time(3, minute), timedelta(hours=2))


@pytest.mark.parametrize("year", YEARS)
def test_a_time_that_exists_twice_means_the_first(year: int) -> None:
    change = last_sunday(year, 10)

    for minute in range(60):
        moment = to_utc(change, time(2, minute), STOCKHOLM)
        shown = local(moment, STOCKHOLM)
        again = local(moment + timedelta(hours=1), STOCKHOLM)
        assert (shown.time(), shown.utcoffset(), shown.fold) == (time(2, minute), timedelta(hours=2), 0)
        assert (again.time(), again.utcoffset(), again.fold) == (time(2, minute), timedelta(hours=1), 1)


@pytest.mark.parametrize("year", [2024, 2026, 2027, 2050, 2075])
@pytest.mark.parametrize("month", [3, 10])
def test_every_minute_around_a_change_maps_back_to_itself(year: int, month: int) -> None:
    change = last_sunday(year, month)
    skipped = {(change, time(2, minute)) for minute in range(60)} if month == 3 else set()

    for offset in range(-24 * 60, 48 * 60):
        wall = datetime.combine(change, time()) + timedelta(minutes=offset)
        shown = local(to_utc(wall.date(), wall.time(), STOCKHOLM), STOCKHOLM).replace(tzinfo=None)
        assert (shown == wall) is ((wall.date(), wall.time()) not in skipped)


@pytest.mark.parametrize("fold", [0, 1])
def test_a_stray_fold_changes_nothing(fold: int) -> None:
    wall = time(2, 30, fold=fold)

    assert to_utc(day("Sun 2027-10-31"), wall, STOCKHOLM) == utc("2027-10-31 00:30")


@given(st.dates(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)), st.times())
def test_any_time_comes_back_unless_it_does_not_exist(when: date, wall: time) -> None:
    moment = to_utc(when, wall, STOCKHOLM)

    exists = not (when == last_sunday(when.year, 3) and wall.hour == 2)
    expected = datetime.combine(when, wall) + (timedelta() if exists else timedelta(hours=1))
    assert local(moment, STOCKHOLM).replace(tzinfo=None, fold=0) == expected
    assert moment.tzinfo is UTC


@given(st.datetimes(datetime(2024, 1, 1), datetime(2075, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds
def test_after_quiet_is_the_first_moment_that_is_not_quiet(moment: datetime) -> None:
    later = after_quiet(moment, STOCKHOLM)

    assert not is_quiet(later, STOCKHOLM)
    assert later >= moment
    assert later == moment or (local(later, STOCKHOLM).time() == time(7) and later - moment <= timedelta(hours=11))
    assert is_quiet(moment, STOCKHOLM) is (later != moment)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2027-01-15 19:59:59", "2027-01-15 19:59:59"),  # 20.59.59
        ("2027-01-15 20:00:00", "2027-01-16 06:00:00"),  # 21.00
        ("2027-01-15 23:30:00", "2027-01-16 06:00:00"),  # 00.30 the next day
        ("2027-01-16 05:59:59", "2027-01-16 06:00:00"),  # 06.59.59
        ("2027-01-16 06:00:00", "2027-01-16 06:00:00"),  # 07.00
        ("2027-06-18 18:59:00", "2027-06-18 18:59:00"),  # 20.59 summer time
        ("2027-06-18 19:00:00", "2027-06-19 05:00:00"),  # 21.00 summer time
        ("2027-03-27 20:00:00", "2027-03-28 05:00:00"),  # the night that is an hour shorter
        ("2027-03-28 01:00:00", "2027-03-28 05:00:00"),  # 03.00, the first minute of summer time
        ("2027-10-30 19:00:00", "2027-10-31 06:00:00"),  # the night that is an hour longer
        ("2027-10-31 00:30:00", "2027-10-31 06:00:00"),  # 02.30 the first time
        ("2027-10-31 01:30:00", "2027-10-31 06:00:00"),  # 02.30 the second time
        ("2027-12-31 22:00:00", "2028-01-01 06:00:00"),  # 23.00 on New Year's Eve
    ],
)
def test_quiet_hours_run_from_21_to_7_on_the_wall(moment: str, expected: str) -> None:
    assert after_quiet(utc(moment), STOCKHOLM) == utc(expected)


@pytest.mark.parametrize(
    ("written", "when", "wall", "expected"),
    [
        ("2027-04-16T16:30", "Fri 2027-04-16", "16:30", "2027-04-16 14:30"),
        ("2027-04-16 16.30", "Fri 2027-04-16", "16:30", "2027-04-16 14:30"),
        (" 2027-12-31T8:05:00 ", "Fri 2027-12-31", "08:05", "2027-12-31 07:05"),
        ("2028-02-29T23:59", "Tue 2028-02-29", "23:59", "2028-02-29 22:59"),
        ("2027-03-28T03:00", "Sun 2027-03-28", "03:00", "2027-03-28 01:00"),  # the clocks have just been put forward
        ("2027-10-31T03:00", "Sun 2027-10-31", "03:00", "2027-10-31 02:00"),  # and back
    ],
)
def test_a_time_as_a_person_or_a_browser_writes_it(written: str, when: str, wall: str, expected: str) -> None:
    found = chosen(written, STOCKHOLM)

    assert (found.day, found.wall, found.at) == (day(when), time.fromisoformat(wall), utc(expected))
    assert found.note == ""


@pytest.mark.parametrize("written", ["", "2027-02-29T08:00", "2027-04-16", "16:30", "2027-04-16T24:00", "i morgon"])
def test_what_is_no_time_is_told_with_an_example(written: str) -> None:
    with pytest.raises(RefusedError, match="till exempel 2027-04-16 16:30"):
        chosen(written, STOCKHOLM)


@pytest.mark.parametrize("year", YEARS)
def test_the_hour_that_is_missing_cannot_be_chosen(year: int) -> None:
    with pytest.raises(RefusedError, match="finns inte: då ställs klockan fram"):
        chosen(f"{last_sunday(year, 3)}T02:30", STOCKHOLM)


@pytest.mark.parametrize("year", YEARS)
def test_of_the_hour_that_comes_twice_the_first_is_taken_and_that_is_said(year: int) -> None:
    found = chosen(f"{last_sunday(year, 10)}T02:30", STOCKHOLM)

    assert local(found.at, STOCKHOLM).utcoffset() == timedelta(hours=2)
    assert "kommer två gånger" in found.note
    assert "Den första gäller." in found.note
