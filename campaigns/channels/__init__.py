"""The ways out. A new channel is one file here and one line in KINDS; tests/contracts.py says what it must keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from campaigns.channels.base import Channel
from campaigns.channels.base import Environment as Environment
from campaigns.channels.bluesky import Bluesky
from campaigns.channels.facebook import Facebook
from campaigns.channels.instagram import Instagram
from campaigns.channels.linkedin import LinkedIn
from campaigns.channels.manuell import Manuell
from campaigns.channels.mastodon import Mastodon
from campaigns.channels.sitevision import Sitevision
from campaigns.channels.skarm import Skarm
from campaigns.channels.sms import Sms
from campaigns.channels.smtp import Smtp
from campaigns.channels.teams import Teams
from campaigns.channels.webb import Webb
from campaigns.channels.webhook import Webhook
from campaigns.channels.wordpress import WordPress

# The kinds that a municipality's file may name, and how each is made.
KINDS: dict[str, Callable[[Environment], Channel]] = {
    "webb": lambda _: Webb(),
    "skarm": lambda _: Skarm(),
    "manuell": lambda _: Manuell(),
    "webhook": Webhook,
    "sitevision": Sitevision,
    "smtp": Smtp,
    "sms": Sms,
    "wordpress": WordPress,
    "facebook": Facebook,
    "instagram": Instagram,
    "linkedin": LinkedIn,
    "mastodon": Mastodon,
    "bluesky": Bluesky,
    "teams": Teams,
}


@lru_cache(maxsize=256)
def can(kind: str, what: type) -> bool:
    """Whether channels of `kind` keep the protocol `what`: Withdrawing, Correcting, Probing, Rehearsing or Counting."""
    return kind in KINDS and isinstance(KINDS[kind](Environment(environ={})), what)


@lru_cache(maxsize=256)
def is_outside(kind: str) -> bool:
    """Whether what goes to channels of `kind` leaves this machine."""
    return kind in KINDS and not KINDS[kind](Environment(environ={})).is_local


def repeatable(made: Mapping[str, Channel]) -> list[str]:
    """The kinds where a repeat is harmless, or is first looked for."""
    return sorted(kind for kind, channel in made.items() if channel.is_idempotent or channel.can_find)


def build(environment: Environment) -> dict[str, Channel]:
    """Every channel by its kind. Asks for no secret: one that is missing stops its own channel only, when it sends."""
    return {kind: make(environment) for kind, make in KINDS.items()}
