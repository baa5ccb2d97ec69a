"""What the calendars hold, and what happens to an event that changes, moves, is called off, goes and comes back."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from campaigns import feed_tokens
from campaigns.database import Database
from campaigns.errors import NotFoundError
from campaigns.models import Delivery, DeliveryState, PostState, Revision, Token
from campaigns.occurrences import OccurrenceStatus, Place
from tests.builders import make_activity, make_campaign, make_deadline, make_occurrence, make_step
from tests.feedworld import NOON, FeedWorld, later, make_catalog

SIBLINGS = "aneby/midsommar/2027/midsommar/infor/syskon"


@pytest.fixture
def world(database: Database) -> FeedWorld:
    world = FeedWorld(database)
    world.occurrences = [make_occurrence(last_day=date(2027, 6, 26))]
    return world


def only(events: list[Any]) -> Any:
    assert len(events) == 1
    return events[0]


def slots(world: FeedWorld) -> list[Any]:
    return [event for event in world.events("editorial") if str(event["categories"].cats[0]) == "Publicering"]


# -- what is in them


def test_an_occurrence_is_one_all_day_event_in_the_public_calendar(world: FeedWorld) -> None:
    world.publish()

    event = only(world.events())
    assert (event["dtstart"].dt, event["dtend"].dt) == (date(2027, 6, 25), date(2027, 6, 27))
    assert (event["summary"], event["status"], event["transp"]) == ("Midsommar", "CONFIRMED", "TRANSPARENT")
    assert "fredag 25 juni 2027 till lördag 26 juni 2027" in event["description"]
    assert "https://kalender.aneby.se/sida/aneby" in event["description"]
    assert event["url"] == "https://kalender.aneby.se/sida/aneby"
    assert "VALARM" not in str(event.to_ical())


def test_a_date_that_is_not_decided_is_shown_as_its_usual_time_and_never_as_a_day(world: FeedWorld) -> None:
    first, last = date(2027, 5, 31), date(2027, 6, 16)
    world.occurrences = [
        make_occurrence(day=first, first_day=first, last_day=last, status=OccurrenceStatus.PRELIMINARY, has_day=False)
    ]

    world.publish()

    event = only(world.events())
    assert (event["dtstart"].dt, event["dtend"].dt) == (date(2027, 5, 31), date(2027, 6, 17))
    assert (event["summary"], event["status"]) == ("Midsommar (preliminärt)", "TENTATIVE")
    assert "Datumet är inte bestämt än." in event["description"]


def test_a_date_that_was_never_decided_disappears_when_its_usual_time_is_over(world: FeedWorld) -> None:
    first, last = date(2027, 5, 31), date(2027, 6, 16)
    world.occurrences = [
        make_occurrence(day=first, first_day=first, last_day=last, status=OccurrenceStatus.PRELIMINARY, has_day=False)
    ]
    world.publish()
    assert len(world.events()) == 1

    world.publish(now=datetime(2027, 6, 17, 8, 0, tzinfo=UTC))

    assert world.events() == []


def test_each_place_has_its_own_event(world: FeedWorld) -> None:
    world.occurrences = [
        make_occurrence("student", name="Studenten", place=Place("holaveden", "Holavedsgymnasiet")),
        make_occurrence("student", name="Studenten", place=Place("eksjo", "Eksjö gymnasium")),
    ]

    world.publish()

    names = {str(event["summary"]) for event in world.events()}
    assert names == {"Studenten, Holavedsgymnasiet", "Studenten, Eksjö gymnasium"}


def test_the_editorial_calendar_has_days_deadlines_slots_and_activities(database: Database) -> None:
    campaign = make_campaign(
        steps=(make_step(),), deadlines=(make_deadline(),), activities=(make_activity(responsible="Anna Andersson"),)
    )
    world = FeedWorld(database, make_catalog(campaigns=[campaign]))
    world.occurrences = [make_occurrence()]

    world.publish(posts=True)

    found = {str(event["categories"].cats[0]): event for event in world.events("editorial")}
    assert {kind: str(event["summary"]) for kind, event in found.items()} == {
        "Kampanj": "Midsommar",
        "Deadline": "Deadline: Godkänn: kommun och polis – Midsommar",
        "Aktivitet": "Nattvandring – Midsommar",
        "Publicering": "Publicering: Midsommar utan langning – Veckan före, till föräldrar (Webbsidan)",
    }
    assert found["Deadline"]["dtstart"].dt == date(2027, 6, 4)
    assert found["Deadline"].walk("VALARM")[0]["trigger"].dt == timedelta(hours=-15)
    assert found["Deadline"]["transp"] == "TRANSPARENT"
    assert found["Aktivitet"].walk("VALARM") == []
    assert b"Anna Andersson" not in world.body("editorial")


def test_a_slot_is_a_quarter_of_an_hour_of_busy_local_time_with_an_alarm(world: FeedWorld) -> None:
    world.publish(posts=True)

    event = next(event for event in slots(world) if "syskon" in event["summary"])
    assert event["summary"] == "Publicering: Midsommar utan langning – Inför, till syskon (Webbsidan)"
    assert str(event["dtstart"].params["TZID"]) == "Europe/Stockholm"
    assert event["dtstart"].dt.replace(tzinfo=None) == datetime(2027, 6, 18, 16, 30)  # noqa: DTZ001 - wall clock
    assert event["dtend"].dt - event["dtstart"].dt == timedelta(minutes=15)
    assert (event["transp"], event["x-microsoft-cdo-busystatus"]) == ("OPAQUE", "BUSY")
    assert event.walk("VALARM")[0]["trigger"].dt == timedelta(minutes=-30)
    assert event["status"] == "TENTATIVE"
    assert "Läge: Utkast." in event["description"]


def test_a_slot_in_a_week_with_a_clock_change_keeps_its_wall_clock_time(world: FeedWorld) -> None:
    world.occurrences = [make_occurrence(day=date(2027, 4, 4)), make_occurrence(day=date(2026, 3, 29), year=2026)]
    world.publish(posts=True)

    found = sorted(event["dtstart"].dt for event in slots(world) if "syskon" in event["summary"])

    assert [f"{moment:%a %Y-%m-%d %H:%M %z}" for moment in found] == [
        "Sun 2026-03-22 16:30 +0100",
        "Sun 2027-03-28 16:30 +0200",
    ]


def test_an_approved_post_has_a_confirmed_slot(world: FeedWorld) -> None:
    world.publish(posts=True)
    world.change_post(SIBLINGS, state=PostState.APPROVED)

    world.publish(now=later(hours=1))

    event = next(event for event in slots(world) if "syskon" in event["summary"])
    assert (event["status"], event["sequence"]) == ("CONFIRMED", 1)
    assert "Läge: Godkänt." in event["description"]


def test_a_slot_tells_of_the_delivery_that_needs_a_person(world: FeedWorld) -> None:
    world.publish(posts=True)
    _deliver(world, DeliveryState.PUBLISHED, DeliveryState.UNKNOWN)

    world.publish(now=later(hours=1))

    event = next(event for event in slots(world) if "syskon" in event["summary"])
    assert "Läge: Osäkert – kontrollera." in event["description"]


def _deliver(world: FeedWorld, *states: DeliveryState) -> None:
    from campaigns.models import ContentRow

    with world.database.write() as session:
        content = ContentRow(
            post_id=1, version=1, channel="webb", language="sv", payload=b"", sha256="", created_at=NOON
        )
        session.add(content)
        session.flush()
        for number, state in enumerate(states):
            row = Delivery(
                key=f"1:{number}:1",
                post_id=1,
                content_id=content.id or 0,
                municipality="aneby",
                channel="webb",
                kind="webb",
                language="sv",
                state=state,
                due_at=NOON,
                not_after=NOON,
                next_attempt_at=NOON,
                created_at=NOON,
                changed_at=NOON,
            )
            session.add(row)


def test_a_post_that_joins_another_leaves_without_being_called_off(world: FeedWorld) -> None:
    world.publish(posts=True)
    world.change_post(SIBLINGS, merged_into="aneby/midsommar/2027/midsommar/infor/unga-vuxna")

    world.publish(now=later(hours=1))

    assert [str(event["summary"]) for event in slots(world)] == [
        "Publicering: Midsommar utan langning – Inför, till unga vuxna (Webbsidan)"
    ]


# -- what happens to them


def test_publishing_again_changes_no_byte(world: FeedWorld) -> None:
    assert world.publish(posts=True) is True
    before = world.body(), world.body("editorial"), [row.last_modified for row in world.rows("editorial")]

    assert world.publish(now=later(days=1), posts=True) is False

    assert (world.body(), world.body("editorial"), [row.last_modified for row in world.rows("editorial")]) == before


def test_a_change_in_the_editorial_calendar_leaves_the_public_one_as_it_is(world: FeedWorld) -> None:
    world.publish(posts=True)
    before = world.body()
    world.change_post(SIBLINGS, state=PostState.APPROVED)

    assert world.publish(now=later(hours=1)) is True

    assert world.body() == before


def test_a_moved_day_keeps_its_uid_and_rises_in_sequence(world: FeedWorld) -> None:
    world.publish()
    before = only(world.events())
    world.occurrences = [make_occurrence(day=date(2027, 6, 18))]

    world.publish(now=later(hours=1))

    after = only(world.events())
    assert after["uid"] == before["uid"]
    assert after["dtstart"].dt == date(2027, 6, 18)
    assert (before["sequence"], after["sequence"]) == (0, 1)
    assert after["last-modified"].dt == after["dtstamp"].dt == later(hours=1)
    assert after["created"].dt == NOON


def test_only_the_event_that_changed_is_written_again(world: FeedWorld) -> None:
    world.occurrences.append(make_occurrence(day=date(2026, 12, 24), name="Jul", risk_date="jul"))
    world.publish()
    before = {row.uid: row.fragment for row in world.rows()}
    world.occurrences[0] = make_occurrence(day=date(2027, 6, 18))

    world.publish(now=later(hours=1))

    after = {row.uid: row.fragment for row in world.rows()}
    assert sum(before[uid] != after[uid] for uid in before) == 1


def test_a_vanished_occurrence_is_called_off_for_four_weeks_and_then_gone(world: FeedWorld) -> None:
    world.publish(posts=True)
    world.occurrences = []

    world.publish(now=later(hours=1))
    event = only(world.events())
    assert (event["summary"], event["status"], event["sequence"]) == ("INSTÄLLT: Midsommar", "CANCELLED", 1)
    assert event["transp"] == "TRANSPARENT"
    world.publish(now=later(days=27))
    assert len(world.events()) == 1
    moved = world.store().routes["/feeds/aneby/riskdatum-aneby.ics"].resource.last_modified
    assert moved == later(hours=1)

    assert world.publish(now=later(days=28, hours=1)) is True

    assert world.events() == []
    resource = world.store().routes["/feeds/aneby/riskdatum-aneby.ics"].resource
    assert resource.last_modified == later(days=28, hours=1)  # though no event is left to say so


def test_an_event_that_comes_back_goes_on_from_its_sequence(world: FeedWorld) -> None:
    found = list(world.occurrences)
    world.publish()
    uid = str(only(world.events())["uid"])
    world.occurrences = []
    world.publish(now=later(hours=1))
    world.occurrences = found

    world.publish(now=later(hours=2))
    event = only(world.events())
    assert (str(event["uid"]), event["status"], event["sequence"]) == (uid, "CONFIRMED", 2)
    assert event["summary"] == "Midsommar"

    world.occurrences = []
    world.publish(now=later(hours=3))
    world.publish(now=later(days=40))
    assert world.events() == []
    world.occurrences = found
    world.publish(now=later(days=41))
    event = only(world.events())
    assert (str(event["uid"]), event["status"], event["sequence"]) == (uid, "CONFIRMED", 4)


def test_a_removed_event_leaves_no_row_in_the_end(world: FeedWorld) -> None:
    world.occurrences.append(make_occurrence("jul", day=date(2027, 12, 24)))
    world.publish()
    kept = world.occurrences.pop(0)
    for days in (1, 40, 480):
        world.publish(now=later(days=days))
    assert len(world.rows()) == 2  # nothing else has changed: the row still carries Last-Modified

    world.occurrences = [make_occurrence("jul", day=date(2027, 12, 23)), replace(kept, risk_date="valborg")]
    world.publish(now=later(days=481))

    assert {str(event["summary"]) for event in world.events()} == {"Jul", "Midsommar"}
    assert len(world.rows()) == 2


def test_what_has_been_is_not_called_off_afterwards(world: FeedWorld) -> None:
    world.publish()
    world.occurrences = []

    world.publish(now=datetime(2027, 6, 27, 8, 0, tzinfo=UTC))

    event = only(world.events())
    assert (event["summary"], event["status"], event["sequence"]) == ("Midsommar", "CONFIRMED", 0)


@pytest.mark.parametrize(
    ("now", "count"),
    [
        (datetime(2028, 12, 31, 22, 59, tzinfo=UTC), 1),  # Sun 2028-12-31 23:59 in Sweden
        (datetime(2028, 12, 31, 23, 1, tzinfo=UTC), 0),  # Mon 2029-01-01 00:01 in Sweden
    ],
)
def test_an_event_stays_until_the_year_after_its_own_is_over(world: FeedWorld, now: datetime, count: int) -> None:
    world.publish()

    world.publish(now=now)

    assert len(world.events()) == count


def test_stamps_rise_even_if_the_clock_is_set_back(world: FeedWorld) -> None:
    world.publish(now=NOON.replace(microsecond=999_999))
    for hours, day in ((-5, 18), (-5, 17), (-6, 16)):
        before = only(world.events())["last-modified"].dt
        world.occurrences = [make_occurrence(day=date(2027, 6, day))]

        world.publish(now=later(hours=hours))

        after = only(world.events())["last-modified"].dt
        assert after == before + timedelta(seconds=1)


def test_the_revision_says_what_has_been_published(world: FeedWorld) -> None:
    with world.database.write() as session:
        session.add(Revision(municipality="aneby", value=7, published=3))

    world.publish()

    with world.database.read() as session:
        revision = session.get_one(Revision, "aneby")
    assert (revision.value, revision.published, revision.published_at) == (7, 7, NOON)


def test_an_empty_year_is_a_calendar_without_events(world: FeedWorld) -> None:
    world.occurrences = []

    world.publish()

    assert world.events() == []
    assert world.body().endswith(b"\r\nEND:VCALENDAR\r\n")


def test_an_event_that_cannot_be_written_keeps_its_last_good_bytes(
    world: FeedWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.publish()
    before = world.body()
    world.occurrences = [replace(world.occurrences[0], last_day=date(2027, 6, 1))]

    with caplog.at_level(logging.ERROR):
        world.publish(now=later(hours=1))

    assert world.body() == before
    assert {record.__dict__["action"] for record in caplog.records} == {"feed_event_refused"}


def test_an_unknown_municipality_is_refused(world: FeedWorld) -> None:
    world.municipality = replace(world.municipality, id="anebyy")

    with pytest.raises(NotFoundError):
        world.publish()


# -- secret addresses


def test_a_secret_address_is_kept_only_as_its_hash(database: Database) -> None:
    with database.write() as session:
        secret = feed_tokens.create_feed_token(session, municipality="aneby", name="Redaktionen", now=NOON)

    with database.read() as session:
        row = session.get_one(Token, 1)
        listed = feed_tokens.list_feed_tokens(session, municipality="aneby")
    assert len(secret) == 32
    assert row.token_hash == feed_tokens.token_hash(secret)
    assert secret not in repr(row)
    assert listed == [feed_tokens.FeedToken(1, "aneby", "Redaktionen", NOON, None)]


def test_revoking_an_address_is_remembered_once(database: Database) -> None:
    with database.write() as session:
        feed_tokens.create_feed_token(session, municipality="aneby", name="Redaktionen", now=NOON)
    for hours in (1, 2):
        with database.write() as session:
            feed_tokens.revoke_feed_token(session, 1, now=later(hours=hours))

    with database.read() as session:
        assert feed_tokens.list_feed_tokens(session, municipality="aneby")[0].revoked_at == later(hours=1)


def test_an_address_that_does_not_exist_cannot_be_revoked(database: Database) -> None:
    with pytest.raises(NotFoundError), database.write() as session:
        feed_tokens.revoke_feed_token(session, 7, now=NOON)
