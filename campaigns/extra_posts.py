"""Posts that people have added to a campaign, beside those of its recipe ("vid en förändrad lägesbild").

They have times of their own and a text from the start; the plan does not know them. What they count from can change
all the same: they are preliminary with their occurrence, and called off with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlmodel import Session

from campaigns import approval
from campaigns.catalog import Municipality
from campaigns.enqueue import LEFT_OUT, left_posts
from campaigns.models import OccurrenceRow, Post, PostState
from campaigns.occurrences import Occurrence, OccurrenceStatus

_OCCURRENCE = OccurrenceRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_POST = Post.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Followed:
    """Keys of the posts that changed, and the ids of those that must be held against their signatures."""

    changed: tuple[str, ...]
    cancelled: tuple[str, ...]
    signed: tuple[int, ...]


def follow(
    session: Session, municipality: Municipality, found: Sequence[Occurrence], *, years: Sequence[int], now: datetime
) -> Followed:
    """Let the added posts follow their occurrences, `found` being those of `years`. What is out stays as it is."""
    preliminary = {item.key: item.status is OccurrenceStatus.PRELIMINARY for item in found}
    changed, cancelled = [], []
    rows = _ahead(session, municipality, years, now=now)
    for row in rows:
        if row.occurrence in preliminary:
            if row.state == PostState.CANCELLED or row.is_preliminary != preliminary[row.occurrence]:
                state = PostState.DRAFT.value if row.state == PostState.CANCELLED else row.state
                values = {"is_preliminary": preliminary[row.occurrence], "state": state, "changed_at": now}
                session.execute(update(_POST).where(_POST.c.id == row.id).values(values))
                changed.append(row.key)
        elif row.state not in LEFT_OUT:
            approval.take_out(session, row.id, PostState.CANCELLED, "Tillfället finns inte längre.", now=now)
            cancelled.append(row.key)
    signed = tuple(row.id for row in rows if row.digest is not None)
    return Followed(tuple(changed), tuple(cancelled), signed)


def _ahead(session: Session, municipality: Municipality, years: Sequence[int], *, now: datetime) -> Sequence[Row[Any]]:
    query = (
        select(_POST.c.id, _POST.c.key, _POST.c.occurrence, _POST.c.state, _POST.c.digest, _POST.c.is_preliminary)
        .join(_OCCURRENCE, _OCCURRENCE.c.key == _POST.c.occurrence)
        .where(_POST.c.municipality == municipality.id, _POST.c.is_extra, _POST.c.not_after > now)
        .where(_OCCURRENCE.c.year.in_(years))
    )
    rows = session.execute(query).all()
    out = left_posts(session, [row.id for row in rows if row.digest is not None])
    return [row for row in rows if row.id not in out]
