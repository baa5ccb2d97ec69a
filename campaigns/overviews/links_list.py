"""The personal addresses of a municipality, and what a new one can be made for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError
from campaigns.models import OccurrenceRow, Post, PostState
from campaigns.post_names import campaign_title, post_name
from campaigns.signing import post_in
from campaigns.signing_links import Known, known_links, post_numbers
from campaigns.swedish import moment


@dataclass(frozen=True)
class ShownLink:
    id: int
    name: str
    party: str
    count: int
    created_by: str
    created: str
    expires: str


@dataclass(frozen=True)
class Choice:
    """What an address can be made for: a post's number, or a campaign's year as ”valborg/2027”."""

    value: str
    text: str


@dataclass(frozen=True)
class LinksList:
    open: tuple[ShownLink, ...]
    closed: tuple[ShownLink, ...]
    choices: tuple[Choice, ...]


# How many addresses that are no longer valid are shown.
MOST_CLOSED = 20


def links_list(
    session: Session, catalog: Catalog, municipality: Municipality, *, chosen: str = "", now: datetime
) -> LinksList:
    """The addresses, newest first. `chosen` is a choice that must be there: a post that the form was opened from."""
    found = known_links(session, municipality)
    still = [item for item in found if item.is_open(now=now)]
    over = [item for item in found if not item.is_open(now=now)]
    return LinksList(
        tuple(_shown(municipality, item) for item in still),
        tuple(_shown(municipality, item) for item in over[:MOST_CLOSED]),
        (*_one(session, catalog, municipality, chosen), *_campaigns(session, catalog, municipality, now=now)),
    )


def _shown(municipality: Municipality, item: Known) -> ShownLink:
    names = municipality.party_names
    return ShownLink(
        item.id,
        item.name,
        names.get(item.party, item.party),
        len(item.post_ids),
        item.created_by,
        moment(item.created_at, municipality.zone),
        moment(item.revoked_at or item.expires_at, municipality.zone),
    )


def _one(session: Session, catalog: Catalog, municipality: Municipality, chosen: str) -> list[Choice]:
    found = []
    for number in post_numbers([chosen]):
        with suppress(NotFoundError):  # the number came in an address: one that leads nowhere is not offered
            found.append(Choice(str(number), f"Bara ”{post_name(catalog, post_in(session, municipality, number))}”"))
    return found


def _campaigns(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> list[Choice]:
    query = (
        select(Post.campaign, OccurrenceRow.year, Post.due_at)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(Post.municipality == municipality.id, Post.state == PostState.DRAFT)
        .where(col(Post.merged_into).is_(None), col(Post.is_preliminary).is_(False), col(Post.not_after) > now)
        .order_by(col(Post.due_at))
    )
    counts: dict[tuple[str, int], int] = {}
    for campaign, year, _ in session.exec(query):
        counts[campaign, year] = counts.get((campaign, year), 0) + 1
    return [
        Choice(f"{campaign}/{year}", f"{campaign_title(catalog, campaign)} {year} ({count} budskap)")
        for (campaign, year), count in counts.items()
    ]
