"""How far messages reached, without anybody being followed: channels' totals, numbers by hand, clicks on our own links.

What a person reads in a channel, and what the channel answers, is kept with who and when; a later number of the same
kind takes the earlier one's place, and the earlier one is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import exists, select
from sqlmodel import Session, col

from campaigns import audit
from campaigns.catalog import Municipality
from campaigns.enqueue import WENT_OUT
from campaigns.errors import NotFoundError, RefusedError, suggestion
from campaigns.models import Delivery, Post, ReachNote
from campaigns.post_list import post_of
from campaigns.reach_numbers import CHANNEL, MEASURES, noted
from campaigns.revisions import touch
from campaigns.written import checked_actor, name_key

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
    if name_key(actor) == CHANNEL:
        raise RefusedError(f"Namnet ”{CHANNEL}” står för kanalens egna siffror. Ange vem som har läst siffran.")
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
    row = _keep(session, post, channel=channel, measure=measure, number=number, by=actor, now=now)
    audit.record(
        session,
        now=now,
        municipality=municipality.id,
        actor=actor,
        action="noterade räckvidd",
        subject=post.key,
        detail=f"{channel}, {MEASURES[measure].lower()}: {number}",
    )
    session.flush()
    return row


def note_answer(session: Session, post: Post, *, channel: str, found: Mapping[str, int], now: datetime) -> int:
    """Keep what the channel answered of the post, by measure, where that is new. Returns how many numbers were kept.

    It is compared with what the channel answered before: what a person has noted since stands until the channel has
    something new to tell. What is no measure, or cannot be, is left out. Nothing is logged: nobody has done anything,
    and each row says when it came.
    """
    answered = (
        select(col(ReachNote.measure), col(ReachNote.number))
        .where(col(ReachNote.post_id) == post.id, col(ReachNote.channel) == channel, col(ReachNote.noted_by) == CHANNEL)
        .order_by(col(ReachNote.id))
    )
    before: dict[str, int] = dict(session.execute(answered).all())
    new = {
        measure: number
        for measure, number in found.items()
        if measure in MEASURES and 0 <= number <= LARGEST and before.get(measure) != number
    }
    for measure, number in new.items():
        _keep(session, post, channel=channel, measure=measure, number=number, by=CHANNEL, now=now)
    return len(new)


def _keep(
    session: Session, post: Post, *, channel: str, measure: str, number: int, by: str, now: datetime
) -> ReachNote:
    row = ReachNote(
        post_id=post.id or 0,
        municipality=post.municipality,
        channel=channel,
        measure=measure,
        number=number,
        noted_by=by,
        noted_at=now,
    )
    session.add(row)
    touch(session, post.municipality)
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
