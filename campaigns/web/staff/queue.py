"""Kö: what waits, what goes out, what went out and what needs a person; and the acts on each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session
from starlette.responses import Response

from campaigns.errors import RefusedError
from campaigns.localtime import to_utc
from campaigns.models import Delivery, DeliveryState
from campaigns.overviews import queue_board
from campaigns.overviews.queue_delivery import delivery_page
from campaigns.sending import choices
from campaigns.web.staff.frame import StaffPage, Visit, editors
from campaigns.written import LONGEST_REASON, WrittenError, checked_reason

# Where an act may lead back to: this family's list, one delivery, or the page about pauses.
_BACK = re.compile(r"ko\?[\w=&%.+-]{0,300}|ko/[0-9]{1,9}|ko|paus")


def board(visit: Visit) -> Response:
    """One tab of the queue."""
    with visit.parts.database.read() as session:
        shown = queue_board.board(session, visit.parts.catalog, visit.municipality, _filters(visit), now=visit.now)
    return visit.page("ko.html", board=shown, back=f"ko?{shown.filters.query(sida=shown.paging.page)}")


def board_csv(visit: Visit) -> Response:
    """The tab's deliveries as a file."""
    with visit.parts.database.read() as session:
        body = queue_board.board_file(session, visit.parts.catalog, visit.municipality, _filters(visit), now=visit.now)
    return csv_answer(visit, "ko", body)


def csv_answer(visit: Visit, name: str, body: bytes) -> Response:
    """The file, named after what it holds, of whom and when."""
    day = visit.now.astimezone(visit.municipality.zone).date().isoformat()
    disposition = f'attachment; filename="{name}-{visit.municipality.id}-{day}.csv"'
    return Response(body, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})


def one(visit: Visit) -> Response:
    """One delivery, with all that is known of it."""
    return _one(visit, {})


def _one(visit: Visit, errors: dict[str, str]) -> Response:
    with visit.parts.database.read() as session:
        shown = delivery_page(session, visit.parts.catalog, visit.municipality, _number(visit), now=visit.now)
    return visit.page(
        "ko-leverans.html",
        status=422 if errors else 200,
        page=shown,
        errors=errors,
        back=f"ko/{shown.row.id}",
        typed_url=visit.field("adress"),
        typed_time=visit.field("tid"),
        is_later=visit.field("nar") == "sedan",
    )


@dataclass(frozen=True)
class _Done:
    """What the next page tells of an act, and the last part of the path that takes it back, if any does."""

    message: str
    undo: str = ""


def _acted(visit: Visit, act: Callable[[Session], Delivery], told: Callable[[Delivery], _Done]) -> Response:
    """Do the act and go back; where it is refused, show the delivery as it is and why, by the field it is about."""
    try:
        with visit.parts.database.write() as session:
            row = act(session)
    except RefusedError as error:
        return _one(visit, {"adress" if error.message.startswith("Adressen") else "": error.message})
    done = told(row)
    back = visit.field("tillbaka")
    return visit.redirect(
        back if _BACK.fullmatch(back) else f"ko/{row.id}",
        done.message,
        undo_path=f"ko/{row.id}/{done.undo}" if done.undo else "",
    )


def stop(visit: Visit) -> Response:
    """Stop what nobody has begun."""

    def told(row: Delivery) -> _Done:
        if row.state == DeliveryState.UNKNOWN:
            return _Done("Inget mer försök görs, men ett tidigare kan ha nått kanalen. Kontrollera där.")
        return _Done("Stoppat. Det hade inte börjat skickas.", "ater")

    return _acted(
        visit,
        lambda session: choices.stop(
            session, visit.municipality, _number(visit), name=visit.person.name, now=visit.now
        ),
        told,
    )


def put_back(visit: Visit) -> Response:
    """Undo a stop."""
    return _acted(
        visit,
        lambda session: choices.put_back(
            session, visit.parts.catalog, visit.municipality, _number(visit), name=visit.person.name, now=visit.now
        ),
        lambda _: _Done("Tillbaka i kön."),
    )


def choose_again(visit: Visit) -> Response:
    """Queue what was missed, stopped or skipped: now, or for a time of its own."""
    is_later = visit.field("nar") == "sedan"
    try:
        at = local_time(visit.field("tid"), visit.municipality.zone) if is_later else None
    except RefusedError as error:
        return _one(visit, {"tid": error.message})
    in_time = "Lagt i kön till den tid du valde." if at else "Skickas om en minut. Till dess kan du ångra."
    return _acted(
        visit,
        lambda session: choices.choose_again(
            session,
            visit.parts.catalog,
            visit.municipality,
            _number(visit),
            at=at,
            name=visit.person.name,
            now=visit.now,
        ),
        lambda _: _Done(in_time, "stoppa"),
    )


def try_again(visit: Visit) -> Response:
    """Send again what failed, or what was seen not to have gone out."""
    return _acted(
        visit,
        lambda session: choices.try_again(
            session, visit.parts.catalog, visit.municipality, _number(visit), name=visit.person.name, now=visit.now
        ),
        lambda _: _Done("Skickas igen om en minut. Till dess kan du ångra.", "stoppa"),
    )


def done(visit: Visit) -> Response:
    """A task is done, or an uncertain one did go out."""

    def told(row: Delivery) -> _Done:
        if row.state == DeliveryState.WITHDRAWN:
            return _Done("Markerat som borttaget.")
        return _Done("Markerat som utskickat.", "inte-klar" if row.replaces is None else "")

    return _acted(
        visit,
        lambda session: choices.did_go_out(
            session,
            visit.parts.catalog,
            visit.municipality,
            _number(visit),
            url=visit.field("adress"),
            name=visit.person.name,
            now=visit.now,
        ),
        told,
    )


def undo_done(visit: Visit) -> Response:
    """It was not done after all."""
    return _acted(
        visit,
        lambda session: choices.undo_done(
            session, visit.municipality, _number(visit), name=visit.person.name, now=visit.now
        ),
        lambda _: _Done("Ångrat. Den är inte längre markerad som utskickad."),
    )


def ask_take_back(visit: Visit) -> Response:
    """The page that asks why, since what is taken back cannot be put there again."""
    return _ask(visit, "dra-tillbaka", {})


def ask_correct(visit: Visit) -> Response:
    """The page that asks why, since the signatures fall."""
    return _ask(visit, "ratta", {})


def _ask(visit: Visit, act: str, errors: dict[str, str]) -> Response:
    with visit.parts.database.read() as session:
        shown = delivery_page(session, visit.parts.catalog, visit.municipality, _number(visit), now=visit.now)
    choice = next((item for item in shown.row.choices if item.act == act), None)
    if choice is None or not choice.is_possible:
        return _one(visit, {"": choice.why_not if choice else f"Läget är ”{shown.row.word}”, så det går inte nu."})
    return visit.page(
        "ko-fraga.html",
        status=422 if errors else 200,
        page=shown,
        act=act,
        errors=errors,
        reason=visit.field("skal"),
        most=LONGEST_REASON,
    )


def take_back(visit: Visit) -> Response:
    """Take back what has gone out."""
    try:
        checked_reason(visit.field("skal"), "Skriv varför den dras tillbaka.")
    except WrittenError as error:
        return _ask(visit, "dra-tillbaka", {"skal": error.message})

    def told(row: Delivery) -> _Done:
        if row.id == _number(visit):
            return _Done("Markerat som borttaget.")
        return _Done("Dras tillbaka. Här syns när kanalen har gjort det.")

    return _acted(
        visit,
        lambda session: choices.take_back(
            session,
            visit.municipality,
            _number(visit),
            reason=visit.field("skal"),
            name=visit.person.name,
            now=visit.now,
        ),
        told,
    )


def correct(visit: Visit) -> Response:
    """Open the post for a new text, and go to it."""
    try:
        checked_reason(visit.field("skal"), "Skriv vad som ska rättas.")
        with visit.parts.database.write() as session:
            post = choices.correct(
                session,
                visit.municipality,
                _number(visit),
                reason=visit.field("skal"),
                name=visit.person.name,
                now=visit.now,
            )
    except WrittenError as error:
        return _ask(visit, "ratta", {"skal": error.message})
    except RefusedError as error:
        return _one(visit, {"": error.message})
    return visit.redirect(
        f"mallar/{post.id}", "Öppnat för rättelse. Den gamla texten ligger kvar tills båda parter godkänt den nya."
    )


def local_time(text: str, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, that a field of local time holds. Raises RefusedError for what is none."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise RefusedError("Välj dag och klockslag.") from error
    if found.tzinfo is not None or not 2000 <= found.year <= 2100:
        raise RefusedError("Välj dag och klockslag.")
    return to_utc(found.date(), found.time(), zone)


def _number(visit: Visit) -> int:
    return int(visit.request.path_params["delivery"])


def _filters(visit: Visit) -> queue_board.Filters:
    def asked(name: str) -> str:
        return visit.query.get(name, "")

    return queue_board.filters_from(
        tab=asked("flik"),
        channel=asked("kanal"),
        campaign=asked("kampanj"),
        search=asked("q"),
        page=asked("sida"),
    )


PAGES: tuple[StaffPage, ...] = (
    StaffPage("ko", get=board),
    StaffPage("ko.csv", get=board_csv),
    StaffPage("ko/{delivery:int}", get=one),
    StaffPage("ko/{delivery:int}/stoppa", post=stop, needs=editors),
    StaffPage("ko/{delivery:int}/ater", post=put_back, needs=editors),
    StaffPage("ko/{delivery:int}/skicka", post=choose_again, needs=editors),
    StaffPage("ko/{delivery:int}/igen", post=try_again, needs=editors),
    StaffPage("ko/{delivery:int}/klar", post=done, needs=editors),
    StaffPage("ko/{delivery:int}/inte-klar", post=undo_done, needs=editors),
    StaffPage("ko/{delivery:int}/dra-tillbaka", get=ask_take_back, post=take_back, needs=editors),
    StaffPage("ko/{delivery:int}/ratta", get=ask_correct, post=correct, needs=editors),
)
