"""How a post's text looks in each of its channels, as cards for a page. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from campaigns.catalog import Municipality
from campaigns.content import SWEDISH, Content


class Look(StrEnum):
    """What of a text a kind of channel shows, and how."""

    PAGE = "page"  # heading and text
    SCREEN = "screen"  # heading and short text, large
    FEED = "feed"  # short text and link
    SMS = "sms"  # short text alone
    MAIL = "mail"  # subject and text
    TASK = "task"  # to copy by hand


_LOOKS = {
    "skarm": Look.SCREEN,
    "manuell": Look.TASK,
    "smtp": Look.MAIL,
    "sms": Look.SMS,
    **dict.fromkeys(("facebook", "instagram", "linkedin", "mastodon", "bluesky"), Look.FEED),
}


@dataclass(frozen=True)
class Card:
    """One channel in one language. `width` and `height` are of its picture, in pixels; 0 without one."""

    channel: str
    name: str
    language: str
    look: Look
    content: Content
    instructions: str = ""
    width: int = 0
    height: int = 0

    @property
    def is_swedish(self) -> bool:
        return self.language == SWEDISH


@dataclass(frozen=True)
class Shown:
    """What a channel gets in one language, whether rendered just now or signed earlier."""

    channel: str
    language: str
    content: Content
    width: int = 0
    height: int = 0


def cards(municipality: Municipality, pieces: Iterable[Shown]) -> tuple[Card, ...]:
    """A card for each piece. A channel that has left the municipality's file is shown as a page, under its id."""
    known = {channel.id: channel for channel in municipality.channels}
    found = []
    for piece in pieces:
        channel = known.get(piece.channel)
        found.append(
            Card(
                piece.channel,
                channel.name if channel else piece.channel,
                piece.language,
                _LOOKS.get(channel.kind, Look.PAGE) if channel else Look.PAGE,
                piece.content,
                channel.instructions if channel else "",
                piece.width,
                piece.height,
            )
        )
    return tuple(found)
