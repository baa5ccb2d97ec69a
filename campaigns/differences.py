"""What differs between two texts, word by word. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

# Words on both sides, multiplied, that are compared one by one. Longer passages are shown as wholly replaced.
MOST_PAIRS = 400_000

_WORD = re.compile(r"\s+|\{\{.*?\}\}|\{%.*?%\}|\w+|.", re.DOTALL)


class Kind(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True)
class Part:
    """A stretch of text that stands in both, only in the later, or only in the earlier."""

    kind: Kind
    text: str


def differences(earlier: str, later: str) -> list[Part]:
    """The two texts as one: the parts without those added are the earlier, without those removed the later."""
    return list(_joined(_by_line(earlier, later)))


def _by_line(earlier: str, later: str) -> Iterator[Part]:
    """Lines first, which is quick; then words within the lines that differ."""
    old, new = earlier.splitlines(keepends=True), later.splitlines(keepends=True)
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Part(Kind.SAME, "".join(old[a:b]))
        else:
            yield from _by_word("".join(old[a:b]), "".join(new[c:d]))


def _by_word(earlier: str, later: str) -> Iterator[Part]:
    old, new = _WORD.findall(earlier), _WORD.findall(later)
    if len(old) * len(new) > MOST_PAIRS:
        yield from (Part(Kind.REMOVED, earlier), Part(Kind.ADDED, later))
        return
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Part(Kind.SAME, "".join(old[a:b]))
        else:
            yield from _both(old[a:b], new[c:d])


def _both(old: Sequence[str], new: Sequence[str]) -> Iterator[Part]:
    if old:
        yield Part(Kind.REMOVED, "".join(old))
    if new:
        yield Part(Kind.ADDED, "".join(new))


def _joined(parts: Iterable[Part]) -> Iterator[Part]:
    """Neighbours of a kind as one, and a single blank between two changes taken into them: fewer, longer marks."""
    waiting: list[Part] = []
    for part in parts:
        if waiting and waiting[-1].kind is part.kind:
            waiting[-1] = Part(part.kind, waiting[-1].text + part.text)
        else:
            waiting.append(part)
    yield from _runs(waiting)


def _runs(parts: Sequence[Part]) -> Iterator[Part]:
    removed = added = ""
    for number, part in enumerate(parts):
        is_inside = 0 < number < len(parts) - 1 and (removed or added)
        if part.kind is Kind.SAME and is_inside and part.text == " ":
            removed, added = removed + " ", added + " "
        elif part.kind is Kind.SAME:
            yield from _both([removed] if removed else [], [added] if added else [])
            removed = added = ""
            yield part
        elif part.kind is Kind.REMOVED:
            removed += part.text
        else:
            added += part.text
    yield from _both([removed] if removed else [], [added] if added else [])
