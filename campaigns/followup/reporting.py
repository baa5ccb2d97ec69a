"""What is to be followed up, and the follow-up of it as things stand now."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError
from campaigns.followup.counting import count
from campaigns.followup.document import Document, Words
from campaigns.followup.gathering import gather
from campaigns.followup.periods import Period, period_from, periods_of


def periods(catalog: Catalog, municipality: Municipality, *, today: date) -> list[Period]:
    """The periods that there can be a follow-up of: whole, years and tertials, newest first."""
    return periods_of([(item.first_day, item.last_day) for item in catalog.promises_of(municipality)], until=today)


def known_period(catalog: Catalog, municipality: Municipality, text: str, *, today: date) -> Period:
    """The municipality's period with this id. Raises NotFoundError for one in which it had promised nothing."""
    wanted = period_from(text)
    if wanted not in periods(catalog, municipality, today=today):
        raise NotFoundError(f"{municipality.name} har inget löfte att följa upp i ”{wanted.title}”.")
    return wanted


def chosen_period(catalog: Catalog, municipality: Municipality, wanted: str, *, today: date) -> Period | None:
    """The period with this id; with none, the tertial under way. None where nothing has been promised yet."""
    if wanted:
        return known_period(catalog, municipality, wanted, today=today)
    found = [item for item in periods(catalog, municipality, today=today) if "-t" in item.id and item.first <= today]
    return found[0] if found else None


def chosen_report(
    session: Session, catalog: Catalog, municipality: Municipality, wanted: str, *, now: datetime
) -> Document:
    """The follow-up of the period with the id `wanted`, or of the tertial under way. Raises NotFoundError."""
    period = chosen_period(catalog, municipality, wanted, today=now.astimezone(municipality.zone).date())
    if period is None:
        raise NotFoundError(f"{municipality.name} har inget löfte att följa upp.")
    return report(session, catalog, municipality, period, now=now)


def report(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    period: Period,
    *,
    now: datetime,
    words: Words | None = None,
) -> Document:
    """The follow-up of the period, counted from the rows as they are at `now`."""
    years = range(period.first.year - 1, period.last.year + 2)
    return count(gather(session, catalog, municipality, years=years, now=now), period, words=words)
