"""Statements for where there are many rows: compiled once, and run straight on the driver.

SQLAlchemy's care of each value costs more than reading or writing it. Moments are aware UTC here too; SQLite keeps them
as text, and its truth values come back as 0 and 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar, cast

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Dialect,
    Insert,
    Select,
    any_,
    bindparam,
    column,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import iterate, replacement_traverse
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
        self.name = name
        self.values: ColumnElement[Any] = bindparam(name)


@compiles(Among, "sqlite")
def _among_on_sqlite(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    values = func.json_each(element.values).table_valued("value")
    return compiler.process(element.column.in_(select(values.c.value)), **options)


@compiles(Among, "postgresql")
def _among_on_postgresql(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.column == any_(element.values), **options)


class _Words(NamedTuple):
    """A statement in the words of one database. `fixed` are the parameters that it has written into itself."""

    text: str
    fixed: Mapping[str, Any]
    moments: Sequence[str]  # the parameters that are moments
    lists: Sequence[str]


class _Prepared:
    _reads = False

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._words: dict[tuple[str, bool], _Words] = {}

    def _for(self, dialect: Dialect, *, at_once: bool) -> _Words:
        found = self._words.get((dialect.name, at_once))
        if found is None:
            named = _SQLITE if dialect.name == "sqlite" else dialect
            compiled = _compiled(self._statement, named)
            moments = [name for name, item in _given(compiled).items() if isinstance(item.type, UTCDateTime)]
            if at_once:
                compiled = _compiled(_of_columns(self._statement, _given(compiled)), named)
            fixed = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
            lists = [item.name for item in iterate(self._statement) if isinstance(item, Among)]
            found = self._words[dialect.name, at_once] = _Words(compiled.string, fixed, moments, lists)
        return found

    def _run(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """What the statement gives back, run once with each of the rows."""
        session.flush()  # what has been changed in it comes first, as with SQLAlchemy's own statements
        connection = session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        # PostgreSQL reads and plans a statement anew for each row; SQLite keeps it.
        at_once = len(rows) > 1 and not is_sqlite
        words = self._for(connection.dialect, at_once=at_once)
        _refuse_without_zone(rows, words)
        if at_once:
            rows = [{name: [row[name] for row in rows] for name in rows[0]}]
        filled: list[dict[str, Any]] = [{**words.fixed, **row} for row in rows]
        if is_sqlite:
            _as_sqlite_keeps_them(filled, words)
        driver = connection.dialect.loaded_dbapi
        cursor = connection.connection.cursor()
        try:
            if len(filled) > 1:
                cursor.executemany(words.text, filled)
                return []
            cursor.execute(words.text, filled[0])
            return list(cursor.fetchall()) if self._reads else []
        except driver.Error as error:
            # As SQLAlchemy does: in its words, without what was to be stored, and a broken line is not used again.
            if connection.dialect.is_disconnect(error, connection.connection, cursor):
                connection.invalidate(error)
            raise DBAPIError.instance(
                words.text, None, error, driver.Error, hide_parameters=True, dialect=connection.dialect
            ) from error
        finally:
            cursor.close()


def _compiled(statement: ClauseElement, dialect: Dialect) -> SQLCompiler:
    return cast("SQLCompiler", statement.compile(dialect=dialect))


def _given(compiled: SQLCompiler) -> dict[str, BindParameter[Any]]:
    """The parameters that each row has a value for."""
    return {name: compiled.binds[name] for name in compiled.params if compiled.binds[name].required}


def _of_columns(statement: ClauseElement, given: Mapping[str, BindParameter[Any]]) -> ClauseElement:
    """The same for many rows in one statement: each parameter is a list, with a value for each of the rows.

    A statement that changes rows must find each of them once.
    """
    lists = (bindparam(name, type_=ARRAY(item.type)) for name, item in given.items())
    columns = (column(name, item.type) for name, item in given.items())
    rows = func.unnest(*lists).table_valued(*columns).render_derived()
    if isinstance(statement, Insert):
        return insert(statement.table).from_select(list(given), select(*(rows.c[name] for name in given)))

    def in_its_row(element: Any, **_: Any) -> Any:
        return rows.c[element.key] if isinstance(element, BindParameter) and element.key in given else None

    return cast("ClauseElement", replacement_traverse(statement, {}, in_its_row))


class ManyRows(_Prepared):
    """Writes many rows at a time: mappings with a value for each of the statement's parameters.

    An insertion names its columns' parameters as the columns. What changes rows finds at most one for each mapping.
    """

    def run(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._run(session, rows)


class Query(_Prepared, Generic[R]):
    """Reads rows as `kind`, whose fields are the statement's columns."""

    _reads = True

    def __init__(self, statement: Select[Any], kind: type[R]) -> None:
        super().__init__(statement)
        columns = list(statement.selected_columns)
        assert tuple(column.key for column in columns) == kind._fields
        # Straight from the tuple that came: its length has just been seen to be right.
        self._made: Callable[[Iterable[Any]], R] = partial(tuple.__new__, kind)
        self._moments = [place for place, column in enumerate(columns) if isinstance(column.type, UTCDateTime)]

    def rows(self, session: Session, **values: Any) -> list[R]:
        found = self._run(session, [values])
        if not self._moments:
            return [self._made(row) for row in found]
        seen: dict[Any, datetime | None] = {None: None}
        return [self._made(self._with_moments(list(row), seen)) for row in found]

    def _with_moments(self, row: list[Any], seen: dict[Any, datetime | None]) -> list[Any]:
        for place in self._moments:
            value = row[place]
            if value not in seen:
                seen[value] = _moment(value)
            row[place] = seen[value]
        return row


def _refuse_without_zone(rows: Sequence[Mapping[str, Any]], words: _Words) -> None:
    """SQLAlchemy's own care that is worth its price."""
    for name in words.moments:
        moments = {row[name] for row in rows}  # most rows of a batch share theirs
        if any(moment is not None and moment.utcoffset() is None for moment in moments):
            raise ValueError("A moment must have a zone.")


def _as_sqlite_keeps_them(rows: Sequence[dict[str, Any]], words: _Words) -> None:
    """Moments as text, as SQLAlchemy writes them, so that the rows of both sort together; lists as JSON."""
    texts: dict[datetime | None, str | None] = {None: None}
    for row in rows:
        for name in words.moments:
            value = row[name]
            if value not in texts:
                texts[value] = _text(value)
            row[name] = texts[value]
        for name in words.lists:
            row[name] = json.dumps(row[name])


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
