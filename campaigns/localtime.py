"""Wall-clock time in a municipality's zone and back to UTC. Pure.

A wall time that does not exist (the last Sunday of March, 02-03 in Sweden) is moved forward by the gap; one that exists
twice (the last Sunday of October) means the first, `fold=0`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.errors import RefusedError
from campaigns.swedish import long_date

QUIET_FROM, QUIET_TO = time(21), time(7)


def to_utc(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, when the clocks of `zone` show `wall` on `day`."""
    return datetime.combine(day, wall.replace(fold=0), zone).astimezone(UTC)


@dataclass(frozen=True)
class Chosen:
    """A wall-clock time that a person has chosen. `at` is UTC; `note` says which of two hours was taken, if any."""

    day: date
    wall: time
    at: datetime
    note: str = ""


_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d?)[:.](\d\d)(?::00(?:\.0+)?)?")


def chosen(text: str, zone: ZoneInfo) -> Chosen:
    """What a person chose as "2027-04-16T16:30" (as browsers send it) or "2027-04-16 16.30", on the clocks of `zone`.

    Raises RefusedError for what is no time, and for the hour that is missing when the clocks are put forward. In the
    hour that comes twice the first is taken, and `note` says so.
    """
    found = _WRITTEN.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        day, wall = date.fromisoformat(found[1]), time(int(found[2]), int(found[3]))
    except ValueError as error:
        raise RefusedError("Skriv dag och klockslag, till exempel 2027-04-16 16:30.") from error
    at = to_utc(day, wall, zone)
    back = at.astimezone(zone)
    if (back.date(), back.time()) != (day, wall):
        raise RefusedError(
            f"Klockan {wall:%H.%M} {long_date(day)} finns inte: då ställs klockan fram. Välj en annan tid."
        )
    is_doubled = back.utcoffset() != datetime.combine(day, wall.replace(fold=1), zone).utcoffset()
    note = f"Klockan {wall:%H.%M} kommer två gånger {long_date(day)}. Den första gäller." if is_doubled else ""
    return Chosen(day, wall, at, note)


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
