"""The rows that an archive of a year is made from, read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.content import Content
from campaigns.enqueue import WENT_OUT
from campaigns.followup.stored import follow_ups, log_subject
from campaigns.models import (
    ActivityRow,
    Approval,
    AuditEntry,
    ContentRow,
    Delivery,
    FollowUpRow,
    OccurrenceRow,
    Pause,
    PictureRow,
    Post,
)
from campaigns.post_names import campaign_name
from campaigns.sending.pauses import subject_of

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
        days = {_day(municipality, post.due_at) for post in self.posts} | {item.day for item in self.activities}
        stored = [
            item
            for item in follow_ups(session, municipality)
            if (
                any(item.document.first_day <= day <= item.document.last_day for day in days)
                if campaign
                else item.document.first_day.year <= year <= item.document.last_day.year
            )
        ]
        self.follow_ups = [item for item in stored if item.state == "published"]
        signed = select(FollowUpRow).where(col(FollowUpRow.id).in_([item.id for item in self.follow_ups]))
        self.payloads = {row.id: row.payload for row in session.execute(signed).scalars()}
        subjects = [*(post.key for post in self.posts), *(item.key for item in self.deliveries)]
        subjects += [*(item.key for item in self.activities), *self.occurrences]
        subjects += [log_subject(item.document.period) for item in stored]
        own = select(AuditEntry).where(col(AuditEntry.municipality) == municipality.id)
        about = _all(session, subjects, lambda some: own.where(col(AuditEntry.subject).in_(some)))
        log = [*about, *self._of_pauses(session)]
        self.log = sorted(log, key=lambda entry: entry.id or 0)

    def _of_pauses(self, session: Session) -> list[AuditEntry]:
        """The log's entries of the pauses: that they began, and ended. A pause has no name in the log but its place."""
        moments = {(subject_of(item), at) for item in self.pauses for at in (item.paused_at, item.resumed_at) if at}
        query = select(AuditEntry).where(
            col(AuditEntry.municipality) == self.municipality.id,
            col(AuditEntry.subject).in_({subject for subject, _ in moments}),
            col(AuditEntry.at).in_({at for _, at in moments}),
        )
        return [item for item in session.execute(query).scalars() if (item.subject, item.at) in moments]

    def campaign_title(self, catalog: Catalog) -> str:
        return campaign_name(catalog, self.posts[0])


def archived_campaigns(session: Session, catalog: Catalog, municipality: Municipality) -> list[tuple[str, str]]:
    """Ids and names of the campaigns that there may be something of: those in the files, then those that have left."""
    query = select(col(Post.campaign)).where(col(Post.municipality) == municipality.id).distinct()
    left = sorted(set(session.execute(query).scalars()) - catalog.campaigns.keys())
    return [
        *((item.id, item.name) for item in catalog.campaigns.values()),
        *((name, f"{name} (borttagen ur filerna)") for name in left),
    ]


def _all(session: Session, values: Sequence[Any], query: Callable[[Sequence[Any]], Any]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(values), _AT_ONCE):
        found.extend(session.execute(query(values[start : start + _AT_ONCE])).scalars())
    return found


def _day(municipality: Municipality, at: datetime) -> date:
    return at.astimezone(municipality.zone).date()
