"""The versions of a post's text: what each is from, how two differ, and making an old one the newest again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from campaigns.catalog import Catalog
from campaigns.content import FIELD_NAMES, Fields, composed, decomposed
from campaigns.differences import Kind, Part, differences
from campaigns.errors import NotFoundError, TemplateError
from campaigns.models import Post, PostText
from campaigns.post_sources import PostSources, texts_of
from campaigns.texts import write_text


@dataclass(frozen=True)
class Version:
    """One text as it was saved. `number` is 0 for what the first was written from, which nobody wrote for this post.

    `source` is the template's text; `author` and `at` are empty for a file. `fault` says why a text cannot be shown.
    """

    number: int
    source: str
    author: str = ""
    at: datetime | None = None
    fault: str = ""
    is_missing: bool = False  # nobody has written one
    is_common: bool = False  # the channel was given the common text back, and follows it
    ordinal: int = 0  # what people call it: the first that was saved of just this text is 1

    @property
    def fields(self) -> Fields:
        return decomposed(self.source)


@dataclass(frozen=True)
class FieldDifference:
    """What differs in one field. `name` is what people call it."""

    name: str
    parts: Sequence[Part]


def versions(texts: PostSources, *, channel: str, language: str) -> list[Version]:
    """Every version for just this channel ("" for all) and language, newest first, and last what they began from."""
    rows = texts.own(channel, language)
    begun_from = _begun_from(texts, channel=channel, language=language)
    own = [
        Version(
            row.id or 0,
            row.source or begun_from.source,
            row.author,
            row.created_at,
            ordinal=len(rows) - place,
            is_common=not row.source,
        )
        for place, row in enumerate(rows)
    ]
    return [*own, begun_from]


def _begun_from(texts: PostSources, *, channel: str, language: str) -> Version:
    try:
        source = texts.begun_from(channel, language)
    except NotFoundError as error:
        return Version(0, "", fault=error.message, is_missing=True)
    except TemplateError as error:
        return Version(0, "", fault=error.message)
    row = texts.row_begun_from(channel, language)
    return Version(0, source.text, row.author if row else "", row.created_at if row else None)


def version(texts: PostSources, number: int, *, channel: str, language: str) -> Version:
    """The version with this number. Raises NotFoundError, also for one of another post, channel or language."""
    found = next((item for item in versions(texts, channel=channel, language=language) if item.number == number), None)
    if found is None:
        raise NotFoundError("Versionen finns inte för det här budskapet. Välj en i listan.")
    return found


def field_differences(earlier: Fields, later: Fields) -> list[FieldDifference]:
    """The fields that differ, in the order of the form."""
    found = []
    for key, name in FIELD_NAMES.items():
        old, new = getattr(earlier, key), getattr(later, key)
        if old != new:
            found.append(FieldDifference(name, differences(old, new)))
    if earlier.sources != later.sources:
        found.append(FieldDifference("Uppgifterna", _listed(earlier.sources, later.sources)))
    return found


def _listed(earlier: Sequence[str], later: Sequence[str]) -> list[Part]:
    parts = [Part(Kind.REMOVED, item) for item in earlier if item not in later]
    return [*parts, *(Part(Kind.ADDED, item) for item in later if item not in earlier)]


def save(
    session: Session,
    catalog: Catalog,
    messages: Path,
    post: Post,
    fields: Fields,
    *,
    channel: str,
    language: str,
    author: str,
    now: datetime,
    begun_from: int,
    seen: str | None = None,
) -> PostText | None:
    """Save the fields as a new version of the text that they were opened from; None if nothing had been changed.

    Raises as `write_text`, whose `begun_from` and `seen` they are.
    """
    assert post.id is not None
    texts = texts_of(session, catalog, messages, post)
    try:
        base = version(texts, begun_from, channel=channel, language=language)
    except NotFoundError:
        base = Version(0, "")
    if base.source and fields.tidied() == base.fields:
        return None
    return write_text(
        session,
        catalog,
        post.id,
        language=language,
        channel=channel,
        source=composed(fields, base=base.source),
        author=author,
        now=now,
        begun_from=begun_from,
        messages=messages,
        seen=seen,
    )


def restore(
    session: Session,
    catalog: Catalog,
    messages: Path,
    post: Post,
    number: int,
    *,
    channel: str,
    language: str,
    author: str,
    now: datetime,
    begun_from: int,
) -> PostText:
    """Make an old version the newest again, as a new version. `begun_from` and errors are those of `write_text`."""
    assert post.id is not None
    old = version(texts_of(session, catalog, messages, post), number, channel=channel, language=language)
    if old.fault:
        raise NotFoundError(old.fault)
    return write_text(
        session,
        catalog,
        post.id,
        language=language,
        channel=channel,
        source=old.source,
        author=author,
        now=now,
        begun_from=begun_from,
        restored=number,
    )
