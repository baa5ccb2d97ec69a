"""Writing a post's text. What a person writes is a new version; the earlier ones are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func
from sqlmodel import Session, col, select

from campaigns import approval, audit, translations
from campaigns.catalog import Catalog
from campaigns.content import PLACEHOLDERS, SWEDISH, parse_source
from campaigns.enqueue import left_posts
from campaigns.errors import NotFoundError, RefusedError, TemplateError, suggestion
from campaigns.models import Post, PostState, PostText
from campaigns.post_sources import places_of, texts_of
from campaigns.revisions import touch
from campaigns.sandbox import BoundedTemplate
from campaigns.written import checked_actor


@dataclass(frozen=True)
class OtherText:
    """The version that somebody else saved."""

    number: int
    source: str
    author: str
    at: datetime


class ChangedMeanwhileError(RefusedError):
    """Någon annan har sparat texten medan du skrev."""

    def __init__(self, row: PostText) -> None:
        assert row.id is not None
        # As values: the row itself cannot be read once the transaction has been undone.
        self.other = OtherText(row.id, row.source, row.author, row.created_at)
        super().__init__(f"{row.author} har sparat en ny version av texten medan du skrev. Din text är inte sparad än.")


class Closed(StrEnum):
    """Why a post's text can no longer be written."""

    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    OUT = "out"
    MERGED = "merged"


class ClosedError(RefusedError):
    """Texten går inte längre att ändra."""


def write_text(
    session: Session,
    catalog: Catalog,
    post_id: int,
    *,
    language: str,
    channel: str,
    source: str,
    author: str,
    now: datetime,
    begun_from: int | None = None,
    restored: int | None = None,
    messages: Path | None = None,
    seen: str | None = None,
) -> PostText:
    """Save `source` (a template with front matter) as the post's text in `language`, written by `author`.

    An empty `channel` means all of them. Signatures fall and what is queued stops. The same text again changes nothing.
    `begun_from` is the version that the author had before them, 0 for none: if another has been saved since, nothing
    is saved. `restored` is the version, 0 for the shipped text, that is made the newest again. A translation is taken
    to say what the Swedish text does, if `messages` tells where the shipped texts lie; `seen` is which Swedish text the
    author was shown (`translations.swedish_seal`), where it is known.
    Raises ChangedMeanwhileError, NotFoundError, RefusedError, or TemplateError when the text cannot be a template.
    """
    post = approval.locked_post(session, post_id)
    author = checked_actor(author, "Ange vem som skriver texten.")
    _refuse_unwritable(session, catalog, post, language=language, channel=channel)
    # Compiled one by one, so that a fault in any part is told now and not when it is to be signed.
    for template in parse_source(source, name=f"{post.key} ({language})").templates():
        _refuse_unknown_names(template, catalog)
    newest = _newest(session, post_id, language=language, channel=channel)
    if newest is not None and newest.source == source:
        return newest
    if newest is not None and begun_from is not None and newest.id != begun_from:
        raise ChangedMeanwhileError(newest)
    row = PostText(post_id=post_id, channel=channel, language=language, source=source, author=author, created_at=now)
    session.add(row)
    _changed(session, post, now=now)
    if language != SWEDISH and restored is None and messages is not None:
        _note_translation(session, catalog, messages, post, row, seen=seen)
    audit.record(
        session,
        now=now,
        municipality=post.municipality,
        actor=author,
        action="skrev text" if restored is None else "återställde text",
        subject=post.key,
        detail=f"version {ordinal(session, row)}, {language}, {channel or 'alla kanaler'}"
        + ("" if restored is None else f", från {_restored_from(session, restored)}"),
    )
    touch(session, post.municipality)
    return row


def use_common_text(
    session: Session,
    catalog: Catalog,
    post_id: int,
    *,
    language: str,
    channel: str,
    author: str,
    now: datetime,
    begun_from: int,
) -> None:
    """Let the channel follow the post's common text again. Its own versions are kept, and can be restored.

    Raises as `write_text`, and RefusedError for a channel that has no text of its own.
    """
    post = approval.locked_post(session, post_id)
    author = checked_actor(author, "Ange vem som byter text.")
    _refuse_unwritable(session, catalog, post, language=language, channel=channel)
    newest = _newest(session, post_id, language=language, channel=channel)
    if newest is None or not newest.source or not channel:
        raise RefusedError("Kanalen använder redan den gemensamma texten.")
    if newest.id != begun_from:
        raise ChangedMeanwhileError(newest)
    # A version without a text: from it on the channel has none of its own.
    session.add(PostText(post_id=post_id, channel=channel, language=language, source="", author=author, created_at=now))
    _changed(session, post, now=now)
    audit.record(
        session,
        now=now,
        municipality=post.municipality,
        actor=author,
        action="tog den gemensamma texten",
        subject=post.key,
        detail=f"{language}, {channel}",
    )
    touch(session, post.municipality)


def _changed(session: Session, post: Post, *, now: datetime) -> None:
    """Whoever has signed has signed another text: the post is a draft again."""
    approval.void(session, post, reason="Texten har ändrats.", now=now)
    post.state = PostState.DRAFT
    post.reason = ""
    post.changed_at = now
    session.add(post)
    session.flush()


def ordinal(session: Session, row: PostText) -> int:
    """What people call the version: the first that was saved of a post's text, for its channel and language, is 1."""
    same = (
        PostText.post_id == row.post_id,
        PostText.language == row.language,
        PostText.channel == row.channel,
        col(PostText.id) <= row.id,
    )
    return session.exec(select(func.count()).select_from(PostText).where(*same)).one()


def _restored_from(session: Session, number: int) -> str:
    row = session.get(PostText, number) if number else None
    return f"version {ordinal(session, row)}" if row else "den första texten"


def _note_translation(
    session: Session, catalog: Catalog, messages: Path, post: Post, row: PostText, *, seen: str | None
) -> None:
    translations.note(
        session,
        texts_of(session, catalog, messages, post),
        places_of(catalog.municipality(post.municipality), post),
        language=row.language,
        channel=row.channel,
        seen=seen,
        name=row.author,
        now=row.created_at,
    )


def closed(session: Session, post: Post) -> Closed | None:
    """Why the post's text can no longer be written, or None if it can."""
    if post.state == PostState.CANCELLED:
        return Closed.CANCELLED
    if post.state == PostState.SKIPPED:
        return Closed.SKIPPED
    is_open = post.is_correction and post.state != PostState.APPROVED
    if post.id is not None and not is_open and left_posts(session, [post.id]):
        return Closed.OUT
    return Closed.MERGED if post.merged_into else None


def _refuse_unwritable(session: Session, catalog: Catalog, post: Post, *, language: str, channel: str) -> None:
    why = closed(session, post)
    if why is not None:
        raise ClosedError(
            {
                Closed.CANCELLED: "Budskapet är inställt: steget finns inte längre i planen.",
                Closed.SKIPPED: "Budskapet är utelämnat. Ta tillbaka det först, så går texten att ändra.",
                Closed.OUT: "Budskapet har redan gått ut i alla sina kanaler."
                f" Öppna det för rättelse: kampanjhjul correct {post.id}",
                Closed.MERGED: f"Budskapet ingår i {post.merged_into}. Skriv texten där i stället.",
            }[why]
        )
    channels = post.channels.split()
    if channel and channel not in channels:
        raise NotFoundError(f"Budskapet går inte ut i kanalen ”{channel}”. {suggestion(channel, channels)}")
    languages = catalog.municipality(post.municipality).languages
    if language not in languages:
        raise NotFoundError(f"Kommunen har inte språket ”{language}”. {suggestion(language, languages)}")


def _refuse_unknown_names(template: BoundedTemplate, catalog: Catalog) -> None:
    for name in sorted(template.placeholders - PLACEHOLDERS.keys()):
        line = template.line_of(name)
        raise TemplateError(f"{template.name}, rad {line}: ”{name}” finns inte. {suggestion(name, PLACEHOLDERS)}")
    for path in sorted(template.attributes):
        if path[0] == "fakta" and path[1] not in catalog.facts:
            hint = suggestion(path[1], catalog.facts)
            raise TemplateError(f"{template.name}: det finns inget faktum ”{path[1]}”. {hint}")


def _newest(session: Session, post_id: int, *, language: str, channel: str) -> PostText | None:
    query = (
        select(PostText)
        .where(PostText.post_id == post_id, PostText.language == language, PostText.channel == channel)
        .order_by(col(PostText.id).desc())
        .limit(1)
    )
    return session.exec(query).first()
