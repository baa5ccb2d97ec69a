"""How far messages reached, without anybody being followed: numbers typed in by hand, and clicks on our own links.

No channel's documented answer to us holds such numbers, so none are fetched. What a person reads in a channel is kept
with who and when; a later number of the same kind takes the earlier one's place, and the earlier one is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select
from sqlmodel import Session, col

from campaigns import audit
from campaigns.catalog import Municipality
from campaigns.enqueue import WENT_OUT
from campaigns.errors import NotFoundError, RefusedError, suggestion
from campaigns.models import Delivery, Post, ReachNote
from campaigns.post_list import post_of
from campaigns.reach_numbers import MEASURES, noted
from campaigns.revisions import touch
from campaigns.written import checked_actor

LARGEST = 10_000_000


def note_reach(
    session: Session,
    municipality: Municipality,
    post_id: int,
    *,
    channel: str,
    measure: str,
    number: int,
    name: str,
    now: datetime,
) -> ReachNote | None:
    """Keep a number that somebody has read in one of the post's channels; None if it is what stands there already.

    Raises NotFoundError for an unknown post, channel or measure, RefusedError for a number that cannot be.
    """
    actor = checked_actor(name)
    post = post_of(session, municipality, post_id)
    channels = post.channels.split()
    if channel not in channels:
        raise NotFoundError(f"Budskapet går inte ut i kanalen ”{channel}”. {suggestion(channel, channels)}")
    if measure not in MEASURES:
        raise NotFoundError(f"Det finns inget mått ”{measure}”. {suggestion(measure, MEASURES)}")
    if not 0 <= number <= LARGEST:
        raise RefusedError(f"Antalet ska vara mellan 0 och {LARGEST}.")
    if channel not in out(session, [post_id]).get(post_id, ()):
        raise RefusedError("Budskapet har inte gått ut i den kanalen.")
    stands = {(item.channel, item.measure): item.number for item in noted(session, [post_id]).get(post_id, ())}
    if stands.get((channel, measure)) == number:
        return None
    row = ReachNote(
        post_id=post_id,
        municipality=municipality.id,
        channel=channel,
        measure=measure,
        number=number,
        noted_by=actor,
        noted_at=now,
    )
    session.add(row)
    audit.record(
        session,
        now=now,
        municipality=municipality.id,
        actor=actor,
        action="noterade räckvidd",
        subject=post.key,
        detail=f"{channel}, {MEASURES[measure].lower()}: {number}",
    )
    touch(session, municipality.id)
    session.flush()
    return row


def out(session: Session, post_ids: Sequence[int]) -> dict[int, set[str]]:
    """By post, the channels that it has gone out in, or may have. Those that have not gone out are left out."""
    query = select(col(Delivery.post_id), col(Delivery.channel)).where(
        col(Delivery.post_id).in_(post_ids), col(Delivery.state).in_(WENT_OUT)
    )
    found: dict[int, set[str]] = {}
    for post_id, channel in session.execute(query.distinct()):
        found.setdefault(post_id, set()).add(channel)
    return found


def posts_out(session: Session, municipality: Municipality, *, since: datetime, now: datetime) -> Sequence[Post]:
    """The posts whose time has come since `since` and that have gone out somewhere, the newest first."""
    has_gone_out = exists().where(col(Delivery.post_id) == col(Post.id), col(Delivery.state).in_(WENT_OUT))
    query = (
        select(Post)
        .where(col(Post.municipality) == municipality.id, col(Post.merged_into).is_(None))
        .where(col(Post.due_at) > since, col(Post.due_at) <= now, has_gone_out)
        .order_by(col(Post.due_at).desc(), col(Post.id).desc())
    )
    return session.execute(query).scalars().all()
