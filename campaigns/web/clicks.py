"""/l/<id>: on from a short address in a signed text to where that text's link leads. Off unless somebody turns it on.

It sets no cookie and keeps nothing of who comes: no address, no browser, only a number for the day. Those who say that
they only look ahead, and the programs that make previews of links and say so, are not counted; other machines are.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns import counted_links
from campaigns.errors import NotFoundError
from campaigns.wiring import Parts

# A browser that fetches ahead of its reader says so in one of these: the Fetch standard's, and those before it.
_AHEAD = ("sec-purpose", "purpose", "x-purpose", "x-moz")
# What the programs that show a link's title and picture call themselves: those of the channels here, and where people
# pass links on (Facebook and Instagram, X, LinkedIn, Slack, Teams and Skype, WhatsApp, Telegram, Discord, Mastodon,
# Bluesky).
PREVIEWS = (
    *("facebookexternalhit", "facebot", "twitterbot", "linkedinbot", "slackbot"),
    *("skypeuripreview", "whatsapp/", "telegrambot", "discordbot", "mastodon/", "bluesky cardyb"),
)


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
        is_person = request.method == "GET" and not is_looking_ahead(request.headers)
        if municipality is not None and municipality.count_clicks_at and is_person:
            day = self.parts.clock().astimezone(municipality.zone).date()
            with self.parts.database.write() as session:
                counted_links.count_click(session, found.id, day)
        return RedirectResponse(where, 302, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def is_looking_ahead(headers: Headers) -> bool:
    """Whether who asks says that no reader has followed the link: a browser that fetches ahead, a maker of previews."""
    agent = headers.get("user-agent", "").lower()
    return any(headers.get(name) for name in _AHEAD) or any(name in agent for name in PREVIEWS)
