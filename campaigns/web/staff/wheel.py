"""Årshjul: the year as a wheel with a table beside it, and the wheel as a file."""

from __future__ import annotations

from starlette.responses import Response

from campaigns import wheel_drawing
from campaigns.overviews.wheel import wheel
from campaigns.web.staff.frame import StaffPage, Visit


def page(visit: Visit) -> Response:
    """The wheel of the year that the address asks for, else of this one."""
    wanted = visit.query.get("ar", "")
    is_year = wanted.isascii() and wanted.isdecimal() and len(wanted) == 4
    year = int(wanted) if is_year else visit.now.astimezone(visit.municipality.zone).year
    return _page(visit, "arshjul.html", year)


def file(visit: Visit) -> Response:
    """The wheel alone, to keep, print or draw on."""
    year = visit.request.path_params["year"]
    answer = _page(visit, "arshjul.svg", year)
    answer.headers["Content-Type"] = "image/svg+xml"
    answer.headers["Content-Disposition"] = f'attachment; filename="arshjul-{visit.municipality.id}-{year}.svg"'
    return answer


def _page(visit: Visit, template: str, year: int) -> Response:
    with visit.parts.database.read() as session:
        found = wheel(session, visit.parts.catalog, visit.municipality, year=year, now=visit.now)
    return visit.page(template, wheel=found, size=(wheel_drawing.WIDTH, wheel_drawing.HEIGHT))


PAGES = (StaffPage("arshjul", get=page), StaffPage("arshjul/{year:int}.svg", get=file))
