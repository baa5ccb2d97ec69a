"""A municipality's season: its occurrences, with the dates that people entered, and the plan laid on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache

from sqlalchemy import bindparam, select
from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality
from campaigns.models import LocalDateRow, StepChange
from campaigns.occurrences import LocalDate, Occurrence, occurrences
from campaigns.plan import Adjustment, Plan, plan


@dataclass(frozen=True)
class Season:
    """A municipality's occurrences and plan for a span of years."""

    occurrences: tuple[Occurrence, ...]
    plan: Plan


_LOCAL_DATE = LocalDateRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_ENTERED = select(_LOCAL_DATE).where(_LOCAL_DATE.c.municipality == bindparam("municipality"))
_STEP_CHANGE = StepChange.__table__  # type: ignore[attr-defined]
_DECIDED = (
    select(_STEP_CHANGE)
    .where(_STEP_CHANGE.c.municipality == bindparam("municipality"))
    .order_by(_STEP_CHANGE.c.post_key)
)


def entered_dates(session: Session, municipality: Municipality) -> list[LocalDate]:
    """The local dates of the municipality's file, overridden by those that people entered."""
    found = {(item.risk_date, item.place, item.year): item for item in municipality.local_dates}
    for row in session.connection().execute(_ENTERED, {"municipality": municipality.id}):
        found[row.risk_date, row.place, row.year] = LocalDate(
            row.risk_date, row.place, row.year, row.day, row.is_confirmed, row.first_day, row.last_day
        )
    return list(found.values())


def decided_steps(session: Session, municipality: Municipality) -> dict[str, Adjustment]:
    """What people have decided about the municipality's planned steps, by the steps' keys and in their order."""
    found = {}
    for row in session.connection().execute(_DECIDED, {"municipality": municipality.id}):
        left_out = f"{row.changed_by}: {row.reason}" if row.is_skipped else ""
        found[row.post_key] = Adjustment(row.offset_days, time.fromisoformat(row.at) if row.at else None, left_out)
    return found


def season(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    *,
    years: Iterable[int],
    settled: Collection[str] = (),
) -> Season:
    """The municipality's occurrences in `years` and the plan laid on them. `settled`: keys of posts that are out."""
    dates = tuple(entered_dates(session, municipality))
    decided = tuple(decided_steps(session, municipality).items())
    return _season(catalog, municipality, dates, decided, tuple(years), frozenset(settled))


@lru_cache(maxsize=2)  # the jobs of one round ask for the same
def _season(
    catalog: Catalog,
    municipality: Municipality,
    local_dates: tuple[LocalDate, ...],
    decided: tuple[tuple[str, Adjustment], ...],
    years: tuple[int, ...],
    settled: frozenset[str],
) -> Season:
    found = occurrences(
        municipality.id,
        risk_dates=municipality.risk_dates,
        places=dict(municipality.places),
        local_dates=local_dates,
        extra_dates=municipality.extra_dates,
        years=years,
    )
    laid = plan(
        found,
        campaigns=catalog.campaigns.values(),
        channels=municipality.channel_ids,
        zone=municipality.zone,
        recipes=municipality.recipes,
        settled=settled,
        adjustments=dict(decided),
    )
    return Season(tuple(found), laid)


def planned_years(now: datetime, municipality: Municipality) -> tuple[int, int, int]:
    """Last year (its follow-up runs into January), this year and the next, by the municipality's own calendar."""
    year = now.astimezone(municipality.zone).year
    return year - 1, year, year + 1
