"""The outbox: what came of the deliveries that were claimed, and taking back those whose worker died.

A claim (`claims`) is a lease with a fencing token: whoever is late finds another token, and its result is
dropped. All in a few prepared statements.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Executable, Row, bindparam, case, insert, literal, or_, select, update
from sqlmodel import Session, col

from campaigns.catalog import Catalog
from campaigns.database import ManyRows
from campaigns.enqueue import STANDING, enqueue
from campaigns.errors import KampanjhjulError
from campaigns.models import Act, Attempt, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.revisions import touch
from campaigns.sending import accounts

LEASE = timedelta(seconds=120)
# Before what may have been published is looked for: a receiver may still be at work on it.
LOOK_AFTER = timedelta(minutes=2)

logger = logging.getLogger(__name__)

_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_ATTEMPT = Attempt.__table__  # type: ignore[attr-defined]
_CONTENT = ContentRow.__table__  # type: ignore[attr-defined]
_POST = Post.__table__  # type: ignore[attr-defined]

_SETTLE = ManyRows(
    update(_DELIVERY)
    .where(
        _DELIVERY.c.id == bindparam("b_id"),
        _DELIVERY.c.token == bindparam("b_token"),
        _DELIVERY.c.state == bindparam("b_from"),
    )
    .values(
        state=bindparam("b_state"),
        next_attempt_at=bindparam("b_next"),
        # What was noted on the way stays until the channel has said something better.
        receipt=case((bindparam("b_receipt") != "", bindparam("b_receipt")), else_=_DELIVERY.c.receipt),
        url=bindparam("b_url"),
        reason=bindparam("b_reason"),
        maybe_sent=bindparam("b_maybe"),
        published_at=bindparam("b_published"),
        changed_at=bindparam("b_now"),
        attempts=_DELIVERY.c.attempts - bindparam("b_untried"),
        lease_until=None,
    )
)
_OF_ATTEMPT = ("delivery_id", "number", "token", "started_at", "finished_at", "outcome", "detail")
_NEW_ATTEMPT = ManyRows(insert(_ATTEMPT).values({name: bindparam(name) for name in _OF_ATTEMPT}))
_HELD = select(_DELIVERY.c.id, _DELIVERY.c.token).where(
    _DELIVERY.c.state == "sending", _DELIVERY.c.id.in_(bindparam("ids", expanding=True, literal_execute=True))
)
_NOTE = (
    update(_DELIVERY)
    .where(
        _DELIVERY.c.id == bindparam("b_id"),
        _DELIVERY.c.token == bindparam("b_token"),
        _DELIVERY.c.state == "sending",
    )
    .values(receipt=bindparam("b_receipt"), lease_until=bindparam("b_lease"))
)
_REPLACE = (
    update(_DELIVERY)
    .where(_DELIVERY.c.id == bindparam("b_id"), _DELIVERY.c.state.in_(STANDING))
    .values(state="replaced", changed_at=bindparam("b_now"), token=_DELIVERY.c.token + 1)
)
# All that stands in the place of what was withdrawn: a correction may have come in between.
_TAKE_AWAY = (
    update(_DELIVERY)
    .where(
        _DELIVERY.c.post_id == bindparam("b_post"),
        _DELIVERY.c.channel == bindparam("b_channel"),
        _DELIVERY.c.language == bindparam("b_language"),
        _DELIVERY.c.recipient == bindparam("b_recipient"),
        _DELIVERY.c.state.in_(STANDING),
    )
    .values(state="withdrawn", changed_at=bindparam("b_now"), token=_DELIVERY.c.token + 1)
)


class Claim(NamedTuple):
    """A delivery that this worker alone may try until `lease_until` (UTC). `payload` is the approved bytes.

    `reference` is what an earlier try noted, or what a withdrawal or correction is about (the delivery `replaces`).
    """

    delivery_id: int
    key: str
    post_id: int
    municipality: str
    channel: str
    kind: str
    language: str
    recipient: str
    act: str
    replaces: int | None
    due_at: datetime
    not_after: datetime
    token: int
    attempt: int
    maybe_sent: bool
    reference: str
    payload: bytes

    @property
    def account(self) -> accounts.Key:
        return self.municipality, self.channel


class Result(NamedTuple):
    """What became of a claim. `next_attempt_at` (UTC) is set only for `queued`.

    `health` is what the try told of the channel itself, None if nothing, and `rests_until` when the channel asks to be
    called again. `is_tried` is False where the claim is given back without a try.
    """

    claim: Claim
    state: DeliveryState
    finished_at: datetime
    started_at: datetime
    detail: str = ""
    receipt: str = ""
    url: str = ""
    maybe_sent: bool = False
    next_attempt_at: datetime | None = None
    health: accounts.Health | None = None
    rests_until: datetime | None = None
    is_tried: bool = True

    @property
    def is_out(self) -> bool:
        """Whether the channel did what it was asked to."""
        return self.state in (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER, DeliveryState.WITHDRAWN)

    @property
    def lesson(self) -> accounts.Lesson | None:
        if self.health is None:
            return None
        return accounts.Lesson(self.claim.account, self.health, self.detail, self.finished_at, self.rests_until)


def settle_rows(
    session: Session,
    rows: Iterable[Row[Any]],
    verdict: Callable[[Row[Any]], tuple[DeliveryState, str]],
    *,
    now: datetime,
) -> None:
    """Give each queued row the state and the reason of its `verdict`."""
    values = []
    for row in rows:
        state, reason = verdict(row)
        values.append(
            {
                "b_id": row.id,
                "b_token": row.token,
                "b_from": "queued",
                "b_state": state.value,
                "b_next": row.due_at,
                "b_receipt": "",
                "b_url": "",
                "b_reason": reason,
                "b_maybe": row.maybe_sent,
                "b_published": None,
                "b_now": now,
                "b_untried": 0,
            }
        )
        touch(session, row.municipality)
    if values:
        _SETTLE.run(session, values)


def queue_current(session: Session, catalog: Catalog, post_ids: Collection[int], *, now: datetime) -> None:
    """Where an earlier version did not leave, the signed one takes its place."""
    if not post_ids:
        return
    for post in session.execute(select(Post).where(col(Post.id).in_(post_ids))).scalars():
        if post.state == PostState.APPROVED and post.municipality in catalog.municipalities:
            try:
                with session.begin_nested():
                    enqueue(session, catalog.municipality(post.municipality), post, now=now)
            except KampanjhjulError as error:  # one post's; the others' deliveries must not wait for it
                logger.error(
                    "Budskap %s gick inte att köa: %s", post.id, error.message, extra={"action": "enqueue_broke"}
                )


def settle(session: Session, catalog: Catalog, results: Sequence[Result]) -> list[Result]:
    """Write what came of claims. Returns those that were dropped since another worker had taken over.

    Where an earlier version turned out not to have left, the version signed since takes its place.
    """
    if not results:
        return []
    held = _held(session, [result.claim.delivery_id for result in results])
    # Writers take turns, so what is held now is still held when it is written, a few lines down.
    kept = [item for item in results if held.get(item.claim.delivery_id) == item.claim.token]
    if kept:
        _SETTLE.run(session, [_settled(result) for result in kept])
    for result in kept:
        if result.is_out and result.claim.replaces is not None:
            supersede(session, result.claim, now=result.finished_at)
    accounts.learn(session, [lesson for result in results if (lesson := result.lesson) is not None])
    tried = [_attempt(result) for result in results if result.is_tried]
    if tried:
        _NEW_ATTEMPT.run(session, tried)
    for municipality in {result.claim.municipality for result in results}:
        touch(session, municipality)
    back = [item.claim for item in results if item.claim.act != Act.WITHDRAW]
    if back:
        _queue_what_was_signed_since(session, catalog, back, now=results[0].finished_at)
    return [item for item in results if held.get(item.claim.delivery_id) != item.claim.token]


def _held(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """The tokens of those of the deliveries that are under way."""
    return {row.id: row.token for row in session.connection().execute(_HELD, {"ids": list(ids)})}


def _settled(result: Result) -> dict[str, object]:
    item = result.claim
    is_published = result.state in (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER)
    return {
        "b_id": item.delivery_id,
        "b_token": item.token,
        "b_from": "sending",
        "b_state": result.state.value,
        "b_next": result.next_attempt_at or item.due_at,
        "b_receipt": _writable(result.receipt),
        "b_url": _writable(result.url),
        "b_reason": _writable(result.detail) if not result.is_out else "",
        "b_maybe": item.maybe_sent or result.maybe_sent,
        "b_published": result.finished_at if is_published else None,
        "b_now": result.finished_at,
        "b_untried": 0 if result.is_tried else 1,
    }


def supersede(session: Session, done: Claim | Delivery, *, now: datetime) -> None:
    """What a withdrawal or a correction that has been done makes of what stood there before."""
    if done.act == Act.WITHDRAW:
        place = {
            "b_post": done.post_id,
            "b_channel": done.channel,
            "b_language": done.language,
            "b_recipient": done.recipient,
        }
        session.connection().execute(_TAKE_AWAY, {**place, "b_now": now})
    else:
        session.connection().execute(_REPLACE, {"b_id": done.replaces, "b_now": now})


def _queue_what_was_signed_since(session: Session, catalog: Catalog, back: Sequence[Claim], *, now: datetime) -> None:
    replaced = select(_DELIVERY.c.post_id).join(_CONTENT, _CONTENT.c.id == _DELIVERY.c.content_id)
    replaced = replaced.join(_POST, _POST.c.id == _DELIVERY.c.post_id)
    replaced = replaced.where(
        _DELIVERY.c.id.in_([item.delivery_id for item in back]), _CONTENT.c.version != _POST.c.content_version
    )
    queue_current(session, catalog, set(session.execute(replaced).scalars()), now=now)


def note(session: Session, item: Claim, reference: str, *, now: datetime) -> bool:
    """Keep `reference` for later tries and renew the lease. False if another worker has taken over."""
    values = {"b_id": item.delivery_id, "b_token": item.token, "b_receipt": reference, "b_lease": now + LEASE}
    return bool(session.connection().execute(_NOTE, values).rowcount == 1)


def _attempt(result: Result) -> dict[str, object]:
    return {
        "delivery_id": result.claim.delivery_id,
        "number": result.claim.attempt,
        "token": result.claim.token,
        "started_at": result.started_at,
        "finished_at": result.finished_at,
        "outcome": result.state.value,
        "detail": _writable(result.detail),
    }


def _writable(text: str) -> str:
    """`text` without what no database takes: half characters and NUL, which an answer from outside may hold."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def has_expired(session: Session, *, now: datetime) -> bool:
    """Whether any lease has run out. A cheap read, so that looking takes no write lock."""
    values = {"now": now, "absurd": now + 2 * LEASE}
    return session.connection().execute(_ANY_EXPIRED, values).first() is not None


def _expired(now: object, absurd: object) -> tuple[ColumnElement[bool], ...]:
    # A lease that ends absurdly late was given before the clock was set back: nobody will come back for it either.
    is_over = or_(_DELIVERY.c.lease_until < now, _DELIVERY.c.lease_until > absurd)
    return (_DELIVERY.c.state == "sending", is_over)


_ANY_EXPIRED = select(_DELIVERY.c.id).where(*_expired(bindparam("now"), bindparam("absurd"))).limit(1)


def _interrupted(expired: Sequence[ColumnElement[bool]], *, now: datetime) -> Executable:
    """Attempts for the tries that nobody came back from, so that every try is told of."""
    found = select(
        _DELIVERY.c.id,
        _DELIVERY.c.attempts,
        _DELIVERY.c.token,
        _DELIVERY.c.changed_at,
        literal(now, _ATTEMPT.c.finished_at.type),
        literal("interrupted"),
        literal("Arbetaren avbröts under försöket."),
    ).where(*expired)
    return insert(_ATTEMPT).from_select(list(_OF_ATTEMPT), found)


def reap(
    session: Session,
    *,
    repeatable_kinds: Sequence[str],
    local_kinds: Sequence[str],
    now: datetime,
    but_not: Collection[int] = (),
) -> int:
    """Take back leases that have run out: their worker died. Returns how many.

    A channel where a repeat is harmless (`repeatable_kinds`) is queued again, and so are withdrawals and corrections;
    elsewhere the outcome is unknown and a person must look. Nothing left the machine for `local_kinds`, so theirs is
    never unknown. Outside, what was tried may still be at work with the receiver: the next try waits for that.
    `but_not` are deliveries that this worker knows that it is still at work on, whatever the clock says.
    """
    expired = (*_expired(now, now + 2 * LEASE), _DELIVERY.c.id.not_in(list(but_not)))
    is_repeatable = or_(
        _DELIVERY.c.kind.in_(repeatable_kinds), _DELIVERY.c.kind.in_(local_kinds), _DELIVERY.c.act != "publish"
    )
    session.connection().execute(_interrupted(expired, now=now))
    again = session.connection().execute(
        update(_DELIVERY)
        .where(*expired, is_repeatable)
        .values(
            state="queued",
            token=_DELIVERY.c.token + 1,
            lease_until=None,
            next_attempt_at=case(
                (or_(_DELIVERY.c.kind.in_(local_kinds), _DELIVERY.c.act == "withdraw"), now), else_=now + LOOK_AFTER
            ),
            maybe_sent=or_(_DELIVERY.c.maybe_sent, _DELIVERY.c.kind.not_in(local_kinds)),
            changed_at=now,
        )
    )
    municipalities = session.execute(select(_DELIVERY.c.municipality).where(*expired).distinct()).scalars().all()
    lost = session.connection().execute(
        update(_DELIVERY)
        .where(*expired)
        .values(
            state="unknown",
            token=_DELIVERY.c.token + 1,
            lease_until=None,
            maybe_sent=True,
            reason="Sändningen avbröts. Kontrollera i kanalen om den gick ut.",
            changed_at=now,
        )
    )
    for municipality in municipalities:
        touch(session, municipality)
    return again.rowcount + lost.rowcount
