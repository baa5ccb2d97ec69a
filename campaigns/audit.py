"""The log of acts: written in the same transaction as the act itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert
from sqlmodel import Session

from campaigns.models import AuditEntry


def record(
    session: Session, *, now: datetime, municipality: str, actor: str, action: str, subject: str, detail: str = ""
) -> None:
    """Add an entry to the log. `detail` must hold no addresses, tokens or message bodies."""
    session.connection().execute(
        _RECORD,
        {
            "at": now,
            "municipality": municipality,
            "actor": actor,
            "action": action,
            "subject": subject,
            "detail": detail,
        },
    )


_RECORD = insert(AuditEntry.__table__)  # type: ignore[attr-defined]  # SQLModel gives every table model one
