"""Occurrences: each risk date met once, per year and, for local dates, per place. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from campaigns.rules import LocalRule, RiskDate, day_in_year, usual_window


class OccurrenceStatus(StrEnum):
    CONFIRMED = "confirmed"
    PRELIMINARY = "preliminary"


@dataclass(frozen=True)
class Place:
    """Where a local date is decided: a school, a town. `id` is part of stable keys and must never change."""

    id: str
    name: str


@dataclass(frozen=True)
class LocalDate:
    """What is known about one local date. Unconfirmed ones stay preliminary however exact they look."""

    risk_date: str
    place: str
    year: int
    day: date
    is_confirmed: bool
    first_day: date | None = None
    last_day: date | None = None
    source: str = ""


@dataclass(frozen=True)
class ExtraDate:
    """A municipality's own date, "vid en förändrad lägesbild": `campaign` names the recipe that it uses, if any."""

    id: str
    name: str
    day: date
    first_day: date
    last_day: date
    campaign: str | None = None


@dataclass(frozen=True)
class Occurrence:
    """A risk date met once.

    `day` is what the steps count from. Without a known local date it is the first day of the usual window, the status
    is preliminary and `has_day` is false: nothing that is shown or sent may present `day` as the date.
    """

    municipality: str
    risk_date: str
    name: str
    year: int
    place: Place | None
    day: date
    first_day: date
    last_day: date
    status: OccurrenceStatus
    has_day: bool = True

    @property
    def key(self) -> str:
        """Stable over any change of date: what posts, feed events and reminders hang on."""
        return f"{self.municipality}/{self.risk_date}/{self.year}/{self.place.id if self.place else '-'}"

    @property
    def title(self) -> str:
        return f"{self.name}, {self.place.name}" if self.place else self.name


def occurrences(
    municipality: str,
    *,
    risk_dates: Iterable[RiskDate],
    places: Mapping[str, Sequence[Place]],
    local_dates: Iterable[LocalDate],
    extra_dates: Iterable[ExtraDate],
    years: Iterable[int],
) -> list[Occurrence]:
    """Every occurrence in `years`, by day and key.

    `places` is by risk date id; a local rule without places has one nameless place. Where two of `local_dates` are for
    the same risk date, place and year, the later one counts.
    Raises RuleError for a rule that does not meet exactly one day in a year.
    """
    wanted = sorted(set(years))
    known = {(item.risk_date, item.place, item.year): item for item in local_dates}
    found: list[Occurrence] = []
    for risk_date in risk_dates:
        for year in wanted:
            if isinstance(risk_date.rule, LocalRule):
                for place in places.get(risk_date.id) or (None,):
                    entered = known.get((risk_date.id, place.id if place else "", year))
                    found.append(_local(municipality, risk_date, risk_date.rule, year, place, entered))
            else:
                day = day_in_year(risk_date.rule, year)
                found.append(_dated(municipality, risk_date, year, None, day, OccurrenceStatus.CONFIRMED))
    found.extend(_extra(municipality, extra) for extra in extra_dates if extra.day.year in wanted)
    return sorted(found, key=lambda occurrence: (occurrence.day, occurrence.key))


def _local(
    municipality: str, risk_date: RiskDate, rule: LocalRule, year: int, place: Place | None, entered: LocalDate | None
) -> Occurrence:
    if entered is None:
        first, last = usual_window(rule, year)
        return Occurrence(
            municipality,
            risk_date.id,
            risk_date.name,
            year,
            place,
            first,
            first,
            last,
            OccurrenceStatus.PRELIMINARY,
            has_day=False,
        )
    status = OccurrenceStatus.CONFIRMED if entered.is_confirmed else OccurrenceStatus.PRELIMINARY
    return _dated(
        municipality, risk_date, year, place, entered.day, status, first=entered.first_day, last=entered.last_day
    )


def _dated(
    municipality: str,
    risk_date: RiskDate,
    year: int,
    place: Place | None,
    day: date,
    status: OccurrenceStatus,
    *,
    first: date | None = None,
    last: date | None = None,
) -> Occurrence:
    return Occurrence(
        municipality,
        risk_date.id,
        risk_date.name,
        year,
        place,
        day,
        first or day + timedelta(days=risk_date.first_offset),
        last or day + timedelta(days=risk_date.last_offset),
        status,
    )


def _extra(municipality: str, extra: ExtraDate) -> Occurrence:
    return Occurrence(
        municipality,
        extra.id,
        extra.name,
        extra.day.year,
        None,
        extra.day,
        extra.first_day,
        extra.last_day,
        OccurrenceStatus.CONFIRMED,
    )
