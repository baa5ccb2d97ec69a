"""When things happen: one table of jobs, each a short poll, "what is due at `now`?". The next run heals a missed one.

The same table is run by the worker (the real clock, APScheduler) and by the rehearsal (a simulated clock).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import bindparam, text

from campaigns import link_checks, link_looks, posts, publishing, reach_answers, retention
from campaigns.catalog import Municipality
from campaigns.channels import Environment
from campaigns.database import Database
from campaigns.errors import KampanjhjulError, RefusedError
from campaigns.followup import drafts, history, records
from campaigns.models import Heartbeat
from campaigns.reminding import reminders, trouble
from campaigns.reminding.notifying import Notifier, send_due
from campaigns.reminding.rows import Row
from campaigns.reminding.ways import Ways
from campaigns.sending import delivery
from campaigns.sending.delivery import Sender
from campaigns.settings import shipped_directory
from campaigns.wiring import Parts
from scheduler import pinging

logger = logging.getLogger(__name__)

UTC_MOMENT = Heartbeat.__table__.c.at.type  # type: ignore[attr-defined]  # SQLModel gives every table model one

_BEAT = text(
    "INSERT INTO heartbeat (worker, at) VALUES (:worker, :at) ON CONFLICT (worker) DO UPDATE SET at = excluded.at"
).bindparams(bindparam("at", type_=UTC_MOMENT))
_FORGET = text("DELETE FROM heartbeat WHERE at < :before").bindparams(bindparam("before", type_=UTC_MOMENT))
HEARTBEAT_KEPT = timedelta(days=1)
# How far this machine's clock may be from the database's: a few seconds of a lease that lasts for 55.
MOST_AHEAD = timedelta(seconds=5)
# Seconds from the start until strangers' servers are asked anything: what is due comes first.
LINKS_WAIT = 120
PING_WAIT = 30


@dataclass(frozen=True)
class Work:
    """What the jobs work on, under which name their heartbeat is kept, and what they have told of."""

    parts: Parts
    sender: Sender
    worker: str
    told: dict[str, str] = field(default_factory=dict)  # calendars that cannot be built, by municipality
    started: float = field(default_factory=time.monotonic)  # seconds on a clock that nobody sets


def publish_local(work: Work, *, now: datetime) -> None:  # noqa: ARG001 - it reads the clock for each batch
    """Publish what is due on channels of our own: the public page, the screens, the by-hand tasks."""
    delivery.send_due(work.sender, work.parts.catalog, local=True)


def send_outside(work: Work, *, now: datetime) -> None:  # noqa: ARG001 - as above
    """Send what is due to channels outside."""
    delivery.send_due(work.sender, work.parts.catalog, local=False)


def reap_leases(work: Work, *, now: datetime) -> None:
    """Take back what dead workers held."""
    if work.parts.database.free_turn():
        logger.warning(
            "En arbetare stod still och höll skrivlåset. Det har tagits ifrån den.", extra={"action": "freed"}
        )
    delivery.reap_leases(work.sender, now=now)


def renew_leases(work: Work, *, now: datetime) -> None:
    """Keep what this worker is at work on."""
    delivery.renew_leases(work.sender, now=now)


def refresh_feeds(work: Work, *, now: datetime) -> None:
    """Write the calendar events of municipalities where something changed, from the files as they are now."""
    work.parts.configuration.reread()
    base_url = work.parts.settings.base_url
    publishing.refresh_stale(work.parts.database, work.parts.catalog, now=now, base_url=base_url, told=work.told)


@contextmanager
def _on_its_own(municipality: Municipality) -> Iterator[None]:
    """One municipality's failure is told of and stops no other. The database's is everybody's."""
    try:
        yield
    except KampanjhjulError:
        raise
    except Exception:
        logger.exception("%s gick inte att planera.", municipality.name, extra={"action": "municipality_broke"})


def materialise(work: Work, *, now: datetime) -> None:
    """Read changed configuration and make the rows agree with the plan, one municipality at a time."""
    work.parts.configuration.reread()
    catalog = work.parts.catalog
    for municipality in catalog.municipalities.values():
        with _on_its_own(municipality), work.parts.database.write() as session:
            posts.materialise(session, catalog, work.parts.messages, municipality, now=now)
    with work.parts.database.read() as session:
        is_stale = records.is_stale(session, catalog)
    if is_stale:
        with work.parts.database.write() as session:
            records.note(session, catalog, now=now)


def keep_activities(work: Work, *, now: datetime) -> None:
    """Keep the planned activities whose day has been: what the files say later does not change that."""
    database, catalog = work.parts.database, work.parts.catalog
    for municipality in catalog.municipalities.values():
        with _on_its_own(municipality):
            with database.read() as session:
                unkept = history.unkept_activities(session, catalog, municipality, now=now)
            if unkept:
                with database.write() as session:
                    history.keep_activities(session, catalog, municipality, name=drafts.WORKER, now=now)


def follow_up(work: Work, *, now: datetime) -> None:
    """Make drafts of the follow-ups of the periods that have just ended."""
    database, catalog = work.parts.database, work.parts.catalog
    for municipality in catalog.municipalities.values():
        with _on_its_own(municipality):
            with database.read() as session:
                ended = drafts.to_be_made(session, catalog, municipality, now=now)
            for period in ended:
                with database.write() as session:
                    drafts.make(session, catalog, municipality, period, name=drafts.WORKER, now=now)


def retain(work: Work, *, now: datetime) -> None:
    """Throw away what the municipalities have decided is not to be kept any longer."""
    for municipality in work.parts.catalog.municipalities.values():
        with _on_its_own(municipality):
            with work.parts.database.read() as session:
                is_needed = retention.removable(session, municipality, now=now).total
            if is_needed:
                with work.parts.database.write() as session:
                    retention.remove(session, municipality, name=drafts.WORKER, now=now)


def remind(work: Work, *, now: datetime) -> None:
    """Make the reminders that are due."""
    database, catalog = work.parts.database, work.parts.catalog
    for municipality in catalog.municipalities.values():
        with _on_its_own(municipality):
            with database.read() as session:
                due = reminders.due(session, catalog, municipality, now=now)
            _make(database, municipality, due, now=now)


def _make(database: Database, municipality: Municipality, due: Sequence[Row], *, now: datetime) -> None:
    if due:
        with database.write() as session:
            reminders.make(session, municipality, due, now=now)


def notify(work: Work, *, now: datetime) -> None:
    """Make reminders of what has just gone wrong, and send staff what is due. Their mail server may take its time."""
    parts = work.parts
    municipalities = parts.catalog.municipalities
    with parts.database.read() as session:
        troubled = trouble.untold_troubles(session, municipalities.values(), now=now)
    for name, rows in troubled.items():
        with _on_its_own(municipalities[name]):
            _make(parts.database, municipalities[name], rows, now=now)
    settings = parts.settings
    notifier = Notifier(
        parts.database,
        Ways(Environment(environ=os.environ), settings.smtp_url, settings.mail_from),
        (settings.templates_dir, shipped_directory("templates")),
        settings.base_url,
        parts.clock,
        work.sender.is_stopping,
    )
    send_due(notifier, parts.catalog)


def check_links(work: Work, *, now: datetime) -> None:
    """Look where the links of coming messages lead. Strangers' servers may take their time: nothing waits for it."""
    if time.monotonic() - work.started < LINKS_WAIT:
        return
    parts = work.parts
    link_checks.look_round(
        parts.database,
        parts.catalog,
        parts.messages,
        look=partial(link_looks.look, environment=Environment(environ=os.environ)),
        now=now,
        is_stopping=work.sender.is_stopping,
    )


def ask_reach(work: Work, *, now: datetime) -> None:
    """Ask the channels how far what has gone out has reached. They may take their time: nothing waits for it."""
    if time.monotonic() - work.started < LINKS_WAIT:
        return
    parts = work.parts
    reach_answers.ask_round(parts.database, parts.catalog, parts.channels, now=now, is_stopping=work.sender.is_stopping)


def ping(work: Work, *, now: datetime) -> None:
    """Tell a clock elsewhere that all is well, where one has been named."""
    url = work.parts.settings.ping_url
    # Right after the start the sign of life is not there yet, and what fell due meanwhile is still on its way.
    if url and time.monotonic() - work.started > PING_WAIT:
        pinging.ping(work.parts.database, work.parts.catalog, url, environ=os.environ, now=now)


def beat(work: Work, *, now: datetime) -> None:
    """Leave a sign of life, and see that this machine's clock goes with the others'."""
    with work.parts.database.write() as session:
        session.connection().execute(_BEAT, {"worker": work.worker, "at": now})
        session.connection().execute(_FORGET, {"before": now - HEARTBEAT_KEPT})
    ahead = work.parts.database.clock_ahead()
    if abs(ahead) > MOST_AHEAD:
        raise RefusedError(
            f"Klockan går {abs(ahead).total_seconds():.0f} s {'före' if ahead > timedelta(0) else 'efter'} databasens. "
            "Ställ den med NTP: arbetare vars klockor skiljer sig tar leveranser från varandra."
        )


@dataclass(frozen=True)
class Job:
    """A poll and how often it is made. `is_woken` ones also run when something was committed, `woken_after` that.

    However often it is woken, a job rests `rests` times as long as its last run took, if that was long (`QUICK` in
    `scheduler.worker`), but never longer than `every`.
    """

    run: Callable[..., None]
    every: timedelta
    is_woken: bool = False
    woken_after: timedelta = timedelta(0)
    rests: int = 0

    @property
    def id(self) -> str:
        return self.run.__name__


JOBS: tuple[Job, ...] = (
    Job(publish_local, timedelta(seconds=1), is_woken=True),
    Job(send_outside, timedelta(seconds=1), is_woken=True),
    # A moment later than the sending: both want the one writer, and what is due comes first.
    # While much is sent every commit changes calendars: writing many may take a fifth of the worker, no more.
    Job(
        refresh_feeds,
        timedelta(seconds=1),
        is_woken=True,
        woken_after=timedelta(milliseconds=10),
        rests=4,
    ),
    Job(renew_leases, timedelta(seconds=10)),
    Job(reap_leases, timedelta(seconds=5)),
    Job(beat, timedelta(seconds=5)),
    Job(materialise, timedelta(minutes=1)),
    Job(remind, timedelta(minutes=5)),
    Job(keep_activities, timedelta(hours=1)),
    Job(follow_up, timedelta(minutes=5)),
    Job(notify, timedelta(seconds=10)),
    Job(ping, timedelta(minutes=5)),
    Job(check_links, timedelta(minutes=5)),
    Job(ask_reach, timedelta(minutes=5)),
    Job(retain, timedelta(hours=1)),
)
