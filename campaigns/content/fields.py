"""A template's parts as the fields of a form, and back: what nobody touched is kept to the letter. Pure.

A text that is opened and saved without a change gives the same bytes; in one that is changed, comments, the order of
the lines and keys that we do not know stay where they stood.
"""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from campaigns.content.source import FENCE, KEYS, LONGEST_HEADER, Source
from campaigns.errors import TemplateError

# What the fields are called by people, in the order of the form.
FIELD_NAMES: Mapping[str, str] = {
    "title": "Rubriken",
    "short": "Den korta texten",
    "body": "Brödtexten",
    "image": "Bilden",
    "alt": "Alternativtexten",
    "link": "Länken",
}
# Characters in each, placeholders included. The channels' own limits are tighter; these keep a text readable at all.
LONGEST: Mapping[str, int] = {"title": 300, "short": 2_300, "body": 50_000, "image": 120, "alt": 500, "link": 400}


@dataclass(frozen=True)
class Fields:
    """What a person fills in. `sources` are ids of the facts that the text rests on without showing them."""

    title: str = ""
    short: str = ""
    body: str = ""
    image: str = ""
    alt: str = ""
    link: str = ""
    sources: tuple[str, ...] = ()

    def tidied(self) -> Fields:
        """Without what is lost in a template anyway: blanks at the ends, and characters that nobody sees."""
        text = {key: _seen(getattr(self, key)).strip() for key in KEYS}
        lines = _seen(self.body).split("\n")
        while lines and not lines[0].strip():
            lines.pop(0)
        return Fields(body="\n".join(lines).rstrip(), sources=tuple(dict.fromkeys(self.sources)), **text)

    def source(self, name: str) -> Source:
        """The same as a template that is ready to be filled in. Its parts are not checked."""
        tidy = self.tidied()
        return Source(name, **{field.name: getattr(tidy, field.name) for field in fields(Fields)})


@dataclass(frozen=True)
class FieldFault:
    """What stops a text from being a template: in which field, and what to do."""

    where: str
    message: str


def field_faults(filled: Fields) -> list[FieldFault]:
    """All that is wrong with the fields as a template, at most one for each, in the order of the form."""
    source = filled.source("Texten")
    found = []
    for key, name in FIELD_NAMES.items():
        text = getattr(source, key)
        if len(text) > LONGEST[key]:
            length = f"{len(text):,}".replace(",", "\u00a0")
            found.append(FieldFault(key, f"{name} är {length} tecken, högst {LONGEST[key]} går. Korta den."))
        elif not text and key in ("title", "short", "body"):
            found.append(FieldFault(key, f"{name} är tom. Skriv den."))
        elif not text and key == "alt" and source.image:
            found.append(FieldFault(key, "Bilden saknar alternativtext. Beskriv med en mening vad den visar."))
        elif text:
            found.extend(_compiled(source, key))
    return found


def _compiled(source: Source, key: str) -> Iterator[FieldFault]:
    try:
        source.part(key)
    except TemplateError as error:
        yield FieldFault(key, told_of_field(source, key, error.message))


def told_of_field(source: Source, key: str, message: str) -> str:
    """A template's error, told of the field and not of the file."""
    rest = message.removeprefix(source.part_name(key)).lstrip(",: ")
    return f"{FIELD_NAMES.get(key, key)}, {rest}"


def decomposed(text: str) -> Fields:
    """A template's text as fields. One whose front matter cannot be read comes whole, in the body: nothing is lost."""
    parts = _parts(text)
    if parts is None:
        return Fields(body=text)
    table = parts.table
    values = {key: value for key in KEYS if isinstance(value := table.get(key, ""), str)}
    listed = table.get("sources", ())
    sources = tuple(item for item in listed if isinstance(item, str)) if isinstance(listed, list) else ()
    return Fields(body=parts.body, sources=sources, **values).tidied()


def composed(filled: Fields, *, base: str = "") -> str:
    """The fields as a template's text. What they do not change in `base`, the text they were opened from, stays."""
    filled = filled.tidied()
    parts = _parts(base)
    if parts is None:
        return f"{FENCE}\n{_header(filled, Fields(), ())}{FENCE}\n\n{filled.body}\n"
    before = decomposed(base)
    if filled == before:
        return base
    body = parts.body if filled.body == before.body else f"\n{filled.body}\n"
    return f"{FENCE}\n{_header(filled, before, parts.statements)}{FENCE}\n{body}"


@dataclass(frozen=True)
class _Statement:
    """Lines of the front matter that belong together. `key` is what they set: "" for a comment, a blank or a table."""

    key: str
    text: str
    is_table: bool = False


@dataclass(frozen=True)
class _Parts:
    statements: tuple[_Statement, ...]
    table: Mapping[str, object]
    body: str


def _parts(text: str) -> _Parts | None:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    ends = [number for number, line in enumerate(lines) if line.strip() == FENCE]
    if len(ends) < 2 or ends[0] != 0:
        return None
    header = lines[1 : ends[1]]
    if sum(map(len, header)) > LONGEST_HEADER:
        return None
    try:
        table = tomllib.loads("\n".join(header))
        statements = tuple(_statements(header))
    except (ValueError, RecursionError):
        return None
    return _Parts(statements, table, "\n".join(lines[ends[1] + 1 :]))


def _statements(lines: list[str]) -> Iterator[_Statement]:
    """The front matter's lines, those of a value over several lines together. Ends early with a ValueError."""
    waiting: list[str] = []
    for number, line in enumerate(lines):
        waiting.append(line)
        if len(waiting) == 1 and line.lstrip().startswith("["):
            yield _Statement("", "\n".join(lines[number:]) + "\n", is_table=True)
            return
        try:
            found = tomllib.loads("\n".join(waiting))
        except ValueError:
            continue
        yield _Statement(next(iter(found), ""), "\n".join(waiting) + "\n")
        waiting = []
    if waiting:
        raise ValueError


def _header(filled: Fields, before: Fields, statements: tuple[_Statement, ...]) -> str:
    wanted: dict[str, str | tuple[str, ...]] = {key: getattr(filled, key) for key in (*KEYS, "sources")}
    lines: list[str] = []
    tables = [item.text for item in statements if item.is_table]
    for item in statements:
        if item.is_table:
            continue
        if item.key not in wanted:
            lines.append(item.text)
            continue
        value = wanted.pop(item.key)
        if value == getattr(before, item.key):
            lines.append(item.text)
        elif value:
            lines.append(_line(item.key, value))
    lines.extend(_line(key, value) for key, value in wanted.items() if value)
    return "".join((*lines, *tables))


def _line(key: str, value: str | tuple[str, ...]) -> str:
    shown = _quoted(value) if isinstance(value, str) else f"[{', '.join(map(_quoted, value))}]"
    return f"{key} = {shown}\n"


def _quoted(text: str) -> str:
    """A TOML basic string, which is JSON's with DEL escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


# Controls, and halves of characters. Line feeds and tabs stay.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _seen(text: str) -> str:
    return _UNSEEN.sub("", unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")))


def replaced_outside_code(text: str, old: str, new: str) -> str:
    """`text` with `old` replaced by `new`, but for what stands in {{ }} and {% %}."""
    pieces = re.split(r"(\{\{.*?\}\}|\{%.*?%\})", text, flags=re.DOTALL)
    pieces[::2] = [piece.replace(old, new) for piece in pieces[::2]]
    return "".join(pieces)
