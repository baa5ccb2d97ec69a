"""The commands of those who run the service for several municipalities: municipality and operator."""

from __future__ import annotations

import argparse
import os

from campaigns import municipality_files as files
from campaigns.channels import KINDS
from campaigns.cli import show
from campaigns.models import Role
from campaigns.overviews import operating
from campaigns.people import links, persons
from campaigns.settings import read_settings
from campaigns.wiring import Parts, open_parts


def municipality(given: argparse.Namespace) -> int:
    """Add a municipality: one file, checked with all the others."""
    config = read_settings(os.environ).config_dir
    path = files.add(
        config,
        given.id,
        title=given.title,
        code=given.code,
        police_area=given.police_area,
        website=given.website,
        channel_kinds=KINDS,
    )
    show.line(f"{path} är skriven och kontrollerad. Tjänsten tar in den inom en minut.")
    show.line("Kontrollera det här och ta bort märkena:")
    for number, line in files.unconfirmed(path):
        show.line(f"  rad {number}: {line}")
    show.line(f"Bjud sedan in den första: kampanjhjul user add E-POST --role administrator --municipality {given.id} …")
    return 0


def operator(given: argparse.Namespace) -> int:
    """How all municipalities stand, or who may see it on the page."""
    parts = open_parts(os.environ)
    if given.act == "add":
        return _add(parts, given)
    if given.act == "remove":
        return _remove(parts, given)
    now = parts.clock()
    with parts.database.read() as session:
        rows = operating.standing(session, parts.catalog, now=now)
    if given.json:
        show.as_json([{**vars(row), "needs_somebody": row.needs_somebody} for row in rows])
        return 0
    show.table(
        ("kommun", "väntar", "försenat", "osäkert", "fel 30 d", "ej godkänt 7 d", "kanaler som står", "senast ut"),
        [
            (
                row.id,
                *(str(count or "-") for count in (row.waiting, row.overdue, row.unknown, row.failed, row.unsigned)),
                ", ".join(row.held) or "-",
                f"{row.last_sent:%Y-%m-%d %H:%M}" if row.last_sent else "-",
            )
            for row in rows
        ],
        empty="Det finns ingen kommun.",
    )
    return 1 if any(row.overdue or row.unknown or row.held for row in rows) else 0


def _add(parts: Parts, given: argparse.Namespace) -> int:
    now = parts.clock()
    with parts.database.write() as session:
        person = persons.add_person(session, email=given.email, name=given.person_name, now=now)
        persons.give_role(session, None, person, role=Role.OPERATOR, actor=given.name, now=now)
        secret = "" if person.password_hash else links.link_for(session, person, now=now)
    show.line(f"{person.name} är driftansvarig och ser alla kommuner på {parts.settings.base_url}/drift.")
    if secret:
        show.line(f"Välj lösenord här (gäller en vecka, en gång):\n  {parts.settings.base_url}/valkommen/{secret}")
    return 0


def _remove(parts: Parts, given: argparse.Namespace) -> int:
    with parts.database.write() as session:
        person = persons.find_person(session, given.email)
        for item in persons.memberships(session, person):
            if item.role == Role.OPERATOR:
                persons.take_role(session, "", item.id or 0, actor=given.name, now=parts.clock())
    show.line(f"{person.name} är inte driftansvarig längre.")
    return 0
