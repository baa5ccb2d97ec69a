"""What a person may do with a delivery as it stands, and why not the rest. The use cases decide again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.channels import can
from campaigns.channels.base import Correcting
from campaigns.enqueue import STANDING
from campaigns.models import Act, Delivery, DeliveryState, Post, PostState
from campaigns.sending.choices import TOO_LATE, can_take_back

BY_HAND = "manuell"
_NEVER_OUT = (DeliveryState.MISSED, DeliveryState.STOPPED, DeliveryState.SKIPPED)


@dataclass(frozen=True)
class Choice:
    """One act: `word` is its button, `why_not` is empty where it can be done now."""

    act: str
    word: str
    why_not: str = ""

    @property
    def is_possible(self) -> bool:
        return not self.why_not


def choices_for(delivery: Delivery, post: Post, *, is_current: bool, can_undo: bool, now: datetime) -> list[Choice]:
    """Every act that makes sense for the delivery's state. `is_current`: its text is the post's newest version."""
    state = delivery.state
    if state == DeliveryState.SENDING:
        why = "Den skickas just nu. Om en stund syns här hur det gick."
        return [Choice("stoppa", "Stoppa", why)]
    if state == DeliveryState.QUEUED:
        return [Choice("stoppa", "Stoppa")]
    if state == DeliveryState.MANUAL:
        return [Choice("klar", "Markera som gjord"), Choice("stoppa", "Ska inte göras")]
    if state == DeliveryState.UNKNOWN:
        return [
            Choice("klar", "Det gick ut"),
            Choice("igen", "Det gick inte ut – skicka igen", _too_late(delivery, now=now)),
        ]
    if state == DeliveryState.FAILED:
        return [Choice("igen", "Försök igen", _too_late(delivery, now=now) or _unsigned(delivery, post))]
    if state in _NEVER_OUT:
        why_not = _too_late(delivery, now=now) or _unsigned(delivery, post) or _outdated(delivery, is_current)
        return [Choice("skicka", "Skicka", why_not)]
    if state in STANDING:
        return _standing(delivery, post, can_undo=can_undo)
    return []


def _standing(delivery: Delivery, post: Post, *, can_undo: bool) -> list[Choice]:
    found = [Choice("inte-klar", "Den gick inte ut – ångra")] if can_undo else []
    where = " Ta bort det för hand där om det går." if delivery.url else " Ta bort det för hand om det går."
    take_back = "" if can_take_back(delivery.kind) else f"Kanalen kan inte dra tillbaka det som har gått ut.{where}"
    found.append(
        Choice("dra-tillbaka", "Borttagen för hand" if delivery.kind == BY_HAND else "Dra tillbaka", take_back)
    )
    correct = "" if can(delivery.kind, Correcting) else "Kanalen kan inte rätta det som har gått ut."
    if post.state == PostState.CANCELLED:
        correct = "Budskapet är inställt. Dra tillbaka det i stället."
    elif post.is_correction and post.state != PostState.APPROVED:
        correct = "Budskapet är redan öppet för rättelse."
    return [*found, Choice("ratta", "Rätta", correct)]


def _too_late(delivery: Delivery, *, now: datetime) -> str:
    return TOO_LATE if now > delivery.not_after else ""


def _unsigned(delivery: Delivery, post: Post) -> str:
    if delivery.act == Act.WITHDRAW or post.state == PostState.APPROVED:
        return ""
    return "Texten är inte godkänd av alla parter. När den är det går den ut."


def _outdated(delivery: Delivery, is_current: bool) -> str:  # noqa: FBT001 - the one question it asks
    if delivery.act == Act.WITHDRAW or is_current:
        return ""
    return "Texten har ändrats sedan dess. Den nya texten har en egen rad i kön."
