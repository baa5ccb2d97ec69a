"""National campaigns as pages show them: the library with what has been spread, and what is proposed for a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality
from campaigns.facts import facts_at
from campaigns.followup.gathering import gather
from campaigns.followup.outcomes import spreads
from campaigns.links import LinkOutcome
from campaigns.models import LinkCheck, Post
from campaigns.national import Spreadable, Standing, library, proposed
from campaigns.post_sources import occurrence_of
from campaigns.swedish import short_date

WORDS = {
    Standing.OPEN: "Får spridas",
    Standing.UNCONFIRMED: "Ska kontrolleras först",
    Standing.COMING: "Har inte börjat",
    Standing.OVER: "Ska kontrolleras igen",
    Standing.DEAD: "Sidan finns inte",
    Standing.CLOSED: "Avslutad",
}


@dataclass(frozen=True)
class ShownNational:
    """A national campaign in the library. `posts` and `sendings` are what has spread it so far this year."""

    item: Spreadable
    word: str
    audiences: str
    risk_dates: str
    link_told: str
    posts: int
    sendings: int


def national_page(
    session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime
) -> list[ShownNational]:
    """The library, those that may be spread first."""
    today = now.astimezone(municipality.zone).date()
    checks = _checks(session)
    found = library(facts_at(session, catalog), day=today, today=today, dead=_dead(checks))
    spread = _spread(session, catalog, municipality, year=today.year, now=now)
    order = list(Standing)
    return [
        ShownNational(
            item,
            WORDS[item.standing],
            ", ".join(catalog.audiences[name].name for name in item.national.audiences) or "Alla",
            ", ".join(catalog.risk_dates[name].name for name in item.national.risk_dates) or "Alla",
            _told(checks.get(item.national.link)),
            len({post_id for name, post_id in spread if name == item.fact.id}),
            sum(name == item.fact.id for name, _ in spread),
        )
        for item in sorted(found, key=lambda item: order.index(item.standing))
    ]


def proposals(
    session: Session, catalog: Catalog, municipality: Municipality, post: Post, *, now: datetime
) -> list[Spreadable]:
    """What may be spread in the post, on the day that it goes out."""
    day = post.due_at.astimezone(municipality.zone).date()
    today = now.astimezone(municipality.zone).date()
    found = library(facts_at(session, catalog), day=max(day, today), today=today, dead=_dead(_checks(session)))
    return proposed(found, audience=post.audience, risk_date=occurrence_of(session, post).risk_date)


def _checks(session: Session) -> dict[str, LinkCheck]:
    return {row.address: row for row in session.execute(select(LinkCheck)).scalars()}


def _dead(checks: dict[str, LinkCheck]) -> list[str]:
    return [row.address for row in checks.values() if row.outcome == LinkOutcome.DEAD]


def _told(check: LinkCheck | None) -> str:
    if check is None:
        return "Länken är inte prövad än."
    when = short_date(check.checked_at.date())
    return f"Länken fungerade {when}." if check.outcome == LinkOutcome.OK else f"{when}: {check.detail}"


def _spread(
    session: Session, catalog: Catalog, municipality: Municipality, *, year: int, now: datetime
) -> Sequence[tuple[str, int]]:
    """A national campaign's id and a post's number for each sending this year that spread it."""
    found = gather(session, catalog, municipality, years=(), now=now)
    return [
        (name, post_id)
        for post_id, items in found.deliveries.items()
        for item in items
        if item.published_at is not None and _local(municipality, item.published_at).year == year
        for name in spreads([item], found)
    ]


def _local(municipality: Municipality, at: datetime) -> date:
    return at.astimezone(municipality.zone).date()
