"""Rounds of sending: claim, send, settle.

Channels of our own are settled by the batch. Those outside are sent to by a pool of threads, each with one account's
batch at a time; what comes back is written down in groups, as it comes, and no account waits for a slower one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import NamedTuple

from campaigns.catalog import Catalog
from campaigns.errors import DatabaseError
from campaigns.sending.accounts import Health
from campaigns.sending.attempts import Means, attempt, given_back
from campaigns.sending.claims import claim_local, claim_outside, due_accounts, has_due, may_go_on
from campaigns.sending.leases import LEASE, has_expired, reap
from campaigns.sending.outbox import Claim, Result, settle

logger = logging.getLogger(__name__)

LOCAL_BATCH = 500
RECORD_TRIES = 10
# Left of a lease when a try begins: more than the longest that a call may take.
MARGIN = timedelta(seconds=65)
PATIENCE = 0.05  # seconds to wait for a result before looking for more to send
GROUP = 500  # results written at a time
# Seconds since the batch was claimed, or last asked about: then it is seen whether anybody has stopped it meanwhile.
ASKED_AFTER = 1.0


@dataclass(frozen=True)
class Sender:
    """What rounds of sending need. `pool` sends to channels outside. `is_stopping`: begin nothing more."""

    means: Means
    pool: Executor | None = None
    threads: int = 8
    # The configuration as it is now, where it can change during a run.
    newest: Callable[[], Catalog] | None = None
    held: set[int] = field(default_factory=set)  # deliveries that this process is at work on
    is_stopping: Callable[[], bool] = lambda: False

    def catalog(self, given: Catalog) -> Catalog:
        return self.newest() if self.newest else given

    def kinds(self, *, local: bool) -> list[str]:
        return sorted(kind for kind, channel in self.means.channels.items() if channel.is_local is local)


def send_due(sender: Sender, catalog: Catalog, *, local: bool) -> int:
    """Try everything that is due, to local channels or to those outside. Returns how many tries were made.

    The clock is read for each batch: a long backlog must not be sent by the hour at which it began.
    """
    if not sender.kinds(local=local):
        return 0
    return _send_local(sender, catalog) if local else _Outside(sender, catalog).run()


def reap_leases(sender: Sender, *, now: datetime) -> int:
    """Take back what dead workers held. Returns how many deliveries."""
    database, channels = sender.means.database, sender.means.channels
    with database.read() as session:
        if not has_expired(session, now=now):
            return 0
    repeatable = [kind for kind, channel in channels.items() if channel.is_idempotent or channel.can_find]
    with database.write() as session:
        local = sender.kinds(local=True)
        return reap(session, repeatable_kinds=repeatable, local_kinds=local, now=now, but_not=sender.held)


def _send_local(sender: Sender, catalog: Catalog) -> int:
    means, kinds = sender.means, sender.kinds(local=True)
    tried = 0
    while not sender.is_stopping():
        now, catalog = means.clock(), sender.catalog(catalog)
        with means.database.read() as session:
            if not has_due(session, catalog, kinds=kinds, now=now):
                break
        with means.database.write() as session:
            found = claim_local(session, catalog, kinds=kinds, most=LOCAL_BATCH, now=now)
        if found.claims:
            _record(sender, catalog, [attempt(means, catalog, item) for item in found.claims])
            tried += len(found.claims)
        elif not found.others:
            break
    return tried


class _Outside:
    """A run over everything that is due outside, until nothing more is and every result has been written."""

    def __init__(self, sender: Sender, catalog: Catalog) -> None:
        self.sender = sender
        self.means = sender.means
        self.catalog = catalog
        self.kinds = sender.kinds(local=False)
        self.paces = {kind: self.means.channels[kind].pace for kind in self.kinds}
        self.results: SimpleQueue[Result] = SimpleQueue()
        self.under_way: set[Future[None]] = set()
        self.waiting = 0  # claims whose results have not been written
        self.tried = 0

    def run(self) -> int:
        unwritten: list[Result] = []
        while True:
            is_more = not self.sender.is_stopping() and self._begin()
            unwritten = self._write([*unwritten, *self._finished()])
            if not self.waiting and not is_more:
                return self.tried

    def _begin(self) -> bool:
        """Claim for every thread that is free. Returns whether there may be more to claim at once."""
        free = self.sender.threads - sum(not item.done() for item in self.under_way) if self.sender.pool else 1
        if free < 1:
            return False
        now = self.means.clock()
        self.catalog = self.sender.catalog(self.catalog)
        with self.means.database.read() as session:
            wanted = due_accounts(session, self.catalog, kinds=self.kinds, most=free, now=now)
        if not wanted:
            return False
        with self.means.database.write() as session:
            found = claim_outside(session, self.catalog, kinds=self.kinds, wanted=wanted, paces=self.paces, now=now)
        self.waiting += len(found.claims)
        self.sender.held.update(item.delivery_id for item in found.claims)
        ends = _Ends(now + LEASE - MARGIN, time.monotonic() + (LEASE - MARGIN).total_seconds())
        for lane in _lanes(self.catalog, found.claims):
            if self.sender.pool is None:
                self._send(lane, ends)
            else:
                self.under_way.add(self.sender.pool.submit(self._send, lane, ends))
        return bool(found.claims or found.others)

    def _send(self, lane: Sequence[Claim], ends: _Ends) -> None:
        """One thread's work: a batch of one account, one after another, as long as the lease lasts."""
        is_shut = False
        asked = time.monotonic()
        for item in lane:
            now = self.means.clock()
            is_over = now > min(ends.clock, item.not_after) or time.monotonic() > ends.monotonic
            is_long_ago = time.monotonic() - asked > ASKED_AFTER
            if is_long_ago:
                asked = time.monotonic()
            is_shut = is_shut or is_over or self.sender.is_stopping()
            if is_shut or (is_long_ago and not self._may_go_on(item)):
                self.results.put(given_back(item, now=now))
                continue
            result = attempt(self.means, self.catalog, item)
            self.results.put(result)
            # A refused login, or a wish to be left alone, holds for the rest of the batch.
            is_shut = result.health is Health.DEAD or result.rests_until is not None

    def _may_go_on(self, item: Claim) -> bool:
        """Whether nobody has stopped it since it was claimed."""
        try:
            with self.means.database.read() as session:
                return may_go_on(session, self.catalog, item)
        except DatabaseError:
            return False

    def _finished(self) -> list[Result]:
        """What has come back since last time; waits a little for the first."""
        found: list[Result] = []
        try:
            while len(found) < GROUP:
                is_first = not found and self.waiting > 0
                found.append(self.results.get(timeout=PATIENCE) if is_first else self.results.get_nowait())
        except Empty:
            pass
        self.under_way = {item for item in self.under_way if not item.done()}
        self.tried += sum(result.is_tried for result in found)
        return found

    def _write(self, results: list[Result]) -> list[Result]:
        """Write down results. Returns those that could not be, since the database was away: they are tried again."""
        if not results:
            return results
        is_last = self.waiting == len(results)
        try:
            _record(self.sender, self.catalog, results, tries=RECORD_TRIES if is_last else 1)
        except DatabaseError:
            if is_last:
                self.sender.held.difference_update(item.claim.delivery_id for item in results)
                raise
            return results
        self.waiting -= len(results)
        self.sender.held.difference_update(item.claim.delivery_id for item in results)
        return []


class _Ends(NamedTuple):
    """When no more of a batch may begin, by the clock that may be set and by the one that may not."""

    clock: datetime
    monotonic: float


def _lanes(catalog: Catalog, claims: Sequence[Claim]) -> list[list[Claim]]:
    """The claims by account, each account's spread over as many lanes as it may have at once."""
    lanes: list[list[Claim]] = []
    for (municipality, channel), found in groupby(sorted(claims, key=_by_account), key=lambda item: item.account):
        items = list(found)
        known = catalog.municipalities.get(municipality)
        at_once = known.channel(channel).at_once if known and channel in known.channel_ids else 1
        lanes.extend(items[start::at_once] for start in range(min(at_once, len(items))))
    return lanes


def _by_account(item: Claim) -> tuple[str, str, datetime, int]:
    return (*item.account, item.due_at, item.delivery_id)


def _record(sender: Sender, catalog: Catalog, results: Sequence[Result], *, tries: int = RECORD_TRIES) -> None:
    """Commit results. A full or locked database is asked again each second; after that the leases run out."""
    for remaining in reversed(range(tries)):
        try:
            with sender.means.database.write() as session:
                dropped = settle(session, catalog, results)
        except DatabaseError:
            if not remaining:
                raise
            time.sleep(1)
        except Exception:
            if len(results) == 1:
                logger.exception("Ett resultat gick inte att skriva.", extra={"action": "settle_broke"})
                return
            # One of them: the others must not be lost with it.
            for result in results:
                _record(sender, catalog, [result], tries=tries)
            return
        else:
            for result in dropped:
                logger.warning(
                    "Resultatet för leverans %s kom för sent och räknas inte.",
                    result.claim.delivery_id,
                    extra={"action": "delivery_dropped"},
                )
            return
