"""One text as it is edited, with all that stands around it, and its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session, col

from campaigns import picture_rows, translations
from campaigns.catalog import Catalog, Fact, Municipality
from campaigns.content import PLACEHOLDERS, SWEDISH, Fields, decomposed
from campaigns.errors import NotFoundError, TemplateError
from campaigns.facts import facts_at
from campaigns.models import Post, PostState
from campaigns.national import Spreadable
from campaigns.overviews.national import proposals
from campaigns.overviews.text_cards import Shown, shown
from campaigns.picture_rows import Choice
from campaigns.post_names import audience_name, campaign_name, step_name
from campaigns.post_sources import PostSources, Writing, places_of, texts_of
from campaigns.posts import shown_state
from campaigns.previews import Preview, preview
from campaigns.sandbox.filters import shown as as_text
from campaigns.signatures import live_signatures
from campaigns.swedish import POST_STATES, language_name, moment
from campaigns.text_versions import FieldDifference, Version, field_differences, versions
from campaigns.texts import Closed, closed


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
class Outdated:
    """The translation is of another Swedish text than the one that stands now. `changes` are since then, if known."""

    language_name: str
    changes: Sequence[FieldDifference]
    seal: str


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
    has_own: bool  # the channel has a text of its own, and not the common one
    swedish: str  # which Swedish texts are shown, for the form of a translation to carry
    outdated: Outdated | None
    proposals: Sequence[Spreadable]  # national campaigns that may be spread in the post


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
                Tab(item.id, item.name, at.channel == item.id, _has_own(texts, item.id, at.language))
                for item in channels
            ),
        ],
        languages=[Tab(item, language_name(item), item == at.language) for item in languages],
        newest=newest,
        inherits=_inherits(texts, at, municipality),
        pictures=picture_rows.choices(session, municipality.id, messages),
        placeholders=_placeholders(found.values),
        facts=[
            ShownFact(fact.id, fact.text, fact.id in fields.sources)
            for fact in facts.values()
            if not fact.is_closed or fact.id in fields.sources
        ],
        shown=shown(municipality, found, fields),
        has_own=at.channel != "" and _has_own(texts, at.channel, at.language),
        swedish=translations.swedish_seal(texts, _written_for(municipality, post, at)),
        outdated=_outdated(session, texts, municipality, post, at),
        proposals=proposals(session, catalog, municipality, post, now=now),
    )


def _written_for(municipality: Municipality, post: Post, at: Where) -> list[tuple[str, str]]:
    return [
        place for place in places_of(municipality, post) if place[1] == at.language and at.channel in ("", place[0])
    ]


def _outdated(
    session: Session, texts: PostSources, municipality: Municipality, post: Post, at: Where
) -> Outdated | None:
    places = [place for place in places_of(municipality, post) if place[1] == at.language]
    found = translations.outdated(session, texts, places)
    if not found:
        return None
    place = next((place for place in found if place[0] == at.channel), next(iter(found)))
    return Outdated(
        language_name(at.language).lower(),
        _changes_since(session, texts, place),
        translations.seal(texts, places, at.language),
    )


def _changes_since(session: Session, texts: PostSources, place: tuple[str, str]) -> Sequence[FieldDifference]:
    """What has changed in the Swedish text since the translation was last held against it, where that is still here."""
    now = texts.used_in(place[0], SWEDISH)
    known = {translations.digest(row.source): row.source for row in texts.written if row.language == SWEDISH}
    try:
        shipped = texts.begun_from(place[0], SWEDISH).text
    except (NotFoundError, TemplateError):
        shipped = ""
    known.setdefault(translations.digest(shipped), shipped)
    for original in translations.originals(session, texts, place):
        if known.get(original):
            return field_differences(decomposed(known[original]), decomposed(now.text))
    return ()


def _has_own(texts: PostSources, channel: str, language: str) -> bool:
    return bool(texts.own(channel, language)) and not texts.is_common(channel, language)


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


def about(session: Session, catalog: Catalog, municipality: Municipality, post: Post, *, now: datetime) -> About:
    """What stands around the text of `post`."""
    assert post.id is not None
    parties = municipality.party_names
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
        signed_by=[
            f"{item.name} för {parties.get(item.party, item.party)}" for item in live_signatures(session, post.id)
        ],
    )


_FOLLOWS = (
    "{} använder den gemensamma texten. Sparar du här får kanalen en egen text, "
    "och följer inte längre med när den gemensamma ändras."
)


def _inherits(texts: PostSources, at: Where, municipality: Municipality) -> str:
    """What the text is, when nobody has written one for just this channel and language of this post."""
    if texts.is_common(at.channel, at.language):
        return _FOLLOWS.format(municipality.channel(at.channel).name)
    if texts.own(at.channel, at.language):
        return ""
    row = texts.row_begun_from(at.channel, at.language)
    if row is None:
        return "Det här är texten som följer med. Ingen har ändrat den än."
    if row.post_id == texts.post.id:
        name = municipality.channel(at.channel).name
        return _FOLLOWS.format(name)
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
    if item.is_common:
        return f"Version {item.ordinal}, den gemensamma texten"
    if item.number:
        return f"Version {item.ordinal}"
    return "Förra gångens text" if item.author else "Texten som följde med"
