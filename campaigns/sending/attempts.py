"""One try at one delivery. What the channel answers becomes one of three outcomes."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns import pictures
from campaigns.catalog import Catalog
from campaigns.channels.base import (
    Channel,
    Correcting,
    NotSentError,
    Outcome,
    Receipt,
    Shipment,
    UnknownOutcomeError,
    Withdrawing,
)
from campaigns.channels.line import Lines
from campaigns.database import Database
from campaigns.errors import DatabaseError, NotFoundError
from campaigns.localtime import after_quiet
from campaigns.models import Act, DeliveryState
from campaigns.sending import outbox
from campaigns.sending.accounts import Health
from campaigns.sending.claimed import Claim, Result
from campaigns.sending.leases import LOOK_AFTER

logger = logging.getLogger(__name__)

FIRST_BACKOFF = timedelta(seconds=30)
LONGEST_BACKOFF = timedelta(hours=2)

_STATES = {
    Outcome.PUBLISHED: DeliveryState.PUBLISHED,
    Outcome.HANDED_OVER: DeliveryState.HANDED_OVER,
    Outcome.MANUAL: DeliveryState.MANUAL,
}


@dataclass(frozen=True)
class Means:
    """What a try needs. `report_url` gives a delivery the secret address at which its channel can report."""

    database: Database
    channels: Mapping[str, Channel]
    base_url: str
    clock: Callable[[], datetime]
    chance: random.Random = field(default_factory=random.Random)
    report_url: Callable[[int], str] = lambda _: ""


def attempt(
    means: Means,
    catalog: Catalog,
    item: Claim,
    *,
    lines: Lines | None = None,
    may_begin: Callable[[], bool] = lambda: True,
) -> Result:
    """Try the delivery once. Never raises: whatever happens becomes a result. `lines` are its batch's.

    `may_begin` is asked last of all before the channel is: a worker may have been stopped while it made ready.
    """
    channel = means.channels[item.kind]
    started = means.clock()
    try:
        shipment = _shipment(means, catalog, item, lines)
    except (NotFoundError, NotSentError) as error:
        return _failed(_blank(item, started), error.message, now=means.clock())
    except Exception:  # one unit of background work; nothing has left yet, so that it can be tried again
        logger.exception("Leverans %s gick inte att förbereda.", item.delivery_id, extra={"action": "prepare_broke"})
        told = _blank(item, started)._replace(finished_at=means.clock(), detail="Sändningen gick inte att förbereda.")
        return _again(means, catalog, told, at_least=timedelta(0))
    if not may_begin():
        return given_back(item, now=means.clock())
    try:
        receipt = _act(channel, shipment, item.act, now=started)
    except NotSentError as error:
        return _not_sent(means, catalog, _blank(item, started), channel, error)
    except UnknownOutcomeError as error:
        return _unknown(means, catalog, _blank(item, started), channel, error)
    except Exception:  # one unit of background work; what it did outside is not known
        logger.exception("Kanalen %s gick sönder.", item.kind, extra={"action": "channel_broke"})
        reason = "Ett fel i programmet avbröt sändningen. Kontrollera i kanalen om den gick ut."
        told = _blank(item, started)._replace(finished_at=means.clock(), detail=reason)
        return told._replace(maybe_sent=not channel.is_local)
    return Result(
        item,
        DeliveryState.WITHDRAWN if item.act == Act.WITHDRAW else _STATES[receipt.outcome],
        finished_at=means.clock(),
        started_at=started,
        receipt=receipt.reference,
        url=receipt.url,
        health=None if channel.is_local else Health.WELL,
    )


def _blank(item: Claim, started: datetime) -> Result:
    return Result(item, DeliveryState.UNKNOWN, finished_at=started, started_at=started)


def given_back(item: Claim, *, now: datetime) -> Result:
    """A claim that was not tried, since the time for it ran out: it waits in the queue again."""
    return Result(
        item,
        DeliveryState.QUEUED,
        finished_at=now,
        started_at=now,
        next_attempt_at=now,
        maybe_sent=item.maybe_sent,
        is_tried=False,
    )


def backoff(attempt: int, *, chance: random.Random) -> timedelta:
    """How long to wait after try number `attempt` (from 1): doubling from half a minute to two hours, with jitter."""
    doublings = min(attempt - 1, 10)
    longest = min(FIRST_BACKOFF * (1 << doublings), LONGEST_BACKOFF)
    return longest / 2 + longest / 2 * chance.random()


def _failed(blank: Result, reason: str, *, now: datetime) -> Result:
    """It was not sent, and will not be by itself. An earlier try may have got through for all that."""
    state = DeliveryState.UNKNOWN if blank.claim.maybe_sent else DeliveryState.FAILED
    return blank._replace(finished_at=now, state=state, detail=reason)


def _act(channel: Channel, shipment: Shipment, act: str, *, now: datetime) -> Receipt:
    if act == Act.WITHDRAW:
        if not isinstance(channel, Withdrawing):
            raise NotSentError("Kanalen kan inte dra tillbaka. Gör det för hand i kanalen.", is_permanent=True)
        channel.withdraw(shipment, now=now)
        return Receipt(Outcome.PUBLISHED)
    if act == Act.CORRECT:
        if not isinstance(channel, Correcting):
            raise NotSentError("Kanalen kan inte rätta. Gör det för hand i kanalen.", is_permanent=True)
        return channel.correct(shipment, now=now)
    return channel.send(shipment, now=now)


def _shipment(means: Means, catalog: Catalog, item: Claim, lines: Lines | None) -> Shipment:
    municipality = catalog.municipality(item.municipality)
    channel = municipality.channel(item.channel)
    if channel.kind != item.kind:
        raise NotFoundError(f"Kanalen {channel.name} har bytt typ från {item.kind} till {channel.kind} sedan dess.")

    def note(reference: str) -> None:
        if means.clock() > item.not_after:
            raise NotSentError("Senaste tiden passerade medan sändningen förbereddes.", is_permanent=False)
        try:
            with means.database.write() as session:
                is_ours = outbox.note(session, item, reference, now=means.clock())
        except DatabaseError as error:
            raise NotSentError(error.message, is_permanent=False) from error
        if not is_ours:
            raise NotSentError("En annan arbetare har tagit över leveransen.", is_permanent=False)

    return Shipment(
        key=item.key,
        payload=item.payload,
        municipality=item.municipality,
        channel=channel,
        language=item.language,
        page_url=f"{means.base_url}/sida/{item.municipality}#{item.post_id}",
        due_at=item.due_at,
        attempt=item.attempt,
        maybe_sent=item.maybe_sent,
        recipient=item.recipient,
        reference=item.reference,
        picture=pictures.of_payload(means.database, item.payload, base_url=means.base_url),
        report_url=means.report_url(item.delivery_id),
        lines=lines,
        note=note,
    )


def _not_sent(means: Means, catalog: Catalog, blank: Result, channel: Channel, error: NotSentError) -> Result:
    finished = means.clock()
    told = blank._replace(finished_at=finished, detail=error.message)
    if error.stops_channel:
        told = told._replace(health=Health.DEAD)
    elif error.is_permanent:
        told = told._replace(health=Health.WELL)
    else:
        rests_until = finished + error.retry_after if error.retry_after else None
        told = told._replace(health=Health.FAILING, rests_until=rests_until)
    if error.is_permanent and channel.can_find:  # it has looked for what an earlier try may have done
        return told._replace(state=DeliveryState.FAILED)
    if error.is_permanent:
        return _failed(told, error.message, now=finished)
    return _again(means, catalog, told, at_least=error.retry_after or timedelta(0))


def _unknown(means: Means, catalog: Catalog, blank: Result, channel: Channel, error: UnknownOutcomeError) -> Result:
    told = blank._replace(finished_at=means.clock(), detail=error.message, maybe_sent=True, health=Health.FAILING)
    if error.needs_person:
        return told._replace(health=None)
    is_repeatable = channel.is_idempotent or blank.claim.act != Act.PUBLISH
    if is_repeatable or channel.can_find:
        return _again(means, catalog, told, at_least=timedelta(0) if is_repeatable else LOOK_AFTER)
    return told


def _again(means: Means, catalog: Catalog, told: Result, *, at_least: timedelta) -> Result:
    """Queue for later, after backoff and quiet hours; or give up if that is past the last time."""
    item = told.claim
    zone = catalog.municipality(item.municipality).zone
    following = told.finished_at + max(backoff(item.attempt, chance=means.chance), at_least)
    if item.act != Act.WITHDRAW:
        following = after_quiet(following, zone)
    if following <= item.not_after:
        return told._replace(state=DeliveryState.QUEUED, next_attempt_at=following)
    if told.maybe_sent or item.maybe_sent:
        return told._replace(state=DeliveryState.UNKNOWN, maybe_sent=True)
    reason = f"Inget försök till hinns med före senaste tiden. Senast: {told.detail}"
    return told._replace(state=DeliveryState.SKIPPED, detail=reason)
