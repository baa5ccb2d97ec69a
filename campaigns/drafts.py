"""A post's text as it would go out: rendered for each of its channels and languages, with its faults."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property, lru_cache
from pathlib import Path

from sqlmodel import Session

from campaigns.catalog import Catalog, Fact, Municipality, Promise
from campaigns.content import SWEDISH, Content, Source, context_for, find_source, render
from campaigns.counted_links import Counted, counted_for, notice, with_short_link
from campaigns.faults import Fault, FaultCode, Severity, faults
from campaigns.links import addresses_of, addresses_of_fact, link_faults, troubled
from campaigns.localtime import after_quiet
from campaigns.models import LinkCheck, Post
from campaigns.picture_files import PictureError, PictureFile, name_fault
from campaigns.picture_rows import find_picture
from campaigns.plan import Campaign
from campaigns.post_sources import Occurrence, occurrence_of, places_of, texts_of
from campaigns.promises import answered_by
from campaigns.translations import fault_of, outdated


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
    counted: Counted | None = None  # the short address that stands in place of the text's own link


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
    filling = Filling(session, catalog, messages, post, now=now, facts=facts)
    texts = texts_of(session, catalog, messages, post, filling.occurrence)
    places = places_of(filling.municipality, post)
    pieces = filling.pieces(
        {place: texts.used_in(*place) for place in places}, stale=outdated(session, texts, places).keys()
    )
    digest = digest_of({(piece.channel, piece.language): piece.sha256 for piece in pieces})
    return Draft(pieces, digest)


@dataclass(frozen=True)
class Filled:
    """A text filled in, with its picture and what is wrong with that."""

    content: Content
    payload: bytes
    sha256: str
    picture: PictureFile | None
    faults: tuple[Fault, ...]


class Filling:
    """Fills in the texts of one post, as of one moment, and judges them. Channels mostly share one: it is done once."""

    def __init__(
        self,
        session: Session,
        catalog: Catalog,
        messages: Path,
        post: Post,
        *,
        now: datetime,
        facts: Mapping[str, Fact],
    ) -> None:
        self._session = session
        self._catalog = catalog
        self._messages = messages
        self._post = post
        self._now = now
        self._facts = facts
        self.municipality = catalog.municipality(post.municipality)
        self.occurrence = occurrence_of(session, post)
        zone = self.municipality.zone
        self.send_day = after_quiet(max(post.due_at, now), zone).astimezone(zone).date()
        self._filled: dict[tuple[Source, str], Filled] = {}

    @cached_property
    def context(self) -> dict[str, object]:
        """Today's value of every placeholder."""
        return _context(self._catalog, self.municipality, self._post, self.occurrence, self.send_day, self._facts)

    @cached_property
    def _values(self) -> tuple[tuple[str, object], ...]:
        return tuple((name, value) for name, value in self.context.items() if name != "fakta")

    @cached_property
    def _fact_texts(self) -> tuple[tuple[str, str], ...]:
        return tuple((fact.id, fact.text) for fact in self._facts.values())

    def fill(self, source: Source, language: str) -> Filled:
        """`source` filled in. Raises TemplateError if it cannot be."""
        if (source, language) not in self._filled:
            footer = find_source(self._messages, "", "footer", "", channel="", language=language)
            content = _filled_in(source, self._values, self._fact_texts, footer or _NO_FOOTER, language)
            found = () if footer else (_footer_missing(self._messages, language),)
            self._filled[source, language] = self._with_picture(content, found)
        return self._filled[source, language]

    def pieces(
        self, sources: Mapping[tuple[str, str], Source], *, stale: Collection[tuple[str, str]] = ()
    ) -> tuple[Piece, ...]:
        """What goes to each channel in each language, with its faults; `stale` are translations that are outdated.

        Raises TemplateError.
        """
        filled = {place: self.fill(source, place[1]) for place, source in sources.items()}
        contents = {id(item): item.content for item in filled.values()}.values()
        checks = _link_checks(self._session, contents, sources.values(), self._facts, now=self._now)
        others = {place: [fault_of(place[1])] if place in stale else [] for place in sources}
        return tuple(
            self._piece(place, source, filled[place], checks, others[place]) for place, source in sources.items()
        )

    def _piece(
        self,
        place: tuple[str, str],
        source: Source,
        item: Filled,
        checks: Mapping[str, LinkCheck],
        others: Sequence[Fault],
    ) -> Piece:
        channel, language = place
        content, payload, sha256 = item.content, item.payload, item.sha256
        counted = counted_for(self.municipality, self._post, channel, content)
        if counted is not None:
            content = with_short_link(content, counted)
            payload = content.to_bytes()
            sha256 = hashlib.sha256(payload).hexdigest()
            others = (*others, notice(counted))
        found = faults(
            content,
            channel_kind=self.municipality.channel(channel).kind,
            facts_used=source.facts_used,
            facts=self._facts,
            send_day=self.send_day,
            picture=item.picture,
            others=(*others, *item.faults, *link_faults(item.content, source.facts_used, self._facts, checks)),
        )
        return Piece(
            channel,
            language,
            content,
            payload,
            sha256,
            tuple(found),
            source.facts_used,
            item.picture,
            counted,
        )

    def _with_picture(self, content: Content, found: tuple[Fault, ...]) -> Filled:
        picture: PictureFile | None = None
        if content.image and not name_fault(content.image):
            try:
                picture = find_picture(self._session, self.municipality.id, self._messages, content.image)
            except PictureError as error:
                found = (*found, Fault(FaultCode.BAD_IMAGE, Severity.ERROR, error.message, "image"))
            else:
                content = replace(content, picture=picture.sha256)
        payload = content.to_bytes()
        return Filled(content, payload, hashlib.sha256(payload).hexdigest(), picture, found)


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


def promises_kept(catalog: Catalog, municipality: Municipality, campaign: Campaign, day: date) -> list[Promise]:
    """The promises that `campaign` answers to, of those that this municipality has given and that hold on `day`."""
    own = catalog.promises_of(municipality)
    return [item for item in answered_by(catalog.promises, campaign.promises) if item in own and item.holds_on(day)]


@lru_cache(maxsize=256)  # a text is read, and then signed by one party after the other
def _filled_in(
    source: Source,
    values: tuple[tuple[str, object], ...],
    facts: tuple[tuple[str, str], ...],
    footer: Source,
    language: str,
) -> Content:
    return render(source, {**dict(values), "fakta": dict(facts)}, footer=footer, language=language)


# What is below a text until there is a footer in its language. Such a text is shown, and cannot be signed.
_NO_FOOTER = Source("footer", "", "", "")


def _footer_missing(messages: Path, language: str) -> Fault:
    tail = "" if language == SWEDISH else f".{language}"
    message = f"Sidfoten saknas, så texten visas utan. Lägg till footer{tail}.md i {messages.name}."
    return Fault(FaultCode.MISSING_FOOTER, Severity.ERROR, message, "body")


def _context(
    catalog: Catalog,
    municipality: Municipality,
    post: Post,
    occurrence: Occurrence,
    send_day: date,
    facts: Mapping[str, Fact],
) -> dict[str, object]:
    campaign = catalog.campaign(post.campaign)
    return context_for(
        municipality_name=municipality.name,
        police_area=municipality.police_area,
        risk_name=occurrence.name.lower(),
        day=occurrence.day,
        send_day=send_day,
        places=[name for name in post.places.split("\n") if name],
        promise=" ".join(
            item.wording(send_day).text for item in promises_kept(catalog, municipality, campaign, send_day)
        ),
        audience=catalog.audience(post.audience).name.lower(),
        facts={fact.id: fact.text for fact in facts.values()},
        link=municipality.website,
    )
