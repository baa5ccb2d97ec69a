"""Commands that show messages: posts, preview."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlmodel import Session

from campaigns import drafts
from campaigns import posts as use
from campaigns.cli import names, show
from campaigns.cli.planning import chosen, planned, post_as_json
from campaigns.drafts import Draft
from campaigns.enqueue import LEFT_OUT
from campaigns.errors import NotFoundError, TemplateError
from campaigns.facts import facts_at
from campaigns.faults import Severity
from campaigns.models import Post
from campaigns.post_list import next_post, posts_due
from campaigns.signatures import missing_signatures
from campaigns.sms import segments
from campaigns.swedish import POST_STATES, moment
from campaigns.wiring import Parts, open_parts


def posts(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    planned(parts)
    now = parts.clock()
    if given.campaign:
        parts.catalog.campaign(given.campaign)
    with parts.database.read() as session:
        if given.reference:
            return _show_one(parts, session, use.find_post(session, given.reference), given, now)
        rows: list[tuple[Post, list[str]]] = []
        for municipality in chosen(parts.catalog, given.municipality):
            found = [post for post in posts_due(session, municipality) if _wanted(post, given, now)]
            missing = missing_signatures(session, municipality, found)
            rows.extend((post, missing.get(post.id or 0, [])) for post in found)
    if given.json:
        show.as_json([{**post_as_json(post, now=now), "missing": missing} for post, missing in rows])
        return 0
    catalog = parts.catalog
    show.table(
        ("Nr", "Ska ut", "Kampanj", "Steg", "Målgrupp", "Läge", "Saknar godkännande"),
        (
            (
                str(post.id),
                moment(post.due_at, catalog.municipality(post.municipality).zone),
                names.campaign(catalog, post),
                names.step(catalog, post),
                names.audience(catalog, post),
                POST_STATES[use.shown_state(post, now=now)],
                " och ".join(missing),
            )
            for post, missing in rows
        ),
        empty="Inga budskap väntar. Se alla med --all.",
    )
    return 0


def _wanted(post: Post, given: argparse.Namespace, now: datetime) -> bool:
    if given.campaign and post.campaign != given.campaign:
        return False
    return given.everything or (post.not_after > now and post.state not in LEFT_OUT)


def _show_one(parts: Parts, session: Session, post: Post, given: argparse.Namespace, now: datetime) -> int:
    municipality = parts.catalog.municipality(post.municipality)
    facts = facts_at(session, parts.catalog)
    try:
        draft = drafts.render_post(session, parts.catalog, parts.messages, post, now=now, facts=facts)
    except (TemplateError, NotFoundError) as error:
        show.line(error.message)
        return 1
    missing = missing_signatures(session, municipality, [post]).get(post.id or 0, [])
    if given.json:
        told = {"missing": missing, "digest": draft.digest, "pieces": list(_pieces(draft))}
        show.as_json({**post_as_json(post, now=now), **told})
        return 1 if draft.errors else 0
    show.line(f"Budskap {post.id}: {names.message(parts.catalog, post)}")
    show.line(f"Nyckel: {post.key}")
    show.line(f"Ska ut {moment(post.due_at, municipality.zone)}, senast {moment(post.not_after, municipality.zone)}")
    show.line(
        f"Läge: {POST_STATES[use.shown_state(post, now=now)]}. Saknar godkännande: {' och '.join(missing) or 'ingen'}."
    )
    if post.reason:
        show.line(use.told_reason(post))
    show.line(f"Sigill: {draft.digest}")
    print_draft(draft)
    for piece in draft.pieces:
        config = municipality.channel(piece.channel)
        if config.kind == "sms":
            count = segments(piece.content.short).parts
            show.line(
                f"\n{config.name} ({piece.language}): {count} {'del' if count == 1 else 'delar'} till"
                f" {len(config.recipients)} nummer. Priset: kampanjhjul channel price {config.id} {post.id}"
            )
    return 1 if draft.errors else 0


def _pieces(draft: Draft) -> Iterable[dict[str, Any]]:
    for piece in draft.pieces:
        yield {
            "channel": piece.channel,
            "language": piece.language,
            "title": piece.content.title,
            "short": piece.content.short,
            "body": piece.content.body,
            "link": piece.content.link,
            "image": piece.content.image,
            "alt": piece.content.alt,
            "faults": [{"severity": fault.severity, "message": fault.message} for fault in piece.faults],
        }


def print_draft(draft: Draft) -> None:
    """The text, once for all channels that share it, and each channel's faults."""
    shown: dict[bytes, list[str]] = {}
    for piece in draft.pieces:
        shown.setdefault(piece.payload, []).append(piece.channel)
    for payload, channels in shown.items():
        piece = next(item for item in draft.pieces if item.payload == payload)
        show.line(f"\n— {', '.join(channels)} ({piece.language}) —\n{piece.content.title}\n")
        show.line(f"Kort: {piece.content.short}\n\n{piece.content.body.strip()}")
        if piece.content.link:
            show.line(f"\nLänk: {piece.content.link}")
        if piece.content.image:
            size = f", {piece.picture.width} × {piece.picture.height} punkter" if piece.picture else ""
            show.line(f"\nBild: {piece.content.image}{size}. Alternativtext: {piece.content.alt}")
    for fault, where in drafts.faults_by_channel(draft):
        word = "Fel" if fault.severity is Severity.ERROR else "Tänk på"
        show.line(f"\n{word} ({', '.join(where)}): {fault.message}")


def preview(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    planned(parts)
    now = parts.clock()
    campaign = parts.catalog.campaign(given.campaign)
    parts.catalog.audience(given.audience)
    with parts.database.read() as session:
        post = next_post(
            session,
            campaign=campaign.id,
            step=given.step,
            audience=given.audience,
            municipality=parts.catalog.municipality(given.municipality).id if given.municipality else None,
            now=now,
        )
        if post is None:
            steps = ", ".join(f"{step.id} ({', '.join(step.audiences)})" for step in campaign.steps)
            raise NotFoundError(
                f"{campaign.name} har inget kommande steg ”{given.step}” för {given.audience}. Stegen är: {steps}."
            )
        facts = facts_at(session, parts.catalog)
        draft = drafts.render_post(session, parts.catalog, parts.messages, post, now=now, facts=facts)
    wanted = [
        piece for piece in draft.pieces if given.channel in (None, piece.channel) and piece.language == given.lang
    ]
    if not wanted:
        ways = ", ".join(f"{piece.channel} ({piece.language})" for piece in draft.pieces)
        raise NotFoundError(f"Budskapet går inte ut där. Det går ut i: {ways}.")
    narrowed = Draft(tuple(wanted), draft.digest)
    if given.json:
        show.as_json({**post_as_json(post, now=now), "pieces": list(_pieces(narrowed))})
    else:
        zone = parts.catalog.municipality(post.municipality).zone
        show.line(f"Budskap {post.id}: {names.message(parts.catalog, post)}, ska ut {moment(post.due_at, zone)}")
        if post.is_preliminary:
            show.line("Datumet är preliminärt: dagen i texten är ett exempel tills datumet är bekräftat.")
        print_draft(narrowed)
    return 1 if narrowed.errors else 0
