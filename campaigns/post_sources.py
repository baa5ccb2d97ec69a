"""Which text a post uses in each channel and language: what people wrote, else the shipped file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.content import SWEDISH, Source, find_source, parse_source
from campaigns.errors import NotFoundError
from campaigns.models import OccurrenceRow, Post, PostText


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
    written: Sequence[PostText]

    def used_in(self, channel: str, language: str) -> Source:
        """The newest that a person wrote for this post or, failing that, for last year's same post; else the file.

        Raises NotFoundError or TemplateError.
        """
        return self._source(self.row_in(channel, language), channel, language)

    def begun_from(self, channel: str, language: str) -> Source:
        """What the post's own first version for just this channel ("" for all) and language is written from."""
        rows = (row for row in self._fitting(channel, language) if not self._is_own(row, channel))
        return self._source(next(rows, None), channel, language)

    def row_in(self, channel: str, language: str) -> PostText | None:
        """The version that `used_in` takes, or None where it takes the file."""
        return next(self._fitting(channel, language), None)

    def row_begun_from(self, channel: str, language: str) -> PostText | None:
        """The version that `begun_from` takes, or None where it takes the file."""
        return next((row for row in self._fitting(channel, language) if not self._is_own(row, channel)), None)

    def own(self, channel: str, language: str) -> list[PostText]:
        """The post's own versions for just this channel ("" for all) and language, newest first."""
        return [row for row in self.written if self._is_own(row, channel) and row.language == language]

    def would_use(self, writing: Writing, channel: str, language: str) -> bool:
        """Whether `writing` would be the text of this channel and language, once saved."""
        if writing.language != language:
            return False
        return writing.channel == channel or (not writing.channel and not self.own(channel, language))

    def _fitting(self, channel: str, language: str) -> Iterator[PostText]:
        return (row for row in self.written if row.language == language and row.channel in ("", channel))

    def _is_own(self, row: PostText, channel: str) -> bool:
        return row.post_id == self.post.id and row.channel == channel

    def _source(self, row: PostText | None, channel: str, language: str) -> Source:
        if row is not None:
            return parse_source(row.source, name=f"{self.post.key} ({language}), version {row.id}")
        post = self.post
        source = find_source(
            self.messages, self.folder, post.step, post.audience, channel=channel or None, language=language
        )
        if source is None:
            tail = "" if language == SWEDISH else f".{language}"
            name = f"{self.folder}/{post.step}.{post.audience}{tail}.md"
            raise NotFoundError(
                f"Det finns ingen mall {name}. Skriv den i {self.messages.name}, eller texten i budskapet."
            )
        return source


def texts_of(session: Session, catalog: Catalog, messages: Path, post: Post) -> PostSources:
    """All texts that `post` can use."""
    campaign = catalog.campaign(post.campaign)
    risk_date = session.get_one(OccurrenceRow, post.occurrence).risk_date
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
    """The channels that the post is written for. One that is put right keeps those that have left the file since."""
    names = post.channels.split()
    return [name for name in names if name in municipality.channel_ids] if post.is_correction else names


def _written(session: Session, post: Post) -> Sequence[PostText]:
    """What people wrote: this year's before last year's, this place's before another's, a channel's own first."""
    same = (
        select(PostText)
        .join(Post, col(Post.id) == col(PostText.post_id))
        .where(
            Post.municipality == post.municipality,
            Post.campaign == post.campaign,
            Post.step == post.step,
            Post.audience == post.audience,
            Post.due_at <= post.due_at,
        )
        .order_by(
            col(Post.due_at).desc(),
            (col(Post.id) == post.id).desc(),
            col(PostText.channel).desc(),
            col(PostText.id).desc(),
        )
    )
    return session.exec(same).all()
