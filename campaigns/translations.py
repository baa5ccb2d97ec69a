"""Whether the texts in other languages still say what the Swedish ones do.

A translation holds for the very Swedish text that somebody last held it against. Both are known by their SHA-256, so
that a text that comes back, as next year's or by being restored, brings its translation with it. A translation that is
a file says itself, in its header, which Swedish files it was made for (`campaigns.translation_files`); a person can
vouch for it here as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlmodel import Session

from campaigns import audit
from campaigns.content import SWEDISH
from campaigns.errors import NotFoundError, RefusedError, TemplateError
from campaigns.faults import Fault, FaultCode, Severity
from campaigns.models import TranslationLook
from campaigns.post_sources import PostSources
from campaigns.revisions import touch
from campaigns.swedish import language_name

Place = tuple[str, str]  # a channel and a language


class Pair(NamedTuple):
    """A Swedish text and its translation, by their SHA-256 in hexadecimal."""

    original: str
    translation: str


def outdated(session: Session, texts: PostSources, places: Iterable[Place]) -> dict[Place, Pair]:
    """Those of the places whose translation nobody has held against the Swedish text as it stands now."""
    found = {place: pair for place, pair in _pairs(texts, places).items() if not _says_so(texts, place, pair)}
    if not found:
        return {}
    values = {
        "municipality": texts.post.municipality,
        "translations": list(dict.fromkeys(pair.translation for pair in found.values())),
    }
    known = {(row.language, row.original, row.translation) for row in session.execute(_KNOWN, values)}
    return {place: pair for place, pair in found.items() if (place[1], *pair) not in known}


def fault_of(language: str) -> Fault:
    """What stands in the way of a text with a translation that is outdated."""
    name = language_name(language).lower()
    return Fault(
        FaultCode.STALE_TRANSLATION,
        Severity.ERROR,
        f"Översättningen till {name} är inte läst mot den svenska texten som den är nu. Läs den, och spara den eller"
        " intyga att den stämmer.",
        "body",
    )


def seal(texts: PostSources, places: Iterable[Place], language: str) -> str:
    """What a form carries to tell which Swedish texts, and translations, were shown: "" where there are none."""
    pairs = sorted({pair for place, pair in _pairs(texts, places).items() if place[1] == language})
    return hashlib.sha256(repr([tuple(pair) for pair in pairs]).encode()).hexdigest() if pairs else ""


def swedish_seal(texts: PostSources, places: Iterable[Place]) -> str:
    """What a form carries to tell which Swedish texts those who wrote in it had before them."""
    rows = sorted({(row.id if row else 0) for row in (texts.row_in(channel, SWEDISH) for channel, _ in places)})
    return ".".join(map(str, rows))


def note(
    session: Session,
    texts: PostSources,
    places: Iterable[Place],
    *,
    language: str,
    channel: str,
    seen: str | None,
    name: str,
    now: datetime,
) -> None:
    """Keep that what `name` has just written in `language` for `channel` ("" for all) says what the Swedish text does.

    `seen` is `swedish_seal` of what was shown, if it is known: where another Swedish text has been saved meanwhile,
    nobody has held the translation against that.
    """
    places = [place for place in places if place[1] == language and channel in ("", place[0])]
    if seen is not None and seen != swedish_seal(texts, places):
        return
    _keep(session, texts, _pairs(texts, places), name=name, now=now)


def look(
    session: Session, texts: PostSources, places: Iterable[Place], *, language: str, seen: str, name: str, now: datetime
) -> None:
    """A person says that the post's translation into `language` still holds. `seen` is the seal of what was shown.

    Raises RefusedError if another text has been saved since, or if there is nothing to look at.
    """
    places = [place for place in places if place[1] == language]
    found = outdated(session, texts, places)
    if not found:
        raise RefusedError("Översättningen är redan läst mot den svenska texten.")
    if seal(texts, places, language) != seen:
        raise RefusedError("Texten har ändrats sedan du öppnade sidan. Läs den igen.")
    _keep(session, texts, found, name=name, now=now)
    post = texts.post
    audit.record(
        session,
        now=now,
        municipality=post.municipality,
        actor=name,
        action="läste översättning",
        subject=post.key,
        detail=language_name(language).lower(),
    )
    touch(session, post.municipality)


def originals(session: Session, texts: PostSources, place: Place) -> list[str]:
    """The SHA-256 of the Swedish texts that the translation used in `place` was held against, the latest first."""
    pair = _pairs(texts, [place]).get(place)
    if pair is None:
        return []
    values = {"municipality": texts.post.municipality, "language": place[1], "translation": pair.translation}
    return list(session.execute(_ORIGINALS, values).scalars())


def vouched_for(session: Session) -> set[tuple[str, str, str]]:
    """The language and the SHA-256 of the Swedish text and of the translation, of every pair that somebody has read."""
    return {tuple(row) for row in session.execute(select(_LOOK.c.language, _LOOK.c.original, _LOOK.c.translation))}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _pairs(texts: PostSources, places: Iterable[Place]) -> dict[Place, Pair]:
    """Each translated place with its two texts; not what has no Swedish text."""
    found = {}
    for channel, language in places:
        if language == SWEDISH:
            continue
        try:
            original, translation = texts.used_in(channel, SWEDISH), texts.used_in(channel, language)
        except (NotFoundError, TemplateError):  # told of where the text is made
            continue
        found[channel, language] = Pair(digest(original.text), digest(translation.text))
    return found


def _says_so(texts: PostSources, place: Place, pair: Pair) -> bool:
    """Whether the translation is a file that says that it was made for this Swedish text."""
    return texts.row_in(*place) is None and pair.original in texts.used_in(*place).translates


def _keep(session: Session, texts: PostSources, pairs: Mapping[Place, Pair], *, name: str, now: datetime) -> None:
    for language, pair in dict.fromkeys((place[1], pair) for place, pair in pairs.items()):
        session.merge(
            TranslationLook(
                municipality=texts.post.municipality,
                language=language,
                original=pair.original,
                translation=pair.translation,
                looked_by=name,
                looked_at=now,
            )
        )
    session.flush()


_LOOK = TranslationLook.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_KNOWN = select(_LOOK.c.language, _LOOK.c.original, _LOOK.c.translation).where(
    _LOOK.c.municipality == bindparam("municipality"),
    _LOOK.c.translation.in_(bindparam("translations", expanding=True)),
)
_ORIGINALS = (
    select(_LOOK.c.original)
    .where(*(_LOOK.c[name] == bindparam(name) for name in ("municipality", "language", "translation")))
    .order_by(_LOOK.c.looked_at.desc())
)
