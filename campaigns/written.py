"""What people write about what they do: who they are, and why. Nobody's words are cut off: they are refused. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from campaigns.errors import RefusedError

LONGEST_ACTOR = 100
LONGEST_REASON = 300
LONGEST_COMMENT = 1_000
LONGEST_ADDRESS = 500


class WrittenError(RefusedError):
    """Det som skrevs saknas eller är för långt."""


def checked_actor(name: str, ask: str = "Ange vem som gör det, till exempel --as ”Anna Andersson”.") -> str:
    """Who does it, on one line. Raises WrittenError with `ask` for nobody, and for a name that is no name."""
    actor = on_one_line(name)
    if not actor:
        raise WrittenError(ask)
    return within(actor, LONGEST_ACTOR, "Namnet")


def checked_reason(reason: str, ask: str) -> str:
    """Why, on one line. Raises WrittenError with `ask` for nothing, and for more than can be shown in a list."""
    why = on_one_line(reason)
    if not why:
        raise WrittenError(ask)
    return within(why, LONGEST_REASON, "Skälet")


def name_of(name: str) -> str:
    """A person's name as it is kept: the same name typed on two systems is one. "" for none.

    Raises WrittenError where letters of several alphabets make it look like another's name.
    """
    name = unicodedata.normalize("NFKC", " ".join(name.split()))
    alphabets = {unicodedata.name(sign, "").partition(" ")[0] for sign in name if sign.isalpha()} - {"MODIFIER"}
    if len(alphabets) > 1 and not alphabets <= {"CJK", "HIRAGANA", "KATAKANA", "HANGUL"}:
        raise WrittenError("Namnet blandar bokstäver ur olika alfabet, så att det kan förväxlas. Skriv det med ett.")
    return name


def name_key(name: str) -> str:
    """What is the same for all ways to write one name."""
    return unicodedata.normalize("NFKC", name).casefold()


def within(text: str, most: int, what: str) -> str:
    """`text`, which has at most `most` characters. Raises WrittenError, which calls it `what`, for more."""
    if len(text) > most:
        raise WrittenError(f"{what} får ha högst {_number(most)} tecken. Du skrev {_number(len(text))}. Korta texten.")
    return text


def day_in(text: str) -> date:
    """The day in ”2027-11-01”, and in no other of ISO 8601's forms. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip()):
        raise ValueError(text)
    return date.fromisoformat(text.strip())


def number_in(text: str) -> int | None:
    """The number that is written with the digits 0–9, of no more than nine; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def on_one_line(text: str) -> str:
    """`text` without line ends, and without characters that nobody sees and no database keeps."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _number(count: int) -> str:
    return f"{count:,}".replace(",", "\u00a0")
