"""Commands about what was promised: follow-up, effort."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from campaigns import efforts
from campaigns.catalog import Municipality
from campaigns.cli import show
from campaigns.cli.planning import chosen, planned
from campaigns.errors import RefusedError
from campaigns.followup.document import Document
from campaigns.followup.reporting import chosen_report, periods
from campaigns.followup.stored import follow_ups
from campaigns.overviews import follow_up_files
from campaigns.overviews.follow_up import STATE_WORDS
from campaigns.overviews.follow_up_words import (
    ACTIVITY_WORDS,
    SOURCE_WORDS,
    activity_words,
    gap_words,
    headline,
    message_words,
    national_words,
    sending_lines,
    span_words,
)
from campaigns.swedish import long_date
from campaigns.wiring import Parts, open_parts


def follow_up(given: argparse.Namespace) -> int:
    """The figures of a period as they are now, or the periods that there are."""
    parts = open_parts(os.environ)
    municipality = only_one(parts, given.municipality)
    planned(parts)
    if given.periods:
        _list(parts, municipality, given)
        return 0
    document = _document(parts, municipality, given.period)
    wanted = "json" if given.json else given.format
    if wanted == "text":
        _write(_text(document).encode(), given.output)
    else:
        _write(_file(parts, municipality, document, wanted), given.output)
    return 0


def effort(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    municipality = parts.catalog.municipality(given.municipality)
    with parts.database.write() as session:
        row = efforts.add_effort(
            session,
            parts.catalog,
            municipality,
            promise=given.promise,
            title=given.title,
            day=given.day,
            responsible=given.responsible,
            situation=given.situation,
            name=given.name,
            now=parts.clock(),
        )
        told = f"Insatsen är tillagd: {row.name}, {long_date(row.day)}."
    show.line(told)
    return 0


def only_one(parts: Parts, wanted: str | None) -> Municipality:
    """The municipality that is asked for, or the only one. Raises RefusedError where there are several."""
    found = chosen(parts.catalog, wanted)
    if len(found) > 1:
        names = ", ".join(item.id for item in found)
        raise RefusedError(f"Säg vilken kommun det gäller med --municipality. De är: {names}.")
    return found[0]


def _document(parts: Parts, municipality: Municipality, wanted: str) -> Document:
    with parts.database.read() as session:
        return chosen_report(session, parts.catalog, municipality, wanted, now=parts.clock())


def _list(parts: Parts, municipality: Municipality, given: argparse.Namespace) -> None:
    today = parts.clock().astimezone(municipality.zone).date()
    with parts.database.read() as session:
        known = {item.document.period: item for item in follow_ups(session, municipality)}
    rows = [(item, known.get(item.id)) for item in periods(parts.catalog, municipality, today=today)]
    if given.json:
        show.as_json(
            [
                {
                    "id": item.id,
                    "first_day": item.first,
                    "last_day": item.last,
                    "state": stored.state if stored else "",
                    "digest": stored.digest if stored else "",
                    "missing": list(stored.missing) if stored else [],
                    "sent_back": stored.sent_back.reason if stored and stored.sent_back else "",
                }
                for item, stored in rows
            ]
        )
        return
    show.table(
        ("Period", "Namn", "Uppföljning", "Saknas", "Sigill"),
        (
            (
                item.id,
                item.title,
                f"skickad tillbaka: {stored.sent_back.reason}"
                if stored and stored.sent_back
                else STATE_WORDS[stored.state].lower()
                if stored
                else "",
                " ".join(stored.missing) if stored else "",
                stored.digest[:12] if stored else "",
            )
            for item, stored in rows
        ),
        empty="Kommunen har inget löfte att följa upp.",
    )


def _file(parts: Parts, municipality: Municipality, document: Document, wanted: str) -> bytes:
    from campaigns.web import follow_up_files as made  # heavy, and not wanted for the figures alone
    from campaigns.web.pages import Pages

    if wanted == "csv":
        return follow_up_files.table(document)
    if wanted == "json":
        return made.json_of(document) + b"\n"
    return made.pdf(Pages(parts), municipality, document)


def _write(body: bytes, path: str | None) -> None:
    if path is None:
        sys.stdout.buffer.write(body)
        return
    try:
        Path(path).write_bytes(body)
    except OSError as error:
        raise RefusedError(f"Det gick inte att skriva {path}: {error.strerror}.") from error


def _text(document: Document) -> str:
    """The follow-up for somebody who reads it in a terminal, what is wanting first."""
    lines = [f"{document.title}, {document.municipality_name}", " ".join(headline(document))]
    for item in document.sections:
        lines += ["", item.text, f"  {span_words(item.first_day, item.last_day)}"]
        if item.is_empty:
            lines.append("  Ingen insats är noterad för det här löftet.")
            continue
        if item.coverage:
            lines.append(f"  {gap_words(item)}")
            lines += [f"    {gap.name} {gap.year}, {gap.audience_name.lower()}: {gap.missing}" for gap in item.gaps]
        lines.append(f"  {' '.join(message_words(item))}")
        lines += [f"    {word}: {number}" for word, number in sending_lines(item.deliveries) if number]
        if item.messages.planned:
            lines.append(f"  {national_words(item)}")
        lines += [
            f"    {line.channel_name}, {line.measure_name.lower()}: {line.number} ({SOURCE_WORDS[line.source].lower()})"
            for line in item.reach
        ]
        lines.append(f"  {' '.join(activity_words(item))}")
        lines += [
            f"    {line.day.isoformat()} {line.name}: {ACTIVITY_WORDS[line.outcome][1].lower()}"
            for line in item.activities
        ]
    return "\n".join(lines) + "\n"
