"""Sitevision, and any system where somebody can write a receiver: our own contract, signed as a webhook.

Sitevision's REST API differs from site to site, so the municipality's supplier puts up a small RESTApp that keeps this:

    PUT     <url>/items/<item>   put the item there, or in the place of what it was: a form with one field, `payload`
    GET     <url>/items/<item>   what it is now
    DELETE  <url>/items/<item>   take it away; away already is done

Each answers 200 with JSON `{"state": …, "url": …}`. `state` is `published` (then `url` is where), `draft` if an editor
publishes it there, `removed` if it was taken away, by us or by an editor, and `missing`, with the status 404, if it
never came. What was removed is not put there again: PUT then answers `removed` too. A PUT whose `timestamp` is not
later than that of what is there changes nothing.

`payload` is the JSON of signing.py, and it, not the form around it, is what is signed: a RESTApp is given the fields of
a body and never its bytes (developer.sitevision.se/docs/restapps/sdk/request). GET and DELETE have none, and sign the
empty text. The signature holds the webhook-id too, and the two name the rest: a PUT's item is its `data.item`, or for
`post.published` the webhook-id itself; for the others the webhook-id is `get_<item>` and `delete_<item>`. A receiver
that checks this cannot be made to do another thing by what it was sent before.

The contract is ours, and no answer of a real Sitevision has been seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import (
    Environment,
    NotSentError,
    Outcome,
    Pace,
    Receipt,
    Shipment,
    UnknownOutcomeError,
)
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.channels.http import accepted, call
from campaigns.channels.signing import Event, body_of, headers_of, item_of, keys, message_id
from campaigns.channels.social import shown_address

PROBED = "msg_00000000000000000000000000000000"  # of no delivery

_OUTCOMES = {"published": Outcome.PUBLISHED, "draft": Outcome.HANDED_OVER}
_STATES = frozenset({*_OUTCOMES, "removed", "missing"})


@dataclass(frozen=True)
class _Item:
    state: str
    url: str = ""


@dataclass(frozen=True)
class Sitevision:
    environment: Environment
    kind: str = "sitevision"
    is_local: bool = False
    is_idempotent: bool = True
    can_find: bool = True
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        item = message_id(shipment.key)
        payload = body_of(shipment)
        if shipment.maybe_sent:
            found = self._earlier(shipment.channel, item, now)
            if found.state != "missing":
                return _receipt(item, found)
        shipment.note(item)
        return _receipt(item, self._put(shipment.channel, item, item, payload, now))

    def correct(self, shipment: Shipment, *, now: datetime) -> Receipt:
        item = item_of(shipment)
        identity = message_id(shipment.key, Event.CORRECTED)
        return _receipt(item, self._put(shipment.channel, item, identity, body_of(shipment, Event.CORRECTED), now))

    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        found = self._ask("DELETE", shipment.channel, item_of(shipment), now=now)
        if found.state not in ("removed", "missing"):
            raise UnknownOutcomeError("Mottagaren säger inte att budskapet är borta. Kontrollera på webbplatsen.")

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        found = self._ask("GET", channel, PROBED, now=now)
        if found.state != "missing":
            raise NotSentError("Mottagaren säger sig ha ett budskap som aldrig har funnits.", is_permanent=False)
        return "Mottagaren svarar, och godtar vår signatur."

    def _earlier(self, channel: ChannelConfig, item: str, now: datetime) -> _Item:
        try:
            return self._ask("GET", channel, item, now=now)
        except NotSentError as error:
            if not error.is_permanent:
                raise
            told = f"{error.message} Det är osäkert om ett tidigare försök gick ut."
            raise UnknownOutcomeError(told) from error

    def _put(self, channel: ChannelConfig, item: str, identity: str, payload: bytes, now: datetime) -> _Item:
        return self._ask("PUT", channel, item, identity=identity, payload=payload, now=now)

    def _ask(
        self, method: str, channel: ChannelConfig, item: str, *, now: datetime, identity: str = "", payload: bytes = b""
    ) -> _Item:
        if not (channel.url and channel.secret):
            raise CredentialError("Sitevision-kanalen måste ha både url och secret.")
        if "?" in channel.url or "#" in channel.url:
            raise CredentialError("Sitevision-kanalens url ska vara mottagarens adress, utan frågetecken.")
        secrets = keys(resolve(channel.secret, environ=self.environment.environ))
        headers = headers_of(identity or f"{method.lower()}_{item}", payload, secrets=secrets, now=now)
        response = call(
            method,
            f"{channel.url.rstrip('/')}/items/{item}",
            environment=self.environment,
            channel=channel,
            headers={**headers, "Content-Type": "application/x-www-form-urlencoded"},
            form={"payload": payload.decode()} if payload else None,
        )
        table = response.json()
        state, url = str(table.get("state")), shown_address(table.get("url"))
        if response.status == 404 and state == "missing":
            return _Item("missing")
        accepted(response, now=now)
        if state not in _STATES:
            raise UnknownOutcomeError(
                f"{response.host} svarade inte med budskapets läge. Det är osäkert om det gick ut."
            )
        return _Item(state, url)


def _receipt(item: str, found: _Item) -> Receipt:
    if found.state not in _OUTCOMES:
        raise NotSentError("Budskapet är borttaget på webbplatsen och läggs inte dit igen.", is_permanent=True)
    return Receipt(_OUTCOMES[found.state], reference=item, url=found.url)
