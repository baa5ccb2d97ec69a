"""What a channel is: something that takes the exact approved bytes and answers with a receipt, or raises.

A send has three outcomes, not two: accepted (a receipt), surely not accepted (NotSentError), unknown
(UnknownOutcomeError). A channel never retries; the outbox does.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from campaigns.catalog import ChannelConfig
from campaigns.content import Content
from campaigns.errors import KampanjhjulError, TemplateError

if TYPE_CHECKING:
    from campaigns.channels.line import Lines


class Outcome(StrEnum):
    """Accepted, as: seen to be published; handed over to somebody who publishes; a task for a person."""

    PUBLISHED = "published"
    HANDED_OVER = "handed_over"
    MANUAL = "manual"


# Host and port -> addresses as text, best first. Raises OSError (or UnicodeError for a name that cannot be).
Resolver = Callable[[str, int], Sequence[str]]


def system_resolver(host: str, port: int) -> Sequence[str]:
    """What the operating system says. It reads decimal, octal and hexadecimal forms as the addresses they are."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


@dataclass(frozen=True)
class Environment:
    """What channels may know of the machine they run on: where their secrets are, and how long they may wait.

    `timeout` is seconds to connect to one address and to wait for the next bytes; `longest` seconds for a whole
    answer. It is less than the outbox's lease, which a channel of several calls renews by noting what it has done.
    """

    environ: Mapping[str, str] = field(repr=False)  # full of secrets
    timeout: tuple[float, float] = (5.0, 30.0)
    longest: float = 60.0
    resolver: Resolver = field(default=system_resolver, repr=False)


@dataclass(frozen=True)
class Picture:
    """A picture as it was signed. `url` is where we serve it to anyone, for channels that fetch it themselves."""

    name: str
    media_type: str  # image/jpeg or image/png
    width: int
    height: int
    data: bytes = field(repr=False)
    url: str


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
    was signed. `due_at` is UTC: no try was made before it. `attempt` counts from 1, and `maybe_sent` says that an
    earlier one may have reached the channel.

    `recipient` is the id of the one of the channel's recipients that this is for, where it has several.

    `note` keeps a reference that later tries find in `reference`: call it with what has been prepared, right before
    what cannot be undone. It also renews the lease, and raises NotSentError if another worker has taken over.
    For a withdrawal or a correction `reference` is the receipt of what is withdrawn or corrected.

    `lines` are those of the batch that it goes out with, for a channel whose calls may be repeated (`http.call`).

    `report_url` is a secret address of ours where the channel can tell what became of the delivery.
    """

    key: str
    payload: bytes = field(repr=False)  # no text in a log
    municipality: str
    channel: ChannelConfig
    language: str
    page_url: str
    due_at: datetime
    attempt: int = 1
    maybe_sent: bool = False
    recipient: str = ""
    reference: str = ""
    picture: Picture | None = None
    report_url: str = field(default="", repr=False)
    lines: Lines | None = field(default=None, repr=False, compare=False)
    note: Callable[[str], None] = field(default=lambda _: None, repr=False, compare=False)

    @property
    def content(self) -> Content:
        """What was signed. Raises NotSentError if it cannot be read."""
        try:
            return Content.from_bytes(self.payload)
        except TemplateError as error:
            raise NotSentError("Det godkända innehållet går inte att läsa.", is_permanent=True) from error


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

    # needs_person: another look would tell no more, so that somebody is to be asked at once.
    def __init__(self, message: str | None = None, *, needs_person: bool = False) -> None:
        super().__init__(message)
        self.needs_person = needs_person


@dataclass(frozen=True)
class Pace:
    """How fast a kind of channel may be sent to, by its owner's rules: starts a minute, and how many at once."""

    per_minute: int
    burst: int


class Channel(Protocol):
    """A way out. One object serves every municipality and all sending threads: nothing is kept between calls.

    `is_local` ones do nothing outside our own database. `is_idempotent`: a repeat of a key is harmless, since the
    receiver drops doubles. `can_find`: where `maybe_sent` is set, `send` first looks for what an earlier try may have
    published, and publishes only if it surely is not there. With neither, an unknown outcome is a person's to settle.

    What else a channel can do is told by which of the protocols below it keeps.
    """

    @property
    def kind(self) -> str: ...
    @property
    def is_local(self) -> bool: ...
    @property
    def is_idempotent(self) -> bool: ...
    @property
    def can_find(self) -> bool: ...
    @property
    def pace(self) -> Pace | None: ...

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        """Send, and return what the channel answered. Raises NotSentError or UnknownOutcomeError."""
        ...


@runtime_checkable
class Withdrawing(Protocol):
    """A channel where what was published can be taken back. Taking it back again is harmless."""

    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        """Take back what `shipment.reference` names. Already gone is done. Raises as `send`."""
        ...


@runtime_checkable
class Correcting(Protocol):
    """A channel where what was published can be put right in its place. The same again is harmless."""

    def correct(self, shipment: Shipment, *, now: datetime) -> Receipt:
        """Put `shipment`'s content in the place of what `shipment.reference` names. Raises as `send`."""
        ...


@runtime_checkable
class Probing(Protocol):
    """A channel whose settings and secrets can be proved without anyone seeing anything."""

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        """A Swedish sentence that says as whom we would post, and where. Raises as `send`."""
        ...


@runtime_checkable
class Rehearsing(Protocol):
    """A channel that can take a marked test that nobody but the editors sees."""

    def rehearse(self, channel: ChannelConfig, *, now: datetime) -> str:
        """Send a marked test, and remove it where it can be. Returns a Swedish sentence on what was seen."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A channel that tells how many have reacted to what was published: only totals, never who."""

    def count(self, shipment: Shipment, *, now: datetime) -> Mapping[str, int]:
        """The totals of what `shipment.reference` names, by measure (`reach_numbers.MEASURES`). Raises as `send`.

        What the channel does not tell, or tells as something that is no count, is left out.
        """
        ...
