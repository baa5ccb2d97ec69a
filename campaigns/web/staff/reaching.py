"""Uppföljning: how far messages reached, with numbers that people type in."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.errors import NotFoundError, RefusedError
from campaigns.overviews.reach import reach_of, reach_page
from campaigns.post_list import post_of
from campaigns.reach import LARGEST, note_reach
from campaigns.reach_numbers import MEASURES
from campaigns.web.staff.campaign_forms import UNPROCESSABLE
from campaigns.web.staff.frame import StaffPage, Visit, editors

_FIELDS = ("kanal", "matt", "antal")
_LONGEST = 20  # digits, more than any number that is taken


def page(visit: Visit) -> Response:
    with visit.parts.database.read() as session:
        found = reach_page(session, visit.parts.catalog, visit.municipality, now=visit.now)
    return visit.page("rackvidd.html", found=found)


def form(visit: Visit) -> Response:
    return _form(visit, dict.fromkeys(_FIELDS, ""), {})


def note(visit: Visit) -> Response:
    given = {name: visit.field(name).strip() for name in _FIELDS}
    number = given["antal"].replace(" ", "").replace("\xa0", "")
    post_id: int = visit.request.path_params["post"]
    try:
        if not (number.isascii() and number.isdecimal()):
            raise RefusedError("Skriv antalet med siffror, till exempel 240.")
        if len(number) > _LONGEST:
            raise RefusedError(f"Antalet ska vara mellan 0 och {LARGEST}.")
        with visit.parts.database.write() as session:
            row = note_reach(
                session,
                visit.municipality,
                post_id,
                channel=given["kanal"],
                measure=given["matt"],
                number=int(number),
                name=visit.person.name,
                now=visit.now,
            )
    except (RefusedError, NotFoundError) as error:
        where = "kanal" if "kanal" in error.message else "matt" if "mått" in error.message else "antal"
        return _form(visit, given, {where: error.message}, status=UNPROCESSABLE)
    told = "Siffran är noterad." if row is not None else "Den siffran stod där redan."
    return visit.redirect(f"uppfoljning/rackvidd/{post_id}", told)


def _form(visit: Visit, given: dict[str, str], errors: dict[str, str], *, status: int = 200) -> Response:
    with visit.parts.database.read() as session:
        post = post_of(session, visit.municipality, visit.request.path_params["post"])
        found = reach_of(session, visit.parts.catalog, visit.municipality, post)
    return visit.page("rackvidd-notera.html", status=status, post=found, measures=MEASURES, given=given, errors=errors)


PAGES: tuple[StaffPage, ...] = (
    StaffPage("uppfoljning/rackvidd", get=page),
    StaffPage("uppfoljning/rackvidd/{post:int}", get=form, post=note, post_needs=editors),
)
