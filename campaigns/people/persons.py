"""The staff: who can sign in, and what they may do where."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.catalog import Municipality
from campaigns.errors import NotFoundError, RefusedError, suggestion
from campaigns.models import Membership, Person, Role, SignIn, Token
from campaigns.people.roles import EVERYWHERE, ROLE_NAMES
from campaigns.written import name_key, name_of

LONGEST_NAME = 100
LONGEST_EMAIL = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets


@dataclass(frozen=True)
class Colleague:
    """A person with a role in a municipality, as shown to its administrators. `roles` are their words."""

    id: int
    name: str
    email: str
    memberships: tuple[Membership, ...]
    roles: tuple[str, ...]
    has_password: bool
    is_disabled: bool


def add_person(session: Session, *, email: str, name: str, now: datetime) -> Person:
    """The person with this address, made if there is none. Raises RefusedError for what is no address or no name."""
    email = clean_email(email)
    name = clean_name(name)
    person = session.exec(select(Person).where(Person.email == email)).one_or_none()
    if person is None:
        _refuse_taken(session, name)
        person = Person(email=email, name=name, created_at=now)
        session.add(person)
        session.flush()
    return person


def is_known(session: Session, email: str) -> bool:
    """Whether there is a person with this address."""
    return session.exec(select(Person.id).where(Person.email == clean_email(email))).first() is not None


def clean_email(email: str) -> str:
    """The address as it is kept. Raises RefusedError for what cannot be one."""
    email = unicodedata.normalize("NFC", email.strip()).casefold()
    box, _, host = email.rpartition("@")
    is_whole = box and "." in host and email.isprintable() and " " not in email and len(email) <= LONGEST_EMAIL
    if not is_whole:
        raise RefusedError("Skriv en hel e-postadress, till exempel anna.andersson@kommunen.se.")
    return email


def clean_name(name: str) -> str:
    """The name as it is kept. Raises RefusedError without one."""
    name = name_of(name)
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise RefusedError(f"Skriv för- och efternamn, högst {LONGEST_NAME} tecken.")
    return name


def _refuse_taken(session: Session, name: str, *, but: Person | None = None) -> None:
    """People are told apart by their names where they sign, and their calendars are known by them."""
    others = session.exec(select(Person.name).where(col(Person.id) != (but.id if but else None)))
    if name_key(name) in map(name_key, others):
        raise RefusedError(f"Det finns redan någon som heter {name}. Lägg till något som skiljer er åt.")


def give_role(
    session: Session,
    municipality: Municipality | None,
    person: Person,
    *,
    role: Role,
    party: str = "",
    actor: str,
    now: datetime,
) -> None:
    """Let the person be `role` in the municipality, or in all of them (None). Giving it again changes nothing.

    Raises NotFoundError for an unknown party, RefusedError for an approver without one and for an
    operator of one municipality.
    """
    if role is Role.OPERATOR and municipality is not None:
        raise RefusedError("Driftansvariga utses från kommandoraden: kampanjhjul operator add")
    if role is Role.APPROVER:
        if municipality is None:
            raise RefusedError("En godkännare godkänner för en part i en kommun. Välj kommun.")
        if not party:
            names = [item.id for item in municipality.parties]
            raise RefusedError(f"Välj vilken part personen godkänner för: {', '.join(names)}.")
        chosen = municipality.party(party)
        if chosen.people and person.name not in chosen.people:
            raise RefusedError(
                f"{person.name} får inte godkänna för {chosen.name}. {suggestion(person.name, chosen.people)}"
            )
    else:
        party = ""
    where = municipality.id if municipality else EVERYWHERE
    if any((item.municipality, item.role, item.party) == (where, role, party) for item in memberships(session, person)):
        return
    session.add(Membership(person_id=person.id or 0, municipality=where, role=role, party=party))
    record(session, where, actor, f"gav rollen {ROLE_NAMES[role]}{f' för {party}' if party else ''}", person, now=now)
    session.flush()


def take_role(session: Session, municipality: str, membership_id: int, *, actor: str, now: datetime) -> None:
    """Take a role in `municipality` back. Raises RefusedError for the last administrator's, NotFoundError."""
    item = session.get(Membership, membership_id)
    if item is None or item.municipality != municipality:
        raise NotFoundError("Rollen finns inte. Någon kan ha tagit bort den redan.")
    person = session.get_one(Person, item.person_id)
    if item.role == Role.ADMINISTRATOR and not _others_administer(session, municipality, person):
        raise RefusedError(f"{person.name} är den enda administratören. Lägg till en till först.")
    session.delete(item)
    record(session, municipality, actor, f"tog bort rollen {ROLE_NAMES[Role(item.role)]}", person, now=now)
    session.flush()


def rename(session: Session, person: Person, name: str, *, actor: str, now: datetime) -> None:
    """Change a person's name. What has been signed keeps the name that signed it.

    Raises RefusedError for a name that somebody else has: people are told apart by it where they sign.
    """
    name, before = clean_name(name), person.name
    if name == before:
        return
    _refuse_taken(session, name, but=person)
    person.name = name
    session.add(person)
    session.execute(update(Token).where(col(Token.purpose) == "feed", col(Token.name) == before).values(name=name))
    record(session, EVERYWHERE, actor, "bytte namn", person, now=now, detail=f"från {before} till {name}")


def disable(session: Session, person: Person, *, actor: str, now: datetime) -> None:
    """Let the person in no more, anywhere, from now on. Raises RefusedError for the last administrator."""
    for item in memberships(session, person):
        if item.role == Role.ADMINISTRATOR and not _others_administer(session, item.municipality, person):
            raise RefusedError(f"{person.name} är den enda administratören. Lägg till en till först.")
    person.disabled_at = now
    session.add(person)
    session.execute(delete(SignIn).where(col(SignIn.person_id) == person.id))
    record(session, EVERYWHERE, actor, "stängde av inloggning", person, now=now)


def enable(session: Session, person: Person, *, actor: str, now: datetime) -> None:
    """Let a disabled person in again."""
    person.disabled_at = None
    session.add(person)
    record(session, EVERYWHERE, actor, "öppnade inloggning", person, now=now)


def find_person(session: Session, email: str) -> Person:
    """The person with this address. Raises NotFoundError."""
    person = session.exec(select(Person).where(Person.email == email.strip().casefold())).one_or_none()
    if person is None:
        raise NotFoundError("Det finns ingen person med den e-postadressen. Se alla med: kampanjhjul user list")
    return person


def by_id(session: Session, person_id: int) -> Person:
    """The person with this number, who must be there."""
    return session.get_one(Person, person_id)


def memberships(session: Session, person: Person) -> Sequence[Membership]:
    """All roles of the person, in all municipalities."""
    return session.exec(select(Membership).where(Membership.person_id == person.id).order_by(col(Membership.id))).all()


def colleagues(session: Session, municipality: Municipality | None = None) -> list[Colleague]:
    """Everybody with a role in the municipality, or at all, by name."""
    found: dict[int, tuple[Person, list[Membership]]] = {}
    for person, item in session.exec(
        select(Person, Membership).join(Membership, col(Membership.person_id) == col(Person.id))
    ):
        if municipality is None or item.municipality in (municipality.id, EVERYWHERE):
            found.setdefault(person.id or 0, (person, []))[1].append(item)
    rows = [_colleague(person, items, municipality) for person, items in found.values()]
    return sorted(rows, key=lambda row: (row.is_disabled, row.name.casefold()))


def count_administrators(session: Session, municipality: str) -> int:
    """How many can administer the municipality: those who can sign in, its own and everybody's."""
    return len(_administrators(session, municipality))


def anybody(session: Session) -> bool:
    """Whether anyone can sign in."""
    return session.exec(select(Person.id).where(Person.password_hash != "").limit(1)).first() is not None


def _administrators(session: Session, municipality: str) -> set[int]:
    query = (
        select(Membership.person_id)
        .join(Person, col(Person.id) == col(Membership.person_id))
        .where(
            Membership.role == Role.ADMINISTRATOR,
            col(Membership.municipality).in_({municipality, EVERYWHERE}),
            col(Person.disabled_at).is_(None),
            Person.password_hash != "",
        )
    )
    return set(session.exec(query))


def _others_administer(session: Session, municipality: str, person: Person) -> bool:
    return bool(_administrators(session, municipality) - {person.id})


def _colleague(person: Person, items: Iterable[Membership], municipality: Municipality | None) -> Colleague:
    items = tuple(items)
    return Colleague(
        id=person.id or 0,
        name=person.name,
        email=person.email,
        memberships=items,
        roles=tuple(role_words(item, municipality) for item in items),
        has_password=bool(person.password_hash),
        is_disabled=person.disabled_at is not None,
    )


def role_words(item: Membership, municipality: Municipality | None = None) -> str:
    """”godkännare för Aneby kommun”, ”administratör för alla kommuner”."""
    word = ROLE_NAMES[Role(item.role)]
    if item.party:
        parties = municipality.party_names if municipality else {}
        word = f"{word} för {parties.get(item.party, item.party)}"
    return f"{word} för alla kommuner" if item.municipality == EVERYWHERE else word


def record(
    session: Session, municipality: str, actor: str, action: str, person: Person, *, now: datetime, detail: str = ""
) -> None:
    """Write an act that concerns a person into the log."""
    subject = f"person {person.id}"
    audit.record(
        session, now=now, municipality=municipality, actor=actor, action=action, subject=subject, detail=detail
    )
