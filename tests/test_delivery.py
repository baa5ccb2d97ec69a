"""Sending: three outcomes, never twice, never too late, never unapproved."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from campaigns import queue
from campaigns.catalog import Catalog
from campaigns.channels.base import NotSentError, Outcome, Receipt, UnknownOutcomeError
from campaigns.content import Content
from campaigns.database import Database
from campaigns.delivery import LONGEST_BACKOFF, backoff, reap_leases, send_due
from campaigns.errors import RefusedError
from campaigns.models import Approval, Attempt, ContentRow, Delivery, DeliveryState
from campaigns.outbox import LEASE, Result, claim, settle
from tests.fakes import Clock, FakeChannel, Town

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
DUE = datetime(2027, 4, 30, 6, 0, tzinfo=UTC)  # Fri 2027-04-30 08.00 summer time
LAST = datetime(2027, 4, 30, 16, 0, tzinfo=UTC)


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    """The valborg reminder is signed and waits for its hour, in `webb` and `skarm`."""
    town = Town(database, catalog, Clock())
    town.plan()
    town.sign(VALBORG)
    return town


def run(town: Town, *channels: FakeChannel, at: datetime) -> int:
    town.clock.at = at
    sender = town.sender(*channels)
    return sum(send_due(sender, town.catalog, local=local) for local in (True, False))


def only(town: Town, channel: str = "webb") -> Delivery:
    return next(item for item in town.deliveries() if item.channel == channel)


def test_a_delivery_waits_for_its_minute_and_goes_out_once(town: Town) -> None:
    webb = FakeChannel("webb")

    assert run(town, webb, at=DUE - timedelta(seconds=1)) == 0
    assert run(town, webb, at=DUE) == 1
    assert run(town, webb, at=DUE + timedelta(minutes=1)) == 0

    assert len(webb.sent) == 1
    assert (only(town).state, only(town).published_at) == (DeliveryState.PUBLISHED, DUE)


def test_what_is_sent_is_the_very_bytes_that_were_signed(town: Town) -> None:
    webb = FakeChannel("webb")
    with town.database.read() as session:
        row = session.exec(select(ContentRow).where(ContentRow.channel == "webb")).one()

    run(town, webb, at=DUE)

    assert webb.sent[0].payload == row.payload
    assert "valborg" in Content.from_bytes(webb.sent[0].payload).body.lower()


def test_bytes_that_are_not_the_signed_ones_are_never_sent(town: Town) -> None:
    webb = FakeChannel("webb")
    with town.database.write() as session:
        row = session.exec(select(ContentRow).where(ContentRow.channel == "webb")).one()
        row.payload += b" "
        session.add(row)

    run(town, webb, at=DUE)

    assert webb.sent == []
    assert (only(town).state, only(town).reason) == (DeliveryState.STOPPED, "Innehållet är inte det som godkändes.")


def test_a_voided_signature_stops_the_delivery_in_the_claim_itself(town: Town) -> None:
    webb = FakeChannel("webb")
    with town.database.write() as session:
        approval = session.exec(select(Approval).where(Approval.party == "polis")).one()
        approval.voided_at = DUE
        session.add(approval)

    run(town, webb, at=DUE)

    assert webb.sent == []
    assert only(town).state == DeliveryState.STOPPED
    assert "Lokalpolisområde Höglandet" in only(town).reason


def test_what_is_too_late_is_skipped_visibly(town: Town) -> None:
    webb = FakeChannel("webb")

    run(town, webb, at=LAST + timedelta(seconds=1))

    assert webb.sent == []
    assert only(town).state == DeliveryState.SKIPPED
    assert "Senaste tiden" in only(town).reason


def test_the_last_second_is_in_time(town: Town) -> None:
    webb = FakeChannel("webb")
    run(town, webb, at=LAST)
    assert only(town).state == DeliveryState.PUBLISHED


def test_a_worker_that_was_down_does_not_wake_people_when_it_comes_back(database: Database, catalog: Catalog) -> None:
    town = Town(database, catalog, Clock())
    town.plan()
    town.sign("valborg/2027/valborg/veckan/foraldrar")  # due Fri 2027-04-23 16.30, last Sun 2027-04-25 20.00
    webb = FakeChannel("webb")

    assert run(town, webb, at=datetime(2027, 4, 23, 20, 0, tzinfo=UTC)) == 0  # 22.00: quiet
    assert only(town).next_attempt_at == datetime(2027, 4, 24, 5, 0, tzinfo=UTC)
    assert run(town, webb, at=datetime(2027, 4, 24, 5, 0, tzinfo=UTC)) == 1  # 07.00

    assert only(town).state == DeliveryState.PUBLISHED


def test_what_would_be_too_late_when_the_quiet_hours_end_is_skipped_now(town: Town) -> None:
    with town.database.write() as session:
        delivery = session.get_one(Delivery, only(town).id)
        delivery.not_after = datetime(2027, 5, 1, 3, 0, tzinfo=UTC)  # Sat 2027-05-01 05.00: still quiet
        session.add(delivery)

    run(town, FakeChannel("webb"), at=datetime(2027, 4, 30, 19, 30, tzinfo=UTC))  # Fri 21.30

    assert only(town).state == DeliveryState.SKIPPED


def test_a_lease_from_before_the_clock_was_set_back_is_taken_back(town: Town, catalog: Catalog) -> None:
    with town.database.write() as session:
        claim(session, catalog, kinds=["webb"], most=10, now=DUE + timedelta(hours=5))

    assert reap_leases(town.sender(FakeChannel("webb")), now=DUE) == 1


def test_refused_for_now_is_tried_again_later_with_the_same_key(town: Town) -> None:
    answer = NotSentError("Kanalen är upptagen.", is_permanent=False, retry_after=timedelta(minutes=10))
    webb = FakeChannel("webb", is_local=False, answers=[answer])

    run(town, webb, at=DUE)
    assert only(town).state == DeliveryState.QUEUED
    assert only(town).next_attempt_at == DUE + timedelta(minutes=10)
    assert run(town, webb, at=DUE + timedelta(minutes=9)) == 0
    run(town, webb, at=DUE + timedelta(minutes=10))

    assert only(town).state == DeliveryState.PUBLISHED
    assert webb.keys()[0] == webb.keys()[1]
    with town.database.read() as session:
        tries = queue.attempts_of(session, only(town).id or 0)
    assert [(item.number, item.outcome) for item in tries] == [(1, "queued"), (2, "published")]


def test_refused_for_good_fails_with_its_reason(town: Town) -> None:
    webb = FakeChannel("webb", answers=[NotSentError("Texten är för lång.", is_permanent=True)])
    run(town, webb, at=DUE)
    assert (only(town).state, only(town).reason) == (DeliveryState.FAILED, "Texten är för lång.")


def test_an_unknown_outcome_is_never_repeated_blindly(town: Town) -> None:
    webb = FakeChannel("webb", is_idempotent=False, is_local=False, answers=[UnknownOutcomeError("Inget svar.")])

    run(town, webb, at=DUE)
    run(town, webb, at=DUE + timedelta(hours=1))

    assert len(webb.sent) == 1
    assert (only(town).state, only(town).maybe_sent) == (DeliveryState.UNKNOWN, True)


def test_an_unknown_outcome_is_repeated_where_the_receiver_drops_doubles(town: Town) -> None:
    webb = FakeChannel("webb", is_idempotent=True, is_local=False, answers=[UnknownOutcomeError("Inget svar.")])

    run(town, webb, at=DUE)
    run(town, webb, at=DUE + timedelta(minutes=5))

    assert len(set(webb.keys())) == 1
    assert len(webb.sent) == 2
    assert only(town).state == DeliveryState.PUBLISHED


def test_repeats_that_run_out_of_time_end_as_unknown_not_as_skipped(town: Town) -> None:
    webb = FakeChannel("webb", is_local=False, answers=[UnknownOutcomeError("Inget svar.")])

    run(town, webb, at=LAST - timedelta(seconds=5))

    assert only(town).state == DeliveryState.UNKNOWN


def test_a_retry_that_would_be_too_late_is_skipped_now(town: Town) -> None:
    answer = NotSentError("Kanalen är upptagen.", is_permanent=False, retry_after=timedelta(hours=20))
    webb = FakeChannel("webb", is_local=False, answers=[answer])

    run(town, webb, at=DUE)

    assert only(town).state == DeliveryState.SKIPPED
    assert "Kanalen är upptagen." in only(town).reason


def test_a_channel_that_breaks_leaves_the_outcome_unknown_and_the_others_go_out(town: Town) -> None:
    webb = FakeChannel("webb", is_idempotent=False, is_local=False, answers=[ZeroDivisionError("bug")])
    skarm = FakeChannel("skarm")

    run(town, webb, skarm, at=DUE)

    assert town.states() == {"webb": DeliveryState.UNKNOWN, "skarm": DeliveryState.PUBLISHED}


def test_a_task_for_a_person_is_done_by_a_person(town: Town) -> None:
    webb = FakeChannel("webb", answers=[Receipt(Outcome.MANUAL)])
    run(town, webb, at=DUE)
    delivery_id = only(town).id or 0
    assert only(town).state == DeliveryState.MANUAL

    with town.database.write() as session:
        queue.done(session, delivery_id, name="Kim Kommun", url="https://aneby.se/1", now=DUE)
    assert (only(town).state, only(town).url) == (DeliveryState.PUBLISHED, "https://aneby.se/1")

    with pytest.raises(RefusedError), town.database.write() as session:
        queue.done(session, delivery_id, name="Kim Kommun", url="", now=DUE)


def test_an_unknown_delivery_is_settled_by_a_person(town: Town, catalog: Catalog) -> None:
    webb = FakeChannel("webb", is_idempotent=False, is_local=False, answers=[UnknownOutcomeError("Inget svar.")])
    run(town, webb, at=DUE)

    with town.database.write() as session:
        queue.retry(session, catalog, only(town).id or 0, name="Kim Kommun", now=DUE + timedelta(minutes=5))
    run(town, webb, at=DUE + timedelta(minutes=5))

    assert only(town).state == DeliveryState.PUBLISHED


def test_a_retry_after_the_last_time_is_refused(town: Town, catalog: Catalog) -> None:
    webb = FakeChannel("webb", answers=[NotSentError("Nej.", is_permanent=True)])
    run(town, webb, at=DUE)
    with pytest.raises(RefusedError, match="för sent"), town.database.write() as session:
        queue.retry(session, catalog, only(town).id or 0, name="Kim Kommun", now=LAST + timedelta(minutes=1))


def test_a_late_workers_result_is_dropped(town: Town, catalog: Catalog) -> None:
    """Worker one takes the delivery and stalls; its lease runs out; worker two takes over and publishes."""
    with town.database.write() as session:
        [first] = claim(session, catalog, kinds=["webb"], most=10, now=DUE)
    late = DUE + LEASE + timedelta(seconds=1)
    webb = FakeChannel("webb", is_idempotent=True, is_local=False)
    reap_leases(town.sender(webb), now=late)
    run(town, webb, at=late)
    assert only(town).state == DeliveryState.PUBLISHED

    with town.database.write() as session:
        dropped = settle(session, catalog, [Result(first, DeliveryState.FAILED, finished_at=late, started_at=DUE)])

    assert [item.claim.delivery_id for item in dropped] == [first.delivery_id]
    assert only(town).state == DeliveryState.PUBLISHED


@pytest.mark.parametrize(
    ("is_idempotent", "is_local", "state"),
    [(True, True, "queued"), (True, False, "queued"), (False, False, "unknown")],
)
def test_a_dead_workers_delivery_is_taken_back(
    town: Town, catalog: Catalog, is_idempotent: bool, is_local: bool, state: str
) -> None:
    with town.database.write() as session:
        claim(session, catalog, kinds=["webb"], most=10, now=DUE)
    sender = town.sender(FakeChannel("webb", is_idempotent=is_idempotent, is_local=is_local))

    assert reap_leases(sender, now=DUE + LEASE - timedelta(seconds=1)) == 0
    assert reap_leases(sender, now=DUE + LEASE + timedelta(seconds=1)) == 1

    assert (only(town).state, only(town).maybe_sent) == (state, not is_local)


def test_two_claims_never_hold_the_same_delivery(town: Town, catalog: Catalog) -> None:
    with town.database.write() as session:
        first = claim(session, catalog, kinds=["webb", "skarm"], most=10, now=DUE)
    with town.database.write() as session:
        second = claim(session, catalog, kinds=["webb", "skarm"], most=10, now=DUE)

    assert len(first) == 2
    assert second == []


def test_backoff_doubles_with_jitter_and_has_a_roof() -> None:
    chance = random.Random(7)
    for attempt, longest in [(1, 30), (2, 60), (3, 120), (5, 480)]:
        waits = [backoff(attempt, chance=chance).total_seconds() for _ in range(50)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
    assert backoff(1000, chance=chance) <= LONGEST_BACKOFF


def test_every_try_is_kept(town: Town) -> None:
    run(town, FakeChannel("webb"), FakeChannel("skarm"), at=DUE)
    with town.database.read() as session:
        assert len(session.exec(select(Attempt)).all()) == 2
