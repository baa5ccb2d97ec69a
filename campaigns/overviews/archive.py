"""What is kept for good of a year, or of one campaign's year, as files: texts and pictures as they went out, approvals,
receipts, pauses, reach, activities, the log and the follow-ups.

Drafts that never went out are not in it, nor any address of those that a message was sent to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from campaigns import audit
from campaigns.catalog import Catalog, Municipality
from campaigns.content import Content
from campaigns.errors import NotFoundError, RefusedError
from campaigns.followup.stored import FollowUp
from campaigns.models import Post
from campaigns.overviews import archive_tables as tables
from campaigns.overviews import follow_up_files
from campaigns.overviews.archive_rows import ArchiveRows
from campaigns.post_names import audience_name, campaign_name, step_name
from campaigns.swedish import DELIVERY_STATES, moment

SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class ArchivedText:
    """One content as it was signed and sent, and the deliveries of it."""

    channel: str
    language: str
    version: int
    content: Content
    sent: Sequence[str]  # in words: where it stands, when, the address


@dataclass(frozen=True)
class ArchivedPost:
    name: str
    campaign: str
    due: str
    is_to_come: bool
    reason: str
    approvals: Sequence[str]
    texts: Sequence[ArchivedText]


@dataclass(frozen=True)
class Archive:
    """The files by their paths, and what the printed part tells.

    `log_head` is the log's last hash when it was made, and `log_fault` what was wrong with the log then, or "".
    """

    name: str
    title: str
    files: dict[str, bytes]
    posts: Sequence[ArchivedPost]
    follow_ups: Sequence[FollowUp]
    log_head: str
    log_fault: str
    made: str


def archive_of(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    year: int,
    campaign: str,
    *,
    name: str,
    now: datetime,
) -> Archive:
    """The archive of the municipality's `year`, or of just one campaign in it. `name` is who asked for it.

    The same rows give the same files, but for the manifest, which says when it was made. Raises NotFoundError where
    there is nothing to keep, RefusedError for a year that cannot be.
    """
    if not 1 <= year <= 9999:
        raise RefusedError("Skriv året med fyra siffror, till exempel 2027.")
    rows = ArchiveRows(session, municipality, year, campaign)
    if not (rows.posts or (not campaign and (rows.activities or rows.follow_ups))):
        raise NotFoundError("Det finns inget att arkivera: inget är planerat för det året och den kampanjen.")
    chain = audit.verify(session)
    called = rows.campaign_title(catalog) if campaign else municipality.name
    found: dict[str, bytes] = {}
    posts = [_post(catalog, municipality, rows, post, found, now=now) for post in rows.posts]
    found["godkannanden.csv"] = tables.approvals(rows)
    found["leveranser.csv"] = tables.deliveries(rows)
    found["pauser.csv"] = tables.pauses(rows)
    found["rackvidd.csv"] = tables.reached(session, rows)
    found["aktiviteter.csv"] = tables.activities(rows)
    found["logg.csv"] = tables.log(rows)
    for row in rows.pictures:
        found[f"bilder/{row.sha256}.{'png' if row.media_type == 'image/png' else 'jpg'}"] = row.data
    for item in rows.follow_ups:
        base = f"uppfoljning/{item.document.period}"
        found[f"{base}.json"] = _json(follow_up_files.values(item.document) | tables.signed(municipality, item))
        found[f"{base}.csv"] = tables.follow_up(municipality, item)
        found[f"{base}.godkand.json"] = rows.payloads[item.id]
    made = moment(now, municipality.zone)
    found["arkiv.json"] = _json(
        {
            "municipality": municipality.id,
            "name": municipality.name,
            "year": year,
            "campaign": campaign or None,
            "made_at": now,
            "made_by": name,
            "posts": len(rows.posts),
            "deliveries": len(rows.deliveries),
            "approvals": len(rows.approvals),
            "log": {"entries": chain.entries, "head": chain.head, "broken": chain.broken, "fault": chain.fault},
            "texts": [vars(item) | {"texts": [_about(text) for text in item.texts]} for item in posts],
        }
    )
    warning = f"\nOBS! {chain.fault}\nSå var det redan när arkivet gjordes.\n" if chain.fault else ""
    told = {"title": f"{called} {year}", "made": made, "name": name, "head": chain.head, "warning": warning}
    found["LASMIG.txt"] = _READ_ME.format(**told).encode()
    label = f"{municipality.id}-{year}{f'-{campaign}' if campaign else ''}"
    return Archive(label, f"{called} {year}", found, posts, rows.follow_ups, chain.head, chain.fault, made)


def sums(files: dict[str, bytes]) -> bytes:
    """SHA256SUMS as `sha256sum -c` reads it."""
    return "".join(f"{hashlib.sha256(body).hexdigest()}  {path}\n" for path, body in sorted(files.items())).encode()


_READ_ME = """Arkiv: {title}
Gjort {made} av {name} med Kampanjhjulet.
{warning}
sammanfattning.pdf  allt som gick ut, med godkännanden och kvitton, att läsa och skriva ut
arkiv.json          vad arkivet är, och alla texter
budskap/            varje text som den godkändes och gick ut: en fil per budskap, kanal och språk, och samma som text
bilder/             bilderna som de gick ut, med sin kontrollsumma som namn
godkannanden.csv    vem som godkände vad, när, och vad som föll
leveranser.csv      vart texten gick, när, och kanalens kvitto
pauser.csv          när allt stod stilla, och varför
rackvidd.csv        siffror som noterats för hand, och klick på egna länkar
aktiviteter.csv     det som människor gjorde
logg.csv            loggens rader om det här, med sina summor
uppfoljning/        publicerade uppföljningar av de här dagarna, med parternas godkännanden;
                    .godkand.json är exakt de byten som de godkände
SHA256SUMS          kontrollsummor: pröva med sha256sum -c SHA256SUMS

Loggens summa när arkivet gjordes: {head}
Pröva mot den: kampanjhjul log verify --known {head}
"""


def _post(
    catalog: Catalog,
    municipality: Municipality,
    rows: ArchiveRows,
    post: Post,
    files: dict[str, bytes],
    *,
    now: datetime,
) -> ArchivedPost:
    own = [item for item in rows.deliveries if item.post_id == post.id and item.content_id in rows.contents]
    texts = []
    for content_id in dict.fromkeys(item.content_id for item in own):
        row = rows.contents[content_id]
        content = Content.from_bytes(row.payload)
        base = f"budskap/{post.id}/{row.channel}.{row.language}.v{row.version}"
        files[f"{base}.json"] = row.payload
        files[f"{base}.txt"] = f"{content.title}\n\n{content.short}\n\n{content.plain().text}\n".encode()
        sent = [
            f"{DELIVERY_STATES[item.state]} {_when(municipality, item.published_at)} {item.url}".strip()
            for item in own
            if item.content_id == content_id
        ]
        texts.append(ArchivedText(row.channel, row.language, row.version, content, sent))
    names = municipality.party_names
    signed = [
        f"{item.name} för {names.get(item.party, item.party)}, {moment(item.created_at, municipality.zone)}"
        for item in rows.approvals
        if item.post_id == post.id and item.voided_at is None
    ]
    return ArchivedPost(
        f"{step_name(catalog, post)} ({audience_name(catalog, post).lower()})",
        campaign_name(catalog, post),
        moment(post.due_at, municipality.zone),
        post.due_at > now,
        post.reason,
        signed,
        texts,
    )


def _about(text: ArchivedText) -> dict[str, Any]:
    return {
        "channel": text.channel,
        "language": text.language,
        "version": text.version,
        "content": vars(text.content),
        "sent": list(text.sent),
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=_plain) + "\n").encode()


def _plain(value: object) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return list(value) if isinstance(value, Iterable) else str(value)


def _when(municipality: Municipality, at: datetime | None) -> str:
    return moment(at, municipality.zone) if at else ""
