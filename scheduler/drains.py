"""The worker's part in Procrastinate: takes drain jobs from the queue, and sends for the accounts that they name.

The jobs of a process hand their accounts to one sender, which leases and settles for many accounts at a time with the
same statements as the embedded engine: a job of its own for each transaction would cost ten times as much.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException

from campaigns import drain_jobs
from campaigns.database import CUT_OFF
from campaigns.errors import DatabaseError
from campaigns.sending.delivery import MOST_ACCOUNTS, send_asked
from campaigns.sending.due import due_accounts
from campaigns.sending.supplies import Asked
from scheduler.jobs import Job, Work

logger = logging.getLogger(__name__)

# Turns at a time in a process. A turn only waits: the sender's threads do the work.
TURNS = 200
# Seconds between looks for jobs. PostgreSQL tells of new ones at once, unless a pooler stands between.
LOOK_EVERY = 1.0
# Seconds between signs of life to the queue.
HEARTBEAT = 10.0
# Seconds before it tries again when the database is away.
TRY_AGAIN = 1.0


def wake_due(work: Work, *, now: datetime) -> None:
    """Lay a job for each account whose time has come. The calendar never stands in the queue: it costs it its speed."""
    catalog, database = work.parts.catalog, work.parts.database
    with database.read() as session:
        kinds = work.sender.kinds(local=False)
        due = due_accounts(session, catalog, kinds=kinds, most=MOST_ACCOUNTS, now=now)
    if due:
        with database.write() as session:
            drain_jobs.defer_missing(session, due)


def clear_jobs(work: Work, *, now: datetime) -> None:  # noqa: ARG001 - the queue's time is the database's
    """Remove the jobs that dead workers held, and those that are over."""
    with work.parts.database.write() as session:
        drain_jobs.clear(session)


POLLS = (Job(wake_due, timedelta(seconds=1), is_woken=True), Job(clear_jobs, timedelta(seconds=15)))


class Drains:
    """Takes jobs and sends, in two threads, from `start` to `stop`."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._asked = Asked()
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._taking: asyncio.Task[None] | None = None
        self._threads = [
            threading.Thread(target=run, name=run.__name__.strip("_"), daemon=True)
            for run in (self._take_jobs, self._send)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no more jobs, let what is under way end, and return."""
        self._stopping.set()
        if self._loop is not None and self._taking is not None:
            with contextlib.suppress(RuntimeError):  # it has just ended
                self._loop.call_soon_threadsafe(self._taking.cancel)
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        told = False
        while not self._stopping.is_set():
            if not self._asked.wait(0.5):
                continue
            try:
                send_asked(self._work.sender, self._work.parts.catalog, self._asked)
                told = False
            except Exception as error:  # one unit of background work; the polls lay new jobs for what is left
                self._asked.give_up()
                if not told:
                    is_ours = not isinstance(error, DatabaseError)
                    logger.error("Sändningen avbröts: %s", error, exc_info=is_ours, extra={"action": "drain_broke"})
                told = True
                self._stopping.wait(TRY_AGAIN)
        self._asked.give_up()

    def _take_jobs(self) -> None:
        asyncio.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began = time.monotonic()
            self._taking = asyncio.create_task(self._take())
            try:
                await self._taking
            except asyncio.CancelledError:
                return
            except Exception as error:  # most often the database is away: nothing is lost, the jobs stand there
                is_ours = not isinstance(error, (ProcrastinateException, psycopg.Error, OSError))
                logger.warning("Kön svarar inte: %s", error, exc_info=is_ours, extra={"action": "queue_away"})
            if not self._stopping.is_set():
                await asyncio.sleep(max(0.0, TRY_AGAIN - (time.monotonic() - began)))

    async def _take(self) -> None:
        app = App(
            connector=PsycopgConnector(
                conninfo=drain_jobs.connection_string(self._work.parts.database),
                kwargs={"prepare_threshold": None, **CUT_OFF},  # as in `campaigns.database`
                min_size=1,
                max_size=4,
                timeout=10,
            )
        )
        app.task(name=drain_jobs.TASK)(self._drain_with(app))
        async with app.open_async():
            await app.run_worker_async(
                queues=[drain_jobs.QUEUE],
                concurrency=TURNS,
                fetch_job_polling_interval=LOOK_EVERY,
                update_heartbeat_interval=HEARTBEAT,
                stalled_worker_timeout=drain_jobs.SILENT_AFTER,
                delete_jobs="always",
                install_signal_handlers=False,
            )

    def _drain_with(self, app: App) -> Callable[[str, str], Coroutine[None, None, None]]:
        async def drain(municipality: str, channel: str) -> None:
            is_more = await asyncio.wrap_future(self._asked.ask((municipality, channel)))
            if is_more and not self._stopping.is_set():
                job = drain_jobs.job((municipality, channel))
                with contextlib.suppress(AlreadyEnqueued):
                    await app.job_manager.defer_job_async(job)

        return drain
