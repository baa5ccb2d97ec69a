"""What people are to do by hand, as reminders: on its day, and when its time has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from campaigns.catalog import Municipality
from campaigns.models import Act, Delivery, DeliveryState, Post
from campaigns.reminder_kinds import Kind
from campaigns.reminder_rows import Row
from campaigns.swedish import long_date
from campaigns.workdays import at_work, opening

BY_HAND = "manuell"  # the kind of channel
# Longer than any row of days off: a task on one of them is told of before it.
AHEAD = timedelta(days=8)
# A task whose time passed longer ago than this is not told of.
LATEST = timedelta(days=30)


def reached(session: Session, municipality: Municipality, *, now: datetime) -> Iterator[Row]:
    """The tasks to tell of at `now`."""
    zone = municipality.zone
    for delivery, post in coming(session, municipality, until=now + AHEAD, now=now):
        due = delivery.due_at.astimezone(zone)
        is_overdue = delivery.state == DeliveryState.MANUAL and now >= at_work(delivery.not_after, zone)
        if is_overdue:
            kind, key, day = Kind.BY_HAND_OVERDUE, delivery.key, delivery.not_after.astimezone(zone).date()
            sentence = f"Inte gjort i {delivery.channel}, tiden har gått ut"
        elif now >= opening(due.date(), zone) and now < delivery.not_after:
            kind, key, day = Kind.BY_HAND, f"{delivery.key}/{due.date().isoformat()}", due.date()
            what = "Att rätta" if delivery.act == Act.CORRECT else "Att göra"
            sentence = f"{what} för hand i {delivery.channel} {long_date(day)} kl. {due:%H.%M}"
        else:
            continue
        yield _row(municipality, delivery, post, kind, f"{key}/{kind}", sentence, day)


def coming(
    session: Session, municipality: Municipality, *, until: datetime, now: datetime
) -> Iterator[tuple[Delivery, Post]]:
    """The tasks that have not been done and are due before `until` (UTC), earliest first."""
    query = (
        select(Delivery, Post)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(
            Delivery.municipality == municipality.id,
            Delivery.kind == BY_HAND,
            col(Delivery.state).in_([DeliveryState.QUEUED, DeliveryState.MANUAL]),
            Delivery.due_at < until,
            Delivery.not_after > now - LATEST,
        )
        .order_by(col(Delivery.due_at), col(Delivery.id))
    )
    yield from session.exec(query)


def _row(
    municipality: Municipality, delivery: Delivery, post: Post, kind: Kind, key: str, sentence: str, day: date
) -> Row:
    return Row(
        key=key,
        municipality=municipality.id,
        kind=kind,
        subject=f"{sentence}: {post.key}",
        occurrence=post.occurrence,
        deadline_day=day,
        post_id=post.id,
        delivery_id=delivery.id,
    )
