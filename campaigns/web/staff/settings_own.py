"""Inställningar: what everybody may change about themselves."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response

from campaigns.errors import RefusedError
from campaigns.people import own
from campaigns.people.passwords import SHORTEST
from campaigns.web.staff.frame import SEE_OTHER, SHORTCUTS, StaffPage, Visit

MINE = "installningar/jag"


def show(visit: Visit) -> Response:
    """The forms."""
    return _page(visit)


def change_name(visit: Visit) -> Response:
    """Change one's own name."""
    try:
        with visit.parts.database.write() as session:
            own.change_name(session, visit.person.id, visit.field("namn"), now=visit.now)
    except RefusedError as error:
        return _page(visit, {"namn": error.message})
    return visit.redirect(MINE, "Namnet är bytt.")


def change_password(visit: Visit) -> Response:
    """Change one's own password. Nothing that was written is shown again."""
    chosen = visit.field("losenord")
    if chosen != visit.field("losenord-igen"):
        return _page(visit, {"losenord": "Lösenorden är inte lika. Skriv samma i båda fälten."})
    client = visit.request.client
    try:
        own.change_password(
            visit.parts.database,
            visit.person.id,
            present=visit.field("nuvarande"),
            chosen=chosen,
            secret=visit.secret,
            origin=client.host if client else "",
            now=visit.now,
        )
    except RefusedError as error:
        return _page(visit, {"nuvarande" if "nuvarande" in error.message else "losenord": error.message})
    return visit.redirect(MINE, "Lösenordet är bytt. Alla andra webbläsare är utloggade.")


def shortcuts(visit: Visit) -> Response:
    """Turn single-key shortcuts on or off."""
    is_on = visit.field("kortkommandon") == "ja"
    with visit.parts.database.write() as session:
        own.use_shortcuts(session, visit.person.id, is_on=is_on, now=visit.now)
    return visit.redirect(MINE, f"Kortkommandona är {'på' if is_on else 'av'}.")


def sign_out(visit: Visit) -> Response:
    """Sign out of every browser, this one too."""
    with visit.parts.database.write() as session:
        own.sign_out_everywhere(session, visit.person.id, now=visit.now)
    return RedirectResponse("/logga-in", SEE_OTHER)


def _page(visit: Visit, faults: Mapping[str, str] | None = None) -> Response:
    return visit.page(
        "jag.html",
        status=422 if faults else 200,
        faults=faults or {},
        name=visit.field("namn") or visit.person.name,
        shortest=SHORTEST,
        keys=SHORTCUTS,
    )


PAGES = (
    StaffPage(MINE, get=show),
    StaffPage(f"{MINE}/namn", post=change_name),
    StaffPage(f"{MINE}/losenord", post=change_password),
    StaffPage(f"{MINE}/kortkommandon", post=shortcuts),
    StaffPage(f"{MINE}/logga-ut", post=sign_out),
)
