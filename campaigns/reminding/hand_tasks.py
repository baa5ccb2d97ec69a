"""What people are to do by hand, as reminders: on its day, and when its time has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlmodel import Session

from campaigns.catalog import Municipality
from campaigns.models import Act, Delivery, DeliveryState, Post
from campaigns.reminder_kinds import Kind
from campaigns.reminding.rows import Row
from campaigns.swedish import long_date
from campaigns.workdays import at_work, opening

BY_HAND = "manuell"  # the kind of channel
# Longer than any row of days off: a task on one of them is told of before it.
AHEAD = timedelta(days=8)
# A task whose time passed longer ago than this is not told of.
LATEST = timedelta(days=30)


class Task(NamedTuple):
    """What is to be done by hand, as its delivery and its post say."""

    delivery_id: int
    key: str
    channel: str
    act: str
    state: str
    due_at: datetime
    not_after: datetime
    post_id: int
    post_key: str
    occurrence: str
    campaign: str
    step: str
    audience: str
    places: str


def reached(session: Session, municipality: Municipality, *, now: datetime) -> Iterator[Row]:
    """The tasks to tell of at `now`."""
    zone = municipality.zone
    for task in coming(session, municipality, until=now + AHEAD, now=now):
        due = task.due_at.astimezone(zone)
        is_overdue = task.state == DeliveryState.MANUAL and now >= at_work(task.not_after, zone)
        if is_overdue:
            kind, key, day = Kind.BY_HAND_OVERDUE, task.key, task.not_after.astimezone(zone).date()
            sentence = f"Inte gjort i {task.channel}, tiden har gått ut"
        elif now >= opening(due.date(), zone) and now < task.not_after:
            kind, key, day = Kind.BY_HAND, f"{task.key}/{due.date().isoformat()}", due.date()
            what = "Att rätta" if task.act == Act.CORRECT else "Att göra"
            sentence = f"{what} för hand i {task.channel} {long_date(day)} kl. {due:%H.%M}"
        else:
            continue
        yield _row(municipality, task, kind, f"{key}/{kind}", sentence, day)


_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_POST = Post.__table__  # type: ignore[attr-defined]
_COMING = (
    select(
        *(_DELIVERY.c[name] for name in ("id", "key", "channel", "act", "state", "due_at", "not_after")),
        *(_POST.c[name] for name in ("id", "key", "occurrence", "campaign", "step", "audience", "places")),
    )
    .join(_POST, _POST.c.id == _DELIVERY.c.post_id)
    .where(
        _DELIVERY.c.municipality == bindparam("municipality"),
        _DELIVERY.c.kind == BY_HAND,
        _DELIVERY.c.state.in_([DeliveryState.QUEUED, DeliveryState.MANUAL]),
        _DELIVERY.c.due_at < bindparam("until"),
        _DELIVERY.c.not_after > bindparam("since"),
    )
    .order_by(_DELIVERY.c.due_at, _DELIVERY.c.id)
)


def coming(session: Session, municipality: Municipality, *, until: datetime, now: datetime) -> Iterator[Task]:
    """The tasks that have not been done and are due before `until` (UTC), earliest first."""
    values = {"municipality": municipality.id, "until": until, "since": now - LATEST}
    return (Task(*row) for row in session.connection().execute(_COMING, values))


def _row(municipality: Municipality, task: Task, kind: Kind, key: str, sentence: str, day: date) -> Row:
    return Row(
        key=key,
        municipality=municipality.id,
        kind=kind,
        subject=f"{sentence}: {task.post_key}",
        occurrence=task.occurrence,
        deadline_day=day,
        post_id=task.post_id,
        delivery_id=task.delivery_id,
    )
