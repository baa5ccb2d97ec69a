"""What one person needs to see of a municipality today: what waits for them, what goes out, what went out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import LEFT_OUT
from campaigns.localtime import to_utc
from campaigns.models import Act, Approval, Delivery, DeliveryState, OccurrenceRow, Post, Role
from campaigns.occurrences import Occurrence
from campaigns.overviews import actions, follow_up, paths, troubles
from campaigns.overviews.actions import Action
from campaigns.overviews.coming import coming_posts
from campaigns.overviews.period import week_of
from campaigns.overviews.setup import SetUp, set_up
from campaigns.overviews.shown import channel_names, sentence
from campaigns.overviews.standing import PostStanding, Stage, delivery_states, standing_of
from campaigns.people.roles import Roles
from campaigns.season import planned_years, season
from campaigns.swedish import DELIVERY_STATES

LOOKED_BACK = timedelta(days=7)
MOST_LOOKED_BACK = 200
# What a person must do with deliveries: those missed in a pause are chosen again.
_IN_THE_QUEUE = (DeliveryState.UNKNOWN, DeliveryState.FAILED, DeliveryState.MISSED, DeliveryState.MANUAL)


@dataclass(frozen=True)
class Outgoing:
    """A post that goes out at `at` (local time). `missing` are the names of the parties that have not signed."""

    id: int
    at: datetime
    title: str
    channels: str
    standing: PostStanding
    missing: tuple[str, ...]
    path: str


@dataclass(frozen=True)
class PublishedIn:
    """Where a post went out. No `address`: it cannot be seen by a link."""

    channel: str
    word: str
    address: str


@dataclass(frozen=True)
class WentOut:
    """A post that went out, last at `at` (local time)."""

    at: datetime
    title: str
    places: tuple[PublishedIn, ...]


@dataclass(frozen=True)
class Today:
    """The page Idag. `mine` waits for this person, `others` for somebody else; `later` is the rest of the week."""

    now: datetime
    mine: tuple[Action, ...]
    others: tuple[Action, ...]
    today: tuple[Outgoing, ...]
    later: tuple[Outgoing, ...]
    next: Outgoing | None
    went_out: tuple[WentOut, ...]
    set_up: SetUp

    @property
    def week(self) -> int:
        return self.now.isocalendar().week


def today(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    *,
    roles: Roles,
    name: str,
    messages: Path,
    problems: Sequence[str],
    now: datetime,
) -> Today:
    """What the person called `name` needs to see. `messages` is the folder of texts, `problems` the files' faults."""
    local = now.astimezone(municipality.zone)
    laid = season(session, catalog, municipality, years=planned_years(now, municipality))
    rows = coming_posts(session, municipality, now=now)
    posts = [post for post, _ in rows]
    found = _actions(session, catalog, municipality, posts, laid.occurrences, messages, problems, now=now)
    to_sign, left_to_others = _unsigned(session, catalog, municipality, posts, roles, name, now=now)
    is_known = {post.id for post, has_day in rows if has_day}
    outgoing = [item for item in _outgoing(session, catalog, municipality, now=now) if item.at.date() >= local.date()]
    ahead = [post for post in posts if post.id in is_known and post.due_at > now]
    return Today(
        now=local,
        mine=_urgent_first([*[item for item in found if is_for(item, roles)], *to_sign]),
        others=_urgent_first([*[item for item in found if not is_for(item, roles)], *left_to_others]),
        today=tuple(item for item in outgoing if item.at.date() == local.date()),
        later=tuple(item for item in outgoing if item.at.date() > local.date()),
        next=_shown(session, catalog, municipality, ahead[:1], now=now)[0] if ahead else None,
        went_out=tuple(_went_out(session, catalog, municipality, now=now)),
        set_up=set_up(session, municipality, laid.occurrences, today=local.date()),
    )


def is_for(action: Action, roles: Roles) -> bool:
    """Whether somebody with these roles can do it."""
    if action.role is Role.ADMINISTRATOR:
        return roles.is_administrator
    return roles.is_editor if action.role is Role.EDITOR else not set(action.parties).isdisjoint(roles.parties)


def _urgent_first(found: Iterable[Action]) -> tuple[Action, ...]:
    return tuple(sorted(found, key=lambda item: not item.is_urgent))


def _actions(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    posts: Sequence[Post],
    occurrences: Iterable[Occurrence],
    messages: Path,
    problems: Sequence[str],
    *,
    now: datetime,
) -> list[Action]:
    """All but the signing, what stops most first."""
    day = now.astimezone(municipality.zone).date()
    return [
        *troubles.pauses_on(session, municipality),
        *troubles.configuration(municipality, problems),
        *troubles.channels(session, municipality),
        *troubles.deliveries(session, catalog, municipality, states=_IN_THE_QUEUE, now=now),
        *actions.rejected(catalog, municipality, posts),
        *actions.missed(session, catalog, municipality, now=now),
        *actions.undated(catalog, occurrences, municipality, day),
        *actions.unsure_facts(session, catalog, municipality, messages, posts[: actions.READ_FACTS], day=day),
        *follow_up.to_do(session, catalog, municipality, today=day),
    ]


def _unsigned(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    posts: Sequence[Post],
    roles: Roles,
    name: str,
    *,
    now: datetime,
) -> tuple[list[Action], list[Action]]:
    """What this person can sign, and what waits for others only. Nobody signs the same text for two parties."""
    missing = actions.unsigned_parties(session, municipality, posts)
    signed = select(Approval.post_id, Approval.name).where(
        col(Approval.post_id).in_(missing), col(Approval.voided_at).is_(None)
    )
    by_me = {post_id for post_id, signer in session.exec(signed) if signer.casefold() == name.casefold()}
    mine = {
        post_id: parties
        for post_id, parties in missing.items()
        if post_id not in by_me and not set(parties).isdisjoint(roles.parties)
    }
    others = {post_id: parties for post_id, parties in missing.items() if post_id not in mine}
    return (
        list(actions.unsigned(catalog, municipality, posts, mine, now=now)),
        list(actions.unsigned(catalog, municipality, posts, others, now=now)),
    )


def _outgoing(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> list[Outgoing]:
    """The posts of this week, out or not, by time. Those whose day nobody knows are left out: they have no time."""
    local = now.astimezone(municipality.zone).date()
    start = to_utc(local, time(0), municipality.zone)
    end = to_utc(week_of(local).last + timedelta(days=1), time(0), municipality.zone)
    query = (
        select(Post)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(Post.municipality == municipality.id, Post.due_at >= start, Post.due_at < end)
        .where(col(OccurrenceRow.has_day), col(Post.merged_into).is_(None))
        .where(col(Post.state).not_in(LEFT_OUT))
        .order_by(col(Post.due_at), col(Post.id))
    )
    return _shown(session, catalog, municipality, session.exec(query).all(), now=now)


def _shown(
    session: Session, catalog: Catalog, municipality: Municipality, posts: Sequence[Post], *, now: datetime
) -> list[Outgoing]:
    states = delivery_states(session, posts)
    missing = actions.unsigned_parties(session, municipality, posts)
    names = channel_names(municipality)
    parties = municipality.party_names
    shown = []
    for post in posts:
        assert post.id is not None
        standing = standing_of(post, states.get(post.id, ()), now=now)
        wanted = missing.get(post.id, ()) if standing.stage is Stage.DRAFT else ()
        shown.append(
            Outgoing(
                id=post.id,
                at=post.due_at.astimezone(municipality.zone),
                title=sentence(catalog, post),
                channels=", ".join(names.get(channel, channel) for channel in post.channels.split()),
                standing=standing,
                missing=tuple(parties[party] for party in wanted),
                path=paths.staff(municipality, f"mallar/{post.id}"),
            )
        )
    return shown


def _went_out(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> Iterable[WentOut]:
    """What went out in the last seven days, newest first; one row per post, with each channel once."""
    query = (
        select(Delivery, Post)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(Delivery.municipality == municipality.id, Delivery.act != Act.WITHDRAW)
        .where(col(Delivery.state).in_([DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER]))
        .where(col(Delivery.published_at) > now - LOOKED_BACK)
        .order_by(col(Delivery.published_at).desc(), col(Delivery.id).desc())
        .limit(MOST_LOOKED_BACK)
    )
    groups: dict[int, list[tuple[Delivery, Post]]] = {}
    for delivery, post in session.exec(query):
        groups.setdefault(delivery.post_id, []).append((delivery, post))
    for group in groups.values():
        newest, post = group[0]
        assert newest.published_at is not None
        places = {item.channel: _published_in(municipality, item) for item, _ in group}
        at = newest.published_at.astimezone(municipality.zone)
        yield WentOut(at, sentence(catalog, post), tuple(places[name] for name in sorted(places)))


def _published_in(municipality: Municipality, item: Delivery) -> PublishedIn:
    address = item.url if item.url.startswith(("https://", "http://")) else ""
    if item.kind == "webb":
        address = paths.published(municipality, item.post_id)
    name = channel_names(municipality).get(item.channel, item.channel)
    return PublishedIn(name, DELIVERY_STATES[item.state], address)
