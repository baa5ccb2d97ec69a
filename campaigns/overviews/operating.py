"""All municipalities at a glance, for those who run the service: figures and moments, never texts or names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.models import Delivery, DeliveryState, Post, PostState
from campaigns.overviews.health import OVERDUE_AFTER
from campaigns.sending import accounts

# How long before its time an unsigned post is told of: the last chance to get it signed in office hours.
SOON = timedelta(days=7)
FAILED_WITHIN = timedelta(days=30)


@dataclass(frozen=True)
class Row:
    """One municipality. `last_sent` is UTC, None if nothing has been sent. `held` names channels that do not work."""

    id: str
    name: str
    waiting: int
    overdue: int
    unknown: int
    failed: int
    unsigned: int
    held: tuple[str, ...]
    last_sent: datetime | None

    @property
    def needs_somebody(self) -> bool:
        return bool(self.overdue or self.unknown or self.failed or self.unsigned or self.held)


def standing(session: Session, catalog: Catalog, *, now: datetime) -> list[Row]:
    """Every municipality in the configuration: those that need somebody first, then by name."""
    waiting = _counts(session, Delivery.state == DeliveryState.QUEUED)
    overdue = _counts(
        session, Delivery.state == DeliveryState.QUEUED, col(Delivery.next_attempt_at) < now - OVERDUE_AFTER
    )
    unknown = _counts(session, Delivery.state == DeliveryState.UNKNOWN)
    failed = _counts(
        session,
        col(Delivery.state).in_((DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.MISSED)),
        col(Delivery.changed_at) > now - FAILED_WITHIN,
    )
    unsigned = dict(
        session.exec(
            select(Post.municipality, func.count())
            .where(
                col(Post.state).in_((PostState.DRAFT, PostState.REJECTED)),
                col(Post.merged_into).is_(None),
                col(Post.not_after) > now,
                col(Post.due_at) <= now + SOON,
            )
            .group_by(Post.municipality)
        ).all()
    )
    last = dict(
        session.exec(
            select(Delivery.municipality, func.max(Delivery.published_at)).group_by(Delivery.municipality)
        ).all()
    )
    held: dict[str, list[str]] = {}
    for account in accounts.standing(session):
        held.setdefault(account.municipality, []).append(account.channel)

    def row(item: Municipality) -> Row:
        return Row(
            item.id,
            item.name,
            waiting=waiting.get(item.id, 0),
            overdue=overdue.get(item.id, 0),
            unknown=unknown.get(item.id, 0),
            failed=failed.get(item.id, 0),
            unsigned=unsigned.get(item.id, 0),
            held=tuple(sorted(held.get(item.id, ()))),
            last_sent=last.get(item.id),
        )

    rows = [row(item) for item in catalog.municipalities.values()]
    return sorted(rows, key=lambda each: (not each.needs_somebody, each.name))


def _counts(session: Session, *conditions: ColumnElement[bool] | bool) -> dict[str, int]:
    query = select(Delivery.municipality, func.count()).where(*conditions).group_by(Delivery.municipality)
    return dict(session.exec(query).all())


def total(rows: Iterable[Row]) -> dict[str, int]:
    """The sums of the figures."""
    found = list(rows)
    return {
        name: sum(getattr(row, name) for row in found)
        for name in ("waiting", "overdue", "unknown", "failed", "unsigned")
    }
