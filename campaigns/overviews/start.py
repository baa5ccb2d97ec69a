"""What the start page tells: the next risk dates, what goes out next, what needs a person, what went out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Select, func, select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.content import listed
from campaigns.models import Delivery, OccurrenceRow, Post, PostState
from campaigns.news import Message, published
from campaigns.overviews import actions, troubles
from campaigns.overviews.actions import Action
from campaigns.overviews.coming import coming_posts
from campaigns.overviews.shown import (
    ShownDate,
    ShownPost,
    audience_beside_step,
    campaign_name,
    channel_names,
    step_name,
    upcoming,
)
from campaigns.posts import shown_state, told_reason
from campaigns.season import planned_years, season
from campaigns.signatures import missing_signatures
from campaigns.swedish import POST_STATES, moment, short_date

SHOWN_POSTS = 10


@dataclass(frozen=True)
class Today:
    """All that the start page shows of one municipality."""

    dates: Sequence[ShownDate]
    posts: Sequence[ShownPost]
    actions: Sequence[Action]
    published: Sequence[Message]
    first_post: ShownPost | None
    reasons: Mapping[int, str]  # by the post's number, why it was rejected or must be signed again
    example_names: Mapping[str, str]  # by the party's id


@dataclass(frozen=True)
class OverviewRow:
    """One municipality among several. `day` is None if no day is known in the coming year."""

    id: str
    name: str
    risk_date: str
    day: date | None
    unsigned: int
    faulty: int


def today(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    *,
    messages: Path,
    problems: Sequence[str],
    now: datetime,
) -> Today:
    """The start page's content for `municipality`. `messages` is the folder of texts, `problems` the files' faults."""
    day = now.astimezone(municipality.zone).date()
    laid = season(session, catalog, municipality, years=planned_years(now, municipality))
    rows = coming_posts(session, municipality, now=now)
    shown = _shown_posts(session, catalog, municipality, rows, now=now)
    posts = [post for post, _ in rows]
    unsigned = actions.unsigned_parties(session, municipality, posts)
    return Today(
        dates=upcoming(laid.occurrences, today=day, within=timedelta(days=365)),
        posts=shown,
        actions=[
            *troubles.configuration(municipality, problems),
            *troubles.deliveries(session, catalog, municipality, now=now),
            *actions.rejected(catalog, municipality, posts),
            *actions.unsigned(catalog, municipality, posts, unsigned, now=now),
            *actions.missed(session, catalog, municipality, now=now),
            *actions.undated(catalog, laid.occurrences, municipality, day),
            *actions.unsure_facts(session, catalog, municipality, messages, posts[: actions.READ_FACTS], day=day),
        ],
        published=published(session, municipality.id, kind="webb", most=5),
        first_post=next((post for post in shown if post.state in (PostState.DRAFT, PostState.REJECTED)), None),
        reasons={post.id: told_reason(post) for post in posts if post.id is not None and post.reason},
        example_names=actions.example_names(municipality),
    )


def overview(session: Session, municipalities: Iterable[Municipality], *, now: datetime) -> list[OverviewRow]:
    """A row per municipality, in the order given."""
    known = list(municipalities)
    horizon = now.date() + timedelta(days=366)
    coming: dict[str, tuple[str, date]] = {}
    query = (
        select(col(OccurrenceRow.municipality), col(OccurrenceRow.name), col(OccurrenceRow.day))
        .where(col(OccurrenceRow.last_day) >= now.date(), col(OccurrenceRow.day) <= horizon)
        .where(col(OccurrenceRow.has_day), col(OccurrenceRow.cancelled_at).is_(None))
        .order_by(col(OccurrenceRow.day))
    )
    for municipality_id, name, day in session.execute(query):
        coming.setdefault(municipality_id, (name, day))
    unsigned = _counts(
        session,
        select(col(Post.municipality), func.count())
        .where(col(Post.state).in_([PostState.DRAFT, PostState.REJECTED]), col(Post.merged_into).is_(None))
        .where(
            col(Post.due_at) <= now + actions.SIGN_WITHIN,
            col(Post.not_after) > now,
            col(Post.is_preliminary).is_(False),
        )
        .group_by(col(Post.municipality)),
    )
    faulty = _counts(
        session,
        select(col(Delivery.municipality), func.count())
        .where(col(Delivery.state).in_(troubles.NEEDS_PERSON), col(Delivery.changed_at) > now - actions.TOLD_FOR)
        .group_by(col(Delivery.municipality)),
    )
    rows = []
    for item in known:
        name, found = coming.get(item.id, ("", None))
        rows.append(OverviewRow(item.id, item.name, name, found, unsigned.get(item.id, 0), faulty.get(item.id, 0)))
    return rows


def _counts(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {name: count for name, count in session.execute(query)}  # noqa: C416 - rows, which dict() is not typed for


def _shown_posts(
    session: Session, catalog: Catalog, municipality: Municipality, rows: Sequence[tuple[Post, bool]], *, now: datetime
) -> list[ShownPost]:
    """The rows for people. Those that wait for the same local date, one per school, are one."""
    groups: dict[tuple[object, ...], list[tuple[Post, bool]]] = {}
    for post, has_day in rows:
        same = (post.campaign, post.step, post.audience, post.due_at, has_day, "" if post.is_preliminary else post.id)
        groups.setdefault(same, []).append((post, has_day))
    missing = missing_signatures(session, municipality, [post for post, _ in rows])
    return [
        _shown_post(catalog, municipality, [post for post, _ in group], missing, has_day=group[0][1], now=now)
        for group in list(groups.values())[:SHOWN_POSTS]
    ]


def _places(posts: Sequence[Post]) -> str:
    names = [place for post in posts for place in post.places.split("\n") if place]
    return listed(names) if len(names) < 3 else f"{len(names)} skolor eller platser"


def _shown_post(
    catalog: Catalog,
    municipality: Municipality,
    posts: Sequence[Post],
    missing: Mapping[int, Sequence[str]],
    *,
    has_day: bool,
    now: datetime,
) -> ShownPost:
    post = posts[0]
    assert post.id is not None
    names = channel_names(municipality)
    parties = {party.id: party.name for party in municipality.parties}
    state = shown_state(post, now=now)
    is_waited_for = state in (PostState.DRAFT, PostState.REJECTED)
    day = post.due_at.astimezone(municipality.zone).date()
    return ShownPost(
        id=post.id,
        due=moment(post.due_at, municipality.zone) if has_day else f"tidigast {short_date(day)}",
        due_at=post.due_at,
        campaign=campaign_name(catalog, post),
        step=step_name(catalog, post),
        audience=audience_beside_step(catalog, post),
        channels=", ".join(names.get(channel, channel) for channel in post.channels.split()),
        places=_places(posts),
        state=state,
        state_name=POST_STATES[state],
        how_many=len(posts),
        missing=tuple(parties[party] for party in missing.get(post.id, ())) if is_waited_for else (),
    )
