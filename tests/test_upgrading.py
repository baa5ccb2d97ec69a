"""A database from any earlier version comes along to the newest with every row it had, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Column, Date, DateTime, Integer, LargeBinary, MetaData, func, select, text

from campaigns.database import Database
from campaigns.migrate import HEAD, MIGRATIONS, foreign_keys_off, upgrade

pytestmark = pytest.mark.longer


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


REVISIONS = [script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()][::-1]
BY_ITSELF = {"setting": 2}  # rows that the way there makes: the log's end and the key that seals it
MOMENT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def moved_to(database: Database, revision: str) -> None:
    config = configuration()
    with database.writer.connect() as connection, foreign_keys_off(connection), connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def value(column: Column[Any], number: int) -> object:
    """Something that the column takes, another in each row. A row points at the row of its own number."""
    for target in column.foreign_keys:
        if target.column.table is column.table:
            return None
        return value(target.column, number)
    kinds: dict[type, object] = {
        Boolean: False,
        Integer: number,
        DateTime: MOMENT,
        Date: date(2026, 5, 1),
        LargeBinary: f"bytes {number}".encode(),
    }
    return next((given for kind, given in kinds.items() if isinstance(column.type, kind)), f"{column.name} {number}")


def filled(database: Database) -> dict[str, list[dict[str, object]]]:
    """Two rows in every table that there is. Returns them."""
    found: dict[str, list[dict[str, object]]] = {}
    with database.writer.connect() as connection, foreign_keys_off(connection), connection.begin():
        metadata = MetaData()
        metadata.reflect(connection)
        for table in metadata.sorted_tables:
            if table.name == "alembic_version":
                continue
            rows = [{column.name: value(column, number) for column in table.columns} for number in (1, 2)]
            connection.execute(table.insert(), rows)
            found[table.name] = rows
    return found


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("revision", REVISIONS)
def test_every_row_of_an_earlier_schema_comes_along_to_the_newest(empty: Database, revision: str) -> None:
    moved_to(empty, revision)
    before = filled(empty)
    assert len(before) > 10

    upgrade(empty)

    with empty.reader.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
        metadata = MetaData()
        metadata.reflect(connection)
        for name, rows in before.items():
            table, made = metadata.tables[name], BY_ITSELF.get(name, 0)
            assert connection.execute(select(func.count()).select_from(table)).scalar() == len(rows) + made, name
            for row in rows:
                same = [table.c[key] == held for key, held in row.items() if key in table.c and held is not None]
                assert connection.execute(select(func.count()).where(*same)).scalar() == 1, f"{name}: {row}"
