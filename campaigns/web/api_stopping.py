"""The API's stop buttons: pause, resume, crisis, withdraw, correct. A token stops its own municipality only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StrictBool

from campaigns.sending import pauses, recall
from campaigns.web.api import Number, Who, own_delivery, own_post
from campaigns.web.api_models import Answer, Body, DeliveryAnswer

router = APIRouter(prefix="/api/v1")

Reason = Annotated[str, Field(min_length=1, max_length=300)]
ChannelName = Annotated[str, Field(max_length=60)]


class PauseRequest(Body):
    reason: Reason
    channel: ChannelName = ""


class ResumeRequest(Body):
    channel: ChannelName = ""


class CrisisRequest(Body):
    reason: Reason
    passes: StrictBool = True


class ReasonRequest(Body):
    reason: Reason


class PauseAnswer(Answer):
    municipality: str
    channel: str
    reason: str
    paused_by: str
    paused_at: datetime


class ResumedAnswer(Answer):
    missed: int


@router.get("/pauses")
def list_pauses(who: Who) -> list[PauseAnswer]:
    """What is paused now for the municipality: all of it, one channel, or everything everywhere."""
    with who.parts.database.read() as session:
        rows = [row for row in pauses.in_force(session) if row.municipality in ("", who.municipality.id)]
        return [PauseAnswer.model_validate(row) for row in rows]


@router.post("/pauses")
def pause(who: Who, body: PauseRequest) -> PauseAnswer:
    """Stop what is scheduled in the municipality, or in one of its channels, until it is resumed."""
    with who.parts.database.write() as session:
        row = pauses.pause(
            session,
            who.parts.catalog,
            municipality=who.municipality.id,
            channel=body.channel,
            reason=body.reason,
            name=who.name,
            now=who.now,
        )
        session.flush()
        return PauseAnswer.model_validate(row)


@router.post("/resume")
def resume(who: Who, body: ResumeRequest) -> ResumedAnswer:
    """End the municipality's pause. What was missed is not sent by itself."""
    with who.parts.database.write() as session:
        row = pauses.resume(
            session,
            who.parts.catalog,
            municipality=who.municipality.id,
            channel=body.channel,
            name=who.name,
            now=who.now,
        )
        return ResumedAnswer(missed=pauses.missed_in(session, row))


@router.post("/posts/{post_id}/crisis", status_code=204)
def crisis(who: Who, post_id: Number, body: CrisisRequest) -> None:
    """Let the post go out although everything else is paused, or take that back."""
    with who.parts.database.write() as session:
        post = own_post(session, who, post_id)
        pauses.let_pass(session, post, passes=body.passes, name=who.name, reason=body.reason, now=who.now)


@router.post("/posts/{post_id}/correct", status_code=204)
def correct(who: Who, post_id: Number, body: ReasonRequest) -> None:
    """Open a published post, so that a new text can be signed and put in the place of the old."""
    with who.parts.database.write() as session:
        own_post(session, who, post_id)
        recall.open_for_correction(session, post_id, name=who.name, reason=body.reason, now=who.now)


@router.post("/deliveries/{delivery_id}/withdraw")
def withdraw(who: Who, delivery_id: Number, body: ReasonRequest) -> DeliveryAnswer:
    """Take back a published delivery where its channel can. Returns the delivery that does it."""
    with who.parts.database.write() as session:
        own_delivery(session, who, delivery_id)
        row = recall.withdraw(session, delivery_id, name=who.name, reason=body.reason, now=who.now)
        return DeliveryAnswer.of(row)
