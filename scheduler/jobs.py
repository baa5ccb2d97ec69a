"""When things happen: one table of jobs, each a short poll, "what is due at `now`?". The next run heals a missed one.

The same table is run by the worker (the real clock, APScheduler) and by the rehearsal (a simulated clock).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, text

from campaigns import delivery, posts, publishing, reminders
from campaigns.catalog import Municipality
from campaigns.delivery import Sender
from campaigns.errors import KampanjhjulError
from campaigns.models import Heartbeat
from campaigns.wiring import Parts

logger = logging.getLogger(__name__)

UTC_MOMENT = Heartbeat.__table__.c.at.type  # type: ignore[attr-defined]  # SQLModel gives every table model one

_BEAT = text(
    "INSERT INTO heartbeat (worker, at) VALUES (:worker, :at) ON CONFLICT (worker) DO UPDATE SET at = excluded.at"
).bindparams(bindparam("at", type_=UTC_MOMENT))
_FORGET = text("DELETE FROM heartbeat WHERE at < :before").bindparams(bindparam("before", type_=UTC_MOMENT))
HEARTBEAT_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Work:
    """What the jobs work on, and under which name their heartbeat is kept."""

    parts: Parts
    sender: Sender
    worker: str


def publish_local(work: Work, *, now: datetime) -> None:  # noqa: ARG001 - it reads the clock for each batch
    """Publish what is due on channels of our own: the public page, the screens, the by-hand tasks."""
    delivery.send_due(work.sender, work.parts.catalog, local=True)


def send_outside(work: Work, *, now: datetime) -> None:  # noqa: ARG001 - as above
    """Send what is due to channels outside."""
    delivery.send_due(work.sender, work.parts.catalog, local=False)


def reap_leases(work: Work, *, now: datetime) -> None:
    """Take back what dead workers held."""
    delivery.reap_leases(work.sender, now=now)


def refresh_feeds(work: Work, *, now: datetime) -> None:
    """Write the calendar events of municipalities where something changed, from the files as they are now."""
    work.parts.configuration.reread()
    publishing.refresh_stale(work.parts.database, work.parts.catalog, now=now, base_url=work.parts.settings.base_url)


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


def remind(work: Work, *, now: datetime) -> None:
    """Make the reminders that are due."""
    for municipality in work.parts.catalog.municipalities.values():
        with _on_its_own(municipality), work.parts.database.write() as session:
            reminders.remind(session, work.parts.catalog, municipality, now=now)


def beat(work: Work, *, now: datetime) -> None:
    """Leave a sign of life."""
    with work.parts.database.write() as session:
        session.connection().execute(_BEAT, {"worker": work.worker, "at": now})
        session.connection().execute(_FORGET, {"before": now - HEARTBEAT_KEPT})


@dataclass(frozen=True)
class Job:
    """A poll and how often it is made. `is_woken` ones also run when something was committed, `woken_after` that."""

    run: Callable[..., None]
    every: timedelta
    is_woken: bool = False
    woken_after: timedelta = timedelta(0)

    @property
    def id(self) -> str:
        return self.run.__name__


JOBS: tuple[Job, ...] = (
    Job(publish_local, timedelta(seconds=1), is_woken=True),
    Job(send_outside, timedelta(seconds=1), is_woken=True),
    # A moment later than the sending: both want the one writer, and what is due comes first.
    Job(refresh_feeds, timedelta(seconds=1), is_woken=True, woken_after=timedelta(milliseconds=10)),
    Job(reap_leases, timedelta(seconds=15)),
    Job(beat, timedelta(seconds=5)),
    Job(materialise, timedelta(minutes=1)),
    Job(remind, timedelta(minutes=5)),
)
