"""A text that is being written, shown as it would go out in every channel and language. Nothing is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from campaigns.catalog import Catalog, Fact
from campaigns.content import Source
from campaigns.drafts import Filling, Piece
from campaigns.errors import NotFoundError, TemplateError
from campaigns.models import Post
from campaigns.post_sources import Writing, places_of, texts_of
from campaigns.translations import outdated


@dataclass(frozen=True)
class Unmade:
    """A channel and language for which no text can be made, and why. `is_missing`: nobody has written one."""

    channel: str
    language: str
    message: str
    is_written: bool  # it is the text that is being written that is wrong
    is_missing: bool = False


@dataclass(frozen=True)
class Preview:
    """What would go out. `written_in` are the channels and languages that the text being written is for."""

    pieces: tuple[Piece, ...]
    unmade: tuple[Unmade, ...]
    written_in: frozenset[tuple[str, str]]
    values: Mapping[str, object]  # of the placeholders


def preview(
    session: Session,
    catalog: Catalog,
    messages: Path,
    post: Post,
    writing: Writing | None,
    *,
    now: datetime,
    facts: Mapping[str, Fact],
) -> Preview:
    """`post` as it would go out if `writing` were saved now; as it is, without it.

    A text that cannot be made takes no other with it.
    """
    filling = Filling(session, catalog, messages, post, now=now, facts=facts)
    texts = texts_of(session, catalog, messages, post)
    sources: dict[tuple[str, str], Source] = {}
    unmade: list[Unmade] = []
    written_in = set()
    for channel, language in places_of(filling.municipality, post):
        is_written = writing is not None and texts.would_use(writing, channel, language)
        if is_written:
            written_in.add((channel, language))
        try:
            source = writing.source if writing is not None and is_written else texts.used_in(channel, language)
            filling.fill(source, language)
        except (TemplateError, NotFoundError) as error:
            is_missing = isinstance(error, NotFoundError)
            unmade.append(Unmade(channel, language, error.message, is_written, is_missing))
        else:
            sources[channel, language] = source
    stale = outdated(session, texts, sources).keys()
    return Preview(filling.pieces(sources, stale=stale), tuple(unmade), frozenset(written_in), filling.context)
