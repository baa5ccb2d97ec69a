"""What a person does with deliveries: mark a task done, say what became of an unknown one, try again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.catalog import Catalog
from campaigns.enqueue import STANDING, enqueue
from campaigns.errors import RefusedError
from campaigns.localtime import after_quiet
from campaigns.models import Act, Attempt, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.revisions import touch
from campaigns.sending.finding import locked
from campaigns.sending.outbox import supersede
from campaigns.swedish import DELIVERY_STATES
from campaigns.waking import wake
from campaigns.written import checked_actor

LONGEST_ADDRESS = 500  # characters

_TRIED_AGAIN = (DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.SKIPPED, DeliveryState.MISSED)


def deliveries(
    session: Session, *, municipality: str | None = None, states: Sequence[str] = (), most: int = 1000
) -> Sequence[Delivery]:
    """Deliveries by due time, oldest first."""
    query = select(Delivery).order_by(col(Delivery.due_at), col(Delivery.id)).limit(most)
    if municipality:
        query = query.where(Delivery.municipality == municipality)
    if states:
        query = query.where(col(Delivery.state).in_(states))
    return session.exec(query).all()


def attempts_of(session: Session, delivery_id: int) -> Sequence[Attempt]:
    """The tries made at a delivery, first to last."""
    return session.exec(
        select(Attempt).where(Attempt.delivery_id == delivery_id).order_by(col(Attempt.number), col(Attempt.id))
    ).all()


def done(
    session: Session,
    catalog: Catalog,
    delivery_id: int,
    *,
    name: str,
    url: str,
    now: datetime,
    municipality: str | None = None,
) -> Delivery:
    """A person did the task, or saw that an unknown sending did go out. `url` is where it can be seen, if anywhere.

    With `municipality`, only a delivery of that one is found.
    """
    delivery = locked(session, delivery_id, municipality=municipality)
    if delivery.state not in (DeliveryState.MANUAL, DeliveryState.UNKNOWN):
        state = DELIVERY_STATES[delivery.state]
        raise RefusedError(f"Leverans {delivery_id} är inte en manuell uppgift och inte osäker: läget är ”{state}”.")
    if url and not is_web_address(url):
        raise RefusedError("Adressen ska börja med https:// och vara hel, utan mellanslag.")
    is_withdrawn = delivery.act == Act.WITHDRAW
    delivery.state = DeliveryState.WITHDRAWN if is_withdrawn else DeliveryState.PUBLISHED
    delivery.published_at = None if is_withdrawn else now
    delivery.url = url
    delivery.reason = ""
    action = "markerade som tillbakadragen" if is_withdrawn else "markerade som utskickad"
    done = changed(session, delivery, name=name, action=action, now=now)
    session.flush()
    if delivery.replaces is not None:
        supersede(session, delivery, now=now)
    _queue_correction(session, catalog, delivery, now=now)
    return done


def _queue_correction(session: Session, catalog: Catalog, delivery: Delivery, *, now: datetime) -> None:
    """What was just seen to have gone out may have been put right meanwhile: then the right text takes its place."""
    post = session.get_one(Post, delivery.post_id)
    is_waiting = post.is_correction and post.state == PostState.APPROVED
    if is_waiting and delivery.act != Act.WITHDRAW and delivery.municipality in catalog.municipalities:
        enqueue(session, catalog.municipality(delivery.municipality), post, now=now)


def is_web_address(url: str) -> bool:
    """Whether `url` can stand as a link for everybody to follow."""
    if len(url) > LONGEST_ADDRESS or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def retry(
    session: Session,
    catalog: Catalog,
    delivery_id: int,
    *,
    name: str,
    now: datetime,
    municipality: str | None = None,
    wait: timedelta = timedelta(0),
) -> Delivery:
    """Try a failed, skipped, missed or unknown delivery again; for an unknown one this says that it did not go out.

    If another text has been signed since, that is what is sent. Returns the delivery that now waits. `wait` is how long
    it waits at least, if there is time for that, and with `municipality` only a delivery of that one is found.
    Raises RefusedError when it is too late or it is in a state that cannot be tried again.
    """
    delivery = locked(session, delivery_id, municipality=municipality)
    if delivery.state not in _TRIED_AGAIN:
        raise RefusedError(
            f"Leverans {delivery_id} kan inte försökas igen: läget är ”{DELIVERY_STATES[delivery.state]}”."
        )
    zone = catalog.municipality(delivery.municipality).zone
    first_try = after_quiet(now, zone)
    if delivery.not_after < first_try:
        raise RefusedError("Det är för sent: senaste tiden för budskapet har passerat, så det skickas inte.")
    if after_quiet(now + wait, zone) <= delivery.not_after:
        first_try = after_quiet(now + wait, zone)
    post = session.get_one(Post, delivery.post_id)
    if delivery.act == Act.WITHDRAW:
        return _queued(session, delivery, first_try, name=name, now=now)
    if delivery.act == Act.CORRECT:
        target = session.get(Delivery, delivery.replaces)
        if target is None or target.state not in STANDING:
            raise RefusedError("Det som skulle rättas står inte längre i kanalen.")
    if post.state != PostState.APPROVED:
        raise RefusedError("Texten har ändrats sedan dess. Låt båda parter godkänna den nya, så går den ut.")
    if session.get_one(ContentRow, delivery.content_id).version != post.content_version:
        return _retry_with_new_text(session, catalog, delivery, post, name=name, now=now)
    return _queued(session, delivery, first_try, name=name, now=now)


def _queued(session: Session, delivery: Delivery, first_try: datetime, *, name: str, now: datetime) -> Delivery:
    if delivery.state == DeliveryState.UNKNOWN:  # the person says that it did not go out
        delivery.maybe_sent = False
    delivery.state = DeliveryState.QUEUED
    delivery.next_attempt_at = first_try
    delivery.reason = ""
    if first_try <= now:
        wake(session, [(delivery.municipality, delivery.channel)])
    return changed(session, delivery, name=name, action="försöker igen", now=now)


def _retry_with_new_text(
    session: Session, catalog: Catalog, delivery: Delivery, post: Post, *, name: str, now: datetime
) -> Delivery:
    delivery.state = DeliveryState.STOPPED
    delivery.maybe_sent = False
    delivery.reason = "Ersatt av en ny text."
    changed(session, delivery, name=name, action="försöker igen med ny text", now=now)
    session.flush()
    if not enqueue(session, catalog.municipality(delivery.municipality), post, now=now):
        raise RefusedError("Den nya texten väntar redan på att gå ut i kanalen, eller kan inte gå ut där.")
    same = (
        Delivery.post_id == post.id,
        Delivery.channel == delivery.channel,
        Delivery.language == delivery.language,
        Delivery.recipient == delivery.recipient,
    )
    return session.exec(select(Delivery).where(*same).order_by(col(Delivery.id).desc())).first() or delivery


def changed(
    session: Session, delivery: Delivery, *, name: str, action: str, now: datetime, detail: str = ""
) -> Delivery:
    """Write down what a person has done to the delivery: whoever holds it finds another token. Raises RefusedError."""
    actor = checked_actor(name)
    delivery.token += 1
    delivery.changed_at = now
    session.add(delivery)
    audit.record(
        session,
        now=now,
        municipality=delivery.municipality,
        actor=actor,
        action=action,
        subject=delivery.key,
        detail=detail,
    )
    touch(session, delivery.municipality)
    return delivery
