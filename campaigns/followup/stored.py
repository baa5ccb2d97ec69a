"""Follow-ups as they are stored: the exact bytes, and whose signatures on them stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.catalog import Municipality
from campaigns.errors import NotFoundError
from campaigns.followup.document import Document, digest_of, document_from
from campaigns.models import AuditEntry, FollowUpRow, FollowUpSignature
from campaigns.revisions import touch

_SENT_BACK = "skickade tillbaka uppföljning för "


@dataclass(frozen=True)
class Signature:
    """Who signed a follow-up for which party, when (UTC)."""

    party: str
    name: str
    at: datetime


@dataclass(frozen=True)
class SentBack:
    """Somebody has read these very bytes for a party and wants them changed: who, why, when (UTC)."""

    name: str
    party: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class FollowUp:
    """A stored follow-up. `missing` are the parties' ids whose signature on these bytes is wanting.

    `is_whole`: the bytes are those that were written here and, where it is published, signed.
    """

    id: int
    document: Document
    digest: str
    signatures: tuple[Signature, ...]
    missing: tuple[str, ...]
    made_at: datetime
    changed_by: str
    changed_at: datetime
    published_at: datetime | None
    is_whole: bool = True
    sent_back: SentBack | None = None

    @property
    def is_published(self) -> bool:
        return self.published_at is not None

    @property
    def state(self) -> str:
        """Draft, published, or changed: somebody has changed it past the product, and nobody but staff sees it."""
        if not self.is_whole:
            return "changed"
        return "published" if self.is_published else "draft"


def follow_up(session: Session, municipality: Municipality, period: str) -> FollowUp:
    """The stored follow-up of the period with this id. Raises NotFoundError."""
    row = row_of(session, municipality, period)
    if row is None:
        raise NotFoundError("Det finns inget utkast till uppföljning för den perioden.")
    return shown(session, municipality, row)


def follow_ups(session: Session, municipality: Municipality) -> list[FollowUp]:
    """All that are stored, those of the newest days first, a longer period before the shorter ones in it."""
    rows = session.exec(select(FollowUpRow).where(FollowUpRow.municipality == municipality.id)).all()
    return [
        shown(session, municipality, row)
        for row in sorted(rows, key=lambda row: (row.last_day, -row.first_day.toordinal()), reverse=True)
    ]


def published(session: Session, municipality: Municipality) -> list[FollowUp]:
    """Those that every party has signed: what anybody may read.

    The bytes are held against the signatures again. Who the parties are may have changed since they signed.
    """
    return [item for item in follow_ups(session, municipality) if item.state == "published"]


def row_of(session: Session, municipality: Municipality, period: str) -> FollowUpRow | None:
    """The row of the period with this id, if there is one."""
    same = (FollowUpRow.municipality == municipality.id, FollowUpRow.period == period)
    return session.exec(select(FollowUpRow).where(*same)).one_or_none()


def locked(session: Session, municipality: Municipality, period: str) -> FollowUpRow:
    """The row, for this transaction alone. Raises NotFoundError."""
    same = (FollowUpRow.municipality == municipality.id, FollowUpRow.period == period)
    query = select(FollowUpRow).where(*same).with_for_update().execution_options(populate_existing=True)
    row = session.exec(query).one_or_none()
    if row is None:
        raise NotFoundError("Det finns inget utkast till uppföljning för den perioden.")
    return row


def live(session: Session, row: FollowUpRow) -> Sequence[FollowUpSignature]:
    """The signatures that nobody has taken back and no change has voided."""
    query = select(FollowUpSignature).where(
        FollowUpSignature.follow_up_id == row.id, col(FollowUpSignature.voided_at).is_(None)
    )
    return session.exec(query.order_by(col(FollowUpSignature.id))).all()


def shown(session: Session, municipality: Municipality, row: FollowUpRow) -> FollowUp:
    """The row as others see it: only signatures on the very bytes count."""
    digest = digest_of(row.payload)
    standing = [item for item in live(session, row) if item.digest == digest]
    signed = {item.party for item in standing}
    assert row.id is not None
    return FollowUp(
        id=row.id,
        document=document_from(row.payload),
        digest=digest,
        signatures=tuple(Signature(item.party, item.name, item.created_at) for item in standing),
        missing=tuple(party.id for party in municipality.parties if party.id not in signed),
        made_at=row.made_at,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
        published_at=row.published_at,
        is_whole=row.digest == digest and (row.published_at is None or bool(standing)),
        sent_back=None if row.published_at else _sent_back(session, row, digest),
    )


def send_back(session: Session, row: FollowUpRow, party: str, signer: str, comment: str, *, now: datetime) -> None:
    """Write into the log that somebody wants just these bytes changed: when they are, it is told no more."""
    record(session, row, signer, f"{_SENT_BACK}{party}", f"{digest_of(row.payload)[:12]}: {comment}", now=now)


def _sent_back(session: Session, row: FollowUpRow, digest: str) -> SentBack | None:
    query = (
        select(AuditEntry)
        .where(AuditEntry.at >= row.made_at, AuditEntry.municipality == row.municipality)
        .where(AuditEntry.subject == log_subject(row.period), col(AuditEntry.action).startswith(_SENT_BACK))
        .order_by(col(AuditEntry.id).desc())
    )
    entry = session.exec(query).first()
    seal, _, reason = entry.detail.partition(": ") if entry else ("", "", "")
    if entry is None or seal != digest[:12]:
        return None
    return SentBack(entry.actor, entry.action.removeprefix(_SENT_BACK), reason, entry.at)


def void(session: Session, row: FollowUpRow, reason: str, *, now: datetime, party: str = "") -> None:
    """Let the signatures fall, or only that of one `party`."""
    query = (
        update(FollowUpSignature)
        .where(col(FollowUpSignature.follow_up_id) == row.id, col(FollowUpSignature.voided_at).is_(None))
        .values(voided_at=now, void_reason=reason)
    )
    session.execute(query.where(col(FollowUpSignature.party) == party) if party else query)


def log_subject(period: str) -> str:
    """What the log calls the follow-up of the period with this id."""
    return f"uppföljning {period}"


def record(session: Session, row: FollowUpRow, actor: str, action: str, detail: str, *, now: datetime) -> None:
    """Write what was done to a follow-up into the log."""
    audit.record(
        session,
        now=now,
        municipality=row.municipality,
        actor=actor,
        action=action,
        subject=log_subject(row.period),
        detail=detail,
    )
    touch(session, row.municipality)
