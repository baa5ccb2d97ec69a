"""What a personal address shows to whoever it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlmodel import Session

from campaigns.approval import signer_of
from campaigns.catalog import Catalog, Municipality, Party
from campaigns.errors import NotFoundError, RefusedError
from campaigns.facts import facts_at
from campaigns.models import Post, PostState, SigningLink
from campaigns.overviews.review import Review, Viewer, review_of
from campaigns.signing_links import DEAD, find_link
from campaigns.swedish import moment


class Standing(StrEnum):
    """What can be done with one of the posts."""

    OPEN = "open"  # sign or reject
    SIGNED = "signed"  # take it back, while nothing has left
    CHANGED = "changed"  # the text is another: a new address is needed
    CLOSED = "closed"


@dataclass(frozen=True)
class Item:
    review: Review
    standing: Standing
    why: str = ""


@dataclass(frozen=True)
class LinkPage:
    municipality: Municipality
    party: Party
    name: str
    created_by: str
    expires: str
    items: tuple[Item, ...]
    allowed: Mapping[int, str]

    def having(self, standing: str) -> list[Item]:
        return [item for item in self.items if item.standing == standing]

    def item(self, post_id: int) -> Item:
        """One of the address's posts. Raises NotFoundError."""
        for item in self.items:
            if item.review.id == post_id:
                return item
        raise NotFoundError("Länken gäller inte det budskapet. Inget har ändrats.")


def link_page(session: Session, catalog: Catalog, messages: Path, secret: str, *, now: datetime) -> LinkPage:
    """The page of the address with this secret. Raises NotFoundError, the same for all that are not valid."""
    link, allowed = find_link(session, secret, now=now)
    municipality, party = _place(catalog, link)
    viewer = Viewer(link.name, (party.id,))
    facts = facts_at(session, catalog)
    items = []
    posts = [session.get_one(Post, post_id) for post_id in allowed]
    for post in sorted(posts, key=lambda post: (post.due_at, post.id)):
        found = review_of(session, catalog, messages, municipality, post, viewer=viewer, facts=facts, now=now)
        items.append(_item(found, allowed[found.id], party, link.created_by))
    expires = moment(link.expires_at, municipality.zone)
    return LinkPage(municipality, party, link.name, link.created_by, expires, tuple(items), allowed)


def _place(catalog: Catalog, link: SigningLink) -> tuple[Municipality, Party]:
    """The municipality and the party, where both still stand in the files and the person may still sign."""
    try:
        municipality = catalog.municipality(link.municipality)
        signer_of(municipality, link.party, link.name)
        return municipality, municipality.party(link.party)
    except (NotFoundError, RefusedError):
        raise NotFoundError(DEAD) from None


def _item(found: Review, digest: str, party: Party, created_by: str) -> Item:
    if found.text.digest != digest:
        why = f"Texten har ändrats sedan länken skickades. Be {created_by} om en ny länk för att godkänna den."
        return Item(found, Standing.CHANGED, why)
    if any(item.party == party.id for item in found.signatures):
        return Item(found, Standing.SIGNED)
    if found.state == PostState.REJECTED:
        return Item(found, Standing.CLOSED, f"Avslaget av {found.reason}")
    if found.can_sign:
        return Item(found, Standing.OPEN)
    return Item(found, Standing.CLOSED, found.why_not or " ".join(found.text.stops) or "Det går inte att godkänna nu.")
