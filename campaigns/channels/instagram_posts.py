"""The posts of an Instagram account that are ours, found by their captions among the latest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from campaigns.channels.base import NotSentError, SendError, Shipment
from campaigns.channels.graph import Graph
from campaigns.channels.social import counts_of, shown_address, text_of, words

MOST_CHARACTERS, MOST_HASHTAGS = 2200, 30
MOST_LISTED = 100  # when counting: what an account posts in a month. That so many may be asked for is unconfirmed
BEFORE_DUE = timedelta(minutes=10)  # clocks differ

_HASHTAG = re.compile(r"(?<!\w)#\w+")


def address(graph: Graph, shipment: Shipment, media: str) -> str:
    """Where the post can be seen. It is out by now, so nothing here is an error."""
    fields = "caption,permalink,timestamp"
    try:
        if media:
            return shown_address(graph.look(media, {"fields": "permalink"}).get("permalink"))
        listed = graph.look(f"{graph.account}/media", {"fields": fields, "limit": "10"}).get("data")
        caption = caption_of(shipment)
    except SendError:
        return ""
    return shown_address(_ours(listed, caption, shipment).get("permalink"))


def counted(graph: Graph, shipment: Shipment) -> Mapping[str, int]:
    """The totals of the post, or nothing if it is not among the account's latest. Raises NotSentError."""
    fields = "caption,timestamp,like_count,comments_count"
    listed = graph.look(f"{graph.account}/media", {"fields": fields, "limit": str(MOST_LISTED)}).get("data")
    found = _ours(listed, caption_of(shipment), shipment)
    return counts_of({"reaktioner": found.get("like_count"), "kommentarer": found.get("comments_count")})


def _ours(listed: object, caption: str, shipment: Shipment) -> Mapping[str, Any]:
    """The post among those listed, latest first; nothing if it is not there."""
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and _is_it(item, caption, since=shipment.due_at - BEFORE_DUE):
            return item
    return {}


def _is_it(item: dict[str, Any], caption: str, *, since: datetime) -> bool:
    try:
        is_ours_in_time = datetime.fromisoformat(str(item.get("timestamp"))) >= since
    except (ValueError, TypeError):
        return False
    return is_ours_in_time and words(str(item.get("caption"))) == words(caption)


def caption_of(shipment: Shipment) -> str:
    caption = text_of(shipment.content, most=MOST_CHARACTERS)
    hashtags = len(_HASHTAG.findall(caption))
    if hashtags > MOST_HASHTAGS:
        raise NotSentError(
            f"Texten har {hashtags} hashtaggar, och gränsen är {MOST_HASHTAGS}. Ta bort några.", is_permanent=True
        )
    return caption
