"""Commands about what others read: feeds, and the secret addresses and keys to them."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from typing import Any

from campaigns import feed_tokens, tokens
from campaigns.cli import show
from campaigns.cli.planning import chosen, planned
from campaigns.errors import NotFoundError, RefusedError
from campaigns.publishing import address, refresh_stale
from campaigns.web.feedstore import FeedStore, public_path
from campaigns.web.freshness import Freshness
from campaigns.wiring import Parts, open_parts


def feed(given: argparse.Namespace) -> int:
    """The very bytes that the web server would answer with."""
    parts = _as_served(open_parts(os.environ))
    municipality = _one(parts, given.municipality)
    planned(parts)
    refresh_stale(parts.database, parts.catalog, now=parts.clock(), base_url=parts.settings.base_url)
    store = FeedStore(parts.catalog, base_url=parts.settings.base_url)
    Freshness(parts, store).refresh()
    if given.which == "editorial":
        body = store.editorial[municipality].resource.body
    else:
        path = public_path(municipality) if given.which == "public" else f"/feeds/{municipality}/nyheter.rss"
        body = store.routes[path].resource.body
    sys.stdout.buffer.write(body)
    return 0


def _as_served(parts: Parts) -> Parts:
    """With the address that the server has claimed: a shell with other settings than the server's does not know it."""
    with parts.database.read() as session:
        base_url = address(session) or parts.settings.base_url
    return replace(parts, settings=replace(parts.settings, base_url=base_url))


def _one(parts: Parts, wanted: str | None) -> str:
    found = chosen(parts.catalog, wanted)
    if len(found) > 1:
        names = ", ".join(item.id for item in found)
        raise RefusedError(f"Säg vilken kommun det gäller med --municipality. De är: {names}.")
    return found[0].id


def token(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    acts = {"feed": _new_feed, "api": _new_api, "list": _list, "revoke": _revoke}
    acts[given.act](parts, given)
    return 0


def _new_feed(parts: Parts, given: argparse.Namespace) -> None:
    municipality = parts.catalog.municipality(given.municipality)
    if not given.name.strip():
        raise RefusedError("Ange vem adressen är till, till exempel --as ”Anna Andersson”.")
    with parts.database.write() as session:
        secret = feed_tokens.create_feed_token(
            session, municipality=municipality.id, name=given.name, now=parts.clock(), actor=given.name
        )
    show.line("Prenumerera på den här adressen. Den är personlig och hemlig, och visas bara nu:")
    show.line(f"  {_as_served(parts).settings.base_url}/feeds/private/{secret}/redaktion-{municipality.id}.ics")


def _new_api(parts: Parts, given: argparse.Namespace) -> None:
    municipality = parts.catalog.municipality(given.municipality)
    with parts.database.write() as session:
        secret = tokens.create_api_token(
            session, municipality=municipality, party=given.party, name=given.name, now=parts.clock()
        )
    show.line("Nyckeln visas bara nu. Skicka den i huvudet Authorization:")
    show.line(f"  Bearer {secret}")


def _list(parts: Parts, given: argparse.Namespace) -> None:
    rows: list[dict[str, Any]] = []
    with parts.database.read() as session:
        for name in parts.catalog.municipalities:
            rows.extend(
                {"id": item.id, "kind": kind, "municipality": name, "name": item.name, "revoked_at": item.revoked_at}
                for kind, found in (
                    ("feed", feed_tokens.list_feed_tokens(session, municipality=name)),
                    ("api", tokens.list_api_tokens(session, municipality=name)),
                )
                for item in found
            )
    if given.json:
        show.as_json(rows)
        return
    show.table(
        ("Nr", "Till", "Kommun", "Vem", "Gäller"),
        (
            (
                str(row["id"]),
                {"feed": "redaktionens kalender", "api": "API"}[row["kind"]],
                row["municipality"],
                row["name"],
                "nej, indragen" if row["revoked_at"] else "ja",
            )
            for row in rows
        ),
        empty="Det finns inga adresser eller nycklar.",
    )


def _revoke(parts: Parts, given: argparse.Namespace) -> None:
    now = parts.clock()
    with parts.database.write() as session:
        try:
            feed_tokens.revoke_feed_token(session, given.token, now=now, actor=given.name)
        except NotFoundError:
            tokens.revoke_api_token(session, given.token, name=given.name, now=now)
    show.line(f"Nummer {given.token} är indragen och gäller inte längre.")
