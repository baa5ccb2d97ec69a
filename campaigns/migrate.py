"""Brings the database up to this program's tables at start. Safe when several processes start at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from campaigns.database import Database, translated
from campaigns.errors import DatabaseError

# The newest migration. Kept here so that a database that is up to date costs one SELECT and no import of Alembic.
HEAD = "0006"

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Apply the migrations that are missing, all of them or none.

    Raises DatabaseError if the database is newer than the program, kept locked by others, full or away.
    """
    if _standing(database) == HEAD:
        return
    with translated(), database.writer.connect() as connection, foreign_keys_off(connection), connection.begin():
        # The transaction has waited for any other process that migrates; Alembic looks again at where the database is.
        apply_missing(connection, secret_key=database.secret_key)
        _check_foreign_keys(connection)


def _standing(database: Database) -> str | None:
    """The migration that the database stands at. None if it has no tables yet."""
    with translated(), database.reader.connect() as connection:
        try:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except DBAPIError as error:
            if "alembic_version" in str(error.orig):
                return None
            raise
    return str(found) if found else None


def apply_missing(connection: Connection, *, secret_key: str | None = None) -> None:
    """Apply what is missing in the transaction of `connection`. Raises DatabaseError if the database is newer.

    `secret_key` is the one given to this process, if there is one.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    # Config is an ini file to Alembic: a % in the path would start an interpolation.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["secret_key"] = secret_key
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    for standing in MigrationContext.configure(connection).get_current_heads():
        if standing not in known:
            raise DatabaseError(
                f"Databasen kommer från en nyare version av Kampanjhjulet (databasens version är {standing}, "
                f"programmets är {HEAD}). Uppdatera programmet, eller läs tillbaka en säkerhetskopia från före bytet."
            )
    command.upgrade(config, "head")


@contextmanager
def foreign_keys_off(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making a new one; with foreign keys on, dropping the old one would fail or delete rows.

    The setting only takes outside a transaction, hence on the driver's own connection.
    """
    raw = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or raw is None:
        yield
        return
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def _check_foreign_keys(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise DatabaseError(
            f"Uppgraderingen avbröts: en rad i tabellen ”{broken[0]}” pekar på något som inte finns i ”{broken[2]}”. "
            "Inget är ändrat. Läs tillbaka en säkerhetskopia eller rätta raden."
        )
