"""The configuration as checked values: municipalities, campaigns, audiences, promises, facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

from campaigns.errors import NotFoundError, suggestion
from campaigns.occurrences import ExtraDate, LocalDate, Place
from campaigns.plan import Campaign
from campaigns.promises import Promise as Promise
from campaigns.rules import RiskDate


@dataclass(frozen=True)
class Audience:
    id: str
    name: str
    description: str = ""


@dataclass(frozen=True)
class National:
    """What is known of a national campaign. `link` is its own page, "" where nobody has found it.

    Without `audiences` or `risk_dates` it is for all of them. `valid_from` is its first day, where that is known.
    """

    name: str
    owner: str = ""
    audiences: tuple[str, ...] = ()
    risk_dates: tuple[str, ...] = ()
    link: str = ""
    valid_from: date | None = None
    is_closed: bool = False


@dataclass(frozen=True)
class Fact:
    """Something that texts rest on and that ages. Unconfirmed or run-out facts block approval."""

    id: str
    kind: str
    text: str
    source: str
    checked_on: date
    valid_until: date
    is_confirmed: bool
    note: str = ""
    national: National | None = None  # of a national campaign

    @property
    def is_closed(self) -> bool:
        return self.national is not None and self.national.is_closed


@dataclass(frozen=True)
class Party:
    """Who must sign. An empty `people` lets anybody with a name sign as the party; otherwise only those listed."""

    id: str
    name: str
    people: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChannelConfig:
    """A municipality's use of one channel. `secret` is a reference (`env:` or `file:`), never the secret.

    What the rest means is each channel's own: `account` is who posts (a user, a page, an organisation), `sender` whom
    it comes from, `recipients` addresses by their ids. `per_minute` and `at_once` bound the sending where they are set.
    """

    id: str
    kind: str
    name: str
    languages: tuple[str, ...]
    url: str | None = None
    secret: str | None = None
    allow_private_addresses: bool = False
    instructions: str = ""
    account: str | None = None
    sender: str | None = None
    recipients: Mapping[str, str] = field(default_factory=dict)
    unsubscribe: str | None = None
    api_version: str | None = None
    per_minute: int | None = None
    at_once: int = 1


@dataclass(frozen=True)
class ReminderRole:
    """Somebody on the staff who is reminded, and where. `kinds` are topics: none means all but escalation.

    `parties` narrows what is about signing to what those parties have not signed. `email` is an address, `apprise` a
    reference (`env:` or `file:`) to one that holds secrets, `escalate_to` the role of the second named person.
    """

    role: str
    kinds: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    email: str | None = field(default=None, repr=False)
    apprise: str | None = None
    escalate_to: str | None = None


@dataclass(frozen=True)
class Retention:
    """How many days what nobody counts from is kept. None: for good, until the municipality has decided."""

    texts: int | None = None
    contents: int | None = None
    attempts: int | None = None
    reminders: int | None = None


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: one object per reading of the files
class Municipality:
    id: str
    name: str
    short_name: str
    code: str
    zone: ZoneInfo
    police_area: str
    website: str
    languages: tuple[str, ...]
    parties: tuple[Party, ...]
    promises: tuple[str, ...]
    channels: tuple[ChannelConfig, ...]
    risk_dates: tuple[RiskDate, ...]
    places: Mapping[str, tuple[Place, ...]]
    local_dates: tuple[LocalDate, ...]
    extra_dates: tuple[ExtraDate, ...]
    reminders: tuple[ReminderRole, ...] = ()
    count_clicks_at: str = ""  # the address that short links begin with; empty: no clicks are counted
    keep_days: Retention = Retention()

    @cached_property
    def channel_ids(self) -> tuple[str, ...]:
        return tuple(channel.id for channel in self.channels)

    @cached_property
    def party_names(self) -> dict[str, str]:
        return {party.id: party.name for party in self.parties}

    @cached_property
    def recipes(self) -> dict[str, str]:
        return {extra.id: extra.campaign for extra in self.extra_dates if extra.campaign}

    def channel(self, channel_id: str) -> ChannelConfig:
        for channel in self.channels:
            if channel.id == channel_id:
                return channel
        raise NotFoundError(f"{self.name} har ingen kanal ”{channel_id}”. {suggestion(channel_id, self.channel_ids)}")

    def party(self, party_id: str) -> Party:
        for party in self.parties:
            if party.id == party_id:
                return party
        names = [party.id for party in self.parties]
        raise NotFoundError(f"{self.name} har ingen part ”{party_id}”. {suggestion(party_id, names)}")


@dataclass(frozen=True, eq=False)
class Catalog:
    """All configuration, checked as a whole."""

    risk_dates: Mapping[str, RiskDate]
    audiences: Mapping[str, Audience]
    channels: Mapping[str, str]
    promises: Mapping[str, Promise]
    facts: Mapping[str, Fact]
    campaigns: Mapping[str, Campaign]
    municipalities: Mapping[str, Municipality]
    fingerprint: str = ""  # of the files' bytes: another when any of them has changed

    @property
    def languages(self) -> frozenset[str]:
        """Every language that some municipality writes in."""
        return frozenset(language for item in self.municipalities.values() for language in item.languages)

    def municipality(self, municipality_id: str) -> Municipality:
        return _named(self.municipalities, municipality_id, "kommun")

    def campaign(self, campaign_id: str) -> Campaign:
        return _named(self.campaigns, campaign_id, "kampanj")

    def audience(self, audience_id: str) -> Audience:
        return _named(self.audiences, audience_id, "målgrupp")

    def promises_of(self, municipality: Municipality) -> list[Promise]:
        """What the municipality has promised, in the order of its file."""
        every = (self.promises[name] for name in municipality.promises)
        return [item for item in every if municipality.id in item.municipalities]


N = TypeVar("N")


def _named(items: Mapping[str, N], name: str, what: str) -> N:
    if name not in items:
        raise NotFoundError(f"Det finns ingen {what} ”{name}”. {suggestion(name, items)}")
    return items[name]
