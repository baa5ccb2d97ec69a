"""Pause: everything scheduled stands still, and what came up meanwhile is missed until somebody chooses it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from campaigns import posts
from campaigns.catalog import Catalog
from campaigns.channels.base import NotSentError
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import AuditEntry, Delivery, DeliveryState
from campaigns.sending import pauses, queue
from campaigns.sending.delivery import send_due
from tests.fakes import Clock, FakeChannel, Town

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
DUE = datetime(2027, 4, 30, 6, 0, tzinfo=UTC)  # Fri 2027-04-30 08.00 summer time


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    town.sign(VALBORG)
    return town


def pause(town: Town, *, municipality: str = "", channel: str = "", at: datetime = DUE - timedelta(hours=1)) -> None:
    with town.database.write() as session:
        pauses.pause(
            session,
            town.catalog,
            municipality=municipality,
            channel=channel,
            reason="Olycka i Aneby",
            name="Kim",
            now=at,
        )


def resume(town: Town, *, municipality: str = "", channel: str = "", at: datetime = DUE + timedelta(hours=1)) -> None:
    with town.database.write() as session:
        pauses.resume(session, town.catalog, municipality=municipality, channel=channel, name="Kim", now=at)


def run(town: Town, *, at: datetime) -> dict[str, str]:
    """Send what is due at `at`. Returns each channel's state."""
    town.clock.at = at
    sender = town.sender(FakeChannel("webb"), FakeChannel("skarm", is_local=False))
    for local in (True, False):
        send_due(sender, town.catalog, local=local)
    return {item.channel: item.state for item in town.deliveries() if item.kind in ("webb", "skarm")}


@pytest.mark.parametrize(
    ("municipality", "channel", "states"),
    [
        ("", "", {"webb": "missed", "skarm": "missed"}),
        ("aneby", "", {"webb": "missed", "skarm": "missed"}),
        ("aneby", "skarm", {"webb": "published", "skarm": "missed"}),
    ],
)
def test_nothing_goes_out_in_a_pause_and_nothing_is_sent_when_it_ends(
    town: Town, municipality: str, channel: str, states: dict[str, str]
) -> None:
    pause(town, municipality=municipality, channel=channel)

    assert run(town, at=DUE) == states
    resume(town, municipality=municipality, channel=channel)
    assert run(town, at=DUE + timedelta(hours=2)) == states

    missed = next(item for item in town.deliveries() if item.channel == "skarm")
    assert missed.reason == "Tiden kom under en paus: Olycka i Aneby"
    assert missed.attempts == 0


def test_what_was_missed_can_be_chosen_again(town: Town) -> None:
    pause(town)
    run(town, at=DUE)
    resume(town)
    missed = [item.id for item in town.deliveries() if item.channel == "webb"]

    with town.database.write() as session:
        assert missed[0] is not None
        queue.retry(session, town.catalog, missed[0], name="Kim", now=DUE + timedelta(hours=2))

    assert run(town, at=DUE + timedelta(hours=2)) == {"webb": "published", "skarm": "missed"}


def test_what_comes_up_after_the_pause_goes_out_as_planned(town: Town) -> None:
    pause(town, at=DUE - timedelta(days=2))
    run(town, at=DUE - timedelta(days=1))
    resume(town, at=DUE - timedelta(hours=3))

    assert run(town, at=DUE) == {"webb": "published", "skarm": "published"}


def test_a_crisis_post_passes(town: Town) -> None:
    pause(town)
    with town.database.write() as session:
        pauses.let_pass(
            session, posts.find_post(session, f"aneby/{VALBORG}"), passes=True, name="Kim", reason="Viktigt", now=DUE
        )

    assert run(town, at=DUE) == {"webb": "published", "skarm": "published"}


def test_a_pause_during_the_wait_for_another_try_is_missed_too(town: Town) -> None:
    town.clock.at = DUE
    skarm = FakeChannel("skarm", is_local=False, answers=[NotSentError("upptagen.", is_permanent=False)])
    send_due(town.sender(skarm), town.catalog, local=False)
    pause(town, at=DUE + timedelta(seconds=5))

    assert run(town, at=DUE + timedelta(minutes=2))["skarm"] == "missed"
    assert len(skarm.sent) == 1


def test_an_attempt_that_may_have_got_through_is_uncertain_and_not_missed(town: Town) -> None:
    with town.database.write() as session:
        row = session.exec(select(Delivery).where(Delivery.channel == "skarm")).one()
        row.maybe_sent = True
        session.add(row)
    pause(town)

    assert run(town, at=DUE)["skarm"] == DeliveryState.UNKNOWN


def test_a_pause_needs_a_reason_a_name_and_something_to_pause(town: Town) -> None:
    def put(**given: str) -> None:
        with town.database.write() as session:
            values = {"municipality": "", "channel": "", "reason": "Därför", "name": "Kim", **given}
            pauses.pause(session, town.catalog, now=DUE, **values)

    with pytest.raises(RefusedError, match="varför"):
        put(reason=" ")
    with pytest.raises(RefusedError, match="Ange vem"):
        put(name=" ")
    with pytest.raises(NotFoundError, match="Menade du ”aneby”"):
        put(municipality="anneby")
    with pytest.raises(NotFoundError, match="ingen kanal ”web”"):
        put(municipality="aneby", channel="web")
    with pytest.raises(NotFoundError, match="vilken kommuns"):
        put(channel="webb")
    put()
    with pytest.raises(RefusedError, match="redan pausat"):
        put()


def test_ending_a_pause_that_is_not_there_tells_which_there_are(town: Town) -> None:
    with pytest.raises(RefusedError, match="Inget är pausat"):
        resume(town)
    pause(town, municipality="aneby", channel="webb")
    with pytest.raises(RefusedError, match="Pausat just nu: aneby, webb"):
        resume(town)


def test_who_paused_and_why_is_in_the_log(town: Town) -> None:
    pause(town)
    resume(town)

    with town.database.read() as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.subject == "alla kanaler")).all()
    assert [(row.actor, row.action, row.detail) for row in rows] == [
        ("Kim", "pausade", "Olycka i Aneby"),
        ("Kim", "avslutade pausen", "Olycka i Aneby"),
    ]
