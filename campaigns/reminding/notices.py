"""Notices: each reminder to each address of staff, an outbox of its own. No notice is sent twice, over restarts too.

A notice is made in the transaction that makes its reminder, under a unique key; who is added to the files later gets
what is made later. It is claimed with a lease and a token, sent outside the transaction, and then settled.

An unknown outcome is never tried again, whatever the notice says: who gets the same mail twice learns not to read them.
Nothing urgent is lost by that: where it is unknown or failed, the second named person gets a notice, which is another.
The rest stands on the command line and in the pages, and what failed stands in the next week's letter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from campaigns.catalog import Municipality
from campaigns.localtime import after_quiet
from campaigns.models import Notice, Reminder
from campaigns.reminder_kinds import FAILURES, Kind, is_urgent
from campaigns.reminding.addressees import addresses, receivers, seconds_of
from campaigns.workdays import at_work

KEPT = timedelta(days=7)
WEEK_LETTER_KEPT = timedelta(days=4)
# The first failure is told at once. What follows is gathered, so that a channel that is down is no rain of mails.
GATHERED = timedelta(minutes=10)

_NOTICE = Notice.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one


def time_for(kind: str, moment: datetime, zone: ZoneInfo) -> datetime:
    """When, from `moment` on, a reminder of `kind` may be sent (UTC): in working hours, or at once if it is urgent."""
    return after_quiet(moment, zone) if is_urgent(kind) else at_work(moment, zone)


def queue(
    session: Session,
    municipality: Municipality,
    reminders: Iterable[tuple[int, str, Collection[str]]],
    *,
    now: datetime,
) -> None:
    """Queue reminders (id, kind, parties) to those of the staff who are to have them."""
    wanted = [
        (reminder_id, kind, address.id)
        for reminder_id, kind, parties in reminders
        for address in receivers(municipality, kind, parties=parties)
    ]
    _insert(session, municipality, wanted, now=now)


def _insert(
    session: Session, municipality: Municipality, wanted: Iterable[tuple[int, str, str]], *, now: datetime
) -> None:
    wanted = list(wanted)
    if not wanted:
        return
    lately = _lately_told_of_failures(session, municipality, now=now)
    rows = []
    for reminder_id, kind, address in wanted:
        start = max(now, lately.get(address, now)) if is_urgent(kind) else now
        row = Notice(
            reminder_id=reminder_id,
            municipality=municipality.id,
            address=address,
            send_at=time_for(kind, start, municipality.zone),
            not_after=now + (WEEK_LETTER_KEPT if kind == Kind.DIGEST else KEPT),
            created_at=now,
            changed_at=now,
        )
        rows.append(row.model_dump(exclude={"id"}))
    session.execute(insert(_NOTICE), rows)


def _lately_told_of_failures(session: Session, municipality: Municipality, *, now: datetime) -> Mapping[str, datetime]:
    """Per address, until when what goes wrong is gathered."""
    query = (
        select(Notice.address, func.max(Notice.send_at))
        .join(Reminder, col(Reminder.id) == col(Notice.reminder_id))
        .where(
            Notice.municipality == municipality.id,
            Notice.send_at > now - GATHERED,
            Notice.send_at < now + timedelta(days=1),  # later ones are of a clock that was ahead
            col(Reminder.kind).in_(FAILURES),
        )
        .group_by(Notice.address)
    )
    return {address: latest if latest > now else latest + GATHERED for address, latest in session.exec(query)}


def tell_the_second(
    session: Session, municipality: Municipality, reminder: Reminder, address_id: str, *, now: datetime
) -> None:
    """Where an urgent reminder may not have reached `address_id`, queue it to the second named person, once."""
    if not is_urgent(reminder.kind) or reminder.id is None:
        return
    told = set(session.exec(select(Notice.address).where(Notice.reminder_id == reminder.id)))
    known = addresses(municipality)
    places = {known[each].is_same_as for each in told if each in known}
    new = [each.id for each in seconds_of(municipality, address_id) if each.is_same_as not in places]
    _insert(session, municipality, [(reminder.id, reminder.kind, each) for each in new if each not in told], now=now)


def by_reminder(session: Session, reminder_ids: Sequence[int]) -> dict[int, list[Notice]]:
    """The notices of each of the reminders."""
    found: dict[int, list[Notice]] = {}
    query = select(Notice).where(col(Notice.reminder_id).in_(reminder_ids)).order_by(col(Notice.id))
    for notice in session.exec(query):
        found.setdefault(notice.reminder_id, []).append(notice)
    return found
