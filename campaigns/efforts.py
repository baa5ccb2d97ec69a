"""Efforts: what people do for a promise outside the campaigns, when the situation has changed ("förändrad lägesbild").

They are activities: what became of them is told as of any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session, col, select

from campaigns.activities import LONGEST_NOTE, added_so_far, record
from campaigns.additions import LONGEST_NAME, checked_title
from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError, RefusedError, suggestion
from campaigns.models import ActivityRow
from campaigns.swedish import long_date
from campaigns.written import checked_actor, within


def add_effort(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    *,
    promise: str,
    title: str,
    day: date,
    responsible: str,
    situation: str,
    name: str,
    now: datetime,
) -> ActivityRow:
    """Add something to be done for a promise outside the campaigns. `situation` is what has changed, and is asked for.

    The same one on the same day again is refused. Raises NotFoundError for what the municipality has not promised.
    """
    actor = checked_actor(name)
    title, responsible, situation = checked_title(title), " ".join(responsible.split()), situation.strip()
    kept = next((item for item in catalog.promises_of(municipality) if item.id == promise), None)
    if kept is None:
        raise NotFoundError(
            f"{municipality.name} har inget löfte ”{promise}”. {suggestion(promise, municipality.promises)}"
        )
    if not kept.holds_on(day):
        raise RefusedError(
            f"Löftet gäller {long_date(kept.first_day)} till {long_date(kept.last_day)}. Välj en dag däremellan."
        )
    if not situation:
        raise RefusedError("Skriv vad som har ändrats i lägesbilden.")
    within(responsible, LONGEST_NAME, "Den som ansvarar")
    within(situation, LONGEST_NOTE, "Lägesbilden")
    if title in [item.name for item in efforts(session, municipality) if item.day == day and item.promise == promise]:
        raise RefusedError(f"”{title}” finns redan {long_date(day)}.")
    row = ActivityRow(
        key=f"{municipality.id}/insats-{added_so_far(session, municipality) + 1}",
        municipality=municipality.id,
        name=title,
        day=day,
        responsible=responsible,
        promise=promise,
        situation=situation,
        is_extra=True,
        created_by=actor,
        created_at=now,
    )
    record(session, row, actor, "lade till insats", day.isoformat(), now=now)
    return row


def efforts(session: Session, municipality: Municipality, *, with_cancelled: bool = False) -> Sequence[ActivityRow]:
    """What has been decided on outside the campaigns, newest day first."""
    query = select(ActivityRow).where(ActivityRow.municipality == municipality.id, ActivityRow.promise != "")
    if not with_cancelled:
        query = query.where(col(ActivityRow.cancelled_at).is_(None))
    return session.exec(query.order_by(col(ActivityRow.day).desc(), col(ActivityRow.id))).all()


def effort(session: Session, municipality: Municipality, number: int) -> ActivityRow:
    """The municipality's effort with this number, called off or not. Raises NotFoundError."""
    row = session.get(ActivityRow, number) if 0 < number < 2**31 else None
    if row is None or row.municipality != municipality.id or not row.promise:
        raise NotFoundError("Insatsen finns inte. Kontrollera adressen.")
    return row
