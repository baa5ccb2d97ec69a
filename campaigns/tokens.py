"""Bearer tokens for the API. Only their SHA-256 is kept; the token itself is shown once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.catalog import Municipality
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import Token

PURPOSE = "api"
LONGEST_NAME = 100


def create_api_token(
    session: Session, *, municipality: Municipality, party: str, name: str, now: datetime, actor: str = ""
) -> str:
    """A new secret for `name`, who acts for `party` in this municipality; an empty party may not sign.

    `actor` is who makes it, if that is somebody else. Raises NotFoundError for an unknown party, RefusedError without a
    name or with one that is too long.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise RefusedError("Ange vems nyckeln är, till exempel --as ”Anna Andersson”.")
    if party:
        municipality.party(party)
    secret = f"kh_{secrets.token_urlsafe(32)}"
    session.add(
        Token(
            purpose=PURPOSE,
            token_hash=_hash(secret),
            municipality=municipality.id,
            party=party,
            name=name,
            created_at=now,
        )
    )
    audit.record(
        session,
        now=now,
        municipality=municipality.id,
        actor=actor or name,
        action="skapade API-nyckel",
        subject=party or "-",
        detail=name if actor else "",
    )
    return secret


def find_api_token(session: Session, secret: str) -> Token | None:
    """The live token with this secret, or None. An unknown secret takes the same path as a known one."""
    return session.exec(
        select(Token).where(
            Token.purpose == PURPOSE, Token.token_hash == _hash(secret), col(Token.revoked_at).is_(None)
        )
    ).one_or_none()


def list_api_tokens(session: Session, *, municipality: str) -> Sequence[Token]:
    """The municipality's tokens, oldest first, also the revoked ones. Without the secrets: nobody has them."""
    query = select(Token).where(Token.purpose == PURPOSE, Token.municipality == municipality)
    return session.exec(query.order_by(col(Token.id))).all()


def revoke_api_token(
    session: Session, token_id: int, *, name: str, now: datetime, municipality: str | None = None
) -> None:
    """Make a token useless from now on. Raises NotFoundError, also for another municipality's where one is given."""
    token = session.get(Token, token_id)
    if token is None or token.purpose != PURPOSE or municipality not in (None, token.municipality):
        raise NotFoundError(f"Det finns ingen API-nyckel med nummer {token_id}.")
    if token.revoked_at is None:
        token.revoked_at = now
        session.add(token)
        audit.record(
            session,
            now=now,
            municipality=token.municipality,
            actor=name,
            action="återkallade API-nyckel",
            subject=str(token_id),
        )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
