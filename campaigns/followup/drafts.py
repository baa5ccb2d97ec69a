"""A follow-up from draft to published: made once for each period, edited, counted again, signed by every party.

A signature holds for the exact bytes. Any change voids those that are there; the last one makes it public.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.additions import checked_actor
from campaigns.approval import signer_of, way_of
from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError, RefusedError
from campaigns.followup.document import Document, Words, digest_of, document_from
from campaigns.followup.periods import Period, newly_ended
from campaigns.followup.reporting import known_period, periods, report
from campaigns.models import FollowUpRow, FollowUpSignature
from campaigns.revisions import touch

LONGEST_WORDS = 4_000
WORKER = "Kampanjhjulet"


@dataclass(frozen=True)
class Signature:
    """Who signed a follow-up for which party, when (UTC)."""

    party: str
    name: str
    at: datetime


@dataclass(frozen=True)
class FollowUp:
    """A stored follow-up. `missing` are the parties' ids whose signature on these bytes is wanting."""

    id: int
    document: Document
    digest: str
    signatures: tuple[Signature, ...]
    missing: tuple[str, ...]
    made_at: datetime
    changed_by: str
    changed_at: datetime
    published_at: datetime | None

    @property
    def is_published(self) -> bool:
        return self.published_at is not None


def to_be_made(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> list[Period]:
    """The periods that have lately ended and that nobody has made a follow-up of."""
    today = now.astimezone(municipality.zone).date()
    made = set(session.exec(select(FollowUpRow.period).where(FollowUpRow.municipality == municipality.id)))
    return [
        item for item in newly_ended(periods(catalog, municipality, today=today), today=today) if item.id not in made
    ]


def make(
    session: Session, catalog: Catalog, municipality: Municipality, period: Period, *, name: str, now: datetime
) -> FollowUp:
    """A draft for the period; the one that there is, if somebody has made it already.

    Raises RefusedError before the period is over.
    """
    actor = checked_actor(name)
    today = now.astimezone(municipality.zone).date()
    known_period(catalog, municipality, period.id, today=today)
    if period.last >= today:
        raise RefusedError(f"{period.title} är inte slut. Siffrorna syns ändå på sidan Uppföljning.")
    row = _row(session, municipality, period.id)
    if row is None:
        payload = report(session, catalog, municipality, period, now=now).to_bytes()
        row = FollowUpRow(
            municipality=municipality.id,
            period=period.id,
            first_day=period.first,
            last_day=period.last,
            payload=payload,
            digest=digest_of(payload),
            made_at=now,
            changed_by=actor,
            changed_at=now,
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:  # another worker was first
            return follow_up(session, municipality, period.id)
        _record(session, row, actor, "gjorde utkast till uppföljning", "", now=now)
    return _shown(session, municipality, row)


def rewrite(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    period: Period,
    *,
    words: Words,
    digest: str,
    is_counted_again: bool,
    name: str,
    now: datetime,
) -> FollowUp:
    """Change what people have written in a draft, and with `is_counted_again` count everything anew.

    `digest` is of what the person was shown: where somebody else has changed it since, it is refused. Signatures fall
    if anything changes. Raises RefusedError for one that is published, NotFoundError if there is none.
    """
    actor = checked_actor(name)
    words = Words(*(_checked_words(text) for text in (words.introduction, words.lessons, words.ahead)))
    row = _locked(session, municipality, period.id)
    if row.published_at is not None:
        raise RefusedError("Uppföljningen är publicerad. Öppna den för rättelse först.")
    if row.digest != digest:
        raise RefusedError("Någon annan har ändrat uppföljningen sedan du öppnade den. Läs den nya och ändra i den.")
    document = replace(document_from(row.payload), words=words)
    if is_counted_again:
        document = report(session, catalog, municipality, period, now=now, words=words)
    payload = document.to_bytes()
    if payload != row.payload:
        row.payload, row.digest, row.changed_by, row.changed_at = payload, digest_of(payload), actor, now
        session.add(row)
        _void(session, row, "Uppföljningen har ändrats.", now=now)
        _record(session, row, actor, "ändrade uppföljning", row.digest[:12], now=now)
    return _shown(session, municipality, row)


def sign(
    session: Session,
    municipality: Municipality,
    period: Period,
    *,
    party: str,
    name: str,
    digest: str,
    now: datetime,
    through: str = "",
) -> FollowUp:
    """Sign the follow-up with this digest for `party`. The last party's signature publishes it.

    Raises RefusedError, saying why, where it is not what was shown, or the person has signed for another party;
    NotFoundError if there is none.
    """
    row = _locked(session, municipality, period.id)
    signer = signer_of(municipality, party, name)
    if digest_of(row.payload) != digest or row.digest != digest:
        raise RefusedError("Uppföljningen har ändrats sedan du såg den. Läs den igen och godkänn den nya.")
    live = _live(session, row)
    if any(item.name.casefold() == signer.casefold() and item.party != party for item in live):
        raise RefusedError(f"{signer} har redan godkänt för den andra parten. Parterna måste vara två olika personer.")
    if all(item.party != party for item in live):
        session.add(
            FollowUpSignature(follow_up_id=row.id or 0, party=party, name=signer, digest=digest, created_at=now)
        )
        session.flush()
        _record(session, row, signer, f"godkände uppföljning för {party}{way_of(through)}", digest[:12], now=now)
    shown = _shown(session, municipality, row)
    if not shown.missing and row.published_at is None:
        row.published_at = now
        session.add(row)
        _record(session, row, signer, "publicerade uppföljning", digest[:12], now=now)
        shown = replace(shown, published_at=now)
    return shown


def take_back(
    session: Session, municipality: Municipality, period: Period, *, party: str, name: str, now: datetime
) -> FollowUp:
    """Take a party's signature back, while the follow-up is not published. Raises RefusedError where there is none."""
    row = _locked(session, municipality, period.id)
    signer = signer_of(municipality, party, name)
    if row.published_at is not None:
        raise RefusedError("Uppföljningen är publicerad. Öppna den för rättelse i stället.")
    if all(item.party != party for item in _live(session, row)):
        raise RefusedError("Det finns inget godkännande att ta tillbaka.")
    _void(session, row, f"{signer} tog tillbaka godkännandet.", now=now, party=party)
    _record(session, row, signer, f"tog tillbaka godkännandet av uppföljning för {party}", "", now=now)
    return _shown(session, municipality, row)


def reopen(
    session: Session, municipality: Municipality, period: Period, *, reason: str, name: str, now: datetime
) -> FollowUp:
    """Take a published follow-up down to be put right: it is a draft again, and everybody signs anew."""
    actor, why = checked_actor(name), " ".join(reason.split())[:300]
    if not why:
        raise RefusedError("Skriv vad som är fel, så att alla förstår varför den inte syns.")
    row = _locked(session, municipality, period.id)
    if row.published_at is None:
        raise RefusedError("Uppföljningen är inte publicerad, så den går att ändra som den är.")
    row.published_at, row.changed_by, row.changed_at = None, actor, now
    session.add(row)
    _void(session, row, f"{actor} öppnade uppföljningen för rättelse.", now=now)
    _record(session, row, actor, "öppnade uppföljning för rättelse", why, now=now)
    return _shown(session, municipality, row)


def follow_up(session: Session, municipality: Municipality, period: str) -> FollowUp:
    """The stored follow-up of the period with this id. Raises NotFoundError."""
    row = _row(session, municipality, period)
    if row is None:
        raise NotFoundError("Det finns inget utkast till uppföljning för den perioden.")
    return _shown(session, municipality, row)


def follow_ups(session: Session, municipality: Municipality) -> list[FollowUp]:
    """All that are stored, those of the newest days first, a longer period before the shorter ones in it."""
    rows = session.exec(select(FollowUpRow).where(FollowUpRow.municipality == municipality.id)).all()
    return [
        _shown(session, municipality, row)
        for row in sorted(rows, key=lambda row: (row.last_day, -row.first_day.toordinal()), reverse=True)
    ]


def published(session: Session, municipality: Municipality) -> list[FollowUp]:
    """Those that every party has signed: what anybody may read.

    The bytes are held against the signatures again. Who the parties are may have changed since they signed.
    """
    return [item for item in follow_ups(session, municipality) if item.is_published and item.signatures]


def _row(session: Session, municipality: Municipality, period: str) -> FollowUpRow | None:
    same = (FollowUpRow.municipality == municipality.id, FollowUpRow.period == period)
    return session.exec(select(FollowUpRow).where(*same)).one_or_none()


def _locked(session: Session, municipality: Municipality, period: str) -> FollowUpRow:
    same = (FollowUpRow.municipality == municipality.id, FollowUpRow.period == period)
    query = select(FollowUpRow).where(*same).with_for_update().execution_options(populate_existing=True)
    row = session.exec(query).one_or_none()
    if row is None:
        raise NotFoundError("Det finns inget utkast till uppföljning för den perioden.")
    return row


def _live(session: Session, row: FollowUpRow) -> Sequence[FollowUpSignature]:
    query = select(FollowUpSignature).where(
        FollowUpSignature.follow_up_id == row.id, col(FollowUpSignature.voided_at).is_(None)
    )
    return session.exec(query.order_by(col(FollowUpSignature.id))).all()


def _shown(session: Session, municipality: Municipality, row: FollowUpRow) -> FollowUp:
    digest = digest_of(row.payload)
    live = [item for item in _live(session, row) if item.digest == digest]
    signed = {item.party for item in live}
    assert row.id is not None
    return FollowUp(
        id=row.id,
        document=document_from(row.payload),
        digest=digest,
        signatures=tuple(Signature(item.party, item.name, item.created_at) for item in live),
        missing=tuple(party.id for party in municipality.parties if party.id not in signed),
        made_at=row.made_at,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
        published_at=row.published_at,
    )


def _void(session: Session, row: FollowUpRow, reason: str, *, now: datetime, party: str = "") -> None:
    query = (
        update(FollowUpSignature)
        .where(col(FollowUpSignature.follow_up_id) == row.id, col(FollowUpSignature.voided_at).is_(None))
        .values(voided_at=now, void_reason=reason)
    )
    session.execute(query.where(col(FollowUpSignature.party) == party) if party else query)


def _checked_words(text: str) -> str:
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if len(text) > LONGEST_WORDS:
        raise RefusedError(f"Texten får ha högst {LONGEST_WORDS} tecken. Den här har {len(text)}.")
    return text


def _record(session: Session, row: FollowUpRow, actor: str, action: str, detail: str, *, now: datetime) -> None:
    audit.record(
        session,
        now=now,
        municipality=row.municipality,
        actor=actor,
        action=action,
        subject=f"uppföljning {row.period}",
        detail=detail,
    )
    touch(session, row.municipality)
