"""What the page Logg shows: who did what, when, searched, a page at a time. Never another municipality's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, String, and_, cast, func, literal, or_, select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.errors import RefusedError
from campaigns.localtime import to_utc
from campaigns.models import AuditEntry, Membership, Person
from campaigns.overviews import searching
from campaigns.overviews.log_subjects import Subject, action_words, detail_words, subjects
from campaigns.overviews.searching import PER_PAGE, Paging, contains, paging
from campaigns.overviews.spreadsheets import csv_file
from campaigns.people.roles import EVERYWHERE
from campaigns.swedish import moment
from campaigns.written import day_in

MOST_IN_FILE = 20_000
MOST_CHOICES = 300
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True)
class Filters:
    """What was asked for: empty or None where nothing is left out. The days are local and inclusive."""

    actor: str = ""
    action: str = ""
    search: str = ""
    first: date | None = None
    last: date | None = None
    page: str = ""

    def query(self, **changed: str | int) -> str:
        """The query of an address that asks for this, with some of it changed."""
        first = self.first.isoformat() if self.first else ""
        last = self.last.isoformat() if self.last else ""
        asked = {"vem": self.actor, "vad": self.action, "q": self.search, "fran": first, "till": last, **changed}
        return urlencode({name: value for name, value in asked.items() if value != ""})

    @property
    def is_narrowed(self) -> bool:
        return bool(self.actor or self.action or self.search or self.first or self.last)


@dataclass(frozen=True)
class Entry:
    """One act: `at` is in words, `iso` for the element that marks it as a time."""

    at: str
    iso: str
    actor: str
    action: str
    subject: Subject
    detail: str


@dataclass(frozen=True)
class Log:
    filters: Filters
    entries: Sequence[Entry]
    paging: Paging
    actors: Sequence[str]
    actions: Sequence[str]


def filters_from(*, actor: str, action: str, search: str, page: str) -> Filters:
    """What an address asks for, but for its days."""
    return Filters(searching.typed(actor), searching.typed(action), searching.typed(search), page=page)


def day_from(text: str) -> date | None:
    """The day in a field, None if it is empty. Raises RefusedError for what is none."""
    if not text.strip():
        return None
    try:
        found = day_in(text)
    except ValueError as error:
        raise RefusedError("Skriv dagen som 2027-04-30.") from error
    if not FIRST_DAY <= found <= LAST_DAY:
        raise RefusedError("Välj en dag mellan år 2000 och 2100.")
    return found


def log(session: Session, catalog: Catalog, municipality: Municipality, filters: Filters) -> Log:
    """One page of the municipality's log, newest first."""
    wanted = _wanted(session, catalog, municipality, filters)
    total = session.execute(select(func.count()).select_from(AuditEntry).where(*wanted)).scalar_one()
    found = paging(total, filters.page)
    return Log(
        filters=filters,
        entries=_entries(session, catalog, municipality, wanted, most=PER_PAGE, offset=found.offset),
        paging=found,
        actors=_distinct(session, municipality, "actor"),
        actions=_distinct(session, municipality, "action"),
    )


def log_file(session: Session, catalog: Catalog, municipality: Municipality, filters: Filters) -> bytes:
    """All that was asked for, as CSV."""
    wanted = _wanted(session, catalog, municipality, filters)
    found = _entries(session, catalog, municipality, wanted, most=MOST_IN_FILE, offset=0)
    rows = [(item.iso, item.actor, item.action, item.subject.words, item.subject.key, item.detail) for item in found]
    return csv_file(("När", "Vem", "Vad", "Gäller", "Nyckel", "Mer"), rows)


def _entries(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    wanted: Sequence[ColumnElement[bool]],
    *,
    most: int,
    offset: int,
) -> list[Entry]:
    query = select(AuditEntry).where(*wanted).order_by(col(AuditEntry.id).desc()).limit(most).offset(offset)
    rows = session.execute(query).scalars().all()
    told = subjects(session, catalog, municipality, {row.subject for row in rows})
    return [
        Entry(
            at=moment(row.at, municipality.zone),
            iso=row.at.astimezone(municipality.zone).isoformat(" ", "seconds")[:19],
            actor=row.actor,
            action=action_words(municipality, row.action),
            subject=told[row.subject],
            detail=detail_words(row.detail),
        )
        for row in rows
    ]


def _own(municipality: Municipality) -> ColumnElement[bool]:
    """The municipality's entries, and those of no municipality that are about its own people or about nobody.

    Signing in is of no municipality: a person's is shown only where the person has a role.
    """
    here = (
        select(literal("person ") + cast(col(Membership.person_id), String))
        .where(col(Membership.municipality).in_([municipality.id, EVERYWHERE]))
        .scalar_subquery()
    )
    about_nobody = ~col(AuditEntry.subject).startswith("person ")
    return or_(
        col(AuditEntry.municipality) == municipality.id,
        and_(col(AuditEntry.municipality) == EVERYWHERE, or_(about_nobody, col(AuditEntry.subject).in_(here))),
    )


def _wanted(
    session: Session, catalog: Catalog, municipality: Municipality, filters: Filters
) -> list[ColumnElement[bool]]:
    found = [_own(municipality)]
    if filters.actor:
        found.append(col(AuditEntry.actor) == filters.actor)
    if filters.action:
        found.append(col(AuditEntry.action) == filters.action)
    if filters.first:
        found.append(col(AuditEntry.at) >= to_utc(filters.first, time(0), municipality.zone))
    if filters.last:
        found.append(col(AuditEntry.at) < to_utc(filters.last + timedelta(days=1), time(0), municipality.zone))
    found.extend(_has(session, catalog, municipality, word) for word in searching.words(filters.search))
    return found


def _has(session: Session, catalog: Catalog, municipality: Municipality, word: str) -> ColumnElement[bool]:
    """Whether an entry has the word anywhere, or is about something that is called so."""
    fields = (AuditEntry.subject, AuditEntry.detail, AuditEntry.action, AuditEntry.actor)
    ways = [contains(col(field), word) for field in fields]
    subject = col(AuditEntry.subject)
    parts = searching.campaigns_named(catalog, word) | searching.steps_named(catalog, word)
    ways += [subject.like(f"%/{searching.escaped(part)}/%", escape="\\") for part in sorted(parts)]
    for audience in sorted(searching.audiences_named(catalog, word)):
        ways += [subject.endswith(f"/{audience}", autoescape=True), subject.contains(f"/{audience}:", autoescape=True)]
    for channel in sorted(searching.named({item.id: item.name for item in municipality.channels}, word)):
        ways += [subject == channel, subject.contains(f":{channel}:", autoescape=True)]
    people = select(col(Person.id)).where(contains(col(Person.name), word))
    ways.append(subject.in_([f"person {number}" for number in session.execute(people).scalars()]))
    return or_(*ways)


def _distinct(session: Session, municipality: Municipality, name: str) -> list[str]:
    column = {"actor": col(AuditEntry.actor), "action": col(AuditEntry.action)}[name]
    query = select(column).where(_own(municipality)).distinct().order_by(column).limit(MOST_CHOICES)
    return list(session.execute(query).scalars())
