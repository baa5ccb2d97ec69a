"""The web application put together: feeds from memory, then the guards, then pages, probes and the API."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp

from campaigns.web import api, api_channels, api_follow_up, api_stopping, problems, static_files
from campaigns.web.api_models import LONGEST_TEXT
from campaigns.web.clicks import ClickPages
from campaigns.web.feedfiles import FeedFiles
from campaigns.web.feedserver import FeedApplication, FeedStore
from campaigns.web.freshness import Freshness
from campaigns.web.looks import Looks
from campaigns.web.operating import OperatingPages
from campaigns.web.pages import Pages
from campaigns.web.pictures import Pictures
from campaigns.web.probes import Probes
from campaigns.web.public import PublicPages
from campaigns.web.public_follow_up import PublicFollowUpPages
from campaigns.web.reporting import Reporting
from campaigns.web.security import SameOriginOnly, SecurityHeaders
from campaigns.web.signing import SigningPages
from campaigns.web.staff import rooms
from campaigns.wiring import Parts

# Bytes. Six for each character of the longest text, which is what JSON may take, and some to spare.
LARGEST_BODY = 6 * LONGEST_TEXT + 10_000


@dataclass(frozen=True)
class Site:
    """The outermost ASGI application, and the feeds that it serves from memory."""

    application: ASGIApp
    store: FeedStore
    freshness: Freshness

    def start(self) -> None:
        """Load the feeds, and keep them fresh in the background until `stop`."""
        self.freshness.start()

    def stop(self) -> None:
        self.freshness.stop()


def create_app(parts: Parts, pages: Pages) -> FastAPI:
    """Pages, probes and the API, without the guards and the feeds in front."""
    app = FastAPI(
        title="Kampanjhjulet",
        version="1",
        description="Riskdatum, budskap, godkännanden och leveranser. Felsvar är problem+json (RFC 9457).",
        telemetry={"auto_configure": False},
        # No page of documentation: the ones at hand load their scripts from other hosts.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        max_body_size=LARGEST_BODY,
        # It would redirect to whatever host the request names; `problems` does it within this one.
        redirect_slashes=False,
    )
    app.state.parts = parts
    app.router.routes.extend(PublicPages(parts, pages).routes())
    app.router.routes.extend(PublicFollowUpPages(parts, pages).routes())
    app.router.routes.extend(ClickPages(parts).routes())
    app.router.routes.extend(rooms.routes(parts, pages))
    app.router.routes.extend(OperatingPages(parts, pages).routes())
    app.router.routes.extend(SigningPages(parts, pages).routes())
    app.router.routes.extend(Probes(parts).routes())
    app.router.routes.extend(Reporting(parts).routes())
    app.router.routes.extend(Pictures(parts).routes())
    app.router.routes.extend(Looks(parts).routes())
    app.router.routes.append(Route("/static/{name:path}", static_files.serve))
    app.include_router(api.router)
    app.include_router(api_stopping.router)
    app.include_router(api_channels.router)
    app.include_router(api_follow_up.router)
    problems.install(app, pages)
    return app


def build(parts: Parts) -> Site:
    """Everything that is served. Call `start` on it before the first visitor."""
    store = FeedStore(parts.catalog, base_url=parts.settings.base_url)
    pages = Pages(parts)
    bounded = problems.BoundedBody(create_app(parts, pages), most=LARGEST_BODY, larger=rooms.larger(), pages=pages)
    guarded = SecurityHeaders(
        SameOriginOnly(bounded),
        is_https=parts.settings.base_url.startswith("https://"),
    )
    folder = parts.settings.feed_files_dir
    freshness = Freshness(parts, store, FeedFiles(folder) if folder else None)
    return Site(FeedApplication(store, guarded), store, freshness)
