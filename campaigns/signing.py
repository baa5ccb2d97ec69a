"""Signing as people do it on a page: many in one act, with a minute to regret, and taking a signature back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.approval import approve, locked_post, signer_of, stop_unsent, way_of
from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import OUT
from campaigns.errors import NotFoundError, RefusedError, TemplateError
from campaigns.models import Act, Approval, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.revisions import touch
from campaigns.signatures import live_signatures

NO_POST = "Budskapet finns inte. Kontrollera adressen."


@dataclass(frozen=True)
class Outcome:
    """What came of one post of an act that signed many: why it was not signed, or nothing; how many were queued."""

    post_id: int
    refusal: str = ""
    queued: int = 0

    @property
    def is_signed(self) -> bool:
        return not self.refusal


def post_in(session: Session, municipality: Municipality, post_id: int) -> Post:
    """The municipality's post with this number. Another municipality's is as one that does not exist."""
    # No database keeps larger numbers than these.
    post = session.get(Post, post_id) if 0 < post_id < 2**31 else None
    if post is None or post.municipality != municipality.id:
        raise NotFoundError(NO_POST)
    return post


def approve_many(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    items: Iterable[tuple[int, str]],
    *,
    party: str,
    name: str,
    now: datetime,
    earliest: datetime | None = None,
    through: str = "",
    link_maker: str = "",
) -> list[Outcome]:
    """Sign each post (its id and the digest of what was shown) for `party` as `name`, and tell what came of each.

    One that cannot be signed keeps no other from being: it is as it was. Raises as `approve` where nobody could sign:
    an unknown party, or somebody who may not sign for it.
    """
    signer_of(municipality, party, name)
    outcomes = []
    for post_id, digest in dict(items).items():
        try:
            with session.begin_nested():
                post_in(session, municipality, post_id)
                signed = approve(
                    session,
                    catalog,
                    messages,
                    post_id,
                    party=party,
                    name=name,
                    now=now,
                    digest=digest,
                    earliest=earliest,
                    through=through,
                    link_maker=link_maker,
                )
        except (RefusedError, NotFoundError, TemplateError) as error:
            outcomes.append(Outcome(post_id, refusal=error.message))
        else:
            outcomes.append(Outcome(post_id, queued=signed.queued))
    return outcomes


def take_back(
    session: Session, catalog: Catalog, post_id: int, *, party: str, name: str, now: datetime, through: str = ""
) -> None:
    """Take a party's signature back, while nothing of what was signed has left. The other parties' signatures stand.

    Raises RefusedError where there is no such signature, or a worker has begun to send.
    """
    post = locked_post(session, post_id)
    signer = signer_of(catalog.municipality(post.municipality), party, name)
    if all(item.party != party for item in live_signatures(session, post_id)):
        raise RefusedError("Det finns inget godkännande att ta tillbaka: texten kan ha ändrats eller avslagits.")
    if has_begun(session, post):
        raise RefusedError("Budskapet har börjat skickas, så godkännandet går inte att ta tillbaka. Se kön.")
    reason = f"{signer} tog tillbaka godkännandet."
    stop_unsent(session, post, reason=reason, now=now)
    session.execute(
        update(Approval)
        .where(col(Approval.post_id) == post_id, col(Approval.party) == party, col(Approval.voided_at).is_(None))
        .values(voided_at=now, void_reason=reason)
    )
    if post.state == PostState.APPROVED:
        post.state = PostState.DRAFT
        post.reason = reason
    post.changed_at = now
    session.add(post)
    audit.record(
        session,
        now=now,
        municipality=post.municipality,
        actor=signer,
        action=f"tog tillbaka godkännandet för {party}{way_of(through)}",
        subject=post.key,
    )
    touch(session, post.municipality)


def has_begun(session: Session, post: Post) -> bool:
    """Whether anything of the post's current content has left, may have, or is being sent."""
    begun = (DeliveryState.SENDING, *OUT, DeliveryState.WITHDRAWN, DeliveryState.REPLACED)
    query = (
        select(Delivery.id)
        .join(ContentRow, col(ContentRow.id) == col(Delivery.content_id))
        .where(
            Delivery.post_id == post.id,
            Delivery.act != Act.WITHDRAW,
            ContentRow.version == post.content_version,
            or_(col(Delivery.state).in_(begun), col(Delivery.maybe_sent)),
        )
        .limit(1)
    )
    return session.exec(query).first() is not None
