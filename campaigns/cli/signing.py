"""Commands by which people decide: approve, reject, text, dates, facts."""

from __future__ import annotations

import argparse
import os
from datetime import date
from pathlib import Path

from campaigns import approval, posts, texts
from campaigns.cli import show
from campaigns.cli.planning import planned
from campaigns.errors import RefusedError
from campaigns.facts import confirm_fact, facts_at
from campaigns.local_dates import set_local_date, unusual
from campaigns.swedish import long_date
from campaigns.wiring import open_parts


def approve(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    planned(parts)
    with parts.database.write() as session:
        post = posts.find_post(session, given.reference)
        assert post.id is not None
        signed = approval.approve(
            session,
            parts.catalog,
            parts.messages,
            post.id,
            party=given.party,
            name=given.name,
            now=parts.clock(),
            digest=given.digest,
        )
    show.line(f"{given.name} har godkänt budskap {post.id} för {given.party}. Sigill: {signed.digest[:12]}")
    if signed.missing:
        show.line(f"Nu saknas: {' och '.join(signed.missing)}. Inget skickas förrän alla har godkänt.")
    elif signed.queued:
        show.line(f"Alla har godkänt. {signed.queued} leveranser ligger i kö. Se dem med: kampanjhjul queue")
    else:
        show.line("Alla har godkänt och leveranserna finns redan. Se dem med: kampanjhjul queue")
    return 0


def reject(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    with parts.database.write() as session:
        post = posts.find_post(session, given.reference)
        assert post.id is not None
        approval.reject(
            session,
            parts.catalog,
            post.id,
            party=given.party,
            name=given.name,
            reason=given.reason,
            now=parts.clock(),
        )
    show.line(f"Budskap {post.id} är avslaget. Det som inte har skickats är stoppat.")
    return 0


def text(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    path = Path(given.file)
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(f"Filen {path} är inte UTF-8. Spara om den som UTF-8.") from error
    except OSError as error:
        raise RefusedError(f"Filen {path} finns inte eller går inte att läsa.") from error
    with parts.database.write() as session:
        post = posts.find_post(session, given.reference)
        assert post.id is not None
        texts.write_text(
            session,
            parts.catalog,
            post.id,
            source=source,
            channel=given.channel,
            language=given.lang,
            author=given.name,
            now=parts.clock(),
        )
    show.line(f"Budskap {post.id} har fått ny text. Tidigare godkännanden gäller inte längre.")
    return 0


def dates(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    municipality = parts.catalog.municipality(given.municipality)
    with parts.database.write() as session:
        changes = set_local_date(
            session,
            parts.catalog,
            parts.messages,
            municipality,
            risk_date=given.risk_date,
            place=given.place,
            day=given.day,
            is_confirmed=not given.preliminary,
            name=given.name,
            now=parts.clock(),
        )
    show.line(f"{long_date(given.day).capitalize()} är {'preliminärt inlagt' if given.preliminary else 'bekräftat'}.")
    risk_date = next(item for item in municipality.risk_dates if item.id == given.risk_date)
    warning = unusual(risk_date, given.day)
    if warning:
        show.line(f"Obs: {warning}")
    moved = len(changes.moved)
    if moved:
        show.line(f"{moved} budskap fick nya tider. Godkännanden av texter som nämner dagen gäller inte längre.")
    return 0


def facts(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    now = parts.clock()
    if "fact" in given:
        until = given.until or date(now.year, 12, 31)
        with parts.database.write() as session:
            confirm_fact(session, parts.catalog, given.fact, name=given.name, valid_until=until, now=now)
        show.line(f"{given.fact} gäller nu till och med {until.isoformat()}.")
        return 0
    with parts.database.read() as session:
        known = facts_at(session, parts.catalog)
    if given.json:
        show.as_json([vars(fact) for fact in known.values()])
        return 0
    today = now.date()
    show.table(
        ("Faktum", "Läge", "Gäller till", "Text"),
        (
            (
                fact.id,
                "obekräftat" if not fact.is_confirmed else "har gått ut" if fact.valid_until < today else "bekräftat",
                fact.valid_until.isoformat(),
                fact.text,
            )
            for fact in known.values()
        ),
        empty="Det finns inga fakta i config/facts.toml.",
    )
    return 0
