"""What happened, read from the rows that the pipeline left: for people as sentences, for machines as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog
from campaigns.content import Content
from campaigns.enqueue import channels_out
from campaigns.localtime import to_utc
from campaigns.models import (
    Approval,
    Attempt,
    ContentRow,
    Delivery,
    DeliveryState,
    FactConfirmation,
    OccurrenceRow,
    Post,
    Reminder,
)
from campaigns.reminding.reminders import missed_sentence
from campaigns.swedish import moment


class EventKind(StrEnum):
    """What kind of thing happened. `by_hand` is a task given to a person, `missed` a post not signed in time."""

    REMINDED = "reminded"
    FACT_CONFIRMED = "fact_confirmed"
    APPROVED = "approved"
    REFUSED = "refused"
    SENT = "sent"
    BY_HAND = "by_hand"
    TRIED = "tried"
    SKIPPED = "skipped"
    STOPPED = "stopped"
    UNKNOWN = "unknown"
    FAILED = "failed"
    MISSED = "missed"


EVENT_WORDS: dict[str, str] = {
    EventKind.REMINDED: "påminnelser",
    EventKind.FACT_CONFIRMED: "bekräftade fakta",
    EventKind.APPROVED: "godkännanden",
    EventKind.REFUSED: "som inte kunde godkännas",
    EventKind.SENT: "utskick",
    EventKind.BY_HAND: "uppgifter att göra för hand",
    EventKind.TRIED: "nya försök",
    EventKind.SKIPPED: "som inte skickades",
    EventKind.STOPPED: "stoppade",
    EventKind.UNKNOWN: "osäkra",
    EventKind.FAILED: "misslyckade",
    EventKind.MISSED: "budskap som inte blev godkända i tid",
}


@dataclass(frozen=True)
class Event:
    """One thing that happened at `at` (UTC); `local` is the same moment on the municipality's clocks."""

    at: datetime
    kind: EventKind
    municipality: str
    text: str
    local: datetime | None = None
    campaign: str = ""
    occurrence: str = ""
    step: str = ""
    audience: str = ""
    channel: str = ""
    language: str = ""
    post: str = ""
    party: str = ""
    due_at: datetime | None = None
    not_after: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """The event with moments as ISO 8601 texts, empty fields left out."""
        values = asdict(self)
        return {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in values.items()
            if value not in ("", None)
        }


_OUTCOMES = {
    DeliveryState.PUBLISHED: (EventKind.SENT, "gick ut"),
    DeliveryState.HANDED_OVER: (EventKind.SENT, "lämnades över"),
    DeliveryState.MANUAL: (EventKind.BY_HAND, "blev en uppgift att göra för hand"),
    DeliveryState.UNKNOWN: (EventKind.UNKNOWN, "är osäkert"),
    DeliveryState.FAILED: (EventKind.FAILED, "misslyckades"),
    DeliveryState.SKIPPED: (EventKind.SKIPPED, "skickades inte"),
    DeliveryState.STOPPED: (EventKind.STOPPED, "stoppades"),
    DeliveryState.QUEUED: (EventKind.TRIED, "försöktes, nytt försök senare"),
}


def tell(
    session: Session,
    catalog: Catalog,
    *,
    start: datetime,
    end: datetime,
    refusals: Iterable[tuple[datetime, int, str]] = (),
) -> list[Event]:
    """Everything that happened from `start` until `end` (UTC), in order."""
    all_posts = {post.id: post for post in session.exec(select(Post))}
    events: list[Event] = []
    events.extend(_reminders(session))
    events.extend(_facts(session))
    events.extend(_approvals(session, all_posts))
    events.extend(_deliveries(session, all_posts, start=start))
    events.extend(_of(at, EventKind.REFUSED, all_posts[post_id], text) for at, post_id, text in refusals)
    zones = {key: item.zone for key, item in catalog.municipalities.items()}
    events.extend(_missed(session, all_posts, zones))
    inside = [
        event for event in events if start <= event.at < end and (event.municipality in zones or not event.municipality)
    ]
    return sorted((_localised(event, zones) for event in inside), key=lambda event: (event.at, event.kind, event.text))


def sentence(event: Event, zone: ZoneInfo) -> str:
    """The event as a line for people."""
    return f"{moment(event.at, zone)}  {event.text}"


def _localised(event: Event, zones: dict[str, ZoneInfo]) -> Event:
    zone = zones.get(event.municipality)
    if zone is None:
        return event
    values = {field: getattr(event, field) for field in event.__dataclass_fields__}
    return Event(**{**values, "local": event.at.astimezone(zone)})


def _of(
    at: datetime, kind: EventKind, post: Post, text: str, *, channel: str = "", language: str = "", party: str = ""
) -> Event:
    return Event(
        at,
        kind,
        post.municipality,
        text,
        campaign=post.campaign,
        occurrence=post.occurrence,
        step=post.step,
        audience=post.audience,
        channel=channel,
        language=language,
        post=post.key,
        party=party,
        due_at=post.due_at,
        not_after=post.not_after,
    )


def _reminders(session: Session) -> Iterable[Event]:
    for row in session.exec(select(Reminder)):
        yield Event(
            row.created_at,
            EventKind.REMINDED,
            row.municipality,
            f"Påminnelse: {row.subject}",
            occurrence=row.occurrence,
            step=row.kind,
        )


def _facts(session: Session) -> Iterable[Event]:
    for row in session.exec(select(FactConfirmation)):
        text = f"{row.confirmed_by} bekräftade faktumet {row.fact} till och med {row.valid_until.isoformat()}"
        yield Event(row.confirmed_at, EventKind.FACT_CONFIRMED, "", text)


def _approvals(session: Session, all_posts: dict[int | None, Post]) -> Iterable[Event]:
    for row in session.exec(select(Approval)):
        post = all_posts[row.post_id]
        text = f"{row.name} godkände för {row.party}: {post.key}"
        yield _of(row.created_at, EventKind.APPROVED, post, text, party=row.party)


def _deliveries(session: Session, all_posts: dict[int | None, Post], *, start: datetime) -> Iterable[Event]:
    """What came of the deliveries, without those whose last time was before `start`."""
    titles = {row.id: Content.from_bytes(row.payload).title for row in session.exec(select(ContentRow))}
    attempts: dict[int, Sequence[Attempt]] = {}
    for attempt in session.exec(select(Attempt).order_by(col(Attempt.id))):
        attempts[attempt.delivery_id] = [*attempts.get(attempt.delivery_id, ()), attempt]
    for row in session.exec(select(Delivery).where(Delivery.not_after >= start)):
        assert row.id is not None
        post, title = all_posts[row.post_id], titles[row.content_id]
        tries = attempts.get(row.id, ())
        for attempt in tries:
            yield _outcome(attempt.finished_at, DeliveryState(attempt.outcome), post, row, title, attempt.detail)
        if row.state in (DeliveryState.SKIPPED, DeliveryState.STOPPED, DeliveryState.UNKNOWN) and (
            not tries or tries[-1].outcome != row.state
        ):
            yield _outcome(row.changed_at, DeliveryState(row.state), post, row, title, row.reason)


def _outcome(at: datetime, state: DeliveryState, post: Post, row: Delivery, title: str, detail: str) -> Event:
    kind, verb = _OUTCOMES[state]
    text = f"{row.channel}: ”{title}” {verb} ({post.key}){': ' + detail if detail else ''}"
    return _of(at, kind, post, text, channel=row.channel, language=row.language)


def _missed(session: Session, all_posts: Mapping[int | None, Post], zones: Mapping[str, ZoneInfo]) -> Iterable[Event]:
    waiting = [post for post in all_posts.values() if post.state in ("draft", "rejected") and not post.merged_into]
    out = channels_out(session, [post.id for post in waiting if post.id is not None])
    last_days = {row.key: row.last_day for row in session.exec(select(OccurrenceRow))}
    for post in waiting:
        if post.is_preliminary and post.municipality in zones:
            # Its own times are counted from the first day of the usual window: only when that is over is it missed.
            end = to_utc(last_days[post.occurrence] + timedelta(days=1), time(0), zones[post.municipality])
            yield _of(end, EventKind.MISSED, post, f"Skickades inte, datumet bekräftades aldrig: {post.key}")
        else:
            sentence = missed_sentence(out.get(post.id or 0, []))
            yield _of(post.not_after, EventKind.MISSED, post, f"{sentence}: {post.key}")
