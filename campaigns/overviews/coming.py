"""The posts that are to go out, as rows: what several pages begin with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from campaigns.catalog import Municipality
from campaigns.enqueue import LEFT_OUT
from campaigns.models import OccurrenceRow, Post, PostState

READ_POSTS = 60


def coming_posts(session: Session, municipality: Municipality, *, now: datetime) -> list[tuple[Post, bool]]:
    """The first posts that are to go out, by due time, each with whether the day that it counts from is known.

    An approved one is coming until it is due, any other for as long as it can still go out.
    """
    query = (
        select(Post, col(OccurrenceRow.has_day))
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(col(Post.municipality) == municipality.id, col(Post.not_after) > now)
        .where(col(Post.state).not_in(LEFT_OUT), col(Post.merged_into).is_(None))
        .order_by(col(Post.due_at), col(Post.id))
        .limit(READ_POSTS)
    )
    unsigned = session.execute(query.where(col(Post.state) != PostState.APPROVED))
    signed = session.execute(query.where(col(Post.state) == PostState.APPROVED, col(Post.due_at) > now))
    rows = [(post, has_day) for post, has_day in (*unsigned, *signed)]
    return sorted(rows, key=lambda row: (row[0].due_at, row[0].id or 0))
