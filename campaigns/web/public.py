"""What is for everybody in a municipality: its page, the same to stand inside another site, and the info screens."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from campaigns.catalog import Municipality
from campaigns.errors import NotFoundError
from campaigns.followup.stored import published as follow_ups
from campaigns.news import on_screens, published
from campaigns.overviews.public import PublicPage, public_page
from campaigns.overviews.shown import ShownDate, upcoming
from campaigns.promises import Wording, answered_by
from campaigns.season import planned_years, season
from campaigns.web.pages import A_YEAR, Pages, screen_size
from campaigns.wiring import Parts

PUBLIC_LENGTH = 60
# What a screen shows before it goes on to the next message, in seconds.
SCREEN_SECONDS = 30


class PublicPages:
    def __init__(self, parts: Parts, pages: Pages) -> None:
        self.parts = parts
        self.pages = pages

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/sida/{municipality}", self.public),
            Route("/sida/{municipality}/inbaddad", self.embedded),
            Route("/sida/{municipality}/tillganglighet", self.accessibility),
            Route("/skarm/{municipality}", self.screen),
        ]

    def public(self, request: Request) -> Response:
        """The page for citizens. `?malgrupp=` and `?lang=` say whose messages, and in which language."""
        return self._public(request, "sida.html")

    def embedded(self, request: Request) -> Response:
        """The messages alone, to stand inside another site's page."""
        return self._public(request, "inbaddad.html")

    def accessibility(self, request: Request) -> Response:
        """How accessible the pages are, as lag (2018:1937) 13 § asks for."""
        municipality = self._municipality(request)
        return self.pages.page("tillganglighet.html", municipality=municipality)

    def screen(self, request: Request) -> Response:
        """One message at a time, large. `?n=` says which, `?lang=` in which language; the page asks for the next."""
        municipality = self._municipality(request)
        now = self.parts.clock()
        with self.parts.database.read() as session:
            messages = on_screens(session, municipality, now=now)
        language = request.query_params.get("lang", "")
        if any(message.language == language for message in messages):
            messages = [message for message in messages if message.language == language]
        else:
            language = ""
        number = request.query_params.get("n", "0")
        index = int(number) % len(messages) if messages and number.isdecimal() and len(number) < 9 else 0
        message = messages[index] if messages else None
        asked = {"lang": language, "n": str((index + 1) % len(messages)) if len(messages) > 1 else ""}
        query = urlencode({name: value for name, value in asked.items() if value})
        return self.pages.page(
            "skarm.html",
            municipality=municipality,
            message=message,
            size=screen_size(message.content) if message else "stor",
            coming=[item for item in self._dates(municipality) if item.day][:1],
            following=f"/skarm/{municipality.id}" + (f"?{query}" if query else ""),
            seconds=SCREEN_SECONDS,
        )

    def _public(self, request: Request, template: str) -> Response:
        municipality = self._municipality(request)
        page = self._messages(request, municipality)
        with self.parts.database.read() as session:
            followed = follow_ups(session, municipality)[:1]

        def here(*, audience: str | None = None, language: str | None = None, anchor: str = "budskap") -> str:
            """This page with another choice, and the other one as it was."""
            asked = {
                "malgrupp": page.chosen.audience if audience is None else audience,
                "lang": page.chosen.language if language is None else language,
            }
            query = urlencode({name: value for name, value in asked.items() if value})
            return request.url.path + (f"?{query}" if query else "") + f"#{anchor}"

        return self.pages.page(
            template,
            municipality=municipality,
            dates=self._dates(municipality),
            page=page,
            here=here,
            audiences=self.parts.catalog.audiences,
            promises=self._promises_kept(municipality),
            followed=followed,
        )

    def _messages(self, request: Request, municipality: Municipality) -> PublicPage:
        with self.parts.database.read() as session:
            messages = published(session, municipality.id, kind="webb", most=PUBLIC_LENGTH)
        return public_page(
            self.parts.catalog,
            municipality,
            messages,
            today=self.parts.clock().astimezone(municipality.zone).date(),
            audience=request.query_params.get("malgrupp", ""),
            language=request.query_params.get("lang", ""),
        )

    def _dates(self, municipality: Municipality) -> list[ShownDate]:
        now = self.parts.clock()
        with self.parts.database.read() as session:
            laid = season(session, self.parts.catalog, municipality, years=planned_years(now, municipality))
        return upcoming(laid.occurrences, today=now.astimezone(municipality.zone).date(), within=A_YEAR)

    def _municipality(self, request: Request) -> Municipality:
        found = self.parts.catalog.municipalities.get(request.path_params["municipality"])
        if found is None:
            raise NotFoundError("Kommunen finns inte här. Kontrollera adressen.")
        return found

    def _promises_kept(self, municipality: Municipality) -> Sequence[Wording]:
        """What the municipality's promises that campaigns answer to say today, in the order of the file.

        One that another has taken over from, and one that has not begun, is left out.
        """
        catalog = self.parts.catalog
        today = self.parts.clock().astimezone(municipality.zone).date()
        names = {promise for campaign in catalog.campaigns.values() for promise in campaign.promises}
        answered = answered_by(catalog.promises, names)
        kept = [item for item in catalog.promises_of(municipality) if item in answered and item.first_day <= today]
        over = {item.succeeds for item in kept}
        return [item.wording(today) for item in kept if item.id not in over]
