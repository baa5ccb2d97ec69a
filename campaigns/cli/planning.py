"""Commands that look ahead: calendar, plan, reminders."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from campaigns import posts as use
from campaigns.catalog import Catalog, Municipality
from campaigns.cli import names, show
from campaigns.errors import RefusedError
from campaigns.models import Notice, Post
from campaigns.occurrences import Occurrence
from campaigns.plan import Clash, Plan
from campaigns.post_list import posts_due
from campaigns.reminding import notices
from campaigns.reminding.reminders import latest_reminders
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.season import planned_years, season
from campaigns.swedish import NOTICE_STATES, OCCURRENCE_STATES, POST_STATES, long_date, moment, short_date, span
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
            today = now.astimezone(municipality.zone).date()
            years = [given.year] if given.year else [today.year, today.year + 1]
            laid = season(session, parts.catalog, municipality, years=years)
            is_whole = given.year or given.everything
            found.extend(item for item in laid.occurrences if is_whole or item.last_day >= today)
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
    clashes: list[tuple[Clash, Municipality, Plan]] = []
    with parts.database.read() as session:
        for municipality in chosen(parts.catalog, given.municipality):
            today = now.astimezone(municipality.zone).date()
            first, last = given.first or today, given.last or today + timedelta(days=365)
            rows.extend(posts_due(session, municipality, first=first, last=last))
            laid = season(session, parts.catalog, municipality, years=planned_years(now, municipality))
            inside = (clash for clash in laid.plan.clashes if first <= clash.day <= last)
            clashes.extend((clash, municipality, laid.plan) for clash in inside)
    if given.json:
        steps = [post_as_json(post, now=now) for post in rows]
        show.as_json({"steps": steps, "clashes": [vars(clash) for clash, _, _ in clashes]})
        return 0
    catalog = parts.catalog
    show.table(
        ("Nr", "Ska ut", "Senast", "Kampanj", "Steg", "Målgrupp", "Kanaler", "Läge"),
        (
            (
                str(post.id),
                moment(post.due_at, catalog.municipality(post.municipality).zone),
                moment(post.not_after, catalog.municipality(post.municipality).zone),
                names.campaign(catalog, post),
                names.step(catalog, post),
                names.audience(catalog, post),
                names.channels(catalog.municipality(post.municipality), post.channels.split()),
                POST_STATES[use.shown_state(post, now=now)],
            )
            for post in rows
        ),
        empty="Inga steg i den här tiden.",
    )
    for clash, municipality, laid_plan in clashes:
        where = names.channels(municipality, [clash.channel])
        first_step, second_step = (names.planned_step(catalog, laid_plan, key) for key in (clash.first, clash.second))
        show.line(
            f"\nKrock {long_date(clash.day)}, {catalog.audience(clash.audience).name.lower()} i {where}: "
            f"{first_step}, och {second_step}."
        )
        show.line(f"  Förslag: {clash.proposal}")
    return 0


def post_as_json(post: Post, *, now: datetime) -> dict[str, Any]:
    """The post for other programs: ids and keys, never names."""
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
        "reason": post.reason,
        "merged_into": post.merged_into,
    }


def reminders(given: argparse.Namespace) -> int:
    parts = open_parts(os.environ)
    with parts.database.read() as session:
        wanted = parts.catalog.municipality(given.municipality).id if given.municipality else None
        rows = latest_reminders(session, municipality=wanted, most=200)
        sent = notices.by_reminder(session, [row.id for row in rows if row.id is not None])
    if given.json:
        show.as_json(
            [{**row.model_dump(), "notices": [_notice(item) for item in sent.get(row.id or 0, [])]} for row in rows]
        )
        return 0
    show.table(
        ("Kommun", "Dag", "Påminnelse", "Till personalen"),
        (
            (row.municipality, short_date(row.deadline_day), row.subject, _told(sent.get(row.id or 0, [])))
            for row in rows
        ),
        empty="Inga påminnelser än.",
    )
    return 0


def _notice(item: Notice) -> dict[str, Any]:
    return {"address": item.address, "state": item.state, "reason": item.reason, "changed_at": item.changed_at}


def _told(found: Sequence[Notice]) -> str:
    """What became of a reminder's notices: ”Skickad till Samordnare/e-post”."""
    return "; ".join(f"{NOTICE_STATES[item.state]} {item.address}" for item in found)
