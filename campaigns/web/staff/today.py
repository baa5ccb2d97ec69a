"""Idag: what needs the person who is asking, what goes out, what went out."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.overviews.today import today
from campaigns.web.staff.frame import StaffPage, Visit


def page(visit: Visit) -> Response:
    """The page that staff begin the day with."""
    parts = visit.parts
    with parts.database.read() as session:
        found = today(
            session,
            parts.catalog,
            visit.municipality,
            roles=visit.roles,
            name=visit.person.name,
            messages=parts.messages,
            problems=parts.configuration.problems,
            now=visit.now,
        )
    return visit.page("idag.html", today=found)


PAGES = (StaffPage("idag", get=page),)
