"""Reminders about what was promised: activities to come and untold, follow-ups to sign, promises about to end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality, Promise
from campaigns.content import listed
from campaigns.followup.stored import follow_ups
from campaigns.models import ActivityRow
from campaigns.reminder_kinds import Kind
from campaigns.reminding.rows import Row
from campaigns.season import Season
from campaigns.swedish import long_date
from campaigns.workdays import opening, working_day_from

# How long before a promise ends it is told: a new one takes half a year to agree on.
ENDS_WITHIN = (timedelta(days=182), timedelta(days=91), timedelta(days=30))
AHEAD, AFTERWARDS = timedelta(days=7), timedelta(days=3)
# A follow-up that nobody has signed is told of again after this long, and then once more.
AGAIN = (timedelta(0), timedelta(days=14), timedelta(days=28))
# What came to pass longer ago than this is not reminded of: the product was not in use then.
LATEST = timedelta(days=30)


def reached(
    session: Session, catalog: Catalog, municipality: Municipality, laid: Season, *, now: datetime
) -> list[Row]:
    """What there is to tell of at `now`."""
    return [
        *_ending(catalog, municipality, now=now),
        *_unsigned(session, municipality, now=now),
        *_activities(session, municipality, laid, now=now),
    ]


def ending(
    catalog: Catalog, municipality: Municipality, *, today: date, within: timedelta
) -> dict[date, list[Promise]]:
    """By their last day, the municipality's promises that end within a time and that no other of its own succeeds."""
    succeeded = {item.succeeds for item in catalog.promises_of(municipality)}
    found: dict[date, list[Promise]] = {}
    for item in catalog.promises_of(municipality):
        if item.id not in succeeded and item.first_day <= today <= item.last_day <= today + within:
            found.setdefault(item.last_day, []).append(item)
    return found


def moments(laid: Season, municipality: Municipality) -> set[datetime]:
    """When reminders of the season's activities can be made (UTC)."""
    return {opening(item.day - AHEAD, municipality.zone) for item in laid.plan.activities}


def _ending(catalog: Catalog, municipality: Municipality, *, now: datetime) -> Iterable[Row]:
    today = now.astimezone(municipality.zone).date()
    for last_day, promises in ending(catalog, municipality, today=today, within=max(ENDS_WITHIN)).items():
        before = min(each for each in ENDS_WITHIN if last_day <= today + each)
        if now < opening(working_day_from(last_day - before), municipality.zone):
            continue
        many = "Löftet" if len(promises) == 1 else f"{len(promises)} löften"
        yield Row(
            key=f"{municipality.id}/promise_ends/{last_day.isoformat()}/{before.days}",
            municipality=municipality.id,
            kind=Kind.PROMISE_ENDS,
            subject=f"{many} går ut {long_date(last_day)}, och inget nytt är inlagt",
            occurrence="",
            deadline_day=last_day,
            detail=listed([f"”{item.wording(last_day).text.rstrip('.')}”" for item in promises]),
        )


def _unsigned(session: Session, municipality: Municipality, *, now: datetime) -> Iterable[Row]:
    for item in follow_ups(session, municipality):
        if item.is_published or item.sent_back:
            continue
        for number, after in enumerate(AGAIN):
            at = item.made_at + after
            if at <= now < at + LATEST:
                yield Row(
                    key=f"{municipality.id}/follow_up/{item.document.period}/{number}",
                    municipality=municipality.id,
                    kind=Kind.FOLLOW_UP_DRAFT,
                    subject=f"Uppföljningen ska läsas och godkännas: {item.document.title}",
                    occurrence="",
                    deadline_day=now.astimezone(municipality.zone).date(),
                    parties=" ".join(item.missing),
                )


def _activities(session: Session, municipality: Municipality, laid: Season, *, now: datetime) -> Iterable[Row]:
    zone = municipality.zone
    today = now.astimezone(zone).date()
    query = select(ActivityRow).where(ActivityRow.municipality == municipality.id)
    near = query.where(col(ActivityRow.day) >= today - LATEST, col(ActivityRow.day) <= today + LATEST)
    rows = {row.key: row for row in session.exec(near)}
    for row in rows.values():
        if row.cancelled_at is not None or row.outcome:
            continue
        yield from _ahead(row.key, row.name, row.responsible, row.day, row.occurrence, municipality, now=now)
        told_at = opening(working_day_from(row.day + AFTERWARDS), zone)
        if row.is_extra and told_at <= now:
            yield Row(
                key=f"{row.key}/untold/{row.day.isoformat()}",
                municipality=municipality.id,
                kind=Kind.ACTIVITY_UNTOLD,
                subject=f"Notera hur det gick: {row.name}, {long_date(row.day)}",
                occurrence=row.occurrence or "",
                deadline_day=row.day,
            )
    for item in laid.plan.activities:
        if item.key not in rows and item.occurrence.has_day:
            name = f"{item.activity.name}, {item.occurrence.title}"
            yield from _ahead(
                item.key, name, item.activity.responsible, item.day, item.occurrence.key, municipality, now=now
            )


def _ahead(
    key: str,
    name: str,
    responsible: str,
    day: date,
    occurrence: str | None,
    municipality: Municipality,
    *,
    now: datetime,
) -> Iterable[Row]:
    today = now.astimezone(municipality.zone).date()
    if opening(day - AHEAD, municipality.zone) <= now and today <= day:
        yield Row(
            key=f"{key}/ahead/{day.isoformat()}",
            municipality=municipality.id,
            kind=Kind.ACTIVITY,
            subject=f"Snart dags: {name}, {long_date(day)}",
            occurrence=occurrence or "",
            deadline_day=day,
            detail=f"Ansvarig: {responsible}." if responsible else "",
        )
