"""A follow-up as values: what is counted, shown, signed and filed. The same document always gives the same bytes.

New figures are new fields with a default, so that what was signed before them can still be read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date

from pydantic import TypeAdapter, ValidationError

from campaigns.errors import TemplateError
from campaigns.followup.figures import (
    ActivityLine,
    ChannelLine,
    CoverageLine,
    Deliveries,
    Gap,
    Messages,
    NationalLine,
    PauseLine,
    ReachLine,
    Signing,
    SkippedLine,
    Totals,
    added,
)


@dataclass(frozen=True)
class Section:
    """A promise in one wording, and what was done from `first_day` to `last_day`, while it said so."""

    promise: str
    text: str
    activity: str
    first_day: date
    last_day: date
    revised: str = ""  # why it says so and not as before
    messages: Messages = field(default_factory=Messages)
    signing: Signing = field(default_factory=Signing)
    deliveries: Deliveries = field(default_factory=Deliveries)
    channels: tuple[ChannelLine, ...] = ()
    national: tuple[NationalLine, ...] = ()
    reach: tuple[ReachLine, ...] = ()
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
    totals: Totals | None = None  # None: it was made before they were counted

    @property
    def summed(self) -> Totals:
        """The totals; of an older document, those of its promises added together."""
        return self.totals or Totals(
            posts=sum(item.messages.out for item in self.sections),
            sendings=added(item.deliveries for item in self.sections).out,
            done=sum(len(item.activities_that("done")) for item in self.sections),
            gaps=sum(len(item.gaps) for item in self.sections),
        )

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
