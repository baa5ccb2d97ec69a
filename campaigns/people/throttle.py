"""How often signing in can be tried and fail, by whose address and by where from. Shared by all processes."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from campaigns.errors import RefusedError
from campaigns.models import Throttle

WINDOW = timedelta(minutes=15)
MOST_PER_ADDRESS = 8
MOST_PER_ORIGIN = 40


def refuse_if_too_many(session: Session, email: str, origin: str | None, *, now: datetime) -> None:
    """Raises RefusedError when it has failed too often lately.

    `origin` None: where from does not count, since the browser has signed in with this address before. A whole
    municipality often comes from one place, and a guesser there must not shut everybody out.
    """
    bounds = {_key("address", email): MOST_PER_ADDRESS}
    if origin is not None:
        bounds[_key("origin", origin)] = MOST_PER_ORIGIN
    rows = session.exec(select(Throttle).where(col(Throttle.key).in_(bounds))).all()
    if any(row.since > now - WINDOW and row.failures >= bounds[row.key] for row in rows):
        raise RefusedError("Det har blivit fel för många gånger. Vänta en kvart och försök igen.")


def admit(session: Session, email: str, origin: str, *, now: datetime, counts_origin: bool = True) -> None:
    """Count a try that is about to be made, as if it failed; `forget` takes it back when it went well.

    Counted before it is made, in the transaction that looks: those who try at many processes at once get no more tries
    than those who wait for each answer. Raises RefusedError when it has failed too often lately.
    """
    refuse_if_too_many(session, email, origin if counts_origin else None, now=now)
    count_failure(session, email, origin, now=now)


def count_failure(session: Session, email: str, origin: str, *, now: datetime) -> None:
    """Count one failed try, and forget those that are out of the window."""
    session.execute(delete(Throttle).where(col(Throttle.since) <= now - WINDOW))
    for key in (_key("address", email), _key("origin", origin)):
        row = session.get(Throttle, key) or Throttle(key=key, failures=0, since=now)
        row.failures += 1
        session.add(row)


def refuse_origin_if_too_many(session: Session, what: str, origin: str, *, now: datetime) -> None:
    """Raises RefusedError when somebody from there has guessed at `what` too often lately."""
    row = session.get(Throttle, _key(what, origin))
    if row is not None and row.since > now - WINDOW and row.failures >= MOST_PER_ORIGIN:
        raise RefusedError("Det har blivit fel för många gånger. Vänta en kvart och försök igen.")


def count_guess(session: Session, what: str, origin: str, *, now: datetime) -> None:
    """Count one wrong guess at `what`, and forget those that are out of the window."""
    session.execute(delete(Throttle).where(col(Throttle.since) <= now - WINDOW))
    row = session.get(Throttle, _key(what, origin)) or Throttle(key=_key(what, origin), failures=0, since=now)
    row.failures += 1
    session.add(row)


def forget(session: Session, email: str, origin: str) -> None:
    """It went well: the address's failures no longer count. Those of where it came from still do, without this one."""
    session.execute(delete(Throttle).where(col(Throttle.key) == _key("address", email)))
    row = session.get(Throttle, _key("origin", origin))
    if row is not None and row.failures > 0:
        row.failures -= 1
        session.add(row)


def _key(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}\0{value}".encode()).hexdigest()
