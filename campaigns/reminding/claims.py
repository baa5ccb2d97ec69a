"""Claiming notices, and settling what came of them: one letter to one place, held by one worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, text, update
from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.models import Delivery, Notice, NoticeState, Post, PostState, Reminder
from campaigns.reminder_kinds import NUDGES
from campaigns.reminding.addressees import Address, addresses
from campaigns.reminding.notices import tell_the_second, time_for

LEASE = timedelta(seconds=120)
FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(minutes=1), timedelta(hours=1)

_NOTICE = Notice.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one


@dataclass(frozen=True)
class Held:
    """A notice that this worker alone may send, and what it is about."""

    id: int
    token: int
    attempt: int
    address: str
    reminder: Reminder
    post: Post | None
    delivery: Delivery | None


@dataclass(frozen=True)
class Letter:
    """What is sent to one place at one time, until `lease_until` (UTC)."""

    municipality: Municipality
    to: Address
    held: Sequence[Held]


def has_due(session: Session, catalog: Catalog, *, now: datetime) -> bool:
    """Whether anything waits to be sent. A cheap read, so that an idle look takes no write lock."""
    return session.exec(select(Notice.id).where(*_due(catalog, now)).limit(1)).first() is not None


def has_expired(session: Session, *, now: datetime) -> bool:
    """Whether any notice is held by a worker that died. A cheap read."""
    return session.exec(select(Notice.id).where(*_expired(now)).limit(1)).first() is not None


def _due(catalog: Catalog, now: datetime) -> tuple[ColumnElement[bool], ...]:
    # The state in letters, as in the partial index: SQLite sees that it fits only then.
    known = col(Notice.municipality).in_(list(catalog.municipalities))
    return (text("notice.state = 'queued'"), col(Notice.send_at) <= now, known)  # type: ignore[return-value]  # SQL


def claim(session: Session, catalog: Catalog, *, now: datetime) -> Letter | None:
    """Lease everything that is due to one place of one municipality, or None if nothing is due.

    What cannot be sent now waits for its hour; what is too late, or has been done, is skipped.
    """
    while True:
        oldest = select(Notice).where(*_due(catalog, now)).order_by(col(Notice.send_at), col(Notice.id)).limit(1)
        first = session.exec(oldest).first()
        if first is None:
            return None
        letter = _claim_with(session, catalog.municipality(first.municipality), first.address, now=now)
        if letter is not None:
            return letter


def _claim_with(session: Session, municipality: Municipality, address_id: str, *, now: datetime) -> Letter | None:
    known = addresses(municipality)
    to = known.get(address_id)
    same = [each.id for each in known.values() if to and each.is_same_as == to.is_same_as] or [address_id]
    query = (
        select(Notice, Reminder, Post, Delivery)
        .join(Reminder, col(Reminder.id) == col(Notice.reminder_id))
        .join(Post, col(Post.id) == col(Reminder.post_id), isouter=True)
        .join(Delivery, col(Delivery.id) == col(Reminder.delivery_id), isouter=True)
        .where(
            Notice.municipality == municipality.id,
            col(Notice.address).in_(same),
            Notice.state == NoticeState.QUEUED,
            Notice.send_at <= now,
        )
        .order_by(col(Reminder.deadline_day), col(Reminder.id))
    )
    held: list[Held] = []
    for notice, reminder, post, delivery in session.exec(query).all():
        start = time_for(reminder.kind, now, municipality.zone)
        why_not = _why_not(notice, reminder, post, to, now)
        notice.changed_at = now
        if why_not:
            notice.state, notice.reason = NoticeState.SKIPPED, why_not
        elif start > now:
            notice.send_at = start
        else:
            notice.state, notice.lease_until = NoticeState.SENDING, now + LEASE
            notice.token += 1
            notice.attempts += 1
            assert notice.id is not None
            held.append(Held(notice.id, notice.token, notice.attempts, notice.address, reminder, post, delivery))
        session.add(notice)
    session.flush()
    return Letter(municipality, to, held) if to and held else None


def _why_not(notice: Notice, reminder: Reminder, post: Post | None, to: Address | None, now: datetime) -> str:
    """Why it is not sent at all, or nothing."""
    if to is None:
        return "Adressen finns inte längre i kommunens fil."
    if now >= notice.not_after:
        return "Den hann bli för gammal."
    if reminder.kind in NUDGES and post is not None:
        if post.state not in (PostState.DRAFT, PostState.REJECTED):
            return "Budskapet väntar inte längre på att godkännas."
        if now >= post.not_after:
            return "Tiden för budskapet har gått ut."
    return ""


def settle(
    session: Session,
    letter: Letter,
    state: NoticeState,
    *,
    now: datetime,
    reason: str = "",
    wait: timedelta = timedelta(0),
) -> int:
    """Write what came of a letter, for what is still held. Returns how many notices were. `wait` is for `queued`."""
    count = 0
    for item in letter.held:
        again = min(FIRST_BACKOFF * (1 << min(item.attempt - 1, 10)), LONGEST_BACKOFF)
        start = time_for(item.reminder.kind, now + max(again, wait), letter.municipality.zone)
        values = {"state": state, "reason": reason, "lease_until": None, "changed_at": now}
        found = session.connection().execute(
            update(_NOTICE)
            .where(_NOTICE.c.id == item.id, _NOTICE.c.token == item.token, _NOTICE.c.state == NoticeState.SENDING)
            .values(**values, **({"send_at": start} if state is NoticeState.QUEUED else {}))
        )
        if found.rowcount and state in (NoticeState.UNKNOWN, NoticeState.FAILED):
            tell_the_second(session, letter.municipality, item.reminder, item.address, now=now)
        count += found.rowcount
    return count


def reap(session: Session, catalog: Catalog, *, now: datetime) -> int:
    """Take back what dead workers held: nobody knows whether it went out, so it is not sent again. Returns how many."""
    query = select(Notice, Reminder).join(Reminder, col(Reminder.id) == col(Notice.reminder_id)).where(*_expired(now))
    found = session.exec(query).all()
    for notice, reminder in found:
        notice.state, notice.lease_until, notice.changed_at = NoticeState.UNKNOWN, None, now
        notice.reason = "Sändningen avbröts. Det är osäkert om den gick ut."
        notice.token += 1
        session.add(notice)
        session.flush()
        if notice.municipality in catalog.municipalities:
            municipality = catalog.municipality(notice.municipality)
            tell_the_second(session, municipality, reminder, notice.address, now=now)
    return len(found)


def _expired(now: datetime) -> tuple[ColumnElement[bool], ...]:
    # A lease that ends absurdly late was given before the clock was set back: nobody will come back for it either.
    is_over = or_(col(Notice.lease_until) < now, col(Notice.lease_until) > now + 2 * LEASE)
    return (col(Notice.state) == NoticeState.SENDING, is_over)
