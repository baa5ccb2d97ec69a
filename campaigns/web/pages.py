"""The pages for people: the start page, the public page and the screens. Parse, ask, render."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import segno
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns import swedish
from campaigns.catalog import Municipality
from campaigns.content import RIGHT_TO_LEFT, SWEDISH, Content
from campaigns.errors import NotFoundError
from campaigns.news import Message, on_screens, published
from campaigns.overviews import start
from campaigns.overviews.shown import upcoming
from campaigns.season import planned_years, season
from campaigns.settings import shipped_directory
from campaigns.web import static_files
from campaigns.wiring import Parts

PUBLIC_LENGTH = 60
A_YEAR = timedelta(days=365)
# What a screen shows before it goes on to the next message, in seconds.
SCREEN_SECONDS = 30
# Longer texts than these (characters of title and short text together) are set smaller, to fit without scrolling.
_SCREEN_SIZES = ((110, "stor"), (220, "mellan"))


class Pages:
    """Renders the templates in templates/web with what all pages need."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder / "web") for folder in template_folders(parts)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(lang=_language, body=_body, screen_size=_size)
        self._environment.globals.update(
            asset=static_files.address,
            qr=qr,
            swedish=swedish,
            base_url=parts.settings.base_url,
        )

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.start),
            Route("/sida/{municipality}", self.public),
            Route("/skarm/{municipality}", self.screen),
        ]

    def start(self, request: Request) -> Response:
        """What staff need to see first."""
        parts, now = self.parts, self.parts.clock()
        wanted = request.query_params.get("kommun")
        known = list(parts.catalog.municipalities.values())
        if wanted is None and len(known) > 1:
            with parts.database.read() as session:
                rows = start.overview(session, known, now=now)
            return self.page("kommuner.html", rows=rows)
        municipality = parts.catalog.municipality(wanted) if wanted else known[0]
        with parts.database.read() as session:
            today = start.today(
                session,
                parts.catalog,
                municipality,
                messages=parts.messages,
                problems=parts.configuration.problems,
                now=now,
            )
        return self.page("start.html", municipality=municipality, today=today, has_more=len(known) > 1)

    def public(self, request: Request) -> Response:
        """The page for citizens."""
        municipality = self._municipality(request)
        now = self.parts.clock()
        today = now.astimezone(municipality.zone).date()
        with self.parts.database.read() as session:
            messages = published(session, municipality.id, kind="webb", most=PUBLIC_LENGTH)
            laid = season(session, self.parts.catalog, municipality, years=planned_years(now, municipality))
        promises = [self.parts.catalog.promises[item] for item in _promises_kept(self.parts, municipality)]
        return self.page(
            "sida.html",
            municipality=municipality,
            dates=upcoming(laid.occurrences, today=today, within=A_YEAR),
            posts=by_post(messages),
            audiences=self.parts.catalog.audiences,
            promises=promises,
        )

    def screen(self, request: Request) -> Response:
        """One message at a time, large. `?n=` says which; the page itself asks for the next."""
        municipality = self._municipality(request)
        now = self.parts.clock()
        with self.parts.database.read() as session:
            messages = on_screens(session, municipality, now=now)
            laid = season(session, self.parts.catalog, municipality, years=planned_years(now, municipality))
        number = request.query_params.get("n", "0")
        index = int(number) % len(messages) if messages and number.isdecimal() and len(number) < 9 else 0
        message = messages[index] if messages else None
        today = now.astimezone(municipality.zone).date()
        following = f"/skarm/{municipality.id}" + (f"?n={(index + 1) % len(messages)}" if len(messages) > 1 else "")
        return self.page(
            "skarm.html",
            municipality=municipality,
            message=message,
            size=_size(message.content) if message else "stor",
            count=len(messages),
            index=index,
            coming=[item for item in upcoming(laid.occurrences, today=today, within=A_YEAR) if item.day][:1],
            following=following,
            seconds=SCREEN_SECONDS,
        )

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """The template rendered. Pages show what is true now, so they are asked for again each time."""
        text = self._environment.get_template(template).render(**values)
        return HTMLResponse(text, status, headers={"Cache-Control": "no-cache"})

    def fault(self, status: int, heading: str, sentence: str) -> HTMLResponse:
        """A page that says what went wrong and where to go instead."""
        known = list(self.parts.catalog.municipalities.values())
        return self.page("fel.html", status=status, heading=heading, sentence=sentence, known=known)

    def _municipality(self, request: Request) -> Municipality:
        found = self.parts.catalog.municipalities.get(request.path_params["municipality"])
        if found is None:
            raise NotFoundError("Kommunen finns inte här. Kontrollera adressen.")
        return found


def template_folders(parts: Parts) -> list[Path]:
    """Where templates are looked for: the municipality's own folder, then the shipped one."""
    return [parts.settings.templates_dir, shipped_directory("templates")]


def by_post(messages: Iterable[Message]) -> list[list[Message]]:
    """The messages with a post's languages together, Swedish first; newest post first."""
    groups: dict[int, list[Message]] = {}
    for message in messages:
        groups.setdefault(message.post_id, []).append(message)
    for group in groups.values():
        group.sort(key=lambda message: (message.language != SWEDISH, message.language))
    return list(groups.values())


def qr(address: str) -> Markup:
    """`address` as an SVG picture to stand in the page. It is dark on white in dark mode too: readers need that."""
    code = segno.make(address, micro=False, error="m")
    return Markup(code.svg_inline(omitsize=True, svgclass="qr", lineclass=None, border=3, light="#fff"))  # noqa: S704 - segno draws only squares


def _language(language: str) -> Markup:
    """The attributes that mark text in `language`."""
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    return Markup('lang="{}" dir="{}"').format(language, direction)


def _body(content: Content) -> Markup:
    """The message's clean HTML, its headings two steps down: on the page they stand under the message's own."""
    html = content.html()
    for level in (4, 3, 2):
        html = html.replace(f"<h{level}>", f"<h{level + 2}>").replace(f"</h{level}>", f"</h{level + 2}>")
    return Markup(html)  # noqa: S704 - Content.html() has been cleaned by nh3


def _size(content: Content) -> str:
    length = len(content.title) + len(content.short)
    return next((name for most, name in _SCREEN_SIZES if length <= most), "liten")


def _promises_kept(parts: Parts, municipality: Municipality) -> Sequence[str]:
    """The municipality's promises that campaigns answer to, in the order of the file."""
    answered = {promise for campaign in parts.catalog.campaigns.values() for promise in campaign.promises}
    return [item for item in municipality.promises if item in answered]
