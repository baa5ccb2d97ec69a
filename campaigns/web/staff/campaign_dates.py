"""Kampanjer: entering and confirming the dates that are decided locally."""

from __future__ import annotations

from datetime import date

from starlette.responses import Response

from campaigns.errors import NotFoundError, RefusedError
from campaigns.local_dates import set_local_date, unset_local_date, unusual
from campaigns.overviews.timeline import CampaignYear, ShownOccurrence
from campaigns.swedish import long_date
from campaigns.web.staff.campaign_forms import (
    UNPROCESSABLE,
    YEAR,
    day_of,
    path_of,
    year_of,
)
from campaigns.web.staff.frame import StaffPage, Visit, editors


def date_form(visit: Visit) -> Response:
    year = year_of(visit)
    occurrence = _local_occurrence(visit, year)
    day = occurrence.day.isoformat() if occurrence.has_day else ""
    return _date_page(visit, year, occurrence, day, {})


def set_date(visit: Visit) -> Response:
    """Enter or confirm a local date. An unusual one is asked about once more."""
    year = year_of(visit)
    occurrence = _local_occurrence(visit, year)
    if visit.field("gor") == "ta-bort":
        return _unset_date(visit, year, occurrence)
    written, parts = visit.field("dag"), visit.parts
    is_confirmed = visit.field("lage") != "preliminart"
    try:
        day = day_of(written)
        if day.year != year.year:
            raise RefusedError(f"Dagen ska vara i {year.year}. Välj ett annat år på kampanjens sida.")
        doubt = _doubt(visit, occurrence, day) if is_confirmed and not visit.field("ratt") else ""
        if doubt:
            return _date_page(visit, year, occurrence, written, {"ratt": doubt}, doubt=doubt, status=UNPROCESSABLE)
        with parts.database.write() as session:
            changes = set_local_date(
                session,
                parts.catalog,
                parts.messages,
                visit.municipality,
                risk_date=occurrence.risk_date,
                place=occurrence.place,
                day=day,
                is_confirmed=is_confirmed,
                name=visit.person.name,
                now=visit.now,
                is_forced=True,
            )
    except RefusedError as error:
        return _date_page(visit, year, occurrence, written, {"dag": error.message}, status=UNPROCESSABLE)
    how = "bekräftat" if is_confirmed else "inlagt som preliminärt"
    told = f"{_title(occurrence)}: {long_date(day)} är {how}."
    return visit.redirect(
        path_of(year), f"{told} {len(changes.moved)} budskap fick nya tider." if changes.moved else told
    )


def _unset_date(visit: Visit, year: CampaignYear, occurrence: ShownOccurrence) -> Response:
    parts = visit.parts
    try:
        with parts.database.write() as session:
            unset_local_date(
                session,
                parts.catalog,
                parts.messages,
                visit.municipality,
                risk_date=occurrence.risk_date,
                place=occurrence.place,
                year=year.year,
                name=visit.person.name,
                now=visit.now,
            )
    except (RefusedError, NotFoundError) as error:
        day = occurrence.day.isoformat()
        return _date_page(visit, year, occurrence, day, {"": error.message}, status=UNPROCESSABLE)
    return visit.redirect(path_of(year), f"Datumet för {_title(occurrence)} är borttaget.")


def _date_page(
    visit: Visit,
    year: CampaignYear,
    occurrence: ShownOccurrence,
    written: str,
    errors: dict[str, str],
    *,
    doubt: str = "",
    status: int = 200,
) -> Response:
    return visit.page(
        "kampanj-datum.html",
        status=status,
        year=year,
        occurrence=occurrence,
        written=written,
        is_preliminary=visit.field("lage") == "preliminart",
        errors=errors,
        doubt=doubt,
    )


def _local_occurrence(visit: Visit, year: CampaignYear) -> ShownOccurrence:
    found = year.occurrence(visit.field("tillfalle") or visit.query.get("tillfalle", ""))
    if not found.is_local:
        raise NotFoundError(f"{found.name} beslutas inte lokalt: dagen räknas ut och kan inte ändras.")
    return found


def _doubt(visit: Visit, occurrence: ShownOccurrence, day: date) -> str:
    risk_date = next(item for item in visit.municipality.risk_dates if item.id == occurrence.risk_date)
    return unusual(risk_date, day)


def _title(occurrence: ShownOccurrence) -> str:
    return f"{occurrence.name}, {occurrence.place_name}" if occurrence.place_name else occurrence.name


PAGES: tuple[StaffPage, ...] = (StaffPage(f"{YEAR}/datum", get=date_form, post=set_date, needs=editors),)
