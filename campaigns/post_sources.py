"""Which text a post uses in each channel and language: what people wrote, else the shipped file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality
from campaigns.content import SWEDISH, Source, find_source, parse_source
from campaigns.errors import NotFoundError
from campaigns.models import OccurrenceRow, Post, PostText


class Occurrence(NamedTuple):
    """What a text is told of its occurrence."""

    name: str
    day: date
    risk_date: str


class Written(NamedTuple):
    """A version that a person saved: the columns of PostText."""

    id: int
    post_id: int
    channel: str
    language: str
    source: str
    author: str
    created_at: datetime


_OCCURRENCE = OccurrenceRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_POST = Post.__table__  # type: ignore[attr-defined]
_TEXT = PostText.__table__  # type: ignore[attr-defined]
_ITS_OCCURRENCE = select(*(_OCCURRENCE.c[name] for name in Occurrence._fields)).where(
    _OCCURRENCE.c.key == bindparam("key")
)
_WRITTEN = (
    select(*(_TEXT.c[name] for name in Written._fields))
    .join(_POST, _POST.c.id == _TEXT.c.post_id)
    .where(
        *(_POST.c[name] == bindparam(name) for name in ("municipality", "campaign", "step", "audience")),
        _POST.c.due_at <= bindparam("due_at"),
    )
    .order_by(_POST.c.due_at.desc(), (_POST.c.id == bindparam("id")).desc(), _TEXT.c.channel.desc(), _TEXT.c.id.desc())
)


@dataclass(frozen=True)
class Writing:
    """A text that is being written for a post and is not saved. An empty `channel` means all of them."""

    channel: str
    language: str
    source: Source


@dataclass(frozen=True)
class PostSources:
    """A post's texts. `folder` is where its shipped files lie, under `messages`."""

    post: Post
    messages: Path
    folder: str
    written: Sequence[Written]

    def used_in(self, channel: str, language: str) -> Source:
        """The newest that a person wrote for this post or, failing that, for last year's same post; else the file.

        Raises NotFoundError or TemplateError.
        """
        return self._source(self.row_in(channel, language), channel, language)

    def is_common(self, channel: str, language: str) -> bool:
        """Whether the channel has had a text of its own, and then been given the common one back."""
        newest = next((row for row in self._in(language) if channel and row.channel == channel), None)
        return newest is not None and not newest.source

    def begun_from(self, channel: str, language: str) -> Source:
        """What the post's own first version for just this channel ("" for all) and language is written from."""
        rows = (row for row in self._fitting(channel, language) if not self._is_own(row, channel))
        return self._source(next(rows, None), channel, language)

    def row_in(self, channel: str, language: str) -> Written | None:
        """The version that `used_in` takes, or None where it takes the file."""
        return next(self._fitting(channel, language), None)

    def row_begun_from(self, channel: str, language: str) -> Written | None:
        """The version that `begun_from` takes, or None where it takes the file."""
        return next((row for row in self._fitting(channel, language) if not self._is_own(row, channel)), None)

    def own(self, channel: str, language: str) -> list[Written]:
        """The post's own versions for just this channel ("" for all) and language, newest first."""
        return [row for row in self.written if self._is_own(row, channel) and row.language == language]

    def would_use(self, writing: Writing, channel: str, language: str) -> bool:
        """Whether `writing` would be the text of this channel and language, once saved."""
        if writing.language != language:
            return False
        if writing.channel == channel:
            return True
        return not writing.channel and (not self.own(channel, language) or self.is_common(channel, language))

    def _fitting(self, channel: str, language: str) -> Iterator[Written]:
        wanted = ("",) if self.is_common(channel, language) else ("", channel)
        return (row for row in self._in(language) if row.channel in wanted)

    def _in(self, language: str) -> Iterator[Written]:
        return (row for row in self.written if row.language == language)

    def _is_own(self, row: Written, channel: str) -> bool:
        return row.post_id == self.post.id and row.channel == channel

    def _source(self, row: Written | None, channel: str, language: str) -> Source:
        if row is not None:
            return parse_source(row.source, name=f"{self.post.key} ({language}), version {row.id}")
        post = self.post
        if post.is_extra:
            raise NotFoundError(f"Budskapet har ingen text på språket ”{language}” än. Skriv den.")
        own = None if self.is_common(channel, language) else channel or None
        source = find_source(self.messages, self.folder, post.step, post.audience, channel=own, language=language)
        if source is None:
            tail = "" if language == SWEDISH else f".{language}"
            name = f"{self.folder}/{post.step}.{post.audience}{tail}.md"
            raise NotFoundError(
                f"Det finns ingen mall {name}. Skriv den i {self.messages.name}, eller texten i budskapet."
            )
        return source


def occurrence_of(session: Session, post: Post) -> Occurrence:
    return Occurrence(*session.execute(_ITS_OCCURRENCE, {"key": post.occurrence}).one())


def texts_of(
    session: Session, catalog: Catalog, messages: Path, post: Post, occurrence: Occurrence | None = None
) -> PostSources:
    """All texts that `post` can use. `occurrence` is its own, where it has been read."""
    campaign = catalog.campaign(post.campaign)
    risk_date = (occurrence or occurrence_of(session, post)).risk_date
    # An extra date borrows a campaign's steps, not its words: those speak of another day.
    folder = post.campaign if risk_date == campaign.risk_date else risk_date
    return PostSources(post, messages, folder, _written(session, post))


def places_of(municipality: Municipality, post: Post) -> list[tuple[str, str]]:
    """The channels and languages that the post is written for."""
    return [
        (channel, language)
        for channel in _channels(municipality, post)
        for language in municipality.channel(channel).languages
    ]


def sources_of(
    session: Session, catalog: Catalog, municipality: Municipality, messages: Path, post: Post
) -> dict[tuple[str, str], Source]:
    """Per channel and language, the text used. Raises NotFoundError or TemplateError."""
    found = texts_of(session, catalog, messages, post)
    return {place: found.used_in(*place) for place in places_of(municipality, post)}


def _channels(municipality: Municipality, post: Post) -> list[str]:
    """The channels that the post is written for, without those that have left the file where the plan does not see."""
    names = post.channels.split()
    is_unplanned = post.is_correction or post.is_extra
    return [name for name in names if name in municipality.channel_ids] if is_unplanned else names


def _written(session: Session, post: Post) -> Sequence[Written]:
    """What people wrote: this year's before last year's, this place's before another's, a channel's own first."""
    same = ("id", "municipality", "campaign", "step", "audience", "due_at")
    return [Written(*row) for row in session.execute(_WRITTEN, {name: getattr(post, name) for name in same})]
