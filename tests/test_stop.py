"""What a person chooses for one delivery: stop, choose again, tell what became of it; never twice, never too late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from campaigns import approval
from campaigns.catalog import Catalog, Municipality
from campaigns.channels.base import NotSentError, Outcome, Receipt, UnknownOutcomeError
from campaigns.database import Database
from campaigns.enqueue import NEVER, REGRET
from campaigns.errors import KampanjhjulError, NotFoundError, RefusedError
from campaigns.models import AuditEntry, Delivery, DeliveryState, Post
from campaigns.sending import choices, pauses
from campaigns.sending.claims import claim_local
from campaigns.sending.delivery import send_due
from tests.builders import make_municipality
from tests.fakes import Clock, FakeChannel, Town

pytestmark = pytest.mark.pages

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
DUE = datetime(2027, 4, 30, 6, 0, tzinfo=UTC)  # Fri 2027-04-30 08.00 summer time
LAST = datetime(2027, 4, 30, 16, 0, tzinfo=UTC)
BEFORE = DUE - timedelta(hours=1)
LOST = UnknownOutcomeError("Kanalen svarade inte.")


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    """The valborg reminder is signed and waits for its hour, in `webb` (outside, here) and `skarm`."""
    town = Town(database, catalog, Clock(BEFORE))
    town.plan()
    town.sign(VALBORG)
    return town


def aneby(town: Town) -> Municipality:
    return town.catalog.municipality("aneby")


def only(town: Town, channel: str = "webb") -> Delivery:
    return next(item for item in town.deliveries() if item.channel == channel)


def number(town: Town, channel: str = "webb") -> int:
    return only(town, channel).id or 0


def run(town: Town, *, at: datetime, webb: FakeChannel | None = None) -> FakeChannel:
    town.clock.at = at
    webb = webb or FakeChannel("webb", is_local=False, is_idempotent=False)
    sender = town.sender(webb, FakeChannel("skarm"))
    for local in (True, False):
        send_due(sender, town.catalog, local=local)
    return webb


def stop(town: Town, channel: str = "webb", *, at: datetime = BEFORE) -> Delivery:
    with town.database.write() as session:
        return choices.stop(session, aneby(town), number(town, channel), name="Kim Kommun", now=at)


def choose(town: Town, *, at: datetime | None = None, now: datetime = BEFORE, channel: str = "webb") -> Delivery:
    with town.database.write() as session:
        return choices.choose_again(
            session, town.catalog, aneby(town), number(town, channel), at=at, name="Kim Kommun", now=now
        )


def pause(town: Town, *, at: datetime = BEFORE) -> None:
    with town.database.write() as session:
        pauses.pause(
            session, town.catalog, municipality="aneby", channel="", reason="Olycka i Aneby", name="Kim", now=at
        )


def resume(town: Town, *, at: datetime) -> None:
    with town.database.write() as session:
        pauses.resume(session, town.catalog, municipality="aneby", channel="", name="Kim", now=at)


def acts_in_log(town: Town) -> list[tuple[str, str]]:
    with town.database.read() as session:
        rows = session.exec(select(AuditEntry).order_by(col(AuditEntry.id))).all()
    return [(row.actor, row.action) for row in rows if row.subject == only(town).key]


def test_what_is_stopped_before_it_is_begun_does_not_go_out(town: Town) -> None:
    stopped = stop(town)

    webb = run(town, at=DUE)

    assert (stopped.state, stopped.reason) == (DeliveryState.STOPPED, "Stoppad av Kim Kommun.")
    assert webb.sent == []
    assert only(town, "skarm").state == DeliveryState.PUBLISHED
    assert acts_in_log(town) == [("Kim Kommun", "stoppade")]


def test_no_later_signature_brings_back_what_a_person_has_stopped(town: Town) -> None:
    stop(town)

    town.sign(VALBORG)

    assert only(town).state == DeliveryState.STOPPED
    assert run(town, at=DUE).sent == []


def test_what_another_rule_stopped_still_comes_back_with_the_missing_signature(town: Town) -> None:
    with town.database.write() as session:
        row = session.get_one(Delivery, number(town))
        row.state = DeliveryState.STOPPED
        session.add(row)

    town.sign(VALBORG)

    assert only(town).state == DeliveryState.QUEUED


def test_what_is_being_sent_is_not_said_to_be_stopped(town: Town) -> None:
    with town.database.write() as session:
        claim_local(session, town.catalog, kinds=["webb"], most=10, now=DUE)

    with pytest.raises(RefusedError, match="skickas just nu och går inte att stoppa"):
        stop(town, at=DUE)

    assert only(town).state == DeliveryState.SENDING


def test_what_may_have_gone_out_already_becomes_uncertain_and_not_stopped(town: Town) -> None:
    webb = FakeChannel("webb", is_local=False, is_idempotent=False, can_find=True, answers=[LOST])
    run(town, at=DUE, webb=webb)
    assert only(town).state == DeliveryState.QUEUED

    stopped = stop(town, at=DUE + timedelta(seconds=1))

    assert stopped.state == DeliveryState.UNKNOWN
    assert stopped.reason == "Stoppad av Kim Kommun, men ett tidigare försök kan ha nått kanalen. Kontrollera där."


@pytest.mark.parametrize("is_again", [True, False])
def test_what_is_over_is_not_stopped_and_says_so(town: Town, is_again: bool) -> None:
    if is_again:
        stop(town)
    else:
        run(town, at=DUE)

    with pytest.raises(RefusedError, match="inget att stoppa" if is_again else "redan gått ut"):
        stop(town, at=DUE)


def tasked(town: Town) -> str:
    """A channel that hands over to people, and whose task stands since DUE."""
    town.clock.at = DUE
    send_due(town.sender(FakeChannel("skarm", answers=[Receipt(Outcome.MANUAL)])), town.catalog, local=True)
    return "skarm"


def test_a_task_that_is_not_to_be_done_is_stopped(town: Town) -> None:
    assert stop(town, tasked(town), at=DUE).state == DeliveryState.STOPPED


def test_a_task_that_was_marked_by_mistake_is_a_task_again(town: Town) -> None:
    channel = tasked(town)
    done = did_go_out(town, channel=channel)

    with town.database.write() as session:
        undone = choices.undo_done(session, aneby(town), done.id or 0, name="Kim", now=DUE)

    assert (done.state, undone.state, undone.maybe_sent) == (DeliveryState.PUBLISHED, DeliveryState.MANUAL, False)


Choice = Callable[[Town, Municipality, int], object]


def _stop(town: Town, of: Municipality, item: int) -> object:
    with town.database.write() as session:
        return choices.stop(session, of, item, name="Kim", now=BEFORE)


def _put_back(town: Town, of: Municipality, item: int) -> object:
    with town.database.write() as session:
        return choices.put_back(session, town.catalog, of, item, name="Kim", now=BEFORE)


def _choose(town: Town, of: Municipality, item: int) -> object:
    with town.database.write() as session:
        return choices.choose_again(session, town.catalog, of, item, at=None, name="Kim", now=BEFORE)


def _did(town: Town, of: Municipality, item: int) -> object:
    with town.database.write() as session:
        return choices.did_go_out(session, town.catalog, of, item, url="", name="Kim", now=BEFORE)


def _again(town: Town, of: Municipality, item: int) -> object:
    with town.database.write() as session:
        return choices.try_again(session, town.catalog, of, item, name="Kim", now=BEFORE)


def _undo(town: Town, of: Municipality, item: int) -> object:
    with town.database.write() as session:
        return choices.undo_done(session, of, item, name="Kim", now=BEFORE)


def _take_back(town: Town, of: Municipality, item: int) -> object:
    with town.database.write() as session:
        return choices.take_back(session, of, item, reason="Fel", name="Kim", now=BEFORE)


def _correct(town: Town, of: Municipality, item: int) -> object:
    with town.database.write() as session:
        return choices.correct(session, of, item, reason="Fel", name="Kim", now=BEFORE)


def _pass(town: Town, of: Municipality, item: int) -> object:
    with town.database.write() as session:
        return choices.let_post_pass(session, of, item, passes=True, reason="Kris", name="Kim", now=BEFORE)


@pytest.mark.parametrize(
    "choice",
    [_stop, _put_back, _choose, _did, _again, _undo, _take_back, _correct, _pass],
    ids=lambda item: item.__name__,
)
def test_another_municipalitys_delivery_is_as_one_that_there_is_not(town: Town, choice: Choice) -> None:
    before = town.deliveries()
    told = []
    for of, item in ((make_municipality("eksjo"), number(town)), (aneby(town), 10**25), (aneby(town), 987_654)):
        with pytest.raises(NotFoundError) as error:
            choice(town, of, item)
        told.append(error.value.message.replace(str(item), "N"))

    assert len(set(told)) == 1
    assert town.deliveries() == before


def test_what_was_missed_in_a_pause_can_be_chosen_again_for_a_minute_from_now(town: Town) -> None:
    pause(town)
    run(town, at=DUE)
    resume(town, at=DUE + timedelta(minutes=5))
    assert only(town).state == DeliveryState.MISSED
    now = DUE + timedelta(minutes=10)

    chosen = choose(town, now=now)

    assert (chosen.state, chosen.next_attempt_at) == (DeliveryState.QUEUED, now + REGRET)
    assert run(town, at=now + timedelta(seconds=59)).sent == []
    assert len(run(town, at=now + timedelta(seconds=60)).sent) == 1


def test_what_is_sent_now_can_be_taken_back_within_the_minute(town: Town) -> None:
    stop(town)
    choose(town, now=BEFORE)

    stop(town, at=BEFORE + timedelta(seconds=30))

    assert only(town).next_attempt_at == NEVER
    assert run(town, at=DUE).sent == []


def test_it_goes_out_at_the_time_that_was_chosen(town: Town) -> None:
    stop(town)
    wanted = DUE + timedelta(hours=5)

    choose(town, at=wanted)

    assert run(town, at=wanted - timedelta(seconds=1)).sent == []
    assert len(run(town, at=wanted).sent) == 1


def test_putting_back_restores_the_time_it_had(town: Town) -> None:
    stop(town)

    with town.database.write() as session:
        back = choices.put_back(session, town.catalog, aneby(town), number(town), name="Kim", now=BEFORE)

    assert (back.state, back.next_attempt_at) == (DeliveryState.QUEUED, DUE)


@pytest.mark.parametrize(
    ("at", "now", "told"),
    [
        (LAST + timedelta(seconds=1), BEFORE, "måste gå ut senast fre 30 apr 2027 kl. 18.00"),
        (BEFORE, BEFORE, "har redan varit"),
        (datetime(2027, 4, 29, 20, 0, tzinfo=UTC), datetime(2027, 4, 29, 12, 0, tzinfo=UTC), "21 och 07"),
        (None, LAST + timedelta(seconds=1), "för sent"),
    ],
    ids=["after the last time", "in the past", "at night", "too late now"],
)
def test_it_is_never_chosen_for_a_time_that_may_not_be(
    town: Town, at: datetime | None, now: datetime, told: str
) -> None:
    stop(town)

    with pytest.raises(RefusedError, match=told):
        choose(town, at=at, now=now)

    assert only(town).state == DeliveryState.STOPPED


def test_in_the_last_minute_it_goes_at_once(town: Town) -> None:
    stop(town)
    now = LAST - timedelta(seconds=20)

    assert choose(town, now=now).next_attempt_at == now
    assert len(run(town, at=now).sent) == 1


def test_what_was_stopped_is_not_sent_once_a_signature_has_been_taken_back(town: Town) -> None:
    stop(town)
    with town.database.write() as session:
        approval.reject(
            session,
            town.catalog,
            town.post(VALBORG).id or 0,
            party="polis",
            name="Pia Polis",
            reason="Fel",
            now=BEFORE,
        )

    with pytest.raises(RefusedError, match="inte godkänt"):
        choose(town)


def test_bytes_that_are_not_the_signed_ones_cannot_be_chosen(town: Town) -> None:
    stop(town)
    with town.database.write() as session:
        post = session.get_one(Post, town.post(VALBORG).id)
        post.digest = "0" * 64
        session.add(post)

    with pytest.raises(RefusedError, match="inte det som godkändes"):
        choose(town)


def test_during_a_pause_nothing_is_chosen_for_now_but_a_later_time_can_be(town: Town) -> None:
    stop(town)
    pause(town)

    with pytest.raises(RefusedError, match="pausat just nu: Olycka i Aneby"):
        choose(town)
    assert choose(town, at=DUE + timedelta(hours=2)).state == DeliveryState.QUEUED


def test_a_replayed_form_changes_nothing_more(town: Town) -> None:
    stop(town)
    choose(town)
    before = only(town)

    with pytest.raises(RefusedError, match="läget är ”I kö”"):
        choose(town)

    assert only(town) == before


def uncertain(town: Town) -> Delivery:
    run(town, at=DUE, webb=FakeChannel("webb", is_local=False, is_idempotent=False, answers=[LOST]))
    assert only(town).state == DeliveryState.UNKNOWN
    return only(town)


def did_go_out(town: Town, *, url: str = "", channel: str = "webb") -> Delivery:
    with town.database.write() as session:
        return choices.did_go_out(
            session, town.catalog, aneby(town), number(town, channel), url=url, name="Kim Kommun", now=DUE
        )


def test_an_uncertain_one_that_was_seen_out_is_published_and_can_be_made_uncertain_again(town: Town) -> None:
    uncertain(town)

    done = did_go_out(town, url=" https://www.aneby.se/valborg ")
    with town.database.write() as session:
        undone = choices.undo_done(session, aneby(town), number(town), name="Kim Kommun", now=DUE)

    assert (done.state, done.url) == (DeliveryState.PUBLISHED, "https://www.aneby.se/valborg")
    assert (undone.state, undone.maybe_sent, undone.published_at) == (DeliveryState.UNKNOWN, True, None)
    assert acts_in_log(town) == [
        ("Kim Kommun", "markerade som utskickad"),
        ("Kim Kommun", "ångrade att den var utskickad"),
    ]


def test_what_the_channel_itself_said_cannot_be_undone(town: Town) -> None:
    run(town, at=DUE)

    with pytest.raises(RefusedError, match="ingen har markerat"), town.database.write() as session:
        choices.undo_done(session, aneby(town), number(town), name="Kim", now=DUE)


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "ftp://a.se/x", "//a.se", "https://", "https://a.se/ två", "https://a.se/\0"),
        *("https://[x", "https://a.se/" + "x" * 500),
    ],
)
def test_an_address_that_nobody_should_follow_is_refused(town: Town, url: str) -> None:
    uncertain(town)

    with pytest.raises(RefusedError, match="börja med https://"):
        did_go_out(town, url=url)

    assert only(town).state == DeliveryState.UNKNOWN


def test_an_uncertain_one_that_did_not_go_out_is_sent_a_minute_later_once(town: Town) -> None:
    uncertain(town)

    with town.database.write() as session:
        choices.try_again(session, town.catalog, aneby(town), number(town), name="Kim", now=DUE)

    assert run(town, at=DUE + timedelta(seconds=59)).sent == []
    [sent] = run(town, at=DUE + timedelta(seconds=60)).sent
    assert not sent.maybe_sent
    assert run(town, at=DUE + timedelta(seconds=120)).sent == []


def test_nothing_is_tried_again_into_a_pause(town: Town) -> None:
    webb = FakeChannel("webb", is_local=False, answers=[NotSentError("Nej.", is_permanent=True)])
    run(town, at=DUE, webb=webb)
    pause(town, at=DUE)

    with pytest.raises(RefusedError, match="pausat just nu"), town.database.write() as session:
        choices.try_again(session, town.catalog, aneby(town), number(town), name="Kim", now=DUE)

    assert only(town).state == DeliveryState.FAILED


def test_a_withdrawal_can_be_stopped_before_it_is_begun_and_be_asked_for_again(town: Town) -> None:
    run(town, at=DUE)
    with town.database.write() as session:
        made = choices.take_back(session, aneby(town), number(town, "skarm"), reason="Fel", name="Kim", now=DUE)
    with town.database.write() as session:
        stopped = choices.stop(session, aneby(town), made.id or 0, name="Kim", now=DUE)
    assert stopped.state == DeliveryState.STOPPED

    with town.database.write() as session:
        again = choices.take_back(session, aneby(town), number(town, "skarm"), reason="Fel", name="Kim", now=DUE)

    assert (again.id, again.state) == (made.id, DeliveryState.QUEUED)


def test_nobody_acts_without_a_name(town: Town) -> None:
    with pytest.raises(KampanjhjulError, match="vem"), town.database.write() as session:
        choices.stop(session, aneby(town), number(town), name=" ", now=BEFORE)

    assert only(town).state == DeliveryState.QUEUED
