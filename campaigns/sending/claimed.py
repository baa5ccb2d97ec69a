"""What a worker holds, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from campaigns.models import DeliveryState
from campaigns.sending import accounts

_OUT = (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER, DeliveryState.WITHDRAWN)


class Claim(NamedTuple):
    """A delivery that this worker alone may try until `lease_until` (UTC). `payload` is the approved bytes.

    `reference` is what an earlier try noted, or what a withdrawal or correction is about (the delivery `replaces`).
    """

    delivery_id: int
    key: str
    post_id: int
    municipality: str
    channel: str
    kind: str
    language: str
    recipient: str
    act: str
    replaces: int | None
    due_at: datetime
    not_after: datetime
    token: int
    attempt: int
    maybe_sent: bool
    reference: str
    payload: bytes

    @property
    def account(self) -> accounts.Key:
        return self.municipality, self.channel


class Result(NamedTuple):
    """What became of a claim. `next_attempt_at` (UTC) is set only for `queued`.

    `health` is what the try told of the channel itself, None if nothing, and `rests_until` when the channel asks to be
    called again. `is_tried` is False where the claim is given back without a try.
    """

    claim: Claim
    state: DeliveryState
    finished_at: datetime
    started_at: datetime
    detail: str = ""
    receipt: str = ""
    url: str = ""
    maybe_sent: bool = False
    next_attempt_at: datetime | None = None
    health: accounts.Health | None = None
    rests_until: datetime | None = None
    is_tried: bool = True

    @property
    def is_out(self) -> bool:
        """Whether the channel did what it was asked to."""
        return self.state in _OUT

    @property
    def lesson(self) -> accounts.Lesson | None:
        if self.health is None:
            return None
        return accounts.Lesson(self.claim.account, self.health, self.detail, self.finished_at, self.rests_until)
