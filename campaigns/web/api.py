"""The API, /api/v1: the use cases over HTTP with a bearer token.

A token sees and changes one municipality only, with one exception: facts are common to all, so a confirmed one is
confirmed for everybody. That takes a token that belongs to a party.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlmodel import Session, col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request

from campaigns import approval, texts
from campaigns.catalog import Municipality
from campaigns.drafts import Draft, render_post
from campaigns.errors import NotFoundError, RefusedError, TemplateError
from campaigns.facts import confirm_fact, facts_at
from campaigns.local_dates import set_local_date, unset_local_date, unusual
from campaigns.models import Approval, AuditEntry, Delivery, Post
from campaigns.post_list import posts_due
from campaigns.posts import shown_state
from campaigns.reminding.reminders import latest_reminders
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.season import season
from campaigns.sending import queue
from campaigns.signatures import missing_signatures
from campaigns.tokens import find_api_token
from campaigns.web import api_models as shape
from campaigns.web.problems import ForbiddenError
from campaigns.wiring import Parts

MOST_ROWS = 1000
LONGEST_SPAN = timedelta(days=3 * 366)

router = APIRouter(prefix="/api/v1")
_bearer = HTTPBearer(auto_error=False, description="En nyckel från: kampanjhjul token api")


@dataclass(frozen=True)
class Caller:
    """Who calls, as the token says, and when."""

    parts: Parts
    municipality: Municipality
    party: str
    name: str
    now: datetime

    @property
    def today(self) -> date:
        return self.now.astimezone(self.municipality.zone).date()


def _caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """The token's owner. Without a token, or with one that does not hold, the same answer: 401."""
    parts: Parts = request.app.state.parts
    if "\0" in request.url.path or b"%00" in request.scope["query_string"] or "%00" in request.url.path:
        raise HTTPException(422, "Adressen innehåller ett tecken som inte går att använda.")
    with parts.database.read() as session:
        token = find_api_token(session, given.credentials if given else "")
    municipality = parts.catalog.municipalities.get(token.municipality) if token else None
    if token is None or municipality is None:
        raise HTTPException(
            401,
            "Skicka en giltig nyckel i huvudet Authorization: Bearer. Skapa en med: kampanjhjul token api",
            headers={"WWW-Authenticate": 'Bearer realm="kampanjhjul"'},
        )
    return Caller(parts, municipality, token.party, token.name, parts.clock())


Who = Annotated[Caller, Depends(_caller)]
From = Annotated[shape.Day | None, Query(alias="from")]
To = Annotated[shape.Day | None, Query(alias="to")]
# What the databases' integers hold.
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Year = Annotated[int, Query(ge=FIRST_YEAR, le=LAST_YEAR)]


@router.get("/calendar")
def calendar(who: Who, year: Year | None = None, municipality: str | None = None) -> list[shape.OccurrenceAnswer]:
    """The occurrences of `year`, or of this year and the next."""
    _own(who, municipality)
    years = [year] if year else [who.today.year, who.today.year + 1]
    with who.parts.database.read() as session:
        laid = season(session, who.parts.catalog, who.municipality, years=years)
    return [shape.OccurrenceAnswer.of(item) for item in laid.occurrences]


@router.get("/plan")
def plan(who: Who, first: From = None, last: To = None) -> shape.PlanAnswer:
    """The steps due from `from` through `to` (local days), or in the coming year, and the clashes between them."""
    first, last = _span(who, first, last)
    # A step may be due in another year than its occurrence: nyår's follow-up, jul's early message.
    years = range(max(first.year - 1, FIRST_YEAR), min(last.year + 1, LAST_YEAR) + 1)
    zone = who.municipality.zone
    with who.parts.database.read() as session:
        laid = season(session, who.parts.catalog, who.municipality, years=years).plan
        steps = [step for step in laid.steps if first <= step.due_at.astimezone(zone).date() <= last]
        rows = {post.key: post for post in posts_due(session, who.municipality, first=first, last=last)}
    answers = [shape.StepAnswer.of(step, rows.get(step.key), now=who.now) for step in steps]
    return shape.PlanAnswer.of(answers, [clash for clash in laid.clashes if first <= clash.day <= last])


@router.get("/posts")
def list_posts(
    who: Who,
    municipality: str | None = None,
    campaign: str | None = None,
    state: str | None = None,
    first: From = None,
    last: To = None,
) -> list[shape.PostAnswer]:
    """The posts due from `from` through `to`, or in the coming year, by due time."""
    _own(who, municipality)
    first, last = _span(who, first, last)
    with who.parts.database.read() as session:
        due = posts_due(session, who.municipality, first=first, last=last)
        rows = [post for post in due if campaign in (None, post.campaign)][:MOST_ROWS]
        missing = missing_signatures(session, who.municipality, rows)
    return [
        shape.PostAnswer.of(post, missing.get(post.id or 0, ()), now=who.now)
        for post in rows
        if state is None or shown_state(post, now=who.now) == state
    ]


@router.get("/posts/{post_id}")
def show_post(who: Who, post_id: Number) -> shape.PostDetailAnswer:
    """A post with its text as it would go out, the faults in it, and the digest to approve."""
    with who.parts.database.read() as session:
        post = own_post(session, who, post_id)
        missing = missing_signatures(session, who.municipality, [post])[post_id]
        signed = session.exec(
            select(Approval)
            .where(Approval.post_id == post_id, col(Approval.voided_at).is_(None))
            .order_by(col(Approval.id))
        ).all()
        draft, sentence = _draft(session, who, post)
    return shape.PostDetailAnswer.with_text(shape.PostAnswer.of(post, missing, now=who.now), draft, sentence, signed)


@router.put("/posts/{post_id}/text")
def write_text(who: Who, post_id: Number, body: shape.TextRequest) -> shape.TextAnswer:
    """Save a new version of the text. Signatures fall and what is queued stops."""
    with who.parts.database.write() as session:
        own_post(session, who, post_id)
        row = texts.write_text(
            session,
            who.parts.catalog,
            post_id,
            language=body.language,
            channel=body.channel,
            source=body.source,
            author=who.name,
            now=who.now,
            messages=who.parts.messages,
        )
    assert row.id is not None
    return shape.TextAnswer(version=row.id, post=post_id, author=row.author, created_at=row.created_at)


@router.post("/posts/{post_id}/approve")
def approve(who: Who, post_id: Number, body: shape.ApproveRequest) -> shape.SignedAnswer:
    """Sign the text with this digest for the token's party. The last party's signature queues the deliveries."""
    party = own_party(who)
    with who.parts.database.write() as session:
        own_post(session, who, post_id)
        signed = approval.approve(
            session,
            who.parts.catalog,
            who.parts.messages,
            post_id,
            party=party,
            name=who.name,
            now=who.now,
            digest=body.digest,
        )
    return shape.SignedAnswer(post=post_id, digest=signed.digest, missing=list(signed.missing), queued=signed.queued)


@router.post("/posts/{post_id}/reject", status_code=204)
def reject(who: Who, post_id: Number, body: shape.RejectRequest) -> None:
    """Reject the text for the token's party: signatures fall and what is queued stops."""
    party = own_party(who)
    with who.parts.database.write() as session:
        own_post(session, who, post_id)
        approval.reject(
            session, who.parts.catalog, post_id, party=party, name=who.name, reason=body.reason, now=who.now
        )


@router.get("/queue")
def list_deliveries(who: Who, state: Annotated[list[str] | None, Query()] = None) -> list[shape.DeliveryAnswer]:
    """The deliveries by due time, oldest first; with `state` (repeatable) only those."""
    with who.parts.database.read() as session:
        rows = queue.deliveries(session, municipality=who.municipality.id, states=state or (), most=MOST_ROWS)
        return [shape.DeliveryAnswer.of(row) for row in rows]


@router.post("/deliveries/{delivery_id}/done")
def done(who: Who, delivery_id: Number, body: shape.DoneRequest) -> shape.DeliveryAnswer:
    """A task was done by hand, or an uncertain sending was seen to have gone out."""
    with who.parts.database.write() as session:
        own_delivery(session, who, delivery_id)
        return shape.DeliveryAnswer.of(
            queue.done(session, who.parts.catalog, delivery_id, name=who.name, url=body.url, now=who.now)
        )


@router.post("/deliveries/{delivery_id}/retry")
def retry(who: Who, delivery_id: Number) -> shape.DeliveryAnswer:
    """Try a failed or skipped delivery again, or an uncertain one that was seen not to have gone out."""
    with who.parts.database.write() as session:
        own_delivery(session, who, delivery_id)
        row = queue.retry(session, who.parts.catalog, delivery_id, name=who.name, now=who.now)
        return shape.DeliveryAnswer.of(row)


@router.put("/dates/{municipality}/{risk_date}/{year}")
def set_date(who: Who, municipality: str, risk_date: str, year: int, body: shape.DateRequest) -> shape.ChangesAnswer:
    """Enter, correct or confirm a locally decided date, and plan again. A confirmed unusual day needs `force`."""
    _own(who, municipality)
    if body.day.year != year:
        raise RefusedError(f"{body.day.isoformat()} ligger inte i år {year}, som står i adressen.")
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise RefusedError(f"Året ska ligga mellan {FIRST_YEAR} och {LAST_YEAR}.")
    with who.parts.database.write() as session:
        changes = set_local_date(
            session,
            who.parts.catalog,
            who.parts.messages,
            who.municipality,
            risk_date=risk_date,
            place=body.place,
            day=body.day,
            is_confirmed=body.confirmed,
            name=who.name,
            now=who.now,
            is_forced=body.force,
        )
    warning = next((unusual(item, body.day) for item in who.municipality.risk_dates if item.id == risk_date), "")
    return shape.ChangesAnswer.model_validate(changes).model_copy(update={"warning": warning})


@router.delete("/dates/{municipality}/{risk_date}/{year}")
def unset_date(who: Who, municipality: str, risk_date: str, year: Number, place: str = "") -> shape.ChangesAnswer:
    """Take back a date that was entered, and plan again. Refused when messages about the day have gone out."""
    _own(who, municipality)
    with who.parts.database.write() as session:
        changes = unset_local_date(
            session,
            who.parts.catalog,
            who.parts.messages,
            who.municipality,
            risk_date=risk_date,
            place=place,
            year=year,
            name=who.name,
            now=who.now,
        )
    return shape.ChangesAnswer.model_validate(changes)


@router.post("/facts/{fact_id}/confirm")
def confirm(who: Who, fact_id: str, body: shape.FactRequest) -> shape.FactAnswer:
    """Say that a fact has been checked and until when it holds. Facts are common to all municipalities."""
    own_party(who)
    with who.parts.database.write() as session:
        confirm_fact(session, who.parts.catalog, fact_id, name=who.name, valid_until=body.valid_until, now=who.now)
    return shape.FactAnswer(id=fact_id, valid_until=body.valid_until)


@router.get("/reminders")
def list_reminders(who: Who) -> list[shape.ReminderAnswer]:
    """The reminders, those of the latest day first."""
    with who.parts.database.read() as session:
        rows = latest_reminders(session, municipality=who.municipality.id, most=MOST_ROWS)
        return [shape.ReminderAnswer.model_validate(row) for row in rows]


@router.get("/audit")
def list_audit(who: Who) -> list[shape.AuditAnswer]:
    """The log of acts in the municipality, newest first."""
    query = select(AuditEntry).where(AuditEntry.municipality == who.municipality.id)
    query = query.order_by(col(AuditEntry.at).desc(), col(AuditEntry.id).desc()).limit(MOST_ROWS)
    with who.parts.database.read() as session:
        return [shape.AuditAnswer.model_validate(row) for row in session.exec(query)]


def _own(who: Caller, municipality: str | None) -> None:
    """Another municipality does not exist, as far as this token can tell."""
    if municipality not in (None, who.municipality.id):
        raise NotFoundError(f"Nyckeln gäller {who.municipality.id}, inte ”{municipality}”.")


def own_post(session: Session, who: Caller, post_id: int) -> Post:
    post = session.get(Post, post_id)
    if post is None or post.municipality != who.municipality.id:
        raise NotFoundError(f"Det finns inget budskap med nummer {post_id} i {who.municipality.name}.")
    return post


def own_delivery(session: Session, who: Caller, delivery_id: int) -> None:
    delivery = session.get(Delivery, delivery_id)
    if delivery is None or delivery.municipality != who.municipality.id:
        raise NotFoundError(f"Det finns ingen leverans med nummer {delivery_id} i {who.municipality.name}.")


def own_party(who: Caller) -> str:
    """The party that the token signs for. Raises ForbiddenError for one that signs for none."""
    if not who.party:
        raise ForbiddenError("Nyckeln hör inte till någon part och kan inte godkänna, avslå eller bekräfta.")
    return who.party


def _span(who: Caller, first: date | None, last: date | None) -> tuple[date, date]:
    first = first or who.today
    # The years first: nothing can be added to a day near the end of the calendar.
    is_known = FIRST_YEAR <= first.year <= LAST_YEAR
    last = last or (first + timedelta(days=365) if is_known else first)
    if not (is_known and first <= last <= first + LONGEST_SPAN and last.year <= LAST_YEAR):
        raise RefusedError(
            f"Ange högst tre år mellan {FIRST_YEAR} och {LAST_YEAR}, med ”from” före ”to”, till exempel "
            "?from=2027-01-01&to=2027-12-31."
        )
    return first, last


def _draft(session: Session, who: Caller, post: Post) -> tuple[Draft | None, str | None]:
    facts = facts_at(session, who.parts.catalog)
    try:
        return render_post(session, who.parts.catalog, who.parts.messages, post, now=who.now, facts=facts), None
    except (TemplateError, NotFoundError) as error:
        return None, error.message
