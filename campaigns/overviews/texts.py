"""What the pages of texts show: the coming season's texts, and one of them as it is edited and as it will look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import Session, col

from campaigns import picture_rows, sms
from campaigns.catalog import Catalog, ChannelConfig, Fact, Municipality
from campaigns.content import PLACEHOLDERS, SWEDISH, Content, Fields, PlainText
from campaigns.counters import Counters, count, raw_count
from campaigns.drafts import Draft, Piece, faults_by_channel, render_post
from campaigns.errors import NotFoundError, TemplateError
from campaigns.facts import facts_at
from campaigns.faults import Fault, FaultCode
from campaigns.models import OccurrenceRow, Post, PostState, PostText
from campaigns.picture_files import PictureFile
from campaigns.picture_rows import Choice
from campaigns.post_names import audience_name, campaign_name, step_name
from campaigns.post_sources import PostSources, Writing, places_of, texts_of
from campaigns.posts import shown_state
from campaigns.previews import Preview, preview
from campaigns.sandbox.filters import shown as as_text
from campaigns.signatures import live_signatures, missing_signatures
from campaigns.swedish import POST_STATES, long_date, moment
from campaigns.text_versions import FieldDifference, Version, field_differences, versions
from campaigns.texts import Closed, closed

AHEAD = timedelta(days=366)
# About how many characters are seen before ”mer”, by others' measurements: the networks tell nobody.
SHOWN_FIRST: Mapping[str, int] = {"facebook": 477, "instagram": 125, "linkedin": 210}
LANGUAGE_NAMES: Mapping[str, str] = {
    "sv": "Svenska",
    "en": "Engelska",
    "ar": "Arabiska",
    "ckb": "Sorani",
    "fa": "Persiska",
    "prs": "Dari",
    "ps": "Pashto",
    "so": "Somaliska",
    "ti": "Tigrinja",
    "uk": "Ukrainska",
    "fi": "Finska",
    "de": "Tyska",
    "fr": "Franska",
    "es": "Spanska",
    "pl": "Polska",
    "ru": "Ryska",
    "tr": "Turkiska",
    "kmr": "Kurmanji",
    "bs": "Bosniska",
    "yi": "Jiddisch",
    "he": "Hebreiska",
    "ur": "Urdu",
    "th": "Thailändska",
}


# The list.


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; "" for everything. `state` is a key of POST_STATES."""

    campaign: str = ""
    audience: str = ""
    state: str = ""


@dataclass(frozen=True)
class TextRow:
    """One text in the list. `fault` says why it cannot be made at all; `missing` are the parties yet to sign."""

    post_id: int
    step: str
    audience: str
    places: str
    due: str
    state: str
    state_name: str
    missing: tuple[str, ...]
    errors: int
    warnings: int
    fault: str
    edited_by: str
    edited: str


@dataclass(frozen=True)
class Season:
    """The texts of one occurrence of a campaign, by time."""

    heading: str
    day: str
    rows: Sequence[TextRow]


@dataclass(frozen=True)
class TextList:
    """The coming texts under their campaigns, and what they can be narrowed to (ids and names)."""

    seasons: Sequence[Season]
    campaigns: Sequence[tuple[str, str]]
    audiences: Sequence[tuple[str, str]]
    states: Sequence[tuple[str, str]]
    count: int


def text_list(
    session: Session, catalog: Catalog, messages: Path, municipality: Municipality, filters: Filters, *, now: datetime
) -> TextList:
    """The texts of the coming season that agree with `filters`, each with what is wanting."""
    found = session.execute(
        select(Post, OccurrenceRow)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(col(Post.municipality) == municipality.id, col(Post.merged_into).is_(None))
        .where(col(Post.not_after) > now, col(Post.due_at) < now + AHEAD, col(Post.state) != PostState.CANCELLED)
        .order_by(col(Post.due_at), col(Post.id))
    ).all()
    every = [(post, occurrence) for post, occurrence in found]
    wanted = [(post, occurrence) for post, occurrence in every if _agrees(post, filters, now=now)]
    return TextList(
        seasons=_seasons(session, catalog, messages, municipality, wanted, now=now),
        campaigns=_distinct([(post.campaign, campaign_name(catalog, post)) for post, _ in every]),
        audiences=_distinct([(post.audience, audience_name(catalog, post)) for post, _ in every]),
        states=_distinct([(state, POST_STATES[state]) for state in (shown_state(post, now=now) for post, _ in every)]),
        count=len(wanted),
    )


def _agrees(post: Post, filters: Filters, *, now: datetime) -> bool:
    return (
        filters.campaign in ("", post.campaign)
        and filters.audience in ("", post.audience)
        and filters.state in ("", shown_state(post, now=now))
    )


def _distinct(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(pairs))


def _seasons(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    found: Sequence[tuple[Post, OccurrenceRow]],
    *,
    now: datetime,
) -> list[Season]:
    posts = [post for post, _ in found]
    missing = missing_signatures(session, municipality, posts)
    edited = _last_edited(session, posts)
    facts = facts_at(session, catalog)
    groups: dict[tuple[str, str, date | None], list[TextRow]] = {}
    for post, occurrence in found:
        row = _row(session, catalog, messages, municipality, post, missing, edited, facts, now=now)
        day = occurrence.day if occurrence.has_day else None
        groups.setdefault((campaign_name(catalog, post), occurrence.name, day), []).append(row)
    return [
        Season(heading, _day_of(name, day), rows)
        for (heading, name, day), rows in sorted(groups.items(), key=lambda group: group[0][2] or date.max)
    ]


def _day_of(name: str, day: date | None) -> str:
    return long_date(day) if day else f"{name}: dagen är inte bekräftad än"


def _last_edited(session: Session, posts: Sequence[Post]) -> dict[int, PostText]:
    newest = (
        select(func.max(col(PostText.id)))
        .where(col(PostText.post_id).in_([post.id for post in posts]))
        .group_by(col(PostText.post_id))
    )
    rows = session.execute(select(PostText).where(col(PostText.id).in_(newest))).scalars()
    return {row.post_id: row for row in rows}


def _row(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    post: Post,
    missing: Mapping[int, Sequence[str]],
    edited: Mapping[int, PostText],
    facts: Mapping[str, Fact],
    *,
    now: datetime,
) -> TextRow:
    assert post.id is not None
    names = {party.id: party.name for party in municipality.parties}
    state = shown_state(post, now=now)
    last = edited.get(post.id)
    draft, fault = _rendered(session, catalog, messages, post, facts, now=now)
    found = [fault for fault, _ in faults_by_channel(draft)] if draft else []
    return TextRow(
        post_id=post.id,
        step=step_name(catalog, post),
        audience=audience_name(catalog, post),
        places=", ".join(post.places.splitlines()),
        due="" if post.is_preliminary else moment(post.due_at, municipality.zone),
        state=state,
        state_name=POST_STATES[state],
        missing=tuple(names.get(party, party) for party in missing.get(post.id, ())),
        errors=sum(fault.is_blocking for fault in found),
        warnings=sum(not fault.is_blocking for fault in found),
        fault=fault,
        edited_by=last.author if last else "",
        edited=moment(last.created_at, municipality.zone) if last else "",
    )


def _rendered(
    session: Session, catalog: Catalog, messages: Path, post: Post, facts: Mapping[str, Fact], *, now: datetime
) -> tuple[Draft | None, str]:
    """The draft, or why there is none."""
    try:
        return render_post(session, catalog, messages, post, now=now, facts=facts), ""
    except (TemplateError, NotFoundError) as error:
        return None, error.message


# One text.


@dataclass(frozen=True)
class Tab:
    """A channel or a language to write for. `has_own`: there is a text for just it."""

    id: str
    name: str
    is_here: bool
    has_own: bool = False


@dataclass(frozen=True)
class Placeholder:
    """What can be put into a text, what it is, and what it says in this one today."""

    code: str
    about: str
    value: str


@dataclass(frozen=True)
class ShownFact:
    id: str
    text: str
    is_chosen: bool


@dataclass(frozen=True)
class Card:
    """How the text will look in one channel and language, and what is wrong with it there.

    `look` is the kind of the channel; `folded` how many characters of the short text are seen before ”mer”, 0 for all.
    """

    channel: str
    name: str
    look: str
    language: str
    language_name: str
    is_written: bool
    faults: Sequence[Fault]
    fault: str = ""
    content: Content | None = None
    picture: PictureFile | None = None
    plain: PlainText | None = None
    instructions: str = ""
    sender: str = ""
    sms_parts: Sequence[str] = ()
    folded: int = 0


@dataclass(frozen=True)
class Shown:
    """The part of the editor that follows what is typed."""

    counters: Counters
    cards: Sequence[Card]
    other_cards: Sequence[Card]  # in channels and languages that the text being written is not for


@dataclass(frozen=True)
class About:
    """What the editor says of the post around its text."""

    post_id: int
    name: str
    campaign: str
    step: str
    audience: str
    places: str
    due: str
    state: str
    state_name: str
    is_preliminary: bool
    reason: str
    closed: Closed | None
    merged_into: int | None
    signed_by: Sequence[str]  # ”Kim Kommun för Aneby kommun”


@dataclass(frozen=True)
class Editor:
    """A text as it can be edited. `newest` is the version it is; `inherits` says what it is when there is none yet."""

    about: About
    channel: str
    language: str
    channels: Sequence[Tab]
    languages: Sequence[Tab]
    newest: Version
    inherits: str
    pictures: Sequence[Choice]
    placeholders: Sequence[Placeholder]
    facts: Sequence[ShownFact]
    shown: Shown


@dataclass(frozen=True)
class Where:
    """Which of a post's texts: for which channel ("" for all) and language."""

    channel: str = ""
    language: str = SWEDISH


def where(municipality: Municipality, post: Post, channel: str, language: str) -> Where:
    """The text asked for. Raises NotFoundError for a channel or language that the post does not have."""
    places = places_of(municipality, post)
    languages = _languages(municipality, post)
    wanted = language or (languages[0] if languages else SWEDISH)
    if channel and channel not in {place for place, _ in places}:
        raise NotFoundError("Budskapet går inte ut i den kanalen. Välj en av dem som finns.")
    if wanted not in languages or (channel and (channel, wanted) not in places):
        raise NotFoundError("Budskapet finns inte på det språket. Välj ett av dem som finns.")
    return Where(channel, wanted)


def _languages(municipality: Municipality, post: Post) -> list[str]:
    found = dict.fromkeys(language for _, language in places_of(municipality, post))
    return sorted(found, key=lambda language: (language != SWEDISH, municipality.languages.index(language)))


def editor(
    session: Session,
    catalog: Catalog,
    messages: Path,
    post: Post,
    at: Where,
    typed: Fields | None,
    *,
    now: datetime,
) -> Editor:
    """The post's text at `at` as it is, or with `typed` in its place."""
    municipality = catalog.municipality(post.municipality)
    texts = texts_of(session, catalog, messages, post)
    newest = versions(texts, channel=at.channel, language=at.language)[0]
    fields = newest.fields if typed is None else typed
    facts = facts_at(session, catalog)
    found = _previewed(session, catalog, messages, post, at, fields, facts, now=now)
    used = {place for place, _ in places_of(municipality, post)}
    channels = [channel for channel in municipality.channels if channel.id in used and at.language in channel.languages]
    languages = _languages(municipality, post)
    return Editor(
        about=about(session, catalog, municipality, post, now=now),
        channel=at.channel,
        language=at.language,
        channels=[
            Tab("", "Alla kanaler", at.channel == ""),
            *(
                Tab(item.id, item.name, at.channel == item.id, bool(texts.own(item.id, at.language)))
                for item in channels
            ),
        ],
        languages=[Tab(item, language_name(item), item == at.language) for item in languages],
        newest=newest,
        inherits=_inherits(texts, at, municipality),
        pictures=picture_rows.choices(session, municipality.id, messages),
        placeholders=_placeholders(found.values),
        facts=[ShownFact(fact.id, fact.text, fact.id in fields.sources) for fact in facts.values()],
        shown=shown(municipality, found, fields),
    )


def shown_now(
    session: Session, catalog: Catalog, messages: Path, post: Post, at: Where, typed: Fields, *, now: datetime
) -> Shown:
    """What follows the typing: counters and how it looks."""
    facts = facts_at(session, catalog)
    found = _previewed(session, catalog, messages, post, at, typed, facts, now=now)
    return shown(catalog.municipality(post.municipality), found, typed)


def _previewed(
    session: Session,
    catalog: Catalog,
    messages: Path,
    post: Post,
    at: Where,
    fields: Fields,
    facts: Mapping[str, Fact],
    *,
    now: datetime,
) -> Preview:
    writing = Writing(at.channel, at.language, fields.source("Texten"))
    return preview(session, catalog, messages, post, writing, now=now, facts=facts)


def language_name(language: str) -> str:
    return LANGUAGE_NAMES.get(language, language)


def about(session: Session, catalog: Catalog, municipality: Municipality, post: Post, *, now: datetime) -> About:
    """What stands around the text of `post`."""
    assert post.id is not None
    parties = {party.id: party.name for party in municipality.parties}
    state = shown_state(post, now=now)
    merged = session.execute(select(col(Post.id)).where(col(Post.key) == post.merged_into)).scalar_one_or_none()
    return About(
        post_id=post.id,
        name=f"{step_name(catalog, post)} ({audience_name(catalog, post).lower()})",
        campaign=campaign_name(catalog, post),
        step=step_name(catalog, post),
        audience=audience_name(catalog, post),
        places=", ".join(post.places.splitlines()),
        due=moment(post.due_at, municipality.zone),
        state=state,
        state_name=POST_STATES[state],
        is_preliminary=post.is_preliminary,
        reason=f"Avslaget av {post.reason}" if post.state == PostState.REJECTED else post.reason,
        closed=closed(session, post),
        merged_into=merged,
        signed_by=[f"{item.name} för {parties.get(item.party, item.party)}" for item in live_signatures(session, post)],
    )


def _inherits(texts: PostSources, at: Where, municipality: Municipality) -> str:
    """What the text is, when nobody has written one for just this channel and language of this post."""
    if texts.own(at.channel, at.language):
        return ""
    row = texts.row_begun_from(at.channel, at.language)
    if row is None:
        return "Det här är texten som följer med. Ingen har ändrat den än."
    if row.post_id == texts.post.id:
        name = municipality.channel(at.channel).name
        return (
            f"{name} använder den gemensamma texten. Sparar du här får kanalen en egen text, "
            "och följer inte längre med när den gemensamma ändras."
        )
    return f"Det här är förra gångens text, skriven av {row.author}. Läs igenom den innan den används igen."


def _placeholders(values: Mapping[str, object]) -> list[Placeholder]:
    facts = values.get("fakta")
    found = [
        Placeholder(f"{{{{ {name} }}}}", about, as_text(values.get(name, "")))
        for name, about in PLACEHOLDERS.items()
        if name != "fakta"
    ]
    if isinstance(facts, Mapping):
        found.extend(
            Placeholder(f"{{{{ fakta.{name} }}}}", "Kontrollerad uppgift.", str(text)) for name, text in facts.items()
        )
    return found


# How it looks.


def shown(municipality: Municipality, found: Preview, typed: Fields) -> Shown:
    """The counters of the text being written, and a card for every channel and language."""
    pieces = {(piece.channel, piece.language): piece for piece in found.pieces}
    own = [piece for place, piece in pieces.items() if place in found.written_in]
    kinds = {municipality.channel(channel).kind for channel, _ in found.written_in}
    counters = count(own[0].content, kinds) if own else raw_count(typed.title, typed.short, typed.body)
    cards = [
        *(_card(municipality, piece, is_written=place in found.written_in) for place, piece in pieces.items()),
        *(
            _blank(municipality, item.channel, item.language, item.message, is_written=item.is_written)
            for item in found.unmade
        ),
    ]
    order = {channel.id: number for number, channel in enumerate(municipality.channels)}
    cards.sort(key=lambda card: (order.get(card.channel, 99), card.language != SWEDISH, card.language))
    # The channel that is being written for, or all of them, stands first.
    return Shown(counters, [card for card in cards if card.is_written], [card for card in cards if not card.is_written])


def _card(municipality: Municipality, piece: Piece, *, is_written: bool) -> Card:
    config = municipality.channel(piece.channel)
    content = piece.content
    # What the counter under the field says already.
    faults = [fault for fault in piece.faults if fault.code is not FaultCode.SMS_CHARACTERS]
    return Card(
        channel=config.id,
        name=config.name,
        look=config.kind,
        language=piece.language,
        language_name=language_name(piece.language),
        is_written=is_written,
        faults=faults,
        content=content,
        picture=piece.picture,
        plain=content.plain() if config.kind in ("manuell", "smtp", "teams") else None,
        instructions=config.instructions,
        sender=_sender(config, municipality),
        sms_parts=sms.parts(content.short) if config.kind == "sms" else (),
        folded=SHOWN_FIRST.get(config.kind, 0),
    )


def _blank(municipality: Municipality, channel: str, language: str, message: str, *, is_written: bool) -> Card:
    config = municipality.channel(channel)
    return Card(
        config.id, config.name, config.kind, language, language_name(language), is_written, faults=(), fault=message
    )


def _sender(config: ChannelConfig, municipality: Municipality) -> str:
    return config.sender or municipality.name


# Two at once, and the history.


@dataclass(frozen=True)
class ShownVersion:
    """A version in the history, and what it changed from the one before."""

    version: Version
    heading: str
    at: str
    changes: Sequence[FieldDifference]
    is_newest: bool


@dataclass(frozen=True)
class History:
    about: About
    at: Where
    channel_name: str
    language_name: str
    versions: Sequence[ShownVersion]


# Each is compared with the one before: more are not read at once.
MOST_VERSIONS = 50


def history(session: Session, catalog: Catalog, messages: Path, post: Post, at: Where, *, now: datetime) -> History:
    """The text's versions, newest first, each with what it changed."""
    municipality = catalog.municipality(post.municipality)
    found = versions(texts_of(session, catalog, messages, post), channel=at.channel, language=at.language)
    rows = [
        ShownVersion(
            item,
            _heading(item),
            moment(item.at, municipality.zone) if item.at else "",
            field_differences(found[number + 1].fields, item.fields) if number + 1 < len(found) else (),
            number == 0,
        )
        for number, item in enumerate(found[:MOST_VERSIONS])
    ]
    return History(
        about=about(session, catalog, municipality, post, now=now),
        at=at,
        channel_name=municipality.channel(at.channel).name if at.channel else "alla kanaler",
        language_name=language_name(at.language).lower(),
        versions=rows,
    )


def _heading(item: Version) -> str:
    if item.number:
        return f"Version {item.number}"
    return "Förra gångens text" if item.author else "Texten som följde med"
