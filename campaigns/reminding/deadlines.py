"""The editorial deadlines as reminders, and the dates that nobody has confirmed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlmodel import Session

from campaigns.catalog import Municipality
from campaigns.models import Post, PostState
from campaigns.occurrences import OccurrenceStatus
from campaigns.plan import DeadlineKind, PlannedDeadline
from campaigns.reminder_kinds import Kind
from campaigns.reminding.rows import Row
from campaigns.season import Season
from campaigns.swedish import long_date
from campaigns.workdays import opening, week_begins, working_day_from

# A deadline that passed longer ago than this is not reminded of: the product was not in use then.
LATEST = timedelta(days=30)
# Longer than any row of days off: what falls on one is told of at most this far from its day.
LONGEST_LEAVE = timedelta(days=7)
_AFTERWARDS = (DeadlineKind.NOTE, DeadlineKind.FOLLOW_UP)


def reached(session: Session, municipality: Municipality, laid: Season, *, now: datetime) -> list[Row]:
    """The deadlines to tell of at `now`, and each week the dates that are still not known."""
    zone = municipality.zone
    today = now.astimezone(zone).date()
    # By the day first, which is cheap: most deadlines of the three years are far from today.
    first, last = today - LATEST - LONGEST_LEAVE, today + LONGEST_LEAVE
    near = (item for item in laid.plan.deadlines if first <= item.day <= last)
    due = [item for item in near if (at := told_at(item, zone)) <= now < at + LATEST]
    waiting = with_unsigned_posts(session, municipality, now=now) if due else set()
    found = [
        Row(
            key=f"{item.key}/{item.day.isoformat()}",
            municipality=municipality.id,
            kind=item.deadline.kind.value,
            subject=deadline_subject(item),
            occurrence=item.occurrence.key,
            deadline_day=item.day,
        )
        for item in due
        if is_open(item, waiting, today)
    ]
    return [*found, *_undated(municipality, laid, now=now)]


def told_at(item: PlannedDeadline, zone: ZoneInfo) -> datetime:
    """When a deadline is told of (UTC): at eight in the morning of its day, local time.

    One on a day off is told of on the working day before; what is to be done afterwards, on the working day after.
    """
    return opening(working_day_from(item.day) if item.deadline.kind in _AFTERWARDS else item.day, zone)


def is_open(item: PlannedDeadline, waiting: set[tuple[str, str]], today: date) -> bool:
    """Whether there is something left to do. `waiting` is what `with_unsigned_posts` found."""
    if item.deadline.kind in _AFTERWARDS:
        return True
    if item.occurrence.last_day < today:
        return False
    if item.deadline.kind in (DeadlineKind.WRITE, DeadlineKind.SIGN):
        return item.occurrence.status is OccurrenceStatus.PRELIMINARY or (item.campaign, item.occurrence.key) in waiting
    return True


def with_unsigned_posts(session: Session, municipality: Municipality, *, now: datetime) -> set[tuple[str, str]]:
    """Campaign and occurrence of every post that can still be signed and has not been."""
    found = session.connection().execute(_UNSIGNED, {"municipality": municipality.id, "now": now})
    return {(campaign, occurrence) for campaign, occurrence in found}


_POST = Post.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_UNSIGNED = (
    select(_POST.c.campaign, _POST.c.occurrence)
    .where(
        _POST.c.municipality == bindparam("municipality"),
        _POST.c.state.in_([PostState.DRAFT, PostState.REJECTED]),
        _POST.c.not_after > bindparam("now"),
        _POST.c.merged_into.is_(None),
    )
    .distinct()
)


def deadline_subject(item: PlannedDeadline) -> str:
    """The deadline as a sentence for the person who must act."""
    name = f"{item.deadline.name}: {item.campaign_name}, {item.occurrence.title}"
    if item.deadline.kind is not DeadlineKind.CONFIRM_DATES:
        return name
    if item.occurrence.status is OccurrenceStatus.CONFIRMED:
        return f"{name}. Datumet är {long_date(item.occurrence.day)}."
    if item.occurrence.has_day:
        return f"{name}. {long_date(item.occurrence.day).capitalize()} är preliminärt."
    return f"{name}. Datumet är inte känt än."


def _undated(municipality: Municipality, laid: Season, *, now: datetime) -> Iterable[Row]:
    """As each week begins, from the day that dates were to be confirmed: those that are not known yet."""
    today = now.astimezone(municipality.zone).date()
    monday = today - timedelta(days=today.weekday())
    if now < week_begins(monday, municipality.zone):
        return
    for item in laid.plan.deadlines:
        is_waiting = item.occurrence.status is OccurrenceStatus.PRELIMINARY and today <= item.occurrence.last_day
        if item.deadline.kind is DeadlineKind.CONFIRM_DATES and is_waiting and item.day < monday:
            yield Row(
                key=f"{item.key}/{monday.isoformat()}",
                municipality=municipality.id,
                kind=Kind.DATE_MISSING,
                subject=f"Datumet är inte bekräftat än: {item.occurrence.title}. Inget kan godkännas innan dess.",
                occurrence=item.occurrence.key,
                deadline_day=monday,
            )
