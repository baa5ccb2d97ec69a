"""Planning into rows: stable keys, nothing changed by planning again, corrected dates move what has not been sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select

from campaigns import approval
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import Approval, AuditEntry, DeliveryState, OccurrenceRow, Post, PostState, Revision
from campaigns.occurrences import ExtraDate
from tests.fakes import MORNING, Clock, Town

VALBORG = "valborg/2027/valborg/veckan/foraldrar"
STUDENT = "student/2027/student.holaveden/veckan/foraldrar"


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    return town


def test_planning_again_changes_nothing(town: Town) -> None:
    with town.database.read() as session:
        before = [post.model_dump() for post in session.exec(select(Post).order_by(Post.key))]
        revision = session.get_one(Revision, "aneby").value

    town.clock.at += timedelta(days=1)
    changes = town.plan()

    assert not changes
    with town.database.read() as session:
        assert [post.model_dump() for post in session.exec(select(Post).order_by(Post.key))] == before
        assert session.get_one(Revision, "aneby").value == revision


def test_no_post_is_made_for_what_is_already_too_late(town: Town) -> None:
    with town.database.read() as session:
        assert all(post.not_after > MORNING for post in session.exec(select(Post)))


def test_a_place_without_a_date_has_a_preliminary_occurrence_without_a_day(town: Town) -> None:
    with town.database.read() as session:
        row = session.get_one(OccurrenceRow, "aneby/student/2027/holaveden")

    assert (row.status, row.has_day) == ("preliminary", False)
    assert town.post(STUDENT).is_preliminary


def test_a_confirmed_date_moves_the_posts_and_keeps_their_identity(town: Town) -> None:
    before = town.post(STUDENT)

    changes = town.set_date("2027-06-11")

    after = town.post(STUDENT)
    assert after.id == before.id
    assert not after.is_preliminary
    assert after.due_at == datetime(2027, 6, 4, 14, 30, tzinfo=UTC)  # Fri 2027-06-04 16.30 summer time
    assert f"aneby/{STUDENT}" in changes.moved
    with town.database.read() as session:
        row = session.get_one(OccurrenceRow, "aneby/student/2027/holaveden")
        assert (row.first_day.isoformat(), row.day.isoformat()) == ("2027-06-10", "2027-06-11")
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "bekräftade datum")).one()
        assert entry.actor == "Sam Samordnare"


def test_a_corrected_date_voids_signatures_on_a_text_that_names_the_day(town: Town) -> None:
    town.set_date("2027-06-11")
    town.sign(STUDENT)
    assert {item.state for item in town.deliveries()} == {DeliveryState.QUEUED}

    town.set_date("2027-06-10")

    assert {item.state for item in town.deliveries()} == {DeliveryState.STOPPED}
    assert town.post(STUDENT).state == PostState.DRAFT
    with town.database.read() as session:
        assert all(item.voided_at is not None for item in session.exec(select(Approval)))


def test_a_corrected_date_moves_queued_deliveries_when_the_text_is_the_same(town: Town, tmp_path: object) -> None:
    messages = Town.messages.__class__(str(tmp_path)) / "messages"
    (messages / "student").mkdir(parents=True)
    (messages / "footer.md").write_text("Kommun och polis i samarbete.", encoding="utf-8")
    (messages / "student" / "veckan.foraldrar.md").write_text(
        '+++\ntitle = "Studenten"\nshort = "Prata om hemresan."\n+++\nPrata om hemresan i god tid.\n', encoding="utf-8"
    )
    town.messages = messages
    town.set_date("2027-06-11")
    town.sign(STUDENT)

    town.set_date("2027-06-10")

    assert {item.state for item in town.deliveries()} == {DeliveryState.QUEUED}
    assert {item.due_at for item in town.deliveries()} == {datetime(2027, 6, 3, 14, 30, tzinfo=UTC)}
    assert {item.next_attempt_at for item in town.deliveries()} == {datetime(2027, 6, 3, 14, 30, tzinfo=UTC)}
    assert town.post(STUDENT).state == PostState.APPROVED


def test_what_has_been_sent_stays_when_its_date_is_corrected(town: Town) -> None:
    town.set_date("2027-06-11")
    town.sign(STUDENT)
    with town.database.write() as session:
        for delivery in town.deliveries():
            delivery.state = DeliveryState.PUBLISHED
            session.merge(delivery)

    town.set_date("2027-06-10")

    assert {item.state for item in town.deliveries()} == {DeliveryState.PUBLISHED}
    town.sign(STUDENT)
    assert len(town.deliveries()) == 2  # nothing is queued a second time


def test_schools_with_the_same_day_share_one_post(town: Town) -> None:
    town.set_date("2027-06-11", place="holaveden")
    town.set_date("2027-06-11", place="eksjo")

    assert town.post("student/2027/student.eksjo/veckan/foraldrar").merged_into is None
    assert town.post(STUDENT).merged_into == "aneby/student/2027/student.eksjo/veckan/foraldrar"
    with pytest.raises(RefusedError, match="ingår i"):
        town.approve(STUDENT, "kommun", "Kim Kommun")

    town.set_date("2027-06-09", place="eksjo")

    assert town.post(STUDENT).merged_into is None


def test_a_removed_campaign_cancels_its_posts_and_stops_what_is_queued(town: Town, catalog: Catalog) -> None:
    town.sign(VALBORG)
    without = replace(catalog, campaigns={key: item for key, item in catalog.campaigns.items() if key != "valborg"})

    changes = town.plan(without)

    assert f"aneby/{VALBORG}" in changes.cancelled
    assert town.post(VALBORG).state == PostState.CANCELLED
    assert {item.state for item in town.deliveries()} == {DeliveryState.STOPPED}

    town.plan(catalog)

    assert town.post(VALBORG).state == PostState.DRAFT


def test_the_new_year_brings_the_following_year(town: Town) -> None:
    town.clock.at = datetime(2027, 12, 31, 22, 59, tzinfo=UTC)  # 23.59 on new year's eve, local time
    town.plan()
    with pytest.raises(Exception, match="No row"):
        town.post("valborg/2029/valborg/veckan/foraldrar")

    town.clock.at = datetime(2027, 12, 31, 23, 0, tzinfo=UTC)
    town.plan()

    assert town.post("valborg/2029/valborg/veckan/foraldrar").state == PostState.DRAFT


@pytest.mark.parametrize(
    ("risk_date", "place", "message"),
    [
        ("studenten", "holaveden", "Menade du ”student”"),
        ("student", "holaved", "Menade du ”holaveden”"),
        ("valborg", "", "beslutas inte lokalt"),
    ],
)
def test_a_wrong_place_or_risk_date_is_told_with_the_nearest_name(
    town: Town, risk_date: str, place: str, message: str
) -> None:
    with pytest.raises((NotFoundError, RefusedError), match=message):
        town.set_date("2027-06-11", place=place, risk_date=risk_date)


# -- what has gone out is history


def publish(town: Town) -> None:
    with town.database.write() as session:
        for delivery in town.deliveries():
            delivery.state = DeliveryState.PUBLISHED
            session.merge(delivery)


def test_a_post_that_has_gone_out_everywhere_keeps_its_signatures_and_times(town: Town, catalog: Catalog) -> None:
    town.set_date("2027-06-11")
    town.sign(STUDENT)
    publish(town)
    before = town.post(STUDENT)

    town.set_date("2027-06-10")

    after = town.post(STUDENT)
    assert (after.state, after.due_at, after.digest) == (PostState.APPROVED, before.due_at, before.digest)
    with town.database.read() as session:
        assert all(item.voided_at is None for item in session.exec(select(Approval)))
    with pytest.raises(RefusedError, match="redan gått ut"), town.database.write() as session:
        approval.reject(
            session, catalog, after.id or 0, party="polis", name="Pia", reason="För sent", now=town.clock.at
        )


def test_schools_that_shared_a_post_that_went_out_get_no_second_one(town: Town) -> None:
    for place in ("eksjo", "holaveden", "jonkoping"):
        town.set_date("2027-06-11", place=place)
    town.sign("student/2027/student.eksjo/veckan/foraldrar")
    publish(town)

    town.set_date("2027-06-09", place="eksjo")

    assert town.post(STUDENT).merged_into == "aneby/student/2027/student.eksjo/veckan/foraldrar"
    town.set_date("2027-06-11", place="nassjo")  # a school that nobody has been told of
    assert town.post("student/2027/student.nassjo/veckan/foraldrar").merged_into is None


def test_a_school_removed_after_its_day_stays_in_the_calendar(town: Town, catalog: Catalog) -> None:
    town.set_date("2027-06-11")
    town.clock.at = datetime(2027, 8, 2, 9, 0, tzinfo=UTC)
    aneby = catalog.municipality("aneby")
    without = {key: tuple(place for place in found if place.id != "holaveden") for key, found in aneby.places.items()}
    town.plan(replace(catalog, municipalities={"aneby": replace(aneby, places=without)}))

    with town.database.read() as session:
        assert session.get_one(OccurrenceRow, "aneby/student/2027/holaveden").cancelled_at is None
        assert session.get_one(OccurrenceRow, "aneby/student/2028/holaveden").cancelled_at is not None


# -- clocks that are wrong


def test_a_clock_from_another_age_plans_nothing(town: Town) -> None:
    town.sign(VALBORG)
    town.clock.at = datetime(1971, 1, 1, tzinfo=UTC)

    with pytest.raises(RefusedError, match="klocka visar år 1971"):
        town.plan()

    assert town.post(VALBORG).state == PostState.APPROVED


def test_a_clock_set_back_over_new_year_cancels_nothing(town: Town) -> None:
    town.clock.at = datetime(2028, 1, 1, 0, 0, 5, tzinfo=UTC)
    town.plan()
    assert town.post("valborg/2029/valborg/veckan/foraldrar").state == PostState.DRAFT
    town.clock.at = datetime(2027, 12, 31, 22, 59, tzinfo=UTC)

    changes = town.plan()

    assert changes.cancelled == []
    assert town.post("valborg/2029/valborg/veckan/foraldrar").state == PostState.DRAFT


def test_a_borrowed_campaign_lends_its_steps_but_not_its_words(town: Town, catalog: Catalog) -> None:
    aneby = catalog.municipality("aneby")
    market = ExtraDate("marknad-2027", "Marknaden", date(2027, 9, 4), date(2027, 9, 4), date(2027, 9, 4), "valborg")
    town.plan(replace(catalog, municipalities={"aneby": replace(aneby, extra_dates=(market,))}))
    key = "valborg/2027/marknad-2027/veckan/foraldrar"
    assert town.post(key).due_at == datetime(2027, 8, 28, 14, 30, tzinfo=UTC)

    with pytest.raises(NotFoundError, match=r"marknad-2027/veckan\.foraldrar\.md"):
        town.approve(key, "kommun", "Kim Kommun")
