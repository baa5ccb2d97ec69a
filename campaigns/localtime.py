"""Wall-clock time in a municipality's zone and back to UTC. Pure.

A wall time that does not exist (the last Sunday of March, 02-03 in Sweden) is moved forward by the gap; one that exists
twice (the last Sunday of October) means the first, `fold=0`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

QUIET_FROM, QUIET_TO = time(21), time(7)


def to_utc(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, when the clocks of `zone` show `wall` on `day`."""
    return datetime.combine(day, wall.replace(fold=0), zone).astimezone(UTC)


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """The aware wall-clock time of `moment` in `zone`."""
    return moment.astimezone(zone)


def is_quiet(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether nothing may be sent at `moment`: from 21:00 until 07:00 local time."""
    wall = moment.astimezone(zone).time()
    return wall >= QUIET_FROM or wall < QUIET_TO


def after_quiet(moment: datetime, zone: ZoneInfo) -> datetime:
    """`moment` itself, or the end of the quiet hours that it falls in (UTC)."""
    if not is_quiet(moment, zone):
        return moment
    wall = moment.astimezone(zone)
    day = wall.date() + timedelta(days=1) if wall.time() >= QUIET_FROM else wall.date()
    return to_utc(day, QUIET_TO, zone)
