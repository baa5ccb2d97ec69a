"""A Facebook Page, by Meta's Pages API (developers.facebook.com, Pages API, Posts).

`account` is the page's id, and the secret a Page access token with pages_manage_posts and pages_read_engagement.

The text is posted with its link, and without a picture also with `link`, which gives the preview. A picture is first
uploaded unpublished, which nobody sees, and then attached. That its alternative text is `alt_text_custom` is
unconfirmed.

Facebook drops no doubles but the one that follows right after (506). After an unknown outcome the page's published
posts since ten minutes before the post was due are looked through. The marker is the whole text, link included: nothing
is added to what was signed. White space is not compared, since Facebook trims it. Two posts of ours with the very same
text, due at the same time, are thus taken for one: it is then out once, not twice. The edge `published_posts` with
`since` is unconfirmed.

Of reactions and comments only the totals are asked for (Graph API, Object Reactions and Object Comments, `summary`).
That `limit(0)` leaves out who they are from, that `shares` is `{count}`, and that it is left out where there are none,
is unconfirmed; whatever else the answer holds is not read.

Errors 1 and 2 ("try again") do not say whether the work was done: they are unknown when publishing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from urllib3 import encode_multipart_formdata

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import (
    Environment,
    NotSentError,
    Outcome,
    Pace,
    Picture,
    Receipt,
    SendError,
    Shipment,
    UnknownOutcomeError,
)
from campaigns.channels.graph import Graph, GraphError, identity
from campaigns.channels.social import counts_of, inside, picture_of, shown_address, shown_name, text_of, words

MOST_CHARACTERS = 63_206
DUPLICATE = 506
NOT_THERE = (100, 33)  # code and subcode: the object is not there, or not for this token
BEFORE_DUE = timedelta(minutes=10)  # clocks differ
PAGE_SIZE, MOST_PAGES = 10, 20
TOTALS = "shares,reactions.summary(total_count).limit(0),comments.summary(total_count).limit(0)"


@dataclass(frozen=True)
class Facebook:
    environment: Environment
    kind: str = "facebook"
    is_local: bool = False
    is_idempotent: bool = False
    can_find: bool = True
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        graph = Graph(self.environment, shipment.channel, now)
        text = text_of(shipment.content, most=MOST_CHARACTERS)
        found = _find(graph, shipment, text) if shipment.maybe_sent else None
        if found is not None:
            return found
        form = {"message": text, "published": "true", "fields": "id,permalink_url"}
        picture = picture_of(shipment)
        if picture is not None:
            photo = _upload(graph, picture, alt=shipment.content.alt)
            form["attached_media"] = json.dumps([{"media_fbid": photo}])
        elif shipment.content.link:
            form["link"] = shipment.content.link
        shipment.note("feed")
        try:
            answer = graph.publish(f"{graph.account}/feed", form)
        except GraphError as error:
            if error.code != DUPLICATE:
                raise
            return _double(graph, shipment, text, error)
        receipt = _receipt(answer)
        if not receipt.reference:
            raise UnknownOutcomeError("Facebook svarade utan inläggets id. Det är osäkert om budskapet gick ut.")
        return receipt

    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        graph = Graph(self.environment, shipment.channel, now)
        post = identity(shipment.reference)
        if not post:
            raise NotSentError("Kvittot har inget inläggs-id. Ta bort inlägget på Facebook.", is_permanent=True)
        try:
            graph.delete(post)
        except GraphError as error:
            if (error.code, error.subcode) != NOT_THERE:
                raise
            # The same answer as for a token that may not see it: gone only if the page itself can be seen.
            graph.look(graph.account, {"fields": "id"})

    def count(self, shipment: Shipment, *, now: datetime) -> Mapping[str, int]:
        post = identity(shipment.reference)
        if not post:
            raise NotSentError("Kvittot har inget inläggs-id på Facebook.", is_permanent=True)
        told = Graph(self.environment, shipment.channel, now).look(post, {"fields": TOTALS})
        return counts_of(
            {
                "reaktioner": inside(told, "reactions", "summary", "total_count"),
                "delningar": inside(told, "shares", "count"),
                "kommentarer": inside(told, "comments", "summary", "total_count"),
            }
        )

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        """As whom we would post. What the token may do is first seen in a rehearsal."""
        graph = Graph(self.environment, channel, now)
        page = graph.look(graph.account, {"fields": "name"})
        return f"Inlägg görs på Facebooksidan ”{shown_name(page.get('name'))}”."

    def rehearse(self, channel: ChannelConfig, *, now: datetime) -> str:
        """Make an unpublished post, which only those who run the page can see, and delete it."""
        graph = Graph(self.environment, channel, now)
        text = f"Prov från Kampanjhjulet {now:%Y-%m-%d %H:%M:%S}. Inlägget är inte publicerat och kan tas bort."
        post = graph.prepare(f"{graph.account}/feed", {"message": text, "published": "false", "fields": "id"})
        try:
            graph.delete(post)
        except SendError as error:
            return (
                f"Ett opublicerat prov gick att lägga upp på Facebook men inte att ta bort. {error.message}"
                f" Ta bort inlägg {post} för hand."
            )
        return "Ett opublicerat prov gick att lägga upp på Facebook och togs sedan bort."


def _upload(graph: Graph, picture: Picture, *, alt: str) -> str:
    name = f"bild.{'png' if picture.media_type == 'image/png' else 'jpg'}"
    body, content_type = encode_multipart_formdata(
        {"source": (name, picture.data, picture.media_type), "published": "false", "alt_text_custom": alt}
    )
    return graph.prepare(f"{graph.account}/photos", body=body, headers={"Content-Type": content_type})


def _find(graph: Graph, shipment: Shipment, text: str) -> Receipt | None:
    """The published post with this very text, or None if there surely is none. Raises UnknownOutcomeError."""
    since = shipment.due_at - BEFORE_DUE
    query = {
        "fields": "id,message,created_time,permalink_url,is_published",
        "since": str(int(since.timestamp())),
        "limit": str(PAGE_SIZE),
    }
    for _ in range(MOST_PAGES):
        answer = graph.look(f"{graph.account}/published_posts", query, in_doubt=True)
        posts = answer.get("data")
        if not isinstance(posts, list):
            raise UnknownOutcomeError("Facebook visar inte sidans inlägg. Det är osäkert om budskapet gick ut.")
        for post in posts:
            if isinstance(post, dict) and _is_it(post, text, since=since):
                return _receipt(post)
        following = _following(answer)
        if not following:
            return None
        query["after"] = following
    raise UnknownOutcomeError("Sidan har för många inlägg att leta bland. Det är osäkert om budskapet gick ut.")


def _is_it(post: dict[str, Any], text: str, *, since: datetime) -> bool:
    message, created = post.get("message"), post.get("created_time")
    if not isinstance(message, str) or words(message) != words(text) or post.get("is_published") is False:
        return False
    try:
        return datetime.fromisoformat(str(created)) >= since
    except (ValueError, TypeError):
        return True  # the same text at a time that cannot be read: rather found than sent twice


def _following(answer: dict[str, Any]) -> str:
    """Where the next page of a list begins. Its whole address is not followed: it leads where the answer says."""
    paging = answer.get("paging")
    cursors = paging.get("cursors") if isinstance(paging, dict) and paging.get("next") else None
    after = cursors.get("after") if isinstance(cursors, dict) else None
    if isinstance(paging, dict) and paging.get("next") and not isinstance(after, str):
        raise UnknownOutcomeError("Facebook visar bara en del av inläggen. Det är osäkert om budskapet gick ut.")
    return after or ""


def _double(graph: Graph, shipment: Shipment, text: str, error: GraphError) -> Receipt:
    found = _find(graph, shipment, text)
    if found is not None:
        return found
    if shipment.maybe_sent:
        raise UnknownOutcomeError(f"{error.message} Det går inte att se om det är detta budskap.") from error
    raise error


def _receipt(post: dict[str, Any]) -> Receipt:
    return Receipt(Outcome.PUBLISHED, identity(post.get("id")), shown_address(post.get("permalink_url")))
