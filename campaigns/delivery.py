"""One round of sending: claim, send, settle. What a channel answers becomes one of three outcomes."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.catalog import Catalog
from campaigns.channels.base import Channel, NotSentError, Outcome, Receipt, Shipment, UnknownOutcomeError
from campaigns.database import Database
from campaigns.errors import DatabaseError, NotFoundError
from campaigns.localtime import after_quiet
from campaigns.models import DeliveryState
from campaigns.outbox import Claim, Result, claim, has_due, has_expired, reap, settle

logger = logging.getLogger(__name__)

FIRST_BACKOFF = timedelta(seconds=30)
LONGEST_BACKOFF = timedelta(hours=2)
LOCAL_BATCH = 500
RECORD_TRIES = 10

_STATES = {
    Outcome.PUBLISHED: DeliveryState.PUBLISHED,
    Outcome.HANDED_OVER: DeliveryState.HANDED_OVER,
    Outcome.MANUAL: DeliveryState.MANUAL,
}


@dataclass(frozen=True)
class Sender:
    """What a round of sending needs. `pool` sends to channels outside. `is_stopping`: begin nothing more."""

    database: Database
    channels: Mapping[str, Channel]
    base_url: str
    clock: Callable[[], datetime]
    pool: Executor | None = None
    threads: int = 8
    chance: random.Random = field(default_factory=random.Random)
    is_stopping: Callable[[], bool] = lambda: False

    @property
    def at_once(self) -> int:
        """How many to claim for outside: all begin at once, so that none waits out its lease."""
        return self.threads if self.pool else 1

    def kinds(self, *, local: bool) -> list[str]:
        return sorted(kind for kind, channel in self.channels.items() if channel.is_local is local)


def send_due(sender: Sender, catalog: Catalog, *, local: bool) -> int:
    """Try everything that is due, to local channels or to those outside. Returns how many tries were made.

    The clock is read for each batch: a long backlog must not be sent by the hour at which it began.
    """
    kinds = sender.kinds(local=local)
    tried = 0
    while kinds and not sender.is_stopping():
        now = sender.clock()
        with sender.database.read() as session:
            if not has_due(session, catalog, kinds=kinds, now=now):
                break
        with sender.database.write() as session:
            claims = claim(session, catalog, kinds=kinds, most=LOCAL_BATCH if local else sender.at_once, now=now)
        tried += len(claims)
        if local and claims:
            _record(sender, catalog, [_try(sender, catalog, item) for item in claims])
        elif claims:
            _send_outside(sender, catalog, claims)
    return tried


def _send_outside(sender: Sender, catalog: Catalog, claims: Sequence[Claim]) -> None:
    """Send, and write each result as soon as it is known. What cannot be written then is written last, together."""
    unwritten = []
    for result in _results(sender, catalog, claims):
        try:
            _record(sender, catalog, [result], tries=1)
        except DatabaseError:
            unwritten.append(result)
    if unwritten:
        _record(sender, catalog, unwritten)


def reap_leases(sender: Sender, *, now: datetime) -> int:
    """Take back what dead workers held. Returns how many deliveries."""
    with sender.database.read() as session:
        if not has_expired(session, now=now):
            return 0
    repeatable = [kind for kind, channel in sender.channels.items() if channel.is_idempotent]
    with sender.database.write() as session:
        return reap(session, repeatable_kinds=repeatable, local_kinds=sender.kinds(local=True), now=now)


def _results(sender: Sender, catalog: Catalog, claims: Sequence[Claim]) -> Iterable[Result]:
    if sender.pool is None:
        yield from (_try(sender, catalog, item) for item in claims)
        return
    running = [sender.pool.submit(_try, sender, catalog, item) for item in claims]
    for future in as_completed(running):
        yield future.result()


def _record(sender: Sender, catalog: Catalog, results: Sequence[Result], *, tries: int = RECORD_TRIES) -> None:
    """Commit results. A full or locked database is asked again each second; after that the leases run out."""
    for remaining in reversed(range(tries)):
        try:
            with sender.database.write() as session:
                dropped = settle(session, catalog, results)
        except DatabaseError:
            if not remaining:
                raise
            time.sleep(1)
        else:
            for result in dropped:
                logger.warning(
                    "Resultatet för leverans %s kom för sent och räknas inte.",
                    result.claim.delivery_id,
                    extra={"action": "delivery_dropped"},
                )
            return


def _try(sender: Sender, catalog: Catalog, item: Claim) -> Result:
    channel = sender.channels[item.kind]
    started = sender.clock()
    try:
        municipality = catalog.municipality(item.municipality)
        shipment = Shipment(
            key=item.key,
            payload=item.payload,
            municipality=item.municipality,
            channel=municipality.channel(item.channel),
            language=item.language,
            page_url=f"{sender.base_url}/sida/{item.municipality}#{item.post_id}",
            due_at=item.due_at,
            attempt=item.attempt,
        )
        receipt = channel.send(shipment, now=started)
    except NotFoundError as error:
        return _ended(sender, item, started, DeliveryState.FAILED, error.message)
    except NotSentError as error:
        if error.is_permanent:
            return _ended(sender, item, started, DeliveryState.FAILED, error.message)
        return _again(sender, catalog, item, started, error.message, retry_after=error.retry_after, maybe_sent=False)
    except UnknownOutcomeError as error:
        if channel.is_idempotent:
            return _again(sender, catalog, item, started, error.message, retry_after=None, maybe_sent=True)
        return _ended(sender, item, started, DeliveryState.UNKNOWN, error.message, maybe_sent=True)
    except Exception:  # one unit of background work; what it did outside is not known
        logger.exception("Kanalen %s gick sönder.", item.kind, extra={"action": "channel_broke"})
        reason = "Ett fel i programmet avbröt sändningen. Kontrollera i kanalen om den gick ut."
        return _ended(sender, item, started, DeliveryState.UNKNOWN, reason, maybe_sent=not channel.is_local)
    return _sent(sender, item, started, receipt)


def _sent(sender: Sender, item: Claim, started: datetime, receipt: Receipt) -> Result:
    return Result(
        item,
        _STATES[receipt.outcome],
        finished_at=sender.clock(),
        started_at=started,
        receipt=receipt.reference,
        url=receipt.url,
    )


def _ended(
    sender: Sender, item: Claim, started: datetime, state: DeliveryState, reason: str, *, maybe_sent: bool = False
) -> Result:
    return Result(item, state, finished_at=sender.clock(), started_at=started, detail=reason, maybe_sent=maybe_sent)


def _again(
    sender: Sender,
    catalog: Catalog,
    item: Claim,
    started: datetime,
    reason: str,
    *,
    retry_after: timedelta | None,
    maybe_sent: bool,
) -> Result:
    """Queue for later, after backoff and quiet hours; or give up if that is past the last time."""
    finished = sender.clock()
    zone = catalog.municipality(item.municipality).zone
    wait = backoff(item.attempt, chance=sender.chance)
    following = after_quiet(finished + max(wait, retry_after or timedelta(0)), zone)
    if following <= item.not_after:
        return Result(
            item,
            DeliveryState.QUEUED,
            finished_at=finished,
            started_at=started,
            detail=reason,
            maybe_sent=maybe_sent,
            next_attempt_at=following,
        )
    if maybe_sent or item.maybe_sent:
        return _ended(sender, item, started, DeliveryState.UNKNOWN, reason, maybe_sent=True)
    return _ended(
        sender,
        item,
        started,
        DeliveryState.SKIPPED,
        f"Inget försök till hinns med före senaste tiden. Senast: {reason}",
    )


def backoff(attempt: int, *, chance: random.Random) -> timedelta:
    """How long to wait after try number `attempt` (from 1): doubling from half a minute to two hours, with jitter."""
    doublings = min(attempt - 1, 10)
    longest = min(FIRST_BACKOFF * (1 << doublings), LONGEST_BACKOFF)
    return longest / 2 + longest / 2 * chance.random()
