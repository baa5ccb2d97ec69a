"""All the pages for staff, as routes."""

from __future__ import annotations

import re

from starlette.routing import BaseRoute, compile_path

from campaigns.web.pages import Pages
from campaigns.web.staff import (
    archive,
    calendar,
    campaign_additions,
    campaign_dates,
    campaigns,
    efforts,
    follow_up,
    guide,
    link_making,
    log,
    new_year,
    pause,
    queue,
    reaching,
    review,
    settings,
    settings_channels,
    settings_keys,
    settings_look,
    settings_own,
    settings_people,
    subscribe,
    texts,
    today,
    wheel,
)
from campaigns.web.staff.frame import Frame, StaffPage
from campaigns.web.staff.sign_in import SignInPages
from campaigns.wiring import Parts

ROOMS: tuple[StaffPage, ...] = (
    *today.PAGES,
    *calendar.PAGES,
    *wheel.PAGES,
    *campaigns.PAGES,
    *campaign_additions.PAGES,
    *campaign_dates.PAGES,
    *new_year.PAGES,
    *texts.PAGES,
    *review.PAGES,
    *link_making.PAGES,
    *queue.PAGES,
    *pause.PAGES,
    *efforts.PAGES,
    *reaching.PAGES,
    *follow_up.PAGES,
    *log.PAGES,
    *subscribe.PAGES,
    *guide.PAGES,
    *settings.PAGES,
    *settings_people.PAGES,
    *settings_own.PAGES,
    *settings_channels.PAGES,
    *settings_look.PAGES,
    *settings_keys.PAGES,
    *archive.PAGES,
)


def routes(parts: Parts, pages: Pages) -> list[BaseRoute]:
    """Signing in and out, and every page under /kommun/."""
    return [*SignInPages(parts, pages).routes(), *Frame(parts, pages).routes(ROOMS)]


def larger() -> list[tuple[re.Pattern[str], int]]:
    """The addresses that take larger forms than others, and how many bytes."""
    return [(compile_path(page.address)[0], page.largest) for page in ROOMS if page.largest]
