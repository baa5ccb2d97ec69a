"""What the campaigns in the files answer to, kept for the day when one of them is taken away."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from campaigns.catalog import Catalog
from campaigns.models import CampaignRecord
from campaigns.plan import Campaign


def unnoted(session: Session, catalog: Catalog) -> list[Campaign]:
    """The campaigns that are not kept as the files have them now."""
    kept = {row.campaign: (row.name, row.promises) for row in session.exec(select(CampaignRecord))}
    return [item for item in catalog.campaigns.values() if kept.get(item.id) != (item.name, _promises(item))]


def note_campaigns(session: Session, catalog: Catalog, *, now: datetime) -> None:
    """Keep the campaigns as the files have them."""
    for item in unnoted(session, catalog):
        session.merge(CampaignRecord(campaign=item.id, name=item.name, promises=_promises(item), changed_at=now))


def _promises(campaign: Campaign) -> str:
    return " ".join(campaign.promises)
