"""Each campaign in each year, as the days that it reaches over: what a wheel or a list of the year is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import LEFT_OUT
from campaigns.models import OccurrenceRow, Post
from campaigns.occurrences import Occurrence, OccurrenceStatus
from campaigns.overviews.actions import campaign_path
from campaigns.overviews.entries import campaign_of
from campaigns.overviews.standing import Stage, delivery_states, standing_of
from campaigns.plan import PlannedDeadline, Step
from campaigns.season import Season


@dataclass(frozen=True)
class PostDay:
    """A post on its local day."""

    occurrence: str
    day: date
    is_out: bool


@dataclass(frozen=True)
class CampaignYear:
    """One campaign in one year. `posts` are those whose day is known, `waiting` how many more wait for a date.

    `span` is from the first step to the last: while a local date is not known as wide as it could be, and None where
    the campaign sends nothing.
    """

    campaign: str
    name: str
    year: int
    path: str
    occurrences: tuple[Occurrence, ...]
    posts: tuple[PostDay, ...]
    waiting: int
    span: tuple[date, date] | None
    deadlines: tuple[PlannedDeadline, ...]

    @property
    def is_known(self) -> bool:
        """Whether every one of its days is known, if only preliminarily."""
        return all(item.has_day for item in self.occurrences)

    @property
    def is_preliminary(self) -> bool:
        return any(item.status is OccurrenceStatus.PRELIMINARY for item in self.occurrences)


def campaign_years(
    session: Session, catalog: Catalog, municipality: Municipality, laid: Season, *, now: datetime
) -> Iterable[CampaignYear]:
    """Every campaign in every year of `laid`, by its first day. A year that is not planned yet is told by its plan."""
    groups: dict[tuple[str, str, int], list[Occurrence]] = {}
    for item in laid.occurrences:
        campaign = campaign_of(catalog, municipality, item)
        if campaign in catalog.campaigns:
            groups.setdefault((campaign, item.risk_date, item.year), []).append(item)
    rows = _posts(session, municipality, [item.key for item in laid.occurrences if item.has_day], now=now)
    for (campaign, _, year), group in groups.items():
        recipe = catalog.campaigns[campaign]
        keys = {item.key for item in group}
        undated = [item for item in group if not item.has_day]
        posts = tuple(row for row in rows if row.occurrence in keys) or _planned(municipality, laid, keys)
        yield CampaignYear(
            campaign=campaign,
            name=recipe.name,
            year=year,
            path=campaign_path(catalog, municipality, group[0]),
            occurrences=tuple(group),
            posts=posts,
            waiting=sum(len(step.audiences) for step in recipe.steps) if undated else 0,
            span=_span(posts, undated, recipe.steps),
            deadlines=tuple(item for item in laid.plan.deadlines if item.occurrence.key in keys),
        )


def _posts(session: Session, municipality: Municipality, dated: Sequence[str], *, now: datetime) -> list[PostDay]:
    query = (
        select(Post)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(Post.municipality == municipality.id, col(Post.occurrence).in_(dated), col(Post.merged_into).is_(None))
        .where(col(Post.state).not_in(LEFT_OUT), col(OccurrenceRow.has_day))
        .order_by(col(Post.due_at), col(Post.id))
    )
    posts = session.exec(query).all()
    states = delivery_states(session, posts)
    return [
        PostDay(
            post.occurrence,
            post.due_at.astimezone(municipality.zone).date(),
            is_out=standing_of(post, states.get(post.id or 0, ()), now=now).stage is Stage.OUT,
        )
        for post in posts
    ]


def _planned(municipality: Municipality, laid: Season, keys: set[str]) -> tuple[PostDay, ...]:
    return tuple(
        PostDay(step.occurrence.key, step.due_at.astimezone(municipality.zone).date(), is_out=False)
        for step in laid.plan.steps
        if step.occurrence.key in keys and step.occurrence.has_day and step.merged_into is None
    )


def _span(posts: Iterable[PostDay], undated: Iterable[Occurrence], recipe: Sequence[Step]) -> tuple[date, date] | None:
    days = [post.day for post in posts]
    for item in undated:
        days += [item.first_day + timedelta(days=step.offset_days) for step in recipe]
        days += [item.last_day + timedelta(days=step.offset_days) for step in recipe]
    return (min(days), max(days)) if days else None
