"""What citizens read: the published messages by audience and language, the current ones apart from the older."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from campaigns.catalog import Audience, Catalog, Municipality
from campaigns.content import SWEDISH
from campaigns.news import Message

# What the languages that municipalities are most likely to use call themselves; others are told by their code.
OWN_NAMES: Mapping[str, str] = {
    "sv": "Svenska",
    "en": "English",
    "ar": "العربية",
    "ckb": "کوردی",
    "de": "Deutsch",
    "es": "Español",
    "fa": "فارسی",
    "fi": "Suomi",
    "fr": "Français",
    "kmr": "Kurmancî",
    "pl": "Polski",
    "prs": "دری",
    "ps": "پښتو",
    "ro": "Română",
    "ru": "Русский",
    "se": "Davvisámegiella",
    "so": "Soomaali",
    "th": "ไทย",
    "ti": "ትግርኛ",
    "tr": "Türkçe",
    "uk": "Українська",
    "ur": "اردو",
    "vi": "Tiếng Việt",
}


@dataclass(frozen=True)
class Language:
    code: str
    name: str


@dataclass(frozen=True)
class Choice:
    """What a reader has chosen to see: an audience's id and a language, each "" for all."""

    audience: str = ""
    language: str = ""


@dataclass(frozen=True)
class PublicPage:
    """The messages as chosen, each post's languages together, newest first; and what there is to choose from."""

    current: Sequence[Sequence[Message]]
    older: Sequence[Sequence[Message]]
    audiences: Sequence[Audience]
    languages: Sequence[Language]
    chosen: Choice

    @property
    def is_narrowed(self) -> bool:
        return self.chosen != Choice()


def public_page(
    catalog: Catalog,
    municipality: Municipality,
    messages: Sequence[Message],
    *,
    today: date,
    audience: str,
    language: str,
) -> PublicPage:
    """The page of the published `messages`, newest first. A choice that there is not is as none.

    A message is current through the last day of what it is about. `today` is a local day.
    """
    languages = languages_of(messages)
    codes = [item.code for item in languages]
    chosen = Choice(
        audience=audience if audience in catalog.audiences else "",
        language=language if language in {*codes, *municipality.languages} else "",
    )
    shown = by_post(
        item for item in messages if chosen.audience in ("", item.audience) and chosen.language in ("", item.language)
    )
    there = {item.audience for item in messages}
    return PublicPage(
        current=[group for group in shown if group[0].last_day >= today],
        older=[group for group in shown if group[0].last_day < today],
        audiences=[item for item in catalog.audiences.values() if item.id in there],
        languages=languages,
        chosen=chosen,
    )


def languages_of(messages: Iterable[Message]) -> Sequence[Language]:
    """The languages that there are messages in, Swedish first."""
    codes = {item.language for item in messages}
    ordered = sorted(codes, key=lambda code: (code != SWEDISH, OWN_NAMES.get(code, code)))
    return [Language(code, OWN_NAMES.get(code, code)) for code in ordered]


def by_post(messages: Iterable[Message]) -> list[list[Message]]:
    """The messages with a post's languages together, Swedish first; newest post first."""
    groups: dict[int, list[Message]] = {}
    for message in messages:
        groups.setdefault(message.post_id, []).append(message)
    for group in groups.values():
        group.sort(key=lambda message: (message.language != SWEDISH, message.language))
    return list(groups.values())
