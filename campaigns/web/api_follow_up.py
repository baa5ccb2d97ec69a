"""The API of follow-ups: the periods, and each with its figures as they are now."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from campaigns.followup.reporting import known_period, periods, report
from campaigns.followup.stored import states
from campaigns.overviews import follow_up_files
from campaigns.web.api import Who

router = APIRouter(prefix="/api/v1")


class PeriodAnswer(BaseModel):
    """A period that can be followed up. `state` is draft, published or empty."""

    id: str
    title: str
    first_day: date
    last_day: date
    state: str


@router.get("/follow-ups")
def list_follow_ups(who: Who) -> list[PeriodAnswer]:
    """The periods of the municipality's promises, newest first: whole, years and tertials."""
    with who.parts.database.read() as session:
        known = states(session, who.municipality)
    return [
        PeriodAnswer(
            id=item.id,
            title=item.title,
            first_day=item.first,
            last_day=item.last,
            state=known.get(item.id, ""),
        )
        for item in periods(who.parts.catalog, who.municipality, today=who.today)
    ]


@router.get("/follow-ups/{period}")
def show_follow_up(who: Who, period: str) -> dict[str, Any]:
    """What was done for each promise in the period, counted now."""
    wanted = known_period(who.parts.catalog, who.municipality, period, today=who.today)
    with who.parts.database.read() as session:
        return follow_up_files.values(report(session, who.parts.catalog, who.municipality, wanted, now=who.now))
