"""One post as somebody reads it before signing: its text per channel, its faults, who has signed, what has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from campaigns.approval import why_unsignable
from campaigns.catalog import Catalog, Fact, Municipality, Party
from campaigns.content import listed
from campaigns.drafts import Piece, digest_of, faults_by_channel, render_post
from campaigns.errors import NotFoundError, TemplateError, without_command
from campaigns.facts import facts_at
from campaigns.models import Approval, OccurrenceRow, PictureRow, Post, PostState
from campaigns.overviews.comparisons import Comparison, last_year, pieces_of, rows_of, since_signed
from campaigns.overviews.previews import Card, Shown, cards
from campaigns.overviews.text_cards import not_written
from campaigns.post_names import campaign_title, name_in_campaign
from campaigns.previews import preview
from campaigns.signing import has_begun, post_in
from campaigns.swedish import moment


@dataclass(frozen=True)
class Viewer:
    """Who reads, and the parties that the person may sign for."""

    name: str
    parties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """A post's text now. `broken` says why it cannot be made; `blocking` why it cannot be signed as it is.

    `unwritten` are the languages that nobody has written it in.
    """

    pieces: tuple[Shown, ...]
    digest: str
    blocking: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    broken: str = ""
    unwritten: tuple[str, ...] = ()

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.broken,) if self.broken else self.blocking


@dataclass(frozen=True)
class Signature:
    party: str
    party_name: str
    name: str
    when: str


@dataclass(frozen=True)
class Review:
    """All that is read before signing. `can_sign` are the parties that the viewer may sign for now, `why_not` why none.

    `since` is what has changed since the viewer's party (or, failing that, anybody) last signed; `last_year` since the
    year before. None where there is no such text.
    """

    id: int
    campaign: str
    campaign_id: str
    year: int
    name: str
    due: str
    last: str
    state: str
    reason: str
    text: Text
    cards: tuple[Card, ...]
    signatures: tuple[Signature, ...]
    missing: tuple[Party, ...]
    can_sign: tuple[Party, ...]
    can_take_back: tuple[Party, ...]
    can_reject: tuple[Party, ...]
    why_not: str
    since: Comparison | None
    last_year: Comparison | None


def review(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    post_id: int,
    *,
    viewer: Viewer,
    now: datetime,
) -> Review:
    """The municipality's post with this number. Raises NotFoundError."""
    post = post_in(session, municipality, post_id)
    facts = facts_at(session, catalog)
    return review_of(session, catalog, messages, municipality, post, viewer=viewer, facts=facts, now=now)


def review_of(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    post: Post,
    *,
    viewer: Viewer,
    facts: Mapping[str, Fact],
    now: datetime,
) -> Review:
    """As `review`, of a post that has been read, and with the facts as they stand."""
    text = text_of(session, catalog, messages, post, facts=facts, now=now)
    of_post = select(Approval).where(Approval.post_id == post.id, col(Approval.voided_at).is_(None))
    live = [item for item in session.exec(of_post.order_by(col(Approval.id))) if item.digest == text.digest]
    signed = {item.party for item in live}
    missing = tuple(party for party in municipality.parties if party.id not in signed)
    mine = [party for party in municipality.parties if party.id in viewer.parties]
    why_not = without_command(why_unsignable(post, now=now))
    taken = [item for item in live if item.name.casefold() == viewer.name.casefold()]
    is_open = not text.stops and not why_not
    if is_open and taken and any(party in missing for party in mine):
        name = municipality.party(taken[0].party).name
        why_not = f"Du har redan godkänt för {name}. Parterna måste vara två olika personer."
    can_sign = tuple(party for party in mine if party in missing) if is_open and not why_not else ()
    is_out = has_begun(session, post)
    occurrence = session.get_one(OccurrenceRow, post.occurrence)
    return Review(
        id=post.id or 0,
        campaign=campaign_title(catalog, post.campaign),
        campaign_id=post.campaign,
        year=occurrence.year,
        name=name_in_campaign(catalog, post),
        due=moment(post.due_at, municipality.zone) if occurrence.has_day else "",
        last=moment(post.not_after, municipality.zone) if occurrence.has_day else "",
        state=post.state,
        reason=post.reason,
        text=text,
        cards=cards(municipality, text.pieces),
        signatures=tuple(_signature(municipality, item) for item in live),
        missing=missing if post.state in (PostState.DRAFT, PostState.REJECTED) else (),
        can_sign=can_sign,
        can_take_back=tuple(party for party in mine if party.id in signed) if not is_out else (),
        can_reject=tuple(mine) if not is_out and post.state in (PostState.DRAFT, PostState.APPROVED) else (),
        why_not=why_not,
        since=since_signed(session, municipality, post, text.pieces, text.digest, parties=viewer.parties)
        if text.digest
        else None,
        last_year=last_year(session, municipality, post, text.pieces) if text.digest else None,
    )


def text_of(
    session: Session, catalog: Catalog, messages: Path, post: Post, *, facts: Mapping[str, Fact], now: datetime
) -> Text:
    """What goes out: of an approved post the bytes that were signed, of another the text as it would be now."""
    if post.state == PostState.APPROVED:
        return _signed_text(session, post)
    try:
        draft = render_post(session, catalog, messages, post, now=now, facts=facts)
    except NotFoundError:
        return _partial(session, catalog, messages, post, facts=facts, now=now)
    except TemplateError as error:
        return Text((), "", broken=without_command(error.message))
    names = {channel.id: channel.name for channel in catalog.municipality(post.municipality).channels}
    told: dict[bool, list[str]] = {True: [], False: []}
    for fault, channels in faults_by_channel(draft):
        where = ", ".join(names.get(channel, channel) for channel in channels)
        told[fault.is_blocking].append(f"{without_command(fault.message)} ({where})")
    pieces = _shown(draft.pieces)
    if not pieces:
        told[True].append("Budskapet har ingen kanal att gå ut i.")
    return Text(pieces, draft.digest, tuple(told[True]), tuple(told[False]))


def _partial(
    session: Session, catalog: Catalog, messages: Path, post: Post, *, facts: Mapping[str, Fact], now: datetime
) -> Text:
    """What there is of a text that is not written in all its languages. It cannot be signed."""
    found = preview(session, catalog, messages, post, None, now=now, facts=facts)
    unwritten = tuple(dict.fromkeys(item.language for item in found.unmade if item.is_missing))
    told = [not_written(language) for language in unwritten]
    told += dict.fromkeys(without_command(item.message) for item in found.unmade if not item.is_missing)
    return Text(_shown(found.pieces), "", tuple(told), unwritten=unwritten)


def _shown(pieces: Iterable[Piece]) -> tuple[Shown, ...]:
    return tuple(
        Shown(
            piece.channel,
            piece.language,
            piece.content,
            piece.picture.width if piece.picture else 0,
            piece.picture.height if piece.picture else 0,
        )
        for piece in pieces
    )


def picture(
    session: Session, catalog: Catalog, messages: Path, post: Post, digest: str, *, now: datetime
) -> tuple[bytes, str]:
    """The bytes and media type of a picture that belongs to the post's text now. Raises NotFoundError."""
    if post.state == PostState.APPROVED:
        row = session.get(PictureRow, digest)
        if row is not None and any(piece.content.picture == digest for piece in _signed_text(session, post).pieces):
            return row.data, row.media_type
        raise NotFoundError("Bilden finns inte.")
    draft = render_post(session, catalog, messages, post, now=now, facts=facts_at(session, catalog))
    for piece in draft.pieces:
        if piece.picture and piece.picture.sha256 == digest:
            return piece.picture.data, piece.picture.media_type
    raise NotFoundError("Bilden finns inte.")


def _signature(municipality: Municipality, item: Approval) -> Signature:
    names = municipality.party_names
    return Signature(
        item.party, names.get(item.party, item.party), item.name, moment(item.created_at, municipality.zone)
    )


def _signed_text(session: Session, post: Post) -> Text:
    rows = rows_of(session, post, post.content_version)
    digest = digest_of({(row.channel, row.language): row.sha256 for row in rows})
    return Text(pieces_of(session, rows), digest)


def names_of(parties: Iterable[Party]) -> str:
    """”Aneby kommun och Lokalpolisområde Höglandet”."""
    return listed([party.name for party in parties])
