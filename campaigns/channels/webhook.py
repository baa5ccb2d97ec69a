"""A signed webhook after Standard Webhooks 1.0 (standardwebhooks.com): the way into any system that can receive one.

    webhook-id         the same for every try at a delivery; the receiver drops doubles by it
    webhook-timestamp  Unix seconds of this try, so that an old request cannot be played again
    webhook-signature  v1,<base64 of HMAC-SHA256 over "id.timestamp.body">, one for each secret, with a space between

The secret is `whsec_<base64>` of at least 24 bytes. To change it without a stop, give both, the new one first, with a
space between, until every receiver knows the new one.

The body is the same bytes for every try: its `timestamp` is when the post was due, not when it was tried. Only 2xx is
success. 410 says that the receiver is gone and stops the channel. What is unknown is repeated, with the same id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from campaigns.channels.base import Environment, NotSentError, Outcome, Pace, Receipt, Shipment
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.channels.http import accepted, call

EVENT = "post.published"
MOST_BYTES = 20_000  # the specification's advice for a body
PREFIX = "whsec_"
SHORTEST_SECRET = 24  # bytes, by the specification


@dataclass(frozen=True)
class Webhook:
    environment: Environment
    kind: str = "webhook"
    is_local: bool = False
    is_idempotent: bool = True
    can_find: bool = False
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        channel = shipment.channel
        if not (channel.url and channel.secret):
            raise CredentialError("Webhooken måste ha både url och secret.")
        body = body_of(shipment)
        secrets = keys(resolve(channel.secret, environ=self.environment.environ))
        headers = headers_of(message_id(shipment.key), body, secrets=secrets, now=now)
        response = call("POST", channel.url, environment=self.environment, channel=channel, headers=headers, body=body)
        accepted(response, now=now)
        return Receipt(Outcome.HANDED_OVER, reference=message_id(shipment.key))


def message_id(key: str) -> str:
    """The webhook-id of a delivery: from its key alone, and without the full stops that part what is signed."""
    return f"msg_{uuid5(NAMESPACE_URL, key).hex}"


def body_of(shipment: Shipment) -> bytes:
    """The body: the approved content, untouched, and what it belongs to. Raises NotSentError if it is too large."""
    try:
        content = json.loads(shipment.payload)
    except ValueError as error:
        raise NotSentError("Det godkända innehållet går inte att läsa.", is_permanent=True) from error
    body = json.dumps(
        {
            "type": EVENT,
            "timestamp": shipment.due_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "data": {
                "key": shipment.key,
                "municipality": shipment.municipality,
                "channel": shipment.channel.id,
                "language": shipment.language,
                "page_url": shipment.page_url,
                "content": content,
            },
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
