"""A follow-up as values: what is counted, shown, signed and filed. The same document always gives the same bytes.

New figures are new fields with a default, so that what was signed before them can still be read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import date

from pydantic import TypeAdapter, ValidationError

from campaigns.errors import TemplateError


@dataclass(frozen=True)
class Messages:
    """Posts by what became of them: every planned one is in exactly one of the last seven. Counted by the day due."""

    planned: int = 0
    out: int = 0  # in at least one channel
    held_up: int = 0  # signed in time to go out, and out in no channel
    unsigned: int = 0
    undated: int = 0  # the day was never confirmed
    skipped: int = 0  # a person left it out
    coming: int = 0


@dataclass(frozen=True)
class Signing:
    """Of the posts whose time has come: signed by all parties by then, later but still in time to go out, or not."""

    in_time: int = 0
    late: int = 0
    never: int = 0

    @property
    def due(self) -> int:
        return self.in_time + self.late + self.never


@dataclass(frozen=True)
class Deliveries:
    """Sendings by what became of them: each place (channel, language, recipient) of a post once.

    Counted by the day it went out, or was to. What was withdrawn or corrected afterwards went out all the same.
    """

    published: int = 0
    handed_over: int = 0
    by_hand: int = 0  # done by a person
    by_hand_waiting: int = 0
    unknown: int = 0
    failed: int = 0
    missed: int = 0  # its time came during a pause
    too_late: int = 0
    stopped: int = 0
    waiting: int = 0
    withdrawn: int = 0  # of those that went out
    corrected: int = 0  # texts put right in a channel afterwards

    @property
    def out(self) -> int:
        return self.published + self.handed_over + self.by_hand


@dataclass(frozen=True)
class ChannelLine:
    """What went out in a campaign to an audience in a channel: posts, and sendings of them."""

    campaign: str
    campaign_name: str
    audience: str
    audience_name: str
    channel: str
    channel_name: str
    posts: int
    deliveries: int


@dataclass(frozen=True)
class NationalLine:
    """A national campaign that was spread: in how many posts, and sendings of them."""

    id: str
    name: str
    posts: int
    deliveries: int


@dataclass(frozen=True)
class ActivityLine:
    """Something that people did or were to do. `outcome` is done, not_done, untold (its day has been) or coming."""

    key: str
    name: str
    campaign_name: str
    day: date
    responsible: str
    outcome: str
    number: int | None = None
    note: str = ""
    link: str = ""
    situation: str = ""  # what had changed, of an effort outside the campaigns


@dataclass(frozen=True)
class SkippedLine:
    """A step that a person left out, and why."""

    campaign_name: str
    step_name: str
    audience_name: str
    day: date
    reason: str


@dataclass(frozen=True)
class PauseLine:
    """A pause within the period. `missed` are the sendings whose time came during it. No `last_day`: it goes on."""

    first_day: date
    last_day: date | None
    channel_name: str
    reason: str
    missed: int


@dataclass(frozen=True)
class CoverageLine:
    """A risk date of a year and an audience: how many own posts went out, and how many spread a national campaign.

    Until the day has been (`is_over`), what is missing may still come.
    """

    risk_date: str
    name: str
    year: int
    audience: str
    audience_name: str
    own: int
    national: int
    is_over: bool


@dataclass(frozen=True)
class Gap:
    """What a risk date and an audience went without."""

    name: str
    year: int
    audience_name: str
    missing: str  # ”eget budskap”, ”nationell kampanj” or both


@dataclass(frozen=True)
class Section:
    """A promise in one wording, and what was done from `first_day` to `last_day`, while it said so."""

    promise: str
    text: str
    activity: str
    first_day: date
    last_day: date
    revised: str = ""  # why it says so and not as before
    messages: Messages = Messages()
    signing: Signing = Signing()
    deliveries: Deliveries = Deliveries()
    channels: tuple[ChannelLine, ...] = ()
    national: tuple[NationalLine, ...] = ()
    activities: tuple[ActivityLine, ...] = ()
    skipped: tuple[SkippedLine, ...] = ()
    coverage: tuple[CoverageLine, ...] = ()

    @property
    def gaps(self) -> list[Gap]:
        """What the risk dates that have been went without."""
        found = []
        for item in self.coverage:
            missing = [
                word for word, count in (("eget budskap", item.own), ("nationell kampanj", item.national)) if not count
            ]
            if item.is_over and missing:
                found.append(Gap(item.name, item.year, item.audience_name, " och ".join(missing)))
        return found

    def activities_that(self, outcome: str) -> list[ActivityLine]:
        return [item for item in self.activities if item.outcome == outcome]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all to tell."""
        return not (self.messages.planned or self.deliveries.out or self.activities or self.coverage)


@dataclass(frozen=True)
class Words:
    """What people write in a follow-up beside the figures: plain text, with blank lines between paragraphs."""

    introduction: str = ""
    lessons: str = ""
    ahead: str = ""


@dataclass(frozen=True)
class Document:
    """A follow-up of a municipality's promises for a period, counted through `counted_on` (a local day)."""

    municipality: str
    municipality_name: str
    period: str
    title: str
    first_day: date
    last_day: date
    counted_on: date
    parties: tuple[str, ...]  # by name
    sections: tuple[Section, ...]
    pauses: tuple[PauseLine, ...] = ()
    words: Words = field(default_factory=Words)

    @property
    def is_over(self) -> bool:
        return self.counted_on > self.last_day

    def to_bytes(self) -> bytes:
        """Canonical JSON: what is stored and signed."""
        return _DOCUMENT.dump_json(self)

    @property
    def digest(self) -> str:
        return digest_of(self.to_bytes())


_DOCUMENT = TypeAdapter(Document)


def digest_of(payload: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(payload).hexdigest()


def document_from(payload: bytes) -> Document:
    """The document that `to_bytes` gave. Raises TemplateError if the bytes are something else."""
    try:
        return _DOCUMENT.validate_json(payload)
    except ValidationError as error:
        raise TemplateError("Den sparade uppföljningen går inte att läsa.") from error


def added(parts: Iterable[Deliveries]) -> Deliveries:
    """All of them together."""
    parts = list(parts)
    return Deliveries(**{item.name: sum(getattr(part, item.name) for part in parts) for item in fields(Deliveries)})
