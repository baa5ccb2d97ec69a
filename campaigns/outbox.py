"""The outbox: which deliveries are due, who may try them, and what came of it. All in a few prepared statements.

A claim is a lease with a fencing token: whoever is late finds another token and its result is dropped. The rules that
never bend are checked here, in the transaction that claims: signed by every party, the very bytes, not too late.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, insert, or_, select, update
from sqlmodel import Session, col

from campaigns.approval import void
from campaigns.catalog import Catalog
from campaigns.enqueue import enqueue
from campaigns.localtime import after_quiet
from campaigns.models import Attempt, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.revisions import touch
from campaigns.signatures import CHANGED_CONTENT, unapproved_reasons

LEASE = timedelta(seconds=120)
_NOT_OUT = (DeliveryState.QUEUED, DeliveryState.FAILED, DeliveryState.SKIPPED)

_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_ATTEMPT = Attempt.__table__  # type: ignore[attr-defined]
_CONTENT = ContentRow.__table__  # type: ignore[attr-defined]
_POST = Post.__table__  # type: ignore[attr-defined]

_DUE = (
    select(
        _DELIVERY.c.id,
        _DELIVERY.c.key,
        _DELIVERY.c.post_id,
        _DELIVERY.c.municipality,
        _DELIVERY.c.channel,
        _DELIVERY.c.kind,
        _DELIVERY.c.language,
        _DELIVERY.c.due_at,
        _DELIVERY.c.not_after,
        _DELIVERY.c.token,
        _DELIVERY.c.attempts,
        _DELIVERY.c.maybe_sent,
        _CONTENT.c.payload,
        (_CONTENT.c.version == _POST.c.content_version).label("is_current"),
    )
    .join(_CONTENT, _CONTENT.c.id == _DELIVERY.c.content_id)
    .join(_POST, _POST.c.id == _DELIVERY.c.post_id)
    .where(
        _DELIVERY.c.state == "queued",
        _DELIVERY.c.next_attempt_at <= bindparam("now"),
        _DELIVERY.c.kind.in_(bindparam("kinds", expanding=True)),
        # What this process has no configuration for is another's, or waits until it is configured again.
        _DELIVERY.c.municipality.in_(bindparam("municipalities", expanding=True)),
    )
    .order_by(_DELIVERY.c.next_attempt_at, _DELIVERY.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=_DELIVERY)
)
_ANY_DUE = (
    select(_DELIVERY.c.id)
    .where(
        _DELIVERY.c.state == "queued",
        _DELIVERY.c.next_attempt_at <= bindparam("now"),
        _DELIVERY.c.kind.in_(bindparam("kinds", expanding=True)),
        # What this process has no configuration for is another's, or waits until it is configured again.
        _DELIVERY.c.municipality.in_(bindparam("municipalities", expanding=True)),
    )
    .limit(1)
)
_TAKE = (
    update(_DELIVERY)
    .where(_DELIVERY.c.id == bindparam("b_id"), _DELIVERY.c.token == bindparam("b_token"))
    .values(
        state="sending",
        token=_DELIVERY.c.token + 1,
        attempts=_DELIVERY.c.attempts + 1,
        lease_until=bindparam("b_lease"),
        changed_at=bindparam("b_now"),
    )
)
_WAIT = (
    update(_DELIVERY)
    .where(_DELIVERY.c.id == bindparam("b_id"), _DELIVERY.c.token == bindparam("b_token"))
    .values(next_attempt_at=bindparam("b_next"))
)
_SETTLE = (
    update(_DELIVERY)
    .where(
        _DELIVERY.c.id == bindparam("b_id"),
        _DELIVERY.c.token == bindparam("b_token"),
        _DELIVERY.c.state == bindparam("b_from"),
    )
    .values(
        state=bindparam("b_state"),
        next_attempt_at=bindparam("b_next"),
        receipt=bindparam("b_receipt"),
        url=bindparam("b_url"),
        reason=bindparam("b_reason"),
        maybe_sent=bindparam("b_maybe"),
        published_at=bindparam("b_published"),
        changed_at=bindparam("b_now"),
        lease_until=None,
    )
)


@dataclass(frozen=True)
class Claim:
    """A delivery that this worker alone may try until `lease_until` (UTC). `payload` is the approved bytes."""

    delivery_id: int
    key: str
    post_id: int
    municipality: str
    channel: str
    kind: str
    language: str
    due_at: datetime
    not_after: datetime
    token: int
    attempt: int
    maybe_sent: bool
    payload: bytes


@dataclass(frozen=True)
class Result:
    """What became of a claim. `next_attempt_at` (UTC) is set only for `queued`."""

    claim: Claim
    state: DeliveryState
    finished_at: datetime
    started_at: datetime
    detail: str = ""
    receipt: str = ""
    url: str = ""
    maybe_sent: bool = False
    next_attempt_at: datetime | None = None


def has_due(session: Session, catalog: Catalog, *, kinds: Sequence[str], now: datetime) -> bool:
    """Whether anything may be tried now. A cheap read, so that an idle sweep takes no write lock."""
    values = {"now": now, "kinds": list(kinds), "municipalities": list(catalog.municipalities)}
    return session.execute(_ANY_DUE, values).first() is not None


def claim(session: Session, catalog: Catalog, *, kinds: Sequence[str], most: int, now: datetime) -> list[Claim]:
    """Lease up to `most` due deliveries of the channel kinds `kinds`, oldest first.

    What is too late, or would be when the quiet hours end, becomes skipped (or unknown, if an earlier attempt may have
    reached the channel); what is not signed exactly as stored is stopped. Both are written with their reasons, here.
    """
    values = {"now": now, "kinds": list(kinds), "most": most, "municipalities": list(catalog.municipalities)}
    found = session.execute(_DUE, values).all()
    outdated = [row for row in found if not row.is_current]
    if outdated:
        _settle_rows(session, outdated, _outdated, now=now)
        _queue_current(session, catalog, {row.post_id for row in outdated}, now=now)
    rows = [row for row in found if row.is_current]
    if not rows:
        return []
    ready, resting = [], []
    for row in rows:
        opens = _opens(catalog, row, now=now)
        if opens <= now:
            ready.append(row)
        else:
            resting.append((row, opens))
    late = [row for row in ready if row.not_after < now] + [row for row, opens in resting if row.not_after < opens]
    in_time = [row for row in ready if row.not_after >= now]
    reasons = unapproved_reasons(session, catalog, {row.post_id for row in in_time})
    stopped = [row for row in in_time if reasons[row.post_id] is not None]
    good = [row for row in in_time if reasons[row.post_id] is None]
    _settle_rows(session, late, _too_late, now=now)
    _settle_rows(session, stopped, lambda row: (DeliveryState.STOPPED, reasons[row.post_id] or ""), now=now)
    for post_id in {row.post_id for row in stopped}:
        _back_to_draft(session, post_id, reasons[post_id] or "", now=now)
    waiting = [
        {"b_id": row.id, "b_token": row.token, "b_next": opens} for row, opens in resting if opens <= row.not_after
    ]
    if waiting:
        session.connection().execute(_WAIT, waiting)
    if good:
        session.connection().execute(
            _TAKE, [{"b_id": row.id, "b_token": row.token, "b_lease": now + LEASE, "b_now": now} for row in good]
        )
    return [
        Claim(
            row.id,
            row.key,
            row.post_id,
            row.municipality,
            row.channel,
            row.kind,
            row.language,
            row.due_at,
            row.not_after,
            row.token + 1,
            row.attempts + 1,
            row.maybe_sent,
            row.payload,
        )
        for row in good
    ]


def _opens(catalog: Catalog, row: Row[Any], *, now: datetime) -> datetime:
    """When, from `now` on, the delivery's municipality lets anything out: at once, or when the quiet hours end."""
    return after_quiet(now, catalog.municipality(row.municipality).zone)


def _outdated(row: Row[Any]) -> tuple[DeliveryState, str]:
    """It was under way when the text changed, and came back. The bytes are no longer the signed ones."""
    return (DeliveryState.UNKNOWN if row.maybe_sent else DeliveryState.STOPPED), "Texten har ändrats."


def _queue_current(session: Session, catalog: Catalog, post_ids: Collection[int], *, now: datetime) -> None:
    """Where an earlier version did not leave, the signed one takes its place."""
    for post in session.execute(select(Post).where(col(Post.id).in_(post_ids))).scalars():
        if post.state == PostState.APPROVED and post.municipality in catalog.municipalities:
            enqueue(session, catalog.municipality(post.municipality), post, now=now)


def _back_to_draft(session: Session, post_id: int, reason: str, *, now: datetime) -> None:
    """A post that may not go out as it is must be signed again, and be seen to wait for it."""
    post = session.get_one(Post, post_id, populate_existing=True)
    if post.state == PostState.APPROVED:
        post.state = PostState.DRAFT
        post.reason = reason
        post.changed_at = now
        if reason == CHANGED_CONTENT:
            void(session, post, reason=reason, now=now)
        session.flush()


def _too_late(row: Row[Any]) -> tuple[DeliveryState, str]:
    if row.maybe_sent:
        return (
            DeliveryState.UNKNOWN,
            "Ett försök kan ha nått kanalen innan senaste tiden passerade. Kontrollera i kanalen.",
        )
    return DeliveryState.SKIPPED, "Senaste tiden hade passerat, så det skickades inte."


def _settle_rows(
    session: Session,
    rows: Iterable[Row[Any]],
    verdict: Callable[[Row[Any]], tuple[DeliveryState, str]],
    *,
    now: datetime,
) -> None:
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
            }
        )
        touch(session, row.municipality)
    if values:
        session.connection().execute(_SETTLE, values)


def settle(session: Session, catalog: Catalog, results: Sequence[Result]) -> list[Result]:
    """Write what came of claims. Returns those that were dropped since another worker had taken over.

    Where an earlier version turned out not to have left, the version signed since takes its place.
    """
    dropped = []
    for result in results:
        item = result.claim
        is_out = result.state in (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER)
        changed = session.connection().execute(
            _SETTLE,
            {
                "b_id": item.delivery_id,
                "b_token": item.token,
                "b_from": "sending",
                "b_state": result.state.value,
                "b_next": result.next_attempt_at or item.due_at,
                "b_receipt": result.receipt,
                "b_url": result.url,
                "b_reason": result.detail if not is_out else "",
                "b_maybe": item.maybe_sent or result.maybe_sent,
                "b_published": result.finished_at if is_out else None,
                "b_now": result.finished_at,
            },
        )
        if changed.rowcount != 1:
            dropped.append(result)
    if results:
        session.connection().execute(insert(_ATTEMPT), [_attempt(result) for result in results])
        for municipality in {result.claim.municipality for result in results}:
            touch(session, municipality)
    back = [result.claim for result in results if result.state in _NOT_OUT]
    if back:
        ids = [item.delivery_id for item in back]
        replaced = select(_DELIVERY.c.post_id).join(_CONTENT, _CONTENT.c.id == _DELIVERY.c.content_id)
        replaced = replaced.join(_POST, _POST.c.id == _DELIVERY.c.post_id)
        replaced = replaced.where(_DELIVERY.c.id.in_(ids), _CONTENT.c.version != _POST.c.content_version)
        _queue_current(session, catalog, set(session.execute(replaced).scalars()), now=results[0].finished_at)
    return dropped


def _attempt(result: Result) -> dict[str, object]:
    return {
        "delivery_id": result.claim.delivery_id,
        "number": result.claim.attempt,
        "token": result.claim.token,
        "started_at": result.started_at,
        "finished_at": result.finished_at,
        "outcome": result.state.value,
        "detail": result.detail,
    }


def has_expired(session: Session, *, now: datetime) -> bool:
    """Whether any lease has run out. A cheap read, so that looking takes no write lock."""
    return session.execute(select(_DELIVERY.c.id).where(*_expired(now)).limit(1)).first() is not None


def _expired(now: datetime) -> tuple[ColumnElement[bool], ...]:
    # A lease that ends absurdly late was given before the clock was set back: nobody will come back for it either.
    is_over = or_(_DELIVERY.c.lease_until < now, _DELIVERY.c.lease_until > now + 2 * LEASE)
    return (_DELIVERY.c.state == "sending", is_over)


def reap(session: Session, *, repeatable_kinds: Sequence[str], local_kinds: Sequence[str], now: datetime) -> int:
    """Take back leases that have run out: their worker died. Returns how many.

    A channel where a repeat is harmless (`repeatable_kinds`) is queued again; elsewhere the outcome is unknown and a
    person must look. Nothing left the machine for `local_kinds`, so theirs is never unknown.
    """
    expired = _expired(now)
    again = session.connection().execute(
        update(_DELIVERY)
        .where(*expired, or_(_DELIVERY.c.kind.in_(repeatable_kinds), _DELIVERY.c.kind.in_(local_kinds)))
        .values(
            state="queued",
            token=_DELIVERY.c.token + 1,
            lease_until=None,
            next_attempt_at=now,
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
