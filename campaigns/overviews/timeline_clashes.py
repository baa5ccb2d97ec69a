"""What else goes out to the same audience in the same channel on the same day, told beside each of the two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import LEFT_OUT
from campaigns.models import Post
from campaigns.plan import Plan
from campaigns.post_names import post_name


def clashes_beside(
    session: Session, catalog: Catalog, municipality: Municipality, posts: Sequence[Post], laid: Plan
) -> dict[str, list[str]]:
    """By a post's key, what else goes out to the same audience in the same channel that day, and what is proposed."""
    channels = {channel.id: channel.name for channel in municipality.channels}
    meetings: dict[tuple[str, str, str], list[str]] = {}
    own = {post.key for post in posts}
    for clash in laid.clashes:
        if clash.first in own or clash.second in own:
            meetings.setdefault((clash.first, clash.second, clash.proposal), []).append(clash.channel)
    others = _others(session, municipality, posts)
    for first, second in _added_clashes(municipality, posts, others.values()):
        both = set(first.channels.split()) & set(second.channels.split())
        meetings.setdefault((first.key, second.key, ""), []).extend(sorted(both))
    wanted = {key for first, second, _ in meetings for key in (first, second)} - others.keys()
    if wanted:
        query = select(Post).where(Post.municipality == municipality.id, col(Post.key).in_(wanted))
        others |= {post.key: post for post in session.exec(query)}
    names = {key: post_name(catalog, post) for key, post in others.items()}
    told: dict[str, list[str]] = {}
    for (one, another, proposal), where in meetings.items():
        ways = ", ".join(channels.get(item, item) for item in where)
        for key, other in ((one, another), (another, one)):
            sentence = f"Samma dag går också ”{names.get(other, other)}” ut i {ways}. {proposal}"
            told.setdefault(key, []).append(sentence.strip())
    return told


def _others(session: Session, municipality: Municipality, posts: Sequence[Post]) -> dict[str, Post]:
    """All of the municipality's posts within the days of `posts`, which are among them."""
    if not posts:
        return {}
    first, last = (at(post.due_at for post in posts) for at in (min, max))
    query = select(Post).where(
        Post.municipality == municipality.id,
        Post.due_at >= first - timedelta(days=1),
        Post.due_at <= last + timedelta(days=1),
        col(Post.merged_into).is_(None),
        col(Post.is_preliminary).is_(False),
        col(Post.state).not_in(LEFT_OUT),
    )
    return {post.key: post for post in session.exec(query)}


def _added_clashes(
    municipality: Municipality, posts: Sequence[Post], others: Iterable[Post]
) -> Iterable[tuple[Post, Post]]:
    """Pairs of which a person has added one, or both: the plan does not know of those."""
    days: dict[tuple[date, str], list[Post]] = {}
    for post in others:
        days.setdefault((post.due_at.astimezone(municipality.zone).date(), post.audience), []).append(post)
    own = {post.key for post in posts}
    for meeting in days.values():
        for number, first in enumerate(meeting):
            for second in meeting[number + 1 :]:
                is_ours = (first.is_extra or second.is_extra) and bool({first.key, second.key} & own)
                if is_ours and set(first.channels.split()) & set(second.channels.split()):
                    yield first, second
