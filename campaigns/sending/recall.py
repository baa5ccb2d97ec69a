"""After publication: taking a post back where its channel can, and putting it right."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.approval import void
from campaigns.channels import can
from campaigns.channels.base import Correcting, Withdrawing
from campaigns.enqueue import LEFT_OUT, STANDING
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import Act, Delivery, DeliveryState, Post, PostState
from campaigns.revisions import touch
from campaigns.sending.finding import locked
from campaigns.swedish import DELIVERY_STATES, POST_STATES
from campaigns.waking import wake
from campaigns.written import checked_actor, checked_reason

WITHDRAWN_WITHIN = timedelta(days=30)
_NOT_BEGUN = (
    *(DeliveryState.QUEUED, DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.MISSED),
    DeliveryState.MANUAL,
)
_AGAIN = (DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.UNKNOWN, DeliveryState.STOPPED)

_SAME = {"post_id", "content_id", "municipality", "channel", "kind", "language", "recipient"}


def withdraw(
    session: Session, delivery_id: int, *, name: str, reason: str, now: datetime, municipality: str | None = None
) -> Delivery:
    """Queue the withdrawal of a published delivery. Returns it; by-hand tasks are marked at once, and returned.

    With `municipality`, only a delivery of that one is found.
    Raises RefusedError where the channel cannot, or the delivery does not stand published; NotFoundError if unknown.
    """
    found = locked(session, delivery_id, municipality=municipality)
    name, reason = _checked(name, reason)
    if found.act == Act.WITHDRAW or found.state not in STANDING:
        state = DELIVERY_STATES[found.state]
        raise RefusedError(
            f"Leverans {delivery_id} är inte publicerad: läget är ”{state}”. Den kan inte dras tillbaka."
        )
    if found.kind == "manuell":
        found.state, found.changed_at = DeliveryState.WITHDRAWN, now
        found.token += 1
        session.add(found)
        return _recorded(session, found, name, "tog bort för hand", reason, now=now)
    if not can(found.kind, Withdrawing):
        where = f" Den ligger på {found.url}." if found.url else ""
        raise RefusedError(
            f"Kanalen kan inte dra tillbaka det som har gått ut. Ta bort det för hand om det går.{where}"
        )
    key = f"{found.key}:dra-tillbaka"
    made = session.exec(select(Delivery).where(Delivery.key == key)).one_or_none()
    if made is not None and made.state not in _AGAIN:
        raise RefusedError(f"Leverans {delivery_id} håller redan på att dras tillbaka.")
    made = made or Delivery(
        **found.model_dump(
            include={"post_id", "content_id", "municipality", "channel", "kind", "language", "recipient"}
        ),
        key=key,
        act=Act.WITHDRAW,
        replaces=found.id,
        receipt=found.receipt,
        due_at=now,
        not_after=now,
        next_attempt_at=now,
        created_at=now,
        changed_at=now,
    )
    made.state, made.reason = DeliveryState.QUEUED, ""
    made.token += 1
    made.next_attempt_at = made.changed_at = now
    made.not_after = now + WITHDRAWN_WITHIN
    session.add(made)
    session.execute(
        update(Delivery)
        .where(
            col(Delivery.replaces) == found.id,
            col(Delivery.act) == Act.CORRECT,
            col(Delivery.state).in_(_NOT_BEGUN),
            col(Delivery.maybe_sent).is_(False),
        )
        .values(state=DeliveryState.STOPPED, reason="Dras tillbaka.", changed_at=now, token=Delivery.token + 1)
    )
    session.flush()
    wake(session, [(made.municipality, made.channel)])
    return _recorded(session, found, name, "drog tillbaka", reason, now=now, result=made)


def open_for_correction(
    session: Session, post_id: int, *, name: str, reason: str, now: datetime, municipality: str | None = None
) -> Post:
    """Open a post that has gone out, so that its text can be changed, signed and put in the place of the old.

    With `municipality`, only a post of that one is found.
    Raises RefusedError if it stands in no channel that can be put right; NotFoundError if unknown.
    """
    post = session.exec(select(Post).where(Post.id == post_id).with_for_update()).one_or_none()
    if post is None or municipality not in (None, post.municipality):
        raise NotFoundError(f"Det finns inget budskap med nummer {post_id}. Se alla med: kampanjhjul posts")
    name, reason = _checked(name, reason)
    if post.state in LEFT_OUT:
        how = POST_STATES[post.state].lower()
        raise RefusedError(f"Budskapet är {how} och kan inte rättas. Dra tillbaka det: kampanjhjul withdraw")
    standing = session.exec(
        select(Delivery.kind).where(Delivery.post_id == post_id, col(Delivery.state).in_(STANDING))
    ).all()
    if not any(can(kind, Correcting) for kind in standing):
        raise RefusedError("Budskapet står inte i någon kanal där det går att rätta.")
    void(session, post, reason="Texten ska rättas.", now=now)
    post.is_correction = True
    post.state = PostState.DRAFT
    post.reason = f"Rättas: {reason}"
    post.changed_at = now
    session.add(post)
    audit.record(
        session,
        now=now,
        municipality=post.municipality,
        actor=name,
        action="öppnade för rättelse",
        subject=post.key,
        detail=reason,
    )
    touch(session, post.municipality)
    return post


def _checked(name: str, reason: str) -> tuple[str, str]:
    return checked_actor(name), checked_reason(reason, "Skriv varför, så att alla förstår.")


def _recorded(
    session: Session,
    found: Delivery,
    name: str,
    action: str,
    reason: str,
    *,
    now: datetime,
    result: Delivery | None = None,
) -> Delivery:
    audit.record(
        session,
        now=now,
        municipality=found.municipality,
        actor=name,
        action=action,
        subject=found.key,
        detail=reason,
    )
    touch(session, found.municipality)
    return result or found
