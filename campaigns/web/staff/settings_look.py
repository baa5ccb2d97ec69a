"""Inställningar: the municipality's colours and logo. For administrators."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import UploadFile
from starlette.responses import Response

from campaigns import look
from campaigns.errors import RefusedError
from campaigns.look import Look
from campaigns.web.staff.frame import StaffPage, Visit, administrators

LOOK = "installningar/utseende"


def show(visit: Visit) -> Response:
    """The look as it is, with the forms that change it."""
    return _page(visit)


def choose_colours(visit: Visit) -> Response:
    """Use two colours, unless they cannot be read on."""
    main, accent = visit.field("huvudfarg"), visit.field("accentfarg")
    faults = look.colour_faults(main, accent)
    if faults:
        return _page(visit, faults)
    with visit.parts.database.write() as session:
        look.choose_colours(
            session, visit.municipality, main=main, accent=accent, name=visit.person.name, now=visit.now
        )
    return visit.redirect(LOOK, "Färgerna är bytta.")


def use_standard(visit: Visit) -> Response:
    """Back to the colours that the program comes with."""
    with visit.parts.database.write() as session:
        look.use_standard(session, visit.municipality, name=visit.person.name, now=visit.now)
    return visit.redirect(LOOK, "Färgerna är de som följde med.")


def choose_logo(visit: Visit) -> Response:
    """Show a picture as the logo."""
    file = visit.form.get("fil")
    if not isinstance(file, UploadFile) or not file.filename:
        return _page(visit, {"fil": "Välj en bild på din dator."})
    data = file.file.read(look.MOST_LOGO_BYTES + 1)
    try:
        with visit.parts.database.write() as session:
            look.choose_logo(
                session,
                visit.municipality,
                file_name=file.filename,
                data=data,
                alt=visit.field("beskrivning"),
                approved_by=visit.field("godkand-av"),
                approved_on=visit.field("godkand-den"),
                name=visit.person.name,
                now=visit.now,
            )
    except RefusedError as error:
        return _page(visit, {_field_of(error): error.message})
    return visit.redirect(LOOK, "Logotypen är bytt.")


def remove_logo(visit: Visit) -> Response:
    """Show no logo."""
    with visit.parts.database.write() as session:
        look.remove_logo(session, visit.municipality, name=visit.person.name, now=visit.now)
    return visit.redirect(LOOK, "Logotypen är borttagen.")


def _page(visit: Visit, faults: Mapping[str, str] | None = None) -> Response:
    with visit.parts.database.read() as session:
        chosen = look.look_of(session, visit.municipality.id) or Look(visit.municipality.id)
    return visit.page(
        "utseende.html",
        status=422 if faults else 200,
        faults=faults or {},
        chosen=chosen,
        written=visit.field,
        kilobytes=look.MOST_LOGO_BYTES // 1000,
    )


def _field_of(error: RefusedError) -> str:
    words = (("föreställer", "beskrivning"), ("vem som har godkänt", "godkand-av"), ("Dagen", "godkand-den"))
    found = next((field for word, field in words if word in error.message), "fil")
    return "godkand-den" if "Skriv dagen" in error.message else found


PAGES = (
    StaffPage(LOOK, get=show, needs=administrators),
    StaffPage(f"{LOOK}/farger", post=choose_colours, needs=administrators),
    StaffPage(f"{LOOK}/standard", post=use_standard, needs=administrators),
    StaffPage(f"{LOOK}/logotyp", post=choose_logo, needs=administrators, largest=2 * look.MOST_LOGO_BYTES),
    StaffPage(f"{LOOK}/logotyp/ta-bort", post=remove_logo, needs=administrators),
)
