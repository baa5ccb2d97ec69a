"""A professional Instagram account (developers.facebook.com, Instagram Platform, Content Publishing).

`account` is the Instagram user's id, and the secret a token with instagram_basic and instagram_content_publish.

A post needs a picture, which Meta fetches from our public address. Sending is in two steps: a container that nobody
sees is made, noted, and looked at until it is FINISHED; then it is published by its id. A container is published once,
and says so: after an unknown outcome its status is PUBLISHED, or it surely is not out. One that is EXPIRED (24 hours)
or ERROR is replaced.

The receipt's reference is the container's id, which every try knows: the post's own id is lost with a lost answer. The
post's address is then found by its caption among the account's latest; without it the receipt has no address.

The totals of a post are found the same way (Instagram Platform, IG Media: `like_count` and `comments_count`, which are
those of the post itself and not of ads with it). Reading them also takes pages_read_engagement.

A published post cannot be taken back by this API as far as is confirmed: that is done by hand.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import (
    Environment,
    NotSentError,
    Outcome,
    Pace,
    Picture,
    Receipt,
    Shipment,
    UnknownOutcomeError,
)
from campaigns.channels.graph import BLOCK_WAIT, Graph, GraphError, Meaning, identity
from campaigns.channels.instagram_posts import MOST_CHARACTERS, address, caption_of, counted
from campaigns.channels.social import picture_of, shown_name

MOST_BYTES = 8_000_000
NARROWEST, WIDEST = 0.8, 1.91  # width by height
LOOKS = 5  # at a container, in one try

STATES = IN_PROGRESS, FINISHED, PUBLISHED, EXPIRED, ERROR = "IN_PROGRESS", "FINISHED", "PUBLISHED", "EXPIRED", "ERROR"

_RATIO = Meaning("bilden har fel proportioner. De ska vara mellan 4:5 och 1,91:1", is_permanent=True)
_FETCH = Meaning("Instagram kunde inte hämta bilden från vår adress. Kontrollera att den nås från internet")
_AGAIN = Meaning("Instagram är inte klart med bilden")
# developers.facebook.com, Instagram Platform, Error Codes.
SUBCODES = {
    2207003: _FETCH,
    2207052: _FETCH,
    2207004: Meaning("bilden är för stor, högst 8 MB går", is_permanent=True),
    2207005: Meaning("bilden har fel format. Bara JPEG går", is_permanent=True),
    2207009: _RATIO,
    36003: _RATIO,
    2207010: Meaning(f"texten är för lång, högst {MOST_CHARACTERS} tecken går. Korta den", is_permanent=True),
    2207042: Meaning("kontot har gjort så många inlägg som går på ett dygn", wait=BLOCK_WAIT),
    2207050: Meaning("kontot är begränsat. Logga in på Instagram och se varför", stops_channel=True),
    2207051: Meaning("Instagram har spärrat inlägg från kontot för stunden", wait=BLOCK_WAIT),
    **dict.fromkeys((2207008, 2207020, 2207027, 2207032), _AGAIN),
}
_SUBCODE = re.compile(r"\b(22[0-9]{5}|36003)\b")


@dataclass(frozen=True)
class Instagram:
    """`between_looks` is seconds between two looks at a container."""

    environment: Environment
    kind: str = "instagram"
    is_local: bool = False
    is_idempotent: bool = False
    can_find: bool = True
    pace: Pace | None = None
    between_looks: float = 3.0

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        graph = Graph(self.environment, shipment.channel, now, SUBCODES)
        container = identity(shipment.reference)  # it is noted before it is published, so without one nothing is out
        in_doubt = shipment.maybe_sent
        found = _state(graph, container, in_doubt=in_doubt) if container else {}
        if found.get("status_code") in (None, EXPIRED, ERROR):
            container, found, in_doubt = _make(graph, shipment), {"status_code": IN_PROGRESS}, False
        state = self._settled(graph, shipment, container, found, in_doubt=in_doubt)
        media = "" if state == PUBLISHED else _publish(graph, shipment, container)
        return Receipt(Outcome.PUBLISHED, container, address(graph, shipment, media))

    def count(self, shipment: Shipment, *, now: datetime) -> Mapping[str, int]:
        return counted(Graph(self.environment, shipment.channel, now, SUBCODES), shipment)

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        graph = Graph(self.environment, channel, now, SUBCODES)
        user = graph.look(graph.account, {"fields": "username"})
        used, most = _quota(graph)
        counted = f" {used} av dygnets {most} inlägg är gjorda." if most else ""
        return f"Inlägg görs som ”{shown_name(user.get('username'))}” på Instagram.{counted}"

    def _settled(
        self, graph: Graph, shipment: Shipment, container: str, found: dict[str, Any], *, in_doubt: bool
    ) -> str:
        """FINISHED or PUBLISHED, when the container is so within a few looks. Raises as `send`."""
        for look in range(LOOKS + 1):
            state = found.get("status_code")
            if state in (FINISHED, PUBLISHED):
                return str(state)
            if state in (EXPIRED, ERROR):
                raise _spoilt(found)
            if look < LOOKS:
                shipment.note(container)  # also renews the lease
                time.sleep(self.between_looks)
                found = _state(graph, container, in_doubt=in_doubt)
        if in_doubt:
            raise UnknownOutcomeError("Instagram är inte klart med inlägget. Det är osäkert om det gick ut.")
        raise NotSentError("Instagram är inte klart med bilden. Inlägget görs när den är klar.", is_permanent=False)


def _state(graph: Graph, container: str, *, in_doubt: bool) -> dict[str, Any]:
    """What the container says of itself; nothing if it is not there any more. In doubt, it must say something."""
    try:
        found = graph.look(container, {"fields": "status_code,status"}, in_doubt=in_doubt)
    except GraphError as error:
        if error.is_permanent:
            return {}
        raise
    if in_doubt and found.get("status_code") not in STATES:
        raise UnknownOutcomeError("Instagram säger inte hur det gick. Det är osäkert om budskapet gick ut.")
    return found


def _make(graph: Graph, shipment: Shipment) -> str:
    """A new container, which nobody sees yet."""
    picture = _checked(picture_of(shipment))
    caption = caption_of(shipment)
    used, most = _quota(graph)
    if most and used >= most:
        raise NotSentError(
            f"Instagram tar emot {most} inlägg på ett dygn, och de är gjorda. Inlägget görs när det finns plats.",
            is_permanent=False,
            retry_after=BLOCK_WAIT,
        )
    form = {"image_url": picture.url, "caption": caption, "alt_text": shipment.content.alt}
    return graph.prepare(f"{graph.account}/media", form)


def _publish(graph: Graph, shipment: Shipment, container: str) -> str:
    """The post's own id."""
    shipment.note(container)
    media = identity(graph.publish(f"{graph.account}/media_publish", {"creation_id": container}).get("id"))
    if not media:
        raise UnknownOutcomeError("Instagram svarade utan inläggets id. Det är osäkert om budskapet gick ut.")
    return media


def _checked(picture: Picture | None) -> Picture:
    if picture is None:
        raise NotSentError("Instagram kräver en bild. Lägg till en, med alternativtext.", is_permanent=True)
    if picture.media_type != "image/jpeg":
        raise NotSentError("Instagram tar bara emot bilder i formatet JPEG. Byt bild.", is_permanent=True)
    if len(picture.data) > MOST_BYTES:
        raise NotSentError("Bilden är för stor för Instagram: högst 8 MB går. Byt bild.", is_permanent=True)
    if not NARROWEST - 0.005 <= picture.width / max(picture.height, 1) <= WIDEST + 0.005:
        raise NotSentError(
            "Bilden har fel proportioner för Instagram: de ska vara mellan 4:5 och 1,91:1. Beskär den.",
            is_permanent=True,
        )
    if not _is_public(picture.url):
        raise NotSentError(
            "Instagram hämtar bilden från vår adress, som måste vara en https-adress på internet. Sätt"
            " KAMPANJHJUL_BASE_URL till den.",
            is_permanent=False,
            stops_channel=True,
        )
    return picture


def _is_public(url: str) -> bool:
    """Whether Meta could reach `url`, as far as is seen from the address alone."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme != "https" or parts.username is not None:
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".localhost", ".internal", ".test"))


def _quota(graph: Graph) -> tuple[int, int]:
    """How many posts the account has made in the last day, and how many it may make; 0 where the answer lacks it."""
    answer = graph.look(f"{graph.account}/content_publishing_limit", {"fields": "quota_usage,config"})
    listed = answer.get("data")
    found = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    config = found.get("config")
    used, most = found.get("quota_usage"), config.get("quota_total") if isinstance(config, dict) else 0
    return (used, most) if isinstance(used, int) and isinstance(most, int) else (0, 0)


def _spoilt(found: dict[str, Any]) -> NotSentError:
    """What a container that came to nothing means: the next try makes another, if it may help."""
    told = _SUBCODE.search(str(found.get("status")))
    subcode = int(told.group()) if told else 0
    meaning = SUBCODES.get(subcode, Meaning("inlägget gick inte att göra klart"))
    return GraphError(
        f"Instagram svarade fel {subcode}: {meaning.why}.",
        code=0,
        subcode=subcode,
        is_permanent=meaning.is_permanent,
        retry_after=meaning.wait,
        stops_channel=meaning.stops_channel,
    )
