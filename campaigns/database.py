"""The database, SQLite or PostgreSQL: an engine that writes, an engine that only reads, and transactions.

The defaults of both lose concurrent updates silently, since a read before a write takes no lock. Hence writing
transactions come one at a time on both: BEGIN IMMEDIATE on SQLite, an advisory lock for the transaction on PostgreSQL.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session, create_engine

from campaigns.errors import DatabaseError

BUSY_TIMEOUT_MS = 10_000
# How long a transaction may do nothing before PostgreSQL ends it: at least this, however impatient others are.
SHORTEST_IDLE_MS = 5_000
# How soon a process sees that the network to PostgreSQL is gone: about 20 seconds, where TCP would take a quarter.
CUT_OFF = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 20_000}
# Any number will do, as long as every process of the program uses the same.
WRITER_LOCK = 7_061_205
ANNOUNCED = "kampanjhjul_announced"
WAKER = "kampanjhjul_waker"
SEALED_WITH = "kampanjhjul_sealed_with"
STALLED_AFTER = timedelta(seconds=20)
_FREE_TURN = text(
    """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event = 'ClientWrite' AND query_start < clock_timestamp() - make_interval(secs => :after)
      AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock AND granted)
      AND datname = current_database()
    """
)


def announce(session: Session) -> None:
    """Let those who listen know, once this session has committed, that there is something new to look at."""
    session.info[ANNOUNCED] = True


class Database:
    """One database. `write()` is a transaction that commits at its end; `read()` sees a snapshot and cannot write.

    `busy_timeout_ms` is how long a transaction waits for others to finish before it gives up with a DatabaseError.
    `secret_key` is what the log is sealed with (`campaigns.audit`), where the database is not to hold it itself.
    """

    def __init__(self, url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS, secret_key: str | None = None) -> None:
        self.url = url
        self.secret_key = secret_key
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._listeners: list[Callable[[], None]] = []
        # Set by an engine that is told, in the transaction itself, whose turn it is (`campaigns.waking`).
        self.waker: Callable[[Session, Collection[tuple[str, str]]], None] | None = None
        if self.is_sqlite:
            path = make_url(url).database
            if path:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self.writer = _sqlite_engine(url, begin="BEGIN IMMEDIATE", pool_size=1, busy_timeout_ms=busy_timeout_ms)
            self.reader = _sqlite_engine(url, begin="BEGIN", pool_size=5, busy_timeout_ms=busy_timeout_ms)
        else:
            self.writer, self.reader = _postgresql_engines(_with_driver(url), busy_timeout_ms)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back on any exception.

        Only one such block runs at a time, in any process: keep it short, and never open one inside another.
        Raises DatabaseError if others keep the database locked for longer than the busy timeout, if it is full or away.
        """
        with translated(), Session(self.writer, expire_on_commit=False) as session, session.begin():
            session.info.update({WAKER: self.waker, SEALED_WITH: self.secret_key})
            session.connection()  # waits for its turn here, and not at some later statement
            yield session
        if session.info.get(ANNOUNCED):
            for listener in self._listeners:
                listener()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads. Raises DatabaseError if the database is away."""
        with translated(), Session(self.reader, expire_on_commit=False) as session:
            session.info[SEALED_WITH] = self.secret_key
            yield session

    def free_turn(self, *, after: timedelta = STALLED_AFTER) -> bool:
        """Take the turn to write from one who does not read what PostgreSQL answers: its process has been stopped.

        No time-out of PostgreSQL's own sees that one, for it is not idle. Returns whether there was one.
        """
        if self.is_sqlite:
            return False
        with translated(), self.reader.connect() as connection:
            values = {"lock": WRITER_LOCK, "after": after.total_seconds()}
            return connection.execute(_FREE_TURN, values).first() is not None

    def clock_ahead(self) -> timedelta:
        """How far this machine's clock is ahead of the database's. Nothing for SQLite: it has none of its own."""
        if self.is_sqlite:
            return timedelta(0)
        with translated(), self.reader.connect() as connection:
            asked = datetime.now(UTC)
            theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            return asked + (datetime.now(UTC) - asked) / 2 - theirs

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each commit made through this object that was announced, in the committing thread.

        It must be quick and must not fail.
        """
        self._listeners.append(listener)

    def close(self) -> None:
        self.writer.dispose()
        self.reader.dispose()


def _with_driver(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _postgresql_engines(url: str, busy_timeout_ms: int) -> tuple[Engine, Engine]:
    """A writer and a reader on one pool of connections."""
    engine = create_engine(
        url,
        pool_size=10,
        max_overflow=20,
        hide_parameters=True,
        pool_pre_ping=True,  # a connection that did not survive a restart of the database is replaced unseen
        # What is prepared stays on a connection, and a pooler such as PgBouncer gives each transaction another.
        connect_args={"prepare_threshold": None, **CUT_OFF},
    )
    writer = engine.execution_options()
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    # The settings end with the transaction, so this also holds behind a pooler such as PgBouncer. One who is stopped or
    # cut off in the middle of a transaction has the turn: it is taken away before the others give up waiting for it.
    idle_ms = max(SHORTEST_IDLE_MS, busy_timeout_ms * 8 // 10)
    turn = (
        f"SELECT set_config('lock_timeout', '{busy_timeout_ms}ms', true), "
        f"set_config('idle_in_transaction_session_timeout', '{idle_ms}ms', true), "
        f"pg_advisory_xact_lock({WRITER_LOCK})"
    )

    @event.listens_for(writer, "begin")
    def wait_for_turn(connection: Connection) -> None:
        connection.exec_driver_sql(turn)

    return writer, reader


def _use_write_ahead_log(cursor: sqlite3.Cursor, *, seconds: float) -> None:
    """Switch the file to WAL. Two who open a new file at once are told "locked" without the busy timeout's wait."""
    end = time.monotonic() + seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _sqlite_engine(url: str, *, begin: str, pool_size: int, busy_timeout_ms: int) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,  # what SQLAlchemy writes of a failed statement goes to the log: no bodies, no names
        pool_size=pool_size,
        max_overflow=0,
        # Threads of this process queue for the one writing connection here, not in SQLite.
        pool_timeout=3 * busy_timeout_ms / 1000,
        connect_args={"timeout": busy_timeout_ms / 1000, "isolation_level": None, "check_same_thread": False},
    )
    is_writer = begin == "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        if is_writer:
            _use_write_ahead_log(cursor, seconds=busy_timeout_ms / 1000)
            cursor.execute("PRAGMA synchronous=FULL")
        else:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the database drivers raise about the database itself into a DatabaseError."""
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseError(_BUSY) from error
    except (OperationalError, InternalError) as error:
        raise DatabaseError(_sentence(error)) from error


_BUSY = "Databasen är upptagen av ett annat program eller en lång skrivning. Försök igen om en stund."

# What SQLite and PostgreSQL write about the fault, and what a person can do. The first that fits is used.
_SENTENCES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("locked", "busy", "lock timeout"), _BUSY),
    (
        ("is full", "no space", "disk full"),
        "Disken är full, så ändringen sparades inte. Det som redan var sparat är kvar. Frigör utrymme och försök igen.",
    ),
    (
        ("readonly", "read-only", "permission", "unable to open"),
        "Databasen går inte att skriva till. Kontrollera rättigheterna på datamappen (KAMPANJHJUL_DATA_DIR).",
    ),
    (
        ("connect", "server closed", "shutting down", "starting up"),
        "Det går inte att nå databasen. Kontrollera KAMPANJHJUL_DATABASE_URL och att databasen är i gång.",
    ),
)


def _sentence(error: DBAPIError) -> str:
    cause = str(error.orig).lower()
    for signs, sentence in _SENTENCES:
        if any(sign in cause for sign in signs):
            return sentence
    return f"Databasen svarar med ett fel: {str(error.orig).splitlines()[0]}"
