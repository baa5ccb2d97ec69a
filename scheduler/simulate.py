"""The rehearsal: the true pipeline over any span of time, on a copy, with a simulated clock and recording channels.

The clock jumps from one moment at which something can happen to the next; at each, the worker's own jobs run.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, event, func, insert, inspect, select, text
from sqlmodel import Session, SQLModel, col

from campaigns import approval
from campaigns.catalog import Catalog, Municipality
from campaigns.channels.base import Channel, Outcome, Pace, Receipt, Shipment
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError, TemplateError, suggestion
from campaigns.facts import confirm_fact, facts_at
from campaigns.local_dates import set_local_date
from campaigns.localtime import to_utc
from campaigns.models import Delivery, Heartbeat, Post, PostState
from campaigns.occurrences import LocalDate
from campaigns.plan import DeadlineKind
from campaigns.post_sources import sources_of
from campaigns.reminding.reminders import moments, unsigned_moments
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.season import Season, planned_years, season
from campaigns.wiring import Configuration, Parts
from scheduler import jobs
from scheduler.jobs import Work
from scheduler.story import Event, tell

SIGN_AT = time(10)
# How long before the span the rehearsal begins at most: nothing that is under way stays so for longer.
RUN_IN = timedelta(days=91)
# The jobs of the real table that a rehearsal runs at each moment; planning comes in when a year begins. Before the
# story begins nobody reads the reminders: those of that time are made at once, when it is over.
_UNTOLD = (jobs.reap_leases, jobs.publish_local, jobs.send_outside)
_NEXT_DELIVERY = select(
    select(func.min(col(Delivery.next_attempt_at))).where(text("delivery.state = 'queued'")).scalar_subquery(),
    select(func.min(col(Delivery.lease_until))).where(text("delivery.state = 'sending'")).scalar_subquery(),
)
_ADDED = select(col(Post.due_at), col(Post.not_after)).where(
    col(Post.municipality) == bindparam("municipality"), col(Post.is_extra)
)
_AT_EACH_MOMENT = (jobs.remind, *_UNTOLD)

_BEST_OUTCOMES = {"manuell": Outcome.MANUAL, "webhook": Outcome.HANDED_OVER}


@dataclass
class SimulatedClock:
    """A clock that stands still until it is moved."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class RecordingChannel:
    """Takes what a real channel would have sent, and answers as it would at its best."""

    kind: str
    is_idempotent: bool
    is_local: bool
    outcome: Outcome
    can_find: bool = False
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:  # noqa: ARG002 - the protocol's
        return Receipt(self.outcome, url=shipment.page_url if self.outcome is Outcome.PUBLISHED else "")


@dataclass(frozen=True)
class Rehearsal:
    """What happened in a simulated span, in order, and what people were asked to confirm on the way."""

    first_day: date
    last_day: date
    events: tuple[Event, ...]


def simulate(
    parts: Parts,
    *,
    first_day: date,
    last_day: date,
    is_approving: bool,
    municipalities: Iterable[str] = (),
    dates: Iterable[LocalDate] = (),
) -> Rehearsal:
    """Run the pipeline from the start of `first_day` to the end of `last_day`, local time, on a copy of the database.

    With `is_approving`, every party signs each post at ten in the morning of its signing deadline (or as soon after as
    its date is known), confirming facts that have run out; otherwise nobody signs. `dates` are taken as confirmed.
    What happens from now until `first_day` is run too, but not told of: it has been sent when the story begins.
    """
    if not (first_day.year >= FIRST_YEAR and last_day.year <= LAST_YEAR):
        raise RefusedError(f"Det går att repetera åren {FIRST_YEAR}–{LAST_YEAR}.")
    catalog = _narrowed(parts.catalog, tuple(municipalities))
    told_from = min(to_utc(first_day, time(0), item.zone) for item in catalog.municipalities.values())
    start = min(told_from, max(parts.clock(), told_from - RUN_IN))
    end = max(to_utc(last_day + timedelta(days=1), time(0), item.zone) for item in catalog.municipalities.values())
    with tempfile.TemporaryDirectory(prefix="kampanjhjul-") as folder:
        database = _copy(parts.database, Path(folder) / "simulation.db")
        try:
            stage = Stage(parts, catalog, database, start)
            stage.enter(dates)
            if start < told_from:
                stage.run(told_from, each=_UNTOLD, is_approving=is_approving)
                stage.refusals.clear()  # what could not be signed by then is tried again, and told of
            stage.look_back()
            stage.run(end, each=_AT_EACH_MOMENT, is_approving=is_approving)
            with database.read() as session:
                events = tell(session, catalog, start=told_from, end=end, refusals=stage.refusals)
        finally:
            database.close()
    return Rehearsal(first_day, last_day, tuple(events))


def _narrowed(catalog: Catalog, wanted: tuple[str, ...]) -> Catalog:
    for name in wanted:
        catalog.municipality(name)
    chosen = {key: item for key, item in catalog.municipalities.items() if not wanted or key in wanted}
    return replace(catalog, municipalities=chosen)


def _copy(source: Database, path: Path) -> Database:
    """A throw-away database with the rows of `source`. It is never synced to disk: nothing in it must survive."""
    target = Database(f"sqlite:///{path}", secret_key=source.secret_key)

    @event.listens_for(target.writer, "connect")
    def hurry(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    SQLModel.metadata.create_all(target.writer)
    existing = set(inspect(source.reader).get_table_names())
    with source.read() as reading, target.write() as writing:
        for table in SQLModel.metadata.sorted_tables:
            if table.name in existing and table.name != Heartbeat.__tablename__:
                rows = [dict(row._mapping) for row in reading.execute(select(table))]
                if rows:
                    writing.execute(insert(table), rows)
    return target


class _FixedConfiguration(Configuration):
    """The catalog as it was when the rehearsal began."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.problems = ()

    def reread(self) -> bool:
        return False


class Stage:
    """One rehearsal under way. Its channels answer at their best, but for those given in `channels`, by their kinds."""

    def __init__(
        self,
        parts: Parts,
        catalog: Catalog,
        database: Database,
        start: datetime,
        *,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        self.catalog = catalog
        self.database = database
        self.clock = SimulatedClock(start)
        best: Mapping[str, Channel] = {
            kind: RecordingChannel(
                kind, channel.is_idempotent, channel.is_local, _BEST_OUTCOMES.get(kind, Outcome.PUBLISHED)
            )
            for kind, channel in parts.channels.items()
        }
        made = {**best, **(channels or {})}
        self.parts = Parts(parts.settings, database, _FixedConfiguration(catalog), made, self.clock)
        sender = self.parts.sender()
        chance = random.Random(1)  # noqa: S311 - jitter, and the same each time
        sender = replace(sender, means=replace(sender.means, chance=chance))
        self.work = Work(self.parts, sender, "simulering")
        self.refusals: list[tuple[datetime, int, str]] = []
        self._fixed_moments: list[datetime] = []
        self._signing_moments: set[datetime] = set()
        self._planned_year = 0

    def enter(self, dates: Iterable[LocalDate]) -> None:
        """Take `dates` as confirmed in every municipality that has the place."""
        for item in dates:
            holders = [each for each in self.catalog.municipalities.values() if _has_place(each, item)]
            if not holders:
                places = {
                    f"{risk_date}/{place.id}"
                    for each in self.catalog.municipalities.values()
                    for risk_date, found in each.places.items()
                    for place in found
                }
                name = f"{item.risk_date}/{item.place}"
                if name in places:
                    raise NotFoundError(f"Riskdatumet ”{item.risk_date}” är avslaget. Slå på det i kommunens fil.")
                raise NotFoundError(f"Det finns inget lokalt datum ”{name}”. {suggestion(name, places)}")
            for municipality in holders:
                with self.database.write() as session:
                    set_local_date(
                        session,
                        self.catalog,
                        self.parts.messages,
                        municipality,
                        risk_date=item.risk_date,
                        place=item.place,
                        day=item.day,
                        is_confirmed=True,
                        name="simuleringen",
                        now=self.clock.at,
                        is_forced=True,
                    )

    def look_back(self) -> None:
        """What was already late when the story begins is dealt with before it: it is not part of it."""
        self._plan(self.clock.at)
        for job in _AT_EACH_MOMENT:
            job(self.work, now=self.clock.at - timedelta(seconds=1))

    def run(self, end: datetime, *, each: Iterable[Callable[..., None]], is_approving: bool) -> None:
        """Go from where the clock stands to `end`, and leave it there."""
        moment: datetime | None = self.clock.at
        while moment is not None and moment < end:
            self.clock.at = moment
            if moment.astimezone(UTC).year != self._planned_year or moment in self._new_years():
                self._plan(moment)
            if is_approving and moment in self._signing_moments:
                self._sign()
            for job in each:
                job(self.work, now=moment)
            moment = self._next(moment)
        self.clock.at = end

    def _new_years(self) -> set[datetime]:
        return {
            to_utc(date(self.clock.at.year + ahead, 1, 1), time(0), item.zone)
            for item in self.catalog.municipalities.values()
            for ahead in (0, 1)
        }

    def _plan(self, moment: datetime) -> None:
        jobs.materialise(self.work, now=moment)
        self._planned_year = moment.astimezone(UTC).year
        found: set[datetime] = set()
        with self.database.read() as session:
            for municipality in self.catalog.municipalities.values():
                laid = season(session, self.catalog, municipality, years=planned_years(moment, municipality))
                found.update(moments(laid, municipality))
                self._signing_moments.update(
                    to_utc(day, SIGN_AT, municipality.zone) for day in _signing_days(laid).values()
                )
                for step in laid.plan.steps:
                    found.update((step.due_at, step.not_after))
                for due_at, not_after in session.execute(_ADDED, {"municipality": municipality.id}):
                    found |= {due_at, not_after, *unsigned_moments(due_at, not_after, municipality.zone)}
        self._signing_moments.add(moment)  # what could have been signed before, and what has just been planned
        self._fixed_moments = sorted(found | self._signing_moments | self._new_years())

    def _next(self, moment: datetime) -> datetime | None:
        following = next((item for item in self._fixed_moments if item > moment), None)
        with self.database.read() as session:
            queued, leased = session.connection().execute(_NEXT_DELIVERY).one()
        over = leased + timedelta(seconds=1) if leased else None
        return min((item for item in (following, queued, over) if item is not None and item > moment), default=None)

    def _sign(self) -> None:
        now = self.clock.at
        for municipality in self.catalog.municipalities.values():
            with self.database.read() as session:
                laid = season(session, self.catalog, municipality, years=planned_years(now, municipality))
                days = _signing_days(laid)
                waiting = [
                    post.id
                    for post in session.execute(_signable(municipality, now)).scalars()
                    if post.id is not None and self._may_sign(post, days, municipality)
                ]
            for post_id in waiting:
                with self.database.write() as session:
                    self._sign_one(session, municipality, post_id, now)

    def _may_sign(self, post: Post, days: Mapping[tuple[str, str], date], municipality: Municipality) -> bool:
        day = days.get((post.campaign, post.occurrence))
        is_time = day is None or to_utc(day, SIGN_AT, municipality.zone) <= self.clock.at
        return is_time and all(post.id != refused for _, refused, _ in self.refusals)

    def _sign_one(self, session: Session, municipality: Municipality, post_id: int, now: datetime) -> None:
        try:
            try:
                self._sign_for_all(session, municipality, post_id, now)
            except RefusedError:
                # Perhaps for facts that wait for a person: the rehearsal's person confirms them, and says so.
                self._confirm_facts(session, session.get_one(Post, post_id), now)
                self._sign_for_all(session, municipality, post_id, now)
        except (RefusedError, TemplateError, NotFoundError) as error:
            self.refusals.append((now, post_id, error.message))

    def _sign_for_all(self, session: Session, municipality: Municipality, post_id: int, now: datetime) -> None:
        for party in municipality.parties:
            approval.approve(
                session,
                self.catalog,
                self.parts.messages,
                post_id,
                party=party.id,
                name=party.people[0] if party.people else f"Simulerad {party.name}",
                now=now,
            )

    def _confirm_facts(self, session: Session, post: Post, now: datetime) -> None:
        facts = facts_at(session, self.catalog)
        municipality = self.catalog.municipality(post.municipality)
        sources = sources_of(session, self.catalog, municipality, self.parts.messages, post)
        due = post.due_at.date()
        for fact_id in sorted({fact_id for source in sources.values() for fact_id in source.facts_used}):
            fact = facts.get(fact_id)
            if fact is not None and (not fact.is_confirmed or fact.valid_until < due):
                confirm_fact(
                    session, self.catalog, fact_id, name="Simuleringen", valid_until=date(due.year, 12, 31), now=now
                )


def _has_place(municipality: Municipality, item: LocalDate) -> bool:
    places = [place.id for place in municipality.places.get(item.risk_date, ())]
    return item.place in (places or [""]) and any(each.id == item.risk_date for each in municipality.risk_dates)


def _signing_days(laid: Season) -> dict[tuple[str, str], date]:
    return {
        (item.campaign, item.occurrence.key): item.day
        for item in laid.plan.deadlines
        if item.deadline.kind is DeadlineKind.SIGN
    }


def _signable(municipality: Municipality, now: datetime) -> Any:
    return select(Post).where(
        col(Post.municipality) == municipality.id,
        col(Post.state).in_([PostState.DRAFT, PostState.REJECTED]),
        col(Post.merged_into).is_(None),
        col(Post.is_preliminary).is_(False),
        col(Post.not_after) > now,
    )
