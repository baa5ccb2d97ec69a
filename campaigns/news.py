"""What has been published, and the news feeds made from it: RSS 2.0, Atom (RFC 4287) and JSON Feed 1.1.

The bytes depend on the published messages alone: a reader that asks again gets the same until something is published.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlmodel import Session, col, select

from campaigns.catalog import Municipality
from campaigns.content import Content
from campaigns.errors import TemplateError
from campaigns.models import ContentRow, Delivery, DeliveryState, OccurrenceRow, Post
from campaigns.pictures import ShownPicture, shown

logger = logging.getLogger(__name__)

# How many messages a feed holds. Two years of six campaigns are more than readers keep.
FEED_LENGTH = 50
# Atom wants an `updated` also when nothing has been published. It must not move.
NOTHING_YET = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Message:
    """One published message in one language. `published_at` is UTC, `last_day` the occurrence's last calendar day."""

    key: str
    post_id: int
    campaign: str
    audience: str
    occurrence: str
    language: str
    published_at: datetime
    last_day: date
    content: Content
    picture: ShownPicture | None = None
    page: str = ""  # where it is read, after our address; "" for the place of its post on the municipality's page

    @property
    def id(self) -> str:
        """The same for ever: what a reader knows the message by."""
        return uuid5(NAMESPACE_URL, f"kampanjhjul:delivery:{self.key}").urn


@dataclass(frozen=True)
class NewsFeed:
    """One feed in one format, ready to be served under `path`."""

    path: str
    content_type: str
    body: bytes
    last_modified: datetime


def published(session: Session, municipality: str, *, kind: str, most: int) -> list[Message]:
    """The newest messages published through channels of `kind`, newest first; one per post and language.

    What has gone out has gone out: one stamped by a clock that was ahead is shown too. A row whose content cannot be
    read is told of once and left out.
    """
    query = (
        select(Delivery, ContentRow, Post, OccurrenceRow)
        .join(ContentRow, col(ContentRow.id) == col(Delivery.content_id))
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(
            Delivery.municipality == municipality,
            Delivery.kind == kind,
            Delivery.state == DeliveryState.PUBLISHED,
            col(Delivery.published_at).is_not(None),
        )
        .order_by(col(Delivery.published_at).desc(), col(Delivery.id).desc())
        .limit(most)
    )
    found: dict[tuple[int, str], Message] = {}
    for delivery, row, post, occurrence in session.exec(query):
        assert delivery.published_at is not None
        try:
            content = Content.from_bytes(row.payload)
        except TemplateError as error:
            _tell_of(delivery.key, error.message)
            continue
        message = Message(
            key=delivery.key.rpartition(":")[0],  # without the version: a correction is the same item
            post_id=delivery.post_id,
            campaign=post.campaign,
            audience=post.audience,
            occurrence=occurrence.name,
            language=delivery.language,
            published_at=delivery.published_at,
            last_day=occurrence.last_day,
            content=content,
        )
        # A municipality may have two channels of one kind; a page shows a message once.
        found.setdefault((message.post_id, message.language), message)
    kept = shown(session, {item.content.picture for item in found.values() if item.content.picture})
    return [replace(item, picture=kept.get(item.content.picture)) for item in found.values()]


@lru_cache(maxsize=256)  # once each, however often the pages are asked for
def _tell_of(key: str, fault: str) -> None:
    logger.error("Leveransen %s visas inte: %s", key, fault, extra={"action": "message_unreadable"})


def on_screens(session: Session, municipality: Municipality, *, now: datetime, most: int = 20) -> list[Message]:
    """What the info screens show at `now`: from publication through the occurrence's last day, local time."""
    today = now.astimezone(municipality.zone).date()
    return [
        message
        for message in published(session, municipality.id, kind="skarm", most=4 * most)
        if message.last_day >= today
    ][:most]


def news_feeds(
    municipality: Municipality, messages: Sequence[Message], *, base_url: str, templates: Sequence[Path]
) -> list[NewsFeed]:
    """The three feeds of a municipality's `messages`, newest first. `templates` are the folders to look in, in turn.

    The feeds are in the municipality's first language, Swedish: RSS cannot say which language an item is in, so one
    message in three would look like three. The other languages stand beside it on the page that the item links to.
    """
    messages = [message for message in messages if message.language == municipality.languages[0]]
    updated = messages[0].published_at if messages else NOTHING_YET
    folder = f"/feeds/{municipality.id}"
    page = f"{base_url}/sida/{municipality.id}"
    values: dict[str, Any] = {
        "title": f"Budskap från {municipality.name} och polisen",
        "description": f"{municipality.name} och {municipality.police_area} mot langning till unga.",
        "author": f"{municipality.name} och {municipality.police_area}",
        "feed_id": uuid5(NAMESPACE_URL, f"kampanjhjul:news:{municipality.id}").urn,
        "page": page,
        "updated": updated,
        "has_messages": bool(messages),
        "base_url": base_url,
        "messages": [
            (
                message,
                f"{base_url}{message.page}" if message.page else f"{page}#{message.post_id}",
                f"{_picture(message, base_url)}{message.content.html()}",
            )
            for message in messages
        ],
    }
    environment = _environment(tuple(templates))
    feeds = []
    for name, content_type in (
        ("nyheter.rss", "application/rss+xml; charset=utf-8"),
        ("nyheter.atom", "application/atom+xml; charset=utf-8"),
    ):
        path = f"{folder}/{name}"
        text = environment.get_template(f"{name}.xml").render(**values, self_url=f"{base_url}{path}")
        feeds.append(NewsFeed(path, content_type, text.encode(), updated))
    path = f"{folder}/nyheter.json"
    body = _json_feed(values, page=page, self_url=f"{base_url}{path}", base_url=base_url)
    feeds.append(NewsFeed(path, "application/feed+json; charset=utf-8", body, updated))
    return feeds


def _picture(message: Message, base_url: str) -> Markup:
    """The picture to stand above the text. A reader that shows no pictures shows the alternative text."""
    picture = message.picture
    if picture is None:
        return Markup()
    form = Markup('<p><img src="{}" alt="{}" width="{}" height="{}"></p>\n')
    return form.format(f"{base_url}{picture.path}", message.content.alt, picture.width, picture.height)


def _attached(message: Message, base_url: str) -> dict[str, Any]:
    """The picture as JSON Feed has it: for the list of messages, and as a file."""
    picture = message.picture
    if picture is None:
        return {}
    url = f"{base_url}{picture.path}"
    attachment = {"url": url, "mime_type": picture.media_type, "title": message.content.alt}
    return {"image": url, "attachments": [{**attachment, "size_in_bytes": picture.size}]}


def _json_feed(values: Mapping[str, Any], *, page: str, self_url: str, base_url: str) -> bytes:
    """JSON Feed 1.1 (jsonfeed.org/version/1.1)."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": values["title"],
        "description": values["description"],
        "home_page_url": page,
        "feed_url": self_url,
        "language": "sv",
        "authors": [{"name": values["author"]}],
        "items": [
            {
                "id": message.id,
                "url": url,
                "title": message.content.title,
                "summary": message.content.short,
                "content_html": html,
                "date_published": iso(message.published_at),
                "language": message.language,
                "tags": [message.occurrence],
                **_attached(message, base_url),
            }
            for message, url, html in values["messages"]
        ],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode()


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc822(moment: datetime) -> str:
    """The date form of RSS 2.0: ”Fri, 23 Apr 2027 14:30:00 GMT”."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


# XML 1.0 section 2.2: what may stand in a document at all.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _only_xml(value: object) -> object:
    return _NOT_XML.sub("", value) if isinstance(value, str) else value


@lru_cache(maxsize=8)
def _environment(templates: tuple[Path, ...]) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder / "news") for folder in templates]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_only_xml,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(iso=iso, rfc822=rfc822)
    return environment
