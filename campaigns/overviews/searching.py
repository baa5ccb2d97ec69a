"""Searching rows for what people type: words, all of which must be found somewhere. And pages of what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Mapped

from campaigns.catalog import Catalog

PER_PAGE = 50
MOST_WORDS = 8
LONGEST_SEARCH = 200


def typed(text: str) -> str:
    """What was typed in a search field, as one line of printable characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text[:LONGEST_SEARCH]).split())


def words(search: str) -> list[str]:
    """The words to look for."""
    return typed(search).split()[:MOST_WORDS]


def contains(column: Mapped[str], word: str) -> ColumnElement[bool]:
    """Whether the column's text has `word` in it, upper or lower case (SQLite knows no case of å, ä and ö)."""
    ways = dict.fromkeys((word, word.lower(), word[:1].upper() + word[1:].lower()))
    return or_(*(column.ilike(f"%{escaped(way)}%", escape="\\") for way in ways))


def escaped(text: str) -> str:
    """`text` with what LIKE gives a meaning marked as itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def named(names: Mapping[str, str] | Iterable[tuple[str, str]], word: str) -> set[str]:
    """The ids of those whose names have `word` in them."""
    pairs = names.items() if isinstance(names, Mapping) else names
    return {key for key, name in pairs if word.casefold() in name.casefold()}


def campaigns_named(catalog: Catalog, word: str) -> set[str]:
    return named({item.id: item.name for item in catalog.campaigns.values()}, word)


def steps_named(catalog: Catalog, word: str) -> set[str]:
    return named(((step.id, step.name) for item in catalog.campaigns.values() for step in item.steps), word)


def audiences_named(catalog: Catalog, word: str) -> set[str]:
    return named({item.id: item.name for item in catalog.audiences.values()}, word)


@dataclass(frozen=True)
class Paging:
    """Which page of how many, `page` counted from 1, and how many rows there are in all."""

    page: int
    pages: int
    total: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * PER_PAGE


def paging(total: int, wanted: str) -> Paging:
    """The page that was asked for, or the nearest that there is."""
    pages = max(1, -(-total // PER_PAGE))
    page = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 9 else 1
    return Paging(min(max(page, 1), pages), pages, total)
