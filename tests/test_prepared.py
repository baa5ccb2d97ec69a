"""Prepared statements: the same rows on both databases as through SQLAlchemy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlmodel import col
from sqlmodel import select as models

from campaigns.database import Database
from campaigns.errors import DatabaseError
from campaigns.models import Heartbeat
from campaigns.prepared import Among, ManyRows, Query

NOON = datetime(2027, 4, 30, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Beat(NamedTuple):
    worker: str
    at: datetime


_TABLE = Heartbeat.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
BEATS = select(_TABLE.c.worker, _TABLE.c.at).order_by(_TABLE.c.worker)
SINCE = Query(BEATS.where(_TABLE.c.at >= bindparam("since")), Beat)
NAMED = Query(BEATS.where(Among(_TABLE.c.worker, "names")), Beat)
WRITE = ManyRows(insert(_TABLE).values(worker=bindparam("worker"), at=bindparam("at")))


def test_moments_are_the_same_moments_in_utc_whoever_wrote_and_whoever_reads(database: Database) -> None:
    summer = timezone(timedelta(hours=2))
    with database.write() as session:
        WRITE.run(session, [{"worker": "a", "at": NOON.astimezone(summer)}, {"worker": "b", "at": NOON}])
        session.add(Heartbeat(worker="c", at=NOON + timedelta(microseconds=1)))

    with database.read() as session:
        ours = SINCE.rows(session, since=NOON.astimezone(summer))
        theirs = session.exec(models(Heartbeat).where(col(Heartbeat.at) >= NOON).order_by(Heartbeat.worker)).all()

    assert ours == [("a", NOON), ("b", NOON), ("c", NOON + timedelta(microseconds=1))]
    assert [(row.worker, row.at) for row in theirs] == ours
    assert all(row.at.tzinfo is UTC for row in ours)


def test_a_list_may_be_of_any_length(database: Database) -> None:
    with database.write() as session:
        WRITE.run(session, [{"worker": f"{number:04}", "at": NOON} for number in range(2000)])

    with database.read() as session:
        assert NAMED.rows(session, names=[]) == []
        assert [row.worker for row in NAMED.rows(session, names=["0007", "finns inte"])] == ["0007"]
        assert len(NAMED.rows(session, names=[f"{number:04}" for number in range(2000)])) == 2000


def test_what_the_session_has_in_hand_is_seen(database: Database) -> None:
    with database.write() as session:
        session.add(Heartbeat(worker="a", at=NOON))

        assert len(SINCE.rows(session, since=NOON)) == 1


def test_a_moment_without_zone_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="zone"), database.write() as session:
        WRITE.run(session, [{"worker": "a", "at": NOON.replace(tzinfo=None)}])


def test_the_databases_own_faults_are_sentences(database: Database) -> None:
    with pytest.raises(DatabaseError), database.read() as session:
        WRITE.run(session, [{"worker": "a", "at": NOON}])


def test_each_of_many_rows_is_changed_to_its_own_value(database: Database) -> None:
    move = ManyRows(update(_TABLE).where(_TABLE.c.worker == bindparam("b_worker")).values(at=bindparam("b_at")))
    with database.write() as session:
        WRITE.run(session, [{"worker": name, "at": NOON} for name in ("a", "b", "c")])
        move.run(session, [{"b_worker": "c", "b_at": NOON + HOUR}, {"b_worker": "a", "b_at": NOON - HOUR}])

    with database.read() as session:
        assert SINCE.rows(session, since=NOON - HOUR) == [("a", NOON - HOUR), ("b", NOON), ("c", NOON + HOUR)]


def test_a_moment_without_zone_among_many_is_refused(database: Database) -> None:
    rows = [{"worker": "a", "at": NOON}, {"worker": "b", "at": NOON.replace(tzinfo=None)}]

    with pytest.raises(ValueError, match="zone"), database.write() as session:
        WRITE.run(session, rows)
