"""The follow-ups that every party has signed, for everybody: pages, the same to stand inside other sites, and files."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from campaigns.catalog import Municipality
from campaigns.errors import NotFoundError
from campaigns.overviews.follow_up import PublicFollowUps, public_follow_ups
from campaigns.web.follow_up_files import FORMATS, file_of
from campaigns.web.pages import Pages
from campaigns.wiring import Parts


class PublicFollowUpPages:
    def __init__(self, parts: Parts, pages: Pages) -> None:
        self.parts = parts
        self.pages = pages

    def routes(self) -> list[BaseRoute]:
        base = "/sida/{municipality}/uppfoljning"
        return [
            Route(base, self.page),
            Route(f"{base}/inbaddad", self.embedded),
            Route(f"{base}/{{period}}", self.page),
            Route(f"{base}/{{period}}/fil.{{kind}}", self.file),
        ]

    def page(self, request: Request) -> Response:
        """The newest follow-up, or the one of the period that the address names."""
        return self._page(request, "sida-uppfoljning.html", request.path_params.get("period", ""))

    def embedded(self, request: Request) -> Response:
        """The same to stand inside another site's page. `?period=` says which, else the newest."""
        return self._page(request, "inbaddad-uppfoljning.html", request.query_params.get("period", ""))

    def file(self, request: Request) -> Response:
        municipality = self._municipality(request)
        kind = request.path_params["kind"]
        chosen = self._found(municipality, request.path_params["period"]).chosen
        if kind not in FORMATS or chosen is None:
            raise NotFoundError("Filen finns inte. Den finns som pdf, csv och json.")
        return file_of(self.pages, municipality, chosen.document, kind, signatures=chosen.signatures)

    def _page(self, request: Request, template: str, period: str) -> Response:
        municipality = self._municipality(request)
        today = self.parts.clock().astimezone(municipality.zone).date()
        values: dict[str, Any] = {
            "names": municipality.party_names,
            "promises": [item.wording(today) for item in self.parts.catalog.promises_of(municipality)],
        }
        found = self._found(municipality, period)
        return self.pages.page(template, municipality=municipality, page=found, **values)

    def _found(self, municipality: Municipality, period: str) -> PublicFollowUps:
        with self.parts.database.read() as session:
            return public_follow_ups(session, municipality, period)

    def _municipality(self, request: Request) -> Municipality:
        found = self.parts.catalog.municipalities.get(request.path_params["municipality"])
        if found is None:
            raise NotFoundError("Kommunen finns inte här. Kontrollera adressen.")
        return found
