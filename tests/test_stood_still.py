"""A worker that stood still (stopped, or waiting for the database) sees what has happened meanwhile, and keeps what it
knows until it is written."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from campaigns import pictures
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.errors import DatabaseError
from campaigns.models import Delivery, DeliveryState, Post, PostState
from campaigns.sending import delivery, outbox, pauses
from campaigns.sending.delivery import MOST_TRIES, send_due
from campaigns.sending.lanes import BEGUN_WITHIN
from tests.fakes import Clock, FakeChannel, Town
from tests.test_delivery import DUE, LAST, VALBORG

Meanwhile = Callable[[Town], None]


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    town.sign(VALBORG)
    town.clock.at = DUE
    return town


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that have passed on the clock that nobody can set. A test adds to them."""
    passed = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + sum(passed), sleep=time.sleep)
    for module in ("lanes", "delivery"):
        monkeypatch.setattr(f"campaigns.sending.{module}.time", clock)
    return passed


def webb(town: Town) -> Delivery:
    return next(item for item in town.deliveries() if item.channel == "webb")


def past_its_last_time(town: Town) -> None:
    town.clock.at = LAST + timedelta(seconds=1)


def paused(town: Town) -> None:
    with town.database.write() as session:
        pauses.pause(
            session, town.catalog, municipality="aneby", channel="", reason="Olycka", name="Kim", now=town.clock.at
        )


def unsigned(town: Town) -> None:
    with town.database.write() as session:
        post = session.get_one(Post, webb(town).post_id)
        post.state = PostState.DRAFT
        session.add(post)


def taken_over(town: Town) -> None:
    with town.database.write() as session:
        row = session.get_one(Delivery, webb(town).id)
        row.token += 1
        session.add(row)


def nothing(_: Town) -> None:
    pass


@pytest.mark.parametrize(
    ("meanwhile", "seconds", "state"),
    [
        (past_its_last_time, 0.0, DeliveryState.SKIPPED),
        (paused, 2.0, DeliveryState.MISSED),
        (unsigned, 2.0, DeliveryState.STOPPED),
        (taken_over, 2.0, DeliveryState.SENDING),  # whoever took over decides
        (nothing, BEGUN_WITHIN.total_seconds() + 1, DeliveryState.PUBLISHED),  # given back, and claimed again
    ],
)
def test_one_who_stood_still_while_it_made_ready_looks_again_before_it_sends(
    town: Town,
    monkeypatch: pytest.MonkeyPatch,
    later: list[float],
    meanwhile: Meanwhile,
    seconds: float,
    state: DeliveryState,
) -> None:
    stood: list[str] = []

    def stand_still(*_: object, **__: object) -> None:
        if not stood:
            stood.append("still")
            later.append(seconds)
            meanwhile(town)

    monkeypatch.setattr(pictures, "of_payload", stand_still)
    channel = FakeChannel("webb", is_idempotent=False, is_local=False)

    send_due(town.sender(channel), town.catalog, local=False)

    assert stood
    assert len(channel.sent) == (1 if state == DeliveryState.PUBLISHED else 0)
    send_due(town.sender(channel), town.catalog, local=False)
    assert len(channel.sent) == (1 if state == DeliveryState.PUBLISHED else 0)
    assert webb(town).state == state


def test_what_waited_for_a_thread_since_it_was_claimed_is_asked_about_too(town: Town) -> None:
    channel = FakeChannel("webb", is_idempotent=False, is_local=False)
    is_free = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(is_free.wait)
        sender = replace(town.sender(channel), pool=pool, threads=2)
        sending = threading.Thread(target=send_due, args=(sender, town.catalog), kwargs={"local": False})
        sending.start()
        while webb(town).state != DeliveryState.SENDING:
            time.sleep(0.01)
        paused(town)
        time.sleep(1.1)
        is_free.set()
        sending.join()

    assert channel.sent == []
    assert webb(town).state in (DeliveryState.QUEUED, DeliveryState.MISSED)


def failing(times: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The database is away for the first so many tries to write results."""
    tries = [0]
    real = outbox.settle

    def away(*arguments: object) -> object:
        tries[0] += 1
        if tries[0] <= times:
            raise DatabaseError("Det går inte att nå databasen.")
        return real(*arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(delivery, "settle", away)
    monkeypatch.setattr("campaigns.sending.delivery.time.sleep", lambda seconds: None)
    return tries


def test_what_is_known_is_kept_however_long_the_database_is_away(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = failing(5 * MOST_TRIES, monkeypatch)
    channel = FakeChannel("webb", is_idempotent=False, is_local=False)

    with caplog.at_level(logging.ERROR):
        send_due(town.sender(channel), town.catalog, local=False)

    assert tries == [5 * MOST_TRIES + 1]
    assert (len(channel.sent), webb(town).state) == (1, DeliveryState.PUBLISHED)
    assert [record.__dict__["action"] for record in caplog.records] == ["results_wait"]


def test_one_who_is_to_stop_does_not_wait_for_ever(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = failing(5 * MOST_TRIES, monkeypatch)
    channel = FakeChannel("webb", is_idempotent=False, is_local=False)
    sender = replace(town.sender(channel), is_stopping=lambda: bool(channel.sent))

    with pytest.raises(DatabaseError):
        send_due(sender, town.catalog, local=False)

    assert tries == [MOST_TRIES]
    assert sender.held == {}
