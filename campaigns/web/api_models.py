"""What goes in and out of the API. Moments are UTC, days are the municipality's calendar days, both ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, field_validator
from pydantic_core import PydanticCustomError

from campaigns.drafts import Draft, Piece
from campaigns.models import Approval, Delivery, Post
from campaigns.occurrences import Occurrence
from campaigns.plan import Clash, PlannedStep
from campaigns.posts import shown_state
from campaigns.swedish import WEEKDAYS

# A text is at most this many characters; no message that people read comes near it.
LONGEST_TEXT = 50_000


_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _only_iso(value: object) -> object:
    if isinstance(value, str) and _ISO_DAY.fullmatch(value):
        return value
    raise PydanticCustomError("date_type", "not a date")


# pydantic would also take seconds since 1970 for a day.
Day = Annotated[date, BeforeValidator(_only_iso)]


class Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def without_nul(cls, value: object) -> object:
        """PostgreSQL cannot store the character NUL."""
        if isinstance(value, str) and "\0" in value:
            raise ValueError
        return value


class OccurrenceAnswer(Answer):
    """`day` is null while a local date is not known; `first_day` and `last_day` are then its usual window."""

    key: str
    municipality: str
    risk_date: str
    name: str
    year: int
    place: str | None
    place_name: str | None
    day: date | None
    weekday: str | None
    first_day: date
    last_day: date
    status: str

    @classmethod
    def of(cls, item: Occurrence) -> OccurrenceAnswer:
        return cls(
            key=item.key,
            municipality=item.municipality,
            risk_date=item.risk_date,
            name=item.name,
            year=item.year,
            place=item.place.id if item.place else None,
            place_name=item.place.name if item.place else None,
            day=item.day if item.has_day else None,
            weekday=WEEKDAYS[item.day.weekday()] if item.has_day else None,
            first_day=item.first_day,
            last_day=item.last_day,
            status=item.status.value,
        )


class StepAnswer(Answer):
    """A planned step. `post` is the number of its post, once there is one, and `state` where that stands."""

    key: str
    campaign: str
    occurrence: str
    step: str
    audience: str
    channels: list[str]
    places: list[str]
    due_at: datetime
    not_after: datetime
    is_preliminary: bool
    merged_into: str | None
    post: int | None
    state: str | None

    @classmethod
    def of(cls, item: PlannedStep, post: Post | None, *, now: datetime) -> StepAnswer:
        return cls(
            key=item.key,
            campaign=item.campaign,
            occurrence=item.occurrence.key,
            step=item.step.id,
            audience=item.audience,
            channels=list(item.channels),
            places=list(item.places),
            due_at=item.due_at,
            not_after=item.not_after,
            is_preliminary=item.is_preliminary,
            merged_into=item.merged_into,
            post=post.id if post else None,
            state=shown_state(post, now=now) if post else None,
        )


class ClashAnswer(Answer):
    day: date
    audience: str
    channel: str
    first: str
    second: str
    proposal: str


class PlanAnswer(Answer):
    steps: list[StepAnswer]
    clashes: list[ClashAnswer]

    @classmethod
    def of(cls, steps: Sequence[StepAnswer], clashes: Sequence[Clash]) -> PlanAnswer:
        return cls(steps=list(steps), clashes=[ClashAnswer.model_validate(clash) for clash in clashes])


class PostAnswer(Answer):
    """`missing` are the parties that have not signed the text as it stands.

    `reason` says who rejected it and why, or why it must be signed again.
    """

    id: int
    key: str
    municipality: str
    campaign: str
    occurrence: str
    step: str
    audience: str
    channels: list[str]
    places: list[str]
    due_at: datetime
    not_after: datetime
    state: str
    reason: str
    merged_into: str | None
    missing: list[str]

    @classmethod
    def of(cls, post: Post, missing: Sequence[str], *, now: datetime) -> PostAnswer:
        assert post.id is not None
        return cls(
            id=post.id,
            key=post.key,
            municipality=post.municipality,
            campaign=post.campaign,
            occurrence=post.occurrence,
            step=post.step,
            audience=post.audience,
            channels=post.channels.split(),
            places=[name for name in post.places.split("\n") if name],
            due_at=post.due_at,
            not_after=post.not_after,
            state=shown_state(post, now=now),
            reason=post.reason,
            merged_into=post.merged_into,
            missing=list(missing),
        )


class FaultAnswer(Answer):
    severity: str
    message: str


class PieceAnswer(Answer):
    """What would go to one channel in one language: plain title and short text, the body as Markdown and as HTML."""

    channel: str
    language: str
    title: str
    short: str
    body: str
    html: str
    link: str
    image: str
    alt: str
    sha256: str
    faults: list[FaultAnswer]

    @classmethod
    def of(cls, piece: Piece) -> PieceAnswer:
        content = piece.content
        return cls(
            channel=piece.channel,
            language=piece.language,
            title=content.title,
            short=content.short,
            body=content.body,
            html=content.html(),
            link=content.link,
            image=content.image,
            alt=content.alt,
            sha256=piece.sha256,
            faults=[FaultAnswer.model_validate(fault) for fault in piece.faults],
        )


class ApprovalAnswer(Answer):
    party: str
    name: str
    digest: str
    created_at: datetime


class PostDetailAnswer(PostAnswer):
    """A post with its text as it would go out. `digest` is what to approve; without one, `problem` says why not."""

    digest: str | None
    pieces: list[PieceAnswer]
    problem: str | None
    approvals: list[ApprovalAnswer]

    @classmethod
    def with_text(
        cls, post: PostAnswer, draft: Draft | None, problem: str | None, approvals: Sequence[Approval]
    ) -> PostDetailAnswer:
        return cls(
            **post.model_dump(),
            digest=draft.digest if draft else None,
            pieces=[PieceAnswer.of(piece) for piece in draft.pieces] if draft else [],
            problem=problem,
            approvals=[ApprovalAnswer.model_validate(item) for item in approvals],
        )


class TextRequest(Body):
    """`source` is Markdown with front matter between two lines of +++. An empty `channel` means all of them."""

    language: str = "sv"
    channel: str = ""
    source: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class TextAnswer(Answer):
    version: int
    post: int
    author: str
    created_at: datetime


class ApproveRequest(Body):
    """`digest` is the one of the text that was shown: another text is not signed."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class SignedAnswer(Answer):
    post: int
    digest: str
    missing: list[str]
    queued: int


class RejectRequest(Body):
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class DeliveryAnswer(Answer):
    id: int
    key: str
    post: Annotated[int, Field(validation_alias="post_id")]
    municipality: str
    channel: str
    kind: str
    language: str
    recipient: str
    act: str
    state: str
    due_at: datetime
    not_after: datetime
    next_attempt_at: datetime
    attempts: int
    url: str
    reason: str
    published_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryAnswer:
        return cls.model_validate(delivery)


class DoneRequest(Body):
    url: Annotated[str, Field(max_length=2000)] = ""


class DateRequest(Body):
    """`force` takes a confirmed day that lies outside the usual time of year: without it such a day is refused."""

    place: str = ""
    day: Day
    confirmed: StrictBool
    force: StrictBool = False


class ChangesAnswer(Answer):
    """What planning again did, as keys. `warning` is a sentence if the day is an unusual one."""

    created: list[str]
    moved: list[str]
    changed: list[str]
    cancelled: list[str]
    warning: str = ""


class FactRequest(Body):
    valid_until: Day


class FactAnswer(Answer):
    id: str
    valid_until: date


class ReminderAnswer(Answer):
    key: str
    kind: str
    subject: str
    occurrence: str
    deadline_day: date
    created_at: datetime


class AuditAnswer(Answer):
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
