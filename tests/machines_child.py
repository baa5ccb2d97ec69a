"""`kampanjhjul worker` or `web` with the machines' clock: `python -m tests.machines_child WHAT BEGAN`.

Time runs SPEED times as fast, and so do the polls for leases: otherwise the test would wait for them.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from functools import partial

from campaigns import wiring
from campaigns.cli import running
from scheduler import engines, jobs
from tests.machines import SPEED, clock


def sped_up(job: jobs.Job) -> jobs.Job:
    is_of_leases = job.id in ("reap_leases", "renew_leases", "clear_jobs")
    return replace(job, every=job.every / SPEED) if is_of_leases else job


def main(what: str, began: float) -> int:
    vars(running)["open_parts"] = partial(wiring.open_parts, clock=partial(clock, began))
    vars(engines)["JOBS"] = tuple(sped_up(job) for job in jobs.JOBS)
    if os.environ.get("KAMPANJHJUL_ENGINE") == "procrastinate":
        from campaigns import drain_jobs
        from scheduler import drains

        vars(drains)["POLLS"] = tuple(sped_up(job) for job in drains.POLLS)
        drains.HEARTBEAT /= SPEED
        drain_jobs.SILENT_AFTER //= SPEED
    return running.worker(argparse.Namespace()) if what == "worker" else running.web(argparse.Namespace())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
