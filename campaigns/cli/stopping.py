"""Commands that stop and undo: pause, resume, crisis, withdraw, correct."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from sqlmodel import Session, col, select

from campaigns import posts
from campaigns.channels import can
from campaigns.channels.base import Correcting
from campaigns.cli import names, show
from campaigns.enqueue import STANDING
from campaigns.errors import RefusedError
from campaigns.models import Act, Delivery, DeliveryState, Post
from campaigns.sending import pauses, recall
from campaigns.swedish import moment
from campaigns.wiring import Parts, open_parts


def pause(given: argparse.Namespace) -> int:
    """Stop what is scheduled; without a reason, show what is paused."""
    parts = open_parts(os.environ)
    if given.reason is None:
        return _show(parts, as_json=given.json)
    if given.name is None:
        show.line("Ange vem som pausar, till exempel --as ”Anna Andersson”.")
        return 2
    with parts.database.write() as session:
        row = pauses.pause(
            session,
            parts.catalog,
            municipality=given.municipality or "",
            channel=given.channel,
            reason=given.reason,
            name=given.name,
            now=parts.clock(),
        )
        what = pauses.described(row)
    show.line(f"Pausat: {what}. Inget schemalagt går ut förrän pausen avslutas: kampanjhjul resume{_same(given)}")
    show.line("Det som skulle ha gått ut under pausen skickas inte efteråt. Det visas som missat i kön.")
    return 0


def resume(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    with parts.database.write() as session:
        row = pauses.resume(
            session,
            parts.catalog,
            municipality=given.municipality or "",
            channel=given.channel,
            name=given.name,
            now=parts.clock(),
        )
        missed = pauses.missed_in(session, row)
        what = pauses.described(row)
    show.line(f"Pausen är slut: {what}.")
    if missed:
        show.line(
            f"{missed} leveranser missades. Se dem: kampanjhjul queue --state missed. Skicka en: kampanjhjul retry ID"
        )
    return 0


def _same(given: argparse.Namespace) -> str:
    municipality = f" --municipality {given.municipality}" if given.municipality else ""
    return f"{municipality} --channel {given.channel}" if given.channel else municipality


def _show(parts: Parts, *, as_json: bool) -> int:
    with parts.database.read() as session:
        rows = pauses.in_force(session)
    if as_json:
        show.as_json([row.model_dump() for row in rows])
        return 0
    zones = [item.zone for item in parts.catalog.municipalities.values()]
    show.table(
        ("Gäller", "Sedan", "Av", "Skäl"),
        ((pauses.described(row), moment(row.paused_at, zones[0]), row.paused_by, row.reason) for row in rows),
        empty="Inget är pausat.",
    )
    return 0


def crisis(given: argparse.Namespace) -> int:
    """Let one post go out although everything else is paused."""
    parts = open_parts(os.environ)
    with parts.database.write() as session:
        post = posts.find_post(session, given.reference)
        pauses.let_pass(session, post, passes=not given.undo, name=given.name, reason=given.reason, now=parts.clock())
    if given.undo:
        show.line(f"Budskap {post.id} följer pauser som alla andra.")
    else:
        show.line(f"Budskap {post.id} går ut även om allt annat är pausat. Det måste ändå vara godkänt av alla parter.")
    return 0


def withdraw(given: argparse.Namespace) -> int:
    """Take back a published delivery where its channel can, or all that a post has."""
    parts = open_parts(os.environ)
    post = getattr(given, "post", None)
    if (post is None) == (given.delivery is None):
        raise RefusedError("Ange en leverans, eller ett helt budskap med --post ID.")
    if post is not None:
        return _withdraw_post(parts, given, post)
    with parts.database.write() as session:
        row = recall.withdraw(session, given.delivery, name=given.name, reason=given.reason, now=parts.clock())
    if row.id == given.delivery:
        show.line(f"Leverans {given.delivery} är markerad som borttagen av {given.name}.")
    else:
        show.line(f"Leverans {given.delivery} dras tillbaka. Följ det som leverans {row.id} i: kampanjhjul queue")
    return 0


def _withdraw_post(parts: Parts, given: argparse.Namespace, reference: str) -> int:
    """Take back all of a post that can be. 1 if something of it could not."""
    if not given.name.strip() or not given.reason.strip():
        raise RefusedError("Ange vem som drar tillbaka och varför.")
    told, left, is_any_waiting = [], [], False
    with parts.database.write() as session:
        post = posts.find_post(session, reference)
        for row in _deliveries(session, post):
            if row.act == Act.WITHDRAW or row.state in _NOT_OUT:
                continue
            assert row.id is not None
            where = f"{_channel(parts, row)} (leverans {row.id})"
            try:
                made = recall.withdraw(session, row.id, name=given.name, reason=given.reason, now=parts.clock())
            except RefusedError as error:
                left.append(f"{where} dras inte tillbaka: {error.message}")
                is_any_waiting = is_any_waiting or row.state in (DeliveryState.QUEUED, DeliveryState.MANUAL)
            else:
                told.append(f"{where} {'dras tillbaka' if made.id != row.id else 'är markerad som borttagen'}.")
    if not told and not left:
        raise RefusedError(f"Budskap {post.id} står inte i någon kanal. Det finns inget att dra tillbaka.")
    for sentence in (*told, *left):
        show.line(sentence)
    if is_any_waiting:
        stop = f'kampanjhjul reject {post.id} --party PART --as "{given.name}" --reason "{given.reason}"'
        show.line(f"Det som inte har gått ut än stoppas med: {stop}")
    count = f"{len(told)} {'leverans' if len(told) == 1 else 'leveranser'}"
    show.line(f"Budskap {post.id}: {count} dras tillbaka, {len(left)} gör det inte. Följ dem i: kampanjhjul queue")
    return 1 if left else 0


# Nothing of these is out, and nothing of them will be by itself.
_NOT_OUT = (
    *(DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.MISSED, DeliveryState.STOPPED),
    *(DeliveryState.WITHDRAWN, DeliveryState.REPLACED),
)


def _deliveries(session: Session, post: Post) -> Sequence[Delivery]:
    return session.exec(select(Delivery).where(Delivery.post_id == post.id).order_by(col(Delivery.id))).all()


def _channel(parts: Parts, row: Delivery) -> str:
    municipality = parts.catalog.municipalities.get(row.municipality)
    name = names.channels(municipality, [row.channel]) if municipality else row.channel
    return f"{name}, {row.recipient}" if row.recipient else name


def correct(given: argparse.Namespace) -> int:
    """Open a published post so that a new text can be signed and put in the place of the old."""
    parts = open_parts(os.environ)
    with parts.database.write() as session:
        post = posts.find_post(session, given.reference)
        assert post.id is not None
        recall.open_for_correction(session, post.id, name=given.name, reason=given.reason, now=parts.clock())
        remaining = [_remaining(parts, row) for row in _deliveries(session, post)]
    show.line(f"Budskap {post.id} är öppet för rättelse. Den gamla texten ligger kvar tills den nya är godkänd.")
    show.line(f'  Skriv den nya:  kampanjhjul text {post.id} FIL --as "{given.name}"')
    show.line(f"  Läs den:        kampanjhjul posts {post.id}")
    show.line(f'  Godkänn den:    kampanjhjul approve {post.id} --party PART --as "NAMN"  (varje part)')
    for sentence in filter(None, remaining):
        show.line(sentence)
    return 0


def _remaining(parts: Parts, row: Delivery) -> str:
    """That the old text stays, or may stay, where this delivery went; nothing where the new one takes its place."""
    where = f"{_channel(parts, row)} (leverans {row.id})"
    if row.act != Act.WITHDRAW and row.state == DeliveryState.UNKNOWN:
        return (
            f"{where} är osäker: den gamla texten kan ligga där. Titta efter. Gör den det, skriv:"
            f' kampanjhjul done {row.id} --as "NAMN"'
        )
    if row.act == Act.WITHDRAW or row.state not in STANDING or can(row.kind, Correcting):
        return ""
    place = f" på {row.url}" if row.url else ""
    return f"{where} går inte att rätta: den gamla texten ligger kvar där{place}."
