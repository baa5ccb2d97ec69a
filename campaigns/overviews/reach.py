"""The numbers of how far messages reached, as the page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from campaigns import reach
from campaigns.catalog import Catalog, Municipality
from campaigns.models import Post
from campaigns.post_names import post_name
from campaigns.reach_numbers import CLICKS_WORD, Noted, clicks, noted
from campaigns.swedish import moment

LOOKED_BACK = timedelta(days=366)


@dataclass(frozen=True)
class ShownNumber:
    word: str
    number: int
    told: str  # who and when; how it was counted, for our own


@dataclass(frozen=True)
class ReachChannel:
    id: str
    name: str
    numbers: Sequence[ShownNumber]
    is_out: bool


@dataclass(frozen=True)
class ReachPost:
    """A post that has gone out, with what is known of each of its channels."""

    id: int
    name: str
    when: str
    channels: Sequence[ReachChannel]


def reach_page(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> list[ReachPost]:
    """The last year's posts, the newest first."""
    posts = reach.posts_out(session, municipality, since=now - LOOKED_BACK, now=now)
    return _shown(session, catalog, municipality, posts)


def reach_of(session: Session, catalog: Catalog, municipality: Municipality, post: Post) -> ReachPost:
    [found] = _shown(session, catalog, municipality, [post])
    return found


def _shown(session: Session, catalog: Catalog, municipality: Municipality, posts: Sequence[Post]) -> list[ReachPost]:
    out = reach.out(session, [post.id for post in posts if post.id is not None])
    ids = [post.id for post in posts if post.id is not None]
    numbers, clicked = noted(session, ids), clicks(session, ids)
    names = {channel.id: channel.name for channel in municipality.channels}
    return [
        ReachPost(
            post.id or 0,
            post_name(catalog, post),
            moment(post.due_at, municipality.zone),
            [
                ReachChannel(
                    channel,
                    names.get(channel, channel),
                    [
                        *_clicked(clicked.get(post.id or 0, {}), channel),
                        *_numbers(numbers.get(post.id or 0, ()), channel, municipality),
                    ],
                    channel in out.get(post.id or 0, ()),
                )
                for channel in post.channels.split()
            ],
        )
        for post in posts
    ]


def _clicked(found: dict[str, int], channel: str) -> list[ShownNumber]:
    told = "räknat av vår egen länk, utan att veta vem"
    return [ShownNumber(CLICKS_WORD, found[channel], told)] if channel in found else []


def _numbers(found: Sequence[Noted], channel: str, municipality: Municipality) -> list[ShownNumber]:
    return [
        ShownNumber(item.word, item.number, f"{item.source}, {moment(item.at, municipality.zone)}")
        for item in found
        if item.channel == channel
    ]
