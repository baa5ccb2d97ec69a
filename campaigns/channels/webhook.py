"""A signed webhook after Standard Webhooks 1.0: the way into any system that can receive one. See signing.py.

One POST for each event: `post.published`, `post.corrected` and `post.withdrawn`. Each has a webhook-id of its own, the
same over its tries. A correction carries the whole new content; it and a withdrawal name in `data.item` the webhook-id
of the publication that they are about.

Only 2xx is success. 410 says that the receiver is gone and stops the channel. What is unknown is repeated, with the
same id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import Environment, Outcome, Pace, Receipt, Shipment
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.channels.http import accepted, call
from campaigns.channels.settings_only import SettingsOnly, prove_settings
from campaigns.channels.signing import Event, body_of, headers_of, item_of, keys, message_id


@dataclass(frozen=True)
class Webhook(SettingsOnly):
    environment: Environment
    kind: str = "webhook"
    is_local: bool = False
    is_idempotent: bool = True
    can_find: bool = False
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        self._post(shipment, Event.PUBLISHED, now=now)
        return Receipt(Outcome.HANDED_OVER, reference=message_id(shipment.key))

    def correct(self, shipment: Shipment, *, now: datetime) -> Receipt:
        self._post(shipment, Event.CORRECTED, now=now)
        return Receipt(Outcome.HANDED_OVER, reference=item_of(shipment))

    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        self._post(shipment, Event.WITHDRAWN, now=now)

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:  # noqa: ARG002 - the protocol's
        url, _ = self._settings(channel)
        return prove_settings(url, channel=channel, environment=self.environment)

    def _settings(self, channel: ChannelConfig) -> tuple[str, list[bytes]]:
        """Where to, and the signing keys. Raises CredentialError."""
        if not (channel.url and channel.secret):
            raise CredentialError("Webhooken måste ha både url och secret.")
        return channel.url, keys(resolve(channel.secret, environ=self.environment.environ))

    def _post(self, shipment: Shipment, event: Event, *, now: datetime) -> None:
        channel = shipment.channel
        url, secrets = self._settings(channel)
        body = body_of(shipment, event)
        headers = headers_of(message_id(shipment.key, event), body, secrets=secrets, now=now)
        response = call(
            "POST",
            url,
            environment=self.environment,
            channel=channel,
            headers=headers,
            body=body,
            lines=shipment.lines,
        )
        accepted(response, now=now)
