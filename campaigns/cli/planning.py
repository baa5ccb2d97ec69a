"""Commands that look ahead: calendar, plan, posts, preview, reminders."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from campaigns import drafts
from campaigns import posts as use
from campaigns.catalog import Catalog, Municipality
from campaigns.cli import show
from campaigns.drafts import Draft
from campaigns.errors import NotFoundError, RefusedError, TemplateError
from campaigns.facts import facts_at
from campaigns.faults import Severity
from campaigns.models import Post, PostState
from campaigns.occurrences import Occurrence
from campaigns.plan import Clash
from campaigns.post_list import next_post, posts_due
from campaigns.reminders import latest_reminders
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.season import planned_years, season
from campaigns.signatures import missing_signatures
from campaigns.swedish import OCCURRENCE_STATES, POST_STATES, long_date, moment, short_date, span
from campaigns.wiring import Parts, open_parts


def chosen(catalog: Catalog, wanted: str | None) -> list[Municipality]:
    """The municipality asked for, or all. Raises NotFoundError with the nearest name."""
    return [catalog.municipality(wanted)] if wanted else list(catalog.municipalities.values())


def planned(parts: Parts) -> None:
    """Make the rows agree with the plan, so that what is shown is what will happen."""
    for municipality in parts.catalog.municipalities.values():
        with parts.database.write() as session:
            use.materialise(session, parts.catalog, parts.messages, municipality, now=parts.clock())


def calendar(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    now = parts.clock()
    if given.year is not None and not FIRST_YEAR <= given.year <= LAST_YEAR:
        raise RefusedError(f"Året {given.year} går inte att visa: {FIRST_YEAR}–{LAST_YEAR} går.")
    found: list[Occurrence] = []
    with parts.database.read() as session:
        for municipality in chosen(parts.catalog, given.municipality):
            this_year = now.astimezone(municipality.zone).year
            years = [given.year] if given.year else [this_year, this_year + 1]
            found.extend(season(session, parts.catalog, municipality, years=years).occurrences)
    if given.json:
        show.as_json([_occurrence(item) for item in found])
        return 0
    show.table(
        ("Kommun", "Riskdatum", "Plats", "Risktid", "Vecka", "Datum"),
        (
            (
                item.municipality,
                item.name,
                item.place.name if item.place else "",
                _days(item),
                str(item.day.isocalendar().week) if item.has_day else "",
                OCCURRENCE_STATES[item.status],
            )
            for item in found
        ),
        empty="Inga riskdatum är påslagna.",
    )
    return 0


def _days(item: Occurrence) -> str:
    if item.has_day:
        return span(item.first_day, item.last_day)
    return f"inte beslutat, brukar vara {short_date(item.first_day)[4:-5]}–{short_date(item.last_day)[4:]}"


def _occurrence(item: Occurrence) -> dict[str, Any]:
    return {
        "key": item.key,
        "municipality": item.municipality,
        "risk_date": item.risk_date,
        "name": item.name,
        "year": item.year,
        "place": item.place.id if item.place else None,
        "place_name": item.place.name if item.place else None,
        "day": item.day if item.has_day else None,
        "weekday": long_date(item.day).split()[0] if item.has_day else None,
        "first_day": item.first_day,
        "last_day": item.last_day,
        "status": item.status,
    }


def plan(given: argparse.Namespace) -> int:
    if given.first and given.last and given.last < given.first:
        raise RefusedError("--to ligger före --from.")
    parts = open_parts(os.environ)
    planned(parts)
    now = parts.clock()
    rows: list[Post] = []
    clashes: list[Clash] = []
    with parts.database.read() as session:
        for municipality in chosen(parts.catalog, given.municipality):
            today = now.astimezone(municipality.zone).date()
            first, last = given.first or today, given.last or today + timedelta(days=365)
            rows.extend(posts_due(session, municipality, first=first, last=last))
            laid = season(session, parts.catalog, municipality, years=planned_years(now, municipality))
            clashes.extend(clash for clash in laid.plan.clashes if first <= clash.day <= last)
    if given.json:
        show.as_json({"steps": [_post(post, now) for post in rows], "clashes": [vars(clash) for clash in clashes]})
        return 0
    zones = {item.id: item.zone for item in parts.catalog.municipalities.values()}
    show.table(
        ("Nr", "Ska ut", "Senast", "Kampanj", "Steg", "Målgrupp", "Kanaler", "Läge"),
        (
            (
                str(post.id),
                moment(post.due_at, zones[post.municipality]),
                moment(post.not_after, zones[post.municipality]),
                post.occurrence.split("/", 1)[1].removesuffix("/-"),
                post.step,
                post.audience,
                post.channels,
                POST_STATES[use.shown_state(post, now=now)],
            )
            for post in rows
        ),
        empty="Inga steg i den här tiden.",
    )
    for clash in clashes:
        show.line(
            f"\nKrock {long_date(clash.day)}, {clash.audience} i {clash.channel}: {clash.first} och {clash.second}."
        )
        show.line(f"  Förslag: {clash.proposal}")
    return 0


def _post(post: Post, now: datetime) -> dict[str, Any]:
    return {
        "id": post.id,
        "key": post.key,
        "municipality": post.municipality,
        "campaign": post.campaign,
        "occurrence": post.occurrence,
        "step": post.step,
        "audience": post.audience,
        "channels": post.channels.split(),
        "places": [name for name in post.places.split("\n") if name],
        "due_at": post.due_at,
        "not_after": post.not_after,
        "state": use.shown_state(post, now=now),
        "merged_into": post.merged_into,
    }


def posts(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    planned(parts)
    now = parts.clock()
    if given.campaign:
        parts.catalog.campaign(given.campaign)
    with parts.database.read() as session:
        if given.reference:
            return _show_one(parts, session, use.find_post(session, given.reference), given, now)
        rows: list[tuple[Post, list[str]]] = []
        for municipality in chosen(parts.catalog, given.municipality):
            found = [post for post in posts_due(session, municipality) if _wanted(post, given, now)]
            missing = missing_signatures(session, municipality, found)
            rows.extend((post, missing.get(post.id or 0, [])) for post in found)
    if given.json:
        show.as_json([{**_post(post, now), "missing": missing} for post, missing in rows])
        return 0
    zones = {item.id: item.zone for item in parts.catalog.municipalities.values()}
    show.table(
        ("Nr", "Ska ut", "Budskap", "Läge", "Saknar godkännande"),
        (
            (
                str(post.id),
                moment(post.due_at, zones[post.municipality]),
                post.key,
                POST_STATES[use.shown_state(post, now=now)],
                " och ".join(missing),
            )
            for post, missing in rows
        ),
        empty="Inga budskap väntar. Se alla med --all.",
    )
    return 0


def _wanted(post: Post, given: argparse.Namespace, now: datetime) -> bool:
    if given.campaign and post.campaign != given.campaign:
        return False
    return given.everything or (post.not_after > now and post.state != PostState.CANCELLED)


def _show_one(parts: Parts, session: Session, post: Post, given: argparse.Namespace, now: datetime) -> int:
    municipality = parts.catalog.municipality(post.municipality)
    facts = facts_at(session, parts.catalog)
    try:
        draft = drafts.render_post(session, parts.catalog, parts.messages, post, now=now, facts=facts)
    except (TemplateError, NotFoundError) as error:
        show.line(error.message)
        return 1
    missing = missing_signatures(session, municipality, [post]).get(post.id or 0, [])
    if given.json:
        show.as_json({**_post(post, now), "missing": missing, "digest": draft.digest, "pieces": list(_pieces(draft))})
        return 1 if draft.errors else 0
    show.line(f"Budskap {post.id}: {post.key}")
    show.line(f"Ska ut {moment(post.due_at, municipality.zone)}, senast {moment(post.not_after, municipality.zone)}")
    show.line(
        f"Läge: {POST_STATES[use.shown_state(post, now=now)]}. Saknar godkännande: {' och '.join(missing) or 'ingen'}."
    )
    show.line(f"Sigill: {draft.digest}")
    print_draft(draft)
    return 1 if draft.errors else 0


def _pieces(draft: Draft) -> Iterable[dict[str, Any]]:
    for piece in draft.pieces:
        yield {
            "channel": piece.channel,
            "language": piece.language,
            "title": piece.content.title,
            "short": piece.content.short,
            "body": piece.content.body,
            "faults": [{"severity": fault.severity, "message": fault.message} for fault in piece.faults],
        }


def print_draft(draft: Draft) -> None:
    """The text, once for all channels that share it, and each channel's faults."""
    shown: dict[bytes, list[str]] = {}
    for piece in draft.pieces:
        shown.setdefault(piece.payload, []).append(piece.channel)
    for payload, channels in shown.items():
        piece = next(item for item in draft.pieces if item.payload == payload)
        show.line(f"\n— {', '.join(channels)} ({piece.language}) —\n{piece.content.title}\n")
        show.line(f"Kort: {piece.content.short}\n\n{piece.content.body.strip()}")
    for fault, names in drafts.faults_by_channel(draft):
        word = "Fel" if fault.severity is Severity.ERROR else "Tänk på"
        show.line(f"\n{word} ({', '.join(names)}): {fault.message}")


def preview(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    planned(parts)
    now = parts.clock()
    campaign = parts.catalog.campaign(given.campaign)
    parts.catalog.audience(given.audience)
    with parts.database.read() as session:
        post = next_post(
            session,
            campaign=campaign.id,
            step=given.step,
            audience=given.audience,
            municipality=parts.catalog.municipality(given.municipality).id if given.municipality else None,
            now=now,
        )
        if post is None:
            steps = ", ".join(f"{step.id} ({', '.join(step.audiences)})" for step in campaign.steps)
            raise NotFoundError(
                f"{campaign.name} har inget kommande steg ”{given.step}” för {given.audience}. Stegen är: {steps}."
            )
        facts = facts_at(session, parts.catalog)
        draft = drafts.render_post(session, parts.catalog, parts.messages, post, now=now, facts=facts)
    wanted = [
        piece for piece in draft.pieces if given.channel in (None, piece.channel) and piece.language == given.lang
    ]
    if not wanted:
        names = ", ".join(f"{piece.channel} ({piece.language})" for piece in draft.pieces)
        raise NotFoundError(f"Budskapet går inte ut där. Det går ut i: {names}.")
    narrowed = Draft(tuple(wanted), draft.digest)
    if given.json:
        show.as_json({**_post(post, now), "pieces": list(_pieces(narrowed))})
    else:
        zone = parts.catalog.municipality(post.municipality).zone
        show.line(f"Budskap {post.id}: {post.key}, ska ut {moment(post.due_at, zone)}")
        if post.is_preliminary:
            show.line("Datumet är preliminärt: dagen i texten är ett exempel tills datumet är bekräftat.")
        print_draft(narrowed)
    return 1 if narrowed.errors else 0


def reminders(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    with parts.database.read() as session:
        wanted = parts.catalog.municipality(given.municipality).id if given.municipality else None
        rows = latest_reminders(session, municipality=wanted, most=200)
    if given.json:
        show.as_json([row.model_dump() for row in rows])
        return 0
    show.table(
        ("Kommun", "Dag", "Påminnelse"),
        ((row.municipality, short_date(row.deadline_day), row.subject) for row in rows),
        empty="Inga påminnelser än.",
    )
    return 0
