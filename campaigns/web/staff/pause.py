"""Paus: everything scheduled stands still, for a reason; what was missed is chosen again, one by one."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.errors import NotFoundError, RefusedError
from campaigns.overviews.pausing import pause_page
from campaigns.sending import choices, pauses
from campaigns.web.staff.frame import StaffPage, Visit, editors
from campaigns.written import LONGEST_REASON, WrittenError, checked_reason, number_in


def page(visit: Visit) -> Response:
    """What is paused, and the form that pauses."""
    return _page(visit, {})


def _page(visit: Visit, errors: dict[str, str]) -> Response:
    with visit.parts.database.read() as session:
        shown = pause_page(session, visit.parts.catalog, visit.municipality, now=visit.now)
    return visit.page(
        "paus.html",
        status=422 if errors else 200,
        page=shown,
        errors=errors,
        reason=visit.field("skal"),
        channel=visit.field("kanal"),
        post=visit.field("budskap"),
        post_reason=visit.field("budskap-skal"),
        most=LONGEST_REASON,
        back="paus",
    )


def pause(visit: Visit) -> Response:
    """Pause all channels, or one."""
    try:
        with visit.parts.database.write() as session:
            pauses.pause(
                session,
                visit.parts.catalog,
                municipality=visit.municipality.id,
                channel=visit.field("kanal"),
                reason=visit.field("skal"),
                name=visit.person.name,
                now=visit.now,
            )
    except WrittenError as error:
        return _page(visit, {"skal": error.message})
    except (RefusedError, NotFoundError) as error:
        return _page(visit, {"kanal": error.message})
    return visit.redirect("paus", "Pausat. Det som redan håller på att skickas kan gå ut inom en minut.")


def resume(visit: Visit) -> Response:
    """End the municipality's own pause of all channels, or of one."""
    try:
        with visit.parts.database.write() as session:
            row = pauses.resume(
                session,
                visit.parts.catalog,
                municipality=visit.municipality.id,
                channel=visit.field("kanal"),
                name=visit.person.name,
                now=visit.now,
            )
            missed = pauses.missed_in(session, row)
    except (RefusedError, NotFoundError):
        return _page(visit, {"": "Pausen är redan slut. Så här är det nu."})
    if not missed:
        return visit.redirect("paus", "Pausen är slut. Inget missades.")
    count = "Ett utskick missades" if missed == 1 else f"{missed} utskick missades"
    return visit.redirect("paus", f"Pausen är slut. {count} och skickas inte av sig själva: välj vilka nedan.")


def let_pass(visit: Visit) -> Response:
    """Let a crisis post go out although everything is paused, or take that back."""
    passes = visit.field("gor") != "folj"
    number = visit.field("budskap")
    reason = visit.field("budskap-skal") or ("" if passes else "Det ska följa pauser igen.")
    errors = {}
    if number_in(number) is None:
        errors["budskap"] = "Välj ett budskap."
    try:
        checked_reason(reason, "Skriv varför budskapet ska gå ut under pausen.")
    except WrittenError as error:
        errors["budskap-skal"] = error.message
    if errors:
        return _page(visit, errors)
    with visit.parts.database.write() as session:
        choices.let_post_pass(
            session,
            visit.municipality,
            int(number),
            passes=passes,
            reason=reason,
            name=visit.person.name,
            now=visit.now,
        )
    told = (
        "Budskapet går ut även under paus, om båda parter har godkänt det."
        if passes
        else "Budskapet följer pauser som alla andra."
    )
    return visit.redirect("paus", told)


PAGES: tuple[StaffPage, ...] = (
    StaffPage("paus", get=page, post=pause, post_needs=editors),
    StaffPage("paus/avsluta", post=resume, needs=editors),
    StaffPage("paus/budskap", post=let_pass, needs=editors),
)
