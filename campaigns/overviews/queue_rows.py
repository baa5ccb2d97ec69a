"""A delivery as people see it: what it is called, where it stands, when, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.catalog import Catalog, ChannelConfig, Municipality
from campaigns.content import Content
from campaigns.errors import TemplateError
from campaigns.models import Act, Delivery, DeliveryState, Post
from campaigns.overviews.queue_acts import Choice, choices_for
from campaigns.post_names import post_name
from campaigns.swedish import DELIVERY_STATES, moment

# The picture and the colour beside each word. The word says it all: neither carries anything alone.
LOOKS: dict[str, tuple[str, str]] = {
    DeliveryState.QUEUED: ("klocka", "wait"),
    DeliveryState.SENDING: ("pil", "wait"),
    DeliveryState.PUBLISHED: ("bock", "good"),
    DeliveryState.HANDED_OVER: ("bock", "good"),
    DeliveryState.MANUAL: ("hand", "wait"),
    DeliveryState.UNKNOWN: ("fraga", "urgent"),
    DeliveryState.FAILED: ("kryss", "urgent"),
    DeliveryState.SKIPPED: ("streck", "quiet"),
    DeliveryState.MISSED: ("paus", "urgent"),
    DeliveryState.STOPPED: ("stopp", "quiet"),
    DeliveryState.WITHDRAWN: ("tillbaka", "quiet"),
    DeliveryState.REPLACED: ("tillbaka", "quiet"),
}
_ACT_WORDS = {Act.WITHDRAW: "Tillbakadragande", Act.CORRECT: "Rättelse"}


@dataclass(frozen=True)
class Copyable:
    """A text to copy, and what it is."""

    id: str
    label: str
    text: str
    is_long: bool = False


@dataclass(frozen=True)
class Row:
    """One delivery. `when` is a sentence about time, `act_word` says what it does where it does not publish."""

    id: int
    post_id: int
    name: str
    title: str
    channel: str
    recipient: str
    language: str
    state: str
    word: str
    icon: str
    tone: str
    act_word: str
    when: str
    url: str
    reason: str
    choices: Sequence[Choice]
    channel_page: str
    instructions: str
    texts: Sequence[Copyable]

    def can(self, act: str) -> bool:
        return any(item.act == act and item.is_possible for item in self.choices)


def row_of(
    catalog: Catalog,
    municipality: Municipality,
    delivery: Delivery,
    post: Post,
    payload: bytes,
    version: int,
    *,
    now: datetime,
    can_undo: bool = False,
) -> Row:
    """The delivery with its post, the payload of its content and that one's version."""
    assert delivery.id is not None
    channel = next((item for item in municipality.channels if item.id == delivery.channel), None)
    content = content_of(payload)
    icon, tone = LOOKS[delivery.state]
    is_current = version == post.content_version
    is_task = delivery.state == DeliveryState.MANUAL
    return Row(
        id=delivery.id,
        post_id=delivery.post_id,
        name=post_name(catalog, post),
        title=content.title if content else "",
        channel=channel.name if channel else delivery.channel,
        recipient=delivery.recipient,
        language="" if delivery.language == "sv" else delivery.language,
        state=delivery.state,
        word=_word(delivery),
        icon=icon,
        tone=tone,
        act_word=_ACT_WORDS.get(Act(delivery.act), ""),
        when=_when(delivery, municipality, now=now),
        url=delivery.url,
        reason=delivery.reason,
        choices=choices_for(delivery, post, is_current=is_current, can_undo=can_undo, now=now),
        channel_page=channel_page(municipality, channel) if channel else "",
        instructions=channel.instructions if channel and is_task else "",
        texts=copyables(content) if content and is_task else (),
    )


def _word(delivery: Delivery) -> str:
    if delivery.act == Act.WITHDRAW and delivery.state == DeliveryState.QUEUED:
        return "Ska dras tillbaka"
    if delivery.act == Act.WITHDRAW and delivery.state == DeliveryState.SENDING:
        return "Dras tillbaka"
    return DELIVERY_STATES[delivery.state]


def _when(delivery: Delivery, municipality: Municipality, *, now: datetime) -> str:
    def told(at: datetime) -> str:
        return moment(at, municipality.zone)

    state = delivery.state
    if state == DeliveryState.QUEUED:
        again = f"Försök {delivery.attempts + 1}" if delivery.attempts else "Går ut"
        return f"{again} {told(delivery.next_attempt_at)}"
    if state == DeliveryState.SENDING:
        return f"Började skickas {told(delivery.changed_at)}"
    if state == DeliveryState.MANUAL:
        word = "Ska" if now < delivery.due_at else "Skulle"
        return f"{word} göras {told(delivery.due_at)}, senast {told(delivery.not_after)}"
    if state in (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER):
        return f"Gick ut {told(delivery.published_at or delivery.changed_at)}"
    if state in (DeliveryState.WITHDRAWN, DeliveryState.REPLACED):
        return f"{DELIVERY_STATES[state]} {told(delivery.changed_at)}"
    return f"Skulle gå ut {told(delivery.due_at)}"


def content_of(payload: bytes) -> Content | None:
    """The content that was signed, or None if it cannot be read."""
    try:
        return Content.from_bytes(payload)
    except TemplateError:
        return None


def copyables(content: Content) -> list[Copyable]:
    """What to paste where a person publishes: no markup, since such places show none."""
    plain = content.plain()
    found = [
        Copyable("amne", "Rubrik eller ämne", plain.subject),
        Copyable("kort", "Kort text", content.short),
        Copyable("text", "Hela texten", plain.text, is_long=True),
        Copyable("lank", "Länk", content.link),
        Copyable("alt", "Bildbeskrivning", content.alt),
    ]
    return [item for item in found if item.text]


# Where people look at what a channel of each kind has published.
_PAGES: dict[str, Callable[[Municipality, ChannelConfig], str]] = {
    "webb": lambda municipality, _: f"/sida/{municipality.id}",
    "skarm": lambda municipality, _: f"/skarm/{municipality.id}",
    "facebook": lambda _, channel: f"https://www.facebook.com/{channel.account}",
    "instagram": lambda _, __: "https://www.instagram.com/",
    "linkedin": lambda _, channel: f"https://www.linkedin.com/company/{(channel.account or '').rpartition(':')[2]}/",
    "bluesky": lambda _, channel: f"https://bsky.app/profile/{(channel.account or '').removeprefix('@')}",
    "mastodon": lambda _, channel: channel.url or "",
    "wordpress": lambda _, channel: channel.url or "",
    "sitevision": lambda municipality, _: municipality.website,
}


def channel_page(municipality: Municipality, channel: ChannelConfig) -> str:
    """The address of the channel as its readers see it, or "" where it has none."""
    address_of = _PAGES.get(channel.kind)
    found = address_of(municipality, channel) if address_of else ""
    return found if found.startswith(("/", "https://", "http://")) else ""
