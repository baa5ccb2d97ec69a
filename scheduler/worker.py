"""The worker on the real clock: APScheduler runs the table of jobs, in memory, in UTC, and finishes what it holds.

Interval jobs only: kept date-jobs are lost on a crash, and cron rules skip days at the change to summer time.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from apscheduler.executors.pool import ThreadPoolExecutor as JobExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from campaigns.errors import KampanjhjulError
from campaigns.wiring import Parts
from scheduler import engines
from scheduler.jobs import Job, Work

logger = logging.getLogger(__name__)

SENDING_THREADS = 64
CLOCK_STEP = 2.0  # seconds; less is drift, which does no harm
# A run that is over so soon is no burden: the next needs no rest before it.
QUICK = timedelta(milliseconds=100)


class Worker:
    """Runs the jobs until stopped. Any number of workers may share a database; leases keep them apart."""

    def __init__(self, parts: Parts, *, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._pool = ThreadPoolExecutor(SENDING_THREADS, thread_name_prefix="send")
        self._stopping = threading.Event()
        sender = replace(parts.sender(), pool=self._pool, threads=SENDING_THREADS, is_stopping=self._stopping.is_set)
        self.work = Work(parts, sender, f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}")
        self._engine = parts.settings.engine
        self._jobs = engines.polls(self._engine)
        self._stop_carrying: Callable[[], None] = lambda: None
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": JobExecutor(len(self._jobs))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._again: set[str] = set()
        self._rested: dict[str, datetime] = {}  # when each job has rested from its last run, on APScheduler's clock
        self._told: dict[str, str] = {}  # per job, the failure that has been told of

    def start(self) -> None:
        """Run every job once now, in the table's order of need, and then at its interval."""
        now = datetime.now(UTC)  # APScheduler's own clock
        for job in self._jobs:
            self._scheduler.add_job(
                self._run, "interval", args=[job], id=job.id, seconds=job.every.total_seconds(), next_run_time=now
            )
        self.work.parts.database.on_commit(self.wake)
        self._scheduler.start()
        self._stop_carrying = engines.run_worker(self._engine, self.work)
        threading.Thread(target=self._watch_the_clock, name="clock", daemon=True).start()

    def _watch_the_clock(self) -> None:
        """Run everything at once when the clock has been set.

        APScheduler sleeps until a moment on the wall: set back an hour, it would sleep an hour.
        """
        ahead = self._wall() - time.monotonic()
        while not self._stopping.wait(1):
            now_ahead = self._wall() - time.monotonic()
            if abs(now_ahead - ahead) > CLOCK_STEP:
                logger.warning("Klockan har ställts om. Allt körs nu.", extra={"action": "clock_set"})
                for job in self._jobs:
                    self._run_now(job)
            ahead = now_ahead

    def wake(self) -> None:
        """Run the woken jobs at once: something was approved or otherwise changed."""
        if not self._scheduler.running:
            return
        for job in self._jobs:
            if job.is_woken and not self._asked_to_go_round(job):
                self._run_now(job)

    def _run_now(self, job: Job) -> None:
        now = datetime.now(UTC)
        # A clock that was set back leaves a rest far ahead.
        at = max(now + job.woken_after, min(self._rested.get(job.id, now), now + job.every))
        with contextlib.suppress(JobLookupError):  # stopping
            waiting = self._scheduler.get_job(job.id)
            # Wake-ups that come all the time must not push it on before them.
            if waiting is not None and waiting.next_run_time > at:
                self._scheduler.modify_job(job.id, next_run_time=at)

    def _asked_to_go_round(self, job: Job) -> bool:
        # A wake-up that comes while the job runs would be dropped by max_instances: the running one goes round again.
        with self._lock:
            if job.id in self._running:
                self._again.add(job.id)
                return True
            return False

    def stop(self) -> None:
        """Start nothing more, finish what is held, then return."""
        self._stopping.set()
        self._scheduler.shutdown(wait=True)
        self._stop_carrying()
        self._pool.shutdown(wait=True)

    def _run(self, job: Job) -> None:
        with self._lock:
            self._running.add(job.id)
        while True:
            began = datetime.now(UTC)
            self.run_once(job)
            ended = datetime.now(UTC)
            took = max(ended - began, timedelta(0))
            self._rested[job.id] = ended + (min(job.every, job.rests * took) if took > QUICK else timedelta(0))
            with self._lock:
                is_to_go_round = job.id in self._again and not self._stopping.is_set()
                self._again.discard(job.id)
                if job.rests or not is_to_go_round:
                    self._running.discard(job.id)
                    break
        if is_to_go_round:
            self._run_now(job)

    def run_once(self, job: Job) -> None:
        """Run one job. Its failure is told of once, and the worker goes on: the next poll tries again."""
        try:
            job.run(self.work, now=self.work.parts.clock())
        except KampanjhjulError as error:
            if self._told.get(job.id) != error.message:
                logger.error("%s (%s)", error.message, job.id, extra={"action": "job_failed"})
            self._told[job.id] = error.message
        except Exception:
            logger.exception("Jobbet %s gick sönder.", job.id, extra={"action": "job_broke"})
        else:
            if self._told.pop(job.id, None):
                logger.warning("Det fungerar igen (%s).", job.id, extra={"action": "job_recovered"})
