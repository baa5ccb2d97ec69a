"""After publication: a post is taken back, or put right in its place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from campaigns import posts
from campaigns.catalog import Catalog
from campaigns.channels.base import NotSentError, Outcome, Receipt, Shipment
from campaigns.database import Database
from campaigns.errors import RefusedError
from campaigns.models import AuditEntry, Delivery
from campaigns.sending import queue, recall
from campaigns.sending.delivery import reap_leases, send_due
from campaigns.sending.leases import LEASE
from campaigns.texts import write_text
from tests.fakes import Clock, FakeChannel, Town

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
DUE = datetime(2027, 4, 30, 6, 0, tzinfo=UTC)  # Fri 2027-04-30 08.00 summer time
LATE = datetime(2027, 5, 1, 8, 0, tzinfo=UTC)  # Sat, after the post's last time
NEW_TEXT = """+++
title = "Valborg: en rättelse"
short = "Vi skrev fel. Köp inte ut alkohol till den som inte är 20 år."
+++

Vi skrev fel i går. Säg nej när någon yngre ber dig köpa ut. Det gäller {{ datum }}.
"""


@dataclass
class Undoing(FakeChannel):
    """A channel outside that can take back and put right."""

    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        self.send(shipment, now=now)

    def correct(self, shipment: Shipment, *, now: datetime) -> Receipt:
        return self.send(shipment, now=now)


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    """The valborg reminder has gone out in `webb`, which is outside here, and in `skarm`."""
    town = Town(database, catalog, Clock())
    town.plan()
    town.sign(VALBORG)
    run(town, at=DUE, webb=Undoing("webb", is_local=False, answers=[Receipt(Outcome.PUBLISHED, "inlägg 42")]))
    assert {item.state for item in town.deliveries() if item.kind in ("webb", "skarm")} == {"published"}
    return town


def run(town: Town, *, at: datetime, webb: FakeChannel | None = None) -> FakeChannel:
    town.clock.at = at
    webb = webb or Undoing("webb", is_local=False)
    sender = town.sender(webb, Undoing("skarm"))
    for local in (True, False):
        send_due(sender, town.catalog, local=local)
    return webb


def first(town: Town, channel: str = "webb") -> int:
    found = next(item.id for item in town.deliveries() if item.channel == channel)
    assert found is not None
    return found


def withdraw(town: Town, delivery_id: int, *, at: datetime = LATE) -> Delivery:
    with town.database.write() as session:
        return recall.withdraw(session, delivery_id, name="Kim", reason="Fel datum", now=at)


def states(town: Town, channel: str = "webb") -> list[tuple[str, str]]:
    return [(item.act, item.state) for item in town.deliveries() if item.channel == channel]


def test_a_published_post_is_taken_back_under_its_own_reference(town: Town) -> None:
    withdraw(town, first(town))
    assert states(town) == [("publish", "published"), ("withdraw", "queued")]

    webb = run(town, at=LATE)

    assert [shipment.reference for shipment in webb.sent] == ["inlägg 42"]
    assert states(town) == [("publish", "withdrawn"), ("withdraw", "withdrawn")]


@pytest.mark.parametrize("at", [datetime(2027, 5, 1, 23, 0, tzinfo=UTC), datetime(2027, 5, 2, 1, 0, tzinfo=UTC)])
def test_taking_back_waits_for_no_morning(town: Town, at: datetime) -> None:
    withdraw(town, first(town), at=at)

    run(town, at=at)

    assert states(town)[0] == ("publish", "withdrawn")


def test_until_it_is_taken_back_it_is_said_to_stand(town: Town) -> None:
    withdraw(town, first(town))
    run(town, at=LATE, webb=Undoing("webb", is_local=False, answers=[NotSentError("nej.", is_permanent=True)]))
    assert states(town) == [("publish", "published"), ("withdraw", "failed")]

    again = withdraw(town, first(town))
    run(town, at=LATE + timedelta(minutes=1))

    assert again.id == next(item.id for item in town.deliveries() if item.act == "withdraw")
    assert states(town) == [("publish", "withdrawn"), ("withdraw", "withdrawn")]


def test_a_withdrawal_that_died_half_way_is_done_again(town: Town) -> None:
    withdraw(town, first(town))
    with town.database.write() as session:
        row = session.exec(select(Delivery).where(Delivery.act == "withdraw")).one()
        row.state, row.lease_until = "sending", LATE
        session.add(row)
    town.clock.at = LATE + LEASE
    sender = town.sender(Undoing("webb", is_local=False, is_idempotent=False))

    assert reap_leases(sender, now=town.clock.at) == 1
    send_due(sender, town.catalog, local=False)

    assert states(town) == [("publish", "withdrawn"), ("withdraw", "withdrawn")]


def test_what_is_done_by_hand_is_marked_by_hand(database: Database, catalog: Catalog) -> None:
    town = Town(database, catalog, Clock())
    town.plan()
    town.sign("valborg/2027/valborg/tidigt/foraldrar")
    with town.database.read() as session:
        due = posts.find_post(session, "aneby/valborg/2027/valborg/tidigt/foraldrar").due_at
    town.clock.at = due
    send_due(town.sender(FakeChannel("manuell", answers=[Receipt(Outcome.MANUAL)])), town.catalog, local=True)
    task = next(item for item in town.deliveries() if item.kind == "manuell")
    assert task.id is not None
    with pytest.raises(RefusedError, match="Manuell uppgift"):
        withdraw(town, task.id)
    with town.database.write() as session:
        queue.done(session, town.catalog, task.id, name="Kim", url="", now=due)

    assert withdraw(town, task.id).state == "withdrawn"


def test_only_what_stands_published_can_be_taken_back_and_only_once(town: Town) -> None:
    withdraw(town, first(town))
    with pytest.raises(RefusedError, match="håller redan på"):
        withdraw(town, first(town))
    run(town, at=LATE)
    with pytest.raises(RefusedError, match="Tillbakadragen"):
        withdraw(town, first(town))
    with town.database.write() as session, pytest.raises(RefusedError, match="varför"):
        recall.withdraw(session, first(town, "skarm"), name="Kim", reason=" ", now=LATE)


def correct(town: Town, *, at: datetime = LATE) -> int:
    with town.database.write() as session:
        post = posts.find_post(session, f"aneby/{VALBORG}")
        assert post.id is not None
        recall.open_for_correction(session, post.id, name="Kim", reason="Fel ålder", now=at)
        write_text(session, town.catalog, post.id, language="sv", channel="", source=NEW_TEXT, author="Kim", now=at)
        return post.id


def test_a_corrected_text_is_signed_anew_and_takes_the_place_of_the_old(town: Town) -> None:
    correct(town)
    run(town, at=LATE)
    assert states(town) == [("publish", "published")]  # the old one stands until the new one is signed

    town.clock.at = LATE
    town.sign(VALBORG)
    webb = run(town, at=LATE)

    assert [(shipment.reference, shipment.content.title) for shipment in webb.sent] == [
        ("inlägg 42", "Valborg: en rättelse")
    ]
    assert states(town) == [("publish", "replaced"), ("correct", "published")]
    assert states(town, "skarm") == [("publish", "replaced"), ("correct", "published")]


def test_a_correction_can_be_corrected_and_taken_back(town: Town) -> None:
    for _ in range(2):
        correct(town)
        town.clock.at = LATE
        with town.database.write() as session:
            post = posts.find_post(session, f"aneby/{VALBORG}")
            assert post.id is not None
            source = NEW_TEXT.replace("i går", f"i går, version {post.content_version}")
            write_text(session, town.catalog, post.id, language="sv", channel="", source=source, author="Kim", now=LATE)
        town.sign(VALBORG)
        run(town, at=LATE)
    assert states(town) == [("publish", "replaced"), ("correct", "replaced"), ("correct", "published")]

    newest = [item.id for item in town.deliveries() if item.channel == "webb"][-1]
    assert newest is not None
    withdraw(town, newest)
    run(town, at=LATE)

    assert states(town)[2:] == [("correct", "withdrawn"), ("withdraw", "withdrawn")]


def test_a_correction_waits_for_the_morning(town: Town) -> None:
    night = datetime(2027, 5, 1, 23, 0, tzinfo=UTC)  # Sun 2027-05-02 01.00 summer time
    correct(town, at=night)
    town.clock.at = night
    town.sign(VALBORG)

    run(town, at=night)
    assert states(town)[-1] == ("correct", "queued")
    run(town, at=datetime(2027, 5, 2, 5, 0, tzinfo=UTC))
    assert states(town)[-1] == ("correct", "published")


def test_what_has_not_gone_out_cannot_be_corrected(database: Database, catalog: Catalog) -> None:
    town = Town(database, catalog, Clock())
    town.plan()
    town.sign(VALBORG)

    with pytest.raises(RefusedError, match="står inte i någon kanal"):
        correct(town)


def test_who_took_back_or_put_right_is_in_the_log(town: Town) -> None:
    withdraw(town, first(town))
    correct(town)

    with town.database.read() as session:
        found = {row.action: (row.actor, row.detail) for row in session.exec(select(AuditEntry))}
    assert found["drog tillbaka"] == ("Kim", "Fel datum")
    assert found["öppnade för rättelse"] == ("Kim", "Fel ålder")
