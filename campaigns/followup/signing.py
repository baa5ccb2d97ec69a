"""Signing a follow-up. A signature holds for the exact bytes; the last party's makes it public."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from campaigns.approval import signer_of
from campaigns.catalog import Municipality
from campaigns.errors import RefusedError
from campaigns.followup.document import digest_of
from campaigns.followup.periods import Period
from campaigns.followup.stored import FollowUp, live, locked, record, send_back, shown, void
from campaigns.models import FollowUpSignature
from campaigns.written import LONGEST_COMMENT, WrittenError, checked_actor, checked_reason, name_key, within


def sign(
    session: Session,
    municipality: Municipality,
    period: Period,
    *,
    party: str,
    name: str,
    digest: str,
    now: datetime,
) -> FollowUp:
    """Sign the follow-up with this digest for `party`. The last party's signature publishes it.

    Raises RefusedError, saying why, where it is not what was shown, or the person has signed for another party;
    NotFoundError if there is none.
    """
    row = locked(session, municipality, period.id)
    signer = signer_of(municipality, party, name)
    if digest_of(row.payload) != digest or row.digest != digest:
        raise RefusedError("Uppföljningen har ändrats sedan du såg den. Läs den igen och godkänn den nya.")
    standing = live(session, row)
    if any(name_key(item.name) == name_key(signer) and item.party != party for item in standing):
        raise RefusedError(f"{signer} har redan godkänt för den andra parten. Parterna måste vara två olika personer.")
    if all(item.party != party for item in standing):
        session.add(
            FollowUpSignature(follow_up_id=row.id or 0, party=party, name=signer, digest=digest, created_at=now)
        )
        session.flush()
        record(session, row, signer, f"godkände uppföljning för {party}", digest[:12], now=now)
    signed = shown(session, municipality, row)
    if not signed.missing and row.published_at is None:
        row.published_at = now
        session.add(row)
        record(session, row, signer, "publicerade uppföljning", digest[:12], now=now)
        signed = replace(signed, published_at=now)
    return signed


def take_back(
    session: Session, municipality: Municipality, period: Period, *, party: str, name: str, now: datetime
) -> FollowUp:
    """Take a party's signature back, while the follow-up is not published. Raises RefusedError where there is none."""
    row = locked(session, municipality, period.id)
    signer = signer_of(municipality, party, name)
    if row.published_at is not None:
        raise RefusedError("Uppföljningen är publicerad. Öppna den för rättelse i stället.")
    if all(item.party != party for item in live(session, row)):
        raise RefusedError("Det finns inget godkännande att ta tillbaka.")
    void(session, row, f"{signer} tog tillbaka godkännandet.", now=now, party=party)
    record(session, row, signer, f"tog tillbaka godkännandet av uppföljning för {party}", "", now=now)
    return shown(session, municipality, row)


def reject(
    session: Session, municipality: Municipality, period: Period, *, party: str, name: str, reason: str, now: datetime
) -> FollowUp:
    """Send a draft back with what should be changed: the signatures on it fall.

    Raises RefusedError for one that is published, WrittenError without a reason, NotFoundError if there is none.
    """
    row = locked(session, municipality, period.id)
    signer = signer_of(municipality, party, name)
    comment = within(reason.strip(), LONGEST_COMMENT, "Kommentaren")
    if not comment:
        raise WrittenError("Skriv vad som ska ändras, så att den som skriver vet vad som behövs.")
    if row.published_at is not None:
        raise RefusedError("Uppföljningen är publicerad. Öppna den för rättelse i stället.")
    void(session, row, f"{signer} skickade tillbaka uppföljningen: {comment}", now=now)
    send_back(session, row, party, signer, comment, now=now)
    return shown(session, municipality, row)


def reopen(
    session: Session, municipality: Municipality, period: Period, *, reason: str, name: str, now: datetime
) -> FollowUp:
    """Take a published follow-up down to be put right: it is a draft again, and everybody signs anew."""
    actor = checked_actor(name)
    why = checked_reason(reason, "Skriv vad som är fel, så att alla förstår varför den inte syns.")
    row = locked(session, municipality, period.id)
    if row.published_at is None:
        raise RefusedError("Uppföljningen är inte publicerad, så den går att ändra som den är.")
    row.published_at, row.changed_by, row.changed_at = None, actor, now
    row.digest = digest_of(row.payload)  # whoever signs it anew reads what is there, whoever wrote it
    session.add(row)
    void(session, row, f"{actor} öppnade uppföljningen för rättelse.", now=now)
    record(session, row, actor, "öppnade uppföljning för rättelse", why, now=now)
    return shown(session, municipality, row)
