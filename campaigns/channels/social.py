"""What the channels of the large social networks have in common: the text, the picture, the token, the addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import Environment, NotSentError, Picture, Shipment
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.content import Content

_BASE = re.compile(r"https?://[^\s?#@\\]+")
# After RFC 3986 section 2, and without quotes: it is written into pages, mails and terminals.
_PUBLIC = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9\-._~:/?#\[\]@!$&()*+,;=%]*)?")


def text_of(content: Content, *, most: int) -> str:
    """What is posted: the short text, a blank line, the link. Raises NotSentError above `most` characters."""
    text = f"{content.short}\n\n{content.link}".strip()
    if len(text) > most:
        raise NotSentError(
            f"Den korta texten är med länken {len(text)} tecken, och gränsen är {most}. Korta den.", is_permanent=True
        )
    return text


def words(text: str) -> list[str]:
    """`text` without its white space, which the networks may trim: what a look-up compares by."""
    return text.split()


def picture_of(shipment: Shipment) -> Picture | None:
    """The picture, or None if the content has none. Raises NotSentError if the content has one that is not there."""
    if shipment.content.image and shipment.picture is None:
        raise NotSentError("Bilden som hör till budskapet finns inte kvar. Lägg in den på nytt.", is_permanent=True)
    return shipment.picture


def token_header(channel: ChannelConfig, *, environment: Environment) -> dict[str, str]:
    """The header that says who we are. Raises CredentialError."""
    if not (channel.account and channel.secret):
        raise CredentialError(f"Kanalen ”{channel.id}” måste ha både account och secret.")
    token = resolve(channel.secret, environ=environment.environ)
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise CredentialError("Kanalens åtkomstnyckel är inte en hel rad utan mellanslag. Lägg in den på nytt.")
    return {"Authorization": f"Bearer {token}"}


def base_of(channel: ChannelConfig, default: str) -> str:
    """The API's address without a last slash: the channel's `url`, or `default`. Raises NotSentError."""
    base = channel.url or default
    if not _BASE.fullmatch(base):
        raise NotSentError(
            "Kanalens url ska vara API:ets adress utan frågetecken, eller saknas.",
            is_permanent=False,
            stops_channel=True,
        )
    return base.rstrip("/")


def setting(value: str, pattern: str, *, told: str) -> str:
    """`value` if it has the form of `pattern`. Raises NotSentError, which says `told` and stops the channel."""
    if not re.fullmatch(pattern, value):
        raise NotSentError(told, is_permanent=False, stops_channel=True)
    return value


def shown_address(value: object, *, or_http: bool = False) -> str:
    """An address from an answer if people can be led there, otherwise nothing. `or_http`: also one without TLS."""
    if not (isinstance(value, str) and len(value) <= 2000 and _PUBLIC.fullmatch(value)):
        return ""
    return value if or_http or value.startswith("https:") else ""


def shown_name(value: object) -> str:
    """A name from an answer as it can stand in a sentence: printable, on one line, and at most 100 characters."""
    text = value if isinstance(value, str) else ""
    return "".join(sign for sign in text if sign.isprintable())[:100].strip() or "utan namn"


def counts_of(told: Mapping[str, object]) -> dict[str, int]:
    """Those of the values from an answer that can be counts of something, by the same names."""
    return {
        name: value
        for name, value in told.items()
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0
    }


def inside(found: object, *keys: str) -> object:
    """What lies under `keys` in an answer, each within the one before, or None."""
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found
