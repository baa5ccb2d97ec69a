"""Asking channels how many have reacted: once a day for a month, totals only, and never in the way of the sending."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from campaigns import reach, reach_answers
from campaigns.channels.base import NotSentError, Outcome, Receipt, Shipment
from campaigns.database import Database
from campaigns.errors import RefusedError
from campaigns.followup.document import Section
from campaigns.followup.sentences import reach_words
from campaigns.models import AccountState, AuditEntry, ChannelAccount, ReachNote
from campaigns.overviews.follow_up_words import SOURCE_WORDS
from campaigns.overviews.reach import reach_page
from campaigns.sending import delivery, pauses
from scheduler import jobs
from tests.fakes import FakeChannel
from tests.sites import Place, planned

pytestmark = pytest.mark.longer

VECKAN = "valborg/2027/valborg/veckan/foraldrar"
DAY = timedelta(days=1)


@dataclass
class CountingChannel(FakeChannel):
    """Answers each question with `told`, or as `on_count` does."""

    told: Mapping[str, int] = field(default_factory=dict)
    counted: list[Shipment] = field(default_factory=list)
    on_count: Callable[[Shipment], None] = lambda shipment: None

    def count(self, shipment: Shipment, *, now: datetime) -> Mapping[str, int]:
        self.counted.append(shipment)
        self.on_count(shipment)
        return self.told


@dataclass
class Asking:
    """Aneby, where a post has gone out in a channel that counts."""

    place: Place
    channel: CountingChannel
    post_id: int
    out_at: datetime

    def ask(self, after: timedelta, **told: int) -> int:
        self.channel.told = told
        parts = self.place.parts
        made = {"webb": self.channel}
        return reach_answers.ask_round(parts.database, parts.catalog, made, now=self.out_at + after)

    def rows(self) -> list[tuple[str, int, str]]:
        with self.place.database.read() as session:
            rows = session.exec(select(ReachNote).order_by(col(ReachNote.id)))
            return [(row.measure, row.number, row.noted_by) for row in rows]

    def note(self, number: int, *, name: str = "Kim Kommun") -> None:
        with self.place.database.write() as session:
            aneby = self.place.parts.catalog.municipality("aneby")
            reach.note_reach(
                session,
                aneby,
                self.post_id,
                channel="webb",
                measure="reaktioner",
                number=number,
                name=name,
                now=self.out_at,
            )

    def shown(self) -> list[tuple[str, int, str]]:
        with self.place.database.read() as session:
            parts = self.place.parts
            [post] = reach_page(session, parts.catalog, parts.catalog.municipality("aneby"), now=self.out_at + 9 * DAY)
        return [(item.word, item.number, item.told) for channel in post.channels for item in channel.numbers]


@pytest.fixture
def asking(database: Database) -> Asking:
    place = planned(Place(database))
    channel = CountingChannel("webb", answers=[Receipt(Outcome.PUBLISHED, "inlagg-7", "https://kanal.example/7")])
    post = place.town.post(VECKAN)
    place.town.sign(VECKAN)
    place.clock.at = post.due_at
    delivery.send_due(place.town.sender(channel), place.parts.catalog, local=True)
    return Asking(place, channel, post.id or 0, place.clock.at)


def test_a_channel_is_asked_once_a_day_for_a_month_about_what_it_took(asking: Asking) -> None:
    hours = range(0, 40 * 24, 6)

    asked = [hour for hour in hours if asking.ask(timedelta(hours=hour), reaktioner=1)]

    assert asked == [day * 24 for day in range(1, 30)]
    assert {(item.reference, item.channel.id) for item in asking.channel.counted} == {("inlagg-7", "webb")}
    assert asking.rows() == [("reaktioner", 1, "kanalen")]


def test_a_new_number_is_kept_and_a_persons_stands_until_the_channel_has_something_new(asking: Asking) -> None:
    asking.ask(DAY, reaktioner=5, delningar=2)
    asking.note(7)
    asking.ask(2 * DAY, reaktioner=5, delningar=3)

    assert asking.rows() == [
        ("delningar", 2, "kanalen"),
        ("reaktioner", 5, "kanalen"),
        ("reaktioner", 7, "Kim Kommun"),
        ("delningar", 3, "kanalen"),
    ]
    shown = asking.shown()
    assert [(word, number) for word, number, _ in shown] == [("Reaktioner", 7), ("Delningar", 3)]
    assert [told.partition(",")[0] for *_, told in shown] == ["Kim Kommun", "enligt kanalen"]

    asking.ask(3 * DAY, reaktioner=8)
    assert ("Reaktioner", 8) in [(word, number) for word, number, _ in asking.shown()]


def test_what_is_no_measure_or_cannot_be_is_not_kept(asking: Asking) -> None:
    assert asking.ask(DAY, reaktioner=reach.LARGEST + 1, kommentarer=-1, namn=3, delningar=reach.LARGEST) == 1

    assert asking.rows() == [("delningar", reach.LARGEST, "kanalen")]


def test_nobody_notes_under_the_channels_name(asking: Asking) -> None:
    for name in ("kanalen", " Kanalen ", "KANALEN"):
        with pytest.raises(RefusedError, match="kanalens egna"):
            asking.note(7, name=name)


def test_no_person_has_done_anything_so_that_nothing_is_logged(asking: Asking) -> None:
    def logged() -> int:
        with asking.place.database.read() as session:
            return len(session.exec(select(AuditEntry)).all())

    before = logged()
    asking.ask(DAY, reaktioner=5)

    assert logged() == before


@pytest.mark.parametrize("state", [AccountState.STOPPED, AccountState.RESTING])
def test_a_channel_that_is_not_well_is_not_asked(asking: Asking, state: AccountState) -> None:
    with asking.place.database.write() as session:
        session.add(ChannelAccount(municipality="aneby", channel="webb", state=state, changed_at=asking.out_at))

    assert asking.ask(DAY, reaktioner=5) == 0
    assert asking.channel.counted == []


def test_a_paused_channel_is_not_asked(asking: Asking) -> None:
    catalog = asking.place.parts.catalog
    with asking.place.database.write() as session:
        pauses.pause(
            session, catalog, municipality="aneby", channel="webb", reason="Byte", name="Kim", now=asking.out_at
        )

    assert asking.ask(DAY, reaktioner=5) == 0
    assert asking.channel.counted == []


@pytest.mark.parametrize("error", [NotSentError("Nej.", is_permanent=False, stops_channel=True), ZeroDivisionError()])
def test_a_failure_is_told_once_and_leaves_the_channel_as_it_was(
    asking: Asking, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(_: Shipment) -> None:
        raise error

    asking.channel.on_count = fail
    with caplog.at_level(logging.WARNING):
        asking.ask(DAY)
        asking.ask(DAY + timedelta(hours=1))

    assert len(asking.channel.counted) == len(caplog.records) == 1
    with asking.place.database.read() as session:
        assert session.exec(select(ChannelAccount)).all() == []
    asking.channel.on_count = lambda _: None
    asking.ask(2 * DAY, reaktioner=5)
    assert asking.rows() == [("reaktioner", 5, "kanalen")]


def test_no_transaction_is_open_while_a_channel_is_waited_for_and_two_workers_do_not_ask_the_same(
    asking: Asking,
) -> None:
    inner: list[int] = []

    def work_meanwhile(_: Shipment) -> None:
        asking.note(3)
        asking.channel.on_count = lambda _: None
        inner.append(asking.ask(DAY, reaktioner=5))

    asking.channel.on_count = work_meanwhile
    assert asking.ask(DAY, reaktioner=5) == 1

    assert inner == [0]
    assert [number for _, number, _ in asking.rows()] == [3, 5]


def test_the_languages_of_a_post_are_added_together_and_only_what_is_told_of_each(asking: Asking) -> None:
    question = reach_answers.Question(1, "aneby", "webb", "webb", asking.channel.sent * 2)
    answers: list[Mapping[str, int]] = [{"reaktioner": 2, "delningar": 1}, {"reaktioner": 5}]
    asking.channel.on_count = lambda _: setattr(asking.channel, "told", answers.pop(0))

    assert reach_answers._answer(asking.channel, question, now=asking.out_at) == {"reaktioner": 7}


def test_few_of_one_channel_are_asked_about_in_a_round() -> None:
    shipments = [object()]
    many = [reach_answers.Question(n, "aneby", f"k{n % 10}", "webb", shipments) for n in range(200)]  # type: ignore[arg-type]  # only counted

    assert len(reach_answers._some(many, 40)) == 40
    assert len(reach_answers._some(many[::10], 40)) == reach_answers.MOST_OF_CHANNEL


def test_the_job_asks_when_the_rest_has_got_going(asking: Asking) -> None:
    parts = replace(asking.place.parts, channels={"webb": asking.channel})
    work = jobs.Work(parts, parts.sender(), "prov")
    asking.channel.told = {"visningar": 240}

    jobs.ask_reach(replace(work, started=time.monotonic()), now=asking.out_at + DAY)
    assert asking.rows() == []

    jobs.ask_reach(replace(work, started=work.started - jobs.LINKS_WAIT), now=asking.out_at + DAY)
    assert asking.rows() == [("visningar", 240, "kanalen")]


def test_a_follow_up_says_of_every_mixture_where_its_numbers_are_from() -> None:
    @dataclass(frozen=True)
    class Line:
        source: str

    @dataclass(frozen=True)
    class Part:
        reach: tuple[Line, ...]

    def said(*sources: str) -> str:
        section: Section = Part(tuple(map(Line, sources)))  # type: ignore[assignment]  # only its lines are read
        return reach_words(section)

    mixtures = [("noted",), ("told",), ("counted",), ("noted", "told"), ("noted", "counted"), ("told", "counted")]
    found = {said(*mixture) for mixture in [*mixtures, ("noted", "told", "counted")]}
    assert len(found) == 7
    assert all("kanal" in said(*mixture, "told") for mixture in mixtures)
    assert SOURCE_WORDS["told"] == "Enligt kanalen"
