"""Procrastinate's jobs on PostgreSQL: one for each channel account that has something to send now, and none twice.

A job only says whose turn it is. It is laid in the transaction that makes something due, so that both happen or
neither; what is to be sent stands in the outbox, and a job that is lost or left behind is made or cleared by a poll.
Imported only when this engine is chosen (KAMPANJHJUL_ENGINE).
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection
from pathlib import Path
from typing import Any

from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job
from procrastinate.schema import SchemaManager
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlmodel import Session

from campaigns.database import Database, translated
from campaigns.errors import DatabaseError
from campaigns.waking import Account

TASK = "drain"
QUEUE = "kampanjhjul"
# Seconds without a sign of life after which a worker of Procrastinate's counts as dead: three of its heartbeats.
SILENT_AFTER = 30
# Seconds that no turn lasts. A job that is older was left behind: its worker lives, but could not tell that it is over.
OVER_AFTER = 300
# Before the version, in the comment on the queue's table: then they cannot be parted, by a restored copy for example.
_MARK = "kampanjhjul "

# With the connection of the transaction that is at work: it needs none of its own.
_APP = App(connector=SyncPsycopgConnector())

# From the catalogue's own rows: what PostgreSQL remembers of a table's name can be older than the transaction sees.
_TABLE = text(
    """
    SELECT obj_description(pg_class.oid, 'pg_class') AS comment
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relname = 'procrastinate_jobs' AND nspname = current_schema()
    """
)
_WAITING = text("SELECT lock FROM procrastinate_jobs WHERE task_name = 'drain' AND status IN ('todo', 'doing')")
_CLEAR = text(
    """
    DELETE FROM procrastinate_jobs WHERE task_name = 'drain' AND (
      status NOT IN ('todo', 'doing')
      OR (status = 'doing' AND (
        worker_id IS NULL
        OR worker_id IN (
          SELECT id FROM procrastinate_workers WHERE last_heartbeat < now() - make_interval(secs => :silent)
        )
        OR NOT EXISTS (
          SELECT 1 FROM procrastinate_events
          WHERE job_id = procrastinate_jobs.id AND type = 'started' AND at > now() - make_interval(secs => :over)
        )
      ))
    )
    """
)


def prepare(database: Database) -> None:
    """Make Procrastinate's tables, or bring them up to the installed version. Safe when several processes start.

    Tables of a newer version are left as they are, and so are those that bear no mark of ours: another program made
    them, and keeps them.
    """
    with translated(), database.read() as session:
        if not _scripts(session):
            return
    with database.write() as session:
        connection: Any = session.connection().connection.driver_connection
        for script in _scripts(session):
            connection.execute(script)


def _scripts(session: Session) -> list[str]:
    """What to run to have the tables as this version wants them."""
    installed = importlib.metadata.version("procrastinate")
    mark = f"COMMENT ON TABLE procrastinate_jobs IS '{_MARK}{installed}'"
    found = session.connection().execute(_TABLE).first()
    if found is None:
        return [SchemaManager.get_schema(), mark]
    standing = (found.comment or "").removeprefix(_MARK)
    if not standing or standing == found.comment or _numbers(standing) >= _numbers(installed):
        return []
    return [*_newer_than(standing), mark]


def _newer_than(version: str) -> list[str]:
    """What Procrastinate has changed in its tables since `version`, in order. The files' names begin with theirs."""
    files = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    return [file.read_text(encoding="utf-8") for file in files if _numbers(file.name) > _numbers(version)]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("_")[0].split(".")[:3])


def defer(session: Session, accounts: Collection[Account]) -> None:
    """Lay a job for each account, in the session's transaction. One that has a job waiting needs no other.

    Raises DatabaseError, with the transaction as it was, if the queue cannot take them.
    """
    connection = session.connection()
    driver = connection.connection.driver_connection
    for account in sorted(set(accounts)):
        try:
            # The refusal of a second one must not undo what the transaction is about. Not the session's own savepoint:
            # that is not made until something goes through the session.
            with connection.begin_nested():
                _APP.job_manager.defer_job(job(account), connection=driver)
        except AlreadyEnqueued:
            continue
        except ConnectorException as error:
            raise DatabaseError(
                f"Kön tar inte emot: {error.__cause__ or error}. Starta om tjänsten, så läggs köns tabeller upp."
            ) from error


def defer_missing(session: Session, accounts: Collection[Account]) -> int:
    """Lay a job for each account that has none, waiting or at work. Returns how many."""
    known = {row.lock for row in session.connection().execute(_WAITING)}
    missing = [account for account in accounts if _lock(account) not in known]
    defer(session, missing)
    return len(missing)


def clear(session: Session) -> int:
    """Remove jobs that are over, and those of workers that are: the next poll lays new ones. Returns how many."""
    return session.connection().execute(_CLEAR, {"silent": SILENT_AFTER, "over": OVER_AFTER}).rowcount


def connection_string(database: Database) -> str:
    """The database's address, as the driver itself reads it."""
    return make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)


def job(account: Account) -> Job:
    """The job that gives the account its turn."""
    municipality, channel = account
    name = _lock(account)
    return Job(
        queue=QUEUE,
        lock=name,
        queueing_lock=name,
        task_name=TASK,
        task_kwargs={"municipality": municipality, "channel": channel},
    )


def _lock(account: Account) -> str:
    return "/".join(account)
