"""Where in a Bluesky post its links and hashtags stand, in bytes of UTF-8 (docs.bsky.app, Rich text).

Without them nothing can be clicked: the network does not look for links itself.
"""

from __future__ import annotations

import re
from typing import Any

from requests.utils import requote_uri

_LINK = re.compile(r"https?://[^\s<>\"]+")
_AFTER_LINK = ".,;:!?)’”'…"  # ends the sentence, not the address
_TAG = re.compile(r"(?<!\S)#(\w*[^\W\d_]\w*)")
LONGEST_TAG = 64  # characters, by the lexicon


def facets_of(text: str, *, link: str = "") -> list[dict[str, Any]]:
    """The facets of `text`, in order. If `text` ends with `link`, that is one link to its last character."""
    end = len(text) - len(link) if is_link(link) and text.endswith(link) else len(text)
    found = []
    for match in _LINK.finditer(text, 0, end):
        shown = match.group().rstrip(_AFTER_LINK)
        found.append(_facet(text, match.start(), shown, _to(shown)))
    for match in _TAG.finditer(text, 0, end):
        if len(match[1]) <= LONGEST_TAG:
            tag = {"$type": "app.bsky.richtext.facet#tag", "tag": match[1]}
            found.append(_facet(text, match.start(), match.group(), tag))
    if end < len(text):
        found.append(_facet(text, end, link, _to(link)))
    return sorted(found, key=_start)


def is_link(text: str) -> bool:
    """Whether the whole of `text` is an address that can be opened."""
    return bool(_LINK.fullmatch(text))


def uri_of(link: str) -> str:
    """`link` in ASCII, with what is not percent-encoded once."""
    return requote_uri(link)


def _to(shown: str) -> dict[str, str]:
    return {"$type": "app.bsky.richtext.facet#link", "uri": uri_of(shown)}


def _facet(text: str, at: int, shown: str, feature: dict[str, str]) -> dict[str, Any]:
    first = len(text[:at].encode())
    return {"index": {"byteStart": first, "byteEnd": first + len(shown.encode())}, "features": [feature]}


def _start(facet: dict[str, Any]) -> int:
    return int(facet["index"]["byteStart"])
