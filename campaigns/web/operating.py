"""How all municipalities stand, /drift, for the people listed as operators. Figures only: no texts, no names."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns.overviews import operating
from campaigns.people import sign_ins
from campaigns.people.roles import is_operator
from campaigns.swedish import moment
from campaigns.web.pages import Pages
from campaigns.web.staff.frame import SEE_OTHER, cookie_name
from campaigns.wiring import Parts

ZONE = ZoneInfo("Europe/Stockholm")


class OperatingPages:
    """For everybody else the page does not exist."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self.parts = parts
        self.pages = pages

    def routes(self) -> list[BaseRoute]:
        return [Route("/drift", self.show, methods=["GET"], name="drift")]

    def show(self, request: Request) -> Response:
        """Every municipality, those that need somebody first."""
        now = self.parts.clock()
        secret = request.cookies.get(cookie_name(self.parts), "")
        with self.parts.database.read() as session:
            person = sign_ins.find(session, secret, now=now) if secret else None
            if person is None:
                return RedirectResponse("/logga-in", SEE_OTHER)
            if not is_operator(person.memberships):
                raise HTTPException(404)
            rows = operating.standing(session, self.parts.catalog, now=now)
        return self.pages.page(
            "drift.html",
            person=person,
            rows=rows,
            total=operating.total(rows),
            needing=sum(row.needs_somebody for row in rows),
            sent={row.id: moment(row.last_sent, ZONE) for row in rows if row.last_sent},
            problems=self.parts.configuration.problems,
        )
