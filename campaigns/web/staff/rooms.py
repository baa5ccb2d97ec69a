"""All the pages for staff, as routes."""

from __future__ import annotations

from starlette.routing import BaseRoute

from campaigns.web.pages import Pages
from campaigns.web.staff import link_making, review
from campaigns.web.staff.frame import Frame, StaffPage
from campaigns.web.staff.sign_in import SignInPages
from campaigns.wiring import Parts

ROOMS: tuple[StaffPage, ...] = (*review.PAGES, *link_making.PAGES)


def routes(parts: Parts, pages: Pages) -> list[BaseRoute]:
    """Signing in and out, and every page under /kommun/."""
    return [*SignInPages(parts, pages).routes(), *Frame(parts, pages).routes(ROOMS)]
