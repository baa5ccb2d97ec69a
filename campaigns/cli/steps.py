"""Commands that decide about single steps: move, skip."""

from __future__ import annotations

import argparse
import os

from sqlmodel import Session

from campaigns import posts, step_changes
from campaigns.catalog import Municipality
from campaigns.cli import names, show
from campaigns.cli.planning import planned
from campaigns.errors import RefusedError
from campaigns.localtime import chosen
from campaigns.models import Post, PostState
from campaigns.swedish import moment
from campaigns.wiring import Parts, open_parts


def move(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    planned(parts)
    with parts.database.write() as session:
        found, municipality = _together(session, parts, given.references)
        were_signed = [post.id for post in found if post.state == PostState.APPROVED]
        to = chosen(given.to, municipality.zone)
        moved = step_changes.move_step(
            session,
            parts.catalog,
            parts.messages,
            municipality,
            [post.id or 0 for post in found],
            to=to,
            name=given.name,
            now=parts.clock(),
        )
        fallen = [post.id for post in moved if post.id in were_signed and post.state != PostState.APPROVED]
    if to.note:
        show.line(to.note)
    for post in moved:
        due, last = (moment(at, municipality.zone) for at in (post.due_at, post.not_after))
        show.line(f"Budskap {post.id} ({names.message(parts.catalog, post)}) ska ut {due}, senast {last}.")
    for post_id in fallen:
        show.line(f"Tiden ändrade texten i budskap {post_id}: godkännandena gäller inte längre. Läs och godkänn igen.")
    return 0


def skip(given: argparse.Namespace) -> int:
    """Leave posts out this year, or take them back."""
    parts = open_parts(os.environ)
    planned(parts)
    if not given.undo and not given.reason:
        raise RefusedError("Skriv varför med --reason, så att alla förstår det efteråt.")
    with parts.database.write() as session:
        found, municipality = _together(session, parts, given.references)
        where = session, parts.catalog, parts.messages, municipality, [post.id or 0 for post in found]
        if given.undo:
            done = step_changes.restore_step(*where, name=given.name, now=parts.clock())
        else:
            done = step_changes.skip_step(*where, reason=given.reason, name=given.name, now=parts.clock())
    for post in done:
        name = names.message(parts.catalog, post)
        if given.undo:
            show.line(f"Budskap {post.id} ({name}) är ett utkast igen och ska godkännas av alla parter.")
        else:
            show.line(
                f"Budskap {post.id} ({name}) utelämnas i år. Ta tillbaka det med: kampanjhjul skip {post.id} --undo"
            )
    return 0


def _together(session: Session, parts: Parts, references: list[str]) -> tuple[list[Post], Municipality]:
    """The posts that are decided about in one act. Raises RefusedError if they are not one municipality's."""
    found = [posts.find_post(session, reference) for reference in references]
    if len({post.municipality for post in found}) > 1:
        raise RefusedError("Budskapen hör till olika kommuner. Ta dem var för sig.")
    return found, parts.catalog.municipality(found[0].municipality)
