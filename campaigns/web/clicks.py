"""/l/<id>: on from a short address in a signed text to where that text's link leads. Off unless somebody turns it on.

It sets no cookie and keeps nothing of who comes: no address, no browser, only a number for the day. Machines that look
at links are in it too.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns import counted_links
from campaigns.errors import NotFoundError
from campaigns.wiring import Parts


class ClickPages:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def routes(self) -> list[BaseRoute]:
        return [Route(f"{counted_links.PATH}{{link}}", self.go)]

    def go(self, request: Request) -> Response:
        """On to the address, which one of our own signed texts has: nothing in the request says where."""
        with self.parts.database.read() as session:
            found = counted_links.target(session, request.path_params["link"])
            where, owner = (found.address, found.municipality) if found else ("", "")
        if found is None:
            raise NotFoundError("Länken finns inte. Kontrollera adressen.")
        municipality = self.parts.catalog.municipalities.get(owner)
        is_person = request.method == "GET" and not request.headers.get("sec-purpose")
        if municipality is not None and municipality.count_clicks_at and is_person:
            day = self.parts.clock().astimezone(municipality.zone).date()
            with self.parts.database.write() as session:
                counted_links.count_click(session, found.id, day)
        return RedirectResponse(where, 302, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
