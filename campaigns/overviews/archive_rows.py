"""The rows that an archive of a year is made from, read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.content import Content
from campaigns.enqueue import OUT
from campaigns.followup.stored import follow_ups
from campaigns.models import (
    ActivityRow,
    Approval,
    AuditEntry,
    ContentRow,
    Delivery,
    DeliveryState,
    OccurrenceRow,
    Pause,
    PictureRow,
    Post,
)
from campaigns.post_names import campaign_name

# What has stood in its channel, or may have: also what was taken back or corrected afterwards.
WENT_OUT = (*OUT, DeliveryState.WITHDRAWN, DeliveryState.REPLACED)
_AT_ONCE = 500  # values in one question: databases bound them


class ArchiveRows:
    """Everything that the archive is made from, read once."""

    def __init__(self, session: Session, municipality: Municipality, year: int, campaign: str) -> None:
        self.municipality = municipality
        query = (
            select(Post, OccurrenceRow)
            .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
            .where(col(Post.municipality) == municipality.id, col(OccurrenceRow.year) == year)
            .order_by(col(Post.due_at), col(Post.id))
        )
        if campaign:
            query = query.where(col(Post.campaign) == campaign)
        found = session.execute(query).all()
        self.posts = [post for post, _ in found]
        self.occurrences = {row.key: row for _, row in found}
        self.by_id = {post.id: post for post in self.posts}
        ids = [post.id for post in self.posts]
        self.deliveries = _all(
            session,
            ids,
            lambda some: select(Delivery).where(col(Delivery.post_id).in_(some)).order_by(col(Delivery.id)),
        )
        self.approvals = _all(
            session,
            ids,
            lambda some: select(Approval).where(col(Approval.post_id).in_(some)).order_by(col(Approval.id)),
        )
        out = sorted({item.content_id for item in self.deliveries if item.state in WENT_OUT})
        self.contents = {
            row.id: row
            for row in _all(session, out, lambda some: select(ContentRow).where(col(ContentRow.id).in_(some)))
        }
        pictures = sorted({Content.from_bytes(row.payload).picture for row in self.contents.values()} - {""})
        self.pictures = _all(session, pictures, lambda some: select(PictureRow).where(col(PictureRow.sha256).in_(some)))
        self.activities = (
            session.execute(
                select(ActivityRow)
                .where(col(ActivityRow.municipality) == municipality.id)
                .order_by(col(ActivityRow.day), col(ActivityRow.id))
            )
            .scalars()
            .all()
        )
        self.activities = [
            item
            for item in self.activities
            if (item.occurrence in self.occurrences)
            or (not campaign and item.occurrence is None and item.day.year == year)
        ]
        first, last = date(year, 1, 1), date(year, 12, 31)
        pauses = session.execute(
            select(Pause).where(col(Pause.municipality).in_(["", municipality.id])).order_by(col(Pause.id))
        ).scalars()
        self.pauses = [
            item
            for item in pauses
            if _day(municipality, item.paused_at) <= last
            and (item.resumed_at is None or _day(municipality, item.resumed_at) >= first)
        ]
        subjects = [*(post.key for post in self.posts), *(item.key for item in self.deliveries)]
        subjects += [*(item.key for item in self.activities), *self.occurrences]
        log = _all(session, subjects, lambda some: select(AuditEntry).where(col(AuditEntry.subject).in_(some)))
        self.log = sorted(log, key=lambda entry: entry.id or 0)
        # What covers more than one campaign belongs to the whole year's archive.
        signed = [] if campaign else [item for item in follow_ups(session, municipality) if item.state == "published"]
        self.follow_ups = [
            item for item in signed if item.document.first_day.year <= year <= item.document.last_day.year
        ]

    def campaign_title(self, catalog: Catalog) -> str:
        return campaign_name(catalog, self.posts[0])


def _all(session: Session, values: Sequence[Any], query: Callable[[Sequence[Any]], Any]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(values), _AT_ONCE):
        found.extend(session.execute(query(values[start : start + _AT_ONCE])).scalars())
    return found


def _day(municipality: Municipality, at: datetime) -> date:
    return at.astimezone(municipality.zone).date()
