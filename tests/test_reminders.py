"""Reminders to staff: each once, at eight in the morning, and word of what was not signed in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from campaigns import approval, reminders
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.models import Post, Reminder
from tests.fakes import Clock, Town

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock(datetime(2027, 2, 1, 7, 0, tzinfo=UTC)))
    town.plan()
    return town


def remind(town: Town, at: datetime) -> list[str]:
    with town.database.write() as session:
        return reminders.remind(session, town.catalog, town.catalog.municipality("aneby"), now=at)


def subjects(town: Town, kind: str) -> list[str]:
    with town.database.read() as session:
        return [row.subject for row in session.exec(select(Reminder).where(Reminder.kind == kind))]


def test_a_deadline_is_reminded_of_at_eight_and_once(town: Town) -> None:
    # Valborg is Fri 2027-04-30; eight weeks before is Fri 2027-03-05, in winter time.
    key = "valborg/aneby/valborg/2027/-/confirm_dates/2027-03-05"

    assert key not in remind(town, datetime(2027, 3, 5, 6, 59, tzinfo=UTC))
    assert key in remind(town, datetime(2027, 3, 5, 7, 0, tzinfo=UTC))
    assert key not in remind(town, datetime(2027, 3, 5, 7, 5, tzinfo=UTC))


def test_the_reminder_of_dates_says_what_is_known(town: Town) -> None:
    remind(town, datetime(2027, 3, 5, 7, 0, tzinfo=UTC))
    remind(town, datetime(2027, 4, 5, 7, 0, tzinfo=UTC))  # Mon 2027-04-05: eight weeks before Mon 2027-05-31

    told = "\n".join(subjects(town, "confirm_dates"))

    assert "Datumet är fredag 30 april 2027." in told
    assert "Studenten, Holavedsgymnasiet, Tranås. Datumet är inte känt än." in told


def test_summer_time_does_not_move_the_hour(town: Town) -> None:
    # Signing for valborg is due Fri 2027-04-09, in summer time: eight o'clock is 06 UTC.
    key = "valborg/aneby/valborg/2027/-/sign/2027-04-09"

    assert key not in remind(town, datetime(2027, 4, 9, 5, 59, tzinfo=UTC))
    assert key in remind(town, datetime(2027, 4, 9, 6, 0, tzinfo=UTC))


def test_an_unsigned_post_is_nudged_about_48_and_24_hours_before(town: Town) -> None:
    due = town.post(VALBORG).due_at
    for hours, kind in [(48, "nudge_48h"), (24, "nudge_24h")]:
        remind(town, due - timedelta(hours=hours, seconds=1))
        assert not any(VALBORG in text for text in subjects(town, kind))
        remind(town, due - timedelta(hours=hours))
        assert sum(VALBORG in text for text in subjects(town, kind)) == 1


def test_a_signed_post_is_not_nudged_about(town: Town) -> None:
    town.clock.at = datetime(2027, 4, 12, 7, 0, tzinfo=UTC)
    town.sign(VALBORG)
    remind(town, town.post(VALBORG).due_at - timedelta(hours=20))
    assert not any(VALBORG in text for text in subjects(town, "nudge_24h"))


def test_what_was_not_signed_in_time_is_said(town: Town) -> None:
    remind(town, town.post(VALBORG).not_after)
    assert [text for text in subjects(town, "missed") if VALBORG in text] == [
        f"Skickades inte, det var inte godkänt i tid: aneby/{VALBORG}"
    ]


STUDENT = "student/2027/student.holaveden"


def test_a_post_without_a_known_date_is_not_nudged_about_but_the_date_is_each_monday(town: Town) -> None:
    for at in (datetime(2027, 5, 29, 7, 0, tzinfo=UTC), datetime(2027, 6, 3, 7, 0, tzinfo=UTC)):
        remind(town, at)

    told = [*subjects(town, "nudge_24h"), *subjects(town, "nudge_48h"), *subjects(town, "missed")]
    assert not any("student" in text for text in told)
    weekly = [text for text in subjects(town, "date_missing") if "Holavedsgymnasiet" in text]
    assert len(weekly) == 2  # Mon 2027-05-24 and Mon 2027-05-31
    assert "Inget kan godkännas" in weekly[0]


def test_the_weekly_reminder_ends_when_the_date_is_confirmed(town: Town) -> None:
    town.clock.at = datetime(2027, 5, 1, 7, 0, tzinfo=UTC)
    town.set_date("2027-06-11")
    remind(town, datetime(2027, 5, 24, 7, 0, tzinfo=UTC))
    assert not any("Holavedsgymnasiet" in text for text in subjects(town, "date_missing"))


def test_a_post_that_reached_some_channels_is_not_said_to_have_gone_nowhere(town: Town) -> None:
    town.clock.at = datetime(2027, 4, 12, 7, 0, tzinfo=UTC)
    town.sign(VALBORG)
    with town.database.write() as session:
        first = town.deliveries()[0]
        first.state = "published"
        session.merge(first)
        approval.void(session, session.get_one(Post, first.post_id), reason="Ny text", now=town.clock.at)

    remind(town, town.post(VALBORG).not_after)

    [told] = [text for text in subjects(town, "missed") if VALBORG in text]
    assert told.startswith(f"Gick bara ut i {first.channel}; resten")
