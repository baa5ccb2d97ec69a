"""What the database promises, on SQLite and PostgreSQL: no update is lost, no reader writes, faults are sentences."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from time import monotonic, sleep

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import Session, SQLModel, select

from campaigns.database import WRITER_LOCK, Database, announce
from campaigns.errors import DatabaseError
from campaigns.models import Heartbeat, PostText, Revision

NOON = datetime(2027, 6, 18, 12, tzinfo=UTC)


def beat(session: Session, worker: str = "a", at: datetime = NOON) -> None:
    session.add(Heartbeat(worker=worker, at=at))


def workers(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(row.worker for row in session.exec(select(Heartbeat)).all())


def test_no_update_is_lost_when_eight_threads_read_and_write_back(database: Database) -> None:
    with database.write() as session:
        session.add(Revision(municipality="aneby", value=0))

    def raise_by_one(_: int) -> None:
        with database.write() as session:
            row = session.exec(select(Revision)).one()
            row.value = row.value + 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(raise_by_one, range(200)))

    with database.read() as session:
        assert session.exec(select(Revision.value)).one() == 200


def test_a_block_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            beat(session)
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert workers(database) == []


def test_listeners_hear_of_announced_commits_and_of_nothing_else(database: Database) -> None:
    heard: list[list[str]] = []
    database.on_commit(lambda: heard.append(workers(database)))

    def fail() -> None:
        with database.write() as session:
            announce(session)
            raise KeyError

    with database.write() as session:
        beat(session)
    with pytest.raises(KeyError):
        fail()
    assert heard == []
    with database.write() as session:
        announce(session)
        beat(session, "b")

    assert heard == [["a", "b"]]


def test_a_reader_cannot_write(database: Database) -> None:
    def write() -> None:
        with database.read() as session:
            beat(session)
            session.flush()

    with pytest.raises(DatabaseError):
        write()

    with database.write() as session:
        beat(session, "b")
    assert workers(database) == ["b"]


def test_a_reader_sees_one_moment_and_is_not_stopped_by_a_writer(database: Database) -> None:
    with database.read() as reading:
        before = reading.exec(select(Heartbeat)).all()
        with database.write() as writing:
            beat(writing)
        after = reading.exec(select(Heartbeat)).all()

    assert (before, after) == ([], [])
    assert workers(database) == ["a"]


def test_moments_come_back_in_utc(database: Database) -> None:
    with database.write() as session:
        beat(session, at=datetime(2027, 6, 18, 16, 30, tzinfo=timezone(timedelta(hours=2))))

    with database.read() as session:
        at = session.exec(select(Heartbeat.at)).one()
    assert (at, at.utcoffset()) == (datetime(2027, 6, 18, 14, 30, tzinfo=UTC), timedelta(0))


def test_a_moment_without_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="timezone"), database.write() as session:
        beat(session, at=datetime(2027, 6, 18, 16, 30))  # noqa: DTZ001 - the fault that the test is about

    assert workers(database) == []


def test_a_row_cannot_point_at_nothing(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(PostText(post_id=999, source="", author="", created_at=NOON))


def test_a_database_that_others_keep_locked_is_told_at_once(database: Database) -> None:
    waiting = Database(database.url, busy_timeout_ms=100)
    started = monotonic()

    with database.write() as session:
        beat(session)
        with pytest.raises(DatabaseError, match=r"upptagen.*Försök igen"), waiting.write() as other:
            beat(other, "b")

    assert monotonic() - started < 5
    waiting.close()
    assert workers(database) == ["a"]


def test_a_write_inside_a_write_fails_and_does_not_hang(database: Database) -> None:
    impatient = Database(database.url, busy_timeout_ms=100)

    with impatient.write() as session:
        beat(session)
        with pytest.raises(DatabaseError, match="upptagen"), impatient.write():
            pass

    impatient.close()
    assert workers(database) == ["a"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_who_stands_still_in_the_middle_of_a_long_answer_loses_its_turn(database_url: str) -> None:
    database = Database(database_url)
    with closing(psycopg.connect(database_url)) as stopped:
        stopped.execute("SELECT pg_advisory_xact_lock(%s)", [WRITER_LOCK])
        assert not database.free_turn(after=timedelta(0))  # it has only not said anything yet
        stopped.pgconn.send_query(b"SELECT repeat('x', 1000) FROM generate_series(1, 200000)")  # and reads nothing

        assert not database.free_turn()
        end = monotonic() + 20
        while not database.free_turn(after=timedelta(0)) and monotonic() < end:
            sleep(0.05)

        with database.write() as session:
            assert session.execute(text("SELECT 1")).scalar() == 1
    database.close()


def test_a_full_disk_is_a_sentence_and_what_was_saved_stays(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'small.db'}")
    SQLModel.metadata.create_all(database.writer)
    with database.write() as session:
        beat(session)
    with database.write() as session:
        pages = session.connection().execute(text("PRAGMA page_count")).scalar()
        session.connection().execute(text(f"PRAGMA max_page_count = {pages}"))

    with pytest.raises(DatabaseError, match=r"Disken är full.*Frigör utrymme"), database.write() as session:
        beat(session, "x" * 1_000_000)

    assert workers(database) == ["a"]
    with database.write() as session:
        session.connection().execute(text("PRAGMA max_page_count = 1000000"))
        beat(session, "b")
    assert workers(database) == ["a", "b"]
    database.close()


def test_a_database_that_is_away_is_a_sentence() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")

    with pytest.raises(DatabaseError, match="KAMPANJHJUL_DATABASE_URL"), database.read() as session:
        session.connection()


def test_a_folder_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data.db").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'data.db'}")

    with pytest.raises(DatabaseError, match=r"rättigheterna.*KAMPANJHJUL_DATA_DIR"), database.write():
        pass


def test_sqlite_keeps_what_is_committed_through_a_power_cut(tmp_path: Path) -> None:
    """synchronous=FULL (2) in WAL mode: NORMAL may forget an approval at a power cut."""
    database = Database(f"sqlite:///{tmp_path / 'new' / 'folder' / 'kampanjhjul.db'}")

    with database.write() as session:
        settings = [session.connection().execute(text(f"PRAGMA {name}")).scalar() for name in PRAGMAS]
    with database.read() as session:
        assert session.connection().execute(text("PRAGMA query_only")).scalar() == 1

    assert settings == ["wal", 2, 1]
    database.close()


PRAGMAS = ("journal_mode", "synchronous", "foreign_keys")


def test_another_program_that_locks_the_file_is_waited_for(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'shared.db'}", busy_timeout_ms=100)
    SQLModel.metadata.create_all(database.writer)
    other = sqlite3.connect(tmp_path / "shared.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseError, match="upptagen"), database.write():
        pass
    other.execute("ROLLBACK")
    with database.write() as session:
        beat(session)

    assert workers(database) == ["a"]
    other.close()
    database.close()


def test_errors_from_the_database_do_not_tell_what_was_to_be_stored(database: Database) -> None:
    assert database.writer.hide_parameters
    assert database.reader.hide_parameters


def test_several_may_open_a_new_sqlite_file_at_once(tmp_path: Path) -> None:
    """The change to WAL is refused without waiting while another makes it: each must come through all the same."""
    failures: list[BaseException] = []

    def begin(database: Database, barrier: threading.Barrier) -> None:
        barrier.wait()
        try:
            with database.write() as session:
                session.execute(text("SELECT 1"))
        except DatabaseError as error:
            failures.append(error)

    for number in range(60):
        databases = [Database(f"sqlite:///{tmp_path / f'{number}.db'}") for _ in range(4)]
        barrier = threading.Barrier(len(databases))
        threads = [threading.Thread(target=begin, args=[database, barrier]) for database in databases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for database in databases:
            database.close()

    assert failures == []
