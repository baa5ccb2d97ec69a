"""What a database that has been brought back from a copy does not know: what went out after the copy was made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session

from campaigns.models import Delivery
from campaigns.revisions import touch

_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one


def doubt(
    session: Session, *, since: datetime, now: datetime, repeatable_kinds: Sequence[str], local_kinds: Sequence[str]
) -> int:
    """Doubt the deliveries that fell due from `since`, when the copy was made, to `now` (UTC). Returns how many.

    Where a repeat is harmless or can be found out (`repeatable_kinds`) they are sent again as what may have been sent.
    Elsewhere the outcome is unknown and a person must look. Nothing left the machine for `local_kinds`.
    """
    fell_due = (
        _DELIVERY.c.state == "queued",
        _DELIVERY.c.act == "publish",
        _DELIVERY.c.kind.not_in(local_kinds),
        _DELIVERY.c.next_attempt_at <= now,
        _DELIVERY.c.not_after >= since,
    )
    municipalities = session.execute(select(_DELIVERY.c.municipality).where(*fell_due).distinct()).scalars().all()
    again = session.connection().execute(
        update(_DELIVERY)
        .where(*fell_due, _DELIVERY.c.kind.in_(repeatable_kinds))
        .values(maybe_sent=True, changed_at=now)
    )
    unknown = session.connection().execute(
        update(_DELIVERY)
        .where(*fell_due, _DELIVERY.c.kind.not_in(repeatable_kinds))
        .values(
            state="unknown",
            token=_DELIVERY.c.token + 1,
            maybe_sent=True,
            reason="Databasen är återläst från en äldre kopia. Kontrollera i kanalen om den gick ut.",
            changed_at=now,
        )
    )
    touch(session, *municipalities)
    return again.rowcount + unknown.rowcount
