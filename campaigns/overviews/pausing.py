"""What the page Paus shows: what is paused and by whom, what a pause would stop, what was missed, what may pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.models import Act, ContentRow, Delivery, DeliveryState, Pause, Post, PostState
from campaigns.overviews.queue_board import SHOWN_FOR
from campaigns.overviews.queue_rows import Row, row_of
from campaigns.post_names import post_name
from campaigns.sending import pauses
from campaigns.swedish import moment

A_DAY = timedelta(days=1)
MOST_MISSED = 50
MOST_POSTS = 100
LATEST_PAUSES = 10


@dataclass(frozen=True)
class ShownPause:
    """A pause with who made it and when. `channel` is an id, "" for all. Not `is_own`: one of all municipalities."""

    channel: str
    what: str
    reason: str
    paused_by: str
    since: str
    is_own: bool
    resumed: str = ""


@dataclass(frozen=True)
class Passing:
    """A post that can be let past a pause."""

    id: int
    name: str
    due: str


@dataclass(frozen=True)
class PausePage:
    standing: Sequence[ShownPause]
    earlier: Sequence[ShownPause]
    channels: Sequence[tuple[str, str]]  # those that can be paused now
    can_pause_all: bool
    sending: int
    within_a_day: int
    missed: Sequence[Row]
    passing: Sequence[Passing]
    others: Sequence[Passing]


def pause_page(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> PausePage:
    """All that the page shows of one municipality."""
    rows = [row for row in pauses.in_force(session) if row.municipality in (pauses.EVERYTHING, municipality.id)]
    own = {row.channel for row in rows if row.municipality == municipality.id}
    coming = _coming(session, catalog, municipality, now=now)
    return PausePage(
        standing=[_shown(municipality, row) for row in rows],
        earlier=[_shown(municipality, row) for row in _earlier(session, municipality)],
        channels=[(item.id, item.name) for item in municipality.channels if item.id not in own],
        can_pause_all="" not in own,
        sending=_count(session, municipality, col(Delivery.state) == DeliveryState.SENDING),
        within_a_day=_count(
            session,
            municipality,
            (col(Delivery.state) == DeliveryState.QUEUED)
            & (col(Delivery.next_attempt_at) <= now + A_DAY)
            & (col(Delivery.act) != Act.WITHDRAW),
        ),
        missed=_missed(session, catalog, municipality, now=now),
        passing=[item for item, passes in coming if passes],
        others=[item for item, passes in coming if not passes],
    )


def _shown(municipality: Municipality, row: Pause) -> ShownPause:
    names = {item.id: item.name for item in municipality.channels}
    is_own = row.municipality == municipality.id
    what = names.get(row.channel, row.channel) if row.channel else "Alla kommunens kanaler"
    resumed = f"{moment(row.resumed_at, municipality.zone)} av {row.resumed_by}" if row.resumed_at else ""
    return ShownPause(
        channel=row.channel,
        what=what if is_own else "Alla kommuner",
        reason=row.reason,
        paused_by=row.paused_by,
        since=moment(row.paused_at, municipality.zone),
        is_own=is_own,
        resumed=resumed,
    )


def _earlier(session: Session, municipality: Municipality) -> Sequence[Pause]:
    query = (
        select(Pause)
        .where(col(Pause.municipality).in_([pauses.EVERYTHING, municipality.id]), col(Pause.resumed_at).is_not(None))
        .order_by(col(Pause.id).desc())
        .limit(LATEST_PAUSES)
    )
    return session.execute(query).scalars().all()


def _count(session: Session, municipality: Municipality, condition: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(Delivery).where(col(Delivery.municipality) == municipality.id, condition)
    return int(session.execute(query).scalar_one())


def _missed(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> list[Row]:
    query = (
        select(Delivery, Post, col(ContentRow.payload), col(ContentRow.version))
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .join(ContentRow, col(ContentRow.id) == col(Delivery.content_id))
        .where(
            col(Delivery.municipality) == municipality.id,
            col(Delivery.state) == DeliveryState.MISSED,
            col(Delivery.due_at) > now - SHOWN_FOR,
        )
        # What can still be sent, and has the least time for it, first.
        .order_by(col(Delivery.not_after) < now, col(Delivery.not_after), col(Delivery.id))
        .limit(MOST_MISSED)
    )
    return [row_of(catalog, municipality, *item, now=now) for item in session.execute(query)]


def _coming(
    session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime
) -> list[tuple[Passing, bool]]:
    query = (
        select(Post)
        .where(
            col(Post.municipality) == municipality.id,
            col(Post.not_after) > now,
            col(Post.state).not_in([PostState.CANCELLED, PostState.SKIPPED]),
            col(Post.merged_into).is_(None),
        )
        .order_by(col(Post.passes_pause).desc(), col(Post.due_at), col(Post.id))
        .limit(MOST_POSTS)
    )
    return [
        (Passing(post.id or 0, post_name(catalog, post), moment(post.due_at, municipality.zone)), post.passes_pause)
        for post in session.execute(query).scalars()
    ]
