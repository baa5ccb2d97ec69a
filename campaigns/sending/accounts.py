"""How each municipality's channels are doing: working, resting since they fail, or stopped until a person acts.

An account is one channel of one municipality. One that fails again and again rests, and then one delivery is let
through to see; one whose login is refused stops for longer at a time, and says so. Either works again with the first
delivery that the channel accepts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import or_, update
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.errors import NotFoundError
from campaigns.models import AccountState, ChannelAccount, Delivery, DeliveryState
from campaigns.prepared import Among, Query
from campaigns.revisions import touch
from campaigns.waking import wake

Key = tuple[str, str]  # municipality, channel

MOST_FAILURES = 5  # in a row, before it rests
FIRST_REST = timedelta(minutes=1)
LONGEST_REST = timedelta(minutes=30)
STOPPED_FOR = timedelta(minutes=30)  # between looks at whether a refused login works: more often could lock it

MOST_BOOKED = timedelta(minutes=5)
# How long each state can hold back what waits: a channel that works may have asked for a week (`http.LONGEST_WAIT`).
_AT_MOST = {
    AccountState.WORKING: timedelta(days=7),
    AccountState.RESTING: LONGEST_REST,
    AccountState.STOPPED: STOPPED_FOR,
}
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Health(StrEnum):
    """What a try told of the channel: it accepted or refused on good grounds; it failed; its login is dead."""

    WELL = "well"
    FAILING = "failing"
    DEAD = "dead"


class Account(NamedTuple):
    """An account as it stands. Nothing is sent before `probe_at` (UTC); `free_at` is what its pace has come to."""

    is_working: bool
    reason: str
    probe_at: datetime
    free_at: datetime | None


class _Row(NamedTuple):
    municipality: str
    channel: str
    state: str
    reason: str
    probe_at: datetime | None
    free_at: datetime | None


_ACCOUNT = ChannelAccount.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_KNOWN = Query(
    sql_select(*(_ACCOUNT.c[name] for name in _Row._fields)).where(Among(_ACCOUNT.c.municipality, "municipalities")),
    _Row,
)


def load(session: Session, keys: Collection[Key], *, now: datetime) -> Mapping[Key, Account]:
    """Those of the accounts that something is known of. What a clock that was ahead has written holds no longer."""
    rows = _KNOWN.rows(session, municipalities=list({municipality for municipality, _ in keys}))
    return {
        (row.municipality, row.channel): Account(
            row.state == AccountState.WORKING,
            row.reason,
            _unless_absurd(row.probe_at, now + _AT_MOST[AccountState(row.state)]) or _LONG_AGO,
            _unless_absurd(row.free_at, now + MOST_BOOKED),
        )
        for row in rows
        if (row.municipality, row.channel) in keys
    }


def _unless_absurd(moment: datetime | None, latest: datetime) -> datetime | None:
    return moment if moment is None or moment <= latest else None


def standing(session: Session, *, municipality: str | None = None) -> list[ChannelAccount]:
    """The accounts that are not working."""
    query = select(ChannelAccount).where(ChannelAccount.state != AccountState.WORKING)
    if municipality is not None:
        query = query.where(ChannelAccount.municipality == municipality)
    return list(session.exec(query.order_by(ChannelAccount.municipality, ChannelAccount.channel)))


class Lesson(NamedTuple):
    """What a try told of its channel, at `at` (UTC). `rests_until` is when the channel asks to be called again."""

    account: Key
    health: Health
    reason: str
    at: datetime
    rests_until: datetime | None = None


class _Name(NamedTuple):
    municipality: str
    channel: str


_TROUBLED = Query(
    sql_select(_ACCOUNT.c.municipality, _ACCOUNT.c.channel).where(
        or_(_ACCOUNT.c.failures > 0, _ACCOUNT.c.state != "working")
    ),
    _Name,
)


def learn(session: Session, lessons: Sequence[Lesson]) -> None:
    """Take in what tries told of their channels."""
    # Where all is well, and was, there is nothing to learn.
    concerned = {(row.municipality, row.channel) for row in _TROUBLED.rows(session)}
    concerned |= {lesson.account for lesson in lessons if lesson.health is not Health.WELL}
    lessons = [lesson for lesson in lessons if lesson.account in concerned]
    if not lessons:
        return
    municipalities = {lesson.account[0] for lesson in lessons}
    found = session.exec(select(ChannelAccount).where(col(ChannelAccount.municipality).in_(municipalities)))
    known = {(row.municipality, row.channel): row for row in found}
    for lesson in lessons:
        row = known.get(lesson.account)
        if lesson.health is Health.WELL and (row is None or _is_faultless(row)):
            continue
        if row is None:
            municipality, channel = lesson.account
            row = ChannelAccount(municipality=municipality, channel=channel, changed_at=lesson.at)
            known[lesson.account] = row
        _take_in(session, row, lesson)
        session.add(row)
    session.flush()


def _is_faultless(row: ChannelAccount) -> bool:
    return row.state == AccountState.WORKING and row.failures == 0


def _take_in(session: Session, row: ChannelAccount, lesson: Lesson) -> None:
    if lesson.health is Health.WELL:
        _well(session, row, now=lesson.at)
    elif lesson.health is Health.DEAD or row.state == AccountState.STOPPED:
        _not_working(session, row, AccountState.STOPPED, lesson, lesson.at + STOPPED_FOR)
    elif lesson.rests_until is not None:
        row.probe_at = lesson.rests_until
    else:
        row.failures += 1
        if row.failures >= MOST_FAILURES:
            rest = min(FIRST_REST * (1 << min(row.failures - MOST_FAILURES, 10)), LONGEST_REST)
            _not_working(session, row, AccountState.RESTING, lesson, lesson.at + rest)


def restart(session: Session, municipality: str, channel: str, *, name: str, now: datetime) -> None:
    """A person has put it right: what waits is tried at once. Raises NotFoundError if the channel was not stopped."""
    row = session.get(ChannelAccount, (municipality, channel))
    is_held = row is not None and (row.state != AccountState.WORKING or (row.probe_at or now) > now)
    if row is None or not is_held:
        raise NotFoundError(f"Kanalen ”{channel}” är inte stoppad.")
    _well(session, row, now=now)
    audit.record(session, now=now, municipality=municipality, actor=name, action="startade kanalen", subject=channel)


def book(session: Session, free_at: Mapping[Key, datetime], *, now: datetime) -> None:
    """Note when each account's pace lets the next one start."""
    for (municipality, channel), moment in free_at.items():
        row = session.get(ChannelAccount, (municipality, channel))
        if row is None:
            row = ChannelAccount(municipality=municipality, channel=channel, changed_at=now)
        row.free_at = moment
        session.add(row)
    if free_at:
        session.flush()


def _well(session: Session, row: ChannelAccount, *, now: datetime) -> None:
    if row.state != AccountState.WORKING or (row.probe_at or now) > now:
        # What waited for it to work again need wait no more.
        session.execute(
            update(Delivery)
            .where(
                col(Delivery.municipality) == row.municipality,
                col(Delivery.channel) == row.channel,
                col(Delivery.state) == DeliveryState.QUEUED,
                col(Delivery.due_at) <= now,
                col(Delivery.next_attempt_at) > now,
                col(Delivery.maybe_sent).is_(False),  # those are looked for in their own time
            )
            .values(next_attempt_at=now)
        )
        wake(session, [(row.municipality, row.channel)])
        if row.state != AccountState.WORKING:
            _told(session, row, "kanalen fungerar igen", now=now)
        row.state, row.reason, row.probe_at, row.changed_at = AccountState.WORKING, "", None, now
    row.failures = 0
    session.add(row)


def _not_working(
    session: Session, row: ChannelAccount, state: AccountState, lesson: Lesson, probe_at: datetime
) -> None:
    is_news = row.state != state
    row.state, row.reason, row.probe_at = state, lesson.reason, probe_at
    if is_news:
        row.changed_at = lesson.at
        action = "kanalen stoppades" if state is AccountState.STOPPED else "kanalen vilar efter upprepade fel"
        _told(session, row, action, now=lesson.at)


def _told(session: Session, row: ChannelAccount, action: str, *, now: datetime) -> None:
    audit.record(
        session,
        now=now,
        municipality=row.municipality,
        actor="arbetaren",
        action=action,
        subject=row.channel,
        detail=row.reason,
    )
    touch(session, row.municipality)
