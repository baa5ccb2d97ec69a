"""The command about personal links to sign at: sign-link."""

from __future__ import annotations

import argparse
import os

from campaigns import signing_links
from campaigns.cli import show
from campaigns.cli.planning import planned
from campaigns.errors import RefusedError, without_command
from campaigns.posts import find_post
from campaigns.signing_links import Known
from campaigns.swedish import moment
from campaigns.wiring import Parts, open_parts


def sign_link(given: argparse.Namespace) -> int:
    """Make a personal link, list them, or make one worthless."""
    parts = open_parts(os.environ)
    acts = {"create": _create, "list": _list, "revoke": _revoke}
    acts[given.act](parts, given)
    return 0


def _create(parts: Parts, given: argparse.Namespace) -> None:
    planned(parts)
    municipality = parts.catalog.municipality(given.municipality)
    now = parts.clock()
    if bool(given.post) == bool(given.campaign) or bool(given.campaign) != bool(given.year):
        raise RefusedError("Ange antingen --post, en eller flera gånger, eller både --campaign och --year.")
    with parts.database.write() as session:
        if given.post:
            posts = [find_post(session, reference).id or 0 for reference in given.post]
        else:
            campaign = parts.catalog.campaign(given.campaign).id
            posts = signing_links.posts_of(session, municipality, campaign, given.year, party=given.party, now=now)
        made = signing_links.make_link(
            session,
            parts.catalog,
            parts.messages,
            municipality,
            posts,
            party=given.party,
            name=given.person_name,
            created_by=given.name,
            now=now,
        )
    until = moment(made.expires_at, municipality.zone)
    show.line(f"{made.name} läser och godkänner {len(made.post_ids)} budskap här, till {until}. Länken visas bara nu:")
    show.line(f"  {made.url(parts.settings.base_url)}")
    for post_id, why in made.left_out:
        show.line(f"Budskap {post_id} kom inte med: {without_command(why)}")


def _list(parts: Parts, given: argparse.Namespace) -> None:
    municipality = parts.catalog.municipality(given.municipality) if given.municipality else None
    now = parts.clock()
    with parts.database.read() as session:
        found = signing_links.known_links(session, municipality)
    if given.json:
        show.as_json([{**vars(item), "is_valid": item.is_open(now=now)} for item in found])
        return
    show.table(
        ("Nr", "Kommun", "Till", "Part", "Budskap", "Gjord av", "Gäller"),
        (
            (
                str(item.id),
                item.municipality,
                item.name,
                item.party,
                " ".join(str(post_id) for post_id in item.post_ids),
                item.created_by,
                _validity(parts, item),
            )
            for item in found
        ),
        empty="Det finns inga personliga länkar.",
    )


def _validity(parts: Parts, item: Known) -> str:
    if item.revoked_at is not None:
        return "nej, indragen"
    if not item.is_open(now=parts.clock()):
        return "nej, för gammal"
    municipality = parts.catalog.municipalities.get(item.municipality)
    return f"till {moment(item.expires_at, municipality.zone)}" if municipality else "nej, kommunen finns inte"


def _revoke(parts: Parts, given: argparse.Namespace) -> None:
    with parts.database.write() as session:
        link = signing_links.revoke_link(session, given.link, municipality=None, name=given.name, now=parts.clock())
    show.line(f"Länk {link.id} till {link.name} är indragen och gäller inte längre.")
