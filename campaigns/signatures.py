"""Reading signatures: whose are wanting, and whether what is stored is exactly what was signed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol

from sqlalchemy import BindParameter, bindparam, select
from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality
from campaigns.drafts import digest_of
from campaigns.models import Approval, ContentRow, Post, PostState

CHANGED_CONTENT = "Innehållet är inte det som godkändes."

_CONTENT = ContentRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_APPROVAL = Approval.__table__  # type: ignore[attr-defined]
_POST = Post.__table__  # type: ignore[attr-defined]
_IDS: BindParameter[int] = bindparam("ids", expanding=True, literal_execute=True)
_CONTENTS = (
    select(_CONTENT.c.post_id, _CONTENT.c.channel, _CONTENT.c.language, _CONTENT.c.payload)
    .join(_POST, _POST.c.id == _CONTENT.c.post_id)
    .where(_POST.c.id.in_(_IDS), _CONTENT.c.version == _POST.c.content_version)
)
_SIGNATURES = select(_APPROVAL.c.post_id, _APPROVAL.c.party, _APPROVAL.c.name, _APPROVAL.c.digest).where(
    _APPROVAL.c.post_id.in_(_IDS), _APPROVAL.c.voided_at.is_(None)
)
_POSTS = select(_POST.c.id, _POST.c.municipality, _POST.c.state, _POST.c.digest).where(_POST.c.id.in_(_IDS))


class Signature(NamedTuple):
    """Who has signed a post, for which party, and the digest of what was signed."""

    party: str
    name: str
    digest: str


def live_signatures(session: Session, post_id: int) -> list[Signature]:
    """The signatures on a post that have not been taken back."""
    rows = session.connection().execute(_SIGNATURES, {"ids": [post_id]})
    return [Signature(party, name, digest) for _, party, name, digest in rows]


class _Numbered(Protocol):
    @property
    def id(self) -> int | None: ...


def missing_signatures(
    session: Session, municipality: Municipality, posts: Iterable[_Numbered]
) -> dict[int, list[str]]:
    """Per post id, the parties whose live signature on the current content is wanting."""
    ids = [post.id for post in posts if post.id is not None]
    signed: dict[int, set[str]] = {}
    for post_id, party, _, _ in session.connection().execute(_SIGNATURES, {"ids": ids}):
        signed.setdefault(post_id, set()).add(party)
    return {
        post_id: [party.id for party in municipality.parties if party.id not in signed.get(post_id, set())]
        for post_id in ids
    }


def unapproved_reasons(session: Session, catalog: Catalog, post_ids: Collection[int]) -> dict[int, str | None]:
    """Per post, why its stored content must not be sent, or None if every party has signed exactly it.

    Everything is computed again from the stored bytes; nothing that was noted earlier is trusted.
    """
    shas: dict[int, dict[tuple[str, str], str]] = {}
    rows = session.connection()
    for post_id, channel, language, payload in rows.execute(_CONTENTS, {"ids": list(post_ids)}):
        shas.setdefault(post_id, {})[channel, language] = hashlib.sha256(payload).hexdigest()
    signed: dict[int, list[tuple[str, str, str]]] = {}
    for post_id, party, name, digest in rows.execute(_SIGNATURES, {"ids": list(post_ids)}):
        signed.setdefault(post_id, []).append((party, name, digest))
    reasons: dict[int, str | None] = {}
    for found_id, municipality_id, state, post_digest in rows.execute(_POSTS, {"ids": list(post_ids)}):
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
