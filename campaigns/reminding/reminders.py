"""Reminders to staff: what must be done, what is about to be missed and what went wrong, each once by its key.

They are made as rows whoever is to have them: the pages, the command line and the API show them. To whom they are sent,
and when, is `campaigns.reminding.notices`.

What is to be reminded of is looked for in a reading transaction, and only what is new is written: mostly nothing is,
and the one writer must not wait for that. What changes between the two is as if it had changed after the reminder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import channels_out
from campaigns.models import Post, PostState, Reminder
from campaigns.reminder_kinds import Kind
from campaigns.reminding import deadlines, digest, hand_tasks, notices, promised, trouble
from campaigns.reminding.rows import Row, untold, write
from campaigns.season import Season, planned_years, season
from campaigns.signatures import missing_signatures
from campaigns.swedish import long_date
from campaigns.workdays import at_work, in_time, opening, week_begins

# Before a post is due; each at the last moment by then when staff are at work and have time to sign.
FIRST_NUDGE, LAST_NUDGE, ESCALATION = timedelta(hours=48), timedelta(hours=24), timedelta(hours=8)
# A post whose time passed longer ago than this is not told of: the product was not in use then.
LATEST = timedelta(days=30)


def due(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> list[Row]:
    """The reminders that are due at `now` and have not been made. Nothing is written."""
    laid = season(session, catalog, municipality, years=planned_years(now, municipality))
    wanted = [
        *deadlines.reached(session, municipality, laid, now=now),
        *_unsigned(session, municipality, now=now),
        *hand_tasks.reached(session, municipality, now=now),
        *trouble.troubles(session, [municipality], now=now, since=now - trouble.LATEST),
        *digest.weekly(session, catalog, municipality, laid, now=now),
        *promised.reached(session, catalog, municipality, laid, now=now),
    ]
    return untold(session, wanted)


def make(session: Session, municipality: Municipality, wanted: Iterable[Row], *, now: datetime) -> list[str]:
    """Make those of `wanted` that nobody else has made by now, and queue them to staff. Returns their keys."""
    new = untold(session, wanted)
    ids = write(session, new, now=now)
    notices.queue(session, municipality, [(ids[row.key], row.kind, row.parties.split()) for row in new], now=now)
    return [row.key for row in new]


def moments(laid: Season, municipality: Municipality) -> set[datetime]:
    """When reminders of the season can be made (UTC), but for what goes wrong."""
    zone = municipality.zone
    days = [item.day for item in laid.plan.deadlines]
    found = {deadlines.told_at(item, zone) for item in laid.plan.deadlines} | promised.moments(laid, municipality)
    for step in laid.plan.steps:
        found |= unsigned_moments(step.due_at, step.not_after, zone)
    weeks = (max(days) - min(days)).days // 7 + 2 if days else 0
    found.update(week_begins(min(days) + timedelta(weeks=each), zone) for each in range(weeks))
    return found


def unsigned_moments(due_at: datetime, not_after: datetime, zone: ZoneInfo) -> set[datetime]:
    """When reminders of a post that nobody signs can be made (UTC)."""
    nudges = {in_time(due_at - before, zone) for before in (FIRST_NUDGE, LAST_NUDGE, ESCALATION)}
    return nudges | {opening(due_at.astimezone(zone).date(), zone), at_work(not_after, zone)}


def _unsigned(session: Session, municipality: Municipality, *, now: datetime) -> Iterable[Row]:
    """Nudges before an unsigned post is due, then word to the second person, and word when it was not signed in time.

    A post without a confirmed date has no time to be nudged about: the missing date is told of instead.
    """
    values = {
        "municipality": municipality.id,
        "until": now + FIRST_NUDGE + deadlines.LONGEST_LEAVE,
        "since": now - LATEST,
    }
    waiting = [_Waiting(*row) for row in session.connection().execute(_WAITING, values)]
    if not waiting:
        return
    out = channels_out(session, [post.id for post in waiting])
    unsigned = missing_signatures(session, municipality, waiting)
    for post in waiting:
        for kind, sentence in _sentences(post, municipality, out.get(post.id, []), now=now):
            yield Row(
                key=f"{post.key}/{kind}/{post.due_at:%Y%m%dT%H%MZ}",
                municipality=municipality.id,
                kind=kind,
                subject=f"{sentence}: {post.key}",
                occurrence=post.occurrence,
                deadline_day=post.due_at.astimezone(municipality.zone).date(),
                post_id=post.id,
                parties="" if kind is Kind.MISSED else " ".join(unsigned[post.id]),
                detail=f"{sentence}." if kind is Kind.MISSED else "",
            )


class _Waiting(NamedTuple):
    """A post that has not been signed by all."""

    id: int
    key: str
    occurrence: str
    due_at: datetime
    not_after: datetime


_POST = Post.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_WAITING = sql_select(*(_POST.c[name] for name in _Waiting._fields)).where(
    _POST.c.municipality == bindparam("municipality"),
    _POST.c.state.in_([PostState.DRAFT, PostState.REJECTED]),
    _POST.c.merged_into.is_(None),
    _POST.c.is_preliminary.is_(False),
    _POST.c.due_at <= bindparam("until"),
    _POST.c.not_after > bindparam("since"),
)


def _sentences(
    post: _Waiting, municipality: Municipality, out: Sequence[str], *, now: datetime
) -> Iterable[tuple[Kind, str]]:
    if post.not_after <= now:
        yield Kind.MISSED, missed_sentence(out)
        return
    zone = municipality.zone
    due = post.due_at.astimezone(zone)
    when = f"{long_date(due.date())} kl. {due:%H.%M}"
    first, last = in_time(post.due_at - FIRST_NUDGE, zone), in_time(post.due_at - LAST_NUDGE, zone)
    # Before a weekend both can fall on one day: then the first is enough.
    are_two = last.astimezone(zone).date() > first.astimezone(zone).date()
    if now >= first:
        yield Kind.NUDGE_24H if are_two and now >= last else Kind.NUDGE_48H, f"Inte godkänt än och ska ut {when}"
    if now >= in_time(post.due_at - ESCALATION, zone):
        yield Kind.ESCALATION, f"Fortfarande inte godkänt och ska ut {when}"


def missed_sentence(out: Sequence[str]) -> str:
    """How a post that was not signed in time is told of, given the channels that it had reached before."""
    if out:
        return f"Gick bara ut i {', '.join(out)}; resten var inte godkänt i tid"
    return "Skickades inte, det var inte godkänt i tid"


def latest_reminders(session: Session, *, municipality: str | None, most: int) -> Sequence[Reminder]:
    """The reminders made, those of the latest day first."""
    query = select(Reminder).order_by(col(Reminder.deadline_day).desc(), col(Reminder.id).desc()).limit(most)
    if municipality is not None:
        query = query.where(Reminder.municipality == municipality)
    return session.exec(query).all()
