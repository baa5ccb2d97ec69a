"""Signing. A post may go out only when every party has signed the exact bytes that will be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import update
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.catalog import Catalog, Municipality
from campaigns.drafts import Draft, digest_of, facts_at, faults_by_channel, render_post
from campaigns.errors import NotFoundError, RefusedError, TemplateError, suggestion
from campaigns.localtime import after_quiet
from campaigns.models import Approval, ContentRow, Delivery, DeliveryState, FactConfirmation, Post, PostState
from campaigns.revisions import touch

# What is on its way, has left or may have left: such a channel gets no second delivery of the post.
_GONE = (
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.PUBLISHED,
    DeliveryState.HANDED_OVER,
    DeliveryState.MANUAL,
    DeliveryState.UNKNOWN,
)


@dataclass(frozen=True)
class Signed:
    """What was signed, whose signature is still wanting, and how many deliveries were queued."""

    post_id: int
    digest: str
    missing: tuple[str, ...]
    queued: int


def approve(
    session: Session,
    catalog: Catalog,
    messages: Path,
    post_id: int,
    *,
    party: str,
    name: str,
    now: datetime,
    digest: str | None = None,
) -> Signed:
    """Sign a post for `party` as `name`. The last party's signature queues its deliveries in the same transaction.

    The text is rendered and stored as it stands now; with `digest` the signature holds only for that very content
    (what the signer was shown). Signing the same content again changes nothing.
    Raises RefusedError, saying why, when the post cannot be signed; NotFoundError for an unknown post or party.
    """
    post = _locked(session, post_id)
    municipality = catalog.municipality(post.municipality)
    signer = _signer(municipality, party, name)
    _refuse_unsignable(post, now=now)
    draft = render_post(session, catalog, messages, post, now=now, facts=facts_at(session, catalog))
    _refuse_faulty(draft)
    if digest is not None and digest != draft.digest:
        raise RefusedError("Texten har ändrats sedan du såg den. Läs den igen och godkänn den nya texten.")
    if draft.digest != post.digest:
        _store(session, post, draft, now=now)
    live = _live_approvals(session, post)
    if any(item.name.casefold() == signer.casefold() and item.party != party for item in live):
        raise RefusedError(f"{signer} har redan godkänt för den andra parten. Parterna måste vara två olika personer.")
    if all(item.party != party for item in live):
        session.add(Approval(post_id=post_id, party=party, name=signer, digest=draft.digest, created_at=now))
        audit.record(
            session,
            now=now,
            municipality=post.municipality,
            actor=signer,
            action=f"godkände för {party}",
            subject=post.key,
            detail=draft.digest[:12],
        )
    signed = {item.party for item in live} | {party}
    missing = tuple(item.id for item in municipality.parties if item.id not in signed)
    queued = 0
    if not missing:
        post.state = PostState.APPROVED
        post.reason = ""
        queued = _queue(session, municipality, post, now=now)
    post.changed_at = now
    session.add(post)
    touch(session, post.municipality)
    return Signed(post_id, draft.digest, missing, queued)


def reject(
    session: Session, catalog: Catalog, post_id: int, *, party: str, name: str, reason: str, now: datetime
) -> None:
    """Reject a post with a reason: signatures are voided and what has not been sent is stopped."""
    post = _locked(session, post_id)
    signer = _signer(catalog.municipality(post.municipality), party, name)
    if not reason.strip():
        raise RefusedError("Skriv varför, så att den som ändrar texten vet vad som behövs.")
    if post.state == PostState.CANCELLED:
        raise RefusedError("Budskapet är inställt och kan inte avslås.")
    void(session, post, reason=f"Avslaget: {reason.strip()}", now=now)
    post.state = PostState.REJECTED
    post.reason = reason.strip()
    post.changed_at = now
    session.add(post)
    audit.record(
        session,
        now=now,
        municipality=post.municipality,
        actor=signer,
        action=f"avslog för {party}",
        subject=post.key,
        detail=reason.strip()[:200],
    )
    touch(session, post.municipality)


def void(session: Session, post: Post, *, reason: str, now: datetime) -> None:
    """Take back every live signature on `post` and stop what is still queued."""
    session.execute(
        update(Approval)
        .where(col(Approval.post_id) == post.id, col(Approval.voided_at).is_(None))
        .values(voided_at=now, void_reason=reason)
    )
    session.execute(
        update(Delivery)
        .where(col(Delivery.post_id) == post.id, col(Delivery.state) == DeliveryState.QUEUED)
        .values(state=DeliveryState.STOPPED, reason=reason, changed_at=now, token=Delivery.token + 1)
    )
    if post.state == PostState.APPROVED:
        post.state = PostState.DRAFT
        post.reason = reason
    post.digest = None
    session.add(post)


def replan(session: Session, catalog: Catalog, messages: Path, post_id: int, *, now: datetime) -> None:
    """A post's dates, channels or places changed. What has been sent stays.

    Where the text is still, byte for byte, what was signed, the queued deliveries move to the new times. Where it is
    not (most texts name the day) the signatures fall and the deliveries stop until the new text is signed.
    """
    post = session.get_one(Post, post_id, populate_existing=True)
    if post.digest is None:
        return
    if (
        not post.is_preliminary
        and not post.merged_into
        and _digest_now(session, catalog, messages, post, now=now) == post.digest
    ):
        zone = catalog.municipality(post.municipality).zone
        session.execute(
            update(Delivery)
            .where(col(Delivery.post_id) == post.id, col(Delivery.state) == DeliveryState.QUEUED)
            .values(
                due_at=post.due_at,
                not_after=post.not_after,
                next_attempt_at=after_quiet(max(post.due_at, now), zone),
                changed_at=now,
            )
        )
        return
    void(session, post, reason="Datum, platser eller kanaler har ändrats. Läs texten igen och godkänn den.", now=now)
    session.flush()


def _digest_now(session: Session, catalog: Catalog, messages: Path, post: Post, *, now: datetime) -> str | None:
    try:
        return render_post(session, catalog, messages, post, now=now, facts=facts_at(session, catalog)).digest
    except (TemplateError, NotFoundError):
        return None


def missing_signatures(session: Session, municipality: Municipality, posts: Sequence[Post]) -> dict[int, list[str]]:
    """Per post id, the parties whose live signature on the current content is wanting."""
    ids = [post.id for post in posts]
    signed: dict[int, set[str]] = {}
    for item in session.exec(select(Approval).where(col(Approval.post_id).in_(ids), col(Approval.voided_at).is_(None))):
        signed.setdefault(item.post_id, set()).add(item.party)
    return {
        post.id: [party.id for party in municipality.parties if party.id not in signed.get(post.id, set())]
        for post in posts
        if post.id is not None
    }


def unapproved_reasons(session: Session, catalog: Catalog, post_ids: Collection[int]) -> dict[int, str | None]:
    """Per post, why its stored content must not be sent, or None if every party has signed exactly it.

    Everything is computed again from the stored bytes; nothing that was noted earlier is trusted.
    """
    shas: dict[int, dict[tuple[str, str], str]] = {}
    contents = (
        select(ContentRow.post_id, ContentRow.channel, ContentRow.language, ContentRow.payload)
        .join(Post, col(Post.id) == col(ContentRow.post_id))
        .where(col(Post.id).in_(post_ids), ContentRow.version == Post.content_version)
    )
    for post_id, channel, language, payload in session.exec(contents):
        shas.setdefault(post_id, {})[channel, language] = hashlib.sha256(payload).hexdigest()
    signed: dict[int, list[tuple[str, str, str]]] = {}
    signatures = select(Approval.post_id, Approval.party, Approval.name, Approval.digest).where(
        col(Approval.post_id).in_(post_ids), col(Approval.voided_at).is_(None)
    )
    for post_id, party, name, digest in session.exec(signatures):
        signed.setdefault(post_id, []).append((party, name, digest))
    posts = select(Post.id, Post.municipality, Post.state, Post.digest).where(col(Post.id).in_(post_ids))
    reasons: dict[int, str | None] = {}
    for found_id, municipality_id, state, post_digest in session.exec(posts):
        assert found_id is not None
        municipality = catalog.municipalities.get(municipality_id)
        if municipality is None:
            reasons[found_id] = "Kommunen finns inte i inställningarna."
        elif state != PostState.APPROVED or post_digest != digest_of(shas.get(found_id, {})):
            is_approved = state == PostState.APPROVED and post_digest is not None
            reasons[found_id] = "Innehållet är inte det som godkändes." if is_approved else "Budskapet är inte godkänt."
        else:
            reasons[found_id] = _unsigned(municipality, signed.get(found_id, []), post_digest)
    return reasons


def _unsigned(municipality: Municipality, signatures: Sequence[tuple[str, str, str]], digest: str) -> str | None:
    live = {party: name for party, name, signed in signatures if signed == digest}
    missing = [party.name for party in municipality.parties if party.id not in live]
    if missing:
        return f"Godkännande saknas från {' och '.join(missing)}."
    if len({name.casefold() for name in live.values()}) < len(live):
        return "Samma person har godkänt för flera parter."
    return None


def confirm_fact(
    session: Session, catalog: Catalog, fact_id: str, *, name: str, valid_until: date, now: datetime
) -> None:
    """Note that a person has checked a fact and until when it holds. Raises NotFoundError or RefusedError."""
    if fact_id not in catalog.facts:
        raise NotFoundError(f"Det finns inget faktum ”{fact_id}”. {suggestion(fact_id, catalog.facts)}")
    if not name.strip():
        raise RefusedError("Ange vem som har kontrollerat uppgiften.")
    if valid_until < now.date():
        raise RefusedError(f"{valid_until.isoformat()} har redan varit. Ange till och med när uppgiften gäller.")
    session.add(FactConfirmation(fact=fact_id, valid_until=valid_until, confirmed_by=name.strip(), confirmed_at=now))
    audit.record(
        session,
        now=now,
        municipality="",
        actor=name.strip(),
        action="bekräftade faktum",
        subject=fact_id,
        detail=f"till och med {valid_until.isoformat()}",
    )


def _locked(session: Session, post_id: int) -> Post:
    post = session.exec(select(Post).where(Post.id == post_id).with_for_update()).one_or_none()
    if post is None:
        raise NotFoundError(f"Det finns inget budskap med nummer {post_id}. Se alla med: kampanjhjul posts")
    return post


def _signer(municipality: Municipality, party_id: str, name: str) -> str:
    party = municipality.party(party_id)
    name = " ".join(name.split())
    if not name:
        raise RefusedError("Ange vem som godkänner, till exempel --as ”Anna Andersson”.")
    if party.people and name not in party.people:
        raise RefusedError(f"{name} får inte godkänna för {party.name}. {suggestion(name, party.people)}")
    return name


def _refuse_unsignable(post: Post, *, now: datetime) -> None:
    if post.state == PostState.CANCELLED:
        raise RefusedError("Budskapet är inställt: steget finns inte längre i planen.")
    if post.merged_into:
        raise RefusedError(
            f"Budskapet ingår i {post.merged_into}, som når flera skolor samma dag. Godkänn det i stället."
        )
    if post.is_preliminary:
        raise RefusedError("Datumet är preliminärt. Bekräfta det först med: kampanjhjul dates set")
    if post.not_after <= now:
        raise RefusedError("Det är för sent: senaste tiden för budskapet har passerat, så det skickas inte.")


def _refuse_faulty(draft: Draft) -> None:
    if not draft.pieces:
        raise RefusedError("Budskapet har ingen kanal att gå ut i.")
    sentences = [
        f"{fault.message} ({', '.join(channels)})" for fault, channels in faults_by_channel(draft) if fault.is_blocking
    ]
    if sentences:
        raise RefusedError("Texten kan inte godkännas än:\n" + "\n".join(f"- {sentence}" for sentence in sentences))


def _store(session: Session, post: Post, draft: Draft, *, now: datetime) -> None:
    """Freeze the draft's bytes as the post's next version. Earlier signatures were for other bytes: they fall."""
    assert post.id is not None
    void(session, post, reason="Texten har ändrats.", now=now)
    post.content_version += 1
    post.digest = draft.digest
    session.add_all(
        ContentRow(
            post_id=post.id,
            version=post.content_version,
            channel=piece.channel,
            language=piece.language,
            payload=piece.payload,
            sha256=piece.sha256,
            created_at=now,
        )
        for piece in draft.pieces
    )
    session.flush()


def _live_approvals(session: Session, post: Post) -> Sequence[Approval]:
    return session.exec(select(Approval).where(Approval.post_id == post.id, col(Approval.voided_at).is_(None))).all()


def _queue(session: Session, municipality: Municipality, post: Post, *, now: datetime) -> int:
    """One delivery per channel and language of the signed version; a channel that has had the post gets no second."""
    assert post.id is not None
    earlier = session.exec(select(Delivery).where(Delivery.post_id == post.id)).all()
    rows = session.exec(
        select(ContentRow).where(ContentRow.post_id == post.id, ContentRow.version == post.content_version)
    ).all()
    first_try = after_quiet(max(post.due_at, now), municipality.zone)
    same_version = {row.id for row in rows}
    gone = {
        (item.channel, item.language)
        for item in earlier
        if item.state in _GONE or item.maybe_sent or item.content_id in same_version
    }
    wanted = [row for row in rows if (row.channel, row.language) not in gone]
    for row in wanted:
        assert row.id is not None
        session.add(
            Delivery(
                key=f"{post.key}:{row.channel}:{row.language}:{row.version}",
                post_id=post.id,
                content_id=row.id,
                municipality=post.municipality,
                channel=row.channel,
                kind=municipality.channel(row.channel).kind,
                language=row.language,
                due_at=post.due_at,
                not_after=post.not_after,
                next_attempt_at=first_try,
                created_at=now,
                changed_at=now,
            )
        )
    return len(wanted)
