"""Retention: nothing goes unless the municipality has decided so, and what follow-ups count from never goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from campaigns import audit, retention
from campaigns.catalog import Municipality, Retention
from campaigns.database import Database
from campaigns.followup.periods import period_from
from campaigns.followup.reporting import report
from campaigns.models import Attempt, ContentRow, Delivery, PostText, Reminder
from campaigns.retention import Removable
from scheduler import jobs
from scheduler.jobs import Work
from tests.sites import Place
from tests.worlds import typical

pytestmark = pytest.mark.pages

ALL = Retention(400, 400, 400, 400)


def keeping(aneby: Municipality, keep: Retention) -> Municipality:
    return replace(aneby, keep_days=keep)


@pytest.fixture
def place(database: Database) -> Place:
    """A half done season, seen from more than two years later."""
    place = typical(Place(database))
    place.write("valborg/2027/valborg/narmast/syskon", title="En version till")
    place.town.sign("valborg/2027/valborg/narmast/syskon")
    place.write("valborg/2027/valborg/narmast/syskon", title="Och en till")
    jobs.remind(work(place), now=place.clock.at)
    place.clock.at += timedelta(days=800)
    return place


def work(place: Place) -> Work:
    return Work(place.parts, place.parts.sender(), "test")


def remove(place: Place, keep: Retention) -> Removable:
    with place.database.write() as session:
        aneby = keeping(place.parts.catalog.municipality("aneby"), keep)
        expected = retention.removable(session, aneby, now=place.clock.at)
        done = retention.remove(session, aneby, name="Sam", now=place.clock.at)
        assert done == expected
        return done


def rows(place: Place) -> dict[str, list[Any]]:
    with place.database.read() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table)))) for table in SQLModel.metadata.sorted_tables
        }


def test_nothing_is_thrown_away_unless_it_has_been_decided(place: Place) -> None:
    before = rows(place)

    assert remove(place, Retention()).total == 0

    assert rows(place) == before


def test_only_the_kinds_that_nobody_counts_from_go(place: Place) -> None:
    before = rows(place)

    done = remove(place, ALL)

    after = rows(place)
    assert min(done.texts, done.contents, done.attempts, done.reminders) > 0
    changed = {name for name in before if before[name] != after[name]}
    # In `setting` stands where the log ends.
    assert changed == {"post_text", "content", "attempt", "reminder", "audit", "setting"} | ({"notice"} & changed)
    assert remove(place, ALL).total == 0
    with place.database.read() as session:
        assert audit.verify(session).is_whole


def test_the_follow_up_counts_the_same_before_and_after(place: Place) -> None:
    def counted() -> bytes:
        with place.database.read() as session:
            catalog = place.parts.catalog
            aneby = catalog.municipality("aneby")
            return report(session, catalog, aneby, period_from("2027"), now=place.clock.at).to_bytes()

    before = counted()

    remove(place, ALL)

    assert counted() == before


def test_the_newest_wording_and_all_that_went_out_stay(place: Place) -> None:
    remove(place, ALL)

    with place.database.read() as session:
        titles = [row.source for row in session.execute(select(PostText)).scalars()]
        kept = {row.id for row in session.execute(select(ContentRow)).scalars()}
        sent = {row.content_id for row in session.execute(select(Delivery)).scalars()}
    assert sum("Och en till" in text for text in titles) == 1
    assert not any("En version till" in text for text in titles)
    assert sent
    assert sent <= kept


def test_what_is_younger_stays(place: Place) -> None:
    place.clock.at -= timedelta(days=790)

    assert remove(place, ALL).total == 0


def test_the_worker_does_it_by_itself(place: Place, database: Database) -> None:
    catalog = place.parts.catalog
    aneby = keeping(catalog.municipality("aneby"), Retention(attempts=400))
    place.parts.configuration._catalog = replace(catalog, municipalities={"aneby": aneby})

    jobs.retain(work(place), now=place.clock.at)

    with database.read() as session:
        assert session.execute(select(Attempt)).all() == []
        assert session.execute(select(Reminder)).all() != []
