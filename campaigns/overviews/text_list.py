"""The coming season's texts, each with how far it has come. No text is filled in: that is for the page of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.content import SWEDISH, decomposed
from campaigns.enqueue import LEFT_OUT
from campaigns.models import OccurrenceRow, Post, PostText
from campaigns.post_names import audience_name, campaign_name, step_name
from campaigns.posts import shown_state
from campaigns.signatures import missing_signatures
from campaigns.swedish import POST_STATES, long_date, moment

AHEAD = timedelta(days=366)


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; "" for everything. `state` is a key of POST_STATES."""

    campaign: str = ""
    audience: str = ""
    state: str = ""


@dataclass(frozen=True)
class TextRow:
    """One text in the list. `title` is what was written for it, if anything; `missing` are the parties yet to sign.

    Those of several places that wait for the same date share a row: `others` are the rest of them, with their places.
    """

    post_id: int
    step: str
    audience: str
    places: str
    others: Sequence[tuple[int, str]]
    due: str
    state: str
    state_name: str
    missing: tuple[str, ...]
    title: str
    edited_by: str
    edited: str


@dataclass(frozen=True)
class Season:
    """The texts of one occurrence of a campaign, by time."""

    heading: str
    day: str
    rows: Sequence[TextRow]


@dataclass(frozen=True)
class TextList:
    """The coming texts under their campaigns, and what they can be narrowed to (ids and names).

    `count` is of texts and not of rows.
    """

    seasons: Sequence[Season]
    campaigns: Sequence[tuple[str, str]]
    audiences: Sequence[tuple[str, str]]
    states: Sequence[tuple[str, str]]
    count: int


def text_list(
    session: Session, catalog: Catalog, municipality: Municipality, filters: Filters, *, now: datetime
) -> TextList:
    """The texts of the coming season that agree with `filters`, each with whose signatures are wanting."""
    found = session.execute(
        select(Post, OccurrenceRow)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(col(Post.municipality) == municipality.id, col(Post.merged_into).is_(None))
        .where(col(Post.not_after) > now, col(Post.due_at) < now + AHEAD, col(Post.state).not_in(LEFT_OUT))
        .order_by(col(Post.due_at), col(Post.id))
    ).all()
    every = [(post, occurrence) for post, occurrence in found]
    wanted = [(post, occurrence) for post, occurrence in every if _agrees(post, filters, now=now)]
    return TextList(
        seasons=_seasons(session, catalog, municipality, wanted, now=now),
        campaigns=_distinct([(post.campaign, campaign_name(catalog, post)) for post, _ in every]),
        audiences=_distinct([(post.audience, audience_name(catalog, post)) for post, _ in every]),
        states=_distinct([(state, POST_STATES[state]) for state in (shown_state(post, now=now) for post, _ in every)]),
        count=len(wanted),
    )


def _agrees(post: Post, filters: Filters, *, now: datetime) -> bool:
    return (
        filters.campaign in ("", post.campaign)
        and filters.audience in ("", post.audience)
        and filters.state in ("", shown_state(post, now=now))
    )


def _distinct(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(pairs))


def _seasons(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    found: Sequence[tuple[Post, OccurrenceRow]],
    *,
    now: datetime,
) -> list[Season]:
    posts = [post for post, _ in found]
    together = _together(found)
    missing = missing_signatures(session, municipality, posts)
    edited = _last_edited(session, posts)
    groups: dict[tuple[str, str, date | None], list[TextRow]] = {}
    for post, occurrence in found:
        if post.id not in together:
            continue
        last = max((edited[item.id] for item in together[post.id] if item.id in edited), key=_number, default=None)
        row = _row(catalog, municipality, together[post.id], last, missing.get(post.id, ()), now=now)
        day = occurrence.day if occurrence.has_day else None
        groups.setdefault((campaign_name(catalog, post), occurrence.name, day), []).append(row)
    return [
        Season(heading, _day_of(name, day), rows)
        for (heading, name, day), rows in sorted(groups.items(), key=lambda group: group[0][2] or date.max)
    ]


def _day_of(name: str, day: date | None) -> str:
    return long_date(day) if day else f"{name}: dagen är inte bekräftad än"


def _last_edited(session: Session, posts: Sequence[Post]) -> dict[int, PostText]:
    newest = (
        select(func.max(col(PostText.id)))
        .where(col(PostText.post_id).in_([post.id for post in posts]))
        .group_by(col(PostText.post_id))
    )
    rows = session.execute(select(PostText).where(col(PostText.id).in_(newest))).scalars()
    return {row.post_id: row for row in rows}


def _together(found: Sequence[tuple[Post, OccurrenceRow]]) -> dict[int, list[Post]]:
    """By the first one's number, the posts that share a row: those that wait for the same local date, one per place."""
    groups: dict[tuple[object, ...], list[Post]] = {}
    for post, occurrence in found:
        own = "" if post.is_preliminary and not occurrence.has_day else post.id
        groups.setdefault((post.campaign, post.step, post.audience, post.due_at, own), []).append(post)
    return {group[0].id: group for group in groups.values() if group[0].id is not None}


def _number(row: PostText) -> int:
    return row.id or 0


def _row(
    catalog: Catalog,
    municipality: Municipality,
    posts: Sequence[Post],
    last: PostText | None,
    missing: Sequence[str],
    *,
    now: datetime,
) -> TextRow:
    post, *rest = posts
    assert post.id is not None
    names = municipality.party_names
    state = shown_state(post, now=now)
    return TextRow(
        post_id=post.id,
        step=step_name(catalog, post),
        audience=audience_name(catalog, post),
        places=_places(post),
        others=[(item.id, _places(item)) for item in rest if item.id is not None],
        due="" if post.is_preliminary else moment(post.due_at, municipality.zone),
        state=state,
        state_name=POST_STATES[state],
        missing=tuple(names.get(party, party) for party in missing),
        title=_title(last),
        edited_by=last.author if last else "",
        edited=moment(last.created_at, municipality.zone) if last else "",
    )


def _places(post: Post) -> str:
    return ", ".join(post.places.splitlines())


def _title(last: PostText | None) -> str:
    """The heading that was written last for all channels, in Swedish, where it says the same on every day."""
    if last is None or last.channel or last.language != SWEDISH:
        return ""
    title = decomposed(last.source).title
    return "" if "{" in title else title
