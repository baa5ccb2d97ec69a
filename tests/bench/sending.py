"""From due to the first byte at the receiver: found by the sweep each second, or woken by the last signature.

The real worker in this process sends through the real webhook channel to a receiver on loopback in another.
"""

from __future__ import annotations

import base64
import logging
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import col, select

from campaigns import approval
from campaigns.models import Delivery, Post
from campaigns.posts import materialise
from campaigns.wiring import Parts, open_parts
from scheduler.worker import Worker
from tests.bench.measuring import Row, at_most, percentile, spread, told
from tests.bench.processes import LOOPBACK, NotAvailableError, free_port, settings
from tests.bench.worlds import with_moments

BY_SWEEP, WOKEN = 90, 110
PREPARATION, SPAN = timedelta(seconds=15), 30.0
WITHIN = 10.0


def run(folder: Path) -> Iterable[Row]:
    port = free_port()
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # as `serve` does
    came = _Arrivals(port)
    parts = _opened(folder, port)
    committed = _Commits(parts)
    try:
        due = _approved(parts, "punktlig")
        _sign(parts, _posts(parts, "vackt"), "kommun")
        if datetime.now(UTC) > min(due.values()):
            raise NotAvailableError("maskinen är så upptagen att förberedelserna inte hann klart i tid")
        swept, woken = _measured(parts, due, came, committed)
    finally:
        came.stop()
        parts.database.close()
    from_commit, from_call = ([pair[which] for pair in woken] for which in (0, 1))
    yield at_most(
        "Dags till första byte hos mottagaren, svep, p99",
        percentile(swept, 99),
        limit=1100,
        unit="ms",
        detail=spread(swept),
    )
    yield at_most(
        "Sista godkännandet till första byte, väckt, p99",
        percentile(from_commit, 99),
        limit=50,
        unit="ms",
        detail=spread(from_commit),
    )
    yield told("  räknat från anropet, med själva godkännandet", f"{spread(from_call)} ms")


def _measured(
    parts: Parts, due: Mapping[str, datetime], came: _Arrivals, committed: _Commits
) -> tuple[list[float], list[tuple[float, float]]]:
    """What the worker takes by its sweep, and woken."""
    worker = Worker(parts)
    worker.start()
    try:
        swept = [1000 * (came.at(key) - moment.timestamp()) for key, moment in due.items()]
        time.sleep(2)  # so that no sweep is under way because of the last one
        return swept, [_woken(parts, post, came, committed) for post in _posts(parts, "vackt")]
    finally:
        worker.stop()


class _Commits:
    """When this thread last committed something that was announced (seconds since 1970)."""

    def __init__(self, parts: Parts) -> None:
        self.last = 0.0
        self._thread = threading.get_ident()
        parts.database.on_commit(self._note)

    def _note(self) -> None:
        if threading.get_ident() == self._thread:
            self.last = time.time()


class _Arrivals:
    """The receiver, and when each delivery's first byte came (seconds since 1970)."""

    def __init__(self, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.receiver", str(port)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self._times: dict[str, float] = {}
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            moment, _, key = line.strip().partition(" ")
            with self._news:
                assert key not in self._times, f"{key} kom två gånger"
                self._times[key] = float(moment)
                self._news.notify_all()

    def at(self, key: str) -> float:
        """When `key` came; waits for it."""
        with self._news:
            if not self._news.wait_for(lambda: key in self._times, SPAN + PREPARATION.total_seconds() + WITHIN):
                raise TimeoutError(f"{key} kom aldrig fram")
            return self._times[key]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def _opened(folder: Path, port: int) -> Parts:
    first = datetime.now(UTC) + PREPARATION
    moments = [first + timedelta(seconds=random.uniform(0, SPAN)) for _ in range(BY_SWEEP)]
    config, templates = with_moments(
        folder, sorted(moments), WOKEN, webhook=f"http://{LOOPBACK}:{port}/", secret="env:RECEIVER_SECRET"
    )
    environ = settings(folder / "data", free_port(), config=config)
    environ |= {"KAMPANJHJUL_TEMPLATES_DIR": str(templates)}
    environ |= {"RECEIVER_SECRET": f"whsec_{base64.b64encode(b'k' * 32).decode()}"}
    parts = open_parts(environ)
    with parts.database.write() as session:
        aneby = parts.catalog.municipality("aneby")
        materialise(session, parts.catalog, parts.messages, aneby, now=parts.clock())
    return parts


def _posts(parts: Parts, campaign: str) -> list[int]:
    with parts.database.read() as session:
        found = session.exec(select(Post.id).where(Post.campaign == campaign).order_by(col(Post.id))).all()
    return [post_id for post_id in found if post_id is not None]


def _approved(parts: Parts, campaign: str) -> dict[str, datetime]:
    """Both parties sign the campaign's posts. Returns when each delivery is due."""
    post_ids = _posts(parts, campaign)
    for party in ("kommun", "polis"):
        _sign(parts, post_ids, party)
    with parts.database.read() as session:
        rows = session.exec(select(Delivery).where(col(Delivery.post_id).in_(post_ids))).all()
    return {row.key: row.due_at for row in rows}


def _sign(parts: Parts, post_ids: Iterable[int], party: str) -> None:
    with parts.database.write() as session:
        for post_id in post_ids:
            approval.approve(
                session, parts.catalog, parts.messages, post_id, party=party, name=f"Namn {party}", now=parts.clock()
            )


def _woken(parts: Parts, post_id: int, came: _Arrivals, committed: _Commits) -> tuple[float, float]:
    """Milliseconds until the first byte, from the commit of the last signature and from the call that gives it."""
    began = time.time()
    _sign(parts, [post_id], "polis")
    with parts.database.read() as session:
        key = session.exec(select(Delivery.key).where(Delivery.post_id == post_id)).one()
    arrived = came.at(key)
    time.sleep(random.uniform(0.02, 0.1))
    return 1000 * (arrived - committed.last), 1000 * (arrived - began)
