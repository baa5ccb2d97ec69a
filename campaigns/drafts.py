"""A post's text as it would go out: rendered for each of its channels and languages, with its faults."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, select
from sqlmodel import Session

from campaigns.catalog import Catalog, Fact, Municipality, Promise
from campaigns.content import SWEDISH, Content, Source, context_for, find_source, parse_source, render
from campaigns.errors import NotFoundError, TemplateError
from campaigns.faults import Fault, FaultCode, Severity, faults
from campaigns.links import addresses_of, addresses_of_fact, link_faults, troubled
from campaigns.localtime import after_quiet
from campaigns.models import LinkCheck, OccurrenceRow, Post, PostText
from campaigns.picture_files import PictureError, PictureFile, name_fault, read_picture
from campaigns.plan import Campaign
from campaigns.settings import shipped_directory


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
    picture: PictureFile | None = None


@dataclass(frozen=True)
class Draft:
    """A whole post as rendered. `digest` is what a signature is bound to."""

    pieces: tuple[Piece, ...]
    digest: str

    @property
    def errors(self) -> list[tuple[Piece, Fault]]:
        """The faults that block approval."""
        return [(piece, fault) for piece in self.pieces for fault in piece.faults if fault.severity == "error"]


def faults_by_channel(draft: Draft) -> list[tuple[Fault, list[str]]]:
    """Each fault of `draft` once, with the channels that it is found in."""
    found: dict[Fault, list[str]] = {}
    for piece in draft.pieces:
        for fault in piece.faults:
            tail = "" if piece.language == SWEDISH else f" ({piece.language})"
            found.setdefault(fault, []).append(f"{piece.channel}{tail}")
    return list(found.items())


def digest_of(parts: Mapping[tuple[str, str], str]) -> str:
    """The digest over every channel's and language's bytes, given their SHA-256 by (channel, language)."""
    lines = (f"{channel}\0{language}\0{sha256}\n" for (channel, language), sha256 in sorted(parts.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def render_post(
    session: Session, catalog: Catalog, messages: Path, post: Post, *, now: datetime, facts: Mapping[str, Fact]
) -> Draft:
    """Render `post` for all its channels and languages.

    The text speaks from the day that it would go out: the planned day, or the next possible one if that has passed.
    Raises TemplateError or NotFoundError, in Swedish, if a text cannot be made.
    """
    municipality = catalog.municipality(post.municipality)
    occurrence = _occurrence(session, post)
    send_day = after_quiet(max(post.due_at, now), municipality.zone).astimezone(municipality.zone).date()
    sources = _sources(session, catalog, municipality, messages, post, occurrence)
    # Channels mostly share one text: it is rendered once.
    rendered: dict[tuple[Source, str], _Rendered] = {}
    for (_, language), source in sources.items():
        if (source, language) not in rendered:
            content = _render_source(
                catalog, municipality, messages, post, occurrence, source, language, send_day, facts
            )
            rendered[source, language] = _with_picture(content, messages)
    checks = _link_checks(session, (item.content for item in rendered.values()), sources.values(), facts, now=now)
    pieces = []
    for (channel, language), source in sources.items():
        item = rendered[source, language]
        found = faults(
            item.content,
            channel_kind=municipality.channel(channel).kind,
            facts_used=source.facts_used,
            facts=facts,
            send_day=send_day,
            picture=item.picture,
            others=(*item.faults, *link_faults(item.content, source.facts_used, facts, checks)),
        )
        pieces.append(
            Piece(
                channel,
                language,
                item.content,
                item.payload,
                item.sha256,
                tuple(found),
                source.facts_used,
                item.picture,
            )
        )
    digest = digest_of({(piece.channel, piece.language): piece.sha256 for piece in pieces})
    return Draft(tuple(pieces), digest)


@dataclass(frozen=True)
class _Rendered:
    """A text filled in, with its picture and what is wrong with that."""

    content: Content
    payload: bytes
    sha256: str
    picture: PictureFile | None
    faults: tuple[Fault, ...]


class _Occurrence(NamedTuple):
    """What a text is told of its occurrence."""

    name: str
    day: date
    risk_date: str


_OCCURRENCE = OccurrenceRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_POST = Post.__table__  # type: ignore[attr-defined]
_TEXT = PostText.__table__  # type: ignore[attr-defined]
_ITS_OCCURRENCE = select(*(_OCCURRENCE.c[name] for name in _Occurrence._fields)).where(
    _OCCURRENCE.c.key == bindparam("key")
)
_WRITTEN = (
    select(_TEXT.c.id, _TEXT.c.channel, _TEXT.c.language, _TEXT.c.source)
    .join(_POST, _POST.c.id == _TEXT.c.post_id)
    .where(
        *(_POST.c[name] == bindparam(name) for name in ("municipality", "campaign", "step", "audience")),
        _POST.c.due_at <= bindparam("due_at"),
    )
    .order_by(_POST.c.due_at.desc(), (_POST.c.id == bindparam("id")).desc(), _TEXT.c.channel.desc(), _TEXT.c.id.desc())
)


def _occurrence(session: Session, post: Post) -> _Occurrence:
    return _Occurrence(*session.execute(_ITS_OCCURRENCE, {"key": post.occurrence}).one())


def picture_folders(messages: Path) -> tuple[Path, ...]:
    """Where pictures are looked for: beside the messages, then among the shipped ones."""
    return messages.parent / "pictures", shipped_directory("templates") / "pictures"


def _with_picture(content: Content, messages: Path) -> _Rendered:
    picture: PictureFile | None = None
    found: tuple[Fault, ...] = ()
    if content.image and not name_fault(content.image):
        try:
            picture = read_picture(picture_folders(messages), content.image)
        except PictureError as error:
            found = (Fault(FaultCode.BAD_IMAGE, Severity.ERROR, error.message, "image"),)
        else:
            content = replace(content, picture=picture.sha256)
    payload = content.to_bytes()
    return _Rendered(content, payload, hashlib.sha256(payload).hexdigest(), picture, found)


def _link_checks(
    session: Session,
    contents: Iterable[Content],
    sources: Iterable[Source],
    facts: Mapping[str, Fact],
    *,
    now: datetime,
) -> Mapping[str, LinkCheck]:
    addresses = {item for content in contents for item in addresses_of(content)}
    used = {name for source in sources for name in source.facts_used if name in facts}
    addresses.update(item for name in used for item in addresses_of_fact(facts[name]))
    return troubled(session, sorted(addresses), now=now)


def sources_of(
    session: Session, catalog: Catalog, municipality: Municipality, messages: Path, post: Post
) -> dict[tuple[str, str], Source]:
    """Per channel and language, the text used: the newest that a person wrote for this post or, failing that, for last
    year's same post; else the shipped file. Raises NotFoundError or TemplateError.
    """
    return _sources(session, catalog, municipality, messages, post, _occurrence(session, post))


def _sources(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    messages: Path,
    post: Post,
    occurrence: _Occurrence,
) -> dict[tuple[str, str], Source]:
    written = _written(session, post)
    campaign = catalog.campaign(post.campaign)
    sources = {}
    for channel in _channels(municipality, post):
        for language in municipality.channel(channel).languages:
            own = next((row for row in written if row.language == language and row.channel in ("", channel)), None)
            if own is not None:
                name = f"{post.key} ({language}), version {own.id}"
                sources[channel, language] = parse_source(own.source, name=name)
            else:
                sources[channel, language] = _shipped(
                    messages, post, campaign, occurrence.risk_date, channel=channel, language=language
                )
    return sources


def _channels(municipality: Municipality, post: Post) -> list[str]:
    """The channels that the post is written for. One that is put right keeps those that have left the file since."""
    names = post.channels.split()
    return [name for name in names if name in municipality.channel_ids] if post.is_correction else names


def _shipped(messages: Path, post: Post, campaign: Campaign, risk_date: str, *, channel: str, language: str) -> Source:
    # An extra date borrows a campaign's steps, not its words: those speak of another day.
    folder = post.campaign if risk_date == campaign.risk_date else risk_date
    source = find_source(messages, folder, post.step, post.audience, channel=channel, language=language)
    if source is None:
        tail = "" if language == SWEDISH else f".{language}"
        name = f"{folder}/{post.step}.{post.audience}{tail}.md"
        raise NotFoundError(f"Det finns ingen mall {name}. Skriv den i {messages.name}, eller texten i budskapet.")
    return source


def _written(session: Session, post: Post) -> Sequence[Row[Any]]:
    """What people wrote: this year's before last year's, this place's before another's, a channel's own first."""
    same = ("id", "municipality", "campaign", "step", "audience", "due_at")
    return session.execute(_WRITTEN, {name: getattr(post, name) for name in same}).all()


def promises_kept(catalog: Catalog, municipality: Municipality, campaign: Campaign, day: date) -> list[Promise]:
    """The promises that `campaign` answers to, of those that this municipality has given and that hold on `day`."""
    found = (catalog.promises[name] for name in campaign.promises if name in municipality.promises)
    return [item for item in found if municipality.id in item.municipalities and item.first_day <= day <= item.last_day]


def _render_source(
    catalog: Catalog,
    municipality: Municipality,
    messages: Path,
    post: Post,
    occurrence: _Occurrence,
    source: Source,
    language: str,
    send_day: date,
    facts: Mapping[str, Fact],
) -> Content:
    """`source` filled in for `post`. Raises TemplateError if it cannot be."""
    campaign = catalog.campaign(post.campaign)
    footer = find_source(messages, "", "footer", "", channel="", language=language)
    if footer is None:
        tail = "" if language == SWEDISH else f".{language}"
        raise TemplateError(f"Sidfoten saknas. Lägg till footer{tail}.md i {messages.name}.")
    context = context_for(
        municipality_name=municipality.name,
        police_area=municipality.police_area,
        risk_name=occurrence.name.lower(),
        day=occurrence.day,
        send_day=send_day,
        places=[name for name in post.places.split("\n") if name],
        promise=" ".join(item.text for item in promises_kept(catalog, municipality, campaign, send_day)),
        audience=catalog.audience(post.audience).name.lower(),
        facts={},
        link=municipality.website,
    )
    values = tuple((name, value) for name, value in context.items() if name != "fakta")
    return _filled(source, values, tuple((fact.id, fact.text) for fact in facts.values()), footer, language)


@lru_cache(maxsize=256)  # a text is read, and then signed by one party after the other
def _filled(
    source: Source,
    values: tuple[tuple[str, object], ...],
    facts: tuple[tuple[str, str], ...],
    footer: Source,
    language: str,
) -> Content:
    return render(source, {**dict(values), "fakta": dict(facts)}, footer=footer, language=language)
