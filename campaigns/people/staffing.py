"""What an administrator of one municipality may do with the people who work there, and with nobody else.

Somebody may have roles in several municipalities. Whoever holds the address at which such a person chooses a password
could act in all of them, so only one who administers all of those places may make it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from campaigns import feed_tokens
from campaigns.catalog import Municipality
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import Membership, Person, Role
from campaigns.people import links, persons
from campaigns.people.roles import EVERYWHERE
from campaigns.people.sign_ins import SignedIn

_NOT_HERE = "Personen finns inte här. Någon kan ha tagit bort den redan."


@dataclass(frozen=True)
class Invitation:
    """A person who has been given a role. `secret` is of the one-time address, empty where none was made."""

    person: Person
    secret: str
    is_known: bool


def person_here(session: Session, municipality: Municipality, person_id: int) -> Person:
    """The person, if it has a role in the municipality. Raises NotFoundError, the same for one that does not exist."""
    person = session.get(Person, person_id)
    if person is None or not any(_is_here(item, municipality) for item in persons.memberships(session, person)):
        raise NotFoundError(_NOT_HERE)
    return person


def is_within_reach(administrator: SignedIn, places: Iterable[Membership]) -> bool:
    """Whether the administrator administers every place where somebody with these memberships has a role."""
    own = {item.municipality for item in administrator.memberships if item.role == Role.ADMINISTRATOR}
    return EVERYWHERE in own or {item.municipality for item in places} <= own


def invite(
    session: Session,
    municipality: Municipality,
    administrator: SignedIn,
    *,
    email: str,
    name: str,
    role: Role,
    party: str,
    now: datetime,
) -> Invitation:
    """Give somebody a role in the municipality. One who is new gets a one-time address for choosing a password.

    Raises RefusedError or NotFoundError, as `persons.add_person` and `persons.give_role`.
    """
    is_known = persons.is_known(session, email)
    person = persons.add_person(session, email=email, name=name, now=now)
    before = persons.memberships(session, person)
    persons.give_role(session, municipality, person, role=role, party=party, actor=administrator.name, now=now)
    may_have_link = not person.password_hash and person.disabled_at is None and is_within_reach(administrator, before)
    secret = links.link_for(session, person, now=now) if may_have_link else ""
    return Invitation(person, secret, is_known)


def give_role(
    session: Session,
    municipality: Municipality,
    administrator: SignedIn,
    person_id: int,
    *,
    role: Role,
    party: str,
    now: datetime,
) -> Person:
    """One more role in the municipality for somebody who has one. Raises as `persons.give_role`."""
    person = person_here(session, municipality, person_id)
    persons.give_role(session, municipality, person, role=role, party=party, actor=administrator.name, now=now)
    return person


def new_link(
    session: Session, municipality: Municipality, administrator: SignedIn, person_id: int, *, now: datetime
) -> Invitation:
    """A new one-time address for somebody who has forgotten the password or let the first one grow old."""
    person = person_here(session, municipality, person_id)
    if person.disabled_at is not None:
        raise RefusedError(f"{person.name} är avstängd. Släpp in personen igen först.")
    _require_reach(session, administrator, person)
    secret = links.link_for(session, person, now=now)
    persons.record(session, municipality.id, administrator.name, "gav en ny inloggningslänk", person, now=now)
    return Invitation(person, secret, is_known=True)


def take_role(
    session: Session, municipality: Municipality, administrator: SignedIn, membership_id: int, *, now: datetime
) -> None:
    """Take back a role in the municipality; one in all of them only by somebody who administers them all.

    Raises RefusedError for the last administrator's, NotFoundError.
    """
    item = session.get(Membership, membership_id)
    if item is None or not _is_here(item, municipality):
        raise NotFoundError("Rollen finns inte. Någon kan ha tagit bort den redan.")
    if not is_within_reach(administrator, [item]):
        raise RefusedError("Rollen gäller alla kommuner. Den kan bara tas bort av den som administrerar alla.")
    person = session.get_one(Person, item.person_id)
    persons.take_role(session, item.municipality, membership_id, actor=administrator.name, now=now)
    _close_calendar(session, municipality, person, administrator, now=now)


def shut_out(
    session: Session, municipality: Municipality, administrator: SignedIn, person_id: int, *, now: datetime
) -> bool:
    """Let somebody in no more. One who has roles elsewhere too loses only those here: then the answer is False.

    Raises RefusedError for oneself, for the last administrator and for one who administers all municipalities.
    """
    person = person_here(session, municipality, person_id)
    if person.id == administrator.id:
        raise RefusedError("Du kan inte stänga av dig själv. Be en annan administratör.")
    found = persons.memberships(session, person)
    everywhere = [item for item in found if item.municipality == EVERYWHERE]
    if everywhere and not is_within_reach(administrator, everywhere):
        raise RefusedError(
            f"{person.name} har roller i alla kommuner och kan bara stängas av av någon som också har det."
        )
    if everywhere or all(_is_here(item, municipality) for item in found):
        persons.disable(session, person, actor=administrator.name, now=now)
        feed_tokens.revoke_all_of(session, person.name, now=now, actor=administrator.name)
        return True
    for item in found:
        if item.municipality == municipality.id:
            persons.take_role(session, municipality.id, item.id or 0, actor=administrator.name, now=now)
    _close_calendar(session, municipality, person, administrator, now=now)
    return False


def let_in(
    session: Session, municipality: Municipality, administrator: SignedIn, person_id: int, *, now: datetime
) -> None:
    """Let somebody in again who has been shut out."""
    person = person_here(session, municipality, person_id)
    _require_reach(session, administrator, person)
    persons.enable(session, person, actor=administrator.name, now=now)


def rename(
    session: Session, municipality: Municipality, administrator: SignedIn, person_id: int, name: str, *, now: datetime
) -> None:
    """Change the name of somebody who works here."""
    person = person_here(session, municipality, person_id)
    _require_reach(session, administrator, person)
    persons.rename(session, person, name, actor=administrator.name, now=now)


def _is_here(item: Membership, municipality: Municipality) -> bool:
    return item.municipality in (municipality.id, EVERYWHERE)


def _close_calendar(
    session: Session, municipality: Municipality, person: Person, administrator: SignedIn, *, now: datetime
) -> None:
    """Somebody without a role here reads the editorial calendar no longer."""
    if not any(_is_here(item, municipality) for item in persons.memberships(session, person)):
        feed_tokens.revoke_all_of(session, person.name, municipality=municipality.id, now=now, actor=administrator.name)


def _require_reach(session: Session, administrator: SignedIn, person: Person) -> None:
    if not is_within_reach(administrator, persons.memberships(session, person)):
        raise RefusedError(
            f"{person.name} har roller också i andra kommuner. Det kan bara göras av den som administrerar alla dem."
        )
