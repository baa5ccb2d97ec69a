"""The log of acts: written in the same transaction as the act itself, and never changed afterwards.

Each entry's hash covers the entry and the hash of the one before it. Writing transactions come one at a time
(`campaigns.database`), so that the order of the entries is that of their numbers. Whoever changes, adds or takes away
an entry breaks the chain there; one who takes away the last ones is found by a hash that was written down elsewhere,
as each archive does.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import insert, select
from sqlmodel import Session

from campaigns.models import AuditEntry

START = ""  # what stands in place of the hash before the first entry


@dataclass(frozen=True)
class Chain:
    """What became of a look through the log. `broken` is the number of the first entry that is not as it was written.

    `head` is the hash of the last entry that is in order, and `has_known` whether the hash asked for stands there.
    """

    entries: int
    head: str
    broken: int | None = None
    has_known: bool = True

    @property
    def is_whole(self) -> bool:
        return self.broken is None and self.has_known


def record(
    session: Session, *, now: datetime, municipality: str, actor: str, action: str, subject: str, detail: str = ""
) -> None:
    """Add an entry to the log. `detail` must hold no addresses, tokens or message bodies."""
    connection = session.connection()
    before = connection.execute(_NEWEST).scalar()
    connection.execute(
        _RECORD,
        {
            "at": now,
            "municipality": municipality,
            "actor": actor,
            "action": action,
            "subject": subject,
            "detail": detail,
            "hash": entry_hash(before or START, now, municipality, actor, action, subject, detail),
        },
    )


def entry_hash(before: str, at: datetime, *words: str) -> str:
    """SHA-256, in hexadecimal, over the hash before and the entry: its time, then its words in the table's order."""
    told = json.dumps([before, at.astimezone(UTC).isoformat(), *words], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def verify(session: Session, *, known: str = "") -> Chain:
    """Go through the log from the first entry. `known` is a hash that was written down earlier, if there is one."""
    head, entries, has_known = START, 0, not known
    with session.connection().execute(_EVERY) as rows:
        for row in rows:
            expected = entry_hash(head, row.at, row.municipality, row.actor, row.action, row.subject, row.detail)
            if row.hash != expected:
                return Chain(entries, head, broken=row.id, has_known=has_known)
            head, entries = expected, entries + 1
            has_known = has_known or head == known
    return Chain(entries, head, has_known=has_known)


_AUDIT = AuditEntry.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_RECORD = insert(_AUDIT)
_NEWEST = select(_AUDIT.c.hash).order_by(_AUDIT.c.id.desc()).limit(1)
_EVERY = select(_AUDIT).order_by(_AUDIT.c.id).execution_options(yield_per=1_000)  # a log may be long
