"""The ways out. A new channel is one file here and one line in KINDS; tests/contracts.py says what it must keep."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from campaigns.channels.base import Channel
from campaigns.channels.base import Environment as Environment
from campaigns.channels.manuell import Manuell
from campaigns.channels.skarm import Skarm
from campaigns.channels.webb import Webb
from campaigns.channels.webhook import Webhook

# The kinds that a municipality's file may name, and how each is made.
KINDS: dict[str, Callable[[Environment], Channel]] = {
    "webb": lambda _: Webb(),
    "skarm": lambda _: Skarm(),
    "manuell": lambda _: Manuell(),
    "webhook": Webhook,
}


@lru_cache(maxsize=256)
def can(kind: str, what: type) -> bool:
    """Whether channels of `kind` keep the protocol `what`: Withdrawing, Correcting, Probing or Rehearsing."""
    return kind in KINDS and isinstance(KINDS[kind](Environment(environ={})), what)


def build(environment: Environment) -> dict[str, Channel]:
    """Every channel by its kind. Asks for no secret: one that is missing stops its own channel only, when it sends."""
    return {kind: make(environment) for kind, make in KINDS.items()}
