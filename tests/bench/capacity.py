"""What one municipality, one subscriber and one delivery cost, and what the whole country would need by those figures.

Measured: SQLite with all rows planned, the calendar asked for on a new connection each time (as calendar programs do)
from one web process on one core, and deliveries on the service's own page, which is all of our own work and nobody
else's waiting.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func
from sqlmodel import Session, col, select

from campaigns import approval, posts, publishing, texts
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.errors import KampanjhjulError
from campaigns.migrate import upgrade
from campaigns.models import Delivery, DeliveryState, FeedEvent, Post
from campaigns.sending import delivery
from campaigns.sending.attempts import Means
from campaigns.sending.delivery import Sender
from campaigns.settings import shipped_directory
from campaigns.wiring import open_parts
from tests.bench import sweden
from tests.bench.measuring import Row, seconds, shown, told
from tests.bench.processes import (
    CLIENT_CORE,
    LOOPBACK,
    SERVER_CORE,
    fetched,
    free_port,
    kampanjhjul,
    pinned,
    program,
    running,
    settings,
    wait_for,
)
from tests.bench.worlds import FEED, published

FEW, MANY = 5, 20
SUBSCRIBERS, POLL, PEAK = 10_000_000, timedelta(hours=2), 5
CONNECTIONS, SECONDS = 32, 5
NOW = datetime(2027, 4, 12, 7, 0, tzinfo=UTC)
MESSAGES = shipped_directory("templates") / "messages"
TEXT = '+++\ntitle = "Säg nej"\nshort = "Köp inte ut."\n+++\n\nKöp inte ut till den som inte har fyllt tjugo.\n'


@dataclass(frozen=True)
class Size:
    """A database with so many municipalities planned: bytes, seconds, and rows that it holds."""

    size: int
    planning: float
    posts: int
    feed: int


def run(folder: Path) -> Iterable[Row]:
    few, many = (_planned(folder / f"{count}.db", count) for count in (FEW, MANY))
    each = (many.size - few.size) / (MANY - FEW)
    plan = (many.planning - few.planning) / (MANY - FEW)
    feed = (many.feed - few.feed) / (MANY - FEW)
    country = sweden.MUNICIPALITIES
    yield told(
        "En kommun, tre år planerade",
        f"{each / 1e6:.2f} MB databas, {feed / 1000:.0f} kB kalender i minnet, {shown(plan * 1000, 'ms')} att planera",
        bytes=each,
        seconds=plan,
    )
    yield told(
        f"  {country} kommuner, räknat",
        f"{each * country / 1e6:.0f} MB databas, {feed * country / 1e6:.0f} MB kalendrar, {shown(plan * country, 's')}",
    )
    sent, took, grown = _sent(folder / "sent.db")
    yearly = many.posts / MANY / 3 * 4  # four channels each, one year of three
    yield told(
        "En leverans på egna sidan, från kö till kvitto",
        f"{shown(took / sent * 1000, 'ms')}, {grown / sent / 1000:.1f} kB databas (med text, godkännanden och logg)",
        per_second=sent / took,
    )
    yield told(
        f"  {country} kommuner i ett år, räknat",
        f"{yearly * country:.0f} leveranser: {shown(yearly * country * took / sent, 's')} processor och "
        f"{yearly * country * grown / sent / 1e6:.0f} MB".replace(",000", " 000"),
    )
    rate = _polled(folder)
    needed = SUBSCRIBERS / POLL.total_seconds() * PEAK
    yield told(
        "En prenumerants fråga, oförändrad kalender, ny anslutning",
        f"{rate:,.0f}/s på en kärna".replace(",", " "),
        per_second=rate,
    )
    yield told(
        f"  {SUBSCRIBERS // 1_000_000} miljoner prenumeranter varannan timme, fem gånger så många som mest, räknat",
        f"{needed:,.0f}/s: {needed / rate:.1f} kärnor till webben, TLS oräknat".replace(",", " "),
    )


def _some(count: int) -> Catalog:
    whole = sweden.sweden()
    return replace(whole, municipalities=dict(list(whole.municipalities.items())[:count]))


def _planned(path: Path, count: int) -> Size:
    database, catalog = Database(f"sqlite:///{path}"), _some(count)
    upgrade(database)

    def plan() -> None:
        for municipality in catalog.municipalities.values():
            with database.write() as session:
                posts.materialise(session, catalog, MESSAGES, municipality, now=NOW)

    took = seconds(plan)
    publishing.refresh_stale(database, catalog, now=NOW, base_url="https://kampanj.example.se")
    with database.read() as session:
        found = session.exec(select(func.count()).select_from(Post)).one()
        feed = session.exec(select(func.sum(func.length(FeedEvent.fragment)))).one()
    return Size(_bytes(database, path), took, found, int(feed or 0))


def _sent(path: Path) -> tuple[int, float, int]:
    """How many deliveries were sent, in how many seconds, and by how many bytes writing, signing and sending grew."""
    database, catalog = Database(f"sqlite:///{path}"), _some(MANY)
    upgrade(database)
    for municipality in catalog.municipalities.values():
        with database.write() as session:
            posts.materialise(session, catalog, MESSAGES, municipality, now=NOW)
    before = path.stat().st_size
    parts = open_parts({"KAMPANJHJUL_DATA_DIR": str(path.parent / "data")}, database=database)
    latest = NOW
    for municipality in catalog.municipalities.values():
        with database.write() as session:
            chosen = session.exec(
                select(Post).where(
                    Post.municipality == municipality.id, Post.campaign == "valborg", col(Post.due_at) > NOW
                )
            ).all()
            for post in chosen:
                latest = max(latest, post.due_at)
                _signed(session, catalog, post)
    clock = [NOW]
    sender = Sender(Means(database, parts.channels, "https://kampanj.example.se", lambda: clock[0]))
    took = 0.0
    with database.read() as session:
        moments = sorted(set(session.exec(select(Delivery.due_at))))
    for moment in moments:
        clock[0] = moment
        took += seconds(lambda: delivery.send_due(sender, catalog, local=True))
    with database.read() as session:
        query = select(func.count()).where(Delivery.state == DeliveryState.PUBLISHED)
        count = session.exec(query.select_from(Delivery)).one()
        everything = session.exec(select(func.count()).select_from(Delivery)).one()
    grown = _bytes(database, path) - before
    return count, took, int(grown * count / everything)


def _signed(session: Session, catalog: Catalog, post: Post) -> None:
    number = post.id or 0
    with contextlib.suppress(KampanjhjulError):
        texts.write_text(session, catalog, number, language="sv", channel="", source=TEXT, author="Kim", now=NOW)
        for party, name in (("kommun", "Kim Kommun"), ("polis", "Pia Polis")):
            approval.approve(session, catalog, MESSAGES, number, party=party, name=name, now=NOW)


def _bytes(database: Database, path: Path) -> int:
    """The size of the file with everything in it."""
    with database.writer.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.stat().st_size


def _polled(folder: Path) -> float:
    wrk = program("wrk", package="wrk")
    port = free_port()
    environ = settings(folder / "web", port)
    parts = open_parts(environ)
    published(parts)
    parts.database.close()
    with running(pinned(kampanjhjul("web"), SERVER_CORE), log=folder / "web.log", environ=environ) as process:
        wait_for(port, FEED, process)
        tag = fetched(port, FEED)[1]["etag"]
        command = [
            *pinned([wrk], CLIENT_CORE),
            *("-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", f"If-None-Match: {tag}", "-H", "Connection: close"),
            f"http://{LOOPBACK}:{port}{FEED}",
        ]
        rates = []
        for _ in range(3):
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = re.search(r"Requests/sec:\s+([\d.]+)", said)
            assert found is not None, said
            rates.append(float(found[1]))
    return sorted(rates)[1]
