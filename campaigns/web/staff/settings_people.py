"""Inställningar: the people, what they may do, and their way in. For administrators."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from campaigns.errors import KampanjhjulError, NotFoundError, RefusedError
from campaigns.models import Role
from campaigns.overviews import people
from campaigns.people import staffing
from campaigns.people.staffing import Invitation
from campaigns.web.staff.frame import StaffPage, Visit, administrators

PEOPLE = "installningar/personer"


def show(visit: Visit) -> Response:
    """Everybody, and the form that invites one more."""
    return _list(visit)


def invite(visit: Visit) -> Response:
    """Give somebody a role. The one-time address is on the answer to this one request, and nowhere after that."""
    try:
        role, party = _role(visit.field("roll"))
        with visit.parts.database.write() as session:
            made = staffing.invite(
                session,
                visit.municipality,
                visit.person,
                email=visit.field("epost"),
                name=visit.field("namn"),
                role=role,
                party=party,
                now=visit.now,
            )
    except (RefusedError, NotFoundError) as error:
        return _list(visit, faults={_field_of(error): error.message}, status=422)
    if made.secret:
        return _list(visit, made=made)
    told = f"{made.person.name} har fått rollen och loggar in som vanligt."
    if not made.person.password_hash:
        told = f"{made.person.name} har fått rollen. Personen är inbjuden från en annan kommun och väljer lösenord där."
    return visit.redirect(PEOPLE, told)


def one(visit: Visit) -> Response:
    """One person, and what can be done."""
    return _one(visit)


def new_link(visit: Visit) -> Response:
    """A new one-time address, also on this one answer only."""
    try:
        with visit.parts.database.write() as session:
            made = staffing.new_link(session, visit.municipality, visit.person, _person(visit), now=visit.now)
    except RefusedError as error:
        return _one(visit, faults={"": error.message}, status=422)
    return _one(visit, made=made)


def give_role(visit: Visit) -> Response:
    """One more role for somebody who has one here."""
    try:
        role, party = _role(visit.field("roll"))
        with visit.parts.database.write() as session:
            person = staffing.give_role(
                session, visit.municipality, visit.person, _person(visit), role=role, party=party, now=visit.now
            )
    except RefusedError as error:
        return _one(visit, faults={"roll": error.message}, status=422)
    return visit.redirect(f"{PEOPLE}/{person.id}", f"{person.name} har fått rollen.")


def take_role(visit: Visit) -> Response:
    """Take a role back. Somebody without any role left is no longer on the list."""
    try:
        with visit.parts.database.write() as session:
            staffing.take_role(
                session, visit.municipality, visit.person, visit.request.path_params["membership"], now=visit.now
            )
    except RefusedError as error:
        return _list(visit, faults={"": error.message}, status=422)
    return visit.redirect(PEOPLE, "Rollen är borttagen.")


def shut_out(visit: Visit) -> Response:
    """Let somebody in no more."""
    try:
        with visit.parts.database.write() as session:
            is_out = staffing.shut_out(session, visit.municipality, visit.person, _person(visit), now=visit.now)
    except RefusedError as error:
        return _one(visit, faults={"": error.message}, status=422)
    told = (
        "Personen är avstängd och utloggad."
        if is_out
        else ("Personen har inte längre någon roll här. Rollerna i andra kommuner är kvar.")
    )
    return visit.redirect(PEOPLE, told)


def let_in(visit: Visit) -> Response:
    """Let somebody in again."""
    try:
        with visit.parts.database.write() as session:
            staffing.let_in(session, visit.municipality, visit.person, _person(visit), now=visit.now)
    except RefusedError as error:
        return _one(visit, faults={"": error.message}, status=422)
    return visit.redirect(f"{PEOPLE}/{_person(visit)}", "Personen kan logga in igen.")


def rename(visit: Visit) -> Response:
    """Change somebody's name."""
    try:
        with visit.parts.database.write() as session:
            staffing.rename(
                session, visit.municipality, visit.person, _person(visit), visit.field("namn"), now=visit.now
            )
    except RefusedError as error:
        return _one(visit, faults={"namn": error.message}, status=422)
    return visit.redirect(f"{PEOPLE}/{_person(visit)}", "Namnet är bytt. Det som redan är godkänt behåller det gamla.")


def _person(visit: Visit) -> int:
    return int(visit.request.path_params["person"])


def _list(
    visit: Visit, *, made: Invitation | None = None, faults: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    with visit.parts.database.read() as session:
        page = people.people_page(session, visit.municipality, visit.person)
    values = {"found": page, "faults": faults or {}, "roles": _choices(visit), "written": visit.field}
    return visit.page("personer.html", status=status, link=_link(visit, made), **values)


def _one(
    visit: Visit, *, made: Invitation | None = None, faults: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    with visit.parts.database.read() as session:
        person = people.one_person(session, visit.municipality, visit.person, _person(visit))
    values = {"person": person, "faults": faults or {}, "roles": _choices(visit), "written": visit.field}
    return visit.page("person.html", status=status, link=_link(visit, made), **values)


def _link(visit: Visit, made: Invitation | None) -> Mapping[str, str]:
    if made is None:
        return {}
    address = f"{visit.parts.settings.base_url}/valkommen/{made.secret}"
    return {"name": made.person.name, "address": address}


def _choices(visit: Visit) -> list[tuple[str, str, str]]:
    """The roles that can be given: value, name, what it lets one do."""
    return [
        ("editor", "Redaktör", "Skriver texter, lägger in datum och sköter kön."),
        *(
            (f"approver:{party.id}", f"Godkännare för {party.name}", "Läser och godkänner texter.")
            for party in visit.municipality.parties
        ),
        ("administrator", "Administratör", "Får allt som en redaktör får, och sköter personer och inställningar."),
    ]


def _role(value: str) -> tuple[Role, str]:
    name, _, party = value.partition(":")
    try:
        return Role(name), party
    except ValueError:
        raise RefusedError("Välj en roll.") from None


def _field_of(error: KampanjhjulError) -> str:
    """Which field of the form a refusal is about."""
    for word, field in (("e-postadress", "epost"), ("efternamn", "namn"), ("roll", "roll"), ("part", "roll")):
        if word in error.message:
            return field
    return "namn"


PAGES = (
    StaffPage(PEOPLE, get=show, post=invite, needs=administrators),
    StaffPage(f"{PEOPLE}/{{person:int}}", get=one, needs=administrators),
    StaffPage(f"{PEOPLE}/{{person:int}}/lank", post=new_link, needs=administrators),
    StaffPage(f"{PEOPLE}/{{person:int}}/roll", post=give_role, needs=administrators),
    StaffPage(f"{PEOPLE}/roll/{{membership:int}}/ta-bort", post=take_role, needs=administrators),
    StaffPage(f"{PEOPLE}/{{person:int}}/stang-av", post=shut_out, needs=administrators),
    StaffPage(f"{PEOPLE}/{{person:int}}/slapp-in", post=let_in, needs=administrators),
    StaffPage(f"{PEOPLE}/{{person:int}}/namn", post=rename, needs=administrators),
)
