"""Every municipality's deliveries due in the same second, sent by two workers to receivers that take their time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from campaigns.database import Database
from tests import machines
from tests.bench.country import EACH, TOWNS, Country, rest
from tests.bench.measuring import Row, at_most, shown, told
from tests.bench.processes import NotAvailableError, resident_mb

SINK_MS, WORKERS = 50, 2
COUNT = len(TOWNS) * EACH
WITHIN = 90.0  # seconds until it is given up
_NOW_DUE = (
    "UPDATE post SET due_at = :due WHERE id >= :first",
    "UPDATE delivery SET due_at = :due, next_attempt_at = :due WHERE id >= :first",
)
_LAST = "SELECT attempts, count(*), max(published_at) FROM delivery WHERE id >= :first GROUP BY attempts"


@contextmanager
def sink(country: Country) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.sink", str(country.sink), str(SINK_MS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.terminate()


def sent_within(database: Database, *, lead: float = 5.0) -> float:
    """Seconds from when everything becomes due until the last has been taken in, as the workers note it."""
    due = (datetime.now(UTC) + timedelta(seconds=lead)).replace(microsecond=0)
    with database.write() as session:
        for change in _NOW_DUE:
            session.execute(text(change), {"due": due, "first": machines.FIRST})
    if datetime.now(UTC) > due:
        raise NotAvailableError("maskinen är så upptagen att förberedelserna inte hann klart i tid")
    time.sleep((due - datetime.now(UTC)).total_seconds() + 2)
    if not machines.until(lambda: machines.states(database) == {"handed_over": COUNT}, seconds=WITHIN):
        raise NotAvailableError(f"allt blev inte sänt: {machines.states(database)}")
    with database.read() as session:
        [(attempts, count, last)] = session.execute(text(_LAST), {"first": machines.FIRST})
    assert (attempts, count) == (1, COUNT)
    return float((last - due).total_seconds())


def run(country: Country) -> Iterable[Row]:
    for engine in ("procrastinate", "embedded"):
        took, memory = _by(country, engine)
        name = f"{COUNT} leveranser samma sekund, {WORKERS} arbetare, mottagare på {SINK_MS} ms, {engine}"
        if engine == "procrastinate":
            yield at_most(name, took, limit=10, unit="s")
            yield at_most("  en arbetares minne, 290 kommuner", memory, limit=200, unit="MB")
        else:
            yield told(name, shown(took, "s"), s=took)


def _by(country: Country, engine: str) -> tuple[float, float]:
    """Seconds, and MB of the larger worker afterwards."""
    url = country.copied(f"due_{engine}")
    with ExitStack() as stack:
        stack.enter_context(sink(country))
        database = Database(url)
        stack.callback(database.close)
        environ = country.environ(url, engine)
        workers = [stack.enter_context(country.worker(environ, f"{engine}-{number}")) for number in range(WORKERS)]
        time.sleep(3)
        rest(*workers)
        return sent_within(database), max(resident_mb(worker) for worker in workers)
