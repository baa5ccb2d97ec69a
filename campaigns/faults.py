"""What is wrong with a message, for the person who writes it: its facts, its words, its length. Pure.

Each fault says what to do. Errors block approval; warnings are advice. Facts age: one that has run out, or that nobody
has confirmed, blocks every text that rests on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

from campaigns.catalog import Fact
from campaigns.content import SWEDISH, Content, link_addresses
from campaigns.content.phrases import refused_phrases, unsuitable_phrases
from campaigns.errors import suggestion
from campaigns.limits import LIMITS, Limits
from campaigns.picture_files import PictureFile, name_fault
from campaigns.readability import LONG_SENTENCE, read
from campaigns.sms import segments

LIX_WARNING, LIX_LIMIT = 40, 50
SMS_PARTS_LIMIT = 3
SCREEN_WORDS = 25


class Severity(StrEnum):
    ERROR = "error"  # blocks approval
    WARNING = "warning"


class FaultCode(StrEnum):
    EMPTY = "empty"
    TOO_LONG = "too_long"
    TOO_MANY_WORDS = "too_many_words"
    SMS_PARTS = "sms_parts"
    SMS_CHARACTERS = "sms_characters"
    HARD_TO_READ = "hard_to_read"
    LONG_SENTENCE = "long_sentence"
    REFUSED_PHRASE = "refused_phrase"
    UNSUITABLE_PHRASE = "unsuitable_phrase"
    UNKNOWN_FACT = "unknown_fact"
    EXPIRED_FACT = "expired_fact"
    UNCONFIRMED_FACT = "unconfirmed_fact"
    MISSING_ALT = "missing_alt"
    MISSING_FOOTER = "missing_footer"
    MISSING_IMAGE = "missing_image"
    LARGE_IMAGE = "large_image"
    BAD_IMAGE = "bad_image"
    BAD_LINK = "bad_link"
    DEAD_LINK = "dead_link"
    UNSURE_LINK = "unsure_link"
    COUNTED_LINK = "counted_link"
    CLOSED_CAMPAIGN = "closed_campaign"
    STALE_TRANSLATION = "stale_translation"


@dataclass(frozen=True)
class Fault:
    """One thing to do something about. `where` is the part: title, short, body, link, image, alt or sources."""

    code: FaultCode
    severity: Severity
    message: str
    where: str

    @property
    def is_blocking(self) -> bool:
        return self.severity is Severity.ERROR

    @property
    def is_about_a_fact(self) -> bool:
        """Whether somebody must check and confirm a fact; the text itself may stand."""
        return self.code in (FaultCode.EXPIRED_FACT, FaultCode.UNCONFIRMED_FACT)


def faults(
    content: Content,
    *,
    channel_kind: str,
    facts_used: Iterable[str],
    facts: Mapping[str, Fact],
    send_day: date,
    picture: PictureFile | None = None,
    others: Iterable[Fault] = (),
) -> list[Fault]:
    """All that is wrong with `content` in a channel of `channel_kind`, errors first.

    `send_day` is the local day when it goes out: facts must hold then. `picture` is the content's own, and `others`
    what has been found outside the text: in the picture's file, and where its links lead.
    """
    limits = LIMITS.get(channel_kind, Limits())
    found = [
        *_empty(content),
        *_addresses(content),
        *_facts(facts_used, facts, send_day),
        # A text that must be shortened first is not read: that takes time, and the words will be others.
        *(_of_words(content) if len(content.body) <= limits.body else ()),
        *_lengths(content, limits, channel_kind),
        *_picture(content, limits, picture),
        *others,
        *(_screen(content) if channel_kind == "skarm" else ()),
        *(_sms(content) if channel_kind == "sms" else ()),
    ]
    return sorted(found, key=lambda fault: not fault.is_blocking)


def _error(code: FaultCode, where: str, message: str) -> Fault:
    return Fault(code, Severity.ERROR, message, where)


def _warning(code: FaultCode, where: str, message: str) -> Fault:
    return Fault(code, Severity.WARNING, message, where)


def _empty(content: Content) -> Iterator[Fault]:
    names = {"title": "Rubriken", "short": "Den korta texten", "body": "Brödtexten"}
    for where, name in names.items():
        if not getattr(content, where).strip():
            yield _error(FaultCode.EMPTY, where, f"{name} är tom. Skriv den.")


def _addresses(content: Content) -> Iterator[Fault]:
    advice = "ska börja med https:// och vara en hel adress utan mellanslag och citattecken."
    if content.link and not is_web_address(content.link):
        yield _error(FaultCode.BAD_LINK, "link", f"Länken ”{content.link}” {advice}")
    wrong_name = name_fault(content.image) if content.image else ""
    if wrong_name:
        yield _error(FaultCode.BAD_IMAGE, "image", wrong_name)


_MAIL = re.compile(r"mailto:[^@\s?]+@[^@\s?]+\.[^@\s?.]+(\?\S*)?")  # RFC 6068, one address
_PHONE = re.compile(r"tel:\+?[0-9][0-9().-]*")  # RFC 3966
_NOT_IN_ADDRESS = re.compile(r"""[\s"'<>`\\\x00-\x1f\x7f]""")


def is_web_address(text: str) -> bool:
    """Whether `text` is a whole https address and nothing else."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError for one that is no number
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not _NOT_IN_ADDRESS.search(text)


def _links(body: str) -> Iterator[Fault]:
    for address in dict.fromkeys(link_addresses(body)):
        if address.startswith("mailto:") and not _MAIL.fullmatch(address):
            yield _error(FaultCode.BAD_LINK, "body", f"Länken ”{address}” är ingen hel e-postadress. Rätta den.")
        elif address.startswith("tel:") and not _PHONE.fullmatch(address):
            advice = "Skriv bara siffror, till exempel tel:11414 eller tel:+46771141400."
            yield _error(FaultCode.BAD_LINK, "body", f"Länken ”{address}” är inget telefonnummer. {advice}")
        elif not (address.startswith(("mailto:", "tel:")) or is_web_address(address)):
            yield _error(
                FaultCode.BAD_LINK,
                "body",
                f"Länken ”{address}” i brödtexten ska vara en hel adress: https://, mailto: eller tel:.",
            )


def _facts(used: Iterable[str], facts: Mapping[str, Fact], send_day: date) -> Iterator[Fault]:
    for fact_id in sorted(set(used)):
        fact = facts.get(fact_id)
        confirm = f"Kontrollera den och skriv: kampanjhjul facts confirm {fact_id} --until {send_day} --as NAMN"
        if fact is None:
            yield _error(
                FaultCode.UNKNOWN_FACT, "sources", f"Uppgiften ”{fact_id}” finns inte. {suggestion(fact_id, facts)}"
            )
        elif fact.is_closed:
            yield _error(FaultCode.CLOSED_CAMPAIGN, "sources", f"{_called(fact)} är avslutad. Ta bort den ur texten.")
        elif fact.national and fact.national.valid_from and fact.national.valid_from > send_day:
            first = fact.national.valid_from.isoformat()
            yield _error(
                FaultCode.CLOSED_CAMPAIGN, "sources", f"{_called(fact)} börjar {first}, och texten går ut före det."
            )
        elif not fact.is_confirmed:
            yield _error(FaultCode.UNCONFIRMED_FACT, "sources", f"Ingen har bekräftat uppgiften ”{fact_id}”. {confirm}")
        elif fact.valid_until < send_day:
            until = fact.valid_until.isoformat()
            yield _error(FaultCode.EXPIRED_FACT, "sources", f"Uppgiften ”{fact_id}” gäller till {until}. {confirm}")


def _called(fact: Fact) -> str:
    return f"Den nationella kampanjen ”{fact.national.name if fact.national else fact.id}”"


@lru_cache(maxsize=256)  # the channels of a post mostly share their words
def _of_words(content: Content) -> tuple[Fault, ...]:
    return (*_links(content.body), *_phrases(content), *(_language(content) if content.language == SWEDISH else ()))


def _phrases(content: Content) -> Iterator[Fault]:
    parts = {"title": content.title, "short": content.short, "body": content.plain().text, "alt": content.alt}
    for where, text in parts.items():
        for phrase, advice in refused_phrases(text):
            yield _error(FaultCode.REFUSED_PHRASE, where, f"”{phrase}” får inte stå så. {advice}")
        for phrase, advice in unsuitable_phrases(text):
            yield _warning(FaultCode.UNSUITABLE_PHRASE, where, f"”{phrase}”: {advice}")


def _lengths(content: Content, limits: Limits, channel_kind: str) -> Iterator[Fault]:
    title = "Ämnet" if channel_kind == "manuell" else "Rubriken"
    measured = (
        ("title", title, content.title, limits.title),
        ("short", "Den korta texten", content.short, limits.short),
        ("body", "Brödtexten", content.body, limits.body),
    )
    for where, name, text, limit in measured:
        if len(text) > limit:
            yield _error(FaultCode.TOO_LONG, where, f"{name} är {len(text)} tecken, högst {limit} går. Korta den.")
    post = f"{content.short}\n\n{content.link}".strip()
    if limits.short_with_link is not None and len(post) > limits.short_with_link:
        yield _error(
            FaultCode.TOO_LONG,
            "short",
            f"Den korta texten är med länken {len(post)} tecken, högst {limits.short_with_link} går. Korta den.",
        )
    if limits.size is not None and (size := len(content.to_bytes())) > limits.size:
        yield _error(
            FaultCode.TOO_LONG,
            "body",
            f"Budskapet är {size} byte, högst {limits.size} går i kanalen. Korta brödtexten.",
        )


def _picture(content: Content, limits: Limits, picture: PictureFile | None) -> Iterator[Fault]:
    if content.image and not content.alt.strip():
        yield _error(
            FaultCode.MISSING_ALT, "alt", "Bilden saknar alternativtext. Beskriv med en mening vad den visar, i alt."
        )
    if limits.needs_image and not content.image:
        yield _error(FaultCode.MISSING_IMAGE, "image", "Kanalen kräver en bild. Lägg till en, med alternativtext.")
    if picture is None:
        return
    if limits.image_size is not None and len(picture.data) > limits.image_size:
        size, most = (f"{number / 1e6:.2g}".replace(".", ",") for number in (len(picture.data), limits.image_size))
        yield _error(
            FaultCode.LARGE_IMAGE, "image", f"Bilden är {size} MB, och kanalen tar högst {most} MB. Spara den mindre."
        )
    if picture.media_type not in limits.image_types:
        yield _error(FaultCode.BAD_IMAGE, "image", "Kanalen tar bara emot JPEG. Spara om bilden som JPEG (.jpg).")
    pixels = picture.width * picture.height
    if limits.image_pixels is not None and pixels > limits.image_pixels:
        millions = limits.image_pixels // 10**6
        yield _error(
            FaultCode.LARGE_IMAGE,
            "image",
            f"Bilden är {picture.width} × {picture.height} punkter, och kanalen tar högst {millions} miljoner."
            " Spara den mindre.",
        )
    if limits.image_ratio is not None:
        least, greatest = limits.image_ratio
        if not least <= picture.width / picture.height <= greatest:
            shape = "bred" if picture.width > picture.height else "hög"
            yield _error(
                FaultCode.BAD_IMAGE,
                "image",
                f"Bilden är för {shape} för kanalen. Beskär den till mellan 4:5 (stående) och 1,91:1 (liggande).",
            )


def _screen(content: Content) -> Iterator[Fault]:
    words = len(content.short.split())
    if words > SCREEN_WORDS:
        yield _error(
            FaultCode.TOO_MANY_WORDS,
            "short",
            f"Den korta texten har {words} ord, högst {SCREEN_WORDS} hinns med på en skärm. Korta den.",
        )


def _sms(content: Content) -> Iterator[Fault]:
    cost = segments(content.short)
    if cost.parts > 1:
        kind = _error if cost.parts > SMS_PARTS_LIMIT else _warning
        yield kind(FaultCode.SMS_PARTS, "short", f"Texten blir {cost.parts} SMS ({cost.units} tecken). Korta den.")
    if cost.culprits:
        replaced = ", ".join(f"{old} med {new or 'ingenting'}" for old, new in cost.replacements)
        advice = f"Ersätt {replaced}." if replaced else "Ta bort dem."
        shown = " ".join(cost.culprits)
        yield _warning(FaultCode.SMS_CHARACTERS, "short", f"De här tecknen gör SMS:et dyrare: {shown} {advice}")


def _language(content: Content) -> Iterator[Fault]:
    reading = read(content.plain().text)
    if reading.lix > LIX_WARNING:
        blocks = reading.lix > LIX_LIMIT and reading.is_reliable
        doubt = "" if reading.is_reliable else " Texten är kort, så måttet är osäkert."
        kind = _error if blocks else _warning
        yield kind(
            FaultCode.HARD_TO_READ,
            "body",
            f"Läsbarheten är LIX {reading.lix:.0f}. Sikta på 30: kortare meningar och ord.{doubt}",
        )
    for sentence in reading.hard_sentences:
        start = " ".join(sentence.split()[:6])
        yield _warning(
            FaultCode.LONG_SENTENCE, "body", f"Meningen ”{start} …” har fler än {LONG_SENTENCE} ord. Dela den."
        )
