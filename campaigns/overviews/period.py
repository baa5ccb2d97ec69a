"""Which days a calendar page shows: a month, an ISO week or a day, and the ones beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from campaigns.errors import NotFoundError
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.swedish import MONTHS, long_date
from campaigns.written import day_in

WEEK = timedelta(days=7)
OUTSIDE = f"Kalendern går från {FIRST_YEAR} till {LAST_YEAR}."


class Length(StrEnum):
    MONTH = "month"
    WEEK = "week"
    DAY = "day"


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both shown."""

    length: Length
    first: date
    last: date

    @property
    def title(self) -> str:
        """”April 2027”, ”Vecka 17, 26 april–2 maj 2027”, ”Fredag 30 april 2027”."""
        if self.length is Length.MONTH:
            return f"{MONTHS[self.first.month - 1].capitalize()} {self.first.year}"
        if self.length is Length.DAY:
            return long_date(self.first).capitalize()
        return f"Vecka {self.first.isocalendar().week}, {_between(self.first, self.last)}"

    @property
    def query(self) -> dict[str, str | int]:
        """What an address says to name the period."""
        if self.length is Length.MONTH:
            return {"ar": self.first.year, "manad": self.first.month}
        if self.length is Length.DAY:
            return {"dag": self.first.isoformat()}
        year, week, _ = self.first.isocalendar()
        return {"ar": year, "vecka": week}

    @property
    def previous(self) -> Period | None:
        """The one before it, or None before the first that there is."""
        return self._beside(self.first - timedelta(days=1))

    @property
    def following(self) -> Period | None:
        return self._beside(self.last + timedelta(days=1))

    def around(self, day: date) -> Period:
        """The period of the same length that `day` is in."""
        if self.length is Length.MONTH:
            return month(day.year, day.month)
        return of_day(day) if self.length is Length.DAY else week_of(day)

    def _beside(self, day: date) -> Period | None:
        # By the Thursday, which says what year a week belongs to.
        year = (day - timedelta(days=day.weekday() - 3)).year if self.length is Length.WEEK else day.year
        return self.around(day) if FIRST_YEAR <= year <= LAST_YEAR else None


def asked(query: Mapping[str, str], *, today: date) -> Period:
    """The period that an address names; this month if it names none, or none that can be read.

    Raises NotFoundError for a year that there is no calendar for, and for a week 53 in a year that has 52.
    """
    day = _day(query.get("dag", ""))
    if day is not None:
        return of_day(day)
    year = _number(query.get("ar", ""), today.year, 1, 9999)
    if query.get("vecka"):
        return week(year, _number(query["vecka"], today.isocalendar().week, 1, 53))
    return month(year, _number(query.get("manad", ""), today.month if year == today.year else 1, 1, 12))


def month(year: int, number: int) -> Period:
    _check(year)
    first = date(year, number, 1)
    following = date(year + number // 12, number % 12 + 1, 1)
    return Period(Length.MONTH, first, following - timedelta(days=1))


def week(year: int, number: int) -> Period:
    """The ISO 8601 week. Its first days may be in December of the year before."""
    _check(year)
    try:
        return week_of(date.fromisocalendar(year, number, 1))
    except ValueError as error:
        raise NotFoundError(f"År {year} har ingen vecka {number}.") from error


def week_of(day: date) -> Period:
    monday = day - timedelta(days=day.weekday())
    return Period(Length.WEEK, monday, monday + timedelta(days=6))


def of_day(day: date) -> Period:
    _check(day.year)
    return Period(Length.DAY, day, day)


def whole_weeks(period: Period) -> list[list[date]]:
    """The days of the weeks that the period touches, Monday first."""
    monday = period.first - timedelta(days=period.first.weekday())
    weeks = []
    while monday <= period.last:
        weeks.append([monday + timedelta(days=number) for number in range(7)])
        monday += WEEK
    return weeks


def _check(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise NotFoundError(OUTSIDE)


def _between(first: date, last: date) -> str:
    start = f"{first.day}"
    if first.month != last.month:
        start += f" {MONTHS[first.month - 1]}"
    if first.year != last.year:
        start += f" {first.year}"
    return f"{start}–{last.day} {MONTHS[last.month - 1]} {last.year}"


def _number(text: str, otherwise: int, least: int, most: int) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else otherwise
    return number if least <= number <= most else otherwise


def _day(text: str) -> date | None:
    try:
        return day_in(text)
    except ValueError:
        return None
