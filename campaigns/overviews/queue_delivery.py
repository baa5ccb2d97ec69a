"""All that is known of one delivery: the text as the channel got it, every try, and who has done what with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.content import Content
from campaigns.errors import NotFoundError
from campaigns.models import AuditEntry, ContentRow, Delivery, DeliveryState, Post
from campaigns.overviews.log_subjects import action_words, detail_words
from campaigns.overviews.queue_board import FOLLOWED
from campaigns.overviews.queue_rows import Copyable, Row, content_of, copyables, row_of
from campaigns.sending import queue
from campaigns.sending.choices import was_told_by_person
from campaigns.sending.finding import MOST_ROWS
from campaigns.swedish import DELIVERY_STATES, moment

MOST_HISTORY = 200
_OUTCOMES = {**DELIVERY_STATES, "queued": "Försöks igen", "interrupted": "Avbröts", "manual": "Blev en uppgift"}


@dataclass(frozen=True)
class Try:
    """One try. Times are in words; `seconds` is how long it took."""

    number: int
    started: str
    seconds: str
    outcome: str
    detail: str


@dataclass(frozen=True)
class Deed:
    """Something that somebody did with the delivery or its post."""

    at: str
    actor: str
    action: str
    detail: str


@dataclass(frozen=True)
class Related:
    """A delivery that takes the place of this one, or that this one takes the place of."""

    id: int
    word: str


@dataclass(frozen=True)
class DeliveryPage:
    row: Row
    key: str
    receipt: str
    not_after: str
    earliest: str  # for a field of local time
    latest: str
    content: Content | None
    texts: Sequence[Copyable]
    digest: str
    raw: str
    tries: Sequence[Try]
    history: Sequence[Deed]
    related: Sequence[Related]
    is_under_way: bool


def delivery_page(
    session: Session, catalog: Catalog, municipality: Municipality, delivery_id: int, *, now: datetime
) -> DeliveryPage:
    """One of the municipality's deliveries. Raises NotFoundError, also for another municipality's."""
    query = (
        select(Delivery, Post, ContentRow)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .join(ContentRow, col(ContentRow.id) == col(Delivery.content_id))
        .where(col(Delivery.id) == delivery_id, col(Delivery.municipality) == municipality.id)
    )
    found = session.execute(query).first() if 0 < delivery_id <= MOST_ROWS else None
    if found is None:
        raise NotFoundError(f"Det finns ingen leverans med nummer {delivery_id}.")
    delivery, post, stored = found
    can_undo = was_told_by_person(session, delivery)
    content = content_of(stored.payload)
    zone = municipality.zone
    is_soon = delivery.state == DeliveryState.QUEUED and abs(delivery.next_attempt_at - now) <= FOLLOWED
    return DeliveryPage(
        row=row_of(catalog, municipality, delivery, post, stored.payload, stored.version, now=now, can_undo=can_undo),
        key=delivery.key,
        receipt=delivery.receipt,
        not_after=moment(delivery.not_after, zone),
        earliest=f"{now.astimezone(zone):%Y-%m-%dT%H:%M}",
        latest=f"{delivery.not_after.astimezone(zone):%Y-%m-%dT%H:%M}",
        content=content,
        texts=copyables(content) if content else (),
        digest=stored.sha256,
        raw=stored.payload.decode("utf-8", "replace"),
        tries=[
            Try(
                number=item.number,
                started=f"{moment(item.started_at, zone)}:{item.started_at:%S}",
                seconds=f"{max((item.finished_at - item.started_at).total_seconds(), 0):.1f}".replace(".", ","),
                outcome=_OUTCOMES.get(item.outcome, item.outcome),
                detail=item.detail,
            )
            for item in queue.attempts_of(session, delivery_id)
        ],
        history=_history(session, municipality, delivery, post),
        related=_related(session, delivery),
        is_under_way=delivery.state == DeliveryState.SENDING or is_soon,
    )


def _history(session: Session, municipality: Municipality, delivery: Delivery, post: Post) -> list[Deed]:
    query = (
        select(AuditEntry)
        .where(col(AuditEntry.municipality) == municipality.id)
        .where(col(AuditEntry.subject).in_([delivery.key, post.key]))
        .order_by(col(AuditEntry.id).desc())
        .limit(MOST_HISTORY)
    )
    return [
        Deed(
            moment(item.at, municipality.zone),
            item.actor,
            action_words(municipality, item.action),
            detail_words(item.detail),
        )
        for item in session.execute(query).scalars()
    ]


def _related(session: Session, delivery: Delivery) -> list[Related]:
    query = select(col(Delivery.id), col(Delivery.act)).where(col(Delivery.replaces) == delivery.id)
    found = [
        Related(number, "Rättelsen av den här" if act == "correct" else "Tillbakadragandet av den här")
        for number, act in session.execute(query.order_by(col(Delivery.id)))
        if number is not None
    ]
    if delivery.replaces is not None:
        found.append(Related(delivery.replaces, "Det som den här gäller"))
    return found
