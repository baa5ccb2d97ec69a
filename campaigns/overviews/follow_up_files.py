"""A follow-up as files for other programs: a table of figures, one to a row, and everything as values. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from campaigns.followup.document import Document, Section
from campaigns.overviews.follow_up_words import ACTIVITY_WORDS, SOURCE_WORDS, sending_lines
from campaigns.overviews.spreadsheets import csv_file

HEADER = (
    *("Löfte", "Från", "Till", "Del", "Vad", "Målgrupp", "Kanal", "Dag"),
    *("Budskap", "Utskick", "Antal", "Läge", "Notering"),
)
_MESSAGES = {
    "planned": "Skulle gå ut",
    "out": "Gick ut",
    "held_up": "Godkända men gick inte ut",
    "unsigned": "Inte godkända i tid",
    "undated": "Dagen bekräftades aldrig",
    "skipped": "Bortvalda",
    "coming": "Kommer",
}
_SIGNING = {"in_time": "Godkända i tid", "late": "Godkända sent", "never": "Aldrig godkända"}
Row = tuple[str | int, ...]
About = tuple[str, str, str]  # the promise, and from when to when


def table(document: Document) -> bytes:
    """CSV with a figure to a row, as Swedish spreadsheet programs read it."""
    rows = [row for section in document.sections for row in _rows(section)]
    pauses = (
        _row(
            "",
            "",
            "",
            "Paus",
            item.channel_name or "Alla kanaler",
            day=item.first_day.isoformat(),
            deliveries=item.missed,
            note=item.reason,
        )
        for item in document.pauses
    )
    return csv_file(HEADER, [*rows, *pauses])


def values(document: Document) -> dict[str, Any]:
    """Everything, with the gaps and the sums that follow from it; days as ISO 8601 texts when written as JSON."""
    found = asdict(document)
    found["totals"] = asdict(document.summed)
    for shown, section in zip(found["sections"], document.sections, strict=True):
        shown["gaps"] = [asdict(item) for item in section.gaps]
        shown["deliveries"]["out"] = section.deliveries.out
        shown["signing"]["due"] = section.signing.due
    return found


def _row(
    promise: str,
    first: str,
    last: str,
    part: str,
    what: str,
    *,
    audience: str = "",
    channel: str = "",
    day: str = "",
    posts: int | str = "",
    deliveries: int | str = "",
    number: int | str = "",
    state: str = "",
    note: str = "",
) -> Row:
    return (promise, first, last, part, what, audience, channel, day, posts, deliveries, number, state, note)


def _rows(section: Section) -> Iterator[Row]:
    about = (section.text, section.first_day.isoformat(), section.last_day.isoformat())
    yield from _sums(about, section)
    yield from _spread(about, section)
    yield from _deeds(about, section)


def _sums(about: About, section: Section) -> Iterator[Row]:
    for gap in section.gaps:
        yield _row(*about, "Lucka", f"{gap.name} {gap.year}", audience=gap.audience_name, note=f"Saknas: {gap.missing}")
    for name, word in _MESSAGES.items():
        yield _row(*about, "Budskap", word, posts=getattr(section.messages, name))
    for name, word in _SIGNING.items():
        yield _row(*about, "Godkännanden", word, posts=getattr(section.signing, name))
    for word, count in sending_lines(section.deliveries):
        yield _row(*about, "Utskick", word, deliveries=count)


def _spread(about: About, section: Section) -> Iterator[Row]:
    for line in section.channels:
        where = {"audience": line.audience_name, "channel": line.channel_name}
        yield _row(*about, "Gick ut", line.campaign_name, **where, posts=line.posts, deliveries=line.deliveries)
    for spread in section.national:
        yield _row(*about, "Nationell kampanj", spread.name, posts=spread.posts, deliveries=spread.deliveries)
    for reach in section.reach:
        yield _row(
            *about,
            "Räckvidd",
            reach.measure_name,
            channel=reach.channel_name,
            posts=reach.posts,
            number=reach.number,
            note=SOURCE_WORDS[reach.source],
        )
    for item in section.coverage:
        for kind, posts in (("eget budskap", item.own), ("nationell kampanj", item.national)):
            state = "Ja" if posts else "Nej" if item.is_over else "Kommer"
            name = f"{item.name} {item.year}"
            yield _row(*about, "Täckning", name, audience=item.audience_name, posts=posts, state=state, note=kind)


def _deeds(about: About, section: Section) -> Iterator[Row]:
    for activity in section.activities:
        yield _row(
            *about,
            "Insats",
            activity.name,
            day=activity.day.isoformat(),
            number="" if activity.number is None else activity.number,
            state=ACTIVITY_WORDS[activity.outcome][1],
            note=" ".join(f"{activity.note} {activity.link}".split()),
        )
    for skipped in section.skipped:
        what = f"{skipped.campaign_name}: {skipped.step_name}"
        day = skipped.day.isoformat()
        yield _row(*about, "Bortvalt", what, audience=skipped.audience_name, day=day, note=skipped.reason)
