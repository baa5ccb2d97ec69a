"""Notices to staff, through a real mail server: to whom, when, and never twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy.exc import IntegrityError

from campaigns.catalog import Catalog, ReminderRole
from campaigns.channels.base import Environment
from campaigns.database import Database
from campaigns.models import Notice, NoticeState
from campaigns.reminder_kinds import Kind
from campaigns.reminding import claims, notices
from campaigns.reminding.addressees import receivers
from campaigns.reminding.claims import LEASE
from campaigns.reminding.notifying import send_due
from campaigns.reminding.ways import Ways
from tests.builders import STOCKHOLM, make_municipality
from tests.contracts import Trouble, unused_port
from tests.post_office import LOGIN, PASSWORD
from tests.staff import KIM, PIA, SAM, VALBORG, WEDNESDAY, Staff, local, staffed


@pytest.fixture
def staff(database: Database, catalog: Catalog) -> Iterator[Staff]:
    with staffed(database, catalog) as made:
        yield made


# To whom.


@pytest.mark.parametrize(
    ("kind", "parties", "told"),
    [
        ("plan", "", ["sam@aneby.example"]),
        (Kind.NUDGE_24H, "kommun polis", ["sam@aneby.example", "pia@polisen.example"]),
        (Kind.NUDGE_24H, "kommun", ["sam@aneby.example"]),
        (Kind.NUDGE_48H, "polis", ["sam@aneby.example", "pia@polisen.example"]),
        (Kind.ESCALATION, "polis", ["kim@aneby.example"]),
        (Kind.DELIVERY_FAILED, "", ["sam@aneby.example"]),
        (Kind.DIGEST, "", ["sam@aneby.example"]),
    ],
)
def test_who_is_told_of_what(kind: str, parties: str, told: list[str]) -> None:
    town = make_municipality(reminders=[SAM, KIM, PIA])

    assert [address.place for address in receivers(town, kind, parties=parties.split())] == told


def test_an_escalation_reaches_nobody_where_no_second_person_is_named() -> None:
    assert receivers(make_municipality(reminders=[replace(SAM, escalate_to=None)]), Kind.ESCALATION) == []


def test_without_addresses_reminders_are_made_and_nothing_is_sent(staff: Staff) -> None:
    staff.employ()

    assert staff.remind("Fri 2027-04-09 08:00")
    assert staff.send() == 0
    assert staff.notices() == []


def test_an_address_that_comes_later_gets_what_is_made_later(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY)
    staff.employ(SAM, ReminderRole("Ny", email="ny@aneby.example"))
    staff.send()

    assert staff.recipients() == ["sam@aneby.example"]


def test_an_address_that_has_been_taken_away_gets_nothing(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY)
    staff.employ(KIM)
    staff.send()

    assert staff.office.mails == []
    assert staff.states() == ["skipped"]
    assert staff.send() == 0


# When.


@pytest.mark.parametrize(
    ("made", "kind", "waits_until"),
    [
        ("Fri 2027-04-30 10:00", "plan", "Fri 2027-04-30 10:00"),
        ("Fri 2027-04-30 18:00", "plan", "Mon 2027-05-03 08:00"),
        ("Thu 2027-06-24 17:00", "plan", "Mon 2027-06-28 08:00"),  # over midsummer
        ("Sat 2027-03-27 12:00", Kind.BY_HAND, "Tue 2027-03-30 08:00"),  # Easter, and summer time begins
        ("Fri 2026-12-25 12:00", "plan", "Mon 2026-12-28 08:00"),
        ("Fri 2026-12-25 12:00", Kind.DELIVERY_FAILED, "Fri 2026-12-25 12:00"),
        ("Fri 2026-12-25 21:00", Kind.DELIVERY_FAILED, "Sat 2026-12-26 07:00"),
        ("Sun 2027-03-28 04:30", Kind.CHANNEL_STOPPED, "Sun 2027-03-28 07:00"),
        ("Sun 2027-10-31 06:59", Kind.CHANNEL_STOPPED, "Sun 2027-10-31 07:00"),
        ("Tue 2028-02-29 06:00", Kind.MISSED, "Tue 2028-02-29 07:00"),
    ],
)
def test_staff_are_reminded_at_work_and_of_failures_at_once(made: str, kind: str, waits_until: str) -> None:
    assert notices.time_for(kind, local(made), STOCKHOLM) == local(waits_until)


def test_what_waited_for_a_worker_that_was_down_does_not_go_out_in_the_evening(staff: Staff) -> None:
    staff.make("plan", at="Fri 2027-04-30 16:00")

    assert staff.send("Fri 2027-04-30 22:00") == 0
    assert staff.send("Sun 2027-05-02 12:00") == 0
    assert staff.send("Mon 2027-05-03 08:00") == 1


def test_a_failure_on_a_saturday_is_told_of_at_once_and_those_that_follow_are_gathered(staff: Staff) -> None:
    start = local("Sat 2027-05-01 12:00")
    for minute in range(10):
        at = start + timedelta(minutes=minute)
        staff.make(Kind.DELIVERY_FAILED, at=at, key=f"nummer {minute}")
        staff.send()
    assert len(staff.office.mails) == 1

    staff.send(start + timedelta(minutes=10))

    assert len(staff.office.mails) == 2
    assert staff.office.mails[1].message["Subject"] == "9 påminnelser, Aneby kommun"


def test_a_nudge_is_not_sent_when_the_post_has_been_signed(staff: Staff) -> None:
    staff.make(Kind.NUDGE_24H, at=WEDNESDAY)
    staff.town.sign(VALBORG)
    staff.send()

    assert staff.office.mails == []
    assert set(staff.states()) == {"skipped"}


def test_what_could_not_be_sent_for_a_week_is_not_sent_at_all(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY)
    staff.send("Wed 2027-04-21 10:00")

    assert staff.office.mails == []
    assert staff.notices()[0].reason == "Den hann bli för gammal."


# Never twice.


def test_a_notice_is_sent_once_however_often_and_by_however_many_it_is_looked_for(staff: Staff) -> None:
    for at in ("Fri 2027-04-09 08:00", "Fri 2027-04-09 08:05", "Mon 2027-04-12 07:55"):
        staff.remind(at)
        staff.send()
        staff.send()

    assert len(staff.office.mails) == 1


def test_the_database_refuses_a_second_notice_of_a_reminder_to_an_address(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY)
    [first] = staff.notices()

    with staff.town.database.write() as session:
        session.add(Notice(**first.model_dump(exclude={"id"})))
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()


def test_a_worker_that_dies_while_sending_leaves_a_notice_that_nobody_sends_again(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY)
    held = claim(staff)
    assert held is not None  # and now the machine stops

    assert staff.send(staff.town.clock.at + timedelta(seconds=119)) == 0
    assert staff.states() == ["sending"]
    assert staff.send(staff.town.clock.at + 2 * LEASE) == 0

    assert staff.states() == ["unknown"]
    assert staff.office.mails == []
    assert "osäkert" in staff.notices()[0].reason


def claim(staff: Staff) -> claims.Letter | None:
    with staff.town.database.write() as session:
        return claims.claim(session, staff.catalog, now=staff.town.clock.at)


def test_two_workers_never_hold_the_same_notice(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY)

    assert claim(staff) is not None
    assert claim(staff) is None


def test_the_result_of_a_worker_that_was_too_late_is_dropped(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY)
    held = claim(staff)
    assert held is not None
    later = staff.town.clock.at + LEASE + timedelta(seconds=1)
    staff.send(later)

    with staff.town.database.write() as session:
        kept = claims.settle(session, held, NoticeState.QUEUED, now=later)

    assert kept == 0
    assert staff.states() == ["unknown"]


def test_a_clock_set_back_leaves_no_notice_held_for_ever(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY)
    claim(staff)
    staff.send("Mon 2027-04-12 10:00")

    assert staff.states() == ["unknown"]


def test_an_unknown_outcome_is_not_tried_again_and_a_failure_goes_to_the_second_person(staff: Staff) -> None:
    staff.longest = 0.5
    staff.make(Kind.DELIVERY_FAILED, at=WEDNESDAY)
    staff.office.trouble = Trouble.WORKED_SILENTLY
    staff.send()
    staff.send(staff.town.clock.at + timedelta(hours=3))

    assert staff.recipients() == ["sam@aneby.example", "kim@aneby.example"]
    assert staff.states() == ["unknown", "sent"]


def test_an_unknown_outcome_of_a_deadline_is_left_at_that(staff: Staff) -> None:
    staff.longest = 0.5
    staff.make("plan", at=WEDNESDAY)
    staff.office.trouble = Trouble.WORKED_SILENTLY
    staff.send()
    staff.send(staff.town.clock.at + timedelta(hours=3))

    assert staff.recipients() == ["sam@aneby.example"]
    assert staff.states() == ["unknown"]


def test_a_worker_that_dies_over_a_failure_lets_the_second_person_know(staff: Staff) -> None:
    staff.make(Kind.CHANNEL_STOPPED, at=WEDNESDAY)
    claim(staff)
    staff.send(staff.town.clock.at + LEASE + timedelta(seconds=1))

    assert staff.recipients() == ["kim@aneby.example"]
    assert staff.states() == ["unknown", "sent"]


@pytest.mark.parametrize("trouble", [Trouble.BUSY, Trouble.THROTTLED, Trouble.BAD_LOGIN])
def test_what_was_surely_not_sent_is_sent_later_with_the_same_name(staff: Staff, trouble: Trouble) -> None:
    staff.make("plan", at=WEDNESDAY)
    staff.office.trouble = trouble
    staff.send()
    assert (staff.states(), staff.office.mails) == (["queued"], [])

    assert staff.send(staff.town.clock.at + timedelta(seconds=59)) == 0
    staff.send(staff.town.clock.at + timedelta(minutes=40))

    assert staff.states() == ["sent"]
    assert len(staff.office.mails) == 1


def test_tries_come_less_and_less_often(staff: Staff) -> None:
    staff.url = f"smtp://127.0.0.1:{unused_port()}"
    staff.make(Kind.DELIVERY_FAILED, at=WEDNESDAY)
    waits = []
    for _ in range(8):
        staff.send()
        [notice] = staff.notices()
        waits.append((notice.send_at - staff.town.clock.at).total_seconds() / 60)
        staff.town.clock.at = notice.send_at

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_an_address_that_is_refused_is_failed_and_told_of_without_the_address(
    staff: Staff, caplog: pytest.LogCaptureFixture
) -> None:
    staff.make("plan", at=WEDNESDAY)
    staff.office.trouble = Trouble.BAD_POST
    with caplog.at_level(logging.DEBUG):
        staff.send()

    assert staff.states() == ["failed"]
    assert [record.__dict__["action"] for record in caplog.records if "action" in record.__dict__] == ["notice_failed"]
    told = f"{caplog.text} {staff.notices()[0].reason} {staff.notifier()!r}"
    assert not any(secret in told for secret in ("sam@", PASSWORD, LOGIN))


def test_what_the_way_breaks_on_is_unknown_and_its_traceback_is_not_logged(
    staff: Staff, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff.make("plan", at=WEDNESDAY)

    def broken(self: Ways, *_: object, **__: object) -> None:
        raise ZeroDivisionError("sam@aneby.example")

    monkeypatch.setattr(Ways, "send", broken)
    staff.send()

    assert staff.states() == ["unknown"]
    assert "ZeroDivisionError" in caplog.text
    assert "sam@" not in caplog.text


def test_without_a_mail_server_it_waits_and_says_what_is_missing(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY)
    notifier = replace(staff.notifier(), ways=Ways(Environment({})))
    send_due(notifier, staff.catalog)

    assert staff.states() == ["queued"]
    assert "KAMPANJHJUL_SMTP_URL" in staff.notices()[0].reason


def test_nothing_more_is_begun_when_the_worker_stops(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY)

    assert send_due(replace(staff.notifier(), is_stopping=lambda: True), staff.catalog) == 0
    assert staff.states() == ["queued"]


def test_workers_that_look_at_the_same_moment_send_each_notice_once(staff: Staff) -> None:
    staff.employ(*(ReminderRole(f"Nummer {number}", email=f"n{number}@aneby.example") for number in range(12)))
    staff.make("plan", at=WEDNESDAY)
    start = Barrier(4)

    def work() -> int:
        start.wait()
        return staff.send()

    with ThreadPoolExecutor(4) as threads:
        tried = [running.result(timeout=60) for running in [threads.submit(work) for _ in range(4)]]

    assert sum(tried) == 12
    assert sorted(staff.recipients()) == sorted(f"n{number}@aneby.example" for number in range(12))
