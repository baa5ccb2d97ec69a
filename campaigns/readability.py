"""How hard a Swedish text is to read: LIX, and the sentences that are too long.

LIX = words / sentences + 100 * long words / words, where a long word has more than six letters. Under 30 is very easy,
30-40 easy, 40-50 of middling difficulty, over 50 hard. Under about 100 words the figure jumps and only hints.

What counts: a number is a word, also in groups (”114 14”); a word with hyphens is one word; addresses on the web are
none. A colon ends a sentence only before a capital or a line break; a full stop in an abbreviation does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONG_WORD = 7  # letters
LONG_SENTENCE = 20  # words
RELIABLE_FROM = 100  # words

# The bounds (the lengths of RFC 1035 and RFC 5321) and the possessive ++ keep the time in step with the text's length.
_ADDRESS = re.compile(
    r"(?:https?://|www\.|mailto:)\S*[^\s.,;:!?)\]”\"]|[\w.+-]{1,64}@[\w-]{1,63}+\.[\w.-]{0,255}\w"
    r"|\b(?:[\w-]{1,63}+\.){1,8}(?:se|nu|com|org|eu|net)\b(?:/\S*[^\s.,;:!?)\]”\"])?",
    re.IGNORECASE,
)
# These may also end a sentence: then a capital follows, or nothing.
_ENDING_ABBREVIATION = re.compile(
    r"\b(?i:m\.?\s?m|o\.?\s?s\.?\s?v|osv|etc|m\.?\s?fl)\.(?!\s+[A-ZÅÄÖ]|\s*\Z|\s*\n\s*\n)"
)
_ABBREVIATION = re.compile(
    r"\b(?:t\.\s?ex|bl\.\s?a|d\.\s?v\.\s?s|dvs|s\.\s?k|f\.\s?d|p\.\s?g\.\s?a|fr\.\s?o\.\s?m|t\.\s?o\.\s?m|o\.\s?d"
    r"|kl|ca|nr|tel|s\.\s?a\.\s?s|ev|kap|resp|inkl|exkl)\.",
    re.IGNORECASE,
)
_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"”’)\]]*+(?=\s+[^\sa-zåäöé]|\s*\Z)"  # a stop, unless small letters go on after it
    r"|:(?=[ \t]*\n|\s+[A-ZÅÄÖ])"
    r"|\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)])\s)"  # a new paragraph or list item
)
_WORD = re.compile(r"\d+(?:[ \u00a0-]\d+)+|[^\W_]+(?:[-'’:./][^\W_]+)*")


@dataclass(frozen=True)
class Reading:
    """What the figures rest on. `hard_sentences` are those of more than 20 words, as they stand in the text."""

    words: int
    sentences: int
    long_words: int
    hard_sentences: tuple[str, ...] = ()

    @property
    def lix(self) -> float:
        return lix_of(self.words, self.sentences, self.long_words)

    @property
    def is_reliable(self) -> bool:
        return self.words >= RELIABLE_FROM


def lix_of(words: int, sentences: int, long_words: int) -> float:
    """The readability index from its three counts; 0 for a text without words."""
    if not words:
        return 0.0
    return words / max(sentences, 1) + 100 * long_words / words


def lix(text: str) -> float:
    """The readability index of a plain text (no Markdown)."""
    return read(text).lix


def read(text: str) -> Reading:
    """The counts of a plain text. A blank line and a list item end a sentence, with or without a full stop."""
    counted = [(sentence, _words(sentence)) for sentence in sentences(text)]
    spoken = [(sentence, words) for sentence, words in counted if words]
    every = [word for _, words in spoken for word in words]
    return Reading(
        words=len(every),
        sentences=len(spoken),
        long_words=sum(sum(map(str.isalpha, word)) >= LONG_WORD for word in every),
        hard_sentences=tuple(sentence for sentence, words in spoken if len(words) > LONG_SENTENCE),
    )


def sentences(text: str) -> list[str]:
    """The sentences of a plain text, without web addresses."""
    rest = _ADDRESS.sub("", text)
    rest = _ENDING_ABBREVIATION.sub(_without_stops, rest)
    rest = _ABBREVIATION.sub(_without_stops, rest)
    found, start = [], 0
    for end in _END.finditer(rest):
        found.append(rest[start : end.end()])
        start = end.end()
    found.append(rest[start:])
    return [" ".join(sentence.split()) for sentence in found if sentence.strip()]


def _without_stops(found: re.Match[str]) -> str:
    return re.sub(r"[.\s]", "", found[0])


def _words(sentence: str) -> list[str]:
    return [found[0] for found in _WORD.finditer(sentence)]
