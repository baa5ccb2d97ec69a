"""Where a post stands, as people ask: is it written, signed, out, or does it need somebody?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from campaigns.models import Act, Delivery, DeliveryState, Post
from campaigns.posts import shown_state
from campaigns.swedish import DELIVERY_STATES, POST_STATES


class Stage(StrEnum):
    """The stages that pages filter on, in the order of a post's life. The values stand in addresses."""

    WAITING_FOR_DATE = "vantar-pa-datum"
    DRAFT = "utkast"
    REJECTED = "avslaget"
    APPROVED = "godkant"
    NEEDS_PERSON = "kraver-atgard"
    OUT = "gick-ut"
    NOT_SENT = "inte-skickat"


STAGE_NAMES = {
    Stage.WAITING_FOR_DATE: "Väntar på datum",
    Stage.DRAFT: "Utkast",
    Stage.REJECTED: "Avslaget",
    Stage.APPROVED: "Godkänt och i kö",
    Stage.NEEDS_PERSON: "Kräver åtgärd",
    Stage.OUT: "Gick ut",
    Stage.NOT_SENT: "Inte skickat",
}

# A post is told by the first of these that any of its deliveries is in.
_OF_DELIVERY = {
    DeliveryState.UNKNOWN: Stage.NEEDS_PERSON,
    DeliveryState.FAILED: Stage.NEEDS_PERSON,
    DeliveryState.MISSED: Stage.NEEDS_PERSON,
    DeliveryState.MANUAL: Stage.NEEDS_PERSON,
    DeliveryState.SENDING: Stage.APPROVED,
    DeliveryState.QUEUED: Stage.APPROVED,
    DeliveryState.STOPPED: Stage.NOT_SENT,
    DeliveryState.PUBLISHED: Stage.OUT,
    DeliveryState.HANDED_OVER: Stage.OUT,
    DeliveryState.SKIPPED: Stage.NOT_SENT,
    DeliveryState.WITHDRAWN: Stage.NOT_SENT,
}
_OF_POST = {
    "preliminary": Stage.WAITING_FOR_DATE,
    "draft": Stage.DRAFT,
    "rejected": Stage.REJECTED,
    "approved": Stage.APPROVED,
}


@dataclass(frozen=True)
class PostStanding:
    """A post's stage, and the word for its state within it."""

    stage: Stage
    word: str

    @property
    def mark(self) -> str:
        """A sign beside the word, so that neither colour nor sign alone says it."""
        return {Stage.APPROVED: "✓", Stage.OUT: "✓", Stage.NEEDS_PERSON: "!", Stage.REJECTED: "!"}.get(self.stage, "")

    @property
    def css(self) -> str:
        """The class of `kampanjhjul.css` that gives its colours."""
        if self.stage in (Stage.NEEDS_PERSON, Stage.REJECTED, Stage.NOT_SENT):
            return "state-rejected"
        return "state-approved" if self.stage in (Stage.APPROVED, Stage.OUT) else "state-draft"


def delivery_states(session: Session, posts: Sequence[Post]) -> dict[int, set[str]]:
    """The states of the posts' deliveries, by the post's number. What takes another back is no part of it."""
    found: dict[int, set[str]] = {}
    query = select(Delivery.post_id, Delivery.state).where(
        col(Delivery.post_id).in_([post.id for post in posts if post.digest is not None]),
        Delivery.act != Act.WITHDRAW,
    )
    for post_id, state in session.exec(query.distinct()):
        found.setdefault(post_id, set()).add(state)
    return found


def standing_of(post: Post, states: Collection[str], *, now: datetime) -> PostStanding:
    """Where `post` stands, whose deliveries are in `states`: the worst of them, once there are any."""
    for state, stage in _OF_DELIVERY.items():
        if state in states:
            return PostStanding(stage, DELIVERY_STATES[state])
    state_name = shown_state(post, now=now)
    return PostStanding(_OF_POST.get(state_name, Stage.NOT_SENT), POST_STATES[state_name])
