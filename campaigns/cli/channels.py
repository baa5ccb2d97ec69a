"""Commands for channels: list them, test one, start one that was stopped."""

from __future__ import annotations

import argparse
import os

from campaigns import posts, probing
from campaigns.channels.sms import Sms
from campaigns.cli import show
from campaigns.drafts import render_post
from campaigns.errors import RefusedError
from campaigns.facts import facts_at
from campaigns.sending import accounts
from campaigns.wiring import Parts, open_parts


def channel(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    acts = {"list": _list, "test": _test, "start": _start, "price": _price}
    return acts[given.act](parts, given)


def _list(parts: Parts, given: argparse.Namespace) -> int:
    with parts.database.read() as session:
        found = probing.standings(session, parts.catalog, municipality=given.municipality)
    if given.json:
        show.as_json([vars(item) for item in found])
        return 0
    show.table(
        ("Kommun", "Kanal", "Slag", "Läge", "Kan"),
        (
            (
                item.municipality,
                item.channel,
                item.kind,
                f"{item.state_name}: {item.reason}" if item.reason else item.state_name,
                ", ".join(_abilities(item)) or "bara skicka",
            )
            for item in found
        ),
        empty="Det finns inga kanaler.",
    )
    if any(item.reason for item in found):
        show.line("Rätta felet och starta kanalen med: kampanjhjul channel start ID --as NAMN")
    return 0


def _abilities(item: probing.Standing) -> list[str]:
    known = (
        ("dra tillbaka", item.can_withdraw),
        ("rätta", item.can_correct),
        ("kan prövas", item.can_probe),
        ("prov", item.can_rehearse),
    )
    return [name for name, is_able in known if is_able]


def _test(parts: Parts, given: argparse.Namespace) -> int:
    municipality = probing.one_with_channel(parts.catalog, given.channel, given.municipality)
    show.line(probing.rehearse(municipality, given.channel, parts.channels, now=parts.clock()))
    return 0


def _start(parts: Parts, given: argparse.Namespace) -> int:
    municipality = probing.one_with_channel(parts.catalog, given.channel, given.municipality)
    municipality.channel(given.channel)
    with parts.database.write() as session:
        accounts.restart(session, municipality.id, given.channel, name=given.name, now=parts.clock())
    show.line(f"Kanalen {given.channel} är i gång igen. Det som väntar skickas nu.")
    return 0


def _price(parts: Parts, given: argparse.Namespace) -> int:
    """What a post would cost in a channel that takes payment, as its owner counts it; nothing is sent."""
    now = parts.clock()
    with parts.database.read() as session:
        post = posts.find_post(session, given.reference)
        municipality = parts.catalog.municipality(post.municipality)
        config = municipality.channel(given.channel)
        channel = parts.channels[config.kind]
        if not isinstance(channel, Sms):
            raise RefusedError(f"Kanalen {config.id} kostar inget per budskap.")
        facts = facts_at(session, parts.catalog)
        draft = render_post(session, parts.catalog, parts.messages, post, now=now, facts=facts)
    texts = [piece.content.short for piece in draft.pieces if piece.channel == config.id]
    if not texts:
        raise RefusedError(f"Budskap {post.id} går inte ut i kanalen {config.id}.")
    for text in texts:
        price = channel.price(config, text, now=now)
        cost = f"{price.cost / 10_000:.2f}".replace(".", ",")
        parts_word = "del" if price.parts == 1 else "delar"
        show.line(f"{price.recipients} nummer, {price.parts} {parts_word} var. Kostnad: {cost} i kontots valuta.")
    return 0
