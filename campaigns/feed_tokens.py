"""The secret addresses of the editorial calendar. Calendar programs cannot log in, so the address is the password."""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session

from campaigns import audit
from campaigns.database import announce
from campaigns.errors import NotFoundError
from campaigns.models import Token


class FeedToken(NamedTuple):
    """A secret address as listed. The secret itself is not kept anywhere."""

    id: int
    municipality: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


_TOKEN = Token.__table__  # type: ignore[attr-defined]
_FEED_TOKENS = select(_TOKEN).where(_TOKEN.c.purpose == "feed")
_TOKEN_SIGNATURE = select(func.count(), func.max(_TOKEN.c.id), func.count(_TOKEN.c.revoked_at)).where(
    _TOKEN.c.purpose == "feed"
)


def token_hash(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def create_feed_token(session: Session, *, municipality: str, name: str, now: datetime, actor: str = "") -> str:
    """A new secret for the editorial calendar's address, 192 bits. It is shown once: only its SHA-256 is stored."""
    token = secrets.token_urlsafe(24)
    row = Token(
        purpose="feed", token_hash=token_hash(token), municipality=municipality, name=name.strip(), created_at=now
    )
    session.add(row)
    announce(session)
    audit.record(
        session,
        now=now,
        municipality=municipality,
        actor=actor,
        action="skapade prenumerationsadress",
        subject=name.strip(),
    )
    return token


def revoke_feed_token(
    session: Session,
    token_id: int,
    *,
    now: datetime,
    actor: str = "",
    municipality: str | None = None,
    owner: str | None = None,
) -> None:
    """Make the address answer 410 from now on. Revoking again changes nothing.

    Raises NotFoundError, also for one that is not the municipality's, or not the owner's, where they are given.
    """
    token = _feed_token(session, token_id, municipality=municipality, owner=owner)
    if token.revoked_at is not None:
        return
    token.revoked_at = now
    session.add(token)
    announce(session)
    audit.record(
        session,
        now=now,
        municipality=token.municipality,
        actor=actor,
        action="drog in prenumerationsadress",
        subject=token.name,
    )


def renew_feed_token(session: Session, token_id: int, *, municipality: str, owner: str, now: datetime) -> str:
    """A new secret for the owner's address, and the old one is revoked. Returns it. Raises NotFoundError."""
    revoke_feed_token(session, token_id, now=now, actor=owner, municipality=municipality, owner=owner)
    return create_feed_token(session, municipality=municipality, name=owner, now=now, actor=owner)


def revoke_all_of(session: Session, owner: str, *, now: datetime, actor: str, municipality: str | None = None) -> None:
    """Revoke all addresses of one who may read no longer, in one municipality or in all."""
    query = select(_TOKEN.c.id).where(_TOKEN.c.purpose == "feed", _TOKEN.c.name == owner, _TOKEN.c.revoked_at.is_(None))
    if municipality is not None:
        query = query.where(_TOKEN.c.municipality == municipality)
    for token_id in session.execute(query).scalars().all():
        revoke_feed_token(session, token_id, now=now, actor=actor)


def list_feed_tokens(session: Session, *, municipality: str, owner: str | None = None) -> list[FeedToken]:
    """The municipality's secret addresses, or one person's, oldest first, those revoked too."""
    query = _FEED_TOKENS.where(_TOKEN.c.municipality == municipality).order_by(_TOKEN.c.id)
    if owner is not None:
        query = query.where(_TOKEN.c.name == owner)
    return [
        FeedToken(row.id, row.municipality, row.name, row.created_at, row.revoked_at) for row in session.execute(query)
    ]


def _feed_token(session: Session, token_id: int, *, municipality: str | None, owner: str | None) -> Token:
    token = session.get(Token, token_id)
    is_meant = (
        token is not None
        and token.purpose == "feed"
        and municipality in (None, token.municipality)
        and owner in (None, token.name)
    )
    if token is None or not is_meant:
        raise NotFoundError(f"Det finns ingen prenumerationsadress med nummer {token_id}.")
    return token


def token_signature(session: Session) -> tuple[Any, ...]:
    """Differs whenever an address has been added or revoked."""
    return tuple(session.connection().execute(_TOKEN_SIGNATURE).one())


def token_owners(session: Session) -> dict[str, tuple[str, bool]]:
    """Each address's hash, with its municipality and whether it is revoked."""
    rows = session.connection().execute(_FEED_TOKENS)
    return {row.token_hash: (row.municipality, row.revoked_at is not None) for row in rows}
