"""Hjälp: the guide, ten minutes to read."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.people.passwords import SHORTEST
from campaigns.web.staff.frame import SHORTCUTS, StaffPage, Visit


def show(visit: Visit) -> Response:
    """The guide, which is the same for everybody but for the addresses in it."""
    return visit.page("hjalp.html", keys=SHORTCUTS, shortest=SHORTEST)


PAGES = (StaffPage("hjalp", get=show),)
