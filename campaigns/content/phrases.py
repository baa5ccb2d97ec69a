"""Phrases that are known to be wrong about the law or about help, and those that do harm. Pure.

Alcohol: alkohollagen (2010:1622) 3 kap. 7 and 9 §§, 11 kap. 3, 4 and 7 §§. Private supply of tobacco and nicotine was
not a crime in the newest source read (2025), so no text may threaten with it.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

# What stands in a new municipality's file where somebody must say what is right.
UNCONFIRMED = "BEKRÄFTA"
# Said to be law or help, and wrong. Matched without regard to case, line breaks and emphasis; sentence by sentence.
_PUNISHED = r"(?:olaglig\w*|förbjud\w*|brottslig\w*|straffbar\w*|kriminell\w*|ett brott)"
_ACT = r"(?:langa\w*|lang(?:ar|ning)\w*|köp(?:a|er) ut|ge|ger|ge bort|bjud(?:a|er)|dela(?:r)? med)"
_NICOTINE = r"(?:tobak|snus|vejp|vape|nikotin|cigarett|e-cig)"
_REFUSED: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        # Six years is right for gross unlawful selling, when nothing else is spoken of.
        re.compile(
            r"(?:^|(?<=[.!?]))(?!(?=[^.!?]*\bolovlig\w* försälj)(?![^.!?]*lang))[^.!?]*?\b"
            r"(?P<hit>(?:upp till|högst|max(?:imalt)?) (?:sex|6) års?\b(?! sedan)|(?:sex|6) års? (?:i )?fängelse)"
        ),
        "Grov langning av alkohol ger högst fyra års fängelse, inte sex. Skriv {{ fakta.langning_straff }}.",
    ),
    (
        re.compile(
            rf"\b{_PUNISHED}\b[^.!?]{{0,60}}\bbjud(?:a|er)\b"
            rf"|\bbjud(?:a|er)\b[^.!?]{{0,60}}\b(?:är (?:\w+ )?{_PUNISHED}|begår (?:\w+ )?(?:ett )?brott)"
        ),
        "Att bjuda är inte alltid förbjudet. Skriv det som ett råd: ”bjud inte”. Lag är: köpa ut, ge bort och låna ut.",
    ),
    (
        re.compile(
            r"(?:18|arton)[ -]?års?\w* (?:gäller )?(?:på|hos) systembolaget|systembolagets (?:18|arton)-?års"
            r"|systembolagets?\b[^.!?,;\d]{0,40}gräns[^.!?,;\d]{0,20}\b(?:18|arton)\b"
            r"|gräns\w*[^.!?,;\d]{0,20}systembolaget (?:är|på) (?:18|arton)\b"
            r"|systembolaget (?:är|har|gäller) (?:det )?(?:18|arton)\b"
        ),
        "På Systembolaget är gränsen 20 år. 18 år gäller folköl i butik och servering på krogen.",
    ),
    (
        re.compile(r"alkohol-?linjen"),
        "Alkohollinjen finns inte längre: den heter Alkoholhjälpen. Skriv {{ fakta.alkoholhjalpen }}.",
    ),
    (
        re.compile(
            rf"\b{_PUNISHED}\b[^.!?]{{0,60}}\b(?:lang|köpa ut|ge bort|dela med)[^.!?]{{0,40}}{_NICOTINE}"
            rf"|\b(?:böter|döm[ts]|dömas|straffas|fängelse)\b[^.!?]{{0,40}}\b{_ACT}\b[^.!?]{{0,40}}{_NICOTINE}"
            rf"|\b{_ACT}\b[^.!?]{{0,40}}{_NICOTINE}[^.!?]{{0,40}}\b{_PUNISHED}"
            rf"|{_NICOTINE}s?langning[^.!?]{{0,40}}\b{_PUNISHED}"
        ),
        "Det är inte säkert att langning av tobak och nikotin är straffbar. Skriv {{ fakta.tobak_butik }} och ett råd.",
    ),
)
_UNSUITABLE: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"\balla (?:unga |ungdomar |andra )?dricker\b"),
        "De flesta unga dricker inte. Skriv det som är sant för de flesta.",
    ),
    (
        re.compile(r"\btänk om\b(?=[^.!?]{0,200}kampanj)|tänkom\.nu|hejdå alkoholskador"),
        "Kampanjen är avslutad. Länka till en som finns.",
    ),
)


def refused_phrases(text: str) -> Iterator[tuple[str, str]]:
    """Each phrase that must not stand, and what to write instead."""
    yield from _hits(text, _REFUSED)
    if UNCONFIRMED in text:
        yield UNCONFIRMED, "Något i kommunens fil är inte bekräftat än. Rätta det där, så rättas texten."


def unsuitable_phrases(text: str) -> Iterator[tuple[str, str]]:
    """Each phrase that had better not stand, and why."""
    return _hits(text, _UNSUITABLE)


def _hits(text: str, phrases: tuple[tuple[re.Pattern[str], str], ...]) -> Iterator[tuple[str, str]]:
    bare = _bare(text)
    for pattern, advice in phrases:
        if hit := pattern.search(bare):
            yield hit[hit.lastgroup or 0], advice


_EMPHASIS = str.maketrans("", "", "*_`~")


def _bare(text: str) -> str:
    """The words alone: no emphasis, no entities, nothing invisible, one space between, small letters."""
    plain = unicodedata.normalize("NFKC", html.unescape(text))
    seen = plain.translate(_EMPHASIS)
    if not seen.replace("\n", "").isprintable():  # most are: then nothing in it is invisible
        seen = "".join(letter for letter in seen if unicodedata.category(letter) != "Cf")
    return " ".join(re.sub(r"[‐‑‒–—]", "-", seen).casefold().split())
