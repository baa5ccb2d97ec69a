"""Commands for what comes once a year or lies behind it: new-year, log."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from campaigns import audit
from campaigns import retention as keeping
from campaigns.catalog import Municipality
from campaigns.cli import show
from campaigns.cli.planning import chosen, planned
from campaigns.errors import RefusedError
from campaigns.new_year import additions, begin_year
from campaigns.overviews.national import ShownNational, national_page
from campaigns.overviews.new_year import NewYear, new_year
from campaigns.overviews.reach import reach_of, reach_page
from campaigns.posts import find_post
from campaigns.reach import note_reach
from campaigns.wiring import open_parts
from campaigns.written import checked_actor, checked_reason


def start(given: argparse.Namespace) -> int:
    """How far the beginning of the year has come; with --begin, begin it."""
    parts = open_parts(os.environ)
    planned(parts)
    now, told = parts.clock(), []
    for municipality in chosen(parts.catalog, given.municipality):
        year = given.year or now.astimezone(municipality.zone).year + 1
        if given.begin or given.take:
            with parts.database.write() as session:
                every = {item.key for item in additions(session, parts.catalog, municipality, year)}
                keys = every if "all" in given.take else set(given.take)
                begun = begin_year(session, parts.catalog, municipality, year, keys=keys, name=given.name, now=now)
            if not given.json:
                for item in begun.carried:
                    show.line(f"Följde med: {item.name}")
                for item, why in begun.refused:
                    show.line(f"Följde inte med: {item.name}. {why}")
        with parts.database.read() as session:
            found = new_year(session, parts.catalog, parts.messages, municipality, year, now=now)
        told.append((municipality, found))
    if given.json:
        show.as_json([{"municipality": municipality.id, **_values(found)} for municipality, found in told])
        return 0
    for municipality, found in told:
        _tell(municipality.name, len(municipality.parties), found)
    return 0


def _values(found: NewYear) -> dict[str, object]:
    return {
        "year": found.year,
        "begun": found.begun or None,
        "dates_missing": [{"name": item.name, "place": item.place} for item in found.dates if not item.is_confirmed],
        "facts_to_confirm": [item.fact.id for item in found.facts],
        "additions": [{"key": item.key, "name": item.name, "stop": item.stop} for item in found.additions],
        "translations_to_read": [item.post_id for item in found.outdated],
        "posts": len(found.every_text),
        "written": sum(item.is_written for item in found.every_text),
        "signatures": found.signed,
        "promises": list(found.promises),
    }


def _tell(name: str, parties: int, found: NewYear) -> None:
    show.line(f"{name}, {found.year}" + (f". Börjat av {found.begun}." if found.begun else ". Inte börjat än."))
    for item in found.dates:
        if not item.is_confirmed:
            show.line(f"  Datum saknas: {item.name}{f', {item.place}' if item.place else ''} ({item.days})")
    for fact in found.facts:
        show.line(f"  Kontrollera {fact.fact.id}: ”{fact.fact.text}” {fact.why}")
    for addition in found.additions:
        show.line(f"  Tillagt förra året: {addition.name}. {addition.stop or f'Ta med: --take {addition.key}'}")
    for line in found.moved:
        show.line(f"  Förra året: {line}")
    for text in found.outdated:
        show.line(f"  Läs översättningen igen, budskap {text.post_id}: {', '.join(text.outdated)}")
    texts = found.every_text
    show.line(
        f"  {len(texts)} texter, {sum(item.is_written for item in texts)} skrivna för i år, "
        f"{found.signed} av {len(texts) * parties} godkännanden."
    )
    if not found.promises:
        show.line(f"  Inget löfte gäller {found.year}.")


def national(given: argparse.Namespace) -> int:
    """The library of national campaigns, with what has been spread this year."""
    parts = open_parts(os.environ)
    rows: list[tuple[Municipality, ShownNational]] = []
    with parts.database.read() as session:
        for municipality in chosen(parts.catalog, given.municipality):
            found = national_page(session, parts.catalog, municipality, now=parts.clock())
            rows.extend((municipality, item) for item in found)
    if given.json:
        show.as_json(
            [
                {
                    "municipality": municipality.id,
                    "id": each.item.fact.id,
                    "name": each.item.national.name,
                    "owner": each.item.national.owner,
                    "audiences": list(each.item.national.audiences),
                    "risk_dates": list(each.item.national.risk_dates),
                    "link": each.item.national.link,
                    "valid_from": each.item.national.valid_from,
                    "valid_until": each.item.fact.valid_until,
                    "checked_on": each.item.fact.checked_on,
                    "source": each.item.fact.source,
                    "standing": each.item.standing,
                    "posts": each.posts,
                    "sendings": each.sendings,
                }
                for municipality, each in rows
            ]
        )
        return 0
    show.table(
        ("Kommun", "Kampanj", "Ägare", "Målgrupp", "Läge", "Gäller till", "Spridd i år"),
        (
            (
                municipality.short_name,
                each.item.national.name,
                each.item.national.owner,
                each.audiences,
                each.word,
                "" if each.item.national.is_closed else each.item.fact.valid_until.isoformat(),
                f"{each.sendings} gånger i {each.posts} budskap" if each.sendings else "",
            )
            for municipality, each in rows
        ),
        empty="Inga nationella kampanjer är inlagda.",
    )
    return 0


def reach(given: argparse.Namespace) -> int:
    """The numbers there are; with --number, one more."""
    parts = open_parts(os.environ)
    now = parts.clock()
    if given.number is not None:
        if not (given.reference and given.channel and given.measure):
            raise RefusedError("Säg också budskapets ID, --channel och --measure.")
        with parts.database.write() as session:
            post = find_post(session, given.reference)
            owner = parts.catalog.municipality(post.municipality)
            note_reach(
                session,
                owner,
                post.id or 0,
                channel=given.channel,
                measure=given.measure,
                number=given.number,
                name=given.name,
                now=now,
            )
    with parts.database.read() as session:
        if given.reference:
            post = find_post(session, given.reference)
            owner = parts.catalog.municipality(post.municipality)
            found = [(owner, reach_of(session, parts.catalog, owner, post))]
        else:
            found = [
                (municipality, item)
                for municipality in chosen(parts.catalog, given.municipality)
                for item in reach_page(session, parts.catalog, municipality, now=now)
            ]
    rows = [
        (municipality, post, channel, item)
        for municipality, post in found
        for channel in post.channels
        for item in channel.numbers
    ]
    if given.json:
        show.as_json(
            [
                {"municipality": municipality.id, "post": post.id, "channel": channel.id, **vars(item)}
                for municipality, post, channel, item in rows
            ]
        )
        return 0
    show.table(
        ("Nr", "Budskap", "Kanal", "Mått", "Antal", "Av"),
        (
            (str(post.id), post.name, channel.name, item.word, str(item.number), item.told)
            for _, post, channel, item in rows
        ),
        empty="Inga siffror är noterade.",
    )
    return 0


def archive(given: argparse.Namespace) -> int:
    """Write the archive, as a folder or a zip file."""
    from campaigns.web import archive_files  # heavy, and not wanted by the other commands
    from campaigns.web.pages import Pages

    parts = open_parts(os.environ)
    municipality = parts.catalog.municipality(given.municipality)
    target = Path(given.folder)
    if target.exists():
        raise RefusedError(f"{target} finns redan. Ange en ny: ett arkiv skrivs aldrig över.")
    made, files = archive_files.whole(
        parts, Pages(parts), municipality, given.year, given.campaign, name=given.name, now=parts.clock()
    )
    if target.suffix == ".zip":
        archive_files.zipped_to(files, f"kampanjarkiv-{made.name}", target)
    else:
        archive_files.written(files, target)
    show.line(f"Arkivet är skrivet i {target}: {len(files)} filer. Pröva det med: sha256sum -c SHA256SUMS")
    if made.log_fault:
        show.line(f"OBS! {made.log_fault}")
    return 0


def retention(given: argparse.Namespace) -> int:
    """What is older than the municipality keeps it; with --remove, throw it away."""
    parts = open_parts(os.environ)
    now, rows = parts.clock(), []
    for municipality in chosen(parts.catalog, given.municipality):
        if given.remove:
            name = checked_actor(given.name)
            with parts.database.write() as session:
                found = keeping.remove(session, municipality, name=name, now=now)
        else:
            with parts.database.read() as session:
                found = keeping.removable(session, municipality, now=now)
        kept = vars(municipality.keep_days)
        rows += [(municipality.id, kind, kept[kind], number) for kind, number in vars(found).items()]
    if given.json:
        show.as_json(
            [{"municipality": owner, "kind": kind, "days": days, "rows": number} for owner, kind, days, number in rows]
        )
        return 0
    show.table(
        ("Kommun", "Vad", "Sparas", "Gallrat" if given.remove else "Att gallra"),
        (
            (owner, keeping.WORDS[kind], f"{days} dagar" if days else "för alltid", str(number))
            for owner, kind, days, number in rows
        ),
        empty="Ingen kommun.",
    )
    return 0


def log(given: argparse.Namespace) -> int:
    """Whether the log is as it was written: exit 1 if it is not. Or seal its end with a new key."""
    parts = open_parts(os.environ)
    if given.act == "seal":
        with parts.database.write() as session:
            audit.seal(
                session,
                reason=checked_reason(given.reason, "Skriv varför nyckeln har bytts."),
                name=checked_actor(given.name),
                now=parts.clock(),
            )
        show.line("Loggens slut är förseglat med den nyckel som gäller.")
        return 0
    with parts.database.read() as session:
        chain = audit.verify(session, known=given.known)
    if given.json:
        show.as_json({**vars(chain), "is_whole": chain.is_whole, "fault": chain.fault})
    elif chain.fault:
        show.line(chain.fault)
    else:
        show.line(f"Loggen är hel: {chain.entries} rader.")
        show.line(f"Skriv ner summan av den sista, för att senare se att inget har tagits bort: {chain.head}")
    return 0 if chain.is_whole else 1
