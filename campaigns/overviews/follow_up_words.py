"""A follow-up's figures in the words and order that they are shown in, on pages, in print and in files. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns.followup.document import Section
from campaigns.followup.figures import CoverageLine, Deliveries
from campaigns.followup.sentences import activity_words as activity_words
from campaigns.followup.sentences import day_words as day_words
from campaigns.followup.sentences import gap_words as gap_words
from campaigns.followup.sentences import headline as headline
from campaigns.followup.sentences import in_brief as in_brief
from campaigns.followup.sentences import message_words as message_words
from campaigns.followup.sentences import national_words as national_words
from campaigns.followup.sentences import paragraphs as paragraphs
from campaigns.followup.sentences import reach_words as reach_words
from campaigns.followup.sentences import span_words as span_words

# A word for each outcome, with a sign that says the same: never a colour alone.
ACTIVITY_WORDS: Mapping[str, tuple[str, str]] = {
    "done": ("✓", "Genomförd"),
    "not_done": ("✗", "Ej genomförd"),
    "untold": ("?", "Inte noterad"),
    "coming": ("…", "Kommer"),
}
# What is shown of the sendings, in this order; those that are none are left out, but for the first.
SENDING_WORDS: Mapping[str, str] = {
    "published": "Publicerade",
    "handed_over": "Överlämnade till kanalen",
    "by_hand": "Gjorda för hand",
    "by_hand_waiting": "Väntar på att göras för hand",
    "waiting": "Väntar på sin tid",
    "unknown": "Osäkra: ingen vet om de gick ut",
    "failed": "Misslyckade",
    "missed": "Missade under en paus",
    "too_late": "För sena, så de skickades inte",
    "stopped": "Stoppade av en person",
    "withdrawn": "Tillbakadragna efteråt",
    "corrected": "Rättade efteråt",
    "belated": "Från tidigare dagar, klara nu",
}
# Where a number of reach comes from.
SOURCE_WORDS: Mapping[str, str] = {
    "noted": "Noterat för hand",
    "told": "Enligt kanalen",
    "counted": "Räknat av vår egen länk",
}


@dataclass(frozen=True)
class MatrixRow:
    """A risk date of a year, with a line for each audience of the matrix."""

    name: str
    year: int
    cells: Sequence[CoverageLine]


def matrix(section: Section) -> list[MatrixRow]:
    """The coverage by risk date, those of a year in the order of their days."""
    rows: dict[tuple[str, int], list[CoverageLine]] = {}
    for line in section.coverage:
        rows.setdefault((line.risk_date, line.year), []).append(line)
    return [MatrixRow(cells[0].name, cells[0].year, cells) for cells in rows.values()]


def sending_lines(found: Deliveries) -> list[tuple[str, int]]:
    """”Publicerade”, 12: what became of the sendings."""
    every = [(word, getattr(found, name)) for name, word in SENDING_WORDS.items()]
    return [(word, number) for at, (word, number) in enumerate(every) if number or not at]
