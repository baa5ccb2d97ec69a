"""What people do in a campaign: activities added to it, and what became of them and of the planned ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy import func
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.additions import LONGEST_NAME, checked_title, occurrence_in
from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import ActivityRow
from campaigns.plan import PlannedActivity
from campaigns.revisions import touch
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.season import planned_years, season
from campaigns.swedish import long_date
from campaigns.written import LONGEST_ADDRESS, checked_actor, within

LONGEST_NOTE, LARGEST_NUMBER = 2_000, 1_000_000


class Outcome(StrEnum):
    """What became of an activity."""

    DONE = "done"
    NOT_DONE = "not_done"


@dataclass(frozen=True)
class Told:
    """What a person tells of an activity. `number` is how many took part, groups, visits: what it counts is its own."""

    outcome: Outcome
    note: str = ""
    number: int | None = None
    link: str = ""


def add_extra_activity(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    *,
    campaign: str,
    occurrence: str,
    title: str,
    day: date,
    responsible: str,
    description: str,
    name: str,
    now: datetime,
) -> ActivityRow:
    """Add an activity to the campaign's occurrence. The same one on the same day again is refused."""
    actor = checked_actor(name)
    title, responsible = checked_title(title), " ".join(responsible.split())
    counted_from = occurrence_in(session, catalog, municipality, campaign, occurrence)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise RefusedError(f"Året {day.year} går inte att lägga in: {FIRST_YEAR}–{LAST_YEAR} går.")
    within(responsible, LONGEST_NAME, "Den som ansvarar")
    within(description, LONGEST_NOTE, "Beskrivningen")
    same = [item.name for item in extra_activities(session, municipality, [counted_from.key]) if item.day == day]
    if title in same:
        raise RefusedError(f"”{title}” finns redan {long_date(day)}.")
    row = ActivityRow(
        key=f"{campaign}/{counted_from.key}/extra-{added_so_far(session, municipality) + 1}",
        municipality=municipality.id,
        campaign=campaign,
        occurrence=counted_from.key,
        name=title,
        day=day,
        responsible=responsible,
        description=description.strip(),
        is_extra=True,
        created_by=actor,
        created_at=now,
    )
    record(session, row, actor, "lade till aktivitet", day.isoformat(), now=now)
    return row


def cancel_extra_activity(
    session: Session, municipality: Municipality, key: str, *, name: str, now: datetime
) -> ActivityRow:
    """Call off an activity that somebody has added. One that has been told of is refused: it is history."""
    actor = checked_actor(name)
    row = _extra_row(session, municipality, key)
    if row.outcome:
        raise RefusedError(f"”{row.name}” är redan noterad. Ändra noteringen i stället.")
    if row.cancelled_at is None:
        row.cancelled_at = now
        record(session, row, actor, "ställde in aktivitet", "", now=now)
    return row


def restore_extra_activity(
    session: Session, municipality: Municipality, key: str, *, name: str, now: datetime
) -> ActivityRow:
    """Take back that an added activity was called off."""
    actor = checked_actor(name)
    row = _extra_row(session, municipality, key)
    if row.cancelled_at is not None:
        row.cancelled_at = None
        record(session, row, actor, "tog tillbaka aktivitet", "", now=now)
    return row


def tell_activity(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    key: str,
    *,
    told: Told,
    name: str,
    now: datetime,
) -> ActivityRow:
    """Note whether an activity was done; why, if it was not; and, if known, a number and a link. May be told again.

    Raises NotFoundError for an unknown activity; RefusedError for one that is called off or has not been yet.
    """
    actor = checked_actor(name)
    row = _row(session, municipality, key) or _planned_row(session, catalog, municipality, key, actor, now=now)
    today = now.astimezone(municipality.zone).date()
    if row.cancelled_at is not None:
        raise RefusedError(f"”{row.name}” är inställd. Ta tillbaka den först.")
    if told.outcome is Outcome.DONE and row.day > today:
        raise RefusedError(f"”{row.name}” är planerad till {long_date(row.day)}. Notera den när den har varit.")
    _refuse_faulty(told)
    row.sqlmodel_update(
        {
            "outcome": told.outcome.value,
            "note": told.note.strip(),
            "number": told.number,
            "link": told.link.strip(),
            "told_by": actor,
            "told_at": now,
        }
    )
    record(session, row, actor, "noterade aktivitet", told.outcome.value, now=now)
    return row


def extra_activities(
    session: Session, municipality: Municipality, occurrences: Sequence[str] | None = None
) -> Sequence[ActivityRow]:
    """The activities that people have added and not called off, of these occurrences or of all."""
    query = select(ActivityRow).where(
        ActivityRow.municipality == municipality.id,
        col(ActivityRow.is_extra),
        col(ActivityRow.cancelled_at).is_(None),
    )
    if occurrences is not None:
        query = query.where(col(ActivityRow.occurrence).in_(list(occurrences)))
    return session.exec(query.order_by(col(ActivityRow.day), col(ActivityRow.id))).all()


def added_so_far(session: Session, municipality: Municipality) -> int:
    """How many have been added in the municipality. They are never deleted, so the next number is free."""
    query = select(func.count()).select_from(ActivityRow)
    return session.exec(query.where(ActivityRow.municipality == municipality.id, col(ActivityRow.is_extra))).one()


def _row(session: Session, municipality: Municipality, key: str) -> ActivityRow | None:
    query = select(ActivityRow).where(ActivityRow.municipality == municipality.id, ActivityRow.key == key)
    return session.exec(query).one_or_none()


def _extra_row(session: Session, municipality: Municipality, key: str) -> ActivityRow:
    row = _row(session, municipality, key)
    if row is None or not row.is_extra:
        raise NotFoundError("Det finns ingen sådan tillagd aktivitet.")
    return row


def _planned_row(
    session: Session, catalog: Catalog, municipality: Municipality, key: str, actor: str, *, now: datetime
) -> ActivityRow:
    """A row for a planned activity that nothing has been noted about."""
    laid = season(session, catalog, municipality, years=planned_years(now, municipality))
    item: PlannedActivity | None = next((each for each in laid.plan.activities if each.key == key), None)
    if item is None:
        raise NotFoundError("Aktiviteten finns inte i kampanjen.")
    if not item.occurrence.has_day:
        raise RefusedError(f"{item.occurrence.title} har inget datum än. Bekräfta datumet först.")
    return row_of(item, municipality, actor, now=now)


def row_of(item: PlannedActivity, municipality: Municipality, actor: str, *, now: datetime) -> ActivityRow:
    """A row for a planned activity, with nothing told of it yet."""
    return ActivityRow(
        key=item.key,
        municipality=municipality.id,
        campaign=item.campaign,
        occurrence=item.occurrence.key,
        name=item.activity.name,
        day=item.day,
        responsible=item.activity.responsible,
        description=item.activity.description,
        created_by=actor,
        created_at=now,
    )


def _refuse_faulty(told: Told) -> None:
    if told.outcome is Outcome.NOT_DONE and not told.note.strip():
        raise RefusedError("Skriv varför den inte blev av.")
    within(told.note, LONGEST_NOTE, "Noteringen")
    if told.number is not None and not 0 <= told.number <= LARGEST_NUMBER:
        raise RefusedError(f"Antalet ska vara mellan 0 och {LARGEST_NUMBER}.")
    link = within(told.link.strip(), LONGEST_ADDRESS, "Länken")
    if link and not _is_web_address(link):
        raise RefusedError("Länken ska vara en hel adress som börjar med https:// eller http://.")


def _is_web_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and link.isprintable() and " " not in link


def record(session: Session, row: ActivityRow, actor: str, action: str, detail: str, *, now: datetime) -> None:
    """Save what a person has done to an activity, and write it in the log."""
    session.add(row)
    session.flush()
    audit.record(
        session,
        now=now,
        municipality=row.municipality,
        actor=actor,
        action=action,
        subject=row.key,
        detail=detail,
    )
    touch(session, row.municipality)
