"""Celery on Redis: run as a program it fills the queue; `celery worker` empties it."""

from __future__ import annotations

import os

from celery import Celery

from tests.bench.contestants import ticking

app = Celery("ticks", broker=os.environ["RIVAL_REDIS"])
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True
tick = app.task(ticking.tick, name="tick")

if __name__ == "__main__":
    for _ in range(ticking.JOBS):
        tick.delay()
