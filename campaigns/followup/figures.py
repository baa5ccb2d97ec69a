"""The figures of a follow-up, as values. New ones are new fields with a default: see `document`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date


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

    Counted by the day that the post was due, as the posts are; `withdrawn`, `corrected` and `belated` by the day that
    it was done. What was withdrawn or corrected afterwards went out all the same.
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
    belated: int = 0  # went out in these days, of posts from earlier days: they are counted there

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
class ReachLine:
    """How far the posts that went out in a channel reached, added together. Never what came of it.

    `source` is noted (typed in by a person, from the channel), told (answered by the channel) or counted (by our own
    short address). `posts` are those that there is such a number for. The same person may be in it more than once.
    """

    channel: str
    channel_name: str
    measure: str
    measure_name: str
    source: str
    posts: int
    number: int


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
class Totals:
    """The whole in four numbers, each thing once, however many promises it answers to."""

    posts: int
    sendings: int  # of those posts
    done: int
    gaps: int


def added(parts: Iterable[Deliveries]) -> Deliveries:
    """All of them together."""
    parts = list(parts)
    return Deliveries(**{item.name: sum(getattr(part, item.name) for part in parts) for item in fields(Deliveries)})
