"""The API of follow-ups: the periods, each as it is now, and what is stored, signed or sent back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter

from campaigns.followup import signing
from campaigns.followup.periods import period_from
from campaigns.followup.reporting import known_period, periods, report
from campaigns.followup.stored import FollowUp, follow_up, follow_ups
from campaigns.overviews import follow_up_files
from campaigns.web.api import Who, own_party
from campaigns.web.api_models import Answer, ApproveRequest, RejectRequest

router = APIRouter(prefix="/api/v1")


class PeriodAnswer(Answer):
    """A period that can be followed up. `state` is draft, published, changed (past the product) or empty.

    `digest` is of what is stored, and `missing` are the parties that have not signed it.
    """

    id: str
    title: str
    first_day: date
    last_day: date
    state: str
    digest: str
    missing: list[str]


class SignatureAnswer(Answer):
    party: str
    name: str
    at: datetime


class SentBackAnswer(SignatureAnswer):
    reason: str


class StoredAnswer(Answer):
    """A stored follow-up. `document` is what `digest` is of: what is signed. `sent_back` is told until it changes."""

    period: str
    state: str
    digest: str
    signatures: list[SignatureAnswer]
    missing: list[str]
    published_at: datetime | None
    sent_back: SentBackAnswer | None
    document: dict[str, Any]

    @classmethod
    def of(cls, found: FollowUp) -> StoredAnswer:
        back = found.sent_back
        return cls(
            period=found.document.period,
            state=found.state,
            digest=found.digest,
            signatures=[SignatureAnswer.model_validate(item) for item in found.signatures],
            missing=list(found.missing),
            published_at=found.published_at,
            sent_back=SentBackAnswer.model_validate(back) if back else None,
            document=follow_up_files.values(found.document),
        )


@router.get("/follow-ups")
def list_follow_ups(who: Who) -> list[PeriodAnswer]:
    """The periods of the municipality's promises, newest first: whole, years and tertials."""
    with who.parts.database.read() as session:
        known = {item.document.period: item for item in follow_ups(session, who.municipality)}
    return [
        PeriodAnswer(
            id=item.id,
            title=item.title,
            first_day=item.first,
            last_day=item.last,
            state=known[item.id].state if item.id in known else "",
            digest=known[item.id].digest if item.id in known else "",
            missing=list(known[item.id].missing) if item.id in known else [],
        )
        for item in periods(who.parts.catalog, who.municipality, today=who.today)
    ]


@router.get("/follow-ups/{period}")
def show_follow_up(who: Who, period: str) -> dict[str, Any]:
    """What was done for each promise in the period, counted now."""
    wanted = known_period(who.parts.catalog, who.municipality, period, today=who.today)
    with who.parts.database.read() as session:
        return follow_up_files.values(report(session, who.parts.catalog, who.municipality, wanted, now=who.now))


@router.get("/follow-ups/{period}/stored")
def show_stored(who: Who, period: str) -> StoredAnswer:
    """The draft or the published follow-up of the period, with whose signatures on it stand."""
    with who.parts.database.read() as session:
        return StoredAnswer.of(follow_up(session, who.municipality, period_from(period).id))


@router.post("/follow-ups/{period}/approve")
def approve_follow_up(who: Who, period: str, body: ApproveRequest) -> StoredAnswer:
    """Sign the follow-up with this digest for the token's party. The last party's signature publishes it."""
    party = own_party(who)
    with who.parts.database.write() as session:
        signed = signing.sign(
            session,
            who.municipality,
            period_from(period),
            party=party,
            name=who.name,
            digest=body.digest,
            now=who.now,
        )
    return StoredAnswer.of(signed)


@router.post("/follow-ups/{period}/reject")
def reject_follow_up(who: Who, period: str, body: RejectRequest) -> StoredAnswer:
    """Send the draft back for the token's party, saying what should be changed. The signatures on it fall."""
    party = own_party(who)
    with who.parts.database.write() as session:
        sent = signing.reject(
            session,
            who.municipality,
            period_from(period),
            party=party,
            name=who.name,
            reason=body.reason,
            now=who.now,
        )
    return StoredAnswer.of(sent)
