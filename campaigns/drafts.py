"""A post's text as it would go out: rendered for each of its channels and languages, with its faults."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Fact, Municipality
from campaigns.content import Content, Source, context_for, find_source, parse_source, render
from campaigns.faults import Fault, faults
from campaigns.errors import NotFoundError, TemplateError
from campaigns.localtime import after_quiet
from campaigns.models import FactConfirmation, OccurrenceRow, Post, PostText


@dataclass(frozen=True)
class Piece:
    """What goes to one channel in one language: the exact bytes, and what is wrong with them."""

    channel: str
    language: str
    content: Content
    payload: bytes
    sha256: str
    faults: tuple[Fault, ...]
    facts_used: frozenset[str]


@dataclass(frozen=True)
class Draft:
    """A whole post as rendered. `digest` is what a signature is bound to."""

    pieces: tuple[Piece, ...]
    digest: str

    @property
    def errors(self) -> list[tuple[Piece, Fault]]:
        """The faults that block approval."""
        return [(piece, fault) for piece in self.pieces for fault in piece.faults if fault.severity == "error"]


def digest_of(parts: Mapping[tuple[str, str], str]) -> str:
    """The digest over every channel's and language's bytes, given their SHA-256 by (channel, language)."""
    lines = (f"{channel}\0{language}\0{sha256}\n" for (channel, language), sha256 in sorted(parts.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def facts_at(session: Session, catalog: Catalog) -> dict[str, Fact]:
    """The facts as people have confirmed them since the file was written."""
    facts = dict(catalog.facts)
    for row in session.exec(select(FactConfirmation).order_by(col(FactConfirmation.id))):
        if row.fact in facts:
            facts[row.fact] = replace(facts[row.fact], is_confirmed=True, valid_until=row.valid_until)
    return facts


def render_post(
    session: Session, catalog: Catalog, messages: Path, post: Post, *, now: datetime, facts: Mapping[str, Fact]
) -> Draft:
    """Render `post` for all its channels and languages.

    The text speaks from the day that it would go out: the planned day, or the next possible one if that has passed.
    Raises TemplateError or NotFoundError, in Swedish, if a text cannot be made.
    """
    municipality = catalog.municipality(post.municipality)
    occurrence = session.get_one(OccurrenceRow, post.occurrence)
    send_day = after_quiet(max(post.due_at, now), municipality.zone).astimezone(municipality.zone).date()
    pieces = []
    for channel_id in post.channels.split():
        channel = municipality.channel(channel_id)
        for language in channel.languages:
            source = source_for(session, messages, post, channel=channel_id, language=language)
            content = render_source(
                catalog, municipality, messages, post, occurrence, source, language, send_day, facts
            )
            payload = content.to_bytes()
            found = faults(
                content,
                channel_kind=channel.kind,
                facts_used=source.facts_used,
                facts=facts,
                send_day=send_day,
            )
            pieces.append(
                Piece(
                    channel_id,
                    language,
                    content,
                    payload,
                    hashlib.sha256(payload).hexdigest(),
                    tuple(found),
                    source.facts_used,
                )
            )
    digest = digest_of({(piece.channel, piece.language): piece.sha256 for piece in pieces})
    return Draft(tuple(pieces), digest)


def source_for(session: Session, messages: Path, post: Post, *, channel: str, language: str) -> Source:
    """The newest text that a person wrote for this post or last year's same post, else the shipped file."""
    written = _written(session, post, channel=channel, language=language)
    if written is not None:
        return parse_source(written.source, name=f"{post.key} ({language}), version {written.id}")
    source = find_source(messages, post.campaign, post.step, post.audience, channel=channel, language=language)
    if source is None:
        name = f"{post.campaign}/{post.step}.{post.audience}"
        raise NotFoundError(f"Det finns ingen mall för {name} på språket ”{language}”. Lägg till {name}.{language}.md.")
    return source


def _written(session: Session, post: Post, *, channel: str, language: str) -> PostText | None:
    same = (
        select(PostText)
        .join(Post, col(Post.id) == col(PostText.post_id))
        .where(
            Post.municipality == post.municipality,
            Post.campaign == post.campaign,
            Post.step == post.step,
            Post.audience == post.audience,
            col(PostText.channel).in_(["", channel]),
            PostText.language == language,
            Post.due_at <= post.due_at,
        )
        # This year's text before last year's, this place's before another's, the channel's own before the common one.
        .order_by(
            col(Post.due_at).desc(),
            (col(Post.id) == post.id).desc(),
            col(PostText.channel).desc(),
            col(PostText.id).desc(),
        )
        .limit(1)
    )
    return session.exec(same).first()


def render_source(
    catalog: Catalog,
    municipality: Municipality,
    messages: Path,
    post: Post,
    occurrence: OccurrenceRow,
    source: Source,
    language: str,
    send_day: date,
    facts: Mapping[str, Fact],
) -> Content:
    """`source` filled in for `post`. Raises TemplateError if it cannot be."""
    campaign = catalog.campaign(post.campaign)
    footer = find_source(messages, "", "footer", "", channel="", language=language)
    if footer is None:
        raise TemplateError(f"Sidfoten saknas. Lägg till footer.md i {messages.name}.")
    context = context_for(
        municipality_name=municipality.name,
        police_area=municipality.police_area,
        risk_name=occurrence.name.lower(),
        day=occurrence.day,
        send_day=send_day,
        places=[name for name in post.places.split("\n") if name],
        promise=" ".join(catalog.promises[promise].text for promise in campaign.promises),
        audience=catalog.audience(post.audience).name.lower(),
        facts={fact.id: fact.text for fact in facts.values()},
        link=municipality.website,
    )
    return render(source, context, footer=footer, language=language)
