"""Reminders to staff: each once, at eight in the morning, and word of what was not signed in time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlmodel import col, select

from campaigns import approval
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.models import ChannelAccount, Delivery, Post, Reminder
from campaigns.plan import DeadlineKind, PlannedDeadline
from campaigns.reminding import reminders, trouble
from campaigns.reminding.deadlines import told_at
from campaigns.reminding.rows import Row
from tests.builders import STOCKHOLM, day, make_deadline, make_occurrence
from tests.fakes import Clock, Town

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock(datetime(2027, 2, 1, 7, 0, tzinfo=UTC)))
    town.plan()
    return town


def remind(town: Town, at: datetime) -> list[str]:
    aneby = town.catalog.municipality("aneby")
    with town.database.read() as session:
        due = reminders.due(session, town.catalog, aneby, now=at)
    with town.database.write() as session:
        return reminders.make(session, aneby, due, now=at)


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


def kinds_about(town: Town, post: str) -> list[str]:
    with town.database.read() as session:
        return [row.kind for row in session.exec(select(Reminder).order_by(col(Reminder.id))) if post in row.key]


def local(text: str) -> datetime:
    """The moment in "Fri 2027-04-30 08:00", local time. The weekday must be the right one."""
    wall = time.fromisoformat(text[15:])
    return datetime.combine(day(text[:14]), wall, STOCKHOLM).astimezone(UTC)


@pytest.mark.parametrize(
    ("risk_date", "kind", "told"),
    [
        ("valborg", "confirm_dates", "Fri 2027-03-05 08:00"),  # eight weeks before Fri 2027-04-30
        ("valborg", "plan", "Fri 2027-03-19 08:00"),  # six
        ("valborg", "write", "Fri 2027-04-02 08:00"),  # four, in summer time
        ("valborg", "sign", "Fri 2027-04-09 08:00"),  # three
        ("midsommar", "confirm_dates", "Fri 2027-04-30 08:00"),
        ("midsommar", "plan", "Fri 2027-05-14 08:00"),
        ("midsommar", "note", "Mon 2027-06-28 08:00"),
        ("nyar", "note", "Mon 2028-01-03 08:00"),
    ],
)
def test_the_ladder_of_deadlines(town: Town, risk_date: str, kind: str, told: str) -> None:
    key = f"{risk_date}/aneby/{risk_date}/2027/-/{kind}/"

    before = remind(town, local(told) - timedelta(seconds=1))
    at = remind(town, local(told))

    assert not any(each.startswith(key) for each in before)
    assert sum(each.startswith(key) for each in at) == 1


@pytest.mark.parametrize(
    ("kind", "deadline", "told"),
    [
        (DeadlineKind.SIGN, "Sun 2027-03-28", "Thu 2027-03-25 08:00"),  # Easter Sunday, and summer time begins
        (DeadlineKind.SIGN, "Fri 2027-06-25", "Thu 2027-06-24 08:00"),  # Midsummer Eve
        (DeadlineKind.PLAN, "Sat 2026-12-26", "Wed 2026-12-23 08:00"),
        (DeadlineKind.WRITE, "Fri 2027-01-01", "Wed 2026-12-30 08:00"),
        (DeadlineKind.CONFIRM_DATES, "Tue 2028-02-29", "Tue 2028-02-29 08:00"),  # leap day
        (DeadlineKind.NOTE, "Sun 2026-12-27", "Mon 2026-12-28 08:00"),  # after Christmas, not before it
        (DeadlineKind.FOLLOW_UP, "Wed 2027-01-06", "Thu 2027-01-07 08:00"),
    ],
)
def test_a_deadline_on_a_day_off_is_told_of_while_there_is_time(kind: DeadlineKind, deadline: str, told: str) -> None:
    item = PlannedDeadline("jul", "Jul", make_occurrence(), make_deadline(kind), day(deadline))

    assert told_at(item, STOCKHOLM) == local(told)


def test_a_post_due_after_a_weekend_is_nudged_about_before_it_and_then_escalated(town: Town) -> None:
    # Monday: both nudges' hours fall in the weekend, the second person hears on the morning itself.
    move(town, VALBORG, "Mon 2027-05-03 16:30")

    remind(town, local("Fri 2027-04-30 15:59"))
    before = kinds_about(town, VALBORG)
    remind(town, local("Fri 2027-04-30 16:00"))
    friday = kinds_about(town, VALBORG)
    remind(town, local("Mon 2027-05-03 08:30"))

    assert before == []
    assert friday == ["nudge_48h"]
    assert kinds_about(town, VALBORG) == ["nudge_48h", "escalation"]


def test_a_post_due_on_midsummer_day_is_nudged_about_and_escalated_while_people_are_at_work(town: Town) -> None:
    move(town, VALBORG, "Sat 2027-06-26 12:00")

    remind(town, local("Thu 2027-06-24 11:59"))
    before = kinds_about(town, VALBORG)
    remind(town, local("Thu 2027-06-24 12:00"))
    noon = kinds_about(town, VALBORG)
    remind(town, local("Thu 2027-06-24 16:00"))

    assert (before, noon) == ([], ["nudge_48h"])
    assert kinds_about(town, VALBORG) == ["nudge_48h", "escalation"]


def move(town: Town, key: str, due: str) -> None:
    with town.database.write() as session:
        post = session.exec(select(Post).where(Post.key == f"aneby/{key}")).one()
        post.due_at, post.not_after = local(due), local(due) + timedelta(hours=3)
        session.add(post)


def test_a_nudge_says_whose_signature_is_wanting(town: Town) -> None:
    town.clock.at = datetime(2027, 4, 12, 7, 0, tzinfo=UTC)
    town.approve(VALBORG, "kommun", "Kim Kommun")

    remind(town, town.post(VALBORG).due_at - timedelta(hours=20))

    with town.database.read() as session:
        [row] = [
            row for row in session.exec(select(Reminder).where(Reminder.kind == "nudge_24h")) if VALBORG in row.key
        ]
    assert row.parties == "polis"
    assert row.post_id == town.post(VALBORG).id


@pytest.mark.parametrize("state", ["failed", "unknown", "skipped", "missed"])
def test_what_goes_wrong_is_told_of_once_and_again_when_it_happens_again(town: Town, state: str) -> None:
    deliver(town, state, at=local("Sat 2027-04-17 10:00"))

    first = tell_of_trouble(town, local("Sat 2027-04-17 10:00"))
    again = tell_of_trouble(town, local("Sat 2027-04-17 10:01"))
    deliver(town, state, at=local("Sat 2027-04-17 12:00"))
    later = tell_of_trouble(town, local("Sat 2027-04-17 12:00"))

    assert [len(first), len(again), len(later)] == [1, 0, 1]
    with town.database.read() as session:
        rows = session.exec(select(Reminder).where(Reminder.kind == f"delivery_{state}")).all()
    assert [row.detail for row in rows] == ["Servern svarade inte."] * 2
    assert untold_troubles(town, local("Sat 2027-04-17 12:01")) == {}


def deliver(town: Town, state: str, *, at: datetime) -> None:
    """The post's first delivery ends in `state`."""
    town.clock.at = local("Mon 2027-04-12 09:00")
    if not town.deliveries():
        town.sign(VALBORG)
    item = town.deliveries()[0]
    item.state, item.reason, item.changed_at = state, "Servern svarade inte.", at
    item.token += 1
    with town.database.write() as session:
        session.merge(item)


def tell_of_trouble(town: Town, at: datetime) -> list[str]:
    found = untold_troubles(town, at)
    with town.database.write() as session:
        return reminders.make(session, town.catalog.municipality("aneby"), found.get("aneby", []), now=at)


def untold_troubles(town: Town, at: datetime) -> dict[str, list[Row]]:
    with town.database.read() as session:
        return trouble.untold_troubles(session, town.catalog.municipalities.values(), now=at)


def test_a_failure_is_seen_without_writing_anything(town: Town) -> None:
    deliver(town, "failed", at=local("Sat 2027-04-17 10:00"))

    assert set(untold_troubles(town, local("Sat 2027-04-17 10:00"))) == {"aneby"}
    assert untold_troubles(town, local("Mon 2027-04-19 10:00")) == {}


def test_the_look_for_trouble_reads_an_index(town: Town) -> None:
    explain = "EXPLAIN QUERY PLAN" if town.database.is_sqlite else "EXPLAIN"
    query = f"{explain} SELECT id FROM delivery WHERE {trouble.IS_TROUBLE.text} AND delivery.changed_at >= '2027-01-01'"
    with town.database.read() as session:
        connection = session.connection()
        if not town.database.is_sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")  # it reads a small table whole, and rightly so
        steps = [str(row) for row in connection.exec_driver_sql(query)]
    assert any("ix_delivery_trouble" in step for step in steps), steps


def test_a_channel_that_stops_and_works_again_is_told_of_each_time(town: Town) -> None:
    def stand(state: str, at: datetime) -> list[str]:
        with town.database.write() as session:
            session.merge(
                ChannelAccount(municipality="aneby", channel="webhook", state=state, reason="Nyckeln.", changed_at=at)
            )
        return [key.split("/")[3] for key in tell_of_trouble(town, at)]

    start = local("Thu 2027-04-15 10:00")
    assert stand("working", start) == []  # nothing was wrong
    assert stand("stopped", start + timedelta(minutes=1)) == ["channel_stopped"]
    assert tell_of_trouble(town, start + timedelta(minutes=2)) == []
    assert stand("working", start + timedelta(minutes=5)) == ["channel_working"]
    assert stand("stopped", start + timedelta(minutes=9)) == ["channel_stopped"]


def test_a_channel_that_comes_and_goes_rests_once_a_day(town: Town) -> None:
    told: list[str] = []
    for minute in range(0, 60, 10):
        at = local("Thu 2027-04-15 10:00") + timedelta(minutes=minute)
        state = "working" if minute % 20 else "resting"
        with town.database.write() as session:
            session.merge(ChannelAccount(municipality="aneby", channel="webhook", state=state, changed_at=at))
        told.extend(key.split("/")[3] for key in tell_of_trouble(town, at))
    assert told == ["channel_resting", "channel_working"]


TASK = "valborg/2027/valborg/tidigt/foraldrar"  # due Fri 2027-04-16 16:30, in the school platform too


def test_a_task_by_hand_is_told_of_on_its_day_and_when_its_time_has_passed(town: Town) -> None:
    town.clock.at = local("Mon 2027-04-12 09:00")
    town.sign(TASK)

    def by_hand(at: str) -> list[str]:
        return [key.rsplit("/", 1)[1] for key in remind(town, local(at)) if "skolplattform" in key]

    assert by_hand("Fri 2027-04-16 07:59") == []
    assert by_hand("Fri 2027-04-16 08:00") == ["by_hand"]
    with town.database.write() as session:
        [item] = session.exec(select(Delivery).where(Delivery.channel == "skolplattform")).all()
        item.state = "manual"
        session.add(item)
    assert by_hand("Mon 2027-04-19 08:00") == []
    assert by_hand("Thu 2027-04-22 20:00") == []  # its last time, and nobody is at work
    assert by_hand("Fri 2027-04-23 08:00") == ["by_hand_overdue"]
    assert by_hand("Fri 2027-04-23 08:05") == []


def test_a_task_on_a_day_off_is_told_of_before_it(town: Town) -> None:
    town.clock.at = local("Mon 2027-04-12 09:00")
    town.sign(TASK)
    with town.database.write() as session:
        [item] = session.exec(select(Delivery).where(Delivery.channel == "skolplattform")).all()
        item.due_at = local("Sat 2027-04-17 10:00")
        session.add(item)

    told = remind(town, local("Fri 2027-04-16 08:00"))

    assert sum("skolplattform" in key for key in told) == 1


def test_the_weeks_letter_comes_as_the_week_begins_and_says_what_there_is(town: Town) -> None:
    deliver(town, "failed", at=local("Fri 2027-04-23 10:00"))
    with town.database.write() as session:
        [_, other] = session.exec(select(Delivery).order_by(col(Delivery.id))).all()
        other.state, other.published_at = "published", local("Thu 2027-04-22 10:00")
        session.add(other)
    town.sign(VALBORG.replace("foraldrar", "syskon"))
    key = "digest/aneby/2027-W17"

    early = remind(town, local("Mon 2027-04-26 07:59"))
    at = remind(town, local("Mon 2027-04-26 08:00"))
    again = remind(town, local("Mon 2027-04-26 08:05"))

    assert [key in each for each in (early, at, again)] == [False, True, False]
    with town.database.read() as session:
        row = session.exec(select(Reminder).where(Reminder.key == key)).one()
    lists = json.loads(row.detail)
    assert row.subject.startswith("Vecka 17: ")
    assert any(
        "Godkänn Valborg utan langning: Dagarna före" in line and "onsdag 28/4" in line for line in lists["att_gora"]
    )
    assert lists["gick_ut"] == [f"Valborg utan langning: Påminnelse samma dag, till föräldrar ({other.channel})"]
    assert any(line.endswith("misslyckad") for line in lists["gick_fel"])
    assert any("inte godkänt i tid" in line for line in lists["gick_fel"])
    assert any("fredag 30/4 kl. 08.00" in line for line in lists["gar_ut"])


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ("Tue 2027-03-30 08:00", "digest/aneby/2027-W13"),  # Easter Monday is off
        ("Mon 2026-12-28 08:00", "digest/aneby/2026-W53"),
    ],
)
def test_the_weeks_letter_waits_for_a_working_day(database: Database, catalog: Catalog, told: str, key: str) -> None:
    town = Town(database, catalog, Clock(local(told) - timedelta(days=5)))
    town.plan()

    before = remind(town, local(told) - timedelta(seconds=1))

    assert key not in before
    assert key in remind(town, local(told))


def test_a_week_with_nothing_to_tell_has_no_letter(town: Town) -> None:
    assert "digest/aneby/2027-W32" not in remind(town, local("Mon 2027-08-09 08:00"))
