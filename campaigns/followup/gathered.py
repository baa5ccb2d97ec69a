"""What a follow-up is counted from: posts, signatures, deliveries, activities, pauses. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from campaigns.catalog import Catalog, Municipality
from campaigns.models import ActivityRow, Approval, Delivery, OccurrenceRow, Pause, Post
from campaigns.plan import PlannedActivity
from campaigns.reach_numbers import Noted


@dataclass(frozen=True)
class Answering:
    """What a campaign is called and answers to, also after it has left the files."""

    name: str
    promises: tuple[str, ...]


@dataclass(frozen=True)
class Gathered:
    """All that a municipality's follow-ups are counted from, as of `now` (UTC)."""

    catalog: Catalog
    municipality: Municipality
    now: datetime
    posts: tuple[Post, ...]
    deliveries: Mapping[int, tuple[Delivery, ...]]  # by post
    signatures: Mapping[int, tuple[Approval, ...]]  # by post
    spread: Mapping[int, tuple[str, ...]]  # by content: the national campaigns that it spreads
    occurrences: Mapping[str, OccurrenceRow]
    activities: tuple[ActivityRow, ...]
    planned: tuple[PlannedActivity, ...]
    pauses: tuple[Pause, ...]
    campaigns: Mapping[str, Answering] = field(default_factory=dict)
    national_names: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)  # by campaign and step: risk dates
    noted: Mapping[int, Sequence[Noted]] = field(default_factory=dict)  # by post
    clicks: Mapping[int, Mapping[str, int]] = field(default_factory=dict)  # by post and channel

    def day_of(self, at: datetime) -> date:
        """The municipality's own calendar day at a moment."""
        return at.astimezone(self.municipality.zone).date()

    @property
    def today(self) -> date:
        return self.day_of(self.now)
