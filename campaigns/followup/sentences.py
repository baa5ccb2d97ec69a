"""A follow-up in plain Swedish: short sentences made from the figures. Counts and deeds, never effects. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from campaigns.followup.document import Document, Section
from campaigns.swedish import MONTHS

_SMALL = ("noll", "en", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva", "tolv")


def day_words(day: date) -> str:
    """”30 april 2027”."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def span_words(first: date, last: date) -> str:
    """”1 januari – 30 april 2027”."""
    start = f"{first.day} {MONTHS[first.month - 1]}" if first.year == last.year else day_words(first)
    return f"{start} – {day_words(last)}"


def headline(document: Document) -> list[str]:
    """The whole in a few sentences, above the rest of it."""
    return [*in_brief(document), *(["Du ser dem nedan."] if document.summed.gaps else [])]


def in_brief(document: Document) -> list[str]:
    """The whole in a few sentences, to stand by themselves."""
    totals = document.summed
    posts, done, gaps = totals.posts, totals.done, totals.gaps
    sentences = [
        f"Vi skickade {_count(posts, 'budskap', 'budskap')}.",
        f"{'Det' if posts == 1 else 'De'} gick ut {_times(totals.sendings)}.",
    ]
    if not posts:
        sentences = ["Inget budskap gick ut."]
    sentences.append(
        f"Vi gjorde {_count(done, 'insats', 'insatser')} på plats." if done else "Ingen insats är noterad som gjord."
    )
    if gaps:
        sentences.append(f"{_first(gaps, 'lucka', 'luckor')} finns kvar.")
    return sentences


def message_words(section: Section) -> list[str]:
    """What became of the messages."""
    found, was, late = section.messages, section.signing, section.deliveries.belated
    belated = (
        [f"{_first(late, 'äldre utskick', 'äldre utskick')} blev klar{'t' if late == 1 else 'a'} nu."] if late else []
    )
    if not found.planned:
        return ["Här ingår inga budskap.", *belated]
    sentences = [f"{_first(found.planned, 'budskap', 'budskap')} skulle gå ut. {_first(found.out, '', '')} gick ut."]
    if was.due:
        sentences.append(
            f"{_first(was.in_time, '', '')} av {was.due} blev godkän{'t' if was.in_time == 1 else 'da'} i tid."
        )
    for number, one, many in (
        (was.late, "blev godkänt sent, men i tid för att gå ut.", "blev godkända sent, men i tid för att gå ut."),
        (found.unsigned, "blev inte godkänt och gick inte ut.", "blev inte godkända och gick inte ut."),
        (found.held_up, "var godkänt men gick inte ut.", "var godkända men gick inte ut."),
        (found.undated, "fick aldrig en dag.", "fick aldrig en dag."),
        (found.skipped, "valde vi bort.", "valde vi bort."),
        (found.coming, "ska gå ut senare.", "ska gå ut senare."),
    ):
        if number:
            sentences.append(f"{_first(number, '', '')} {one if number == 1 else many}")
    return [*sentences, *belated]


def activity_words(section: Section) -> list[str]:
    """What became of the activities."""
    done, not_done, untold, coming = (
        len(section.activities_that(word)) for word in ("done", "not_done", "untold", "coming")
    )
    if not section.activities:
        return ["Här är ingen insats noterad."]
    sentences = [f"{_first(done, 'insats', 'insatser')} är gjord{'' if done == 1 else 'a'}."]
    if not_done:
        sentences.append(f"{_some(not_done)} blev inte av.")
    if untold:
        sentences.append(f"Om {_small(untold)} vet vi inte än.")
    if coming:
        sentences.append(f"{_some(coming)} ska göras senare.")
    return sentences


def national_words(section: Section) -> str:
    """Whether national campaigns were spread."""
    if not section.national:
        return "Inget av det som gick ut spred en nationell kampanj."
    times = sum(item.deliveries for item in section.national)
    return f"Vi spred {_count(len(section.national), 'nationell kampanj', 'nationella kampanjer')}, {_times(times)}."


def reach_words(section: Section) -> str:
    """What the numbers of reach are, and are not."""
    sources = frozenset(line.source for line in section.reach)
    said = {
        frozenset({"noted"}): "Siffrorna har vi läst i kanalen.",
        frozenset({"told"}): "Siffrorna är kanalens egna.",
        frozenset({"counted"}): "Vår egen länk har räknat klicken.",
        frozenset({"noted", "told"}): "En del siffror har vi läst i kanalen. Andra har kanalen gett oss.",
        frozenset({"noted", "counted"}): "En del siffror har vi läst i kanalen. Andra har vår egen länk räknat.",
        frozenset({"told", "counted"}): "En del siffror är kanalens egna. Andra har vår egen länk räknat.",
        frozenset({"noted", "told", "counted"}): (
            "En del siffror har vi läst i kanalen. Andra har kanalen gett oss. Klicken har vår egen länk räknat."
        ),
    }
    return f"{said[sources]} En person kan vara med flera gånger." if sources else ""


def gap_words(section: Section) -> str:
    """How much the risk dates went without."""
    over = [item for item in section.coverage if item.is_over]
    if not over:
        return "Ingen av dagarna har varit än."
    if not section.gaps:
        return "Inga luckor: varje grupp fick ord från oss och från en nationell kampanj."
    return f"{_first(len(section.gaps), 'lucka', 'luckor')}. Här är de."


def plain_text(document: Document) -> str:
    """All the sentences that are made here, as a text: what its readability is measured on."""
    parts = [*headline(document)]
    for section in document.sections:
        parts += [*message_words(section), national_words(section), *activity_words(section), gap_words(section)]
        parts += [reach_words(section)] if section.reach else []
    return "\n\n".join(parts)


def paragraphs(text: str) -> Sequence[str]:
    """What a person wrote, by its blank lines."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _small(number: int) -> str:
    return _SMALL[number] if number < len(_SMALL) else str(number)


def _count(number: int, one: str, many: str) -> str:
    return f"{'ett' if number == 1 and one == 'budskap' else _small(number)} {one if number == 1 else many}"


def _times(number: int) -> str:
    return "en gång" if number == 1 else f"{_small(number)} gånger"


def _some(number: int) -> str:
    """How many activities, at the beginning of a sentence."""
    return _small(number).capitalize()


def _first(number: int, one: str, many: str) -> str:
    """The same at the beginning of a sentence. Without a noun a single one is a message: ”Ett”."""
    words = _count(number, one or "budskap", many or "budskap") if one else ("ett" if number == 1 else _small(number))
    if number == 0:
        words = f"inga {many}" if many else "inga"
    return words[:1].upper() + words[1:]
