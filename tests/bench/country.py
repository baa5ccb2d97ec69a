"""The whole country on one PostgreSQL: what is measured of it, and the processes that it is measured with.

The municipalities are Aneby 290 times over, each with a webhook of its own. Their years are planned once; each
measurement has a copy of that database, real processes and the real clock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from campaigns.database import Database
from campaigns.wiring import open_parts
from scheduler import jobs
from tests import machines
from tests.bench.processes import LOOPBACK, NotAvailableError, free_port, kampanjhjul, pinned, running, wait_for
from tests.bench.sweden import MUNICIPALITIES
from tests.bench.worlds import daytime_zone

TOWNS = {f"kommun-{number:03}": "webhook" for number in range(MUNICIPALITIES)}
EACH = 20  # deliveries of each, which wait for a day that a measurement decides
PATIENCE = 300.0  # seconds for a process to have done what it does at its start
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Country:
    """A planned country, with deliveries that wait. `sink` is the port that its webhooks lead to."""

    folder: Path
    server: machines.PostgreSQL
    config: Path
    sink: int

    def copied(self, name: str) -> str:
        """The address of a database of its own with the same rows."""
        return copied(self.server, "planned", name)

    def environ(self, url: str, engine: str) -> dict[str, str]:
        return machines.environment(self.folder, self.config, url, engine)

    @contextmanager
    def worker(self, environ: dict[str, str], name: str) -> Iterator[int]:
        """A worker's process id."""
        with running(kampanjhjul("worker"), log=self.folder / f"{name}.log", environ=environ) as process:
            yield process.pid

    @contextmanager
    def web(self, environ: dict[str, str], name: str, *, core: int | None = None) -> Iterator[tuple[int, int]]:
        """A web process's id and port, once every calendar is in its memory."""
        port = free_port()
        own = {"KAMPANJHJUL_PORT": str(port), "KAMPANJHJUL_HOST": LOOPBACK}
        command = kampanjhjul("web") if core is None else pinned(kampanjhjul("web"), core)
        with running(command, log=self.folder / f"{name}.log", environ=environ | own) as process:
            for town in TOWNS:
                wait_for(port, feed(town), process, within=PATIENCE)
            yield process.pid, port


def feed(town: str) -> str:
    return f"/feeds/{town}/riskdatum-{town}.ics"


@contextmanager
def country(folder: Path) -> Iterator[Country]:
    with machines.postgresql() as server:
        sink = free_port()
        zone = daytime_zone(datetime.now(UTC))
        config = machines.configured(folder, TOWNS, f"http://{LOOPBACK}:{sink}", zone=zone)
        found = Country(folder, server, config, sink)
        parts = open_parts(found.environ(copied(server, "template1", "planned"), "procrastinate"))
        work = jobs.Work(parts, parts.sender(), "bench")
        for at_start in (jobs.materialise, jobs.follow_up, jobs.remind, jobs.notify, jobs.refresh_feeds):
            at_start(work, now=parts.clock())  # as workers do when they meet a new country
        machines.fill(parts.database, TOWNS, EACH, at=parts.clock() + timedelta(days=1), text="Nej " * 200)
        settle_down(parts.database)
        parts.database.close()
        yield found


def settle_down(database: Database) -> None:
    """What PostgreSQL does by itself in a while to tables that have grown."""
    with database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def copied(server: machines.PostgreSQL, original: str, name: str) -> str:
    """The address of a new database with the same bytes as `original`, to which nobody may be connected."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        connection.execute(words.format(sql.Identifier(name), sql.Identifier(original)))
    return server.url.removesuffix("/postgres") + f"/{name}"


def rest(*processes: int) -> None:
    """Return when the processes have been at rest for a moment. Raises NotAvailableError if they never are."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        before = [_worked(process) for process in processes]
        time.sleep(2)
        if all(_worked(process) - work < 0.3 for process, work in zip(processes, before, strict=True)):
            return
    raise NotAvailableError("processerna kom aldrig till ro efter starten")


def _worked(process: int) -> float:
    """Seconds of processor time that the process has used."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
