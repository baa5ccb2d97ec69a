"""Rounds of sending notices: claim, send, settle. One letter at a time, and the sending outside the transactions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from campaigns.catalog import Catalog
from campaigns.channels.base import NotSentError, UnknownOutcomeError
from campaigns.database import Database
from campaigns.models import NoticeState
from campaigns.reminding import claims
from campaigns.reminding.claims import Letter
from campaigns.reminding.texts import Text, compose
from campaigns.reminding.ways import Ways

logger = logging.getLogger(__name__)

# Between tries where every mail would be refused until a person has put something right.
STOPPED_FOR = timedelta(minutes=30)


@dataclass(frozen=True)
class Notifier:
    """What rounds need. `folders` hold the templates, the municipality's own first. `is_stopping`: begin no more."""

    database: Database
    ways: Ways
    folders: Sequence[Path]
    base_url: str
    clock: Callable[[], datetime]
    is_stopping: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class _Outcome:
    state: NoticeState
    reason: str = ""
    wait: timedelta = timedelta(0)


def send_due(notifier: Notifier, catalog: Catalog) -> int:
    """Send every notice that is due. Returns how many letters were tried."""
    _reap(notifier, catalog)
    tried = 0
    while not notifier.is_stopping():
        now = notifier.clock()
        with notifier.database.read() as session:
            if not claims.has_due(session, catalog, now=now):
                break
        with notifier.database.write() as session:
            letter = claims.claim(session, catalog, now=now)
        if letter is None:
            break
        outcome = _send(notifier, catalog, letter, now=now)
        with notifier.database.write() as session:
            claims.settle(
                session, letter, outcome.state, now=notifier.clock(), reason=outcome.reason, wait=outcome.wait
            )
        tried += 1
    return tried


def _reap(notifier: Notifier, catalog: Catalog) -> None:
    now = notifier.clock()
    with notifier.database.read() as session:
        if not claims.has_expired(session, now=now):
            return
    with notifier.database.write() as session:
        claims.reap(session, catalog, now=now)


def _send(notifier: Notifier, catalog: Catalog, letter: Letter, *, now: datetime) -> _Outcome:
    """Send one letter. Never raises: whatever happens is an outcome."""
    try:
        text = compose(letter, catalog, notifier.folders, base_url=notifier.base_url)
    except Exception:  # one unit of background work; nothing has left
        logger.exception("Påminnelsen gick inte att skriva.", extra={"action": "notice_broke"})
        return _Outcome(NoticeState.FAILED, "Påminnelsen gick inte att skriva.")
    outcome = _handed_over(notifier, letter, text, now=now)
    if outcome.state is not NoticeState.SENT:
        logger.warning(
            "En påminnelse till %s gick inte säkert fram: %s",
            letter.municipality.name,
            outcome.reason,
            extra={"action": f"notice_{outcome.state}"},
        )
    return outcome


def _handed_over(notifier: Notifier, letter: Letter, text: Text, *, now: datetime) -> _Outcome:
    key = " ".join(str(item.id) for item in letter.held)
    try:
        notifier.ways.send(letter.to, text, key=key, now=now)
    except NotSentError as error:
        if error.is_permanent:
            return _Outcome(NoticeState.FAILED, error.message)
        wait = STOPPED_FOR if error.stops_channel else timedelta(0)
        return _Outcome(NoticeState.QUEUED, error.message, max(wait, error.retry_after or wait))
    except UnknownOutcomeError as error:
        return _Outcome(NoticeState.UNKNOWN, error.message)
    except Exception as error:  # noqa: BLE001 - one unit of background work; what it did outside is not known
        # Its traceback could hold an address.
        logger.error("Påminnelsens väg gick sönder: %s.", type(error).__name__, extra={"action": "notice_way_broke"})
        return _Outcome(NoticeState.UNKNOWN, "Något gick sönder. Det är osäkert om påminnelsen kom fram.")
    return _Outcome(NoticeState.SENT)
