"""A database brought back from an older copy: what may have gone out since is never sent again by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.models import Delivery, DeliveryState
from campaigns.sending.delivery import send_due
from campaigns.sending.restored import doubt
from tests.fakes import Clock, FakeChannel, Town
from tests.test_delivery import DUE, LAST, VALBORG

COPIED = DUE - timedelta(hours=4)


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    town.sign(VALBORG)
    return town


def restored(town: Town, *, since: datetime = COPIED, now: datetime, repeatable: tuple[str, ...] = ()) -> int:
    with town.database.write() as session:
        return doubt(session, since=since, now=now, repeatable_kinds=repeatable, local_kinds=["skarm", "manuell"])


def webb(town: Town) -> Delivery:
    return next(item for item in town.deliveries() if item.channel == "webb")


def test_what_fell_due_since_the_copy_is_a_persons_to_judge_and_not_sent(town: Town) -> None:
    channel = FakeChannel("webb", is_local=False, is_idempotent=False)

    assert restored(town, now=DUE + timedelta(minutes=30)) == 1
    town.clock.at = DUE + timedelta(minutes=30)
    send_due(town.sender(channel), town.catalog, local=False)

    assert channel.sent == []
    assert (webb(town).state, webb(town).maybe_sent) == (DeliveryState.UNKNOWN, True)
    assert "äldre kopia" in webb(town).reason


def test_where_a_repeat_can_be_found_out_it_is_sent_as_what_may_have_been_sent(town: Town) -> None:
    channel = FakeChannel("webb", is_local=False, is_idempotent=False, can_find=True)

    assert restored(town, now=DUE + timedelta(minutes=30), repeatable=("webb",)) == 1
    town.clock.at = DUE + timedelta(minutes=30)
    send_due(town.sender(channel), town.catalog, local=False)

    assert [shipment.maybe_sent for shipment in channel.sent] == [True]


@pytest.mark.parametrize(
    ("since", "now"),
    [
        (COPIED, DUE - timedelta(seconds=1)),  # has not fallen due yet
        (LAST + timedelta(seconds=1), LAST + timedelta(days=2)),  # was too late already when the copy was made
    ],
)
def test_what_cannot_have_gone_out_since_is_left_as_it_is(town: Town, since: datetime, now: datetime) -> None:
    before = [item.model_dump() for item in town.deliveries()]

    assert restored(town, since=since, now=now) == 0

    assert [item.model_dump() for item in town.deliveries()] == before


def test_what_never_left_the_machine_is_not_doubted(town: Town) -> None:
    restored(town, now=DUE + timedelta(minutes=30))

    states = {item.channel: item.state for item in town.deliveries()}
    assert states.pop("webb") == DeliveryState.UNKNOWN
    assert set(states.values()) == {DeliveryState.QUEUED}
