"""Signing. A post may go out only when every party has signed the exact bytes that will be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session, col, select

from campaigns import audit, counted_links, picture_rows
from campaigns.catalog import Catalog, Municipality
from campaigns.drafts import Draft, faults_by_channel, render_post
from campaigns.enqueue import LEFT_OUT, enqueue, left_posts
from campaigns.errors import NotFoundError, RefusedError, TemplateError, suggestion
from campaigns.facts import facts_at
from campaigns.localtime import after_quiet
from campaigns.models import Act, Approval, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.revisions import touch
from campaigns.signatures import live_signatures
from campaigns.swedish import POST_STATES
from campaigns.written import LONGEST_ACTOR, LONGEST_COMMENT, WrittenError, name_key, name_of, within


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
    earliest: datetime | None = None,
    through: str = "",
    link_maker: str = "",
) -> Signed:
    """Sign a post for `party` as `name`. The last party's signature queues its deliveries in the same transaction.

    The text is rendered and stored as it stands now; with `digest` the signature holds only for that very content
    (what the signer was shown). Signing the same content again changes nothing. What is due already starts no sooner
    than `earliest`, if it can wait so long. `through` tells the log by what other way than an account it was signed,
    and `link_maker` is who made the personal address that it was signed at: nobody's addresses alone approve a post.
    Raises RefusedError, saying why, when the post cannot be signed; NotFoundError for an unknown post or party.
    """
    post = locked_post(session, post_id)
    municipality = catalog.municipality(post.municipality)
    signer = signer_of(municipality, party, name)
    _refuse_unsignable(post, now=now)
    draft = render_post(session, catalog, messages, post, now=now, facts=facts_at(session, catalog))
    _refuse_faulty(draft)
    if digest is not None and digest != draft.digest:
        raise RefusedError("Texten har ändrats sedan du såg den. Läs den igen och godkänn den nya texten.")
    if draft.digest != post.digest:
        _store(session, post, draft, now=now)
    live = live_signatures(session, post_id)
    others = [item for item in live if item.party != party]
    if any(name_key(item.name) == name_key(signer) for item in others):
        raise RefusedError(f"{signer} har redan godkänt för den andra parten. Parterna måste vara två olika personer.")
    signed = {item.party for item in live} | {party}
    missing = tuple(item.id for item in municipality.parties if item.id not in signed)
    if len(others) == len(live):
        if not missing and link_maker and all(name_key(item.link_maker) == name_key(link_maker) for item in others):
            raise RefusedError(
                f"{link_maker} har gjort alla länkar som budskapet är godkänt genom. En person kan inte ordna alla "
                "godkännanden: låt någon annan göra den sista länken, eller godkänn med ett konto."
            )
        signature = {"post_id": post_id, "party": party, "name": signer, "digest": draft.digest, "created_at": now}
        session.connection().execute(_SIGN, signature | {"link_maker": link_maker})
        audit.record(
            session,
            now=now,
            municipality=post.municipality,
            actor=signer,
            action=f"godkände för {party}{way_of(through)}",
            subject=post.key,
            detail=draft.digest[:12],
        )
    queued = 0
    if not missing:
        post.state = PostState.APPROVED
        post.reason = ""
        session.flush()
        queued = enqueue(session, municipality, post, now=now, earliest=earliest)
    elif post.state == PostState.REJECTED:
        post.state = PostState.DRAFT  # somebody stands for the text again: it waits for the others
        post.reason = f"Avslogs förut av {post.reason}"
    post.changed_at = now
    session.add(post)
    touch(session, post.municipality)
    return Signed(post_id, draft.digest, missing, queued)


def reject(
    session: Session,
    catalog: Catalog,
    post_id: int,
    *,
    party: str,
    name: str,
    reason: str,
    now: datetime,
    through: str = "",
) -> None:
    """Reject a post with a reason: signatures are voided and what has not been sent is stopped."""
    post = locked_post(session, post_id)
    municipality = catalog.municipality(post.municipality)
    signer = signer_of(municipality, party, name)
    comment = within(reason.strip(), LONGEST_COMMENT, "Kommentaren")
    if not comment:
        raise WrittenError("Skriv varför, så att den som ändrar texten vet vad som behövs.")
    if post.state in LEFT_OUT:
        raise RefusedError(f"Budskapet är {POST_STATES[post.state].lower()} och kan inte avslås.")
    if left_posts(session, [post_id]):
        raise RefusedError("Budskapet har redan gått ut i alla sina kanaler och kan inte avslås.")
    void(session, post, reason=f"Avslaget: {comment}", now=now)
    post.state = PostState.REJECTED
    post.reason = f"{signer}, {municipality.party(party).name}: {comment}"
    post.changed_at = now
    session.add(post)
    audit.record(
        session,
        now=now,
        municipality=post.municipality,
        actor=signer,
        action=f"avslog för {party}{way_of(through)}",
        subject=post.key,
        detail=comment,
    )
    touch(session, post.municipality)


def void(session: Session, post: Post, *, reason: str, now: datetime) -> None:
    """Take back every live signature on `post` and stop what has not left: what is queued, and tasks not yet done."""
    session.execute(
        update(Approval)
        .where(col(Approval.post_id) == post.id, col(Approval.voided_at).is_(None))
        .values(voided_at=now, void_reason=reason)
    )
    stop_unsent(session, post, reason=reason, now=now)
    if post.state == PostState.APPROVED:
        post.state = PostState.DRAFT
        post.reason = reason
    post.digest = None
    session.add(post)


def stop_unsent(session: Session, post: Post, *, reason: str, now: datetime) -> None:
    """Stop what has not left: what is queued, and tasks not yet done."""
    for is_uncertain, state in ((False, DeliveryState.STOPPED), (True, DeliveryState.UNKNOWN)):
        session.execute(
            update(Delivery)
            .where(
                col(Delivery.post_id) == post.id,
                col(Delivery.state).in_([DeliveryState.QUEUED, DeliveryState.MANUAL]),
                col(Delivery.act) != Act.WITHDRAW,
                col(Delivery.maybe_sent).is_(is_uncertain),
            )
            .values(state=state, reason=reason, changed_at=now, token=Delivery.token + 1)
        )


def take_out(session: Session, post_id: int, state: PostState, reason: str, *, now: datetime) -> None:
    """The post is no longer in the campaign (`state` says how): its signatures fall, and nothing more of it leaves."""
    post = session.get_one(Post, post_id, populate_existing=True)
    void(session, post, reason=reason, now=now)
    post.state = state
    if state is PostState.SKIPPED:
        post.reason = reason
    post.changed_at = now
    session.flush()


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
            .where(
                col(Delivery.post_id) == post.id,
                col(Delivery.state) == DeliveryState.QUEUED,
                col(Delivery.act) == Act.PUBLISH,
                # What has been tried is looked for from when it was due.
                col(Delivery.attempts) == 0,
                col(Delivery.maybe_sent).is_(False),
            )
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


def way_of(through: str) -> str:
    """The tail of an entry in the log: by what other way than an account it was done."""
    return f" genom {through}" if through else ""


def locked_post(session: Session, post_id: int) -> Post:
    """The post, for this transaction alone. Raises NotFoundError."""
    post: Post | None = session.execute(_TO_CHANGE, {"id": post_id}).scalar_one_or_none()
    if post is None:
        raise NotFoundError(f"Det finns inget budskap med nummer {post_id}. Se alla med: kampanjhjul posts")
    return post


_TO_CHANGE = select(Post).where(col(Post.id) == bindparam("id")).with_for_update()
_CONTENT = ContentRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_STORE = insert(_CONTENT)
_SIGN = insert(Approval.__table__).values(void_reason="")  # type: ignore[attr-defined]  # as above


def signer_of(municipality: Municipality, party_id: str, name: str) -> str:
    """The name as it is kept, of somebody who may sign for the party. Raises RefusedError, NotFoundError."""
    party = municipality.party(party_id)
    name = name_of(name)
    if not name or not name.isprintable():
        raise RefusedError("Ange vem som godkänner, till exempel --as ”Anna Andersson”.")
    within(name, LONGEST_ACTOR, "Namnet")
    if party.people and name not in party.people:
        raise RefusedError(f"{name} får inte godkänna för {party.name}. {suggestion(name, party.people)}")
    return name


def _refuse_unsignable(post: Post, *, now: datetime) -> None:
    if post.state == PostState.CANCELLED:
        raise RefusedError("Budskapet är inställt: steget finns inte längre i planen.")
    if post.state == PostState.SKIPPED:
        raise RefusedError(f"Budskapet är utelämnat. Ta tillbaka det först. {post.reason}")
    if post.merged_into:
        raise RefusedError(
            f"Budskapet ingår i {post.merged_into}, som når flera skolor samma dag. Godkänn det i stället."
        )
    if post.is_preliminary:
        raise RefusedError("Datumet är preliminärt. Bekräfta det först med: kampanjhjul dates set")
    if post.not_after <= now and not post.is_correction:
        raise RefusedError("Det är för sent: senaste tiden för budskapet har passerat, så det skickas inte.")


def why_unsignable(post: Post, *, now: datetime) -> str:
    """Why nobody can sign the post now, whatever its text is, or nothing."""
    try:
        _refuse_unsignable(post, now=now)
    except RefusedError as error:
        return error.message
    return ""


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
    if post.content_version:  # the first bytes take nobody's place
        void(session, post, reason="Texten har ändrats.", now=now)
    post.content_version += 1
    post.digest = draft.digest
    rows = [
        {
            "post_id": post.id,
            "version": post.content_version,
            "channel": piece.channel,
            "language": piece.language,
            "payload": piece.payload,
            "sha256": piece.sha256,
            "created_at": now,
        }
        for piece in draft.pieces
    ]
    session.connection().execute(_STORE, rows)
    shown = [(piece.channel, piece.counted) for piece in draft.pieces if piece.counted]
    counted_links.keep(session, post, shown, now=now)
    picture_rows.keep(session, [piece.picture for piece in draft.pieces if piece.picture], now=now)
