"""Signing in and out. `begin` is the one door: another way to prove who somebody is ends with a call of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.database import Database
from campaigns.errors import RefusedError
from campaigns.models import Membership, Person, SignIn
from campaigns.people import passwords, throttle
from campaigns.people.secret_words import hash_of

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=14)
# How often a sign-in's last use is written down.
SEEN_EVERY = timedelta(minutes=5)

_WRONG = "E-postadressen eller lösenordet stämmer inte. Kontrollera båda, eller be en administratör om en ny länk."


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in, with all of the person's roles. `message` is what the next page is to tell."""

    id: int
    name: str
    email: str
    memberships: Sequence[Membership]
    has_shortcuts: bool
    message: str
    seen_at: datetime


def sign_in(
    database: Database, *, email: str, password: str, origin: str, now: datetime, is_known: bool = False
) -> str:
    """The secret of a new sign-in, for the cookie. `origin` is where from, and bounds how often it can be tried.

    `is_known`: the browser has signed in with this address before, and only the address's own tries bound it.
    Raises RefusedError, the same whether the address or the password is wrong. Takes the database, since checking a
    password takes a tenth of a second and no transaction may be open meanwhile.
    """
    email = email.strip().casefold()
    with database.write() as session:
        throttle.admit(session, email, origin, now=now, counts_origin=not is_known)
        person = session.exec(select(Person).where(Person.email == email)).one_or_none()
    is_right = passwords.is_right(password, person.password_hash if person else "")
    if person is None or person.id is None or not is_right or person.disabled_at is not None:
        raise RefusedError(_WRONG)
    renewed = passwords.rehashed(password) if passwords.is_outdated(person.password_hash) else None
    with database.write() as session:
        throttle.forget(session, email, origin)
        if renewed:
            session.execute(update(Person).where(col(Person.id) == person.id).values(password_hash=renewed))
        return begin(session, person.id, now=now)


def begin(session: Session, person_id: int, *, now: datetime) -> str:
    """A new sign-in for a person who has been proven to be that person. Returns its secret. Old ones are cleared."""
    session.execute(delete(SignIn).where((col(SignIn.created_at) < now - LONGEST) | (col(SignIn.seen_at) < now - IDLE)))
    secret = secrets.token_urlsafe(32)
    session.add(SignIn(token_hash=hash_of(secret), person_id=person_id, created_at=now, seen_at=now))
    person = session.get_one(Person, person_id)
    audit.record(
        session, now=now, municipality="", actor=person.name, action="loggade in", subject=f"person {person_id}"
    )
    return secret


def find(session: Session, secret: str, *, now: datetime) -> SignedIn | None:
    """Who has this secret, unless it has been idle or in use for too long, or the person has been disabled."""
    row = session.exec(
        select(SignIn, Person)
        .join(Person, col(Person.id) == col(SignIn.person_id))
        .where(SignIn.token_hash == hash_of(secret), col(Person.disabled_at).is_(None))
    ).first()
    if row is None:
        return None
    item, person = row
    if item.created_at <= now - LONGEST or item.seen_at <= now - IDLE:
        return None
    memberships = session.exec(select(Membership).where(Membership.person_id == person.id)).all()
    return SignedIn(
        person.id or 0, person.name, person.email, memberships, person.has_shortcuts, item.message, item.seen_at
    )


def see(session: Session, secret: str, *, now: datetime) -> None:
    """The sign-in is in use, and its message has been told."""
    session.execute(update(SignIn).where(col(SignIn.token_hash) == hash_of(secret)).values(seen_at=now, message=""))


def leave_message(session: Session, secret: str, message: str) -> None:
    """Let the next page tell something, once."""
    session.execute(update(SignIn).where(col(SignIn.token_hash) == hash_of(secret)).values(message=message))


def sign_out(session: Session, secret: str) -> None:
    """End a sign-in. Ending it again changes nothing."""
    session.execute(delete(SignIn).where(col(SignIn.token_hash) == hash_of(secret)))
