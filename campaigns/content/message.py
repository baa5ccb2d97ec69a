"""Content: what is shown, signed and sent, and how it looks as HTML and as plain text. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import NamedTuple

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from campaigns.errors import TemplateError

SWEDISH = "sv"
RIGHT_TO_LEFT = frozenset({"ar", "ckb", "fa", "he", "prs", "ps", "ur", "yi"})
SUBJECT_LENGTH = 70  # characters, in the school platforms' subject line
_LATER = "picture"  # the one key that content may be without


class PlainText(NamedTuple):
    """For the clipboard: a subject of at most 70 characters and a text without markup."""

    subject: str
    text: str


@dataclass(frozen=True)
class Content:
    """One message as it goes out. `body` is Markdown with the footer; `title`, `short` and `alt` are plain text.

    `image` is the picture file's name, and `picture` the SHA-256 of its bytes in hexadecimal: they are signed too.
    """

    title: str
    short: str
    body: str
    link: str = ""
    image: str = ""
    alt: str = ""
    language: str = SWEDISH
    picture: str = ""

    def to_bytes(self) -> bytes:
        """Canonical JSON: what is stored and signed. The same content always gives the same bytes.

        Without a picture nothing is said of it: what was signed before there were pictures keeps its bytes.
        """
        table = {name: value for name, value in vars(self).items() if value or name != _LATER}
        return json.dumps(table, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Content:
        """The content that `to_bytes` gave. Raises TemplateError if the bytes are something else."""
        try:
            table = json.loads(data)
        except ValueError as error:
            raise TemplateError("Det sparade innehållet går inte att läsa.") from error
        names = {field.name for field in fields(cls)}
        is_ours = isinstance(table, dict) and set(table) | {_LATER} == names
        if not is_ours or not all(isinstance(value, str) for value in table.values()):
            raise TemplateError("Det sparade innehållet går inte att läsa.")
        return cls(**table)

    def html(self) -> str:
        """The body as clean HTML: no raw HTML, scripts or pictures from the text. Other languages are marked."""
        clean = _clean_html(self.body)
        if self.language == SWEDISH:
            return clean
        direction = "rtl" if self.language in RIGHT_TO_LEFT else "ltr"
        return f'<div lang="{self.language}" dir="{direction}">\n{clean}\n</div>'

    def plain(self) -> PlainText:
        """The message for copying into a school platform or a closed group, which show no markup."""
        return PlainText(_shortened(self.title, SUBJECT_LENGTH), plain_text(self.body))


_TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "a", "h2", "h3", "h4", "blockquote", "hr", "code"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable("image")


@lru_cache(maxsize=64)  # several channels show the same text
def _clean_html(markdown: str) -> str:
    return nh3.clean(
        # A level one heading is the message's own title, so one in the text is the next level.
        _MARKDOWN.render(markdown).replace("<h1>", "<h2>").replace("</h1>", "</h2>"),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto", "tel", "sms"},
        url_relative="deny",
        link_rel="noopener noreferrer",
    ).strip()


@lru_cache(maxsize=8)  # the checks of a text each ask for its links or its words
def _tokens(markdown: str) -> tuple[Token, ...]:
    return tuple(_MARKDOWN.parse(markdown))


def _shortened(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    return text[: length - 1].rsplit(" ", 1)[0].rstrip(" ,;:–-") + "…"


def link_addresses(markdown: str) -> list[str]:
    """Where the links of a text lead, in the order they stand."""
    inline = (child for token in _tokens(markdown) for child in token.children or ())
    return [str(token.attrs.get("href", "")) for token in inline if token.type == "link_open"]


@lru_cache(maxsize=64)
def plain_text(markdown: str) -> str:
    """Markdown as plain text: blank lines between paragraphs, dashes before list items, addresses after their links."""
    blocks: list[str] = []
    lists: list[str] = []
    mark, is_first = "", False
    for token in _tokens(markdown):
        if token.type.endswith("_list_open"):
            lists.append(token.type)
            is_first = len(lists) == 1
        elif token.type.endswith("_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            mark = "  " * (len(lists) - 1) + (f"{token.info}. " if lists[-1].startswith("ordered") else "- ")
        elif token.type in ("inline", "code_block", "fence"):
            text = token.content.rstrip("\n") if token.children is None else _inline_text(token.children)
            blocks.append(("\n" if mark and not is_first else "\n\n") + mark + text)
            mark, is_first = "", False
    return "".join(blocks).strip()


def _inline_text(children: Sequence[Token]) -> str:
    parts: list[str] = []
    address, start = "", 0
    for token in children:
        if token.type in ("softbreak", "hardbreak"):
            parts.append(" " if token.type == "softbreak" else "\n")
        elif token.type == "link_open":
            address, start = str(token.attrs.get("href", "")), len(parts)
        elif token.type == "link_close":
            bare = address.removeprefix("mailto:").removeprefix("tel:")
            if "".join(parts[start:]) not in (address, bare):
                parts.append(f" ({bare})")
        else:
            parts.append(token.content)
    return "".join(parts)
