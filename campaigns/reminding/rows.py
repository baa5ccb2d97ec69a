"""Reminders as they are made: each a value with a key, written once whatever happens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, insert, select
from sqlmodel import Session

from campaigns.models import Reminder

_REMINDER = Reminder.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_IDS = select(_REMINDER.c.key, _REMINDER.c.id).where(_REMINDER.c.key.in_(bindparam("keys", expanding=True)))
AT_A_TIME = 500  # databases limit the values in one statement


@dataclass(frozen=True)
class Row:
    """A reminder that may not have been made yet: the fields of `Reminder`."""

    key: str
    municipality: str
    kind: str
    subject: str
    occurrence: str
    deadline_day: date
    post_id: int | None = None
    delivery_id: int | None = None
    parties: str = ""
    detail: str = ""


def untold(session: Session, rows: Iterable[Row]) -> list[Row]:
    """Those of `rows` that have not been made, each once."""
    wanted = {row.key: row for row in rows}
    told = _ids(session, list(wanted))
    return [row for key, row in wanted.items() if key not in told]


def write(session: Session, rows: Sequence[Row], *, now: datetime) -> dict[str, int]:
    """Write rows that have not been made. Returns their ids by key."""
    if not rows:
        return {}
    session.execute(insert(_REMINDER), [{**asdict(row), "created_at": now} for row in rows])
    return _ids(session, [row.key for row in rows])


def _ids(session: Session, keys: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(keys), AT_A_TIME):
        rows = session.connection().execute(_IDS, {"keys": keys[start : start + AT_A_TIME]})
        found.update((key, row_id) for key, row_id in rows)
    return found
