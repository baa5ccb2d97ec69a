"""Fakes for what tests must control: a channel that answers as told, and a town with a campaign ready to sign."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import col, select

from campaigns import approval, posts
from campaigns.catalog import Catalog
from campaigns.channels.base import Channel, Outcome, Pace, Receipt, SendError, Shipment
from campaigns.database import Database
from campaigns.local_dates import set_local_date
from campaigns.models import Delivery, Post
from campaigns.sending.attempts import Means
from campaigns.sending.delivery import Sender

MESSAGES = Path(__file__).parent.parent / "templates" / "messages"
# A Monday morning well before valborg (Fri 2027-04-30), after its signing deadline.
MORNING = datetime(2027, 4, 12, 7, 0, tzinfo=UTC)


@dataclass
class FakeChannel:
    """Answers each send with the next of `answers`, then with PUBLISHED. Remembers every shipment."""

    kind: str = "webb"
    is_idempotent: bool = True
    is_local: bool = True
    can_find: bool = False
    pace: Pace | None = None
    answers: list[Receipt | SendError | Exception] = field(default_factory=list)
    sent: list[Shipment] = field(default_factory=list)
    on_send: Callable[[Shipment], None] = lambda shipment: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        with self._lock:
            self.sent.append(shipment)
            answer = self.answers.pop(0) if self.answers else Receipt(Outcome.PUBLISHED, url=shipment.page_url)
        self.on_send(shipment)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def keys(self) -> list[str]:
        return [shipment.key for shipment in self.sent]


@dataclass
class Clock:
    at: datetime = MORNING

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Town:
    """Aneby with its year planned, and the acts that tests repeat."""

    database: Database
    catalog: Catalog
    clock: Clock
    messages: Path = MESSAGES

    def plan(self, catalog: Catalog | None = None) -> posts.Changes:
        if catalog is not None:  # as if read from other files
            self.catalog = replace(catalog, fingerprint=f"{catalog.fingerprint} {id(catalog)}")
        with self.database.write() as session:
            return posts.materialise(
                session, self.catalog, self.messages, self.catalog.municipality("aneby"), now=self.clock.at
            )

    def post(self, key: str) -> Post:
        with self.database.read() as session:
            return session.exec(select(Post).where(Post.key == f"aneby/{key}")).one()

    def approve(self, key: str, party: str, name: str, *, digest: str | None = None) -> approval.Signed:
        post_id = self.post(key).id
        assert post_id is not None
        with self.database.write() as session:
            return approval.approve(
                session,
                self.catalog,
                self.messages,
                post_id,
                party=party,
                name=name,
                now=self.clock.at,
                digest=digest,
            )

    def sign(self, key: str) -> approval.Signed:
        """Both parties sign."""
        self.approve(key, "kommun", "Kim Kommun")
        return self.approve(key, "polis", "Pia Polis")

    def set_date(self, day: str, *, place: str = "holaveden", risk_date: str = "student") -> posts.Changes:
        with self.database.write() as session:
            return set_local_date(
                session,
                self.catalog,
                self.messages,
                self.catalog.municipality("aneby"),
                risk_date=risk_date,
                place=place,
                day=datetime.fromisoformat(day).date(),
                is_confirmed=True,
                name="Sam Samordnare",
                now=self.clock.at,
            )

    def deliveries(self) -> Sequence[Delivery]:
        with self.database.read() as session:
            return session.exec(select(Delivery).order_by(col(Delivery.id))).all()

    def states(self) -> dict[str, str]:
        return {item.channel: item.state for item in self.deliveries()}

    def sender(self, *channels: Channel) -> Sender:
        return Sender(Means(self.database, {channel.kind: channel for channel in channels}, "http://test", self.clock))
