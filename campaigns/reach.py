"""How far messages reached, without anybody being followed: numbers typed in by hand, and clicks on our own links.

No channel's documented answer to us holds such numbers, so none are fetched. What a person reads in a channel is kept
with who and when; a later number of the same kind takes the earlier one's place, and the earlier one is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlmodel import Session, col

from campaigns import audit
from campaigns.catalog import Municipality
from campaigns.enqueue import WENT_OUT
from campaigns.errors import NotFoundError, RefusedError, suggestion
from campaigns.models import ClickCount, CountedLink, Delivery, Post, ReachNote
from campaigns.post_list import post_of
from campaigns.revisions import touch
from campaigns.written import checked_actor

LARGEST = 10_000_000
MEASURES: Mapping[str, str] = {
    "visningar": "Visningar",
    "nadda": "Nådda personer, enligt kanalen",
    "mottagare": "Mottagare",
    "reaktioner": "Reaktioner",
    "delningar": "Delningar",
    "kommentarer": "Kommentarer",
    "klick": "Klick, enligt kanalen",
}


@dataclass(frozen=True)
class Noted:
    """A number as it stands, with who read it and when (UTC)."""

    channel: str
    measure: str
    number: int
    by: str
    at: datetime

    @property
    def word(self) -> str:
        return MEASURES.get(self.measure, self.measure)


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


def noted(session: Session, post_ids: Sequence[int]) -> dict[int, list[Noted]]:
    """By post, the numbers that stand: the newest of each channel and measure."""
    newest = (
        select(func.max(col(ReachNote.id)))
        .where(col(ReachNote.post_id).in_(post_ids))
        .group_by(col(ReachNote.post_id), col(ReachNote.channel), col(ReachNote.measure))
    )
    found: dict[int, list[Noted]] = {}
    rows = select(ReachNote).where(col(ReachNote.id).in_(newest)).order_by(col(ReachNote.channel), col(ReachNote.id))
    for row in session.execute(rows).scalars():
        found.setdefault(row.post_id, []).append(
            Noted(row.channel, row.measure, row.number, row.noted_by, row.noted_at)
        )
    return found


def clicks(session: Session, post_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """By post and channel, how often our own short address was followed. Those without such an address are left out."""
    query = (
        select(col(CountedLink.post_id), col(CountedLink.channel), func.coalesce(func.sum(col(ClickCount.clicks)), 0))
        .outerjoin(ClickCount, col(ClickCount.link_id) == col(CountedLink.id))
        .where(col(CountedLink.post_id).in_(post_ids))
        .group_by(col(CountedLink.post_id), col(CountedLink.channel))
        .order_by(col(CountedLink.channel))
    )
    found: dict[int, dict[str, int]] = {}
    for post_id, channel, number in session.execute(query):
        found.setdefault(post_id, {})[channel] = int(number)
    return found


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
