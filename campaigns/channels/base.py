"""What a channel is: something that takes the exact approved bytes and answers with a receipt, or raises.

A send has three outcomes, not two: accepted (a receipt), surely not accepted (NotSentError), unknown
(UnknownOutcomeError). A channel never retries; the outbox does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Environment:
    """What channels may know of the machine they run on: where their secrets are."""

    environ: Mapping[str, str] = field(repr=False)  # full of secrets


@dataclass(frozen=True)
class Receipt:
    """What the channel answered: its own reference and where the post can be seen, if it said."""

    outcome: Outcome
    reference: str = ""
    url: str = ""


@dataclass(frozen=True)
class Shipment:
    """One delivery as a channel sees it.

    `key` is the same over all tries and is what a receiver can drop doubles by. `payload` is the canonical JSON that
    was signed. `due_at` is UTC. `attempt` counts from 1.
    """

    key: str
    payload: bytes = field(repr=False)  # no text in a log
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

    # is_permanent: the same text will be refused each time. stops_channel: every text will be, until a person has put
    # something right. retry_after: the receiver asks us to wait this long.
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
    """A way out. `is_local` ones do nothing outside our own database; `is_idempotent`: a repeat of a key is harmless.

    One object serves every municipality and all sending threads: what differs is in the shipment, and nothing is
    kept between calls. A channel that can look up what became of an earlier try does so in `send`, when `attempt` is
    above 1.
    """

    @property
    def kind(self) -> str: ...
    @property
    def is_local(self) -> bool: ...
    @property
    def is_idempotent(self) -> bool: ...

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        """Send, and return what the channel answered. Raises NotSentError or UnknownOutcomeError."""
        ...
