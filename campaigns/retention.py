"""What is thrown away when a municipality has decided that it may be: never by itself, and never what is counted from.

Thrown away are earlier wordings of texts, contents that never went to any channel, the single tries at a delivery, and
reminders with what became of them. Posts, approvals, deliveries with their contents, activities, pauses, numbers,
follow-ups and the log stay.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from campaigns import audit
from campaigns.catalog import Municipality
from campaigns.models import Attempt, ContentRow, Delivery, Notice, Post, PostText, Reminder

MOST_AT_ONCE = 2_000  # rows in one transaction: others wait for it
WORDS = {
    "texts": "tidigare versioner av texter",
    "contents": "innehåll som aldrig gick ut",
    "attempts": "försök att skicka",
    "reminders": "påminnelser",
}


@dataclass(frozen=True)
class Removable:
    """How many rows of each kind are older than they are to be kept."""

    texts: int = 0
    contents: int = 0
    attempts: int = 0
    reminders: int = 0

    @property
    def total(self) -> int:
        return self.texts + self.contents + self.attempts + self.reminders


def removable(session: Session, municipality: Municipality, *, now: datetime) -> Removable:
    """What `remove` would throw away, however many turns it took."""
    counts = {
        kind: session.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        for kind, query in _queries(municipality, now=now).items()
    }
    return Removable(**counts)


def remove(session: Session, municipality: Municipality, *, name: str, now: datetime) -> Removable:
    """Throw away what is older than it is to be kept, at most MOST_AT_ONCE rows of each kind, and say so in the log."""
    counts = {}
    for kind, query in _queries(municipality, now=now).items():
        ids = list(session.execute(query.limit(MOST_AT_ONCE)).scalars())
        if kind == "reminders" and ids:
            session.execute(delete(Notice).where(col(Notice.reminder_id).in_(ids)))
        if ids:
            model: Any = _MODELS[kind]
            session.execute(delete(model).where(col(model.id).in_(ids)))
        counts[kind] = len(ids)
    done = Removable(**counts)
    if done.total:
        told = [f"{getattr(done, item.name)} {WORDS[item.name]}" for item in fields(done) if getattr(done, item.name)]
        audit.record(
            session,
            now=now,
            municipality=municipality.id,
            actor=name,
            action="gallrade",
            subject=municipality.id,
            detail=", ".join(told),
        )
    return done


_MODELS: dict[str, Any] = {"texts": PostText, "contents": ContentRow, "attempts": Attempt, "reminders": Reminder}


def _queries(municipality: Municipality, *, now: datetime) -> dict[str, Select[Any]]:
    """By kind, the ids of what is too old, the oldest first; only of the kinds that are not kept for good."""
    keep = municipality.keep_days
    found: dict[str, Select[Any]] = {}
    if keep.texts is not None:
        later = aliased(PostText)
        is_newest = ~exists().where(
            and_(
                col(later.post_id) == col(PostText.post_id),
                col(later.channel) == col(PostText.channel),
                col(later.language) == col(PostText.language),
                col(later.id) > col(PostText.id),
            )
        )
        found["texts"] = _of_posts(PostText, municipality, now - timedelta(days=keep.texts)).where(~is_newest)
    if keep.contents is not None:
        is_delivered = exists().where(col(Delivery.content_id) == col(ContentRow.id))
        found["contents"] = _of_posts(ContentRow, municipality, now - timedelta(days=keep.contents)).where(
            ~is_delivered, col(ContentRow.version) < col(Post.content_version)
        )
    if keep.attempts is not None:
        found["attempts"] = (
            select(col(Attempt.id))
            .join(Delivery, col(Delivery.id) == col(Attempt.delivery_id))
            .where(_is_of(Delivery.municipality, municipality))
            .where(col(Attempt.finished_at) < now - timedelta(days=keep.attempts))
            .where(col(Delivery.not_after) < now - timedelta(days=keep.attempts))
            .order_by(col(Attempt.id))
        )
    if keep.reminders is not None:
        before = now - timedelta(days=keep.reminders)
        found["reminders"] = (
            select(col(Reminder.id))
            .where(_is_of(Reminder.municipality, municipality), col(Reminder.created_at) < before)
            .where(col(Reminder.deadline_day) < before.date())
            .order_by(col(Reminder.id))
        )
    return found


def _of_posts(model: Any, municipality: Municipality, before: datetime) -> Select[Any]:
    """Rows of posts whose last time is long past."""
    return (
        select(col(model.id))
        .join(Post, col(Post.id) == col(model.post_id))
        .where(_is_of(Post.municipality, municipality), col(Post.not_after) < before, col(model.created_at) < before)
        .order_by(col(model.id))
    )


def _is_of(column: Any, municipality: Municipality) -> ColumnElement[bool]:
    found: ColumnElement[bool] = col(column) == municipality.id
    return found
