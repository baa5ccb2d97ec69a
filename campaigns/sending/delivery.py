"""Rounds of sending: claim, send, settle.

Channels of our own are settled by the batch. Those outside are sent to by a pool of threads, each with one account's
batch at a time; what comes back is written down in groups, as it comes, and no account waits for a slower one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue

from campaigns.catalog import Catalog
from campaigns.channels import repeatable
from campaigns.errors import DatabaseError
from campaigns.sending.accounts import Key
from campaigns.sending.attempts import Means, attempt
from campaigns.sending.claimed import Result
from campaigns.sending.claims import claim_local, claim_outside
from campaigns.sending.due import due_accounts, has_due
from campaigns.sending.lanes import Claimed, Lane, lanes
from campaigns.sending.leases import has_expired, reap, renew
from campaigns.sending.outbox import settle
from campaigns.sending.supplies import Asked, Searching, Supply

logger = logging.getLogger(__name__)

LOCAL_BATCH = 500
MOST_TRIES = 10  # to write results, about a second apart, before it is told of, or given up by one who is to stop
PATIENCE = 0.05  # seconds to wait for results before they are written, and before looking for more to send
GROUP = 500  # results written at a time
MOST_ACCOUNTS = 1000  # that something is due for, looked for at a time


@dataclass(frozen=True)
class Sender:
    """What rounds of sending need. `pool` sends to channels outside. `is_stopping`: begin nothing more."""

    means: Means
    pool: Executor | None = None
    threads: int = 8
    # The configuration as it is now, where it can change during a run.
    newest: Callable[[], Catalog] | None = None
    held: dict[int, int] = field(default_factory=dict)  # deliveries that this process is at work on, and its tokens
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


def send_asked(sender: Sender, catalog: Catalog, asked: Asked) -> int:
    """Try what is due outside for the accounts that are asked for, while any is. Returns how many tries were made."""
    return _Outside(sender, catalog, asked).run()


def renew_leases(sender: Sender, *, now: datetime) -> None:
    """Keep what this process is at work on."""
    held = dict(sender.held)
    if held:
        with sender.means.database.write() as session:
            renew(session, held, now=now)


def reap_leases(sender: Sender, *, now: datetime) -> int:
    """Take back what dead workers held. Returns how many deliveries."""
    database = sender.means.database
    with database.read() as session:
        if not has_expired(session, now=now):
            return 0
    with database.write() as session:
        local = sender.kinds(local=True)
        return reap(
            session,
            repeatable_kinds=repeatable(sender.means.channels),
            local_kinds=local,
            now=now,
            but_not=list(sender.held),
        )


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
            _record_local(sender, catalog, [attempt(means, catalog, item) for item in found.claims])
            tried += len(found.claims)
        elif not found.others:
            break
    return tried


def _record_local(sender: Sender, catalog: Catalog, results: Sequence[Result]) -> None:
    """As `_record`, asked again each second for a while. Nothing has left the machine: the leases may run out."""
    for remaining in reversed(range(MOST_TRIES)):
        try:
            _record(sender, catalog, results)
        except DatabaseError:
            if not remaining:
                raise
            time.sleep(1)
        else:
            return


class _Outside:
    """A run over what is due outside, until nothing more is handed out and every result has been written."""

    def __init__(self, sender: Sender, catalog: Catalog, supply: Supply | None = None) -> None:
        self.sender = sender
        self.means = sender.means
        self.catalog = catalog
        self.kinds = sender.kinds(local=False)
        self.paces = {kind: self.means.channels[kind].pace for kind in self.kinds}
        self.results: SimpleQueue[Result] = SimpleQueue()
        self.supply = supply or Searching(self._due_accounts)
        self.own: set[int] = set()  # of what the process holds
        self.under_way: set[Future[None]] = set()
        self.waiting = 0  # claims whose results have not been written
        self.tried = 0
        self.failures = 0  # in a row, to write results

    def run(self) -> int:
        unwritten: list[Result] = []
        try:
            while True:
                is_more = not self.sender.is_stopping() and self._begun()
                unwritten = self._write([*unwritten, *self._finished()])
                if not self.waiting and not is_more:
                    return self.tried
        finally:
            for delivery_id in self.own:  # whatever broke: nobody is at work on them any more
                self.sender.held.pop(delivery_id, None)

    def _begun(self) -> bool:
        """As `_begin`. A database that is away must not lose what the threads are about to come back with."""
        try:
            return self._begin()
        except DatabaseError:
            if not self.waiting:
                raise
            return False

    def _begin(self) -> bool:
        """Claim for the threads that are free. Returns whether there may be more to claim at once."""
        wanted = self._next_accounts()
        if not wanted:
            return bool(self.supply.has_more() or self.under_way)
        claimed = Claimed(self.means.clock(), time.monotonic())
        try:
            with self.means.database.write() as session:
                found = claim_outside(
                    session,
                    self.catalog,
                    kinds=self.kinds,
                    wanted=wanted,
                    paces=self.paces,
                    now=claimed.clock,
                )
        except DatabaseError:
            self.supply.claimed(wanted, (), others=len(wanted))  # their turn is not over
            raise
        self.waiting += len(found.claims)
        self.own.update(item.delivery_id for item in found.claims)
        self.sender.held.update((item.delivery_id, item.token) for item in found.claims)
        self.supply.claimed(wanted, found.claims, others=found.others)
        for claims in lanes(self.catalog, found.claims):
            lane = Lane(claims, claimed, self.means, self.catalog, self.sender.is_stopping, self.results.put)
            if self.sender.pool is None:
                lane.send()
            else:
                self.under_way.add(self.sender.pool.submit(lane.send))
        return bool(found.claims or found.others or self.supply.has_more())

    def _next_accounts(self) -> list[Key]:
        """An account for each thread that is free, and for the next few to be.

        Several at a time, since a claim costs nearly as much for one.
        """
        self.under_way = {item for item in self.under_way if not item.done()}
        few = self.sender.threads // 8
        free = self.sender.threads + few - len(self.under_way) if self.sender.pool else 1
        if free <= few and self.under_way:
            return []
        self.catalog = self.sender.catalog(self.catalog)
        return self.supply.next(free)

    def _due_accounts(self) -> Iterable[Key]:
        with self.means.database.read() as session:
            return due_accounts(session, self.catalog, kinds=self.kinds, most=MOST_ACCOUNTS, now=self.means.clock())

    def _finished(self) -> list[Result]:
        """What comes back within a little while: one commit for many costs much less than one for each."""
        found: list[Result] = []
        until = time.monotonic() + PATIENCE
        try:
            while len(found) < min(GROUP, self.waiting):
                found.append(self.results.get(timeout=max(until - time.monotonic(), 0)))
        except Empty:
            pass
        self.tried += sum(result.is_tried for result in found)
        return found

    def _write(self, results: list[Result]) -> list[Result]:
        """Write down results. Returns those that could not be, since the database was away: they are tried again.

        What is known of a delivery is kept for as long as the process lives. One that is to stop gives up after a
        while: its leases run out.
        """
        if not results:
            return results
        try:
            _record(self.sender, self.catalog, results)
        except DatabaseError as error:
            self.failures += 1
            if self.failures == MOST_TRIES:
                words = "%s leveransers utfall kunde inte skrivas: %s De skrivs när databasen svarar."
                logger.error(words, len(results), error.message, extra={"action": "results_wait"})
            if self.failures >= MOST_TRIES and self.sender.is_stopping():
                raise
            if self.waiting == len(results):
                time.sleep(1)
            return results
        self.failures = 0
        self.waiting -= len(results)
        for result in results:
            self.own.discard(result.claim.delivery_id)
            self.sender.held.pop(result.claim.delivery_id, None)
        self.supply.written(results)
        return []


def _record(sender: Sender, catalog: Catalog, results: Sequence[Result]) -> None:
    """Commit results. Raises DatabaseError, with nothing committed, if the database is full, locked or away."""
    try:
        with sender.means.database.write() as session:
            dropped = settle(session, catalog, results)
    except DatabaseError:
        raise
    except Exception:
        if len(results) == 1:
            logger.exception("Ett resultat gick inte att skriva.", extra={"action": "settle_broke"})
            return
        # One of them: the others must not be lost with it.
        for result in results:
            _record(sender, catalog, [result])
        return
    for result in dropped:
        logger.warning(
            "Resultatet för leverans %s kom för sent och räknas inte.",
            result.claim.delivery_id,
            extra={"action": "delivery_dropped"},
        )
