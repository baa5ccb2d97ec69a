"""What Standard Webhooks 1.0 (standardwebhooks.com) asks of a message: its id, its body, its signature.

    webhook-id         the same for every try at a delivery; the receiver drops doubles by it
    webhook-timestamp  Unix seconds of this try, so that an old request cannot be played again
    webhook-signature  v1,<base64 of HMAC-SHA256 over "id.timestamp.body">, one for each secret, with a space between

The secret is `whsec_<base64>` of at least 24 bytes. To change it without a stop, give both, the new one first, with a
space between, until every receiver knows the new one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from campaigns.channels.base import NotSentError, Shipment
from campaigns.channels.credentials import CredentialError

MOST_BYTES = 20_000  # the specification's advice for a body
PREFIX = "whsec_"
SHORTEST_SECRET = 24  # bytes, by the specification


class Event(StrEnum):
    PUBLISHED = "post.published"
    CORRECTED = "post.corrected"
    WITHDRAWN = "post.withdrawn"


_ACTS = {Event.PUBLISHED: "msg", Event.CORRECTED: "corrected", Event.WITHDRAWN: "withdrawn"}


def message_id(key: str, event: Event = Event.PUBLISHED) -> str:
    """The webhook-id of a delivery: from its key and what it does, and without the full stops that part what is signed.

    That of a publication is also what corrections and withdrawals call it by.
    """
    return f"{_ACTS[event]}_{uuid5(NAMESPACE_URL, key).hex}"


def body_of(shipment: Shipment, event: Event = Event.PUBLISHED) -> bytes:
    """The body: the approved content, untouched, and what it belongs to. Raises NotSentError if it is too large.

    The same bytes for every try: `timestamp` is when the post was due, or its correction or withdrawal was ordered.
    Later ones therefore have a later `timestamp`. `item` is the webhook-id of the publication.
    """
    data: dict[str, Any] = {
        "key": shipment.key,
        "municipality": shipment.municipality,
        "channel": shipment.channel.id,
        "language": shipment.language,
        "page_url": shipment.page_url,
    }
    if event is not Event.PUBLISHED:
        data["item"] = item_of(shipment)
    if event is not Event.WITHDRAWN:
        data |= _content(shipment)
    body = json.dumps(
        {
            "type": event,
            "timestamp": shipment.due_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "data": data,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    if len(body) >= MOST_BYTES:
        raise NotSentError(
            f"Budskapet är för stort för en webhook: {len(body)} byte, och gränsen är {MOST_BYTES}. Korta texten.",
            is_permanent=True,
        )
    return body


def item_of(shipment: Shipment) -> str:
    """The webhook-id of the publication that a correction or a withdrawal is about. Raises NotSentError."""
    prefix, _, rest = shipment.reference.partition("_")
    if prefix != _ACTS[Event.PUBLISHED] or not (len(rest) == 32 and rest.isascii() and rest.isalnum()):
        raise NotSentError(
            "Det går inte att veta vilket budskap hos mottagaren som ska ändras. Gör det för hand där.",
            is_permanent=True,
        )
    return shipment.reference


def headers_of(identity: str, body: bytes, *, secrets: Sequence[bytes], now: datetime) -> dict[str, str]:
    """The headers for one try at `now`, signed once with each of `secrets`."""
    seconds = str(int(now.timestamp()))
    signed = b".".join((identity.encode(), seconds.encode(), body))
    marks = [base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets]
    return {
        "Content-Type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }


def keys(text: str) -> list[bytes]:
    """The signing keys in `text`, one or several with white space between. Raises CredentialError if any is wrong."""
    return [_key(secret.removeprefix(PREFIX)) for secret in text.split()]


def _content(shipment: Shipment) -> Mapping[str, Any]:
    try:
        found: dict[str, Any] = {"content": json.loads(shipment.payload)}
    except ValueError as error:
        raise NotSentError("Det godkända innehållet går inte att läsa.", is_permanent=True) from error
    picture = shipment.picture
    if picture is not None:
        found["picture"] = {
            "url": picture.url,
            "media_type": picture.media_type,
            "width": picture.width,
            "height": picture.height,
        }
    return found


def _key(text: str) -> bytes:
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) < SHORTEST_SECRET:
        raise CredentialError(
            f"Webhookens hemlighet ska vara ”{PREFIX}” följt av minst {SHORTEST_SECRET} byte i base64. Flera skiljs"
            " med mellanslag."
        )
    return found
