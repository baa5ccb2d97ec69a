"""The worker: several on one database are safe, a wake-up is immediate, and a failure does not stop it."""

from __future__ import annotations

import hashlib
import itertools
import logging
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text
from sqlmodel import select

from campaigns import posts
from campaigns.catalog import Catalog, Municipality
from campaigns.database import Database
from campaigns.drafts import digest_of
from campaigns.errors import DatabaseError, RefusedError
from campaigns.models import Approval, ContentRow, Delivery, DeliveryState, Heartbeat, OccurrenceRow, Post, PostState
from campaigns.sending.delivery import send_due
from campaigns.wiring import Parts, open_parts
from scheduler import jobs
from scheduler.jobs import JOBS, Job
from scheduler.worker import Worker
from tests.fakes import Clock, FakeChannel, Town

NOW = datetime(2027, 4, 30, 6, 0, tzinfo=UTC)
COUNT = 10_000


def fill(database: Database, count: int) -> None:
    """`count` signed deliveries that are due now, made straight in the tables."""
    payload = b"{}"
    sha256 = hashlib.sha256(payload).hexdigest()
    digest = digest_of({("webb", "sv"): sha256})
    with database.write() as session:
        session.add(
            OccurrenceRow(
                key="o",
                municipality="aneby",
                risk_date="valborg",
                name="Valborg",
                year=2027,
                day=NOW.date(),
                first_day=NOW.date(),
                last_day=NOW.date(),
                status="confirmed",
                has_day=True,
                changed_at=NOW,
            )
        )
        session.flush()
        numbers = range(1, count + 1)
        common = {"created_at": NOW}
        session.execute(
            insert(Post),
            [
                {
                    "id": n,
                    "key": f"p{n}",
                    "municipality": "aneby",
                    "campaign": "valborg",
                    "occurrence": "o",
                    "step": "s",
                    "audience": "foraldrar",
                    "channels": "webb",
                    "places": "",
                    "is_preliminary": False,
                    "due_at": NOW,
                    "not_after": NOW + timedelta(hours=1),
                    "state": PostState.APPROVED,
                    "reason": "",
                    "content_version": 1,
                    "digest": digest,
                    "changed_at": NOW,
                    **common,
                }
                for n in numbers
            ],
        )
        session.execute(
            insert(ContentRow),
            [
                {
                    "id": n,
                    "post_id": n,
                    "version": 1,
                    "channel": "webb",
                    "language": "sv",
                    "payload": payload,
                    "sha256": sha256,
                    **common,
                }
                for n in numbers
            ],
        )
        session.execute(
            insert(Approval),
            [
                {"post_id": n, "party": party, "name": name, "digest": digest, "void_reason": "", **common}
                for n in numbers
                for party, name in (("kommun", "Kim"), ("polis", "Pia"))
            ],
        )
        session.execute(
            insert(Delivery),
            [
                {
                    "key": f"d{n}", "post_id": n, "content_id": n, "municipality": "aneby", "channel": "webb",
                    "kind": "webb", "language": "sv", "state": "queued", "due_at": NOW,
                    "not_after": NOW + timedelta(hours=1), "next_attempt_at": NOW, "token": 0, "attempts": 0,
                    "maybe_sent": False, "receipt": "", "url": "", "reason": "", "changed_at": NOW, **common,
                }
                for n in numbers
            ],
        )  # fmt: skip


@pytest.mark.servers  # ten seconds
def test_two_workers_share_ten_thousand_deliveries_and_none_goes_twice(database: Database, catalog: Catalog) -> None:
    fill(database, COUNT)
    sent: Counter[str] = Counter()
    by_worker: Counter[int] = Counter()
    lock = threading.Lock()
    first, second = Database(database.url), Database(database.url)
    both_hold_some = threading.Barrier(2)

    def work(number: int, own: Database) -> None:
        def record(shipment: object) -> None:
            if not by_worker[number]:
                both_hold_some.wait(timeout=60)  # neither may finish before the other has begun
            with lock:
                sent[shipment.key] += 1  # type: ignore[attr-defined]  # a Shipment
                by_worker[number] += 1

        channel = FakeChannel("webb", on_send=record)
        sender = Town(own, catalog, Clock(NOW)).sender(channel)
        send_due(sender, catalog, local=True)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work, number, own) for number, own in enumerate((first, second))]:
            done.result()
    first.close()
    second.close()

    assert len(sent) == COUNT
    assert set(sent.values()) == {1}
    assert len(by_worker) == 2  # both took part
    with database.read() as session:
        states = session.execute(text("SELECT state, count(*) FROM delivery GROUP BY state")).all()
    assert [tuple(row) for row in states] == [("published", COUNT)]


@pytest.fixture
def parts(database: Database, tmp_path: Path) -> Parts:
    environ = {"KAMPANJHJUL_DATA_DIR": str(tmp_path)}
    return open_parts(environ, clock=lambda: datetime.now(UTC), database=database)


def until(condition: object, *, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]  # a function without arguments
            return True
        time.sleep(0.02)
    return False


def test_the_worker_plans_beats_and_builds_the_calendars_by_itself(parts: Parts) -> None:
    worker = Worker(parts)
    worker.start()
    try:

        def is_up() -> bool:
            with parts.database.read() as session:
                row = session.execute(text("SELECT value, published FROM revision")).first()
                return session.exec(select(Heartbeat)).first() is not None and row is not None and row[0] == row[1]

        assert until(is_up)
        with parts.database.read() as session:
            assert session.exec(select(Post)).first() is not None
    finally:
        worker.stop()


def test_a_failing_job_is_told_of_and_the_worker_goes_on(
    parts: Parts, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[datetime] = []

    def fail(work: jobs.Work, *, now: datetime) -> None:
        ran.append(now)
        if len(ran) <= 3:
            raise DatabaseError("Disken är full. Frigör utrymme.")
        if len(ran) == 5:
            raise ZeroDivisionError("bug")

    monkeypatch.setattr("scheduler.engines.JOBS", (Job(fail, timedelta(seconds=0.05)),))
    worker = Worker(parts)
    with caplog.at_level(logging.WARNING):
        worker.start()
        assert until(lambda: len(ran) >= 6)
        worker.stop()

    assert caplog.text.count("Disken är full. Frigör utrymme. (fail)") == 1  # and not once a second
    assert "Det fungerar igen (fail)." in caplog.text
    assert "Jobbet fail gick sönder." in caplog.text


def test_stopping_waits_for_what_is_held(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    began, finished = threading.Event(), threading.Event()

    def slow(work: jobs.Work, *, now: datetime) -> None:
        began.set()
        time.sleep(0.3)
        finished.set()

    monkeypatch.setattr("scheduler.engines.JOBS", (Job(slow, timedelta(seconds=60)),))
    worker = Worker(parts)
    worker.start()
    assert began.wait(5)

    worker.stop()

    assert finished.is_set()


def test_a_wake_up_during_a_run_makes_the_job_go_round_again(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[datetime] = []
    began, go_on = threading.Event(), threading.Event()

    def wait(work: jobs.Work, *, now: datetime) -> None:
        runs.append(now)
        began.set()
        go_on.wait(5)

    monkeypatch.setattr("scheduler.engines.JOBS", (Job(wait, timedelta(seconds=60), is_woken=True),))
    worker = Worker(parts)
    worker.start()
    assert began.wait(5)
    worker.wake()
    go_on.set()

    assert until(lambda: len(runs) == 2)
    worker.stop()


@pytest.mark.parametrize(("takes", "most"), [(0.12, 4), (0.001, 4)])
def test_a_job_that_is_woken_all_the_time_rests_between_its_long_runs(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, takes: float, most: int
) -> None:
    runs: list[float] = []

    def work_a_little(work: jobs.Work, *, now: datetime) -> None:
        time.sleep(takes)
        runs.append(time.monotonic())

    monkeypatch.setattr(
        "scheduler.engines.JOBS",
        (Job(work_a_little, timedelta(seconds=60), is_woken=True, woken_after=timedelta(milliseconds=10), rests=4),),
    )
    worker = Worker(parts)
    worker.start()
    assert until(lambda: len(runs) == 1)

    end = time.monotonic() + 1.4
    while time.monotonic() < end:  # far more often than each ten milliseconds
        worker.wake()
        time.sleep(0.002)

    worker.stop()
    assert len(runs) >= 2  # not put off for as long as somebody wakes it
    assert len(runs) > most if takes < 0.1 else len(runs) <= most
    if takes > 0.1:
        assert all(later - earlier >= 5 * takes for earlier, later in itertools.pairwise(runs))


def test_the_table_of_jobs_is_polls_of_seconds_to_an_hour() -> None:
    assert [job.id for job in JOBS] == [
        "publish_local",
        "send_outside",
        "refresh_feeds",
        "renew_leases",
        "reap_leases",
        "beat",
        "materialise",
        "remind",
        "keep_activities",
        "follow_up",
        "notify",
        "ping",
        "check_links",
        "ask_reach",
        "retain",
    ]
    assert all(timedelta(seconds=1) <= job.every <= timedelta(hours=1) for job in JOBS)


def test_a_clock_that_does_not_go_with_the_databases_is_told_of(
    database: Database, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = jobs.Work(replace(parts, database=database), parts.sender(), "ensam")
    assert abs(database.clock_ahead()) < timedelta(seconds=2)
    jobs.beat(work, now=NOW)

    monkeypatch.setattr(database, "clock_ahead", lambda: timedelta(seconds=70))
    with pytest.raises(RefusedError, match=r"70 s före databasens. Ställ den med NTP"):
        jobs.beat(work, now=NOW)
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM heartbeat")).scalar() == 1  # it lives all the same


def test_a_clock_that_jumps_back_neither_repeats_nor_forgets(database: Database, catalog: Catalog) -> None:
    town = Town(database, catalog, Clock())
    town.plan()
    town.sign("valborg/2027/valborg/paminnelse/foraldrar")
    webb = FakeChannel("webb")
    sender = town.sender(webb)
    sender = replace(sender, means=replace(sender.means, clock=town.clock))
    for at in (NOW, NOW - timedelta(hours=3), NOW - timedelta(days=2), NOW, NOW + timedelta(hours=2)):
        town.clock.at = at
        town.plan()
        send_due(sender, catalog, local=True)

    assert len(webb.sent) == 1
    assert [item.state for item in town.deliveries() if item.channel == "webb"] == [DeliveryState.PUBLISHED]


def test_a_clock_set_back_does_not_put_the_worker_to_sleep(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """APScheduler waits for a moment on the wall: after a step back that is as far off as the step was long."""
    runs: list[datetime] = []

    def note(work: jobs.Work, *, now: datetime) -> None:
        runs.append(now)

    monkeypatch.setattr("scheduler.engines.JOBS", (Job(note, timedelta(hours=1)),))
    step = [0.0]
    worker = Worker(parts, wall=lambda: time.time() - step[0])
    worker.start()
    assert until(lambda: len(runs) == 1)
    time.sleep(1.2)
    assert len(runs) == 1

    step[0] = 3600.0

    assert until(lambda: len(runs) == 2)
    worker.stop()


def test_stopping_begins_nothing_more(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.engines.JOBS", tuple(job for job in JOBS if job.id == "send_outside"))
    fill(parts.database, 400)
    began = threading.Event()

    def slow(shipment: object) -> None:
        began.set()
        time.sleep(0.2)

    channel = FakeChannel("webb", is_local=False, on_send=slow)
    worker = Worker(replace(parts, channels={"webb": channel}, clock=lambda: NOW))
    worker.start()
    assert began.wait(10)

    worker.stop()

    assert 0 < len(channel.sent) < 200
    with parts.database.read() as session:
        states = {state for (state,) in session.execute(text("SELECT DISTINCT state FROM delivery"))}
    assert states <= {"queued", "published", "failed"}  # nothing is left hanging


def test_one_municipality_that_breaks_stops_no_other(
    database: Database, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = open_parts({"KAMPANJHJUL_DATA_DIR": str(tmp_path)}, clock=lambda: NOW, database=database)
    aneby = catalog.municipality("aneby")
    both = {"aby": replace(aneby, id="aby"), "aneby": aneby}
    monkeypatch.setattr(parts.configuration, "_catalog", replace(catalog, municipalities=both))
    real = posts.materialise

    def breaks(
        session: object, catalog: object, messages: object, municipality: Municipality, **named: object
    ) -> object:
        if municipality.id == "aby":
            raise ZeroDivisionError("bug")
        return real(session, catalog, messages, municipality, **named)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(posts, "materialise", breaks)
    jobs.materialise(jobs.Work(parts, parts.sender(), "test"), now=NOW)

    with database.read() as session:
        assert {post.municipality for post in session.exec(select(Post))} == {"aneby"}
