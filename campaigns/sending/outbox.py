"""The outbox: what came of the deliveries that were claimed.

A claim (`claims`) is a lease with a fencing token: whoever is late finds another token, and its result is
dropped. All in a few prepared statements.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import String, bindparam, func, insert, literal_column, null, select, update
from sqlmodel import Session, col

from campaigns.catalog import Catalog
from campaigns.enqueue import STANDING, enqueue
from campaigns.errors import KampanjhjulError
from campaigns.models import Act, Attempt, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.prepared import Among, ManyRows, Query
from campaigns.revisions import touch
from campaigns.sending import accounts
from campaigns.sending.claimed import Claim, Result
from campaigns.sending.leases import LEASE

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
        _DELIVERY.c.state == literal_column("'sending'"),
    )
    .values(
        state=bindparam("b_state"),
        next_attempt_at=bindparam("b_next"),
        # What was noted on the way stays until the channel has said something better.
        receipt=func.coalesce(
            func.nullif(bindparam("b_receipt", type_=String), literal_column("''")), _DELIVERY.c.receipt
        ),
        url=bindparam("b_url"),
        reason=bindparam("b_reason"),
        maybe_sent=bindparam("b_maybe"),
        published_at=bindparam("b_published"),
        changed_at=bindparam("b_now"),
        attempts=_DELIVERY.c.attempts - bindparam("b_untried"),
        lease_until=null(),
    )
)
_END = ManyRows(
    update(_DELIVERY)
    .where(
        _DELIVERY.c.id == bindparam("b_id"), _DELIVERY.c.token == bindparam("b_token"), _DELIVERY.c.state == "queued"
    )
    .values(
        state=bindparam("b_state"),
        reason=bindparam("b_reason"),
        url="",
        published_at=None,
        lease_until=None,
        next_attempt_at=_DELIVERY.c.due_at,
        changed_at=bindparam("b_now"),
    )
)
_OF_ATTEMPT = ("delivery_id", "number", "token", "started_at", "finished_at", "outcome", "detail")
_NEW_ATTEMPT = ManyRows(insert(_ATTEMPT).values({name: bindparam(name) for name in _OF_ATTEMPT}))


class _Found(NamedTuple):
    """How a delivery stands when its result comes in. `is_outdated`: its post has another text by now."""

    id: int
    token: int
    state: str
    post_id: int
    is_outdated: bool


_FOUND = Query(
    select(
        *(_DELIVERY.c[name] for name in ("id", "token", "state", "post_id")),
        (_CONTENT.c.version != _POST.c.content_version).label("is_outdated"),
    )
    .join(_CONTENT, _CONTENT.c.id == _DELIVERY.c.content_id)
    .join(_POST, _POST.c.id == _DELIVERY.c.post_id)
    .where(Among(_DELIVERY.c.id, "ids")),
    _Found,
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


class Settled(NamedTuple):
    """What a delivery that waited came to without a try, and the reason that is shown."""

    delivery_id: int
    token: int
    municipality: str
    state: DeliveryState
    reason: str


def settle_untried(session: Session, found: Sequence[Settled], *, now: datetime) -> None:
    """Give each delivery that still waits in the queue its state and its reason."""
    _END.run(
        session,
        [
            {
                "b_id": item.delivery_id,
                "b_token": item.token,
                "b_state": item.state.value,
                "b_reason": item.reason,
                "b_now": now,
            }
            for item in found
        ],
    )
    touch(session, *{item.municipality for item in found})


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
    # Writers take turns, so how they stand now is how they stand when they are written, a few lines down.
    found = {row.id: row for row in _FOUND.rows(session, ids=[result.claim.delivery_id for result in results])}
    dropped = [result for result in results if not _is_held(found.get(result.claim.delivery_id), result.claim)]
    kept = [result for result in results if result not in dropped] if dropped else results
    _SETTLE.run(session, [_settled(result) for result in kept])
    for result in kept:
        if result.is_out and result.claim.replaces is not None:
            supersede(session, result.claim, now=result.finished_at)
    accounts.learn(session, [lesson for result in results if (lesson := result.lesson) is not None])
    _NEW_ATTEMPT.run(session, [_attempt(result) for result in results if result.is_tried])
    touch(session, *{result.claim.municipality for result in results})
    publishing = [found[item.claim.delivery_id] for item in results if item.claim.act != Act.WITHDRAW]
    outdated = {row.post_id for row in publishing if row.is_outdated}
    if outdated:
        queue_current(session, catalog, outdated, now=results[0].finished_at)
    return dropped


def _is_held(row: _Found | None, item: Claim) -> bool:
    return row is not None and row.state == "sending" and row.token == item.token


def _settled(result: Result) -> dict[str, object]:
    item = result.claim
    is_published = result.state in (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER)
    return {
        "b_id": item.delivery_id,
        "b_token": item.token,
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
    if text.isprintable():  # neither of them is
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "")
