"""Commands that stop and undo: pause, resume, crisis, withdraw, correct."""

from __future__ import annotations

import argparse
import os

from campaigns import pauses, posts, recall
from campaigns.cli import show
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
    """Take back a published delivery where its channel can."""
    parts = open_parts(os.environ)
    with parts.database.write() as session:
        row = recall.withdraw(session, given.delivery, name=given.name, reason=given.reason, now=parts.clock())
    if row.id == given.delivery:
        show.line(f"Leverans {given.delivery} är markerad som borttagen av {given.name}.")
    else:
        show.line(f"Leverans {given.delivery} dras tillbaka. Följ det som leverans {row.id} i: kampanjhjul queue")
    return 0


def correct(given: argparse.Namespace) -> int:
    """Open a published post so that a new text can be signed and put in the place of the old."""
    parts = open_parts(os.environ)
    with parts.database.write() as session:
        post = posts.find_post(session, given.reference)
        assert post.id is not None
        recall.open_for_correction(session, post.id, name=given.name, reason=given.reason, now=parts.clock())
    show.line(f"Budskap {post.id} är öppet för rättelse. Den gamla texten ligger kvar tills den nya är godkänd.")
    show.line(f'  Skriv den nya:  kampanjhjul text {post.id} FIL --as "{given.name}"')
    show.line(f"  Läs den:        kampanjhjul posts {post.id}")
    show.line(f'  Godkänn den:    kampanjhjul approve {post.id} --party PART --as "NAMN"  (varje part)')
    return 0
