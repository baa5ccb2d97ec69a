"""What a text costs as SMS: its encoding, its parts, and the characters that made it dear.

GSM 03.38's seven-bit alphabet holds å, ä, ö and é: 160 characters in one part, 153 in each of several. One character
outside it (a dash, a curly quote, an emoji) turns the whole text into UCS-2: 70, or 67 in each of several.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # an escape and a character: two units

_REPLACEMENTS = {
    **dict.fromkeys("–—―‐‑‒−•", "-"),
    **dict.fromkeys("”“„«»″", '"'),
    **dict.fromkeys("’‘‚´`′", "'"),
    **dict.fromkeys("\u00a0\u202f\u2009\t", " "),
    **dict.fromkeys("\u00ad\u200b\u200d\ufeff\ufe0f", ""),
    **dict(zip("áóëç×", "aoecx", strict=True)),
    "…": "...",
    "½": "1/2",
    "¼": "1/4",
    "¾": "3/4",
    "→": "->",
}


class Encoding(StrEnum):
    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


# Units in a part alone, and in each of several.
ROOM = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}


@dataclass(frozen=True)
class Segments:
    """The cost of one text. `units` are septets or UTF-16 units; `replacements` says what each culprit can become."""

    encoding: Encoding
    units: int
    parts: int
    culprits: tuple[str, ...] = ()
    replacements: tuple[tuple[str, str], ...] = ()


def segments(text: str) -> Segments:
    """What `text` costs. Neither an escape nor a surrogate pair is split over two parts."""
    culprits = tuple(dict.fromkeys(letter for letter in text if letter not in _BASIC and letter not in _EXTENDED))
    widths = _widths(text, is_basic=not culprits)
    encoding = Encoding.UCS_2 if culprits else Encoding.GSM_7
    suggested = tuple((letter, _REPLACEMENTS[letter]) for letter in culprits if letter in _REPLACEMENTS)
    return Segments(encoding, sum(widths), len(_cuts(widths, encoding)), culprits, suggested)


def parts(text: str) -> list[str]:
    """`text` as the parts that it is sent in."""
    cost = segments(text)
    starts = _cuts(_widths(text, is_basic=not cost.culprits), cost.encoding)
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _widths(text: str, *, is_basic: bool) -> list[int]:
    if is_basic:
        return [2 if letter in _EXTENDED else 1 for letter in text]
    return [2 if ord(letter) > 0xFFFF else 1 for letter in text]


def _cuts(widths: list[int], encoding: Encoding) -> list[int]:
    """Where each part begins, counted in characters."""
    single, several = ROOM[encoding]
    if sum(widths) <= single:
        return [0] if widths else []
    starts, used = [0], 0
    for number, width in enumerate(widths):
        if used + width > several:
            starts.append(number)
            used = 0
        used += width
    return starts


def replaced(text: str, cost: Segments) -> str:
    """`text` with all that can be replaced by something cheaper."""
    return text.translate({ord(old): new for old, new in cost.replacements})
