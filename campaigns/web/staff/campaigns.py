"""Kampanjer: the list, one campaign's year, and moving its steps, leaving them out and taking them back."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.responses import Response

from campaigns.errors import RefusedError
from campaigns.localtime import chosen
from campaigns.overviews.campaign_list import campaign_list
from campaigns.overviews.national import national_page
from campaigns.overviews.timeline import CampaignYear
from campaigns.overviews.timeline_work import Row
from campaigns.step_changes import move_step, restore_step, skip_step
from campaigns.swedish import moment
from campaigns.web.staff.campaign_forms import (
    UNPROCESSABLE,
    YEAR,
    chosen_in,
    joined,
    path_of,
    step_of,
    year_of,
)
from campaigns.web.staff.frame import StaffPage, Visit, editors
from campaigns.written import WrittenError


def campaigns_page(visit: Visit) -> Response:
    """All campaigns, the next one first."""
    with visit.parts.database.read() as session:
        found = campaign_list(session, visit.parts.catalog, visit.municipality, now=visit.now)
    return visit.page("kampanjer.html", campaigns=found)


def national(visit: Visit) -> Response:
    """The library of what others have made and we may spread."""
    with visit.parts.database.read() as session:
        found = national_page(session, visit.parts.catalog, visit.municipality, now=visit.now)
    return visit.page("nationella.html", found=found)


def year_page(visit: Visit) -> Response:
    """One campaign's year."""
    return visit.page("kampanj.html", year=year_of(visit))


# -- moving


def move_form(visit: Visit) -> Response:
    year, row = step_of(visit)
    return _move_page(visit, year, row, {}, row.input_time, _movable(row))


def move(visit: Visit) -> Response:
    """Move the chosen posts. An undo comes with the earlier time in the address, in place of a form."""
    year, row = step_of(visit)
    written = visit.field("tid") or visit.query.get("till", "")
    ids = chosen_in(visit, row)
    parts = visit.parts
    were_signed = any(item.name for post in row.posts for item in post.signatures if set(post.ids) & set(ids))
    try:
        to = chosen(written, visit.municipality.zone)
        with parts.database.write() as session:
            moved = move_step(
                session,
                parts.catalog,
                parts.messages,
                visit.municipality,
                ids,
                to=to,
                name=visit.person.name,
                now=visit.now,
            )
    except RefusedError as error:
        where = "tid" if ids else "budskap"
        return _move_page(visit, year, row, {where: error.message}, written, ids, status=UNPROCESSABLE)
    fallen = were_signed and any(post.digest is None for post in moved)
    told = [f"Flyttat till {moment(to.at, visit.municipality.zone)}.", to.note]
    told.append("Texten ändrades av det, så godkännandena gäller inte längre." if fallen else "")
    undo = f"{path_of(year)}/flytta/{ids[0]}?{urlencode({'till': row.input_time, 'budskap': joined(ids)})}"
    return visit.redirect(path_of(year), " ".join(filter(None, told)), undo_path="" if "till" in visit.query else undo)


def _move_page(
    visit: Visit,
    year: CampaignYear,
    row: Row,
    errors: dict[str, str],
    written: str,
    ids: Sequence[int],
    *,
    status: int = 200,
) -> Response:
    here = visit.now.astimezone(visit.municipality.zone)
    return visit.page(
        "kampanj-flytta.html",
        status=status,
        year=year,
        row=row,
        errors=errors,
        written=written,
        chosen_ids=set(ids),
        earliest=f"{here:%Y-%m-%dT%H:%M}",
    )


def _movable(row: Row) -> list[int]:
    return [post_id for post in row.posts if post.can_move for post_id in post.ids]


# -- leaving out, and taking back


def skip_form(visit: Visit) -> Response:
    year, row = step_of(visit)
    return visit.page("kampanj-hoppa-over.html", year=year, row=row, errors={}, why="", chosen_ids=set(_skippable(row)))


def skip(visit: Visit) -> Response:
    year, row = step_of(visit)
    ids = chosen_in(visit, row)
    parts = visit.parts
    try:
        with parts.database.write() as session:
            skip_step(
                session,
                parts.catalog,
                parts.messages,
                visit.municipality,
                ids,
                reason=visit.field("skal"),
                name=visit.person.name,
                now=visit.now,
            )
    except RefusedError as error:
        where = "skal" if isinstance(error, WrittenError) else "budskap" if not ids else ""
        return visit.page(
            "kampanj-hoppa-over.html",
            status=UNPROCESSABLE,
            year=year,
            row=row,
            errors={where: error.message},
            why=visit.field("skal"),
            chosen_ids=set(ids),
        )
    undo = f"{path_of(year)}/ta-tillbaka/{ids[0]}?{urlencode({'budskap': joined(ids)})}"
    return visit.redirect(path_of(year), f"Utelämnat i år: {row.name}.", undo_path=undo)


def restore(visit: Visit) -> Response:
    """Take back what was left out."""
    year, row = step_of(visit)
    parts = visit.parts
    with parts.database.write() as session:
        restore_step(
            session,
            parts.catalog,
            parts.messages,
            visit.municipality,
            chosen_in(visit, row),
            name=visit.person.name,
            now=visit.now,
        )
    return visit.redirect(path_of(year), f"{row.name} är ett utkast igen och ska godkännas av alla parter.")


def _skippable(row: Row) -> list[int]:
    return [post_id for post in row.posts if post.can_skip for post_id in post.ids]


PAGES: tuple[StaffPage, ...] = (
    StaffPage("kampanjer", get=campaigns_page),
    StaffPage("kampanjer/nationella", get=national),
    StaffPage(YEAR, get=year_page),
    StaffPage(f"{YEAR}/flytta/{{post:int}}", get=move_form, post=move, needs=editors),
    StaffPage(f"{YEAR}/hoppa-over/{{post:int}}", get=skip_form, post=skip, needs=editors),
    StaffPage(f"{YEAR}/ta-tillbaka/{{post:int}}", post=restore, needs=editors),
)
