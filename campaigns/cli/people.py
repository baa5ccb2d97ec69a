"""The command about who can sign in: user."""

from __future__ import annotations

import argparse
import os

from sqlmodel import Session

from campaigns.cli import show
from campaigns.models import Person, Role
from campaigns.people import links, persons
from campaigns.wiring import Parts, open_parts


def user(given: argparse.Namespace) -> int:
    """List people, invite them, make a new address for a password, shut one out or let one in again."""
    parts = open_parts(os.environ)
    acts = {"list": _list, "add": _add, "link": _link, "disable": _disable, "enable": _enable}
    acts[given.act](parts, given)
    return 0


def _list(parts: Parts, given: argparse.Namespace) -> None:
    municipality = parts.catalog.municipality(given.municipality) if given.municipality else None
    with parts.database.read() as session:
        rows = persons.colleagues(session, municipality)
    if given.json:
        show.as_json(
            [
                {
                    "email": row.email,
                    "name": row.name,
                    "roles": [
                        {"municipality": item.municipality or None, "role": item.role, "party": item.party or None}
                        for item in row.memberships
                    ],
                    "has_password": row.has_password,
                    "is_disabled": row.is_disabled,
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        tail = " (avstängd)" if row.is_disabled else "" if row.has_password else " (har inte valt lösenord)"
        where = {item.municipality for item in row.memberships if item.municipality}
        places = f" i {', '.join(sorted(where))}" if where else ""
        show.line(f"{row.email}  {row.name}{tail}: {', '.join(row.roles)}{places}")
    if not rows:
        show.line("Ingen kan logga in än. Länken till den första administratören visas när tjänsten startar.")


def _add(parts: Parts, given: argparse.Namespace) -> None:
    municipality = parts.catalog.municipality(given.municipality) if given.municipality else None
    now = parts.clock()
    with parts.database.write() as session:
        person = persons.add_person(session, email=given.email, name=given.person_name, now=now)
        persons.give_role(
            session, municipality, person, role=Role(given.role), party=given.party, actor=given.name, now=now
        )
        secret = "" if person.password_hash else links.link_for(session, person, now=now)
    show.line(f"{person.name} är tillagd.")
    if secret:
        _show_link(parts, person, secret)


def _link(parts: Parts, given: argparse.Namespace) -> None:
    with parts.database.write() as session:
        person = persons.find_person(session, given.email)
        secret = links.link_for(session, person, now=parts.clock())
    _show_link(parts, person, secret)


def _show_link(parts: Parts, person: Person, secret: str) -> None:
    show.line(f"{person.name} väljer lösenord här (gäller en vecka, en gång):")
    show.line(f"  {parts.settings.base_url}/valkommen/{secret}")


def _disable(parts: Parts, given: argparse.Namespace) -> None:
    with parts.database.write() as session:
        person = _person(session, given)
        persons.disable(session, person, actor=given.name, now=parts.clock())
    show.line(f"{person.name} kan inte logga in längre.")


def _enable(parts: Parts, given: argparse.Namespace) -> None:
    with parts.database.write() as session:
        person = _person(session, given)
        persons.enable(session, person, actor=given.name, now=parts.clock())
    show.line(f"{person.name} kan logga in igen.")


def _person(session: Session, given: argparse.Namespace) -> Person:
    return persons.find_person(session, given.email)
