"""Statements for where there are many rows: compiled once, and run straight on the driver.

SQLAlchemy's care of each value costs more than reading or writing it. Moments are aware UTC here too; SQLite keeps them
as text, and its truth values come back as 0 and 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar, cast

from sqlalchemy import ColumnElement, CursorResult, Dialect, Select, any_, bindparam, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

R = TypeVar("R", bound=NamedTuple)

# With named parameters, as PostgreSQL has them: a row is then the same mapping for both.
_SQLITE = sqlite.dialect(paramstyle="named")


class Among(ColumnElement[bool]):
    """Whether `column` is one of a list that is a single parameter: the statement is the same however long it is."""

    inherit_cache = False  # none of these statements goes through SQLAlchemy's own cache

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values: ColumnElement[Any] = bindparam(name)


@compiles(Among, "sqlite")
def _among_on_sqlite(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    values = func.json_each(element.values).table_valued("value")
    return compiler.process(element.column.in_(select(values.c.value)), **options)


@compiles(Among, "postgresql")
def _among_on_postgresql(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.column == any_(element.values), **options)


class _Prepared:
    """A statement in the words of each database, and what it has written into itself as parameters."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._words: dict[str, tuple[str, Mapping[str, Any]]] = {}

    def _for(self, dialect: Dialect) -> tuple[str, Mapping[str, Any]]:
        found = self._words.get(dialect.name)
        if found is None:
            named = _SQLITE if dialect.name == "sqlite" else dialect
            compiled = cast("SQLCompiler", self._statement.compile(dialect=named))
            found = self._words[dialect.name] = (compiled.string, compiled.params)
        return found

    def _execute(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> CursorResult[Any]:
        session.flush()  # what has been changed in it comes first, as with SQLAlchemy's own statements
        connection = session.connection()
        words, fixed = self._for(connection.dialect)
        filled: list[dict[str, Any]] = [{**fixed, **row} for row in rows]
        if connection.dialect.name == "sqlite":
            texts: dict[datetime, str] = {}  # most rows of a batch share their moments
            filled = [{key: _for_sqlite(value, texts) for key, value in row.items()} for row in filled]
        return connection.exec_driver_sql(words, filled if len(filled) > 1 else filled[0])


class ManyRows(_Prepared):
    """Writes many rows at a time: mappings with a value for each of the statement's parameters."""

    def run(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._execute(session, rows)


class Query(_Prepared, Generic[R]):
    """Reads rows as `kind`, whose fields are the statement's columns."""

    def __init__(self, statement: Select[Any], kind: type[R]) -> None:
        super().__init__(statement)
        columns = list(statement.selected_columns)
        assert tuple(column.key for column in columns) == kind._fields
        self._kind = kind
        self._moments = [place for place, column in enumerate(columns) if isinstance(column.type, UTCDateTime)]

    def rows(self, session: Session, **values: Any) -> list[R]:
        found = self._execute(session, [values]).all()
        make = cast("Any", self._kind)._make
        if not self._moments:
            return [make(row) for row in found]
        seen: dict[Any, datetime | None] = {None: None}
        return [make(self._with_moments(list(row), seen)) for row in found]

    def _with_moments(self, row: list[Any], seen: dict[Any, datetime | None]) -> list[Any]:
        for place in self._moments:
            value = row[place]
            if value not in seen:
                seen[value] = _moment(value)
            row[place] = seen[value]
        return row


def _for_sqlite(value: Any, texts: dict[datetime, str]) -> Any:
    if isinstance(value, datetime):
        if value not in texts:
            texts[value] = _text(value)
        return texts[value]
    return json.dumps(value) if isinstance(value, list) else value


def _text(moment: datetime) -> str:
    """As SQLAlchemy writes it, so that the rows of both sort together."""
    if moment.utcoffset() is None:
        raise ValueError("A moment must have a zone.")
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
