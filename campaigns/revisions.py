"""The counter that tells the feeds and pages that something a reader can see has changed."""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import Session

from campaigns.database import announce

_TOUCH = text(
    "INSERT INTO revision (municipality, value, published) VALUES (:municipality, 1, 0) "
    "ON CONFLICT (municipality) DO UPDATE SET value = revision.value + 1"
)


def touch(session: Session, *municipalities: str) -> None:
    """Raise the municipalities' revisions, in the transaction that makes the change."""
    if municipalities:
        session.connection().execute(_TOUCH, [{"municipality": name} for name in municipalities])
        announce(session)
