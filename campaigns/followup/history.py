"""From when a municipality's work can be followed up, and what was planned and has been, kept as rows."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from campaigns.activities import row_of
from campaigns.catalog import Catalog, Municipality
from campaigns.models import ActivityRow, OccurrenceRow, Post
from campaigns.plan import PlannedActivity
from campaigns.season import planned_years, season


def begun_on(session: Session, municipality: Municipality) -> date | None:
    """The local day of the earliest row that the planning made: before it the product was not in use. None: no row."""
    earliest = [
        session.exec(select(func.min(moment)).where(owner == municipality.id)).one()
        for moment, owner in (
            (col(Post.created_at), col(Post.municipality)),
            (col(OccurrenceRow.changed_at), col(OccurrenceRow.municipality)),
            (col(ActivityRow.created_at), col(ActivityRow.municipality)),
        )
    ]
    found = [moment for moment in earliest if moment is not None]
    return min(found).astimezone(municipality.zone).date() if found else None


def unkept_activities(
    session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime
) -> list[PlannedActivity]:
    """The planned activities whose day has been, and that have no row, or an untold one on another day."""
    begun, today = begun_on(session, municipality), now.astimezone(municipality.zone).date()
    if begun is None:
        return []
    laid = season(session, catalog, municipality, years=planned_years(now, municipality))
    rows = _rows(session, municipality)
    return [
        item
        for item in laid.plan.activities
        if item.occurrence.has_day
        and begun <= item.day < today
        and (item.key not in rows or _is_elsewhere(rows[item.key], item))
    ]


def keep_activities(
    session: Session, catalog: Catalog, municipality: Municipality, *, name: str, now: datetime
) -> None:
    """Give each of them a row: it was planned, whatever the files say of it afterwards."""
    rows = _rows(session, municipality)
    for item in unkept_activities(session, catalog, municipality, now=now):
        row = rows.get(item.key) or row_of(item, municipality, name, now=now)
        row.day = item.day  # the date that it counts from may have been put right
        session.add(row)
    session.flush()


def _rows(session: Session, municipality: Municipality) -> dict[str, ActivityRow]:
    return {
        row.key: row for row in session.exec(select(ActivityRow).where(ActivityRow.municipality == municipality.id))
    }


def _is_elsewhere(row: ActivityRow, item: PlannedActivity) -> bool:
    return not row.outcome and row.cancelled_at is None and row.day != item.day
