"""Sending: three outcomes, never twice, never too late, never unapproved."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Party
from campaigns.channels.base import NotSentError, Outcome, Receipt, UnknownOutcomeError
from campaigns.content import Content
from campaigns.database import Database
from campaigns.errors import DatabaseError, RefusedError
from campaigns.models import Approval, Attempt, ContentRow, Delivery, DeliveryState
from campaigns.sending import delivery, outbox, queue
from campaigns.sending.attempts import LONGEST_BACKOFF, backoff
from campaigns.sending.claimed import Result
from campaigns.sending.claims import claim_local
from campaigns.sending.delivery import reap_leases, send_due
from campaigns.sending.leases import LEASE, LOOK_AFTER
from campaigns.sending.outbox import settle
from campaigns.texts import write_text
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
        claim_local(session, catalog, kinds=["webb"], most=10, now=DUE + timedelta(hours=5))

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
        queue.done(session, town.catalog, delivery_id, name="Kim Kommun", url="https://aneby.se/1", now=DUE)
    assert (only(town).state, only(town).url) == (DeliveryState.PUBLISHED, "https://aneby.se/1")

    with pytest.raises(RefusedError), town.database.write() as session:
        queue.done(session, town.catalog, delivery_id, name="Kim Kommun", url="", now=DUE)


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
        [first] = claim_local(session, catalog, kinds=["webb"], most=10, now=DUE).claims
    late = DUE + LEASE + timedelta(seconds=1)
    webb = FakeChannel("webb", is_idempotent=True, is_local=False)
    reap_leases(town.sender(webb), now=late)
    run(town, webb, at=late)
    assert webb.sent == []  # the receiver may still be at work on the first
    late += LOOK_AFTER
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
        claim_local(session, catalog, kinds=["webb"], most=10, now=DUE)
    sender = town.sender(FakeChannel("webb", is_idempotent=is_idempotent, is_local=is_local))

    assert reap_leases(sender, now=DUE + LEASE - timedelta(seconds=1)) == 0
    assert reap_leases(sender, now=DUE + LEASE + timedelta(seconds=1)) == 1

    assert (only(town).state, only(town).maybe_sent) == (state, not is_local)


def test_two_claims_never_hold_the_same_delivery(town: Town, catalog: Catalog) -> None:
    with town.database.write() as session:
        first = claim_local(session, catalog, kinds=["webb", "skarm"], most=10, now=DUE).claims
    with town.database.write() as session:
        second = claim_local(session, catalog, kinds=["webb", "skarm"], most=10, now=DUE).claims

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


# -- texts that change while a version is under way


def rewrite(town: Town, title: str) -> None:
    post = town.post(VALBORG)
    with town.database.write() as session:
        write_text(
            session,
            town.catalog,
            post.id or 0,
            language="sv",
            channel="",
            source=f'+++\ntitle = "{title}"\nshort = "Ny text."\n+++\nPrata om valborg.\n',
            author="Kim Kommun",
            now=town.clock.at,
        )


def titles(channel: FakeChannel) -> list[str]:
    return [Content.from_bytes(shipment.payload).title for shipment in channel.sent]


def test_a_retry_after_a_new_text_sends_the_new_text(town: Town, catalog: Catalog) -> None:
    webb = FakeChannel("webb", is_local=False, answers=[NotSentError("Nej.", is_permanent=True)])
    run(town, webb, at=DUE)
    failed = only(town)
    assert failed.state == DeliveryState.FAILED
    rewrite(town, "Ny rubrik")

    with pytest.raises(RefusedError, match="godkänna den nya"), town.database.write() as session:
        queue.retry(session, catalog, failed.id or 0, name="Kim Kommun", now=DUE)
    town.sign(VALBORG)
    run(town, webb, at=DUE + timedelta(minutes=1))
    with pytest.raises(RefusedError), town.database.write() as session:
        queue.retry(session, catalog, only(town).id or 0, name="Kim", now=DUE + timedelta(days=9))
    run(town, webb, at=DUE + timedelta(minutes=2))

    assert titles(webb)[1:] == ["Ny rubrik"]


def test_an_unknown_old_version_that_did_not_go_out_is_replaced_by_the_new(town: Town, catalog: Catalog) -> None:
    webb = FakeChannel("webb", is_idempotent=False, is_local=False, answers=[UnknownOutcomeError("Inget svar.")])
    run(town, webb, at=DUE)
    rewrite(town, "Ny rubrik")
    town.sign(VALBORG)
    run(town, webb, at=DUE + timedelta(minutes=1))
    assert len(webb.sent) == 1  # it may have gone out: a person must say

    with town.database.write() as session:
        queue.retry(session, catalog, only(town).id or 0, name="Kim", now=DUE + timedelta(minutes=2))
    run(town, webb, at=DUE + timedelta(minutes=2))

    assert titles(webb)[1:] == ["Ny rubrik"]


@pytest.mark.parametrize("is_permanent", [True, False])
def test_a_version_that_comes_back_after_a_new_one_was_signed_gives_way(town: Town, is_permanent: bool) -> None:
    def change_text(shipment: object) -> None:
        webb.on_send = lambda shipment: None
        rewrite(town, "Ny rubrik")
        town.sign(VALBORG)

    answer = NotSentError("Kanalen är upptagen.", is_permanent=is_permanent)
    webb = FakeChannel("webb", is_local=False, answers=[answer], on_send=change_text)

    run(town, webb, at=DUE)
    run(town, webb, at=DUE + timedelta(hours=1))

    assert titles(webb)[1:] == ["Ny rubrik"]
    published = [item for item in town.deliveries() if item.channel == "webb" and item.state == "published"]
    assert len(published) == 1


def test_a_task_with_an_old_text_is_taken_back_and_made_anew(town: Town) -> None:
    webb = FakeChannel("webb", answers=[Receipt(Outcome.MANUAL), Receipt(Outcome.MANUAL)])
    run(town, webb, at=DUE)
    rewrite(town, "Ny rubrik")
    assert only(town).state == DeliveryState.STOPPED

    town.sign(VALBORG)
    run(town, webb, at=DUE + timedelta(minutes=1))

    tasks = [item for item in town.deliveries() if item.channel == "webb"]
    assert [item.state for item in tasks] == [DeliveryState.STOPPED, DeliveryState.MANUAL]
    assert titles(webb)[-1] == "Ny rubrik"


def test_what_was_stopped_for_want_of_a_signature_goes_out_when_it_comes(town: Town, catalog: Catalog) -> None:
    aneby = catalog.municipality("aneby")
    three = replace(aneby, parties=(*aneby.parties, Party("skola", "Skolan")))
    town.catalog = replace(catalog, municipalities={"aneby": three})
    webb = FakeChannel("webb")
    run(town, webb, at=DUE)
    assert (only(town).state, town.post(VALBORG).state) == (DeliveryState.STOPPED, "draft")

    assert town.approve(VALBORG, "skola", "Rut Rektor").queued == 1
    run(town, webb, at=DUE + timedelta(minutes=1))

    assert only(town).state == DeliveryState.PUBLISHED


def test_a_municipality_that_is_not_configured_here_is_left_alone(town: Town, catalog: Catalog) -> None:
    webb = FakeChannel("webb")
    town.catalog = replace(catalog, municipalities={})
    assert run(town, webb, at=DUE) == 0
    assert only(town).state == DeliveryState.QUEUED

    town.catalog = catalog
    assert run(town, webb, at=DUE + timedelta(minutes=1)) == 1


# -- a long backlog


def backlog(town: Town) -> None:
    for audience in ("syskon", "unga-vuxna"):
        town.sign(f"valborg/2027/valborg/paminnelse/{audience}")


def test_a_slow_backlog_never_outlives_its_leases(town: Town) -> None:
    """Each send takes 50 seconds; the reaper looks during each; nothing is sent twice or lost."""
    backlog(town)

    def slow(shipment: object) -> None:
        town.clock.at += timedelta(seconds=50)
        assert reap_leases(sender, now=town.clock.at) == 0

    webb = FakeChannel("webb", is_idempotent=False, is_local=False, on_send=slow)
    skarm = FakeChannel("skarm", is_idempotent=False, is_local=False, on_send=slow)
    sender = town.sender(webb, skarm)
    town.clock.at = DUE
    send_due(sender, town.catalog, local=False)

    assert len(webb.sent) == len(skarm.sent) == 3
    assert {item.state for item in town.deliveries()} == {DeliveryState.PUBLISHED}


def test_a_backlog_stops_at_its_last_time(town: Town) -> None:
    backlog(town)

    def slow(shipment: object) -> None:
        town.clock.at += timedelta(hours=6)

    webb = FakeChannel("webb", is_local=False, on_send=slow)
    run(town, webb, at=DUE)  # 08.00; the last time is 18.00

    states = sorted(item.state for item in town.deliveries() if item.channel == "webb")
    assert (len(webb.sent), states) == (2, ["published", "published", "skipped"])


def test_results_that_could_not_be_written_at_once_are_written_later(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = outbox.settle
    failures = [DatabaseError("Databasen är låst."), DatabaseError("Databasen är låst.")]

    def locked(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return real(*arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(delivery, "settle", locked)
    monkeypatch.setattr("campaigns.sending.delivery.time.sleep", lambda seconds: None)
    run(town, FakeChannel("webb", is_idempotent=False, is_local=False), at=DUE)

    assert only(town).state == DeliveryState.PUBLISHED


def test_a_try_that_nobody_came_back_from_is_told_of(town: Town, catalog: Catalog) -> None:
    with town.database.write() as session:
        claim_local(session, catalog, kinds=["webb"], most=10, now=DUE)

    reap_leases(town.sender(FakeChannel("webb")), now=DUE + LEASE + timedelta(seconds=1))
    run(town, FakeChannel("webb"), at=DUE + timedelta(minutes=10))

    with town.database.read() as session:
        rows = session.exec(select(Attempt).order_by(col(Attempt.id))).all()
    assert [(row.number, row.outcome) for row in rows] == [(1, "interrupted"), (2, "published")]
    assert (rows[0].started_at, rows[0].finished_at) == (DUE, DUE + LEASE + timedelta(seconds=1))


def test_a_batch_that_takes_longer_than_its_last_time_is_not_sent_to_the_end(
    database: Database, catalog: Catalog
) -> None:
    town = Town(database, catalog, Clock())
    town.plan()
    for audience in ("foraldrar", "syskon", "unga-vuxna"):
        town.sign(VALBORG.replace("foraldrar", audience))
    skarm = FakeChannel("skarm", is_local=False)

    def slow(_: object) -> None:
        town.clock.at = LAST + timedelta(seconds=1)

    skarm.on_send = slow

    assert run(town, skarm, at=LAST) == 1
    assert sorted(item.state for item in town.deliveries() if item.channel == "skarm") == [
        "published",
        "skipped",
        "skipped",
    ]


def test_what_was_prepared_too_slowly_is_not_published(town: Town) -> None:
    def slow(_: object) -> None:
        town.clock.at = LAST + timedelta(seconds=1)
        skarm.sent[-1].note("utkast 7")

    skarm = FakeChannel("skarm", is_local=False)
    skarm.on_send = slow

    run(town, skarm, at=LAST)

    assert only(town, "skarm").state == DeliveryState.SKIPPED
    assert only(town, "skarm").receipt == ""


def test_an_answer_that_no_database_takes_is_written_without_what_it_does_not_take(town: Town) -> None:
    poison = Receipt(Outcome.PUBLISHED, reference="\ud800\0x", url="https://x.se/\ud800\0")

    run(town, FakeChannel("webb", is_local=False, answers=[poison]), FakeChannel("skarm", is_local=False), at=DUE)

    assert {item.state for item in town.deliveries() if item.kind in ("webb", "skarm")} == {"published"}
    assert only(town).url == "https://x.se/?"


def test_one_result_that_cannot_be_written_takes_no_other_with_it(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(session: Session, catalog: Catalog, results: Sequence[Result]) -> list[Result]:
        if any(result.claim.channel == "skarm" for result in results):
            raise ValueError("går inte att skriva")
        return settle(session, catalog, results)

    monkeypatch.setattr("campaigns.sending.delivery.settle", breaks)
    with ThreadPoolExecutor(4) as pool:
        town.clock.at = DUE
        channels = [FakeChannel(kind, is_local=False) for kind in ("webb", "skarm")]
        send_due(replace(town.sender(*channels), pool=pool, threads=4), town.catalog, local=False)

    assert (only(town).state, only(town, "skarm").state) == (DeliveryState.PUBLISHED, DeliveryState.SENDING)
    assert [record.__dict__["action"] for record in caplog.records] == ["settle_broke"]


@pytest.mark.parametrize("error", [DatabaseError("Databasen är upptagen."), ValueError("trasigt")])
def test_what_cannot_be_prepared_has_not_left_and_is_tried_again(
    town: Town, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise error

    webb = FakeChannel("webb", is_local=False)
    with monkeypatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr("campaigns.pictures.of_payload", breaks)
        town.clock.at = DUE
        send_due(replace(town.sender(webb), pool=pool, threads=2), town.catalog, local=False)

    assert (webb.sent, only(town).state, only(town).maybe_sent) == ([], DeliveryState.QUEUED, False)
    run(town, webb, at=only(town).next_attempt_at)
    assert only(town).state == DeliveryState.PUBLISHED
