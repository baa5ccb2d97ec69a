"""The templates for people, rendered with what all pages need; and the front page, for those not signed in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import segno
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from campaigns import swedish
from campaigns.catalog import Municipality
from campaigns.content import RIGHT_TO_LEFT, Content
from campaigns.look import Look, look_of
from campaigns.overviews import follow_up_words, front
from campaigns.overviews.shown import upcoming
from campaigns.season import planned_years, season
from campaigns.settings import shipped_directory
from campaigns.web import static_files
from campaigns.wiring import Parts

A_YEAR = timedelta(days=365)
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
        self._environment.filters.update(lang=_language, body=_body, screen_size=screen_size)
        self._environment.globals.update(
            asset=static_files.address,
            has_asset=static_files.is_there,
            qr=qr,
            swedish=swedish,
            told=follow_up_words,
            base_url=parts.settings.base_url,
        )

    def start(self, request: Request) -> Response:
        """What anybody may see on the way in: the risk dates, what goes out next, and how to subscribe."""
        parts, now = self.parts, self.parts.clock()
        wanted = request.query_params.get("kommun")
        known = list(parts.catalog.municipalities.values())
        if wanted is None and len(known) > 1:
            with parts.database.read() as session:
                rows = front.towns(session, known, now=now)
            return self.page("kommuner.html", rows=rows)
        municipality = parts.catalog.municipality(wanted) if wanted else known[0]
        with parts.database.read() as session:
            laid = season(session, parts.catalog, municipality, years=planned_years(now, municipality))
            steps = front.coming_steps(session, parts.catalog, municipality, now=now)
        today = now.astimezone(municipality.zone).date()
        return self.page(
            "start.html",
            municipality=municipality,
            dates=upcoming(laid.occurrences, today=today, within=A_YEAR),
            steps=steps,
            has_more=len(known) > 1,
        )

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """The template rendered. Pages show what is true now, so they are asked for again each time.

        Those of one `municipality` have its look.
        """
        look = self._look(values.get("municipality"))
        text = self.text(template, look=look, **values)
        return HTMLResponse(text, status, headers={"Cache-Control": "no-cache"})

    def text(self, template: str, **values: Any) -> str:
        """The template rendered, as a text."""
        return self._environment.get_template(template).render(**values)

    def fault(self, status: int, heading: str, sentence: str) -> HTMLResponse:
        """A page that says what went wrong and where to go instead."""
        known = list(self.parts.catalog.municipalities.values())
        return self.page("fel.html", status=status, heading=heading, sentence=sentence, known=known)

    def _look(self, municipality: Municipality | None) -> Look | None:
        if municipality is None:
            return None
        with self.parts.database.read() as session:
            return look_of(session, municipality.id)


def template_folders(parts: Parts) -> list[Path]:
    """Where templates are looked for: the municipality's own folder, then the shipped one."""
    return [parts.settings.templates_dir, shipped_directory("templates")]


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


def screen_size(content: Content) -> str:
    """How large the text is set on a screen, as a part of a class's name."""
    length = len(content.title) + len(content.short)
    return next((name for most, name in _SCREEN_SIZES if length <= most), "liten")
