"""Reminders to staff: each deadline and each post that is about to be missed, told once, by unique keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import insert, select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import channels_out
from campaigns.localtime import to_utc
from campaigns.models import Post, PostState, Reminder
from campaigns.occurrences import OccurrenceStatus
from campaigns.plan import DeadlineKind, PlannedDeadline
from campaigns.season import Season, planned_years, season
from campaigns.swedish import long_date

REMIND_AT = time(8)
# A deadline that passed longer ago than this is not reminded of: the product was not in use then.
LATEST = timedelta(days=30)

_REMINDER = Reminder.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
NUDGES = (timedelta(hours=48), timedelta(hours=24))


def remind(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> list[str]:
    """Make the reminders that are due at `now` and have not been made. Returns their keys."""
    laid = season(session, catalog, municipality, years=planned_years(now, municipality))
    wanted = {item["key"]: item for item in _deadlines(session, municipality, laid, now=now)}
    wanted.update({item["key"]: item for item in _undated(municipality, laid, now=now)})
    wanted.update({item["key"]: item for item in _posts(session, municipality, now=now)})
    if not wanted:
        return []
    made = set(session.execute(select(_REMINDER.c.key).where(_REMINDER.c.key.in_(list(wanted)))).scalars())
    new = [item for key, item in wanted.items() if key not in made]
    if new:
        session.execute(insert(_REMINDER), [{**item, "created_at": now} for item in new])
    return [str(item["key"]) for item in new]


def is_due(day: date, municipality: Municipality, *, now: datetime) -> bool:
    """Whether a deadline on `day` is to be told of at `now`: from eight in the morning, local time, for thirty days."""
    start = to_utc(day, REMIND_AT, municipality.zone)
    return start <= now < start + LATEST


def _deadlines(
    session: Session, municipality: Municipality, laid: Season, *, now: datetime
) -> Iterable[dict[str, object]]:
    due = [item for item in laid.plan.deadlines if is_due(item.day, municipality, now=now)]
    if not due:
        return
    waiting = _occurrences_with_unsigned_posts(session, municipality, now=now)
    today = now.astimezone(municipality.zone).date()
    for item in due:
        if _is_open(item, waiting, today):
            yield {
                "key": f"{item.key}/{item.day.isoformat()}",
                "municipality": municipality.id,
                "kind": item.deadline.kind.value,
                "subject": deadline_subject(item),
                "occurrence": item.occurrence.key,
                "deadline_day": item.day,
            }


def _is_open(item: PlannedDeadline, waiting: set[tuple[str, str]], today: date) -> bool:
    if item.deadline.kind in (DeadlineKind.NOTE, DeadlineKind.FOLLOW_UP):
        return True
    if item.occurrence.last_day < today:
        return False
    if item.deadline.kind in (DeadlineKind.WRITE, DeadlineKind.SIGN):
        return item.occurrence.status is OccurrenceStatus.PRELIMINARY or (item.campaign, item.occurrence.key) in waiting
    return True


def _occurrences_with_unsigned_posts(
    session: Session, municipality: Municipality, *, now: datetime
) -> set[tuple[str, str]]:
    query = (
        select(col(Post.campaign), col(Post.occurrence))
        .where(
            col(Post.municipality) == municipality.id,
            col(Post.state).in_([PostState.DRAFT, PostState.REJECTED]),
            col(Post.not_after) > now,
            col(Post.merged_into).is_(None),
        )
        .distinct()
    )
    return {(campaign, occurrence) for campaign, occurrence in session.execute(query)}


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


def _undated(municipality: Municipality, laid: Season, *, now: datetime) -> Iterable[dict[str, object]]:
    """Each Monday from the day that dates were to be confirmed: those that are not known yet."""
    today = now.astimezone(municipality.zone).date()
    monday = today - timedelta(days=today.weekday())
    if not is_due(monday, municipality, now=now):
        return
    for item in laid.plan.deadlines:
        is_waiting = item.occurrence.status is OccurrenceStatus.PRELIMINARY and today <= item.occurrence.last_day
        if item.deadline.kind is DeadlineKind.CONFIRM_DATES and is_waiting and item.day < monday:
            yield {
                "key": f"{item.key}/{monday.isoformat()}",
                "municipality": municipality.id,
                "kind": "date_missing",
                "subject": f"Datumet är inte bekräftat än: {item.occurrence.title}. Inget kan godkännas innan dess.",
                "occurrence": item.occurrence.key,
                "deadline_day": monday,
            }


def _posts(session: Session, municipality: Municipality, *, now: datetime) -> Iterable[dict[str, object]]:
    """Nudges 48 and 24 hours before an unsigned post is due, and word when it was not signed in time.

    A post without a confirmed date has no time to be nudged about: `_undated` tells of it.
    """
    query = select(Post).where(
        col(Post.municipality) == municipality.id,
        col(Post.state).in_([PostState.DRAFT, PostState.REJECTED]),
        col(Post.merged_into).is_(None),
        col(Post.is_preliminary).is_(False),
        col(Post.due_at) <= now + max(NUDGES),
        col(Post.not_after) > now - LATEST,
    )
    waiting = session.execute(query).scalars().all()
    out = channels_out(session, [post.id for post in waiting if post.id is not None])
    for post in waiting:
        kind, sentence = _post_reminder(post, out.get(post.id or 0, []), now=now)
        yield {
            "key": f"{post.key}/{kind}/{post.due_at:%Y%m%dT%H%MZ}",
            "municipality": municipality.id,
            "kind": kind,
            "subject": f"{sentence}: {post.key}",
            "occurrence": post.occurrence,
            "deadline_day": post.due_at.astimezone(municipality.zone).date(),
        }


def _post_reminder(post: Post, out: Sequence[str], *, now: datetime) -> tuple[str, str]:
    if post.not_after <= now:
        return "missed", missed_sentence(out)
    hours = 24 if post.due_at - now <= NUDGES[1] else 48
    return f"nudge_{hours}h", f"Inte godkänt än och ska ut inom {hours} timmar"


def missed_sentence(out: Sequence[str]) -> str:
    """How a post that was not signed in time is told of, given the channels that it had reached before."""
    if out:
        return f"Gick bara ut i {', '.join(out)}; resten var inte godkänt i tid"
    return "Skickades inte, det var inte godkänt i tid"


def latest_reminders(session: Session, *, municipality: str | None, most: int) -> Sequence[Reminder]:
    """The reminders made, those of the latest day first."""
    query = select(Reminder).order_by(col(Reminder.deadline_day).desc(), col(Reminder.id).desc()).limit(most)
    if municipality is not None:
        query = query.where(col(Reminder.municipality) == municipality)
    return session.execute(query).scalars().all()
