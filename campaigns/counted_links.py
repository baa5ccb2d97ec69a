"""Short addresses of ours that are counted, in place of a text's link, where a municipality has turned that on.

The short address stands in the text that is signed. It leads only where that text's own link led, and nothing is kept
of who follows it: no cookie, no address, no browser; a number for each day.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import bindparam, select, text
from sqlmodel import Session

from campaigns.catalog import Municipality
from campaigns.content import Content
from campaigns.faults import Fault, FaultCode, Severity, is_web_address
from campaigns.models import CountedLink, Post

PATH = "/l/"


@dataclass(frozen=True)
class Counted:
    """A short address as it stands in a text, its id, and where it leads."""

    id: str
    short: str
    address: str


def counted_for(municipality: Municipality, post: Post, channel: str, content: Content) -> Counted | None:
    """The short address to put in place of the content's link, or None where nothing is to be counted.

    The same post, channel and address always give the same one: a text that is unchanged keeps its bytes.
    """
    if not municipality.count_clicks_at or not is_web_address(content.link):
        return None
    told = "\0".join((post.key, channel, content.link)).encode()
    name = base64.b32encode(hashlib.sha256(told).digest())[:12].decode().lower()
    return Counted(name, f"{municipality.count_clicks_at.rstrip('/')}{PATH}{name}", content.link)


def with_short_link(content: Content, counted: Counted) -> Content:
    return replace(content, link=counted.short)


def notice(counted: Counted) -> Fault:
    """What those who sign must know of the short address: where it leads."""
    return Fault(
        FaultCode.COUNTED_LINK, Severity.WARNING, f"Länken räknas: {counted.short} leder till {counted.address}", "link"
    )


def keep(session: Session, post: Post, found: Iterable[tuple[str, Counted]], *, now: datetime) -> None:
    """Let the short addresses of a text that is being signed, by channel, lead somewhere."""
    assert post.id is not None
    for channel, item in found:
        if session.get(CountedLink, item.id) is None:
            session.add(
                CountedLink(
                    id=item.id,
                    municipality=post.municipality,
                    post_id=post.id,
                    channel=channel,
                    address=item.address,
                    created_at=now,
                )
            )
    session.flush()


def target(session: Session, link_id: str) -> CountedLink | None:
    """Where a short address leads; None for one that stands in no signed text."""
    return session.get(CountedLink, link_id)


def count_click(session: Session, link_id: str, day: date) -> None:
    session.connection().execute(_COUNT, {"link_id": link_id, "day": day})


def originals(session: Session, municipality: str) -> Mapping[str, str]:
    """By id, where the municipality's short addresses lead."""
    rows = session.execute(_ORIGINALS, {"municipality": municipality})
    return {row.id: row.address for row in rows}


def with_original_link(content: Content, known: Mapping[str, str]) -> Content:
    """The content with the link that its short address stands for, if it has one of ours."""
    before, slash, name = content.link.rpartition(PATH)
    return replace(content, link=known[name]) if before and slash and name in known else content


_COUNT = text(
    "INSERT INTO click_count (link_id, day, clicks) VALUES (:link_id, :day, 1) "
    "ON CONFLICT (link_id, day) DO UPDATE SET clicks = click_count.clicks + 1"
)
_LINK = CountedLink.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_ORIGINALS = select(_LINK.c.id, _LINK.c.address).where(_LINK.c.municipality == bindparam("municipality"))
