"""The database: two engines on SQLite (one writer, one read-only), one on PostgreSQL; and transactions.

SQLite's defaults lose concurrent updates silently, since a read before a write takes no lock. Hence BEGIN IMMEDIATE on a
single writing connection, and a separate engine for reading that cannot write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session, create_engine

from campaigns.errors import DatabaseError

BUSY_TIMEOUT_MS = 10_000


class Database:
    """One database. `write()` is a transaction that commits at its end; `read()` sees a snapshot and cannot write."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._listeners: list[Callable[[], None]] = []
        if self.is_sqlite:
            path = make_url(url).database
            if path:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self.writer = _sqlite_engine(url, begin="BEGIN IMMEDIATE", pool_size=1)
            self.reader = _sqlite_engine(url, begin="BEGIN", pool_size=5)
        else:
            self.writer = self.reader = create_engine(_with_driver(url), pool_size=10, max_overflow=20)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back on any exception.

        Raises DatabaseError if the database is locked for longer than ten seconds, full, or away.
        """
        with _translated(), Session(self.writer, expire_on_commit=False) as session, session.begin():
            yield session
        for listener in self._listeners:
            listener()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads. Raises DatabaseError if the database is away."""
        with _translated(), Session(self.reader, expire_on_commit=False) as session:
            yield session

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every commit made through this object, in the committing thread. It must be quick."""
        self._listeners.append(listener)

    def close(self) -> None:
        self.writer.dispose()
        self.reader.dispose()


def _with_driver(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _sqlite_engine(url: str, *, begin: str, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "isolation_level": None, "check_same_thread": False},
    )
    is_writer = begin == "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        if is_writer:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
        else:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise DatabaseError(_sentence(error)) from error


def _sentence(error: DBAPIError) -> str:
    cause = str(error.orig).lower()
    if "locked" in cause or "busy" in cause:
        return "Databasen är låst av ett annat program. Stäng det, så försöker Kampanjhjulet igen."
    if "full" in cause or "no space" in cause:
        return "Disken är full. Frigör utrymme, så försöker Kampanjhjulet igen. Inget har gått förlorat."
    if "readonly" in cause or "permission" in cause or "unable to open" in cause:
        return "Databasen går inte att skriva till. Kontrollera rättigheterna på datamappen (KAMPANJHJUL_DATA_DIR)."
    if "connect" in cause:
        return "Det går inte att nå databasen. Kontrollera KAMPANJHJUL_DATABASE_URL och att databasen är i gång."
    return f"Databasen svarar med ett fel: {str(error.orig).splitlines()[0]}"
