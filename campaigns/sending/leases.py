"""Leases: how long a worker may be at work on what it has claimed, and taking back those whose worker died."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Executable, bindparam, case, insert, literal, or_, select, update
from sqlmodel import Session

from campaigns.models import Attempt, Delivery
from campaigns.prepared import ManyRows
from campaigns.revisions import touch

# With the look for those that have run out (`scheduler.jobs`), a dead worker's rows are free again within a minute.
LEASE = timedelta(seconds=55)
# A lease that has been used this much is renewed by a worker that lives and is still at work.
RENEWED_AFTER = timedelta(seconds=10)
# Before what may have been published is looked for: a receiver may still be at work on it.
LOOK_AFTER = timedelta(minutes=2)

_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_ATTEMPT = Attempt.__table__  # type: ignore[attr-defined]
# In the order of `_interrupted`.
_OF_ATTEMPT = ("delivery_id", "number", "token", "started_at", "finished_at", "outcome", "detail")


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


_RENEW = ManyRows(
    update(_DELIVERY)
    .where(
        _DELIVERY.c.id == bindparam("b_id"),
        _DELIVERY.c.token == bindparam("b_token"),
        _DELIVERY.c.state == "sending",
        _DELIVERY.c.lease_until < bindparam("b_used"),
    )
    .values(lease_until=bindparam("b_lease"))
)


def renew(session: Session, held: Mapping[int, int], *, now: datetime) -> None:
    """Lengthen the leases of `held`, tokens by delivery. One that another worker has taken over stays that one's."""
    lease = now + LEASE
    _RENEW.run(
        session,
        [
            {"b_id": delivery, "b_token": token, "b_lease": lease, "b_used": lease - RENEWED_AFTER}
            for delivery, token in held.items()
        ],
    )


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
    touch(session, *municipalities)
    return again.rowcount + lost.rowcount
