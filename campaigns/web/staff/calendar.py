"""Kalender: a month as a table or a list, a week, a day. What is shown stands in the address."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.overviews.entries import KIND_NAMES
from campaigns.overviews.month import calendar
from campaigns.web.staff.frame import StaffPage, Visit


def page(visit: Visit) -> Response:
    """The days that the address asks for."""
    with visit.parts.database.read() as session:
        found = calendar(
            session,
            visit.parts.catalog,
            visit.municipality,
            query=dict(visit.query),
            roles=visit.roles,
            now=visit.now,
        )
    return visit.page("kalender.html", calendar=found, kinds=KIND_NAMES)


PAGES = (StaffPage("kalender", get=page),)
