"""What a person chooses for one delivery on the pages: stop it, put it back, choose it again, tell what became of it.

Everything here is bound to one municipality: another's delivery is as one that there is not.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.channels import can
from campaigns.channels.base import Withdrawing
from campaigns.enqueue import NEVER, OUT, REGRET, STANDING, stopped_as
from campaigns.errors import NotFoundError, RefusedError
from campaigns.localtime import after_quiet, is_quiet
from campaigns.models import Act, Attempt, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.sending import pauses, queue, recall
from campaigns.sending.finding import MOST_ROWS, locked
from campaigns.signatures import checked
from campaigns.swedish import DELIVERY_STATES, moment

TOO_LATE = "Det är för sent: senaste tiden för budskapet har passerat, så det skickas inte."
_STOPPABLE = (DeliveryState.QUEUED, DeliveryState.MANUAL)
_CHOSEN_AGAIN = (DeliveryState.MISSED, DeliveryState.STOPPED, DeliveryState.SKIPPED)
# What stands, or may come to stand, where another version of the same text would go.
_TAKEN = (
    *(DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.MANUAL, *OUT),
    *(DeliveryState.WITHDRAWN, DeliveryState.REPLACED),
)


def stop(session: Session, municipality: Municipality, delivery_id: int, *, name: str, now: datetime) -> Delivery:
    """Stop what nobody has begun to send, or a task that is not to be done, until somebody chooses it again.

    Returns it stopped, or unknown where an earlier try may have reached the channel. Raises RefusedError, saying what
    is true instead, where it has been begun or is over.
    """
    delivery = locked(session, delivery_id, municipality=municipality.id)
    if delivery.state == DeliveryState.SENDING:
        raise RefusedError("Den skickas just nu och går inte att stoppa. Om en stund syns det här hur det gick.")
    if delivery.state in STANDING:
        raise RefusedError("Den har redan gått ut och går inte att stoppa.")
    if delivery.state not in _STOPPABLE:
        raise RefusedError(f"Det finns inget att stoppa: läget är ”{DELIVERY_STATES[delivery.state]}”.")
    delivery.state = stopped_as(delivery)
    delivery.next_attempt_at = NEVER
    delivery.reason = f"Stoppad av {name.strip()}."
    if delivery.state == DeliveryState.UNKNOWN:
        delivery.reason = f"Stoppad av {name.strip()}, men ett tidigare försök kan ha nått kanalen. Kontrollera där."
    return queue.changed(session, delivery, name=name, action="stoppade", now=now)


def put_back(
    session: Session, catalog: Catalog, municipality: Municipality, delivery_id: int, *, name: str, now: datetime
) -> Delivery:
    """Put what was stopped or missed back for its own time, or for now if that has passed. Raises as `choose_again`."""
    delivery = locked(session, delivery_id, municipality=municipality.id)
    at = delivery.due_at if delivery.due_at > now else None
    return choose_again(session, catalog, municipality, delivery_id, at=at, name=name, now=now)


def choose_again(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    delivery_id: int,
    *,
    at: datetime | None,
    name: str,
    now: datetime,
) -> Delivery:
    """Queue what was missed, stopped or skipped for `at` (UTC), or for a minute from now.

    Every party's signature must still hold for the very text. Raises RefusedError where it does not, where it is too
    late or paused, and where something else stands or waits in its place.
    """
    delivery = locked(session, delivery_id, municipality=municipality.id)
    if delivery.state not in _CHOSEN_AGAIN:
        raise RefusedError(f"Den går inte att välja på nytt: läget är ”{DELIVERY_STATES[delivery.state]}”.")
    municipality.channel(delivery.channel)  # it may have left the file since
    starts = _starts(delivery, municipality, at, now=now)
    if delivery.act == Act.WITHDRAW:
        _refuse_without_target(session, delivery)
    else:
        refuse_unsendable(session, catalog, delivery)
        refuse_paused(session, delivery, at=at)
    delivery.state = DeliveryState.QUEUED
    delivery.due_at = delivery.next_attempt_at = starts
    delivery.reason = ""
    return queue.changed(
        session, delivery, name=name, action="valde på nytt", detail=moment(starts, municipality.zone), now=now
    )


def _starts(delivery: Delivery, municipality: Municipality, at: datetime | None, *, now: datetime) -> datetime:
    if at is None and delivery.act == Act.WITHDRAW:
        return now
    if at is None:
        earliest = after_quiet(now, municipality.zone)
        unhurried = after_quiet(now + REGRET, municipality.zone)
        starts = unhurried if unhurried <= delivery.not_after else earliest
    else:
        starts = at
        if at <= now:
            raise RefusedError("Tiden har redan varit. Välj en tid som kommer, eller skicka nu.")
        if is_quiet(at, municipality.zone):
            raise RefusedError("Mellan klockan 21 och 07 skickas inget. Välj en annan tid.")
    if now > delivery.not_after:
        raise RefusedError(TOO_LATE)
    if starts > delivery.not_after:
        raise RefusedError(
            f"Den måste gå ut senast {moment(delivery.not_after, municipality.zone)}. Välj en tid före det."
            if at is not None
            else "Det är för sent: före senaste tiden är det natt, och då skickas inget."
        )
    return starts


def refuse_unsendable(session: Session, catalog: Catalog, delivery: Delivery) -> None:
    """Raise RefusedError unless the delivery's very text is signed by all and its place in the channel is free."""
    reason = checked(session, catalog, [delivery.post_id])[delivery.post_id].fault
    if reason is not None:
        raise RefusedError(f"{reason} Låt parterna godkänna texten, så går den ut.")
    version = session.get_one(ContentRow, delivery.content_id).version
    if version != session.get_one(Post, delivery.post_id).content_version:
        raise RefusedError("Texten har ändrats sedan dess. Den nya texten har en egen rad i kön.")
    if delivery.maybe_sent:
        raise RefusedError("Ett tidigare försök kan ha nått kanalen. Kontrollera där först.")
    if delivery.act == Act.CORRECT:
        _refuse_without_target(session, delivery)
    elif _is_taken(session, delivery):
        raise RefusedError("Budskapet har redan gått ut i kanalen, eller väntar på det. Det skickas inte två gånger.")


def refuse_paused(session: Session, delivery: Delivery, *, at: datetime | None) -> None:
    """Raise RefusedError where what is sent now would be caught by a pause. A later time may be after it."""
    reason = pauses.standing(session).reason(delivery.municipality, delivery.channel)
    if at is None and reason is not None and not session.get_one(Post, delivery.post_id).passes_pause:
        raise RefusedError(f"Det är pausat just nu: {reason}. Avsluta pausen först, eller välj en senare tid.")


def _refuse_without_target(session: Session, delivery: Delivery) -> None:
    target = session.get(Delivery, delivery.replaces)
    if target is None or target.state not in STANDING:
        what = "rättas" if delivery.act == Act.CORRECT else "dras tillbaka"
        raise RefusedError(f"Det som skulle {what} står inte längre i kanalen.")


def _is_taken(session: Session, delivery: Delivery) -> bool:
    others = select(Delivery.state, Delivery.maybe_sent).where(
        Delivery.post_id == delivery.post_id,
        Delivery.channel == delivery.channel,
        Delivery.language == delivery.language,
        Delivery.recipient == delivery.recipient,
        Delivery.act != Act.WITHDRAW,
        Delivery.id != delivery.id,
    )
    return any(state in _TAKEN or maybe_sent for state, maybe_sent in session.exec(others))


def did_go_out(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    delivery_id: int,
    *,
    url: str,
    name: str,
    now: datetime,
) -> Delivery:
    """A person did the task, or saw in the channel that it went out. Raises as `queue.done`."""
    return queue.done(session, catalog, delivery_id, name=name, url=url.strip(), now=now, municipality=municipality.id)


def try_again(
    session: Session, catalog: Catalog, municipality: Municipality, delivery_id: int, *, name: str, now: datetime
) -> Delivery:
    """Send again what failed, or what a person saw had not gone out, a minute from now. Raises as `queue.retry`."""
    delivery = locked(session, delivery_id, municipality=municipality.id)
    if delivery.act != Act.WITHDRAW:
        refuse_paused(session, delivery, at=None)
    return queue.retry(session, catalog, delivery_id, name=name, now=now, municipality=municipality.id, wait=REGRET)


def undo_done(session: Session, municipality: Municipality, delivery_id: int, *, name: str, now: datetime) -> Delivery:
    """Take back that a person did a task or saw an uncertain one out: it is what it was before that.

    Raises RefusedError where a channel has said so itself, or something has been built on it since.
    """
    delivery = locked(session, delivery_id, municipality=municipality.id)
    if delivery.act != Act.PUBLISH or not was_told_by_person(session, delivery):
        raise RefusedError("Det går inte att ångra: ingen har markerat den som utskickad för hand.")
    later = select(Delivery.id).where(Delivery.replaces == delivery.id, Delivery.state != DeliveryState.STOPPED)
    if session.exec(later).first() is not None:
        raise RefusedError("Det går inte att ångra: den rättas eller dras tillbaka redan.")
    is_uncertain = not is_task(session, delivery)
    post = session.get_one(Post, delivery.post_id)
    is_current = session.get_one(ContentRow, delivery.content_id).version == post.content_version
    if not is_uncertain and not (is_current and post.state == PostState.APPROVED):
        raise RefusedError("Det går inte att ångra: texten har ändrats sedan dess.")
    delivery.state = DeliveryState.UNKNOWN if is_uncertain else DeliveryState.MANUAL
    delivery.maybe_sent = is_uncertain
    delivery.reason = "Kontrollera i kanalen om den gick ut." if is_uncertain else ""
    delivery.url = ""
    delivery.published_at = None
    return queue.changed(session, delivery, name=name, action="ångrade att den var utskickad", now=now)


def was_told_by_person(session: Session, delivery: Delivery) -> bool:
    """Whether it counts as published since a person has said so: its last try did not end with that."""
    outcome = _last_outcome(session, delivery)
    return delivery.state == DeliveryState.PUBLISHED and outcome not in (None, *STANDING)


def is_task(session: Session, delivery: Delivery) -> bool:
    """Whether it was handed to a person to do."""
    return _last_outcome(session, delivery) == DeliveryState.MANUAL


def _last_outcome(session: Session, delivery: Delivery) -> str | None:
    query = select(Attempt.outcome).where(Attempt.delivery_id == delivery.id).order_by(col(Attempt.id).desc())
    return session.exec(query).first()


def take_back(
    session: Session, municipality: Municipality, delivery_id: int, *, reason: str, name: str, now: datetime
) -> Delivery:
    """Take back what has gone out. Raises as `recall.withdraw`."""
    return recall.withdraw(session, delivery_id, name=name, reason=reason, now=now, municipality=municipality.id)


def correct(
    session: Session, municipality: Municipality, delivery_id: int, *, reason: str, name: str, now: datetime
) -> Post:
    """Open the delivery's post for a new text. Raises as `recall.open_for_correction`."""
    delivery = locked(session, delivery_id, municipality=municipality.id)
    return recall.open_for_correction(session, delivery.post_id, name=name, reason=reason, now=now)


def let_post_pass(
    session: Session,
    municipality: Municipality,
    post_id: int,
    *,
    passes: bool,
    reason: str,
    name: str,
    now: datetime,
) -> Post:
    """Let a post go out although everything is paused, or take that back. Raises as `pauses.let_pass`."""
    post = session.get(Post, post_id) if 0 < post_id <= MOST_ROWS else None
    if post is None or post.municipality != municipality.id:
        raise NotFoundError(f"Det finns inget budskap med nummer {post_id}.")
    pauses.let_pass(session, post, passes=passes, name=name, reason=reason, now=now)
    return post


def can_take_back(kind: str) -> bool:
    """Whether what a channel of this kind has published can be taken back: by itself, or by a person."""
    return kind == "manuell" or can(kind, Withdrawing)
