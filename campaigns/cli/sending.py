"""Commands about what goes out: queue, retry, done, simulate."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from datetime import date, datetime

from sqlmodel import col, select

from campaigns.cli import names, show
from campaigns.errors import RefusedError, suggestion
from campaigns.models import Delivery, DeliveryState, Post
from campaigns.occurrences import LocalDate
from campaigns.sending import queue as use
from campaigns.swedish import DELIVERY_STATES, moment, short_date
from campaigns.wiring import Parts, open_parts


def queue(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    now = parts.clock()
    states = [_state(word) for word in given.state]
    if given.municipality:
        parts.catalog.municipality(given.municipality)
    with parts.database.read() as session:
        rows = use.deliveries(session, municipality=given.municipality, states=states)
        ids = {row.post_id for row in rows}
        found = {post.id: post for post in session.exec(select(Post).where(col(Post.id).in_(ids)))}
    if given.json:
        show.as_json([row.model_dump(exclude={"token", "lease_until"}) for row in rows])
        return 0
    show.table(
        ("Nr", "Ska ut", "Kanal", "Läge", "Kampanj", "Steg", "Målgrupp", "Var eller varför"),
        (
            (
                str(row.id),
                _when(parts, row),
                _channel(parts, row),
                DELIVERY_STATES[row.state],
                names.campaign(parts.catalog, found[row.post_id]),
                names.step(parts.catalog, found[row.post_id]),
                names.audience(parts.catalog, found[row.post_id]),
                _where_or_why(parts, row, now=now),
            )
            for row in rows
        ),
        empty="Inga leveranser än. De kommer när alla parter har godkänt ett budskap.",
    )
    return 0


def _state(word: str) -> str:
    """A state by its own name, by the Swedish word that people see, or by a beginning that only one of them has."""
    known = {name.casefold(): key for key, name in DELIVERY_STATES.items()} | {key: key for key in DELIVERY_STATES}
    given = word.strip().casefold()
    if given in known:
        return known[given]
    found = {key: DELIVERY_STATES[key] for name, key in known.items() if given and name.startswith(given)}
    if len(found) > 1:
        raise RefusedError(f"Läget ”{word}” kan vara flera: {', '.join(found.values())}. Skriv mer av ordet.")
    if not found:
        raise RefusedError(f"Läget ”{word}” finns inte. {suggestion(word, DELIVERY_STATES.values())}")
    return next(iter(found))


def _channel(parts: Parts, row: Delivery) -> str:
    """”Webbsidan”, and which recipient and language where there are several."""
    municipality = parts.catalog.municipalities.get(row.municipality)
    name = names.channels(municipality, [row.channel]) if municipality else row.channel
    beside = [row.recipient] if row.recipient else []
    if municipality and len(municipality.languages) > 1:
        beside.append(row.language)
    return f"{name} ({', '.join(beside)})" if beside else name


def _where_or_why(parts: Parts, row: Delivery, *, now: datetime) -> str:
    """Where it can be seen, why it cannot and when it is tried again, or how a person does the task."""
    municipality = parts.catalog.municipalities.get(row.municipality)
    if row.state == DeliveryState.MANUAL and municipality and row.channel in municipality.channel_ids:
        return municipality.channel(row.channel).instructions
    if municipality and row.state == DeliveryState.QUEUED and row.attempts and row.next_attempt_at > now:
        local = row.next_attempt_at.astimezone(municipality.zone)
        day = short_date(local.date()).removesuffix(f" {local.year}")
        return f"{row.reason} Försöker igen {day} kl. {local:%H.%M}.".strip()
    return row.url or row.reason


def _when(parts: Parts, row: Delivery) -> str:
    municipality = parts.catalog.municipalities.get(row.municipality)
    return moment(row.due_at, municipality.zone) if municipality else row.due_at.isoformat()


def retry(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    with parts.database.write() as session:
        use.retry(session, parts.catalog, given.delivery, name=given.name, now=parts.clock())
    show.line(f"Leverans {given.delivery} ligger i kö igen.")
    return 0


def done(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    with parts.database.write() as session:
        use.done(session, parts.catalog, given.delivery, name=given.name, url=given.url, now=parts.clock())
    show.line(f"Leverans {given.delivery} är markerad som utskickad av {given.name}.")
    return 0


def simulate(given: argparse.Namespace) -> int:
    # The one place beside `serve` and `worker` where the command line reaches for the scheduler.
    from scheduler import simulate as rehearsal
    from scheduler.story import EVENT_WORDS, sentence

    if given.last < given.first:
        raise RefusedError("--to ligger före --from.")
    parts = open_parts(os.environ)
    result = rehearsal.simulate(
        parts,
        first_day=given.first,
        last_day=given.last,
        is_approving=given.approve == "all",
        municipalities=[given.municipality] if given.municipality else [],
        dates=[_date(text) for text in given.dates],
    )
    counts = Counter(event.kind.value for event in result.events)
    if given.json:
        show.as_json(
            {
                "from": given.first,
                "to": given.last,
                "approve": given.approve,
                "counts": dict(sorted(counts.items())),
                "events": [event.as_json() for event in result.events],
            }
        )
        return 0
    zones = [item.zone for item in parts.catalog.municipalities.values()]
    for event in result.events:
        own = parts.catalog.municipalities.get(event.municipality)
        show.line(sentence(event, own.zone if own else zones[0]))
    show.line(
        f"\n{given.first} till {given.last}: "
        + ", ".join(f"{counts[kind]} {EVENT_WORDS[kind]}" for kind in EVENT_WORDS if counts[kind])
        or "inget hände"
    )
    return 0


def _date(text: str) -> LocalDate:
    where, _, day = text.partition("=")
    risk_date, _, place = where.partition("/")
    try:
        parsed = date.fromisoformat(day)
    except ValueError:
        raise RefusedError(f"”{text}” går inte att läsa. Skriv till exempel student/holaveden=2027-06-11.") from None
    return LocalDate(risk_date, place, parsed.year, parsed, is_confirmed=True)
