"""Reading signatures: whose are wanting, and whether what is stored is exactly what was signed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from sqlalchemy import BindParameter, and_, bindparam, select
from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality
from campaigns.drafts import digest_of
from campaigns.models import Approval, ContentRow, Post, PostState
from campaigns.prepared import Among, Query
from campaigns.written import name_key

CHANGED_CONTENT = "Innehållet är inte det som godkändes."

_CONTENT = ContentRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_APPROVAL = Approval.__table__  # type: ignore[attr-defined]
_POST = Post.__table__  # type: ignore[attr-defined]
_IDS: BindParameter[int] = bindparam("ids", expanding=True, literal_execute=True)
_LIVE = select(
    _APPROVAL.c.post_id, _APPROVAL.c.party, _APPROVAL.c.name, _APPROVAL.c.digest, _APPROVAL.c.link_maker
).where(_APPROVAL.c.post_id.in_(_IDS), _APPROVAL.c.voided_at.is_(None))


class Signature(NamedTuple):
    """Who has signed a post, for which party, and the digest of what was signed.

    `link_maker` is who made the personal address that it was signed at; "" where it was signed with an account.
    """

    party: str
    name: str
    digest: str
    link_maker: str = ""


class _Stored(NamedTuple):
    """A piece of a post's current content, with what the post says of it. None where a post has no content."""

    post_id: int
    municipality: str
    state: str
    digest: str | None
    content_id: int | None
    channel: str
    language: str
    payload: bytes


class _Signature(NamedTuple):
    post_id: int
    party: str
    name: str


_STORED = Query(
    select(
        _POST.c.id.label("post_id"),
        _POST.c.municipality,
        _POST.c.state,
        _POST.c.digest,
        _CONTENT.c.id.label("content_id"),
        _CONTENT.c.channel,
        _CONTENT.c.language,
        _CONTENT.c.payload,
    )
    .join(_CONTENT, and_(_CONTENT.c.post_id == _POST.c.id, _CONTENT.c.version == _POST.c.content_version), isouter=True)
    .where(Among(_POST.c.id, "ids")),
    _Stored,
)
# Those on the digest that the post has now; whether that is the digest of what is stored is seen below.
_SIGNATURES = Query(
    select(*(_APPROVAL.c[name] for name in _Signature._fields))
    .join(_POST, and_(_POST.c.id == _APPROVAL.c.post_id, _POST.c.digest == _APPROVAL.c.digest))
    .where(Among(_POST.c.id, "ids"), _APPROVAL.c.voided_at.is_(None)),
    _Signature,
)


def live_signatures(session: Session, post_id: int) -> list[Signature]:
    """The signatures on a post that have not been taken back."""
    rows = session.connection().execute(_LIVE, {"ids": [post_id]})
    return [Signature(*row[1:]) for row in rows]


class _Numbered(Protocol):
    @property
    def id(self) -> int | None: ...


def missing_signatures(
    session: Session, municipality: Municipality, posts: Iterable[_Numbered]
) -> dict[int, list[str]]:
    """Per post id, the parties whose live signature on the current content is wanting."""
    ids = [post.id for post in posts if post.id is not None]
    signed: dict[int, set[str]] = {}
    for post_id, party, *_ in session.connection().execute(_LIVE, {"ids": ids}):
        signed.setdefault(post_id, set()).add(party)
    return {
        post_id: [party.id for party in municipality.parties if party.id not in signed.get(post_id, set())]
        for post_id in ids
    }


class Checked(NamedTuple):
    """A post's current content as it is stored, by content id, and why it must not be sent (None: it may be)."""

    payloads: Mapping[int, bytes]
    fault: str | None


def checked(session: Session, catalog: Catalog, post_ids: Collection[int]) -> dict[int, Checked]:
    """Per post, its stored content, and whether every party has signed exactly that.

    Everything is computed again from the stored bytes; nothing that was noted earlier is trusted.
    """
    ids = list(post_ids)
    if not ids:
        return {}
    stored: dict[int, list[_Stored]] = {}
    for row in _STORED.rows(session, ids=ids):
        stored.setdefault(row.post_id, []).append(row)
    signed: dict[int, dict[str, str]] = {}
    for post_id, party, name in _SIGNATURES.rows(session, ids=ids):
        signed.setdefault(post_id, {})[party] = name
    return {post_id: _checked(catalog, rows, signed.get(post_id, {})) for post_id, rows in stored.items()}


def _checked(catalog: Catalog, rows: Sequence[_Stored], signed: Mapping[str, str]) -> Checked:
    pieces = {row.content_id: row for row in rows if row.content_id is not None}
    shas = {(row.channel, row.language): hashlib.sha256(row.payload).hexdigest() for row in pieces.values()}
    return Checked({key: row.payload for key, row in pieces.items()}, _fault(catalog, rows[0], shas, signed))


def _fault(
    catalog: Catalog, post: _Stored, shas: Mapping[tuple[str, str], str], signed: Mapping[str, str]
) -> str | None:
    municipality = catalog.municipalities.get(post.municipality)
    if municipality is None:
        return "Kommunen finns inte i inställningarna."
    if post.state != PostState.APPROVED or post.digest is None:
        return "Budskapet är inte godkänt."
    if post.digest != digest_of(shas):
        return CHANGED_CONTENT
    missing = [party.name for party in municipality.parties if party.id not in signed]
    if missing:
        return f"Godkännande saknas från {' och '.join(missing)}."
    if len(set(map(name_key, signed.values()))) < len(signed):
        return "Samma person har godkänt för flera parter."
    return None
