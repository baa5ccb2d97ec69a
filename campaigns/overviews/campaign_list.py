"""The campaigns of a municipality, the next one first: when each is, and how far its year has come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from campaigns.additions import is_laid_on
from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import LEFT_OUT, STANDING
from campaigns.models import Delivery, OccurrenceRow, Post, PostState
from campaigns.occurrences import OccurrenceStatus
from campaigns.overviews.shown import days_left, step_name
from campaigns.swedish import moment, span, usual


@dataclass(frozen=True)
class ListedDay:
    """The days of one or more places that share them."""

    places: str
    days: str
    is_confirmed: bool


@dataclass(frozen=True)
class ListedCampaign:
    """A campaign's coming year, or its last one. `years` are all that can be looked at; the counts are of posts."""

    id: str
    name: str
    year: int
    years: tuple[int, ...]
    day: date
    left: str
    days: tuple[ListedDay, ...]
    waiting: int  # to be approved
    undated: int  # to be approved once their day is confirmed
    approved: int  # in time to come
    out: int
    missed: int
    next_step: str


def campaign_list(
    session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime
) -> list[ListedCampaign]:
    """The municipality's campaigns by day: those to come, then those that have been."""
    today = now.astimezone(municipality.zone).date()
    rows = session.exec(
        select(OccurrenceRow)
        .where(OccurrenceRow.municipality == municipality.id, col(OccurrenceRow.cancelled_at).is_(None))
        .order_by(col(OccurrenceRow.day), col(OccurrenceRow.key))
    ).all()
    chosen: dict[str, tuple[int, tuple[int, ...], list[OccurrenceRow]]] = {}
    for campaign in catalog.campaigns.values():
        own = [row for row in rows if is_laid_on(municipality, campaign, row.risk_date)]
        if own:
            year = next((row.year for row in own if row.last_day >= today), own[-1].year)
            years = tuple(sorted({row.year for row in own}))
            chosen[campaign.id] = year, years, [row for row in own if row.year == year]
    posts = _posts(session, municipality, [row.key for _, _, own in chosen.values() for row in own])
    out = _out(session, posts)
    found = []
    for name, (year, years, own) in chosen.items():
        keys = {row.key for row in own}
        mine = [post for post in posts if post.campaign == name and post.occurrence in keys]
        ahead = [row for row in own if row.last_day >= today] or own[-1:]
        first = next((row for row in ahead if row.has_day), ahead[0])
        found.append(
            ListedCampaign(
                id=name,
                name=catalog.campaigns[name].name,
                year=year,
                years=years,
                day=first.day,
                left=_left(first, today),
                days=tuple(_days(own)),
                waiting=sum(1 for post in mine if _is_waiting(post, now) and not post.is_preliminary),
                undated=sum(1 for post in mine if _is_waiting(post, now) and post.is_preliminary),
                approved=sum(1 for post in mine if post.state == PostState.APPROVED and post.id not in out),
                out=sum(1 for post in mine if post.id in out),
                missed=sum(
                    1
                    for post in mine
                    if post.state in (PostState.DRAFT, PostState.REJECTED)
                    and post.not_after <= now
                    and post.id not in out
                    and not post.is_preliminary
                ),
                next_step=_next_step(catalog, municipality, mine, own, now),
            )
        )
    return sorted(found, key=lambda item: (item.left == OVER, item.day, item.id))


OVER = "har varit"


def _is_waiting(post: Post, now: datetime) -> bool:
    return post.state in (PostState.DRAFT, PostState.REJECTED) and post.not_after > now


def _posts(session: Session, municipality: Municipality, keys: Sequence[str]) -> Sequence[Post]:
    query = (
        select(Post)
        .where(Post.municipality == municipality.id, col(Post.occurrence).in_(keys))
        .where(col(Post.merged_into).is_(None), col(Post.state).not_in(LEFT_OUT))
        .order_by(col(Post.due_at), col(Post.id))
    )
    return session.exec(query).all()


def _out(session: Session, posts: Sequence[Post]) -> set[int]:
    """The ids of those that stand in some channel."""
    ids = [post.id for post in posts if post.state == PostState.APPROVED]
    query = select(Delivery.post_id).where(col(Delivery.post_id).in_(ids), col(Delivery.state).in_(STANDING)).distinct()
    return set(session.exec(query))


def _left(row: OccurrenceRow, today: date) -> str:
    if row.last_day < today:
        return OVER
    return days_left(row.first_day, row.last_day, today) if row.has_day else "inget datum än"


def _days(rows: Iterable[OccurrenceRow]) -> Iterable[ListedDay]:
    groups: dict[tuple[object, ...], list[OccurrenceRow]] = {}
    for row in rows:
        groups.setdefault((row.name, row.first_day, row.last_day, row.has_day, row.status), []).append(row)
    for group in sorted(groups.values(), key=lambda group: not group[0].has_day):
        row = group[0]
        when = span(row.first_day, row.last_day) if row.has_day else f"brukar vara {usual(row.first_day, row.last_day)}"
        places = [each.place_name for each in group if each.place_name]
        told = "; ".join(places) if len(places) < 3 else f"{len(places)} skolor eller platser"
        yield ListedDay(told, when, row.status == OccurrenceStatus.CONFIRMED)


def _next_step(
    catalog: Catalog, municipality: Municipality, posts: Sequence[Post], rows: Iterable[OccurrenceRow], now: datetime
) -> str:
    """What goes out next, if its day is known."""
    known = {row.key for row in rows if row.has_day}
    post = next((post for post in posts if post.due_at > now and (post.is_extra or post.occurrence in known)), None)
    return f"{step_name(catalog, post)}, {moment(post.due_at, municipality.zone)}" if post else ""
