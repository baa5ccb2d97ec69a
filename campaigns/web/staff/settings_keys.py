"""Inställningar: the keys with which programs use the API. For administrators."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from campaigns import tokens
from campaigns.errors import RefusedError
from campaigns.web.staff.frame import StaffPage, Visit, administrators

KEYS = "installningar/nycklar"


def show(visit: Visit) -> Response:
    """The keys that are in use, without the secrets: nobody has them."""
    return _page(visit)


def create(visit: Visit) -> Response:
    """A new key. It is on the answer to this one request, and nowhere after that.

    One that may sign does so in the name of the person who makes it, for a party that this person signs for.
    """
    party = visit.field("part")
    if party and party not in visit.roles.parties:
        fault = "Du kan bara göra en nyckel som godkänner för en part som du själv godkänner för."
        return _page(visit, faults={"part": fault})
    name = visit.person.name if party else visit.field("namn")
    try:
        with visit.parts.database.write() as session:
            secret = tokens.create_api_token(
                session,
                municipality=visit.municipality,
                party=party,
                name=name,
                now=visit.now,
                actor=visit.person.name,
            )
    except RefusedError:
        fault = "Skriv vad nyckeln ska användas till, med högst 100 tecken, till exempel ”Kommunens webbplats”."
        return _page(visit, faults={"namn": fault})
    return _page(visit, secret=secret)


def revoke(visit: Visit) -> Response:
    """Make a key useless from now on."""
    with visit.parts.database.write() as session:
        tokens.revoke_api_token(
            session,
            visit.request.path_params["token"],
            municipality=visit.municipality.id,
            name=visit.person.name,
            now=visit.now,
        )
    return visit.redirect(KEYS, "Nyckeln är indragen och gäller inte längre.")


def _page(visit: Visit, *, secret: str = "", faults: Mapping[str, str] | None = None) -> Response:
    with visit.parts.database.read() as session:
        found = tokens.list_api_tokens(session, municipality=visit.municipality.id)
    parties = visit.municipality.party_names
    return visit.page(
        "nycklar.html",
        status=422 if faults else 200,
        faults=faults or {},
        keys=[item for item in found if item.revoked_at is None],
        parties=parties,
        own_parties=[item for item in visit.roles.parties if item in parties],
        secret=secret,
        written=visit.field,
    )


PAGES = (
    StaffPage(KEYS, get=show, post=create, needs=administrators),
    StaffPage(f"{KEYS}/{{token:int}}/dra-in", post=revoke, needs=administrators),
)
