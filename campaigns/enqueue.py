"""Signed content laid in the outbox: one delivery per channel and language, and none twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from sqlalchemy import BindParameter, bindparam, select
from sqlmodel import Session

from campaigns.catalog import Municipality
from campaigns.channels import can, is_outside
from campaigns.channels.base import Correcting
from campaigns.localtime import after_quiet
from campaigns.models import Act, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.waking import wake

# No longer in the campaign: the plan has let it go, or a person has left it out.
LEFT_OUT = (PostState.CANCELLED, PostState.SKIPPED)
# Has left, or may have.
OUT = (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER, DeliveryState.UNKNOWN)
# Has stood in its channel, or may have: also what was taken back or corrected afterwards.
WENT_OUT = (*OUT, DeliveryState.WITHDRAWN, DeliveryState.REPLACED)
# Stands where people can see it.
STANDING = (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER)
_UNDER_WAY = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN)
CORRECTED_WITHIN = timedelta(days=7)
# What a person lets go at once on a page waits this long, so that whoever pressed the wrong button can take it back.
REGRET = timedelta(seconds=60)
# The next attempt of what a person has stopped: no signature brings it back, only a person who chooses it again.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def enqueue(
    session: Session, municipality: Municipality, post: Post, *, now: datetime, earliest: datetime | None = None
) -> int:
    """Queue the signed version of `post` where it is not under way and has not been. Returns how many were queued.

    What was stopped comes back if its bytes are the signed ones and no person stopped it. What failed or was skipped
    waits for a person. An earlier version that is still queued, since it was under way when the text changed, gives
    way. A correction goes to the channels where the earlier text stands and can be put right, and, in time, to those
    that it never reached. Nothing starts before `earliest`, unless that would be too late.
    """
    found = session.execute(_STORED, {"post_id": post.id, "version": post.content_version})
    rows = [_Stored(*row) for row in found]
    current = {row.id for row in rows}
    every: Sequence[Delivery] = session.execute(_OF_POST, {"post_id": post.id}).scalars().all()
    earlier = [item for item in every if item.act != Act.WITHDRAW]
    leaving = {_place(item) for item in every if item.act == Act.WITHDRAW and item.state in _UNDER_WAY}
    for item in earlier:
        if item.state == DeliveryState.QUEUED and item.content_id not in current:
            _give_way(item, now=now)
    wanted = []
    if post.is_correction:
        wanted = [
            item for item in _corrections(municipality, post, rows, earlier, now=now) if _place(item) not in leaving
        ]
    if not post.is_correction or now <= post.not_after:
        wanted += _publications(municipality, post, rows, earlier, now=now)
    for delivery in wanted:
        delivery.state = DeliveryState.QUEUED
        delivery.reason = ""
        delivery.token += 1
        delivery.changed_at = now
        if earliest is not None:
            _hold_back(delivery, municipality, until=earliest)
        session.add(delivery)
    session.flush()
    ready = [item for item in wanted if item.next_attempt_at <= now and is_outside(item.kind)]
    wake(session, {(item.municipality, item.channel) for item in ready})
    return len(wanted)


def _hold_back(delivery: Delivery, municipality: Municipality, *, until: datetime) -> None:
    later = after_quiet(max(delivery.next_attempt_at, until), municipality.zone)
    if later <= delivery.not_after:
        delivery.next_attempt_at = later


class _Stored(NamedTuple):
    """What goes to one channel in one language, without its bytes."""

    id: int
    version: int
    channel: str
    language: str


_CONTENT = ContentRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]
_STORED = (
    select(*(_CONTENT.c[name] for name in _Stored._fields))
    .where(_CONTENT.c.post_id == bindparam("post_id"), _CONTENT.c.version == bindparam("version"))
    .order_by(_CONTENT.c.channel, _CONTENT.c.language)
)
_OF_POST = select(Delivery).where(_DELIVERY.c.post_id == bindparam("post_id"))


def _publications(
    municipality: Municipality, post: Post, rows: Sequence[_Stored], earlier: Sequence[Delivery], *, now: datetime
) -> list[Delivery]:
    # What somebody has taken back is not put there again by another signature.
    taken_back = (DeliveryState.WITHDRAWN, DeliveryState.REPLACED)
    busy = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.MANUAL, *OUT, *taken_back)
    gone = {_place(item) for item in earlier if item.state in busy or item.maybe_sent}
    own = {(item.content_id, item.recipient): item for item in earlier}
    wanted = []
    for row, recipient in _for_each_recipient(municipality, rows):
        delivery = own.get((row.id, recipient))
        if (row.channel, row.language, recipient) in gone or not _may_be_queued(delivery):
            continue
        delivery = delivery or _delivery(municipality, post, row, recipient, now=now)
        delivery.due_at = post.due_at
        delivery.not_after = post.not_after
        delivery.next_attempt_at = after_quiet(max(post.due_at, now), municipality.zone)
        wanted.append(delivery)
    return wanted


def _corrections(
    municipality: Municipality, post: Post, rows: Sequence[_Stored], earlier: Sequence[Delivery], *, now: datetime
) -> list[Delivery]:
    """One for each place where an earlier text stands: it takes that one's place, under its reference."""
    standing = {_place(item): item for item in earlier if item.state in STANDING}
    own = {(item.content_id, item.recipient): item for item in earlier}
    wanted = []
    for row, recipient in _for_each_recipient(municipality, rows):
        replaced = standing.get((row.channel, row.language, recipient))
        delivery = own.get((row.id, recipient))
        if replaced is None or not _may_be_queued(delivery) or not can(replaced.kind, Correcting):
            continue
        delivery = delivery or _delivery(municipality, post, row, recipient, now=now)
        delivery.act = Act.CORRECT
        delivery.replaces = replaced.id
        delivery.receipt = replaced.receipt
        delivery.due_at = now
        delivery.not_after = now + CORRECTED_WITHIN
        delivery.next_attempt_at = after_quiet(now, municipality.zone)
        wanted.append(delivery)
    return wanted


def _may_be_queued(delivery: Delivery | None) -> bool:
    """Whether nothing has been made of it yet, or it was stopped by something else than a person's choice."""
    return delivery is None or (delivery.state == DeliveryState.STOPPED and delivery.next_attempt_at < NEVER)


def _for_each_recipient(municipality: Municipality, rows: Iterable[_Stored]) -> Iterable[tuple[_Stored, str]]:
    for row in rows:
        if row.channel in municipality.channel_ids:  # it may have left the file since
            for recipient in municipality.channel(row.channel).recipients or ("",):
                yield row, recipient


def _place(item: Delivery) -> tuple[str, str, str]:
    return item.channel, item.language, item.recipient


class _MaybeSent(Protocol):
    @property
    def maybe_sent(self) -> bool: ...


def stopped_as(item: _MaybeSent) -> DeliveryState:
    """The state of a delivery that is stopped: what may have gone out stays uncertain until somebody has looked."""
    return DeliveryState.UNKNOWN if item.maybe_sent else DeliveryState.STOPPED


def _give_way(item: Delivery, *, now: datetime) -> None:
    item.state = stopped_as(item)
    item.reason = "Texten har ändrats."
    item.token += 1
    item.changed_at = now


def _delivery(municipality: Municipality, post: Post, row: _Stored, recipient: str, *, now: datetime) -> Delivery:
    assert post.id is not None
    to = f":{recipient}" if recipient else ""
    return Delivery(
        key=f"{post.key}:{row.channel}{to}:{row.language}:{row.version}",
        post_id=post.id,
        content_id=row.id,
        municipality=post.municipality,
        channel=row.channel,
        kind=municipality.channel(row.channel).kind,
        language=row.language,
        recipient=recipient,
        due_at=post.due_at,
        not_after=post.not_after,
        next_attempt_at=post.due_at,
        created_at=now,
        changed_at=now,
    )


def left_posts(session: Session, post_ids: Collection[int]) -> set[int]:
    """Those of the posts that have left, or may have, in every channel and language: they are history."""
    if not post_ids:
        return set()
    wanted: dict[int, set[tuple[str, str]]] = {}
    ids = {"ids": list(post_ids)}
    for post_id, channel, language in session.execute(_CURRENT, ids):
        wanted.setdefault(post_id, set()).add((channel, language))
    reached: dict[tuple[int, str, str], dict[str, bool]] = {}
    for post_id, channel, language, recipient, state in session.execute(_SENT, ids):
        if state != DeliveryState.STOPPED:
            recipients = reached.setdefault((post_id, channel, language), {})
            recipients[recipient] = recipients.get(recipient, False) or state in (*OUT, DeliveryState.REPLACED)
    for (post_id, channel, language), recipients in reached.items():
        if all(recipients.values()):
            wanted.get(post_id, set()).discard((channel, language))
    return {post_id for post_id, pairs in wanted.items() if not pairs}


def channels_out(session: Session, post_ids: Collection[int]) -> dict[int, list[str]]:
    """Per post, the channels that it has reached, or may have."""
    found: dict[int, list[str]] = {}
    for post_id, channel in session.connection().execute(_CHANNELS_OUT, {"ids": list(post_ids)}):
        found.setdefault(post_id, []).append(channel)
    return found


_POST = Post.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_IDS: BindParameter[int] = bindparam("ids", expanding=True, literal_execute=True)
_CURRENT = (
    select(_CONTENT.c.post_id, _CONTENT.c.channel, _CONTENT.c.language)
    .join(_POST, _POST.c.id == _CONTENT.c.post_id)
    .where(_POST.c.id.in_(_IDS), _CONTENT.c.version == _POST.c.content_version)
)
_SENT = select(*(_DELIVERY.c[name] for name in ("post_id", "channel", "language", "recipient", "state"))).where(
    _DELIVERY.c.post_id.in_(_IDS), _DELIVERY.c.act != Act.WITHDRAW
)
_CHANNELS_OUT = (
    select(_DELIVERY.c.post_id, _DELIVERY.c.channel)
    .where(_DELIVERY.c.post_id.in_(_IDS), _DELIVERY.c.state.in_(OUT))
    .distinct()
    .order_by(_DELIVERY.c.channel)
)
