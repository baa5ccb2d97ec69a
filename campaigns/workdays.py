"""When staff are at work: Monday to Friday from eight to five, local time, and not on Swedish holidays. Pure.

Midsummer Eve, Christmas Eve and New Year's Eve are holidays too: no law says so, but nobody is at the office. Half days
and "klämdagar" are working days. The days come from the package `holidays`, which knows them until 2100.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from campaigns.localtime import to_utc

OPENS, CLOSES = time(8), time(17)
# What is told at the close of a day is read the next morning: this leaves an hour to do something about it.
LAST_HOUR = time(16)
_A_DAY = timedelta(days=1)


@lru_cache(maxsize=128)
def _holidays(year: int) -> frozenset[date]:
    # Here, since the package reads every country of the world: a start need not wait for that.
    from holidays.countries.sweden import Sweden

    # Without the argument every Sunday of the year is one. `de_facto` is the three eves.
    return frozenset(Sweden(years=year, include_sundays=False, categories=("public", "de_facto")))


def is_working_day(day: date) -> bool:
    return day.weekday() < 5 and day not in _holidays(day.year)


def working_day_by(day: date) -> date:
    """`day` itself, or the last working day before it."""
    while not is_working_day(day):
        day -= _A_DAY
    return day


def working_day_from(day: date) -> date:
    """`day` itself, or the first working day after it."""
    while not is_working_day(day):
        day += _A_DAY
    return day


@lru_cache(maxsize=4096)
def opening(day: date, zone: ZoneInfo) -> datetime:
    """Eight in the morning of the last working day up to and with `day` (UTC): when something due then is told of."""
    return to_utc(working_day_by(day), OPENS, zone)


def at_work(moment: datetime, zone: ZoneInfo) -> datetime:
    """`moment` itself if it falls in working hours, or else when they next begin (UTC)."""
    wall = moment.astimezone(zone)
    if is_working_day(wall.date()) and OPENS <= wall.time() < CLOSES:
        return moment
    is_over = wall.time() >= CLOSES
    return to_utc(working_day_from(wall.date() + _A_DAY if is_over else wall.date()), OPENS, zone)


def in_time(moment: datetime, zone: ZoneInfo) -> datetime:
    """The last moment up to `moment` (UTC) that is at work and leaves an hour of that working day."""
    wall = moment.astimezone(zone)
    if is_working_day(wall.date()) and wall.time() >= OPENS:
        return moment if wall.time() <= LAST_HOUR else to_utc(wall.date(), LAST_HOUR, zone)
    return to_utc(working_day_by(wall.date() - _A_DAY), LAST_HOUR, zone)


@lru_cache(maxsize=1024)
def week_begins(day: date, zone: ZoneInfo) -> datetime:
    """Eight in the morning of the first working day of the week (Monday to Sunday) that `day` is in (UTC)."""
    return to_utc(working_day_from(day - timedelta(days=day.weekday())), OPENS, zone)
