"""APScheduler with its jobs in SQLite, all settings as they come, a date job for each. `fill` the store, or `work`."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import create_engine, event

from tests.bench.contestants import ticking


def main(act: str) -> None:
    engine = create_engine(f"sqlite:///{os.environ['RIVAL_STORE']}")
    if act == "fill":  # which is not measured, and takes minutes on a slow disk
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    scheduler = BackgroundScheduler(jobstores={"default": SQLAlchemyJobStore(engine=engine)}, timezone=UTC)
    scheduler.start(paused=act == "fill")
    if act == "fill":
        for _ in range(ticking.JOBS):
            # By its default it would throw away what is a second late.
            scheduler.add_job(ticking.tick, "date", run_date=datetime.now(UTC), misfire_grace_time=None)
    while act == "work" and ticking.ticks() < ticking.JOBS:
        time.sleep(0.01)
    scheduler.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
