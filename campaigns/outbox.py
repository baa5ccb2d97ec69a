"""The outbox: which deliveries are due, who may try them, and what came of it. All in a few prepared statements.

A claim is a lease with a fencing token: whoever is late finds another token and its result is dropped. The rules that
never bend are checked here, in the transaction that claims: signed by every party, the very bytes, not too late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, insert, or_, select, update
from sqlmodel import Session

from campaigns.catalog import Catalog
from campaigns.localtime import after_quiet
from campaigns.models import Attempt, ContentRow, Delivery, DeliveryState
from campaigns.revisions import touch
from campaigns.signatures import unapproved_reasons

LEASE = timedelta(seconds=120)

_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_ATTEMPT = Attempt.__table__  # type: ignore[attr-defined]
_CONTENT = ContentRow.__table__  # type: ignore[attr-defined]

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
    )
    .join(_CONTENT, _CONTENT.c.id == _DELIVERY.c.content_id)
    .where(
        _DELIVERY.c.state == "queued",
        _DELIVERY.c.next_attempt_at <= bindparam("now"),
        _DELIVERY.c.kind.in_(bindparam("kinds", expanding=True)),
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


def has_due(session: Session, *, kinds: Sequence[str], now: datetime) -> bool:
    """Whether anything may be tried now. A cheap read, so that an idle sweep takes no write lock."""
    return session.execute(_ANY_DUE, {"now": now, "kinds": list(kinds)}).first() is not None


def claim(session: Session, catalog: Catalog, *, kinds: Sequence[str], most: int, now: datetime) -> list[Claim]:
    """Lease up to `most` due deliveries of the channel kinds `kinds`, oldest first.

    What is too late, or would be when the quiet hours end, becomes skipped (or unknown, if an earlier attempt may have
    reached the channel); what is not signed exactly as stored is stopped. Both are written with their reasons, here.
    """
    rows = session.execute(_DUE, {"now": now, "kinds": list(kinds), "most": most}).all()
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
    municipality = catalog.municipalities.get(row.municipality)
    return after_quiet(now, municipality.zone) if municipality else now


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


def settle(session: Session, results: Sequence[Result]) -> list[Result]:
    """Write what came of claims. Returns those that were dropped since another worker had taken over."""
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


def reap(session: Session, *, repeatable_kinds: Sequence[str], local_kinds: Sequence[str], now: datetime) -> int:
    """Take back leases that have run out: their worker died. Returns how many.

    A channel where a repeat is harmless (`repeatable_kinds`) is queued again; elsewhere the outcome is unknown and a
    person must look. Nothing left the machine for `local_kinds`, so theirs is never unknown.
    """
    # A lease that ends absurdly late was given before the clock was set back: nobody will come back for it either.
    is_over = or_(_DELIVERY.c.lease_until < now, _DELIVERY.c.lease_until > now + 2 * LEASE)
    expired = (_DELIVERY.c.state == "sending", is_over)
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
