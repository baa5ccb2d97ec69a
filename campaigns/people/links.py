"""Addresses that let a person choose a password, once: the first administrator's, an invitation, a forgotten one."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select, update

from campaigns import audit
from campaigns.errors import NotFoundError
from campaigns.models import OneTimeLink, Person, Role, SignIn
from campaigns.people.passwords import hashed
from campaigns.people.persons import add_person, anybody, give_role
from campaigns.people.secret_words import hash_of

LASTS = timedelta(days=7)
_DEAD = (
    "Länken gäller inte längre. Den kan ha använts, ersatts av en nyare eller blivit för gammal. "
    "Be en administratör om en ny."
)


def first_link(session: Session, *, now: datetime) -> str | None:
    """The secret of a new address for the first administrator, or None if somebody can sign in already.

    The one made before it, by an earlier start, is no longer valid.
    """
    if anybody(session):
        return None
    session.execute(delete(OneTimeLink).where(col(OneTimeLink.person_id).is_(None), col(OneTimeLink.used_at).is_(None)))
    return _made(session, None, now=now)


def link_for(session: Session, person: Person, *, now: datetime) -> str:
    """The secret of a new address at which the person chooses a password. Earlier ones are no longer valid."""
    session.execute(
        delete(OneTimeLink).where(col(OneTimeLink.person_id) == person.id, col(OneTimeLink.used_at).is_(None))
    )
    return _made(session, person, now=now)


def whose(session: Session, secret: str, *, now: datetime) -> Person | None:
    """Whom the address is for; None for the first administrator. Raises NotFoundError if it is not valid (any more)."""
    link = _valid(session, secret, now=now)
    return session.get_one(Person, link.person_id) if link.person_id is not None else None


def use(session: Session, secret: str, *, email: str, name: str, password: str, now: datetime) -> Person:
    """Choose a password with the address, which is then used up. Whoever was signed in as the person is signed out.

    `email` and `name` count only for the first administrator. Raises NotFoundError for an address that is not valid,
    RefusedError for a password that is easy to guess.
    """
    link = _valid(session, secret, now=now)
    if link.person_id is None:
        person = add_person(session, email=email, name=name, now=now)
        give_role(session, None, person, role=Role.ADMINISTRATOR, actor=person.name, now=now)
    else:
        person = session.get_one(Person, link.person_id)
    person.password_hash = hashed(password, email=person.email, name=person.name)
    session.add(person)
    taken = session.connection().execute(
        update(OneTimeLink)
        .where(col(OneTimeLink.token_hash) == link.token_hash, col(OneTimeLink.used_at).is_(None))
        .values(used_at=now)
    )
    if taken.rowcount != 1:
        raise NotFoundError(_DEAD)
    session.execute(delete(SignIn).where(col(SignIn.person_id) == person.id))
    audit.record(
        session, now=now, municipality="", actor=person.name, action="valde lösenord", subject=f"person {person.id}"
    )
    return person


def _made(session: Session, person: Person | None, *, now: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    session.add(
        OneTimeLink(
            token_hash=hash_of(secret),
            person_id=person.id if person else None,
            created_at=now,
            expires_at=now + LASTS,
        )
    )
    return secret


def _valid(session: Session, secret: str, *, now: datetime) -> OneTimeLink:
    link = session.exec(select(OneTimeLink).where(OneTimeLink.token_hash == hash_of(secret))).one_or_none()
    is_dead = link is None or link.used_at is not None or link.expires_at <= now
    if link is None or is_dead or (link.person_id is None and anybody(session)):
        raise NotFoundError(_DEAD)
    if link.person_id is not None and session.get_one(Person, link.person_id).disabled_at is not None:
        raise NotFoundError(_DEAD)
    return link
