"""What anybody may see on the way in: what goes out next, by campaign, step and day, and nothing of how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.models import OccurrenceRow, Post, PostState

MOST = 8
_READ = 60


@dataclass(frozen=True)
class ComingStep:
    """A step that is planned for a local day. Several audiences, and several schools, are one. `campaign` is a name."""

    campaign: str
    step: str
    day: date  # the earliest it can be, where the day that it counts from is not known
    is_known: bool
    is_preliminary: bool


@dataclass(frozen=True)
class Town:
    """A municipality with its next risk date. `day` is None if no day is known in the coming year."""

    id: str
    name: str
    risk_date: str
    day: date | None


def coming_steps(
    session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime
) -> Sequence[ComingStep]:
    """The next steps, by day."""
    query = (
        select(
            col(Post.campaign),
            col(Post.step),
            col(Post.due_at),
            col(Post.is_preliminary),
            col(OccurrenceRow.has_day),
        )
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(col(Post.municipality) == municipality.id, col(Post.due_at) > now, col(Post.merged_into).is_(None))
        .where(col(Post.state).not_in([PostState.CANCELLED, PostState.SKIPPED]))
        .order_by(col(Post.due_at), col(Post.id))
        .limit(_READ)
    )
    found = (
        ComingStep(
            campaign=_campaign_name(catalog, campaign),
            step=_step_name(catalog, campaign, step),
            day=due_at.astimezone(municipality.zone).date(),
            is_known=has_day,
            is_preliminary=is_preliminary,
        )
        for campaign, step, due_at, is_preliminary, has_day in session.execute(query)
    )
    return list(dict.fromkeys(found))[:MOST]


def towns(session: Session, municipalities: Iterable[Municipality], *, now: datetime) -> Sequence[Town]:
    """A row per municipality, in the order given."""
    coming: dict[str, tuple[str, date]] = {}
    query = (
        select(col(OccurrenceRow.municipality), col(OccurrenceRow.name), col(OccurrenceRow.day))
        .where(col(OccurrenceRow.last_day) >= now.date())
        .where(col(OccurrenceRow.day) <= now.date() + timedelta(days=366))
        .where(col(OccurrenceRow.has_day), col(OccurrenceRow.cancelled_at).is_(None))
        .order_by(col(OccurrenceRow.day))
    )
    for municipality_id, name, day in session.execute(query):
        coming.setdefault(municipality_id, (name, day))
    return [Town(item.id, item.name, *coming.get(item.id, ("", None))) for item in municipalities]


def _campaign_name(catalog: Catalog, campaign_id: str) -> str:
    campaign = catalog.campaigns.get(campaign_id)
    return campaign.name if campaign else campaign_id


def _step_name(catalog: Catalog, campaign_id: str, step_id: str) -> str:
    campaign = catalog.campaigns.get(campaign_id)
    steps = campaign.steps if campaign else ()
    return next((step.name for step in steps if step.id == step_id), step_id)
