"""Uppföljning: efforts outside the campaigns, when the situation has changed, and what became of them."""

from __future__ import annotations

from starlette.responses import Response

from campaigns import efforts
from campaigns.activities import cancel_extra_activity, restore_extra_activity, tell_activity
from campaigns.errors import RefusedError
from campaigns.models import ActivityRow
from campaigns.overviews.follow_up import open_promises
from campaigns.swedish import long_date
from campaigns.web.staff.campaign_forms import TELLING, UNPROCESSABLE, day_of, told_by
from campaigns.web.staff.frame import StaffPage, Visit, editors

_FIELDS = ("lofte", "lagesbild", "namn", "dag", "ansvarig")


def add_form(visit: Visit) -> Response:
    return _add_page(visit, dict.fromkeys(_FIELDS, ""), {})


def add(visit: Visit) -> Response:
    given = {name: visit.field(name) for name in _FIELDS}
    where = "dag"
    try:
        day = day_of(given["dag"])
        where = "lofte" if not given["lofte"] else "lagesbild" if not given["lagesbild"].strip() else "namn"
        if not given["lofte"]:
            raise RefusedError("Välj vilket löfte insatsen svarar mot.")
        with visit.parts.database.write() as session:
            row = efforts.add_effort(
                session,
                visit.parts.catalog,
                visit.municipality,
                promise=given["lofte"],
                title=given["namn"],
                day=day,
                responsible=given["ansvarig"],
                situation=given["lagesbild"],
                name=visit.person.name,
                now=visit.now,
            )
            number, title = row.id, row.name
    except RefusedError as error:
        return _add_page(visit, given, {where: error.message})
    undo = f"uppfoljning/insats/{number}/stall-in"
    return visit.redirect("uppfoljning", f"Insatsen är tillagd: {title}, {long_date(day)}.", undo_path=undo)


def form(visit: Visit) -> Response:
    """What became of an effort."""
    row = _effort(visit)
    number = "" if row.number is None else str(row.number)
    return _page(visit, row, dict(zip(TELLING, (row.outcome, number, row.note, row.link), strict=True)), {})


def tell(visit: Visit) -> Response:
    row = _effort(visit)
    given = {name: visit.field(name) for name in TELLING}
    told, errors = told_by(given)
    if told is None:
        return _page(visit, row, given, errors)
    try:
        with visit.parts.database.write() as session:
            tell_activity(
                session,
                visit.parts.catalog,
                visit.municipality,
                row.key,
                told=told,
                name=visit.person.name,
                now=visit.now,
            )
    except RefusedError as error:
        return _page(visit, row, given, {"": error.message})
    return visit.redirect("uppfoljning", f"Noterat: {row.name}.")


def cancel(visit: Visit) -> Response:
    row = _effort(visit)
    with visit.parts.database.write() as session:
        cancel_extra_activity(session, visit.municipality, row.key, name=visit.person.name, now=visit.now)
    undo = f"uppfoljning/insats/{row.id}/ta-tillbaka"
    return visit.redirect("uppfoljning", f"Insatsen är inställd: {row.name}.", undo_path=undo)


def restore(visit: Visit) -> Response:
    row = _effort(visit)
    with visit.parts.database.write() as session:
        restore_extra_activity(session, visit.municipality, row.key, name=visit.person.name, now=visit.now)
    return visit.redirect("uppfoljning", f"Insatsen är tillbaka: {row.name}.")


def _effort(visit: Visit) -> ActivityRow:
    with visit.parts.database.read() as session:
        return efforts.effort(session, visit.municipality, visit.request.path_params["effort"])


def _add_page(visit: Visit, given: dict[str, str], errors: dict[str, str]) -> Response:
    today = visit.now.astimezone(visit.municipality.zone).date()
    return visit.page(
        "uppfoljning-insats.html",
        status=UNPROCESSABLE if errors else 200,
        given=given,
        errors=errors,
        today=today,
        promises=open_promises(visit.parts.catalog, visit.municipality, today=today),
    )


def _page(visit: Visit, row: ActivityRow, given: dict[str, str], errors: dict[str, str]) -> Response:
    promise = visit.parts.catalog.promises.get(row.promise)
    return visit.page(
        "uppfoljning-notera.html",
        status=UNPROCESSABLE if errors else 200,
        effort=row,
        promise=promise.wording(row.day).text if promise else "",
        given=given,
        errors=errors,
    )


_ONE = "uppfoljning/insats/{effort:int}"
PAGES: tuple[StaffPage, ...] = (
    StaffPage("uppfoljning/insats", get=add_form, post=add, needs=editors),
    StaffPage(_ONE, get=form, post=tell, needs=editors),
    StaffPage(f"{_ONE}/stall-in", post=cancel, needs=editors),
    StaffPage(f"{_ONE}/ta-tillbaka", post=restore, needs=editors),
)
