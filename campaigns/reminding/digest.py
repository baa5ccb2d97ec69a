"""The week's letter: what must be done, what goes out, what went out and what failed. Made as the week begins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.localtime import to_utc
from campaigns.models import Delivery, DeliveryState, Post, PostState
from campaigns.occurrences import OccurrenceStatus
from campaigns.plan import DeadlineKind
from campaigns.post_names import Nameable, post_name
from campaigns.reminder_kinds import Kind
from campaigns.reminding import hand_tasks
from campaigns.reminding.deadlines import deadline_subject, is_open, with_unsigned_posts
from campaigns.reminding.rows import Row, untold
from campaigns.season import Season
from campaigns.swedish import DELIVERY_STATES, WEEKDAYS
from campaigns.workdays import week_begins

# Later than this in the week it is news no more.
FRESH = timedelta(days=2)
LISTS = ("att_gora", "gar_ut", "gick_ut", "gick_fel")
_WORDS = dict(zip(LISTS, ("att göra", "går ut", "gick ut", "gick fel"), strict=True))
_FAILED = (DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.SKIPPED, DeliveryState.MISSED)
_UNSIGNED = (PostState.DRAFT, PostState.REJECTED)


@dataclass(frozen=True)
class _Week:
    """What the letter is made from. The moments are midnights, local time, in UTC."""

    session: Session
    catalog: Catalog
    municipality: Municipality
    laid: Season
    monday: date
    now: datetime

    @property
    def last(self) -> datetime:
        return self._midnight(-7)

    @property
    def start(self) -> datetime:
        return self._midnight(0)

    @property
    def end(self) -> datetime:
        return self._midnight(7)

    def _midnight(self, days: int) -> datetime:
        return to_utc(self.monday + timedelta(days=days), time(0), self.municipality.zone)

    def when(self, moment: datetime) -> str:
        local = moment.astimezone(self.municipality.zone)
        return f"{_day(local.date())} kl. {local:%H.%M}"

    def name(self, post: Nameable) -> str:
        return post_name(self.catalog, post)


def weekly(
    session: Session, catalog: Catalog, municipality: Municipality, laid: Season, *, now: datetime
) -> Iterable[Row]:
    """The letter of this week, if it is time for it, it has not been made, and there is something to tell."""
    today = now.astimezone(municipality.zone).date()
    monday = today - timedelta(days=today.weekday())
    begins = week_begins(monday, municipality.zone)
    year, number, _ = monday.isocalendar()
    blank = Row(f"digest/{municipality.id}/{year}-W{number:02}", municipality.id, Kind.DIGEST, "", "", monday)
    if not begins <= now < begins + FRESH or not untold(session, [blank]):
        return []
    week = _Week(session, catalog, municipality, laid, monday, now)
    lists = dict(
        zip(LISTS, map(list, (_to_do(week), _goes_out(week), _went_out(week), _went_wrong(week))), strict=True)
    )
    if not any(lists.values()):
        return []
    told = ", ".join(f"{len(items)} {_WORDS[name]}" for name, items in lists.items() if items)
    row = Row(
        blank.key,
        municipality.id,
        Kind.DIGEST,
        subject=f"Vecka {number}: {told}",
        occurrence="",
        deadline_day=monday,
        detail=json.dumps(lists, ensure_ascii=False),
    )
    return [row]


def _to_do(week: _Week) -> Iterator[str]:
    sunday = week.monday + timedelta(days=6)
    waiting = with_unsigned_posts(week.session, week.municipality, now=week.now)
    for item in sorted(week.laid.plan.deadlines, key=lambda item: (item.day, item.key)):
        is_late = item.deadline.kind is DeadlineKind.CONFIRM_DATES and item.day < week.monday
        if is_late and item.occurrence.status is OccurrenceStatus.PRELIMINARY and is_open(item, waiting, week.monday):
            yield f"Nu: {deadline_subject(item)}"
        elif week.monday <= item.day <= sunday and is_open(item, waiting, week.monday):
            yield f"{_day(item.day)}: {deadline_subject(item)}"
    for post in _unsigned(week, Post.due_at < week.end, Post.not_after > week.now):
        yield f"Godkänn {week.name(post)}, som ska ut {week.when(post.due_at)}"
    for task in hand_tasks.coming(week.session, week.municipality, until=week.end, now=week.now):
        yield f"Gör för hand i {task.channel}: {week.name(task)}, {week.when(task.due_at)}"


def _goes_out(week: _Week) -> Iterator[str]:
    found = _deliveries(
        week,
        col(Delivery.state).in_([DeliveryState.QUEUED, DeliveryState.SENDING]),
        Delivery.kind != hand_tasks.BY_HAND,
        Delivery.due_at < week.end,
    )
    for post, channels in _by_post(found):
        yield f"{week.when(post.due_at)}: {week.name(post)} ({', '.join(channels)})"


def _went_out(week: _Week) -> Iterator[str]:
    found = _deliveries(
        week,
        col(Delivery.published_at) >= week.last,
        col(Delivery.published_at) < week.start,
    )
    for post, channels in _by_post(found):
        yield f"{week.name(post)} ({', '.join(channels)})"


def _went_wrong(week: _Week) -> Iterator[str]:
    found = _deliveries(
        week,
        col(Delivery.state).in_(_FAILED),
        col(Delivery.changed_at) >= week.last,
        col(Delivery.changed_at) < week.start,
    )
    for delivery, post in found:
        yield f"{week.name(post)}, {delivery.channel}: {DELIVERY_STATES[delivery.state].lower()}"
    for post in _unsigned(week, Post.not_after >= week.last, Post.not_after < week.start):
        yield f"{week.name(post)}: inte godkänt i tid"


def _unsigned(week: _Week, *conditions: object) -> Sequence[Post]:
    query = select(Post).where(
        Post.municipality == week.municipality.id,
        col(Post.state).in_(_UNSIGNED),
        col(Post.merged_into).is_(None),
        col(Post.is_preliminary).is_(False),
        *conditions,  # type: ignore[arg-type]  # SQLModel's columns are typed as their values
    )
    return week.session.exec(query.order_by(col(Post.due_at), col(Post.id))).all()


def _deliveries(week: _Week, *conditions: object) -> Sequence[tuple[Delivery, Post]]:
    query = (
        select(Delivery, Post)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(Delivery.municipality == week.municipality.id, *conditions)  # type: ignore[arg-type]  # as above
        .order_by(col(Delivery.due_at), col(Delivery.id))
    )
    return week.session.exec(query).all()


def _by_post(found: Iterable[tuple[Delivery, Post]]) -> list[tuple[Post, list[str]]]:
    posts: dict[int, tuple[Post, list[str]]] = {}
    for delivery, post in found:
        channels = posts.setdefault(delivery.post_id, (post, []))[1]
        if delivery.channel not in channels:
            channels.append(delivery.channel)
    return list(posts.values())


def _day(day: date) -> str:
    """”fredag 30/4”."""
    return f"{WEEKDAYS[day.weekday()]} {day.day}/{day.month}"
