"""Signed content laid in the outbox: one delivery per channel and language, and none twice."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, col, select

from campaigns.catalog import Municipality
from campaigns.localtime import after_quiet
from campaigns.models import ContentRow, Delivery, DeliveryState, Post

# Has left, or may have.
OUT = (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER, DeliveryState.UNKNOWN)


def enqueue(session: Session, municipality: Municipality, post: Post, *, now: datetime) -> int:
    """Queue the signed version of `post` where it is not under way and has not been. Returns how many were queued.

    What was stopped comes back if its bytes are the signed ones. What failed or was skipped waits for a person. An
    earlier version that is still queued, since it was under way when the text changed, gives way.
    """
    rows = session.exec(
        select(ContentRow).where(ContentRow.post_id == post.id, ContentRow.version == post.content_version)
    ).all()
    current = {row.id for row in rows}
    earlier = session.exec(select(Delivery).where(Delivery.post_id == post.id)).all()
    for item in earlier:
        if item.state == DeliveryState.QUEUED and item.content_id not in current:
            _give_way(item, now=now)
    busy = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.MANUAL, *OUT)
    gone = {(item.channel, item.language) for item in earlier if item.state in busy or item.maybe_sent}
    own = {item.content_id: item for item in earlier if item.content_id in current}
    queued = 0
    for row in rows:
        assert row.id is not None
        delivery = own.get(row.id)
        if (row.channel, row.language) in gone or (delivery and delivery.state != DeliveryState.STOPPED):
            continue
        delivery = delivery or _delivery(municipality, post, row, now=now)
        delivery.state = DeliveryState.QUEUED
        delivery.reason = ""
        delivery.token += 1
        delivery.due_at = post.due_at
        delivery.not_after = post.not_after
        delivery.next_attempt_at = after_quiet(max(post.due_at, now), municipality.zone)
        delivery.changed_at = now
        session.add(delivery)
        queued += 1
    session.flush()
    return queued


def _give_way(item: Delivery, *, now: datetime) -> None:
    item.state = DeliveryState.UNKNOWN if item.maybe_sent else DeliveryState.STOPPED
    item.reason = "Texten har ändrats."
    item.token += 1
    item.changed_at = now


def _delivery(municipality: Municipality, post: Post, row: ContentRow, *, now: datetime) -> Delivery:
    assert post.id is not None
    assert row.id is not None
    return Delivery(
        key=f"{post.key}:{row.channel}:{row.language}:{row.version}",
        post_id=post.id,
        content_id=row.id,
        municipality=post.municipality,
        channel=row.channel,
        kind=municipality.channel(row.channel).kind,
        language=row.language,
        due_at=post.due_at,
        not_after=post.not_after,
        next_attempt_at=post.due_at,
        created_at=now,
        changed_at=now,
    )


def left_posts(session: Session, post_ids: Collection[int]) -> set[int]:
    """Those of the posts that have left, or may have, in every channel and language: they are history."""
    if not post_ids:
        return set()
    wanted: dict[int, set[tuple[str, str]]] = {}
    contents = (
        select(ContentRow.post_id, ContentRow.channel, ContentRow.language)
        .join(Post, col(Post.id) == col(ContentRow.post_id))
        .where(col(Post.id).in_(post_ids), ContentRow.version == Post.content_version)
    )
    for post_id, channel, language in session.exec(contents):
        wanted.setdefault(post_id, set()).add((channel, language))
    for post_id, channel, language in session.exec(
        select(Delivery.post_id, Delivery.channel, Delivery.language).where(
            col(Delivery.post_id).in_(post_ids), col(Delivery.state).in_(OUT)
        )
    ):
        wanted.get(post_id, set()).discard((channel, language))
    return {post_id for post_id, pairs in wanted.items() if not pairs}


def channels_out(session: Session, post_ids: Collection[int]) -> dict[int, list[str]]:
    """Per post, the channels that it has reached, or may have."""
    found: dict[int, list[str]] = {}
    query = (
        select(Delivery.post_id, Delivery.channel)
        .where(col(Delivery.post_id).in_(post_ids), col(Delivery.state).in_(OUT))
        .distinct()
        .order_by(Delivery.channel)
    )
    for post_id, channel in session.exec(query):
        found.setdefault(post_id, []).append(channel)
    return found
