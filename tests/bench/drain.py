"""Drain jobs, with a channel that costs nothing, against a Procrastinate job for each delivery: one process each.

Both work on PostgreSQL servers with the same settings, and neither's start is counted. The drain jobs' deliveries are
claimed with their signatures and bytes verified, as always, and each is written down; a rival's job ticks a counter.
The same once more where far more posts wait for their day in the same tables.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session, SQLModel

from campaigns import drain_jobs
from campaigns.channels.base import Receipt, Shipment
from campaigns.database import Database
from campaigns.models import Approval, ContentRow, Delivery, Post
from campaigns.wiring import open_parts
from scheduler.drains import Drains
from scheduler.jobs import Work
from scheduler.worker import SENDING_THREADS
from tests import machines
from tests.bench import rivals
from tests.bench.country import TOWNS, copied, settle_down
from tests.bench.measuring import Row, at_least, at_most, unmeasured
from tests.bench.processes import NotAvailableError
from tests.bench.throughput import Free

SEED, TIMES = 20, 5  # of each municipality, and how many times those
COUNT = len(TOWNS) * SEED * TIMES
FUTURE = 18  # times the seed again: a hundred thousand
ROUNDS, RIVAL_ROUNDS = 7, 3
WITHIN = 120.0


@dataclass(frozen=True)
class Noting(Free):
    """The channel that costs nothing, and when it was called."""

    calls: list[float] = field(default_factory=list)

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        self.calls.append(time.perf_counter())
        return super().send(shipment, now=now)


def run(folder: Path) -> Iterable[Row]:
    config = machines.configured(folder, TOWNS, "http://127.0.0.1:9")
    with machines.postgresql() as server:
        seeded = copied(server, "template1", "seeded")
        environ = machines.environment(folder, config, seeded, "procrastinate")
        _seed(environ)
        busier = copied(server, "seeded", "busier")
        _multiply(busier, FUTURE, days=30)
        names: dict[str, list[float]] = {"seeded": [], "busier": []}
        theirs: list[float] = []
        try:
            for turn in range(RIVAL_ROUNDS):
                place = folder / f"rival-{turn}"
                place.mkdir()
                theirs.append(rivals.procrastinate(place, copied(server, "template1", f"rival{turn}")))
        except NotAvailableError as error:
            yield unmeasured("Dräneringsjobb mot Procrastinate", str(error))
        for turn in range(ROUNDS):
            for name, took in names.items() if turn % 2 else reversed(names.items()):
                url = copied(server, name, f"{name}{turn}")
                took.append(drain_seconds({**environ, "KAMPANJHJUL_DATABASE_URL": url}))
    alone, among = (statistics.median(took) for took in names.values())
    if theirs:
        rate, rival = COUNT / alone, statistics.median(theirs)
        yield at_least(
            f"Dräneringsjobb, {COUNT} leveranser till {len(TOWNS)} mottagare, kostnadsfri kanal, PostgreSQL",
            f"{rate:.0f}/s mot {rival:.0f}/s",
            ratio=rate / rival,
            limit=20,
            of="Procrastinate, ett jobb per leverans",
            ours=rate,
            rival=rival,
        )
    waiting = len(TOWNS) * SEED * FUTURE
    yield at_most(
        f"  med {waiting} framtida leveranser i tabellerna: så mycket långsammare",
        100 * (among / alone - 1),
        limit=5,
        unit="%",
        detail=f"{COUNT / among:.0f}/s mot {COUNT / alone:.0f}/s",
    )


def _seed(environ: dict[str, str]) -> None:
    database = open_parts(environ).database
    machines.fill(database, TOWNS, SEED, text="Nej " * 200)
    database.close()
    _multiply(environ["KAMPANJHJUL_DATABASE_URL"], TIMES - 1, days=0)


def _multiply(url: str, times: int, *, days: int) -> None:
    """The first municipalities' posts so many times more, each time so many days later, and the tables as they get."""
    database = Database(url)
    with database.write() as session:
        for table in (Post, ContentRow, Approval, Delivery):
            _again(session, table, times, days)
    settle_down(database)
    database.close()


def _again(session: Session, table: type[SQLModel], times: int, days: int) -> None:
    later = f"interval '{days} days' * k"
    # Numbers of their own, also beside those of an earlier multiplication.
    shift = f"({10 + days} + k) * 100000"
    changed = {
        **dict.fromkeys(("id", "post_id", "content_id"), "{0} + " + shift),
        **dict.fromkeys(("key", "step"), "{0} || '-' || " + shift),
        **dict.fromkeys(("due_at", "not_after", "next_attempt_at"), "{0} + " + later),
    }
    names = [column.name for column in table.__table__.columns if table is not Approval or column.name != "id"]  # type: ignore[attr-defined]  # SQLModel gives every table model one
    values = [changed.get(name, "{0}").format(name) for name in names]
    first = "post_id" if table is Approval else "id"
    session.execute(
        text(
            f"INSERT INTO {table.__tablename__} ({', '.join(names)}) SELECT {', '.join(values)} "
            f"FROM {table.__tablename__}, generate_series(1, :times) AS k "
            f"WHERE {first} >= :first AND {first} < :first + 100000"
        ),
        {"times": times, "first": machines.FIRST},
    )


def drain_seconds(environ: dict[str, str]) -> float:
    """How long one worker process takes from its first delivery until all have been written down."""
    channel = Noting()
    opened = open_parts(environ, clock=lambda: machines.NOON)
    parts = replace(opened, channels={"webhook": channel})
    with parts.database.write() as session:
        drain_jobs.defer(session, [(town, "webhook") for town in TOWNS])
    with ThreadPoolExecutor(SENDING_THREADS) as pool:
        sender = replace(parts.sender(), pool=pool, threads=SENDING_THREADS)
        drains = Drains(Work(parts, sender, "bench"))
        drains.start()
        until = time.monotonic() + WITHIN
        while (len(channel.calls) < COUNT or sender.held) and time.monotonic() < until:
            time.sleep(0.002)
        ended = time.perf_counter()
        drains.stop()
    with parts.database.read() as session:
        found = session.execute(text("SELECT state, attempts, count(*) FROM delivery GROUP BY state, attempts"))
        states = {(row[0], row[1]): row[2] for row in found}
    parts.database.close()
    assert states.pop(("queued", 0), 0) in (0, len(TOWNS) * SEED * FUTURE)
    assert states == {("handed_over", 1): COUNT}, states
    assert len(channel.calls) == COUNT
    return ended - channel.calls[0]
