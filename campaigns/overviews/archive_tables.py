"""The tables of an archive, as files for spreadsheets. Moments are ISO 8601 in UTC, states the database's own words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from campaigns import reach_numbers
from campaigns.catalog import Municipality
from campaigns.followup.stored import FollowUp
from campaigns.overviews import follow_up_files
from campaigns.overviews.archive_rows import ArchiveRows
from campaigns.overviews.spreadsheets import csv_file


def approvals(rows: ArchiveRows) -> bytes:
    return csv_file(
        ("Budskap", "Part", "Namn", "Sigill", "Godkänt", "Föll", "Varför"),
        (
            (
                rows.by_id[item.post_id].key,
                item.party,
                item.name,
                item.digest,
                _iso(item.created_at),
                _iso(item.voided_at),
                item.void_reason,
            )
            for item in rows.approvals
        ),
    )


def deliveries(rows: ArchiveRows) -> bytes:
    return csv_file(
        (
            "Leverans",
            "Budskap",
            "Kanal",
            "Språk",
            "Vad",
            "Läge",
            "Skulle ut",
            "Gick ut",
            "Försök",
            "Kvitto",
            "Adress",
            "Skäl",
            "Innehållets summa",
        ),
        (
            (
                item.key,
                rows.by_id[item.post_id].key,
                item.channel,
                item.language,
                item.act,
                item.state,
                _iso(item.due_at),
                _iso(item.published_at),
                item.attempts,
                item.receipt,
                item.url,
                item.reason,
                rows.contents[item.content_id].sha256 if item.content_id in rows.contents else "",
            )
            for item in rows.deliveries
        ),
    )


def pauses(rows: ArchiveRows) -> bytes:
    return csv_file(
        ("Kanal", "Skäl", "Pausade", "Från", "Avslutade", "Till"),
        (
            (
                item.channel or "alla",
                item.reason,
                item.paused_by,
                _iso(item.paused_at),
                item.resumed_by,
                _iso(item.resumed_at),
            )
            for item in rows.pauses
        ),
    )


def reached(session: Session, rows: ArchiveRows) -> bytes:
    ids = [post.id for post in rows.posts if post.id is not None]
    noted, clicks = reach_numbers.noted(session, ids), reach_numbers.clicks(session, ids)
    lines = [
        (rows.by_id[post_id].key, item.channel, item.word, item.number, item.source, _iso(item.at))
        for post_id, found in sorted(noted.items())
        for item in found
    ]
    lines += [
        (rows.by_id[post_id].key, channel, "Klick på vår länk", number, "räknat av länken", "")
        for post_id, found in sorted(clicks.items())
        for channel, number in found.items()
    ]
    return csv_file(("Budskap", "Kanal", "Mått", "Antal", "Av", "När"), lines)


def activities(rows: ArchiveRows) -> bytes:
    return csv_file(
        (
            "Nyckel",
            "Kampanj",
            "Löfte",
            "Aktivitet",
            "Dag",
            "Ansvarig",
            "Utfall",
            "Antal",
            "Notering",
            "Länk",
            "Noterad av",
        ),
        (
            (
                item.key,
                item.campaign,
                item.promise,
                item.name,
                item.day.isoformat(),
                item.responsible,
                item.outcome or ("cancelled" if item.cancelled_at else ""),
                "" if item.number is None else item.number,
                item.note,
                item.link,
                item.told_by,
            )
            for item in rows.activities
        ),
    )


def log(rows: ArchiveRows) -> bytes:
    return csv_file(
        ("Nr", "När", "Kommun", "Vem", "Vad", "Om", "Mer", "Summa"),
        (
            (
                item.id or 0,
                _iso(item.at),
                item.municipality,
                item.actor,
                item.action,
                item.subject,
                item.detail,
                item.hash,
            )
            for item in rows.log
        ),
    )


def follow_up(municipality: Municipality, item: FollowUp) -> bytes:
    """The follow-up's own table, and after it who signed it and the sum of what they signed."""
    document, names = item.document, municipality.party_names
    lines: list[dict[str, str]] = [
        {"Vad": names.get(each.party, each.party), "Dag": _iso(each.at), "Läge": "Godkänd", "Notering": each.name}
        for each in item.signatures
    ]
    lines.append({"Vad": "Summa av det som godkändes (SHA-256)", "Notering": item.digest})
    about = {
        "Från": document.first_day.isoformat(),
        "Till": document.last_day.isoformat(),
        "Del": "Parternas godkännande",
    }
    header = follow_up_files.HEADER
    more = csv_file(header, [[({**about, **line}).get(name, "") for name in header] for line in lines])
    return follow_up_files.table(document) + more.partition(b"\r\n")[2]


def signed(municipality: Municipality, item: FollowUp) -> dict[str, Any]:
    """Who signed the follow-up for which party and when, and the SHA-256 of the bytes that they signed."""
    names = municipality.party_names
    return {
        "signatures": [
            {"party": each.party, "party_name": names.get(each.party, each.party), "name": each.name, "at": each.at}
            for each in item.signatures
        ],
        "digest": item.digest,
        "published_at": item.published_at,
    }


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""
