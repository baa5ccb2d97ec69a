"""How a municipality's channel is doing: it rests when it fails, stops when its login is refused, and comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from campaigns.catalog import Catalog
from campaigns.channels.base import NotSentError, Outcome, Pace, Receipt, SendError, UnknownOutcomeError
from campaigns.database import Database
from campaigns.errors import NotFoundError
from campaigns.models import AuditEntry, ChannelAccount, Delivery, DeliveryState
from campaigns.sending import accounts
from campaigns.sending.accounts import FIRST_REST, LONGEST_REST, MOST_FAILURES, STOPPED_FOR, Health, Lesson
from campaigns.sending.delivery import send_due
from campaigns.sending.due import due_of_accounts
from tests.fakes import Clock, FakeChannel, Town

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
DUE = datetime(2027, 4, 30, 6, 0, tzinfo=UTC)  # Fri 2027-04-30 08.00 summer time
LAST = datetime(2027, 4, 30, 16, 0, tzinfo=UTC)
KEY = ("aneby", "webb")
BUSY = NotSentError("upptagen just nu.", is_permanent=False)
DEAD = NotSentError("inloggningen godtas inte.", is_permanent=False, stops_channel=True)


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    town.sign(VALBORG)
    return town


def outside(*answers: Receipt | SendError | Exception, **more: object) -> FakeChannel:
    return replace(FakeChannel("webb", is_local=False, answers=list(answers)), **more)  # type: ignore[arg-type]


def run(town: Town, channel: FakeChannel, *, at: datetime) -> int:
    town.clock.at = at
    return send_due(town.sender(channel), town.catalog, local=False)


def delivery(town: Town) -> Delivery:
    return next(item for item in town.deliveries() if item.channel == "webb")


def account(town: Town) -> ChannelAccount:
    with town.database.read() as session:
        return session.get_one(ChannelAccount, KEY)


def log(town: Town) -> list[str]:
    with town.database.read() as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.actor == "arbetaren"))
        return [row.action for row in rows]


def test_one_that_fails_again_and_again_rests_and_one_try_shows_whether_it_is_back(town: Town) -> None:
    webb = outside(*[BUSY] * MOST_FAILURES)
    at = DUE
    for number in range(MOST_FAILURES):
        assert run(town, webb, at=at) == 1
        assert account(town).state == ("working" if number < MOST_FAILURES - 1 else "resting")
        at = delivery(town).next_attempt_at
    rested = account(town).probe_at
    assert rested is not None
    assert log(town) == ["kanalen vilar efter upprepade fel"]

    assert run(town, webb, at=max(rested, at)) == 1

    assert (account(town).state, account(town).failures) == ("working", 0)
    assert delivery(town).state == DeliveryState.PUBLISHED
    assert log(town) == ["kanalen vilar efter upprepade fel", "kanalen fungerar igen"]


@pytest.mark.parametrize(
    ("failures", "rest"),
    [
        (MOST_FAILURES, FIRST_REST),
        (MOST_FAILURES + 1, 2 * FIRST_REST),
        (MOST_FAILURES + 3, 8 * FIRST_REST),
        (MOST_FAILURES + 50, LONGEST_REST),
    ],
)
def test_the_rest_grows_with_the_failures(database: Database, failures: int, rest: timedelta) -> None:
    with database.write() as session:
        accounts.learn(session, [Lesson(KEY, Health.FAILING, "fel", DUE)] * failures)
        row = session.get_one(ChannelAccount, KEY)
        assert (row.state, row.probe_at) == ("resting", DUE + rest)


def test_a_refused_login_stops_the_channel_and_not_the_post(town: Town) -> None:
    webb = outside(DEAD)

    run(town, webb, at=DUE)
    assert (account(town).state, account(town).reason) == ("stopped", "inloggningen godtas inte.")
    assert (delivery(town).state, delivery(town).maybe_sent) == (DeliveryState.QUEUED, False)
    assert log(town) == ["kanalen stoppades"]

    assert run(town, webb, at=DUE + timedelta(minutes=5)) == 0  # more tries could lock the login
    assert delivery(town).next_attempt_at == DUE + STOPPED_FOR
    assert run(town, webb, at=DUE + STOPPED_FOR) == 1
    assert delivery(town).state == DeliveryState.PUBLISHED
    assert account(town).state == "working"


def test_a_person_who_has_put_it_right_need_not_wait(town: Town) -> None:
    webb = outside(DEAD)
    run(town, webb, at=DUE)
    run(town, webb, at=DUE + timedelta(minutes=5))

    with town.database.write() as session:
        accounts.restart(session, *KEY, name="Kim", now=DUE + timedelta(minutes=6))

    assert run(town, webb, at=DUE + timedelta(minutes=6)) == 1
    assert delivery(town).state == DeliveryState.PUBLISHED
    with town.database.write() as session, pytest.raises(NotFoundError, match="är inte stoppad"):
        accounts.restart(session, *KEY, name="Kim", now=DUE)


def test_what_a_stopped_channel_held_up_too_long_is_skipped_with_its_reason(town: Town) -> None:
    webb = outside(*[DEAD] * 100)
    at = DUE
    while at <= LAST + timedelta(hours=1):
        run(town, webb, at=at)
        at += timedelta(minutes=7)

    row = delivery(town)
    assert row.state == DeliveryState.SKIPPED
    assert "inloggningen godtas inte" in row.reason
    assert all(shipment.due_at <= LAST for shipment in webb.sent)


def test_a_channel_that_is_not_working_gets_one_try_at_a_time(database: Database, catalog: Catalog) -> None:
    town = Town(database, catalog, Clock())
    town.plan()
    for audience in ("foraldrar", "syskon", "unga-vuxna"):
        town.sign(VALBORG.replace("foraldrar", audience))
    webb = outside(DEAD, DEAD)

    assert run(town, webb, at=DUE) == 1  # the rest of its batch is given back
    assert run(town, webb, at=DUE + STOPPED_FOR) == 1
    assert [item.attempts for item in town.deliveries() if item.channel == "webb"] == [2, 0, 0]
    assert run(town, webb, at=DUE + 2 * STOPPED_FOR + timedelta(minutes=1)) == 3


def test_a_throttled_channel_is_left_alone_as_long_as_it_asks(town: Town) -> None:
    wait = timedelta(minutes=20)
    webb = outside(NotSentError("upptagen.", is_permanent=False, retry_after=wait))

    run(town, webb, at=DUE)
    assert account(town).state == "working"
    assert run(town, webb, at=DUE + wait - timedelta(seconds=1)) == 0
    assert run(town, webb, at=DUE + wait + timedelta(seconds=1)) == 1

    assert delivery(town).state == DeliveryState.PUBLISHED


def test_a_channel_is_sent_to_at_its_own_pace(database: Database, catalog: Catalog) -> None:
    town = Town(database, catalog, Clock())
    town.plan()
    for audience in ("foraldrar", "syskon", "unga-vuxna"):
        town.sign(VALBORG.replace("foraldrar", audience))
    webb = outside(pace=Pace(per_minute=6, burst=1))

    sent = []
    for seconds in range(31):
        run(town, webb, at=DUE + timedelta(seconds=seconds))
        sent.append(len(webb.sent))

    assert [sent[0], sent[9], sent[10], sent[19], sent[20], sent[30]] == [1, 1, 2, 2, 3, 3]


def test_a_channel_that_can_find_looks_after_a_while_and_one_that_cannot_asks_a_person(town: Town) -> None:
    lost = UnknownOutcomeError("svarade inte i tid.")
    webb = outside(lost, Receipt(Outcome.PUBLISHED, "42"), is_idempotent=False, can_find=True)

    run(town, webb, at=DUE)
    row = delivery(town)
    assert (row.state, row.maybe_sent) == (DeliveryState.QUEUED, True)
    assert row.next_attempt_at >= DUE + timedelta(minutes=2)
    run(town, webb, at=row.next_attempt_at)

    assert webb.sent[1].maybe_sent
    assert (delivery(town).state, delivery(town).receipt) == (DeliveryState.PUBLISHED, "42")

    skarm = replace(FakeChannel("skarm", is_local=False, is_idempotent=False), answers=[lost])
    run(town, skarm, at=DUE)
    assert next(item for item in town.deliveries() if item.channel == "skarm").state == DeliveryState.UNKNOWN


def test_what_no_look_can_tell_is_a_persons_at_once(town: Town) -> None:
    webb = outside(UnknownOutcomeError("för sent att fråga.", needs_person=True), is_idempotent=False, can_find=True)

    run(town, webb, at=DUE)

    assert (delivery(town).state, delivery(town).maybe_sent) == (DeliveryState.UNKNOWN, True)


def test_what_is_noted_before_the_point_of_no_return_comes_back_in_the_next_try(town: Town) -> None:
    def prepare(shipment: object) -> None:
        if not webb.sent[-1].reference:
            webb.sent[-1].note("utkast 7")

    webb = outside(BUSY)
    webb.on_send = prepare

    run(town, webb, at=DUE)
    assert delivery(town).receipt == "utkast 7"
    run(town, webb, at=delivery(town).next_attempt_at)

    assert [shipment.reference for shipment in webb.sent] == ["", "utkast 7"]


def test_a_worker_that_has_been_taken_over_from_may_not_go_on(town: Town) -> None:
    def late(shipment: object) -> None:
        with town.database.write() as session:
            row = session.get_one(Delivery, delivery(town).id)
            row.token += 1
            session.add(row)
        webb.sent[-1].note("utkast 7")

    webb = outside()
    webb.on_send = late

    run(town, webb, at=DUE)

    assert delivery(town).receipt == ""
    assert delivery(town).state == DeliveryState.SENDING  # whoever took over decides


def test_several_accounts_are_looked_at_at_once_each_in_its_turn(town: Town) -> None:
    known = sorted({(item.municipality, item.channel) for item in town.deliveries()}, reverse=True)
    kinds = sorted({item.kind for item in town.deliveries()})

    with town.database.write() as session:
        all_of_them = due_of_accounts(session, known, kinds=kinds, now=DUE)
        only_one = due_of_accounts(session, [KEY], kinds=kinds, now=DUE)
        session.get_one(Delivery, only_one[0].id).state = DeliveryState.SENDING
        the_others = due_of_accounts(session, known, kinds=kinds, now=DUE)

    assert len(known) > 1
    assert [(row.municipality, row.channel) for row in all_of_them] == known
    assert [(row.municipality, row.channel) for row in only_one] == [KEY]
    assert [(row.municipality, row.channel) for row in the_others] == [key for key in known if key != KEY]
