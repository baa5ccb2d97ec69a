"""Personal addresses at which somebody without an account signs, or rejects, exactly what the address was made for.

Only the SHA-256 of the secret is kept. A text that has changed since is shown, and cannot be signed there.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.approval import signer_of, why_unsignable
from campaigns.catalog import Catalog, Municipality
from campaigns.drafts import render_post
from campaigns.errors import NotFoundError, RefusedError, TemplateError
from campaigns.facts import facts_at
from campaigns.models import Membership, OccurrenceRow, Person, Post, PostState, Role, SigningLink, SigningLinkPost
from campaigns.people.roles import EVERYWHERE
from campaigns.people.secret_words import hash_of
from campaigns.signatures import live_signatures
from campaigns.signing import post_in
from campaigns.written import checked_actor, name_key, number_in

LASTS = timedelta(days=7)
PATH = "/signera/"
# How the log tells that something was done without an account.
THROUGH = "personlig länk"
DEAD = (
    "Länken gäller inte. Den kan ha blivit för gammal, dragits in eller kommit med på fel sätt. "
    "Be den som skickade den om en ny. Inget har ändrats."
)


@dataclass(frozen=True)
class Made:
    """A new address. `secret` is shown once. `left_out` are the posts that could not be signed, each with why."""

    id: int
    secret: str = field(repr=False)
    party: str
    name: str
    post_ids: tuple[int, ...]
    left_out: tuple[tuple[int, str], ...]
    expires_at: datetime

    def url(self, base_url: str) -> str:
        return f"{base_url}{PATH}{self.secret}"


@dataclass(frozen=True)
class Known:
    """An address as listed, without its secret."""

    id: int
    municipality: str
    party: str
    name: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    post_ids: tuple[int, ...]

    def is_open(self, *, now: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > now


def make_link(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    post_ids: Collection[int],
    *,
    party: str,
    name: str,
    created_by: str,
    now: datetime,
) -> Made:
    """An address at which `name` signs these posts for `party` within seven days, and before they are too late.

    It is bound to each text as it is now. Raises RefusedError if none of them can be signed, or `name` may not sign for
    the party; NotFoundError for a post that is not the municipality's.
    """
    name = signer_of(municipality, party, name)
    _refuse_other_account(session, municipality, party, name)
    created_by = checked_actor(created_by, "Ange vem som gör länken.")
    posts = [post_in(session, municipality, post_id) for post_id in dict.fromkeys(post_ids)]
    digests: dict[int, str] = {}
    left_out = []
    for post in posts:
        assert post.id is not None
        try:
            digests[post.id] = _digest_to_sign(session, catalog, messages, post, party=party, now=now)
        except (RefusedError, NotFoundError, TemplateError) as error:
            left_out.append((post.id, error.message))
    if not digests:
        why = f" {left_out[0][1]}" if len(left_out) == 1 else ""
        raise RefusedError(f"Det finns inget att godkänna med en länk just nu.{why}")
    last = max(post.not_after if not post.is_correction else now + LASTS for post in posts if post.id in digests)
    secret = secrets.token_urlsafe(32)
    link = SigningLink(
        token_hash=hash_of(secret),
        municipality=municipality.id,
        party=party,
        name=name,
        created_by=created_by,
        created_at=now,
        expires_at=min(now + LASTS, last),
    )
    session.add(link)
    session.flush()
    assert link.id is not None
    session.add_all(SigningLinkPost(link_id=link.id, post_id=each, digest=digest) for each, digest in digests.items())
    audit.record(
        session,
        now=now,
        municipality=municipality.id,
        actor=created_by,
        action=f"gjorde en personlig länk för {party}",
        subject=f"länk {link.id}",
        detail=f"till {name}, {len(digests)} budskap",
    )
    session.flush()
    return Made(link.id, secret, party, name, tuple(digests), tuple(left_out), link.expires_at)


def _refuse_other_account(session: Session, municipality: Municipality, party: str, name: str) -> None:
    """Whoever has an account signs with it, for the party that it is for: else they could not do so afterwards."""
    query = (
        select(Person, Membership)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(col(Membership.municipality).in_((municipality.id, EVERYWHERE)), col(Person.disabled_at).is_(None))
    )
    here = [item for person, item in session.exec(query) if name_key(person.name) == name_key(name)]
    if here and all((item.role, item.party) != (Role.APPROVER, party) for item in here):
        raise RefusedError(
            f"{name} har ett konto här och får inte godkänna för {municipality.party(party).name} med det. "
            "Gör länken till någon annan, eller be en administratör om rollen."
        )


def posts_of(
    session: Session, municipality: Municipality, campaign: str, year: int, *, party: str, now: datetime
) -> list[int]:
    """The posts of a campaign's year that still wait for the party's signature, soonest first."""
    query = (
        select(Post)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(Post.municipality == municipality.id, Post.campaign == campaign, OccurrenceRow.year == year)
        .where(Post.state == PostState.DRAFT, col(Post.merged_into).is_(None), col(Post.is_preliminary).is_(False))
        .where(col(Post.not_after) > now)
        .order_by(col(Post.due_at), col(Post.id))
    )
    found = session.exec(query).all()
    return [
        post.id or 0 for post in found if all(item.party != party for item in live_signatures(session, post.id or 0))
    ]


def find_link(session: Session, secret: str, *, now: datetime) -> tuple[SigningLink, dict[int, str]]:
    """The address with this secret, and what it may sign: digests by post.

    Raises NotFoundError, the same whether it never was, has run out or has been revoked.
    """
    link = session.exec(select(SigningLink).where(SigningLink.token_hash == hash_of(secret))).one_or_none()
    if link is None or link.revoked_at is not None or link.expires_at <= now:
        raise NotFoundError(DEAD)
    rows = session.exec(select(SigningLinkPost).where(SigningLinkPost.link_id == link.id)).all()
    return link, {row.post_id: row.digest for row in rows}


def known_links(session: Session, municipality: Municipality | None = None) -> list[Known]:
    """All addresses, or a municipality's; the newest first."""
    query = select(SigningLink).order_by(col(SigningLink.id).desc())
    if municipality is not None:
        query = query.where(SigningLink.municipality == municipality.id)
    links = session.exec(query).all()
    rows = session.exec(select(SigningLinkPost).where(col(SigningLinkPost.link_id).in_([item.id for item in links])))
    posts: dict[int, list[int]] = {}
    for row in rows:
        posts.setdefault(row.link_id, []).append(row.post_id)
    return [
        Known(
            item.id or 0,
            item.municipality,
            item.party,
            item.name,
            item.created_by,
            item.created_at,
            item.expires_at,
            item.revoked_at,
            tuple(sorted(posts.get(item.id or 0, ()))),
        )
        for item in links
    ]


def revoke_link(
    session: Session, link_id: int, *, municipality: Municipality | None, name: str, now: datetime
) -> SigningLink:
    """Make an address worthless, now. Once more changes nothing. `municipality` None: whichever it is of.

    Raises NotFoundError for one that is not the municipality's.
    """
    link = session.get(SigningLink, link_id) if 0 < link_id < 2**31 else None
    if link is None or (municipality is not None and link.municipality != municipality.id):
        raise NotFoundError("Länken finns inte. Kontrollera numret.")
    if link.revoked_at is None:
        link.revoked_at = now
        session.add(link)
        audit.record(
            session,
            now=now,
            municipality=link.municipality,
            actor=checked_actor(name),
            action="drog in en personlig länk",
            subject=f"länk {link.id}",
            detail=f"till {link.name}",
        )
    return link


def signable(pairs: Iterable[tuple[int, str]], allowed: Mapping[int, str]) -> list[tuple[int, str]]:
    """Those of a form's posts that the address was made for, each with the content that it was made for."""
    return [(post_id, digest) for post_id, digest in pairs if digest and allowed.get(post_id) == digest]


def _digest_to_sign(
    session: Session, catalog: Catalog, messages: Path, post: Post, *, party: str, now: datetime
) -> str:
    if post.state == PostState.REJECTED:
        raise RefusedError("Budskapet är avslaget och väntar på ny text.")
    if post.state != PostState.DRAFT:
        raise RefusedError("Budskapet väntar inte på att godkännas.")
    why_not = why_unsignable(post, now=now)
    if why_not:
        raise RefusedError(why_not)
    draft = render_post(session, catalog, messages, post, now=now, facts=facts_at(session, catalog))
    if draft.errors:
        raise RefusedError(f"Texten kan inte godkännas än: {draft.errors[0][1].message}")
    if any(item.party == party and item.digest == draft.digest for item in live_signatures(session, post.id or 0)):
        raise RefusedError("Budskapet är redan godkänt för parten.")
    return draft.digest


def post_numbers(texts: Sequence[str]) -> list[int]:
    """Numbers of posts as they stand in a form or on the command line; what is no number is left out."""
    return [number for text in texts if (number := number_in(text)) is not None]


def shown_pairs(values: Sequence[object]) -> list[tuple[int, str]]:
    """Posts of a form with the digest of what it showed, each written ”12:abc…”. Anything else is left out."""
    pairs = []
    for value in values:
        number, _, digest = str(value).partition(":")
        pairs += [(post_id, digest) for post_id in post_numbers([number])]
    return pairs
