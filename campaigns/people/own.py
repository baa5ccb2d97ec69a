"""What everybody may change about themselves: name, password, shortcuts, and where they are signed in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Session, col

from campaigns import audit
from campaigns.database import Database
from campaigns.errors import RefusedError
from campaigns.models import Person, Role, SignIn
from campaigns.people import passwords, persons, throttle
from campaigns.people.secret_words import hash_of


def change_name(session: Session, person_id: int, name: str, *, now: datetime) -> None:
    """Change one's own name. Who signs for a party is known by the name, so that an administrator changes those."""
    person = session.get_one(Person, person_id)
    if any(item.role == Role.APPROVER for item in persons.memberships(session, person)):
        raise RefusedError("Du godkänner texter, och namnet står under dem. Be en administratör att byta det.")
    persons.rename(session, person, name, actor=person.name, now=now)


def change_password(
    database: Database, person_id: int, *, present: str, chosen: str, secret: str, origin: str, now: datetime
) -> None:
    """Change one's own password. Every other browser than the one with `secret` is signed out.

    Raises RefusedError if `present` is not the present one, or if the chosen one is easy to guess. Takes the database,
    since checking and hashing take a tenth of a second each and no transaction may be open meanwhile.
    """
    with database.write() as session:
        person = session.get_one(Person, person_id)
        throttle.admit(session, person.email, origin, now=now, counts_origin=False)
    if not passwords.is_right(present, person.password_hash):
        raise RefusedError("Det nuvarande lösenordet stämmer inte. Skriv det igen.")
    with database.write() as session:
        throttle.forget(session, person.email, origin)
    fresh = passwords.hashed(chosen, email=person.email, name=person.name)
    with database.write() as session:
        changed = session.connection().execute(
            update(Person)
            .where(col(Person.id) == person_id, col(Person.password_hash) == person.password_hash)
            .values(password_hash=fresh)
        )
        if changed.rowcount != 1:
            raise RefusedError("Lösenordet byttes just på ett annat ställe. Logga in med det nya.")
        session.execute(
            delete(SignIn).where(col(SignIn.person_id) == person_id, col(SignIn.token_hash) != hash_of(secret))
        )
        _record(session, person, "bytte lösenord", now=now)


def use_shortcuts(session: Session, person_id: int, *, is_on: bool, now: datetime) -> None:
    """Turn single keys as shortcuts on or off (WCAG 2.1.4)."""
    person = session.get_one(Person, person_id)
    if person.has_shortcuts != is_on:
        person.has_shortcuts = is_on
        session.add(person)
        _record(session, person, f"slog {'på' if is_on else 'av'} kortkommandon", now=now)


def sign_out_everywhere(session: Session, person_id: int, *, now: datetime) -> None:
    """End every sign-in of the person, this one too."""
    session.execute(delete(SignIn).where(col(SignIn.person_id) == person_id))
    _record(session, session.get_one(Person, person_id), "loggade ut överallt", now=now)


def _record(session: Session, person: Person, action: str, *, now: datetime) -> None:
    audit.record(session, now=now, municipality="", actor=person.name, action=action, subject=f"person {person.id}")
