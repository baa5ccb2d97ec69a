"""Two engines on the same outbox: one is chosen by a setting, and the other takes over without any change of data."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from campaigns import drain_jobs
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.errors import ConfigurationError
from campaigns.models import Heartbeat
from campaigns.sending import supplies
from campaigns.sending.supplies import Asked
from campaigns.settings import read_settings
from campaigns.waking import wake
from campaigns.wiring import Parts, open_parts
from scheduler import drains, engines
from scheduler.jobs import JOBS, Work
from scheduler.worker import Worker
from tests.builders import make_channel
from tests.fakes import FakeChannel, Town
from tests.sites import Place
from tests.test_worker import NOW, fill, until

ACCOUNT = ("aneby", "webhook")
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def environ(url: str, folder: Path, engine: str) -> dict[str, str]:
    return {
        "KAMPANJHJUL_DATABASE_URL": url,
        "KAMPANJHJUL_DATA_DIR": str(folder),
        "KAMPANJHJUL_ENGINE": engine,
    }


@pytest.fixture
def parts(database_url: str, tmp_path: Path) -> Iterator[Parts]:
    parts = open_parts(environ(database_url, tmp_path, "procrastinate"), clock=lambda: NOW)
    yield parts
    parts.database.close()


def jobs_of(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        found = session.execute(text("SELECT lock, status::text FROM procrastinate_jobs ORDER BY id"))
        return [(row[0], row[1]) for row in found]


def test_procrastinate_without_postgresql_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match=r"kräver PostgreSQL.*KAMPANJHJUL_DATABASE_URL"):
        read_settings({"KAMPANJHJUL_ENGINE": "procrastinate"})
    with pytest.raises(ConfigurationError, match="finns inte"):
        read_settings({"KAMPANJHJUL_ENGINE": "celery"})


def test_procrastinate_is_not_read_in_unless_it_is_chosen() -> None:
    program = (
        "import sys; from campaigns.cli import running; from scheduler import worker, engines; "
        "engines.polls('embedded'); print('procrastinate' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stdout == "False\n"


@ON_POSTGRESQL
def test_a_job_is_laid_with_what_makes_it_due_or_not_at_all(parts: Parts) -> None:
    def fail() -> None:
        with parts.database.write() as session:
            wake(session, [ACCOUNT])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert jobs_of(parts.database) == []

    with parts.database.write() as session:
        wake(session, [ACCOUNT])

    assert jobs_of(parts.database) == [("aneby/webhook", "todo")]


@ON_POSTGRESQL
def test_a_second_job_for_the_same_account_is_refused_and_the_rest_of_the_transaction_stands(parts: Parts) -> None:
    with parts.database.write() as session:
        wake(session, [ACCOUNT])

    with parts.database.write() as session:
        session.add(Heartbeat(worker="före", at=NOW))
        wake(session, [ACCOUNT, ("aneby", "teams")])
        session.add(Heartbeat(worker="efter", at=NOW))

    assert jobs_of(parts.database) == [("aneby/webhook", "todo"), ("aneby/teams", "todo")]
    with parts.database.read() as session:
        assert session.execute(text("SELECT count(*) FROM heartbeat")).scalar() == 2


@ON_POSTGRESQL
def test_a_queue_that_takes_nothing_costs_the_transaction_nothing(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    with parts.database.write() as session:
        session.execute(text("ALTER TABLE procrastinate_jobs RENAME TO away"))

    with parts.database.write() as session:
        session.add(Heartbeat(worker="före", at=NOW))
        wake(session, [ACCOUNT])
        session.add(Heartbeat(worker="efter", at=NOW))

    with parts.database.write() as session:
        assert session.execute(text("SELECT count(*) FROM heartbeat")).scalar() == 2
        session.execute(text("ALTER TABLE away RENAME TO procrastinate_jobs"))
    assert [record.__dict__["action"] for record in caplog.records] == ["wake_failed"]
    assert "Starta om tjänsten" in caplog.text


@ON_POSTGRESQL
@pytest.mark.parametrize(
    ("comment", "after"),
    [
        ("kampanjhjul 99.0.0", "kampanjhjul 99.0.0"),  # a newer program has been here
        ("", ""),  # somebody else's
        ("Vår egen kö", "Vår egen kö"),
    ],
)
def test_the_queues_tables_are_never_made_older_nor_taken_from_others(parts: Parts, comment: str, after: str) -> None:
    def said(session: Session) -> str:
        return (
            session.execute(text("SELECT obj_description('procrastinate_jobs'::regclass, 'pg_class')")).scalar() or ""
        )

    with parts.database.read() as session:
        ours = said(session)
    with parts.database.write() as session:
        session.execute(text(f"COMMENT ON TABLE procrastinate_jobs IS '{comment}'"))

    for _ in range(2):
        drain_jobs.prepare(parts.database)

    with parts.database.write() as session:
        assert said(session) == after
        session.execute(text(f"COMMENT ON TABLE procrastinate_jobs IS '{ours}'"))
        drain_jobs.defer(session, [ACCOUNT])
    assert ours == f"kampanjhjul {importlib.metadata.version('procrastinate')}"


@ON_POSTGRESQL
def test_the_queues_tables_outlive_what_a_restored_copy_does_not_know_of_them(parts: Parts) -> None:
    """A copy made with the embedded engine brings back all our tables, and leaves the queue's."""
    with parts.database.write() as session:
        session.execute(text("DELETE FROM setting"))

    drain_jobs.prepare(parts.database)

    with parts.database.write() as session:
        wake(session, [ACCOUNT])
    assert jobs_of(parts.database) == [("aneby/webhook", "todo")]


@ON_POSTGRESQL
def test_a_signature_on_what_is_due_lays_a_job_for_channels_outside_only(parts: Parts, catalog: Catalog) -> None:
    place = Place(parts.database)
    town = Town(parts.database, catalog, place.clock)
    aneby = catalog.municipality("aneby")
    own = [item for item in aneby.channels if item.id != "skarm"]
    outside = replace(make_channel("webhook", url="https://www.exempel.se/", secret="env:X"), id="skarm")
    town.plan(replace(catalog, municipalities={"aneby": replace(aneby, channels=(*own, outside))}))
    key = "valborg/2027/valborg/paminnelse/foraldrar"
    post = town.post(key)
    assert "skarm" in post.channels.split()
    assert "webb" in post.channels.split()
    place.clock.at = post.due_at

    town.sign(key)

    assert jobs_of(parts.database) == [("aneby/skarm", "todo")]


@ON_POSTGRESQL
def test_what_waits_for_its_time_lays_no_job_until_then(parts: Parts) -> None:
    fill(parts.database, 3)
    with parts.database.write() as session:
        session.execute(text("UPDATE delivery SET next_attempt_at = next_attempt_at + interval '1 hour'"))
    work = Work(replace(parts, channels={"webb": FakeChannel("webb", is_local=False)}), parts.sender(), "test")
    work = replace(work, sender=work.parts.sender())

    drains.wake_due(work, now=NOW)
    assert jobs_of(parts.database) == []
    for _ in range(2):
        drains.wake_due(work, now=datetime(2027, 4, 30, 7, 0, tzinfo=UTC))

    assert jobs_of(parts.database) == [("aneby/webb", "todo")]


@ON_POSTGRESQL
def test_the_job_of_a_dead_worker_is_cleared_and_one_of_a_living_is_not(parts: Parts) -> None:
    def lay(session: Session, channel: str, heartbeat: str) -> None:
        drain_jobs.defer(session, [("aneby", channel)])
        worker = session.execute(
            text(
                f"INSERT INTO procrastinate_workers (last_heartbeat) SELECT now() - interval '{heartbeat}' RETURNING id"
            )
        ).scalar()
        session.execute(text(f"SELECT id FROM procrastinate_fetch_job_v2(NULL, {worker})"))

    with parts.database.write() as session:
        lay(session, "dead", "31 seconds")
        lay(session, "living", "1 second")
    assert {status for _, status in jobs_of(parts.database)} == {"doing"}

    drains.clear_jobs(Work(parts, parts.sender(), "test"), now=NOW)

    assert jobs_of(parts.database) == [("aneby/living", "doing")]


def test_a_turn_ends_when_it_is_empty_or_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    empty, long = asked.ask(("a", "x")), asked.ask(("b", "x"))
    assert asked.ask(("a", "x")) is empty  # one turn at a time
    assert asked.next(5) == [("a", "x"), ("b", "x")]
    monkeypatch.setattr(supplies, "LONGEST_TURN", 0.0)

    asked.claimed([("a", "x")], [], others=0)
    asked.claimed([("b", "x")], [], others=1)

    assert wait([empty, long], timeout=0).not_done == set()
    assert (empty.result(), long.result()) == (False, True)


@pytest.mark.servers
@ON_POSTGRESQL
def test_either_engine_goes_on_where_the_other_left(database_url: str, tmp_path: Path) -> None:
    channel = FakeChannel("webb", is_local=False)
    count = 0
    for engine in ("procrastinate", "embedded", "procrastinate"):
        parts = open_parts(environ(database_url, tmp_path, engine), clock=lambda: NOW)
        if not count:
            fill(parts.database, 900)
        worker = Worker(replace(parts, channels={"webb": channel}))
        worker.start()
        enough = count + 300
        assert until(lambda enough=enough: len(channel.sent) >= enough, seconds=60)
        worker.stop()
        count = len(channel.sent)
        parts.database.close()

    assert len(set(channel.keys())) == len(channel.keys()) == 900
    database = Database(database_url)
    with database.read() as session:
        states = {
            row[0]: row[1] for row in session.execute(text("SELECT state, count(*) FROM delivery GROUP BY state"))
        }
    database.close()
    assert states == {"published": 900}


def test_only_the_sending_outside_is_handed_to_the_queue() -> None:
    ours = {job.id for job in JOBS}
    assert {job.id for job in engines.polls("procrastinate")} == (ours - {"send_outside"}) | {"wake_due", "clear_jobs"}
    assert engines.polls("embedded") == JOBS


@pytest.mark.parametrize(
    "url", ["nonsens", "mysql://x/y", "postgresql://värd:port/namn", "sqlite:relativ.db", "postgresql:/x"]
)
def test_a_database_that_cannot_be_one_is_told_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"DATABASE_URL.*sqlite:///sökväg eller postgresql://"):
        read_settings({"KAMPANJHJUL_DATABASE_URL": url})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://värd/namn",
        "postgres://anna:hemlig@10.0.0.1:5433/namn?sslmode=require",
        "postgresql://postgres@/namn?host=/run/postgresql",
        "postgresql+psycopg://[::1]:5432/namn",
        "sqlite:////var/lib/kampanjhjul.db",
    ],
)
def test_a_database_that_can_be_one_is_taken_as_it_stands(url: str) -> None:
    assert read_settings({"KAMPANJHJUL_DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("url", ["inte en adress", "http://larm.example.se/x", "https://", "https:///x"])
def test_an_address_that_cannot_be_called_is_told_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"PING_URL.*hel adress som börjar med https://"):
        read_settings({"KAMPANJHJUL_PING_URL": url})
