"""The week's letter: what must be done, what goes out, what went out and what failed. Made as the week begins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy import Row as SqlRow
from sqlmodel import Session

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

    def rows(self, query: Select[Any]) -> Sequence[SqlRow[Any]]:
        """What `query` finds; it takes of these moments those that it needs."""
        moments = {"last": self.last, "start": self.start, "end": self.end, "now": self.now}
        return self.session.connection().execute(query, {"municipality": self.municipality.id, **moments}).all()

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
    for post in week.rows(_TO_SIGN):
        yield f"Godkänn {week.name(post)}, som ska ut {week.when(post.due_at)}"
    for task in hand_tasks.coming(week.session, week.municipality, until=week.end, now=week.now):
        yield f"Gör för hand i {task.channel}: {week.name(task)}, {week.when(task.due_at)}"


def _goes_out(week: _Week) -> Iterator[str]:
    for post, channels in _by_post(week.rows(_GOING_OUT)):
        yield f"{week.when(post.post_due_at)}: {week.name(post)} ({', '.join(channels)})"


def _went_out(week: _Week) -> Iterator[str]:
    for post, channels in _by_post(week.rows(_GONE_OUT)):
        yield f"{week.name(post)} ({', '.join(channels)})"


def _went_wrong(week: _Week) -> Iterator[str]:
    for delivery in week.rows(_GONE_WRONG):
        yield f"{week.name(delivery)}, {delivery.channel}: {DELIVERY_STATES[delivery.state].lower()}"
    for post in week.rows(_NOT_SIGNED):
        yield f"{week.name(post)}: inte godkänt i tid"


_POST = Post.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]
_NAME = tuple(_POST.c[name] for name in ("campaign", "step", "audience", "places"))


def _unsigned(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(*_NAME, _POST.c.due_at)
        .where(
            _POST.c.municipality == bindparam("municipality"),
            _POST.c.state.in_(_UNSIGNED),
            _POST.c.merged_into.is_(None),
            _POST.c.is_preliminary.is_(False),
            *conditions,
        )
        .order_by(_POST.c.due_at, _POST.c.id)
    )


def _deliveries(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(_DELIVERY.c.post_id, _DELIVERY.c.channel, _DELIVERY.c.state, *_NAME, _POST.c.due_at.label("post_due_at"))
        .join(_POST, _POST.c.id == _DELIVERY.c.post_id)
        .where(_DELIVERY.c.municipality == bindparam("municipality"), *conditions)
        .order_by(_DELIVERY.c.due_at, _DELIVERY.c.id)
    )


def _last_week(moment: ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    return (moment >= bindparam("last"), moment < bindparam("start"))


_TO_SIGN = _unsigned(_POST.c.due_at < bindparam("end"), _POST.c.not_after > bindparam("now"))
_NOT_SIGNED = _unsigned(*_last_week(_POST.c.not_after))
_GOING_OUT = _deliveries(
    _DELIVERY.c.state.in_([DeliveryState.QUEUED, DeliveryState.SENDING]),
    _DELIVERY.c.kind != hand_tasks.BY_HAND,
    _DELIVERY.c.due_at < bindparam("end"),
)
_GONE_OUT = _deliveries(*_last_week(_DELIVERY.c.published_at))
_GONE_WRONG = _deliveries(_DELIVERY.c.state.in_(_FAILED), *_last_week(_DELIVERY.c.changed_at))


def _by_post(found: Iterable[SqlRow[Any]]) -> list[tuple[SqlRow[Any], list[str]]]:
    """Each post once, as the first of its deliveries tells of it, with the channels."""
    posts: dict[int, tuple[SqlRow[Any], list[str]]] = {}
    for delivery in found:
        channels = posts.setdefault(delivery.post_id, (delivery, []))[1]
        if delivery.channel not in channels:
            channels.append(delivery.channel)
    return list(posts.values())


def _day(day: date) -> str:
    """”fredag 30/4”."""
    return f"{WEEKDAYS[day.weekday()]} {day.day}/{day.month}"
