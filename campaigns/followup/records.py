"""What the files have said, kept for the day when they say something else: history is counted by what held then.

Campaigns with what they answer to are rows of their own; national campaigns with every address that they have had, and
the steps that are for other risk dates too, are kept as JSON among the settings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import datetime

from sqlmodel import Session, select

from campaigns.catalog import Catalog
from campaigns.followup.national import NationalCampaign, national_campaigns
from campaigns.models import CampaignRecord, Setting
from campaigns.plan import Campaign

_NATIONAL, _SHARED = "follow_up_national", "follow_up_shared_steps"


def is_stale(session: Session, catalog: Catalog) -> bool:
    """Whether something in the files is not kept as they have it now."""
    return bool(
        _unnoted(session, catalog)
        or _kept(session, _NATIONAL) != _as_json(national_known(session, catalog))
        or _kept(session, _SHARED) != _shared_as_json(shared_steps(session, catalog))
    )


def note(session: Session, catalog: Catalog, *, now: datetime) -> None:
    """Keep what the files say."""
    for item in _unnoted(session, catalog):
        session.merge(CampaignRecord(campaign=item.id, name=item.name, promises=_promises(item), changed_at=now))
    national, shared = national_known(session, catalog), shared_steps(session, catalog)
    session.merge(Setting(name=_NATIONAL, value=json.dumps(_as_json(national), ensure_ascii=False)))
    session.merge(Setting(name=_SHARED, value=json.dumps(_shared_as_json(shared), ensure_ascii=False)))


def national_known(session: Session, catalog: Catalog) -> Sequence[NationalCampaign]:
    """The national campaigns, one for each address and name that each has had, as the files have it now last."""
    kept = [NationalCampaign(*item) for item in _kept(session, _NATIONAL) or ()]
    now = national_campaigns(catalog)
    return [*(item for item in kept if item not in now), *now]


def shared_steps(session: Session, catalog: Catalog) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """By campaign and step, the other risk dates that its message is for; of a campaign in the files, what they say."""
    found = {(item[0], item[1]): tuple(item[2]) for item in _kept(session, _SHARED) or ()}
    found = {key: value for key, value in found.items() if key[0] not in catalog.campaigns}
    for campaign in catalog.campaigns.values():
        found.update({(campaign.id, step.id): step.also_for for step in campaign.steps if step.also_for})
    return found


def _unnoted(session: Session, catalog: Catalog) -> list[Campaign]:
    kept = {row.campaign: (row.name, row.promises) for row in session.exec(select(CampaignRecord))}
    return [item for item in catalog.campaigns.values() if kept.get(item.id) != (item.name, _promises(item))]


def _promises(campaign: Campaign) -> str:
    return " ".join(campaign.promises)


def _kept(session: Session, name: str) -> list[list[str]] | None:
    row = session.get(Setting, name)
    found: list[list[str]] | None = json.loads(row.value) if row else None
    return found


def _as_json(found: Sequence[NationalCampaign]) -> list[list[str]]:
    return [list(astuple(item)) for item in found]


def _shared_as_json(found: Mapping[tuple[str, str], tuple[str, ...]]) -> list[list[object]]:
    return [[campaign, step, list(others)] for (campaign, step), others in sorted(found.items())]
