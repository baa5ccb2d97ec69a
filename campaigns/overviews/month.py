"""The calendar page: a period's days with what they hold, filtered as the address says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality
from campaigns.occurrences import Occurrence
from campaigns.overviews import entries, period
from campaigns.overviews.entries import Entry, Kind, Undated
from campaigns.overviews.filters import Choice, Filters, choices_for
from campaigns.overviews.paths import staff
from campaigns.overviews.period import Length, Period
from campaigns.people.roles import Roles
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.season import planned_years, season
from campaigns.swedish import long_date

# More than this in a day of the month's grid are told by number, with a link to the day.
MOST_IN_A_DAY = 4

Query = Mapping[str, str | int]


@dataclass(frozen=True)
class Link:
    """A way to another page; no path where there is none."""

    words: str
    path: str


NOWHERE = Link("", "")


@dataclass(frozen=True)
class Day:
    """A day as shown. `path` is its own list, `add` adds a post on it; `more` are those that the grid leaves out."""

    day: date
    entries: tuple[Entry, ...]
    path: str
    is_today: bool
    is_outside: bool
    add: Link = NOWHERE

    @property
    def first(self) -> Sequence[Entry]:
        return self.entries if len(self.entries) <= MOST_IN_A_DAY else self.entries[: MOST_IN_A_DAY - 1]

    @property
    def more(self) -> int:
        return len(self.entries) - len(self.first)


@dataclass(frozen=True)
class Week:
    """A row of the grid, and the path of its list."""

    number: int
    path: str
    days: tuple[Day, ...]


@dataclass(frozen=True)
class Calendar:
    """The page Kalender. `weeks` is the grid, empty for a list; `days` what a list shows.

    `kept` are the fields that the filter form sends along; `views` are the ways to show it, each with whether it is
    the one in use.
    """

    period: Period
    weeks: tuple[Week, ...]
    days: tuple[Day, ...]
    undated: tuple[Undated, ...]
    count: int
    choices: tuple[Choice, ...]
    kept: Query
    is_filtered: bool
    is_planned: bool
    previous: Link
    following: Link
    today: Link
    views: tuple[tuple[Link, bool], ...]
    clear: str


def calendar(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    *,
    query: Mapping[str, str],
    roles: Roles,
    now: datetime,
) -> Calendar:
    """What the address's `query` asks for. Raises NotFoundError for a period that there is no calendar for."""
    today = now.astimezone(municipality.zone).date()
    asked = period.asked(query, today=today)
    is_grid = asked.length is Length.MONTH and query.get("vy") != "lista"
    choices = choices_for(catalog, municipality, query)
    filters = Filters(*(choice.chosen for choice in choices))
    weeks = period.whole_weeks(asked)
    read = replace(asked, first=weeks[0][0], last=weeks[-1][-1])
    laid = season(session, catalog, municipality, years=_years(read, now, municipality))
    found = [
        *entries.days_of_risk(catalog, municipality, laid.occurrences, read),
        *entries.posts(session, catalog, municipality, read, now=now),
        *entries.deadlines(municipality, laid, read, today=today),
        *entries.activities(session, municipality, laid.plan.activities, read),
    ]
    by_day = entries.in_order(entry for entry in found if filters.lets_through(entry))
    adding = _adding(catalog, municipality, laid.occurrences if roles.is_editor else (), filters, today=today)
    ways = _Ways(municipality, asked, filters, is_grid=is_grid)
    rows = [
        Week(
            days[0].isocalendar().week,
            ways.to(period.week_of(days[0]), {}) if FIRST_YEAR <= days[3].year <= LAST_YEAR else "",
            tuple(_day(day, by_day.get(day, ()), asked, ways, adding, today=today) for day in days),
        )
        for days in weeks
    ]
    inside = [day for row in rows for day in row.days if not day.is_outside]
    undated = entries.undated(catalog, municipality, laid, asked, today=today)
    return Calendar(
        period=asked,
        weeks=tuple(rows) if is_grid else (),
        days=tuple(day for day in inside if day.entries or asked.length is not Length.MONTH),
        undated=tuple(item for item in undated if filters.campaign in ("", item.campaign)),
        count=sum(entry.kind is Kind.POST for day in inside for entry in day.entries),
        choices=choices,
        kept={**asked.query, **ways.view},
        is_filtered=bool(filters.query),
        is_planned=asked.first.year in planned_years(now, municipality),
        previous=ways.link(asked.previous),
        following=ways.link(asked.following),
        today=Link("Idag", ways.to(asked.around(today))),
        views=ways.views(today),
        clear=staff(municipality, "kalender", {**asked.query, **ways.view}),
    )


def _years(read: Period, now: datetime, municipality: Municipality) -> Sequence[int]:
    """The years whose plans can reach into the period; close to now they are those that everything else asks for."""
    planned = planned_years(now, municipality)
    wanted = {year for day in (read.first, read.last) for year in (day.year - 1, day.year, day.year + 1)}
    possible = sorted(year for year in wanted if FIRST_YEAR <= year <= LAST_YEAR)
    return planned if set(possible) <= set(planned) else possible


@dataclass(frozen=True)
class _Ways:
    """Makes addresses that keep what this page's address says."""

    municipality: Municipality
    asked: Period
    filters: Filters
    is_grid: bool

    @property
    def view(self) -> Query:
        return {"vy": "lista"} if self.asked.length is Length.MONTH and not self.is_grid else {}

    def to(self, asked: Period, view: Query | None = None) -> str:
        kept = {**asked.query, **(self.view if view is None else view), **self.filters.query}
        return staff(self.municipality, "kalender", kept)

    def link(self, asked: Period | None) -> Link:
        return Link(asked.title, self.to(asked)) if asked else NOWHERE

    def views(self, today: date) -> tuple[tuple[Link, bool], ...]:
        """The month as a grid, the month as a list, and a week of it."""
        length = self.asked.length
        inside = self.asked.first <= today <= self.asked.last
        # A week's Thursday says what month it mostly is in.
        middle = today if inside else min(self.asked.first + (self.asked.last - self.asked.first) / 2, self.asked.last)
        first = middle if length is not Length.MONTH or inside else self.asked.first
        month = period.month(middle.year, middle.month)
        return (
            (Link("Månad", self.to(month, {})), self.is_grid),
            (Link("Lista", self.to(month, {"vy": "lista"})), length is Length.MONTH and not self.is_grid),
            (Link("Vecka", self.to(period.week_of(first), {})), length is Length.WEEK),
        )


def _day(
    day: date,
    found: tuple[Entry, ...],
    asked: Period,
    ways: _Ways,
    adding: Callable[[date], Link],
    *,
    today: date,
) -> Day:
    is_outside = not asked.first <= day <= asked.last
    return Day(
        day=day,
        entries=found,
        path=ways.to(period.of_day(day), {}) if FIRST_YEAR <= day.year <= LAST_YEAR else "",
        is_today=day == today,
        is_outside=is_outside,
        add=NOWHERE if is_outside else adding(day),
    )


def _adding(
    catalog: Catalog, municipality: Municipality, found: Iterable[Occurrence], filters: Filters, *, today: date
) -> Callable[[date], Link]:
    """Gives the link that adds a post on a day: in the campaign asked for, else in that of the next risk date."""
    ahead = [
        (item, campaign)
        for item in sorted(found, key=lambda item: item.day)
        if item.has_day and (campaign := entries.campaign_of(catalog, municipality, item)) in catalog.campaigns
    ]

    def link(day: date) -> Link:
        for item, campaign in ahead:
            if item.last_day >= day >= today and filters.campaign in ("", campaign):
                path = staff(municipality, f"kampanjer/{campaign}/{item.year}/lagg-till", {"dag": day.isoformat()})
                return Link(f"Lägg till ett budskap {long_date(day)} i {catalog.campaigns[campaign].name}", path)
        return NOWHERE

    return link
