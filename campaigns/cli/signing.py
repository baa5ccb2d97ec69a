"""Commands by which people decide: approve, reject, text, dates, facts."""

from __future__ import annotations

import argparse
import os
from datetime import date
from pathlib import Path

from sqlalchemy import func
from sqlmodel import Session, col, select

from campaigns import approval, posts, texts
from campaigns.catalog import Municipality
from campaigns.cli import show
from campaigns.cli.planning import planned
from campaigns.errors import RefusedError
from campaigns.facts import confirm_fact, facts_at
from campaigns.local_dates import set_local_date, unset_local_date, unusual
from campaigns.models import Approval, Post
from campaigns.swedish import long_date
from campaigns.wiring import Parts, open_parts


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
    show.line(f"Rätta texten med: kampanjhjul text {post.id} FIL --as NAMN")
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
            messages=parts.messages,
        )
    show.line(f"Budskap {post.id} har fått ny text. Tidigare godkännanden gäller inte längre.")
    return 0


def dates(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    municipality = parts.catalog.municipality(given.municipality)
    with parts.database.write() as session:
        before = _signatures(session, municipality)
        (_set_date if given.act == "set" else _unset_date)(session, parts, municipality, given)
        fallen = before - _signatures(session, municipality)
    if fallen:
        show.line(
            f"{fallen} {'godkännande' if fallen == 1 else 'godkännanden'} gäller inte längre: dagen ändrade texten. "
            "Läs och godkänn igen. Se vilka med: kampanjhjul posts"
        )
    return 0


def _set_date(session: Session, parts: Parts, municipality: Municipality, given: argparse.Namespace) -> None:
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
        is_forced=given.force,
    )
    show.line(f"{long_date(given.day).capitalize()} är {'preliminärt inlagt' if given.preliminary else 'bekräftat'}.")
    risk_date = next(item for item in municipality.risk_dates if item.id == given.risk_date)
    warning = unusual(risk_date, given.day)
    if warning:
        show.line(f"Obs: {warning}")
    if changes.moved:
        show.line(f"{len(changes.moved)} budskap fick nya tider.")


def _unset_date(session: Session, parts: Parts, municipality: Municipality, given: argparse.Namespace) -> None:
    unset_local_date(
        session,
        parts.catalog,
        parts.messages,
        municipality,
        risk_date=given.risk_date,
        place=given.place,
        year=given.year,
        name=given.name,
        now=parts.clock(),
    )
    key = given.risk_date, given.place, given.year
    in_file = [item for item in municipality.local_dates if (item.risk_date, item.place, item.year) == key]
    if not in_file:
        show.line("Datumet är borttaget. Dagen är inte beslutad, och budskapen väntar på datum.")
    else:
        how = "bekräftat" if in_file[-1].is_confirmed else "preliminärt"
        show.line(f"Datumet är borttaget. Nu gäller kommunens fil: {long_date(in_file[-1].day)}, {how}.")


def _signatures(session: Session, municipality: Municipality) -> int:
    """How many signatures hold in the municipality."""
    live = select(func.count()).select_from(Approval).join(Post, col(Post.id) == col(Approval.post_id))
    return session.exec(live.where(Post.municipality == municipality.id, col(Approval.voided_at).is_(None))).one()


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
