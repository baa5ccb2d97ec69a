"""A post's text held against an earlier one: what was last signed, and what went out the year before."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from campaigns import pictures
from campaigns.catalog import Municipality
from campaigns.content import SWEDISH, Content
from campaigns.differences import Kind, Part, differences
from campaigns.drafts import digest_of
from campaigns.errors import TemplateError
from campaigns.models import Approval, ContentRow, Post
from campaigns.overviews.previews import Shown
from campaigns.swedish import moment

# What is compared, in the order of the page, and what it is called there.
_FIELDS = {"title": "Rubrik", "short": "Kort text", "body": "Text", "link": "Länk", "image": "Bild", "alt": "Bildtext"}


@dataclass(frozen=True)
class Change:
    """What differs in one field, in these channels."""

    field: str
    channels: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Comparison:
    """The text held against an earlier one. Without changes they are the same."""

    changes: tuple[Change, ...]
    against: str


def compared(municipality: Municipality, earlier: Sequence[Shown], now: Sequence[Shown], *, against: str) -> Comparison:
    """What differs from the earlier text, each change once with the channels that it is in."""
    before = {(item.channel, item.language): item.content for item in earlier}
    found: dict[tuple[str, tuple[Part, ...]], list[str]] = {}
    for item in now:
        old = before.get((item.channel, item.language))
        for name, word in _FIELDS.items():
            was, becomes = getattr(old, name) if old else "", getattr(item.content, name)
            if was != becomes:
                found.setdefault((word, tuple(differences(was, becomes))), []).append(_place(municipality, item))
        if old and old.picture != item.content.picture and old.image == item.content.image:
            found.setdefault(("Bild", (Part(Kind.ADDED, "Bilden har bytts."),)), []).append(_place(municipality, item))
    present = {(item.channel, item.language) for item in now}
    gone = [item for item in earlier if (item.channel, item.language) not in present]
    for item in gone:
        parts = (Part(Kind.REMOVED, item.content.title),)
        found.setdefault(("Går inte längre ut", parts), []).append(_place(municipality, item))
    return Comparison(
        tuple(Change(word, ", ".join(dict.fromkeys(where)), parts) for (word, parts), where in found.items()), against
    )


# Characters. A form that carried more than this could be refused for its size.
MOST_PACKED = 60_000


def packed(pieces: Sequence[Shown]) -> str:
    """What is shown, for a form to carry, so that it can be told what has changed meanwhile; "" if it is too much."""
    payloads = list(dict.fromkeys(item.content.to_bytes().decode() for item in pieces))
    places = [(item.channel, item.language, payloads.index(item.content.to_bytes().decode())) for item in pieces]
    text = json.dumps([payloads, places], ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= MOST_PACKED else ""


def unpacked(text: str) -> tuple[Shown, ...]:
    """What `packed` gave; nothing from anything else. It comes from a browser, and is only ever shown to it again."""
    try:
        payloads, places = json.loads(text)
        contents = [Content.from_bytes(item.encode()) for item in payloads]
        return tuple(Shown(str(channel), str(language), contents[int(at)]) for channel, language, at in places)
    except (ValueError, TypeError, AttributeError, IndexError, RecursionError, TemplateError):
        return ()


def _place(municipality: Municipality, item: Shown) -> str:
    name = next((channel.name for channel in municipality.channels if channel.id == item.channel), item.channel)
    return name if item.language == SWEDISH else f"{name} ({item.language})"


def rows_of(session: Session, post: Post, version: int) -> Sequence[ContentRow]:
    """What was stored as one version of the post: what somebody signed."""
    query = select(ContentRow).where(ContentRow.post_id == post.id, ContentRow.version == version)
    return session.exec(query.order_by(col(ContentRow.id))).all()


def pieces_of(session: Session, rows: Iterable[ContentRow]) -> tuple[Shown, ...]:
    """The stored rows as what channels get."""
    found = [(row, Content.from_bytes(row.payload)) for row in rows]
    kept = pictures.shown(session, {content.picture for _, content in found if content.picture})
    pieces = []
    for row, content in found:
        size = kept.get(content.picture)
        width, height = (size.width, size.height) if size else (0, 0)
        pieces.append(Shown(row.channel, row.language, content, width, height))
    return tuple(pieces)


def since_signed(
    session: Session,
    municipality: Municipality,
    post: Post,
    pieces: Sequence[Shown],
    digest: str,
    *,
    parties: Collection[str],
) -> Comparison | None:
    """Against what the viewer's party last signed, else what anybody did. None if that is this very text."""
    every = session.exec(select(Approval).where(Approval.post_id == post.id).order_by(col(Approval.id).desc())).all()
    last = next((item for item in every if item.party in parties), every[0] if every else None)
    if last is None or last.digest == digest:
        return None
    for version in range(post.content_version, 0, -1):
        rows = rows_of(session, post, version)
        if digest_of({(row.channel, row.language): row.sha256 for row in rows}) == last.digest:
            against = f"{last.name} godkände {moment(last.created_at, municipality.zone)}"
            return compared(municipality, pieces_of(session, rows), pieces, against=against)
    return None


def last_year(session: Session, municipality: Municipality, post: Post, pieces: Sequence[Shown]) -> Comparison | None:
    """Against the last text of the same step, audience and place the year before."""
    earlier = _year_before(session, post)
    if earlier is None or not earlier.content_version:
        return None
    rows = rows_of(session, earlier, earlier.content_version)
    return compared(municipality, pieces_of(session, rows), pieces, against=moment(earlier.due_at, municipality.zone))


def _year_before(session: Session, post: Post) -> Post | None:
    parts = post.key.split("/")  # municipality, campaign, year, occurrence, step, audience
    if len(parts) < 6 or not parts[2].isdecimal():
        return None
    key: str | None = "/".join((*parts[:2], str(int(parts[2]) - 1), *parts[3:]))
    found = session.exec(select(Post).where(Post.key == key)).one_or_none()
    if found is not None and found.merged_into:
        return session.exec(select(Post).where(Post.key == found.merged_into)).one_or_none()
    return found
