"""What a channel is: something that takes the exact approved bytes and answers with a receipt, or raises.

A send has three outcomes, not two: accepted (a receipt), surely not accepted (NotSentError), unknown
(UnknownOutcomeError). A channel never retries; the outbox does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from campaigns.catalog import ChannelConfig
from campaigns.errors import KampanjhjulError


class Outcome(StrEnum):
    """Accepted, as: seen to be published; handed over to somebody who publishes; a task for a person."""

    PUBLISHED = "published"
    HANDED_OVER = "handed_over"
    MANUAL = "manual"


@dataclass(frozen=True)
class Receipt:
    """What the channel answered: its own reference and where the post can be seen, if it said."""

    outcome: Outcome
    reference: str = ""
    url: str = ""


@dataclass(frozen=True)
class Shipment:
    """One delivery as a channel sees it.

    `key` is the same over all tries and is what a receiver can drop doubles by. `payload` is the canonical JSON that was
    signed. `due_at` is UTC. `attempt` counts from 1.
    """

    key: str
    payload: bytes
    municipality: str
    channel: ChannelConfig
    language: str
    page_url: str
    due_at: datetime
    attempt: int = 1


class SendError(KampanjhjulError):
    """Det gick inte att skicka."""


class NotSentError(SendError):
    """Kanalen tog säkert inte emot budskapet."""

    def __init__(
        self,
        message: str | None = None,
        *,
        is_permanent: bool,
        retry_after: timedelta | None = None,
        stops_channel: bool = False,
    ) -> None:
        super().__init__(message)
        self.is_permanent = is_permanent
        self.retry_after = retry_after
        self.stops_channel = stops_channel


class UnknownOutcomeError(SendError):
    """Det är osäkert om kanalen tog emot budskapet. Kontrollera i kanalen."""


class Channel(Protocol):
    """A way out. `is_local` ones do nothing outside our own database; `is_idempotent`: a repeat of a key is harmless."""

    @property
    def kind(self) -> str: ...
    @property
    def is_local(self) -> bool: ...
    @property
    def is_idempotent(self) -> bool: ...

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        """Send, and return what the channel answered. Raises NotSentError or UnknownOutcomeError."""
        ...
