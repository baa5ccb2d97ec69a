"""Colours and how well they can be told apart. Pure: WCAG 2.2, relative luminance and contrast ratio."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

TEXT = 4.5  # WCAG 2.2, 1.4.3
GRAPHICS = 3.0  # WCAG 2.2, 1.4.11

_HEX = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Colour:
    """Red, green and blue, 0-255 each (sRGB)."""

    red: int
    green: int
    blue: int

    @classmethod
    def read(cls, text: str) -> Colour | None:
        """The colour in ”#0c5563”, or None if it is written in another way."""
        text = text.strip().lower()
        if not _HEX.fullmatch(text):
            return None
        return cls(*(int(text[at : at + 2], 16) for at in (1, 3, 5)))

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def luminance(self) -> float:
        """0 for black, 1 for white."""
        red, green, blue = (_linear(part / 255) for part in (self.red, self.green, self.blue))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def towards(self, other: Colour, share: float) -> Colour:
        """This colour mixed with `share` (0-1) of the other."""
        pairs = zip((self.red, self.green, self.blue), (other.red, other.green, other.blue), strict=True)
        return Colour(*(round(own + (its - own) * share) for own, its in pairs))


BLACK, WHITE = Colour(0, 0, 0), Colour(255, 255, 255)


def contrast(one: Colour, other: Colour) -> float:
    """1 for the same colour, 21 for black and white."""
    lighter, darker = sorted((one.luminance, other.luminance), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def text_on(ground: Colour) -> Colour:
    """Black or white, whichever is easier to read on it: at least 4.5:1, whatever the ground."""
    return max(BLACK, WHITE, key=lambda colour: contrast(colour, ground))


def moved(colour: Colour, *, towards: Colour, beside: Sequence[Colour], ratio: float) -> Colour:
    """The nearest shade of `colour`, going towards another, that has at least `ratio` to each of `beside`."""
    shades = (colour.towards(towards, step / 100) for step in range(101))
    return next((shade for shade in shades if all(contrast(shade, each) >= ratio for each in beside)), towards)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
