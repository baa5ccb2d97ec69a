"""What a text comes to, told to the person who writes it: characters, SMS, readability. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from campaigns import sms
from campaigns.content import SWEDISH, Content, listed
from campaigns.faults import LIX_LIMIT, LIX_WARNING, SCREEN_WORDS
from campaigns.limits import LIMITS, Limits
from campaigns.readability import read

_NO_LIMITS = Limits()


@dataclass(frozen=True)
class Counter:
    """A line about one field. `is_over`: it is more than some channel takes."""

    text: str
    is_over: bool = False


@dataclass(frozen=True)
class Swap:
    """A character that makes an SMS dear, and what it can become."""

    old: str
    new: str


@dataclass(frozen=True)
class Counters:
    """By field. `swaps` are the characters that would make the SMS fewer or leave it more room."""

    title: Counter
    short: Counter
    body: Counter
    sms: Counter
    swaps: Sequence[Swap] = ()


def count(content: Content, kinds: Collection[str]) -> Counters:
    """The counters of a text that goes out in channels of these kinds."""
    limits = [LIMITS.get(kind, _NO_LIMITS) for kind in kinds] or [_NO_LIMITS]
    cost = sms.segments(content.short)
    return Counters(
        title=_length(content.title, min(item.title for item in limits)),
        short=_short(content, limits, has_screen="skarm" in kinds),
        body=_body(content),
        sms=Counter(sms_sentence(content.short), "sms" in kinds and cost.parts > 1),
        swaps=_swaps(content.short, cost),
    )


def _swaps(text: str, cost: sms.Segments) -> tuple[Swap, ...]:
    """The replacements, where they help: all that is dear can be replaced, or the parts become fewer."""
    is_enough = len(cost.replacements) == len(cost.culprits)
    if is_enough or sms.segments(sms.replaced(text, cost)).parts < cost.parts:
        return tuple(Swap(old, new) for old, new in cost.replacements)
    return ()


def raw_count(title: str, short: str, body: str) -> Counters:
    """The counters of a text that cannot be filled in: lengths as typed, and nothing that rests on the words."""
    of_title, of_short, of_body = (Counter(f"{len(text)} tecken som det är skrivet.") for text in (title, short, body))
    return Counters(of_title, of_short, of_body, Counter(""))


def _length(text: str, limit: int) -> Counter:
    over = len(text) - limit
    if over > 0:
        return Counter(f"{len(text)} tecken: {over} för mycket. Högst {limit} går.", is_over=True)
    return Counter(f"{len(text)} av högst {limit} tecken.")


def _short(content: Content, limits: Sequence[Limits], *, has_screen: bool) -> Counter:
    line = _length(content.short, min(item.short for item in limits))
    with_link = [item.short_with_link for item in limits if item.short_with_link is not None]
    told, is_over = [line.text], line.is_over
    if with_link:
        whole, most = len(f"{content.short}\n\n{content.link}".strip()), min(with_link)
        if whole > most:
            told.append(f"Med länken {whole} tecken: {whole - most} för mycket.")
            is_over = True
    words = len(content.short.split())
    if has_screen:
        told.append(f"{words} av högst {SCREEN_WORDS} ord på skärm.")
        is_over = is_over or words > SCREEN_WORDS
    return Counter(" ".join(told), is_over)


def _body(content: Content) -> Counter:
    reading = read(content.plain().text)
    words = "ett ord" if reading.words == 1 else f"{reading.words} ord"
    if content.language != SWEDISH or not reading.words:
        return Counter(f"{words[:1].upper()}{words[1:]}.")
    level = "svår" if reading.lix > LIX_LIMIT else "medelsvår" if reading.lix > LIX_WARNING else "lätt att läsa"
    doubt = "" if reading.is_reliable else " Texten är kort, så måttet är osäkert."
    is_over = reading.lix > LIX_LIMIT and reading.is_reliable
    return Counter(f"LIX {reading.lix:.0f}, {level}. {words[:1].upper()}{words[1:]}.{doubt}", is_over)


def sms_sentence(text: str) -> str:
    """What `text` costs as SMS, and what makes it fewer: ”2 SMS per mottagare. Byt – mot - så blir det 1.”"""
    cost = sms.segments(text)
    if not cost.parts:
        return ""
    told = f"{cost.parts} SMS per mottagare."
    without = {ord(letter): None for letter in cost.culprits}
    swapped = sms.replaced(text, cost)
    if cost.replacements and (fewer := sms.segments(swapped).parts) < cost.parts:
        return f"{told} Byt {listed([_named(old, new) for old, new in cost.replacements])} så blir det {fewer}."
    if cost.culprits and (fewer := sms.segments(swapped.translate(without)).parts) < cost.parts:
        odd = [letter for letter in cost.culprits if letter not in dict(cost.replacements)]
        swaps = f"byt {listed([_named(old, new) for old, new in cost.replacements])} och " if cost.replacements else ""
        told_swaps = f"{swaps}ta bort {listed(odd)}"
        return f"{told} {told_swaps[:1].upper()}{told_swaps[1:]} så blir det {fewer}."
    single, several = sms.ROOM[cost.encoding]
    room = f"{told} {cost.units} tecken, och det ryms {single if cost.parts == 1 else several} i varje"
    why = f" på grund av {listed([shown_letter(item) for item in cost.culprits])}" if cost.culprits else ""
    return f"{room}{why}."


# Characters that look like nothing, or like another.
_NAMES = {
    "\u00a0": "hårt blanksteg",
    "\u202f": "smalt blanksteg",
    "\u2009": "smalt blanksteg",
    "\t": "tabb",
    "\u00ad": "osynligt bindestreck",
    "\u200b": "osynligt tecken",
    "\u200d": "osynligt tecken",
    "\ufeff": "osynligt tecken",
    "\ufe0f": "osynligt tecken",
    " ": "blanksteg",
    "": "ingenting",
}


def shown_letter(letter: str) -> str:
    """A character as it can be told of."""
    return _NAMES.get(letter, letter)


def _named(old: str, new: str) -> str:
    return f"{shown_letter(old)} mot {shown_letter(new)}"
