"""Run by test_crash.py and killed without warning: plans, signs and sends Aneby's 2027 until nothing is left to do.

The outside world is a journal: one synced line per thing that a channel really did.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select

from campaigns.approval import approve
from campaigns.catalog import Catalog
from campaigns.channels.base import Outcome, Pace, Receipt, Shipment
from campaigns.database import Database
from campaigns.models import Delivery, DeliveryState, Post, PostState
from campaigns.posts import materialise
from campaigns.reading import load
from campaigns.sending.delivery import reap_leases, send_due
from campaigns.sending.leases import LEASE
from tests.fakes import MESSAGES, Clock, FakeChannel, Town

START = datetime(2027, 1, 11, 8, 0, tzinfo=UTC)


@dataclass
class JournalChannel:
    kind: str
    is_idempotent: bool
    journal: Path
    is_local: bool = False
    can_find: bool = False
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        time.sleep(0.05)  # the way there and back, where a death is most interesting
        descriptor = os.open(self.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{self.kind} {shipment.key}\n".encode())
        os.fsync(descriptor)
        os.close(descriptor)
        time.sleep(0.05)
        return Receipt(Outcome.PUBLISHED)


def main(url: str, journal: Path, config: Path) -> None:
    catalog = load(config, channel_kinds=("webb", "skarm", "manuell", "webhook"))
    # Facts that wait for a person are not what this is about.
    facts = {
        key: replace(fact, is_confirmed=True, valid_until=START.date() + timedelta(days=999))
        for key, fact in catalog.facts.items()
    }
    catalog = replace(catalog, facts=facts)
    database = Database(url)
    clock = Clock(_resumed(database))
    town = Town(database, catalog, clock)
    channels = (
        FakeChannel("webb"),
        JournalChannel("skarm", is_idempotent=False, journal=journal),
        JournalChannel("manuell", is_idempotent=True, journal=journal),
    )
    with ThreadPoolExecutor(4) as pool:
        sender = replace(town.sender(*channels), pool=pool, threads=4)
        print("ready", flush=True)  # noqa: T201 - tells the test that it may kill
        while True:
            with database.write() as session:
                materialise(session, catalog, MESSAGES, catalog.municipality("aneby"), now=clock.at)
            _sign_next(database, catalog, clock)
            reap_leases(sender, now=clock.at)
            for local in (True, False):
                send_due(sender, catalog, local=local)
            if not _advance(database, clock):
                break
    database.close()
    print("done", flush=True)  # noqa: T201


def _resumed(database: Database) -> datetime:
    """A little after the last thing that happened, so that dead leases have run out."""
    with database.read() as session:
        last = session.execute(select(func.max(col(Delivery.changed_at)))).scalar()
    return (last or START) + LEASE + timedelta(seconds=1)


def _signable(clock: Clock) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Post.state) == PostState.DRAFT,
        col(Post.is_preliminary).is_(False),
        col(Post.merged_into).is_(None),
        col(Post.not_after) > clock.at,
        col(Post.due_at) < START + timedelta(days=354),
    )


def _sign_next(database: Database, catalog: Catalog, clock: Clock) -> None:
    with database.read() as session:
        found = (
            session.execute(select(Post.id).where(*_signable(clock)).order_by(col(Post.due_at)).limit(1))
            .scalars()
            .all()
        )
    for post_id in found:
        for party, name in (("kommun", "Kim Kommun"), ("polis", "Pia Polis")):
            with database.write() as session:
                assert post_id is not None
                approve(session, catalog, MESSAGES, post_id, party=party, name=name, now=clock.at)


def _advance(database: Database, clock: Clock) -> bool:
    """Move the clock to what comes next; false when nothing does."""
    with database.read() as session:
        if session.execute(select(Post.id).where(*_signable(clock)).limit(1)).first():
            return True
        queued = session.execute(
            select(func.min(col(Delivery.next_attempt_at))).where(col(Delivery.state) == DeliveryState.QUEUED)
        ).scalar()
        sending = session.execute(select(Delivery.id).where(col(Delivery.state) == DeliveryState.SENDING)).first()
    if sending:
        clock.at += LEASE + timedelta(seconds=1)
        return True
    if queued is None:
        return False
    clock.at = max(clock.at, queued)
    return True


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
