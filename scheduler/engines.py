"""The other half of the seam to the engine (the first is `campaigns.waking.wake`): what a worker runs to carry work."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scheduler.jobs import JOBS, Job, Work, send_outside


def polls(engine: str) -> Sequence[Job]:
    """The worker's table of jobs with this engine."""
    if engine == "embedded":
        return JOBS
    from scheduler.drains import POLLS

    return (*(job for job in JOBS if job.run is not send_outside), *POLLS)


def run_worker(engine: str, work: Work) -> Callable[[], None]:
    """Begin to carry work to this process. Returns what stops it, when what it holds is done.

    `embedded`: the worker's own polls find what is due, and its threads send it. `procrastinate`: drain jobs come from
    the queue in the database, one for each channel account, to any worker on any machine.
    """
    if engine == "embedded":
        return lambda: None
    from scheduler.drains import Drains

    drains = Drains(work)
    drains.start()
    return drains.stop
