"""Logg: who did what, when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from starlette.responses import Response

from campaigns.errors import RefusedError
from campaigns.overviews import log
from campaigns.web.staff.frame import StaffPage, Visit


def page(visit: Visit) -> Response:
    """One page of the log. Days that are none are told of, and the rest of the search holds."""
    filters, errors = _filters(visit)
    with visit.parts.database.read() as session:
        shown = log.log(session, visit.parts.catalog, visit.municipality, filters)
    return visit.page(
        "logg.html",
        status=422 if errors else 200,
        log=shown,
        errors=errors,
        first=visit.query.get("fran", ""),
        last=visit.query.get("till", ""),
    )


def file(visit: Visit) -> Response:
    """All that the search finds, as a file."""
    filters, errors = _filters(visit)
    if errors:
        return page(visit)
    with visit.parts.database.read() as session:
        body = log.log_file(session, visit.parts.catalog, visit.municipality, filters)
    day = visit.now.astimezone(visit.municipality.zone).date().isoformat()
    disposition = f'attachment; filename="logg-{visit.municipality.id}-{day}.csv"'
    return Response(body, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})


def _filters(visit: Visit) -> tuple[log.Filters, dict[str, str]]:
    def asked(name: str) -> str:
        return visit.query.get(name, "")

    found = log.filters_from(actor=asked("vem"), action=asked("vad"), search=asked("q"), page=asked("sida"))
    errors: dict[str, str] = {}
    days: dict[str, date | None] = {"fran": None, "till": None}
    for name in days:
        try:
            days[name] = log.day_from(asked(name))
        except RefusedError as error:
            errors[name] = error.message
    return replace(found, first=days["fran"], last=days["till"]), errors


PAGES: tuple[StaffPage, ...] = (StaffPage("logg", get=page), StaffPage("logg.csv", get=file))
