"""Nytt år: what there is to do before a year begins, one thing after the other."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.errors import NotFoundError, RefusedError
from campaigns.new_year import begin_year
from campaigns.overviews.new_year import new_year
from campaigns.web.staff.frame import StaffPage, Visit, editors

_FROM_MONTH = 7  # from July on, the next year is what people think of


def coming(visit: Visit) -> Response:
    """The year that is about to begin."""
    today = visit.now.astimezone(visit.municipality.zone).date()
    return _page(visit, today.year + (today.month >= _FROM_MONTH))


def page(visit: Visit) -> Response:
    """The year that the address names."""
    return _page(visit, _year(visit))


def _page(visit: Visit, year: int) -> Response:
    parts = visit.parts
    try:
        with parts.database.read() as session:
            found = new_year(session, parts.catalog, parts.messages, visit.municipality, year, now=visit.now)
    except RefusedError as error:
        raise NotFoundError(error.message) from error
    return visit.page("nytt-ar.html", found=found)


def begin(visit: Visit) -> Response:
    """Begin the year, with what was chosen of last year's additions."""
    year = _year(visit)
    keys = {item for item in visit.form.getlist("ta-med") if isinstance(item, str)}
    with visit.parts.database.write() as session:
        begun = begin_year(
            session, visit.parts.catalog, visit.municipality, year, keys=keys, name=visit.person.name, now=visit.now
        )
    told = [f"Året {year} är börjat."]
    if begun.carried:
        told.append(f"Med följde: {', '.join(item.name for item in begun.carried)}.")
    told += [f"{item.name} följde inte med: {why}" for item, why in begun.refused]
    return visit.redirect(f"nytt-ar/{year}", " ".join(told))


def _year(visit: Visit) -> int:
    year: int = visit.request.path_params["year"]
    return year


PAGES: tuple[StaffPage, ...] = (
    StaffPage("nytt-ar", get=coming),
    StaffPage("nytt-ar/{year:int}", get=page, post=begin, post_needs=editors),
)
