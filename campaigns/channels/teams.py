"""Microsoft Teams, by a workflow that starts "when a webhook request is received" and posts the card it gets.

The secret is the workflow's whole address: whoever has it can post. `url` is left out.

The answer (202, or another 2xx) says only that the flow has started. Whether the card came to be shown stands in the
flow's run history, so the outcome is "handed over". Nothing drops doubles and nothing can be asked afterwards: an
unknown outcome is a person's to settle.

The text is written in text runs (Adaptive Cards 1.2), where Teams reads no Markdown: what was signed is what is shown.
A message may be 28 kB; ours are refused above 25 kB, since less than 28 has been seen to fail. Four a second are
taken. That the answer's x-ms-workflow-run-id names the run in the history is unconfirmed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import Environment, NotSentError, Outcome, Pace, Picture, Receipt, Shipment
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.channels.http import accepted, call
from campaigns.channels.settings_only import SettingsOnly, prove_settings
from campaigns.channels.social import picture_of
from campaigns.content import RIGHT_TO_LEFT, Content

MOST_BYTES = 25_000
PACE = Pace(per_minute=240, burst=4)

_ADDRESS = re.compile(r"https?://[!-~]+")
_RUN = re.compile(r"[A-Za-z0-9-]{8,100}")


@dataclass(frozen=True)
class Teams(SettingsOnly):
    environment: Environment
    kind: str = "teams"
    is_local: bool = False
    is_idempotent: bool = False
    can_find: bool = False
    pace: Pace | None = PACE

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        channel = shipment.channel
        address = self._address(channel)
        body = body_of(shipment.content, picture_of(shipment))
        made = uuid5(NAMESPACE_URL, f"{shipment.key}#{shipment.attempt}").hex
        shipment.note(made)
        response = call(
            "POST",
            address,
            environment=self.environment,
            channel=channel,
            headers={"Content-Type": "application/json"},
            body=body,
        )
        if response.status == 404:
            raise NotSentError(
                "Arbetsflödet i Teams finns inte längre. Skapa ett nytt och lägg dess adress i kanalens secret.",
                is_permanent=False,
                stops_channel=True,
            )
        accepted(response, now=now)
        run = response.headers.get("x-ms-workflow-run-id", "")
        return Receipt(Outcome.HANDED_OVER, run if _RUN.fullmatch(run) else made)

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:  # noqa: ARG002 - the protocol's
        return prove_settings(self._address(channel), channel=channel, environment=self.environment)

    def _address(self, channel: ChannelConfig) -> str:
        """The workflow's. Raises CredentialError."""
        if not channel.secret:
            raise CredentialError("Teams måste ha secret: arbetsflödets hela adress.")
        address = resolve(channel.secret, environ=self.environment.environ)
        if not _ADDRESS.fullmatch(address):
            raise CredentialError("Kanalens secret ska vara arbetsflödets hela adress, som börjar med https://.")
        return address


def body_of(content: Content, picture: Picture | None) -> bytes:
    """The message with its card. Raises NotSentError if it is too large."""
    card = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None}
    message = {"type": "message", "attachments": [{**card, "content": card_of(content, picture)}]}
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > MOST_BYTES:
        raise NotSentError(
            f"Budskapet är för stort för Teams: {len(body)} byte, och gränsen är {MOST_BYTES}. Korta brödtexten.",
            is_permanent=True,
        )
    return body


def card_of(content: Content, picture: Picture | None) -> dict[str, Any]:
    """The content as an Adaptive Card: heading, picture, each line of the text, and a button for the link."""
    is_right = content.language in RIGHT_TO_LEFT
    heading = {"type": "TextRun", "text": content.title, "size": "large", "weight": "bolder"}
    body = [_block(heading, is_right=is_right, spacing="default")]
    if picture is not None:
        body.append({"type": "Image", "url": picture.url, "altText": content.alt, "size": "stretch"})
    for paragraph in content.plain().text.split("\n\n"):
        for index, line in enumerate(paragraph.splitlines()):
            run = {"type": "TextRun", "text": line}
            body.append(_block(run, is_right=is_right, spacing="none" if index else "medium"))
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "lang": content.language,
        "body": body,
    }
    if content.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": content.link, "url": content.link}]
    return card


def _block(run: dict[str, str], *, is_right: bool, spacing: str) -> dict[str, Any]:
    block = {"type": "RichTextBlock", "spacing": spacing, "inlines": [run]}
    return {**block, "horizontalAlignment": "right"} if is_right else block
