"""What is asked of everything that people add to a campaign, posts and activities alike."""

from __future__ import annotations

from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import OccurrenceRow
from campaigns.plan import Campaign

LONGEST_NAME = 80


def checked_title(title: str) -> str:
    """The name of something added, on one line. Raises RefusedError for none, and one that is no plain text."""
    title = " ".join(title.split())
    if not title:
        raise RefusedError("Skriv vad det ska heta.")
    if len(title) > LONGEST_NAME:
        raise RefusedError(f"Namnet får ha högst {LONGEST_NAME} tecken. Det här har {len(title)}.")
    if not title.isprintable() or set(title) & set("{}/"):
        raise RefusedError("Namnet kan inte innehålla { } eller /.")
    return title


def occurrence_in(
    session: Session, catalog: Catalog, municipality: Municipality, campaign: str, key: str
) -> OccurrenceRow:
    """The municipality's occurrence that the campaign is laid on. Raises NotFoundError for any other."""
    known = catalog.campaign(campaign)
    row = session.get(OccurrenceRow, key)
    if row is None or row.municipality != municipality.id or row.cancelled_at is not None:
        raise NotFoundError("Tillfället finns inte. Välj ett av kampanjens tillfällen.")
    if not is_laid_on(municipality, known, row.risk_date):
        raise NotFoundError(f"{row.name} hör inte till {known.name}.")
    return row


def is_laid_on(municipality: Municipality, campaign: Campaign, risk_date: str) -> bool:
    """Whether the campaign is laid on the municipality's occurrences of the risk date: its own, or one that borrows."""
    return municipality.recipes.get(risk_date, campaign.id if risk_date == campaign.risk_date else "") == campaign.id
