"""A new database, an old one and two processes at once all end with the tables of models.py, on both databases."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from campaigns.database import Database
from campaigns.errors import DatabaseError
from campaigns.migrate import HEAD, MIGRATIONS, foreign_keys_off, upgrade

pytestmark = pytest.mark.longer

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@on_both
def test_an_empty_database_gets_exactly_the_tables_of_the_models(empty: Database) -> None:
    upgrade(empty)

    with empty.writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


@on_both
def test_partial_indexes_keep_their_condition(empty: Database) -> None:
    """Alembic compares no conditions; without its own, the index of live signatures would also count voided ones."""
    upgrade(empty)

    partial = {
        (table.name, str(index.name)): str(index.dialect_options["sqlite"]["where"])
        for table in SQLModel.metadata.sorted_tables
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    assert {name for _, name in partial} >= {"uq_approval_live", "ix_delivery_due"}
    for (table, name), condition in partial.items():
        found = {index["name"]: index for index in inspect(empty.writer).get_indexes(table)}[name]
        kept = str(found["dialect_options"][f"{empty.writer.dialect.name}_where"])
        # PostgreSQL rewrites the condition: the columns and values, in small letters, are what must be left.
        assert set(re.findall("[a-z_]+", condition)) <= set(re.findall("[a-z_]+", kept)), f"{name}: {kept}"


@on_both
def test_upgrading_again_changes_nothing_and_imports_no_alembic(empty: Database) -> None:
    upgrade(empty)
    program = (
        "import sys\n"
        "from campaigns.database import Database\n"
        "from campaigns.migrate import upgrade\n"
        "upgrade(Database(sys.argv[1]))\n"
        "sys.exit('alembic' in sys.modules)\n"
    )

    finished = subprocess.run([sys.executable, "-c", program, empty.url], timeout=60, check=False)

    assert finished.returncode == 0
    with empty.write() as session:
        assert session.connection().execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1


@on_both
def test_threads_that_start_at_once_migrate_once(database_url: str) -> None:
    start = Barrier(4)

    def begin() -> None:
        database = Database(database_url)
        start.wait()
        upgrade(database)
        database.close()

    with ThreadPoolExecutor(4) as threads:
        for running in [threads.submit(begin) for _ in range(4)]:
            running.result(timeout=60)

    database = Database(database_url)
    with database.write() as session:
        assert session.connection().execute(text("SELECT version_num FROM alembic_version")).all() == [(HEAD,)]
    database.close()


@on_both
def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    program = (
        "import sys\n"
        "from campaigns.database import Database\n"
        "from campaigns.migrate import upgrade\n"
        "sys.stdin.read()\n"
        "upgrade(Database(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", program, database_url]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]

    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    faults = [process.communicate(timeout=60)[1] for process in running]

    assert [process.returncode for process in running] == [0, 0], faults
    database = Database(database_url)
    with database.write() as session:
        assert session.connection().execute(text("SELECT version_num FROM alembic_version")).all() == [(HEAD,)]
    database.close()


@on_both
def test_a_database_newer_than_the_program_is_left_alone(empty: Database) -> None:
    upgrade(empty)
    with empty.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseError, match=r"nyare version av Kampanjhjulet.*9999.*Uppdatera programmet"):
        upgrade(empty)

    with empty.write() as session:
        assert session.connection().execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


@on_both
def test_a_migration_that_fails_leaves_nothing_behind(empty: Database) -> None:
    with empty.write() as session:
        session.connection().execute(text("CREATE TABLE token (id INTEGER)"))

    with pytest.raises(Exception, match="token"):
        upgrade(empty)

    assert inspect(empty.writer).get_table_names() == ["token"]


def test_a_table_that_others_point_at_can_be_made_anew_on_sqlite(tmp_path: Path) -> None:
    """How Alembic changes a table there: copy the rows to a new one, drop the old one, rename."""
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    with database.write() as session:
        connection = session.connection()
        connection.execute(text("CREATE TABLE mother (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE child (mother INTEGER REFERENCES mother(id) ON DELETE CASCADE)"))
        connection.execute(text("INSERT INTO mother VALUES (7)"))
        connection.execute(text("INSERT INTO child VALUES (7)"))

    with database.writer.connect() as connection, foreign_keys_off(connection), connection.begin():
        connection.execute(text("CREATE TABLE new_mother (id INTEGER PRIMARY KEY, name TEXT)"))
        connection.execute(text("INSERT INTO new_mother SELECT id, 'a' FROM mother"))
        connection.execute(text("DROP TABLE mother"))
        connection.execute(text("ALTER TABLE new_mother RENAME TO mother"))

    with database.read() as session:
        assert session.connection().execute(text("SELECT * FROM child JOIN mother ON mother.id = mother")).all() == [
            (7, 7, "a")
        ]
    database.close()


def test_foreign_keys_hold_again_after_a_migration_on_sqlite(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    upgrade(database)

    with database.write() as session:
        assert session.connection().execute(text("PRAGMA foreign_keys")).scalar() == 1
    database.close()


def test_rows_that_point_nowhere_stop_the_migration_on_sqlite(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    with database.writer.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.executescript(
            "PRAGMA foreign_keys=OFF; CREATE TABLE mother (id INTEGER PRIMARY KEY);"
            "CREATE TABLE child (mother INTEGER REFERENCES mother(id)); INSERT INTO child VALUES (7)"
        )

    with pytest.raises(DatabaseError, match=r"”child” pekar på något som inte finns i ”mother”"):
        upgrade(database)

    assert inspect(database.writer).get_table_names() == ["child", "mother"]
    database.close()
