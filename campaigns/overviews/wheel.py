"""The page Årshjul: a year's campaigns as marks on a wheel and as the rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError
from campaigns.occurrences import Occurrence, OccurrenceStatus
from campaigns.overviews.actions import campaign_path
from campaigns.overviews.campaign_years import CampaignYear, PostDay, campaign_years
from campaigns.overviews.paths import staff
from campaigns.overviews.period import OUTSIDE
from campaigns.plan import PlannedDeadline
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.season import Season, planned_years, season
from campaigns.swedish import short_date, usual
from campaigns.wheel_drawing import Drawing, Mark, Ring, draw

T = TypeVar("T", PlannedDeadline, PostDay)


@dataclass(frozen=True)
class RowDeadline:
    """A deadline of a campaign; `when` is its day in words."""

    day: date
    when: str
    name: str


@dataclass(frozen=True)
class Row:
    """A campaign in a year, in words: `days` are its risk dates, `between` the days of its first and last post.

    While a local date is not known, those are the earliest and the latest that they could be. `out` of its `posts` have
    gone out, and `waiting` more have no day yet.
    """

    name: str
    year: int
    path: str
    days: tuple[str, ...]
    between: str
    posts: int
    out: int
    waiting: int
    deadlines: tuple[RowDeadline, ...]
    is_preliminary: bool


@dataclass(frozen=True)
class Wheel:
    """The page: the drawing and the same as rows. `years` are this one and those beside it, with their paths."""

    year: int
    years: tuple[tuple[int, str], ...]
    drawing: Drawing
    rows: tuple[Row, ...]
    download: str


def wheel(session: Session, catalog: Catalog, municipality: Municipality, *, year: int, now: datetime) -> Wheel:
    """The wheel of `year`. Raises NotFoundError for a year that there is no calendar for."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise NotFoundError(OUTSIDE)
    beside = [near for near in (year - 1, year, year + 1) if FIRST_YEAR <= near <= LAST_YEAR]
    planned = planned_years(now, municipality)
    # The years that everything else asks for, where they hold these: they are worked out once for all.
    laid = season(session, catalog, municipality, years=planned if set(beside) <= set(planned) else beside)
    found = list(campaign_years(session, catalog, municipality, laid, now=now))
    marks = [*_risk_dates(catalog, municipality, laid), *(mark for item in found for mark in _marks(item))]
    return Wheel(
        year=year,
        years=tuple((near, staff(municipality, "arshjul", {"ar": near})) for near in beside),
        drawing=draw(year, marks, today=now.astimezone(municipality.zone).date()),
        rows=tuple(_row(item, year) for item in found if _touches(item, year)),
        download=staff(municipality, f"arshjul/{year}.svg"),
    )


def _touches(item: CampaignYear, year: int) -> bool:
    """Whether any part of it is in the wheel of `year`: last Christmas is followed up in January."""
    days = [*(item.span or ()), *(deadline.day for deadline in item.deadlines)]
    return item.year == year or any(day.year == year for day in days)


def _risk_dates(catalog: Catalog, municipality: Municipality, laid: Season) -> Iterable[Mark]:
    groups: dict[tuple[object, ...], list[Occurrence]] = {}
    for item in laid.occurrences:
        same = (item.risk_date, item.year, item.first_day, item.last_day, item.has_day, item.status)
        groups.setdefault(same, []).append(item)
    for group in groups.values():
        item = group[0]
        yield Mark(
            Ring.RISK_DATES,
            item.first_day,
            item.last_day,
            f"{item.name}: {_days(item, 0)}",
            campaign_path(catalog, municipality, item),
            label=f"{item.name} (preliminärt)" if item.status is OccurrenceStatus.PRELIMINARY else item.name,
            is_preliminary=item.status is OccurrenceStatus.PRELIMINARY,
        )


def _marks(item: CampaignYear) -> Iterable[Mark]:
    name = f"{item.name} {item.year}"
    if item.span:
        first, last = item.span
        between = f"{short_date(first)} – {short_date(last)}"
        words = f"{name}, budskap {between}" if item.is_known else f"{name}, budskap någon gång {between}"
        title = _said(words, is_preliminary=item.is_preliminary)
        yield Mark(Ring.CAMPAIGNS, first, last, title, item.path, is_preliminary=item.is_preliminary)
    for day, group in _by_day(item.deadlines):
        what = ", ".join(dict.fromkeys(deadline.deadline.name for deadline in group))
        is_preliminary = any(entry.occurrence.status is OccurrenceStatus.PRELIMINARY for entry in group)
        title = _said(f"{what}, {short_date(day)}: {name}", is_preliminary=is_preliminary)
        yield Mark(Ring.DEADLINES, day, day, title, item.path, is_preliminary=is_preliminary)
    for day, posts in _by_day(item.posts):
        how_many = "Ett budskap" if len(posts) == 1 else f"{len(posts)} budskap"
        title = _said(f"{how_many} {short_date(day)}: {name}", is_preliminary=item.is_preliminary)
        yield Mark(Ring.POSTS, day, day, title, item.path, is_preliminary=item.is_preliminary)


def _by_day(found: Iterable[T]) -> list[tuple[date, list[T]]]:
    days: dict[date, list[T]] = {}
    for item in found:
        days.setdefault(item.day, []).append(item)
    return sorted(days.items())


def _said(words: str, *, is_preliminary: bool) -> str:
    return f"{words} (preliminärt)" if is_preliminary else words


def _days(item: Occurrence, year: int) -> str:
    if not item.has_day:
        return f"preliminärt, brukar vara {usual(item.first_day, item.last_day)}"
    words = " – ".join(_short(day, year) for day in dict.fromkeys((item.first_day, item.last_day)))
    return _said(words, is_preliminary=item.status is OccurrenceStatus.PRELIMINARY)


def _row(item: CampaignYear, year: int) -> Row:
    return Row(
        name=item.name,
        year=item.year,
        path=item.path,
        days=tuple(dict.fromkeys(_days(occurrence, year) for occurrence in item.occurrences)),
        between=" – ".join(_short(day, year) for day in dict.fromkeys(item.span or ())),
        posts=len(item.posts),
        out=sum(post.is_out for post in item.posts),
        waiting=item.waiting,
        deadlines=_deadlines(item.deadlines, year),
        is_preliminary=item.is_preliminary,
    )


def _deadlines(found: Sequence[PlannedDeadline], year: int) -> tuple[RowDeadline, ...]:
    """Each once, though several schools have it; the earliest of those that differ.

    Of another year's campaign only those that are in this one.
    """
    first: dict[str, RowDeadline] = {}
    for item in sorted(found, key=lambda item: item.day):
        name = item.deadline.name
        if year in (item.day.year, item.occurrence.year):
            first.setdefault(name, RowDeadline(item.day, _short(item.day, year).partition(" ")[2], name))
    return tuple(first.values())


def _short(day: date, year: int) -> str:
    """”fre 30 apr”, and its year where that is another than the wheel's."""
    words = short_date(day)
    return words.rpartition(" ")[0] if day.year == year else words
