"""Bluesky. `account` is a handle or a DID, the secret an app password, `url` the account's server if not bsky.social.

A post is a record that we name ourselves (com.atproto.repo.putRecord): its key is a TID (atproto.com/specs/tid), made
from the delivery's key and due time, and the record is the same for every try. The same record under the same key
again changes nothing, so a repeat is harmless. Should the due time have been moved since, the name noted then holds.

Bluesky's own pages go on showing the first version of a post whatever its record says
(github.com/snarfed/bridgy-fed/issues/947), so a post cannot be corrected here, only withdrawn.

The totals come from Bluesky's own service, which the account's server asks for us (docs.bsky.app,
app.bsky.feed.getPosts). A post that it does not show has none. Reposts and quotes are both shares.

The limit of 300 is in graphemes and counted by the server. That a picture may be at most 1 MB is unconfirmed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from campaigns.catalog import ChannelConfig
from campaigns.channels.atproto import Account, sign_in
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
from campaigns.channels.facets import facets_of, is_link, uri_of
from campaigns.channels.social import counts_of, picture_of, text_of
from campaigns.content import Content

COLLECTION = "app.bsky.feed.post"
MOST_CHARACTERS = 3000  # as many bytes are the most that the lexicon allows
PACE = Pace(per_minute=5, burst=5)  # each sending signs in, and 30 times in five minutes are allowed
TID_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"

_REFERENCE = re.compile(rf"at://(did:[a-z]+:[A-Za-z0-9.%-]+)/{re.escape(COLLECTION)}/([2-7a-z]{{13}})")
_CID = re.compile(r"[A-Za-z0-9]{20,120}")


@dataclass(frozen=True)
class Bluesky:
    environment: Environment
    kind: str = "bluesky"
    is_local: bool = False
    is_idempotent: bool = True
    can_find: bool = False
    pace: Pace | None = PACE

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        text = text_of(shipment.content, most=MOST_CHARACTERS)
        picture = picture_of(shipment)
        account = sign_in(self.environment, shipment.channel, now=now)
        name = _name(shipment, account)
        record = record_of(shipment.content, text, created_at=shipment.due_at)
        if picture is not None:
            record["embed"] = _pictured(account, picture, alt=shipment.content.alt)
        reference = f"at://{account.did}/{COLLECTION}/{name}"
        shipment.note(reference)
        answer = account.put("com.atproto.repo.putRecord", {**_place(account, name), "record": record})
        if answer.json().get("uri") != reference:
            raise UnknownOutcomeError(f"{answer.host} svarade oväntat. Det är osäkert om budskapet gick ut.")
        return Receipt(Outcome.PUBLISHED, reference, f"https://bsky.app/profile/{account.name}/post/{name}")

    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        """Delete the record. The server answers the same if it is already gone."""
        account = sign_in(self.environment, shipment.channel, now=now)
        found = _REFERENCE.fullmatch(shipment.reference)
        if found is None or found[1] != account.did:
            raise NotSentError(
                "Inlägget hör inte till det konto som kanalen har nu. Ta bort det för hand på Bluesky.",
                is_permanent=True,
            )
        account.put("com.atproto.repo.deleteRecord", _place(account, found[2]))

    def count(self, shipment: Shipment, *, now: datetime) -> Mapping[str, int]:
        if not _REFERENCE.fullmatch(shipment.reference):
            raise NotSentError("Kvittot har inget inläggs-id på Bluesky.", is_permanent=True)
        account = sign_in(self.environment, shipment.channel, now=now)
        posts = account.look("app.bsky.feed.getPosts", {"uris": shipment.reference}).json().get("posts")
        for post in posts if isinstance(posts, list) else ():
            if isinstance(post, dict) and post.get("uri") == shipment.reference:
                return _counted(post)
        return {}

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        account = sign_in(self.environment, channel, now=now)
        return f"Inlägg görs på Bluesky som {account.name}."


def record_name(key: str, due_at: datetime) -> str:
    """The TID of a delivery: 53 bits of microseconds and 10 bits of a clock's id, 13 letters that sort by time.

    The seconds are those of the due time. The microseconds and the clock's id come from the key, so that deliveries of
    one account that are due together have different names.
    """
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    microseconds = int(due_at.timestamp()) * 1_000_000 + number % 1_000_000
    value = (microseconds & (1 << 53) - 1) << 10 | number // 1_000_000 % 1024
    return "".join(TID_LETTERS[value >> shift & 31] for shift in range(60, -1, -5))


def record_of(content: Content, text: str, *, created_at: datetime) -> dict[str, Any]:
    """The record (app.bsky.feed.post), with a card for the link. The same arguments always give the same record."""
    record: dict[str, Any] = {
        "$type": COLLECTION,
        "text": text,
        "createdAt": created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "langs": [content.language],
    }
    facets = facets_of(text, link=content.link)
    if facets:
        record["facets"] = facets
    if is_link(content.link):
        card = {"uri": uri_of(content.link), "title": content.title, "description": ""}
        record["embed"] = {"$type": "app.bsky.embed.external", "external": card}
    return record


def _counted(post: Mapping[str, object]) -> dict[str, int]:
    found = counts_of(post)
    names = {"reaktioner": "likeCount", "delningar": "repostCount", "kommentarer": "replyCount"}
    counted = {measure: found[name] for measure, name in names.items() if name in found}
    if "delningar" in counted:
        counted["delningar"] += found.get("quoteCount", 0)
    return counted


def _name(shipment: Shipment, account: Account) -> str:
    """The record's key: what an earlier try noted, otherwise made now."""
    noted = _REFERENCE.fullmatch(shipment.reference)
    if noted is None:
        return record_name(shipment.key, shipment.due_at)
    if noted[1] != account.did and shipment.maybe_sent:
        raise UnknownOutcomeError("Kanalens konto har bytts sedan förra försöket. Se efter om det gamla har inlägget.")
    return noted[2]


def _place(account: Account, name: str) -> dict[str, Any]:
    return {"repo": account.did, "collection": COLLECTION, "rkey": name}


def _pictured(account: Account, picture: Picture, *, alt: str) -> dict[str, Any]:
    """The picture, uploaded. The same bytes always get the same reference."""
    answer = account.prepare("com.atproto.repo.uploadBlob", picture.data, picture.media_type)
    blob = answer.json().get("blob")
    reference = blob.get("ref") if isinstance(blob, dict) else None
    cid = reference.get("$link") if isinstance(reference, dict) else None
    if not (isinstance(blob, dict) and isinstance(cid, str) and _CID.fullmatch(cid)):
        raise NotSentError(f"{answer.host} tog inte emot bilden som den skulle.", is_permanent=False)
    image = {
        "alt": alt,
        "image": {
            "$type": "blob",
            "ref": {"$link": cid},
            "mimeType": str(blob.get("mimeType", picture.media_type)),
            "size": len(picture.data),
        },
        "aspectRatio": {"width": picture.width, "height": picture.height},
    }
    return {"$type": "app.bsky.embed.images", "images": [image]}
