"""E-mail to functional addresses: a list, a school's office. One mail for each delivery, and so for each address.

In the configuration `secret` is the server's address (see mail.py), `sender` is `Namn <adress>`, `recipients` are
addresses by their ids, and `unsubscribe` one or two ways out with a comma between: an https address that takes the POST
of RFC 8058 with no cookie and no redirect, and `mailto:`. The server's DKIM signature must cover both headers of that.

SMTP drops no doubles and answers no questions: an unknown outcome is a person's to settle, who can look for the
Message-ID in the server's log. It is made from the delivery's key, and Date is when the post was due: both are the same
for every try. Auto-Submitted (RFC 3834) is left out: people wrote and signed the text, and list servers such as Sympa
refuse mail that says it comes from a machine.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import NAMESPACE_URL, uuid5

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import Environment, NotSentError, Outcome, Pace, Picture, Receipt, Shipment
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.channels.mail import address_of, check_server, new_message, send_mail, set_header
from campaigns.channels.social import picture_of
from campaigns.content import RIGHT_TO_LEFT, Content

ONE_CLICK = "List-Unsubscribe=One-Click"
_WAY_OUT = re.compile(r"https://[A-Za-z0-9.-]+(?::\d{1,5})?/[^\s<>,\"\\]*|mailto:[^\s<>,\"\\]+@[^\s<>,\"\\]+")


@dataclass(frozen=True)
class Smtp:
    environment: Environment
    kind: str = "smtp"
    is_local: bool = False
    is_idempotent: bool = False
    can_find: bool = False
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:  # noqa: ARG002 - the protocol's
        channel = shipment.channel
        server = self._server(channel)
        recipient = channel.recipients.get(shipment.recipient)
        if recipient is None:
            raise NotSentError("Mottagaren finns inte längre bland kanalens recipients.", is_permanent=True)
        message = message_of(shipment, recipient=recipient)
        reference = str(message["Message-ID"])
        shipment.note(reference)
        send_mail(
            server,
            message,
            recipient=recipient,
            environment=self.environment,
            allow_private=channel.allow_private_addresses,
        )
        return Receipt(Outcome.HANDED_OVER, reference=reference)

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:  # noqa: ARG002 - the protocol's
        server = self._server(channel)
        sender = sender_of(channel)
        for recipient in channel.recipients.values():
            address_of(recipient)
        unsubscribe_headers(channel)
        place = check_server(server, environment=self.environment, allow_private=channel.allow_private_addresses)
        many = len(channel.recipients)
        to = "en adress" if many == 1 else f"{many} adresser"
        return f"Kanalen skickar genom {place.told}, från {sender.addr_spec} till {to}."

    def _server(self, channel: ChannelConfig) -> str:
        if not (channel.secret and channel.sender and channel.recipients):
            raise CredentialError("E-postkanalen måste ha secret, sender och recipients.")
        return resolve(channel.secret, environ=self.environment.environ)


def message_of(shipment: Shipment, *, recipient: str) -> EmailMessage:
    """The mail: the whole content as text and as HTML, with its picture in the HTML."""
    channel, content = shipment.channel, shipment.content
    sender = sender_of(channel)
    picture = picture_of(shipment)
    message = new_message()
    set_header(message, "From", sender)
    set_header(message, "To", address_of(recipient))
    set_header(message, "Subject", content.title.strip())
    set_header(message, "Date", format_datetime(shipment.due_at.astimezone(UTC)))
    set_header(message, "Message-ID", f"<{uuid5(NAMESPACE_URL, shipment.key)}@{sender.domain}>")
    set_header(message, "List-Id", f"<{shipment.recipient}.{channel.id}.{sender.domain}>")
    for name, value in unsubscribe_headers(channel).items():
        set_header(message, name, value)
    # Quoted-printable: lines of any length and letters of any alphabet go through any server.
    message.set_content(_text(content), cte="quoted-printable")
    message.add_alternative(_page(content, picture), subtype="html", cte="quoted-printable")
    if picture is not None:
        kind, _, subtype = picture.media_type.partition("/")
        *_, page = message.iter_parts()
        assert isinstance(page, EmailMessage)
        page.add_related(picture.data, kind, subtype, cid=f"<{_PICTURE}>", disposition="inline")
    # Last: when parts are added, Content- headers move into the first.
    set_header(message, "Content-Language", content.language)
    return message


def sender_of(channel: ChannelConfig) -> Address:
    return address_of(channel.sender or "")


def unsubscribe_headers(channel: ChannelConfig) -> dict[str, str]:
    """List-Unsubscribe (RFC 2369), with List-Unsubscribe-Post (RFC 8058) where there is an https address for it."""
    ways = [way.strip().strip("<>") for way in (channel.unsubscribe or "").split(",") if way.strip()]
    if not ways:
        return {}
    if not all(_WAY_OUT.fullmatch(way) and way.isascii() for way in ways):
        raise NotSentError(
            "Kanalens unsubscribe ska vara en https-adress, mailto: med en adress, eller båda med komma mellan.",
            is_permanent=False,
            stops_channel=True,
        )
    headers = {"List-Unsubscribe": ", ".join(f"<{way}>" for way in ways)}
    if any(way.startswith("https:") for way in ways):
        headers["List-Unsubscribe-Post"] = ONE_CLICK
    return headers


_PICTURE = "bild@kampanjhjulet"


def _text(content: Content) -> str:
    parts = [content.plain().text]
    if content.image:
        parts.insert(0, f"[Bild: {content.alt}]")
    if content.link and content.link not in parts[-1]:
        parts.append(content.link)
    return "\n\n".join(parts)


def _page(content: Content, picture: Picture | None) -> str:
    if picture is None:
        return letter(content)
    alt = html.escape(content.alt)
    return letter(content, picture=f'<img src="cid:{_PICTURE}" alt="{alt}" style="max-width: 100%; height: auto">')


def letter(content: Content, *, picture: str = "", head: str = "") -> str:
    """The mail's HTML, with the markup of its picture. `head` is markup for where it is shown and not sent."""
    direction = "rtl" if content.language in RIGHT_TO_LEFT else "ltr"
    body = content.html()
    parts = [f"<p>{picture}</p>", body] if picture else [body]
    link = html.escape(content.link)
    if link and link not in body:
        parts.append(f'<p><a href="{link}">{link}</a></p>')
    return "\n".join(
        (
            f'<!DOCTYPE html>\n<html lang="{html.escape(content.language)}" dir="{direction}">',
            f'<head><meta charset="utf-8"><title>{html.escape(content.title)}</title>{head}</head>',
            "<body>",
            *parts,
            "</body>\n</html>",
        )
    )
