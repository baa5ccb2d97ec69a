"""Five hundred deliveries to six channels whose servers fail at random, by workers that are killed all the while."""

from __future__ import annotations

import hashlib
import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from campaigns.catalog import Municipality
from campaigns.content import Content
from campaigns.database import Database
from campaigns.drafts import digest_of
from campaigns.enqueue import enqueue
from campaigns.migrate import upgrade
from campaigns.models import Approval, Attempt, ContentRow, Delivery, DeliveryState, OccurrenceRow, Post, PostState
from tests.chaos_town import SPEED, FileClock, catalog_of
from tests.conftest import CONFIG
from tests.contracts import Answer, FakeApi, Request, Trouble, serving
from tests.fake_bluesky import Server as Pds
from tests.test_channels_facebook import PagesApi
from tests.test_channels_sms import Elks
from tests.test_channels_teams import Workflow
from tests.test_channels_webhook import Subscriber
from tests.wordpress_api import WordPressApi

pytestmark = pytest.mark.servers

# The clocks go back in the night between these two days. Local time is UTC+2 before and UTC+1 after.
SATURDAY = datetime(2027, 10, 30, 16, 0, tzinfo=UTC)  # Sat 2027-10-30 18.00 summer time
SUNDAY = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)  # Sun 2027-10-31 09.00 winter time
GROUPS = (
    (30, SATURDAY, SATURDAY + timedelta(minutes=3)),  # hardly time for a second try
    (30, SATURDAY, SATURDAY + timedelta(hours=2, minutes=59)),
    (25, SUNDAY, SUNDAY + timedelta(hours=3)),
)
REPEATABLE = ("webhook", "wordpress", "bluesky")
FAILURES = ("busy", "throttled", "500", "hang", "work and hang", "work and cut", "slow")
ON_THE_WAY = timedelta(seconds=SPEED / 2)  # half a second of ours: from the decision to the receiver
MARK = re.compile(r"KB(\d{4})X")


@dataclass
class Later(Subscriber):
    """A subscriber in another year: the reference implementation holds the signature's time against the real clock."""

    def handle(self, request: Request) -> Answer:
        content = json.loads(request.body)["data"]["content"]
        self.known.setdefault(request.headers["webhook-id"], content)
        return Answer(204)


@dataclass
class Chaos:
    """How the servers fare, and what they were made to publish and when."""

    clock: FileClock
    chance: random.Random
    is_on: bool = True
    met: Counter[str] = field(default_factory=Counter)
    hand: list[str] = field(default_factory=list)  # dealt like cards, so that each failure comes about equally often
    works: list[tuple[str, int, datetime]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fate(self) -> str:
        with self.lock:
            fate = "well"
            if self.is_on and self.chance.random() < 0.4:
                self.hand = self.hand or self.chance.sample(FAILURES, len(FAILURES))
                fate = self.hand.pop()
            self.met[fate] += 1
            return fate

    def made(self, base: type[FakeApi], kind: str) -> FakeApi:
        """A server of `base` that fails as chance will have it."""
        chaos = self

        class Chaotic(base):  # type: ignore[misc, valid-type]  # made when it runs
            def meet(self, handler: BaseHTTPRequestHandler) -> None:
                handler.close_connection = True
                came = chaos.clock()
                with chaos.lock:
                    self.read(handler)
                    request = self.requests.pop()
                fate = chaos.fate()
                if fate == "slow":
                    time.sleep(0.15)
                if fate in ("busy", "throttled"):
                    self.write(handler, self.refuse(Trouble[fate.upper()], request))
                elif fate == "500":
                    self.write(handler, Answer(500))
                elif fate == "hang":
                    self.is_over.wait(1)
                else:
                    answer = self.work(request, came)
                    if fate == "work and hang":
                        self.is_over.wait(1)
                    elif fate != "work and cut":
                        self.write(handler, answer)

            def work(self, request: Request, came: datetime) -> Answer:
                with chaos.lock:
                    self.clock = self.time = self.made_at = came
                    answer: Answer = self.handle(request)
                    if self.publishes(request) and answer.status < 300:
                        number = MARK.search(request.body.decode())
                        assert number is not None
                        chaos.works.append((kind, int(number[1]), came))
                    return answer

        return Chaotic()


@dataclass
class Workers:
    """One worker at a time, killed without warning and started again, until it is told to stop."""

    command: list[str]
    chance: random.Random
    kills: int = 0
    is_killing: bool = True
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, cwd=CONFIG.parent)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            assert self.process is not None
            assert self.process.poll() is None, "a worker gave up by itself"
            time.sleep(min(left, self.chance.uniform(2, 3.5)))
            if self.is_killing and time.monotonic() < ends:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
                self.kills += 1
                self.start()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_no_post_is_lost_doubled_early_or_late_whatever_fails(tmp_path: Path, stack: ExitStack) -> None:
    clock = FileClock(tmp_path / "clock")
    clock.set(SATURDAY - timedelta(minutes=2))
    chaos = Chaos(clock, random.Random(20271031))
    bases: dict[str, type[FakeApi]] = {
        "webhook": Later,
        "wordpress": WordPressApi,
        "bluesky": Pds,
        "facebook": PagesApi,
        "sms": Elks,
        "teams": Workflow,
    }
    servers = {kind: stack.enter_context(serving(chaos.made(base, kind))) for kind, base in bases.items()}
    ports = {kind: server.port for kind, server in servers.items()}
    database = Database(f"sqlite:///{tmp_path / 'kampanjhjul.db'}")
    upgrade(database)
    with database.write() as session:
        count = fill(session, catalog_of(ports).municipality("aneby"))
    assert count == 510

    child = [sys.executable, "-m", "tests.chaos_child", database.url, str(clock.path), json.dumps(ports)]
    workers = Workers(child, random.Random(1))
    stack.callback(workers.stop)
    workers.start()
    workers.run(16)
    clock.set(SATURDAY + timedelta(hours=2, minutes=30))
    chaos.is_on = False  # the evening is calm, so what can be sent again has no excuse
    workers.run(14)
    clock.set(SATURDAY + timedelta(hours=2, minutes=58))
    workers.run(4)
    chaos.is_on = True
    clock.set(SUNDAY - timedelta(minutes=2))  # the clocks have been put back meanwhile
    workers.run(14)
    clock.set(SUNDAY + timedelta(hours=2, minutes=30))
    chaos.is_on = False
    workers.run(12)
    workers.is_killing = False
    clock.set(SUNDAY + timedelta(hours=3, minutes=1))
    workers.run(5)
    workers.stop()

    assert workers.kills >= 15
    assert all(chaos.met[failure] >= 10 for failure in FAILURES), chaos.met
    with database.read() as session:
        deliveries = {(item.channel, item.post_id): item for item in session.exec(select(Delivery))}
        stories: dict[int, list[Attempt]] = defaultdict(list)
        for attempt in session.exec(select(Attempt).order_by(col(Attempt.number), col(Attempt.id))):
            stories[attempt.delivery_id].append(attempt)
    database.close()
    sinks = {kind: standing(server) for kind, server in servers.items()}

    assert len(deliveries) == 510
    for (kind, post_id), item in deliveries.items():
        seen = sinks[kind][post_id]
        where = f"{kind} {post_id}: {item.state}, {item.reason}"
        assert seen <= 1, where  # never twice
        if item.state in (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER):
            assert seen == 1, where
        elif item.state == DeliveryState.SKIPPED:
            assert seen == 0, where
        else:
            assert item.state == DeliveryState.UNKNOWN, where
            assert item.maybe_sent, where
            assert item.reason, where
        had_time = item.not_after - item.due_at > timedelta(hours=1)
        if kind in REPEATABLE and had_time:
            assert item.state in (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER), where
        story = stories[item.id or 0]
        assert [attempt.number for attempt in story] == list(range(1, item.attempts + 1)), where
        if item.state != DeliveryState.SKIPPED and story:
            assert story[-1].outcome in (item.state, "interrupted", "queued"), where
    for kind, number, came in chaos.works:
        item = deliveries[kind, number]
        assert item.due_at <= came <= item.not_after + ON_THE_WAY, f"{kind} {number} {came}"


def fill(session: Session, aneby: Municipality) -> int:
    """Posts with both parties' signatures, each to all channels. Returns how many deliveries were queued."""
    key, day = "aneby/valborg/2027", SUNDAY.date()
    session.add(
        OccurrenceRow(
            key=key,
            municipality="aneby",
            risk_date="valborg",
            name="Valborg",
            year=2027,
            day=day,
            first_day=day,
            last_day=day,
            status="confirmed",
            has_day=True,
            changed_at=SATURDAY,
        )
    )
    session.flush()
    queued, number = 0, 0
    for count, due_at, not_after in GROUPS:
        for _ in range(count):
            number += 1
            queued += _post(session, aneby, key, number, due_at, not_after)
    return queued


def _post(
    session: Session, aneby: Municipality, occurrence: str, number: int, due_at: datetime, not_after: datetime
) -> int:
    text = f"Köp inte ut. KB{number:04}X"
    payload = Content(f"Nej KB{number:04}X", text, f"{text}\n\nTack!", "https://www.aneby.se/").to_bytes()
    sha256 = hashlib.sha256(payload).hexdigest()
    post = Post(
        id=number,
        key=f"{occurrence}/steg-{number}",
        municipality="aneby",
        campaign="valborg",
        occurrence=occurrence,
        step=f"steg-{number}",
        audience="foraldrar",
        channels=" ".join(aneby.channel_ids),
        due_at=due_at,
        not_after=not_after,
        state=PostState.APPROVED,
        content_version=1,
        digest=digest_of({(channel, "sv"): sha256 for channel in aneby.channel_ids}),
        created_at=SATURDAY - timedelta(days=1),
        changed_at=SATURDAY - timedelta(days=1),
    )
    session.add(post)
    session.flush()
    shared: dict[str, Any] = {"post_id": number, "created_at": SATURDAY - timedelta(days=1)}
    session.add_all(
        ContentRow(version=1, channel=channel, language="sv", payload=payload, sha256=sha256, **shared)
        for channel in aneby.channel_ids
    )
    session.add_all(
        Approval(party=party, name=name, digest=post.digest or "", **shared)
        for party, name in (("kommun", "Kim"), ("polis", "Pia"))
    )
    session.flush()
    return enqueue(session, aneby, post, now=SATURDAY - timedelta(days=1))


def standing(server: Any) -> Counter[int]:
    """How many times each post stands with the receiver, where people can see it."""
    kept: dict[type[FakeApi], Callable[[], Iterable[Any]]] = {
        Subscriber: lambda: server.known.values(),
        WordPressApi: lambda: [post for post in server.posts.values() if post["status"] == "publish"],
        Pds: lambda: server.records.values(),
        PagesApi: lambda: server.posts,
        Elks: lambda: server.sent,
        Workflow: lambda: server.cards,
    }
    [found] = [get() for base, get in kept.items() if isinstance(server, base)]
    numbers = [set(MARK.findall(json.dumps(item, default=str))) for item in found]
    assert all(len(item) == 1 for item in numbers)
    return Counter(int(item.pop()) for item in numbers)
