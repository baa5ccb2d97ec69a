"""One half of the seam to the engine that carries work to workers: `wake` says whose turn it is. The other half is
`scheduler.engines.run_worker`. What is to be sent stands in the outbox, whatever the engine."""

from __future__ import annotations

import logging
from collections.abc import Collection

from sqlmodel import Session

from campaigns.database import WAKER, announce
from campaigns.errors import DatabaseError

logger = logging.getLogger(__name__)

Account = tuple[str, str]  # municipality, channel


def wake(session: Session, accounts: Collection[Account]) -> None:
    """Something of these accounts may be sent now: workers get to know it when the session has committed.

    A wake-up that is lost costs a second: workers look at the outbox that often.
    """
    if not accounts:
        return
    announce(session)
    waker = session.info.get(WAKER)
    if waker is None:
        return
    try:
        waker(session, accounts)
    except DatabaseError as error:  # what the transaction is about must not be lost with it
        logger.error("%s", error.message, extra={"action": "wake_failed"})
