"""What a follow-up is of: a tertial, a year, or the whole time that promises hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from campaigns.errors import NotFoundError
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.swedish import MONTHS

TERTIALS = 3
_MONTHS = 4  # in a tertial
_TERTIAL = re.compile(r"(\d{4})-t([1-3])")
_YEAR = re.compile(r"\d{4}")
_WHOLE = re.compile(r"(\d{8})-(\d{8})")
# A follow-up of what ended longer ago than this is not made by itself: the product was not in use then.
LATEST = timedelta(days=90)


@dataclass(frozen=True)
class Period:
    """The local days from `first` to `last`, both counted. `id` names it in addresses and files."""

    id: str
    title: str
    first: date
    last: date

    def holds(self, day: date) -> bool:
        return self.first <= day <= self.last


def tertial(year: int, number: int) -> Period:
    """January to April, May to August, or September to December."""
    first_month = (number - 1) * _MONTHS + 1
    first = date(year, first_month, 1)
    after = date(year + number // TERTIALS, first_month % 12 + _MONTHS if number < TERTIALS else 1, 1)
    title = f"Tertial {number} {year}, {MONTHS[first_month - 1]}–{MONTHS[first_month + _MONTHS - 2]}"
    return Period(f"{year}-t{number}", title, first, after - timedelta(days=1))


def year_of(year: int) -> Period:
    return Period(str(year), f"År {year}", date(year, 1, 1), date(year, 12, 31))


def whole(first: date, last: date) -> Period:
    """All the days that promises hold which were given together."""
    is_years = (first.month, first.day, last.month, last.day) == (1, 1, 12, 31)
    told = f"{first.year}–{last.year}" if is_years else f"{_short(first)} – {_short(last)}"
    return Period(f"{first:%Y%m%d}-{last:%Y%m%d}", f"Hela perioden {told}", first, last)


def period_from(text: str) -> Period:
    """The period with this id. Raises NotFoundError for anything else."""
    try:
        if found := _TERTIAL.fullmatch(text):
            return _bounded(tertial(int(found[1]), int(found[2])))
        if _YEAR.fullmatch(text):
            return _bounded(year_of(int(text)))
        if found := _WHOLE.fullmatch(text):
            first, last = (date.fromisoformat(item) for item in found.groups())
            if first <= last:
                return _bounded(whole(first, last))
    except ValueError:
        pass
    raise NotFoundError(f"Det finns ingen period ”{text}”. Skriv till exempel 2026-t1, 2026 eller 20250101-20261231.")


def periods_of(spans: Iterable[tuple[date, date]], *, until: date) -> list[Period]:
    """Every period that promises with these first and last days have begun by `until`, newest first.

    Each whole one comes before the years, and a year before its tertials.
    """
    known = sorted(set(spans))
    begun = [(first, min(last, until)) for first, last in known if first <= until]
    years = sorted({year for first, last in begun for year in range(first.year, last.year + 1)}, reverse=True)
    found = [whole(first, last) for first, last in reversed(known) if first <= until]
    for year in years:
        parts = [tertial(year, number) for number in range(TERTIALS, 0, -1)]
        found += [
            item
            for item in (year_of(year), *parts)
            if any(first <= item.last and item.first <= last for first, last in begun)
        ]
    return found


def newly_ended(found: Iterable[Period], *, today: date) -> list[Period]:
    """Those of the periods that are over, and have not been so for long."""
    return [item for item in found if item.last < today <= item.last + LATEST]


def not_before(found: Iterable[Period], begun: date) -> list[Period]:
    """Those of the periods that did not end before a day."""
    return [item for item in found if item.last >= begun]


def _bounded(period: Period) -> Period:
    if not (period.first.year >= FIRST_YEAR and period.last.year <= LAST_YEAR):
        raise ValueError(period.id)
    return period


def _short(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
