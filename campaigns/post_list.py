"""Finding posts for those who look: by day, by campaign, and which one to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlmodel import Session, col, select

from campaigns.catalog import Municipality
from campaigns.enqueue import LEFT_OUT
from campaigns.errors import NotFoundError
from campaigns.localtime import to_utc
from campaigns.models import Post, PostState


def post_of(session: Session, municipality: Municipality, post_id: int) -> Post:
    """The municipality's post with this number. Raises NotFoundError, also for one of another municipality."""
    post = session.get(Post, post_id) if post_id < 2**31 else None
    if post is None or post.municipality != municipality.id:
        raise NotFoundError("Budskapet finns inte här. Kontrollera adressen.")
    return post


def posts_due(
    session: Session, municipality: Municipality, *, first: date | None = None, last: date | None = None
) -> Sequence[Post]:
    """The municipality's posts by due time; `first` and `last` are local days, inclusive."""
    query = select(Post).where(Post.municipality == municipality.id).order_by(col(Post.due_at), col(Post.key))
    if first is not None:
        query = query.where(Post.due_at >= to_utc(first, time(0), municipality.zone))
    if last is not None:
        query = query.where(Post.due_at < to_utc(last + timedelta(days=1), time(0), municipality.zone))
    return session.exec(query).all()


def next_post(
    session: Session, *, campaign: str, step: str, audience: str, municipality: str | None, now: datetime
) -> Post | None:
    """The first coming post of this step for this audience, in this municipality or any."""
    query = (
        select(Post)
        .where(Post.campaign == campaign, Post.step == step, Post.audience == audience)
        .where(col(Post.merged_into).is_(None), Post.not_after > now, col(Post.state).not_in(LEFT_OUT))
        .order_by(col(Post.due_at))
    )
    if municipality is not None:
        query = query.where(Post.municipality == municipality)
    return session.exec(query).first()


def first_to_sign(session: Session, municipality: Municipality, *, now: datetime) -> Post | None:
    """The first coming post that can be signed and has not been."""
    return session.exec(
        select(Post)
        .where(Post.municipality == municipality.id, Post.state == PostState.DRAFT, Post.not_after > now)
        .where(col(Post.is_preliminary).is_(False), col(Post.merged_into).is_(None))
        .order_by(col(Post.due_at))
    ).first()
