"""What a post is called when people talk of it. Pure."""

from __future__ import annotations

from typing import Protocol

from campaigns.catalog import Catalog
from campaigns.models import Post

# What a post about a published follow-up is called begins so: it tells of what was done, and is none of it.
FOLLOW_UP_TITLE = "Så höll vi löftet: "


class Nameable(Protocol):
    """What a post's name is made from: a post, or a row that holds as much of it."""

    @property
    def campaign(self) -> str: ...
    @property
    def step(self) -> str: ...
    @property
    def audience(self) -> str: ...
    @property
    def places(self) -> str: ...


def tells_of_follow_up(post: Post) -> bool:
    """Whether the post is about a follow-up. It counts in none, and no later year begins with it."""
    return post.is_extra and post.step.startswith(FOLLOW_UP_TITLE)


def post_name(catalog: Catalog, post: Nameable) -> str:
    """”Valborg utan langning: Veckan före, till föräldrar”, with the places that it is for, if any."""
    audience = audience_name(catalog, post)
    to = audience[:1].lower() + audience[1:]
    return f"{campaign_name(catalog, post)}: {step_name(catalog, post)}, till {to}{_where(post)}"


def campaign_name(catalog: Catalog, post: Nameable) -> str:
    campaign = catalog.campaigns.get(post.campaign)
    return campaign.name if campaign else post.campaign


def campaign_title(catalog: Catalog, campaign_id: str) -> str:
    """The campaign's name; its id where it has left the files."""
    campaign = catalog.campaigns.get(campaign_id)
    return campaign.name if campaign else campaign_id


def name_in_campaign(catalog: Catalog, post: Nameable) -> str:
    """”Tidigt till föräldrar”, ”Inför, till syskon och unga vuxna (syskon)”: where the campaign's name stands above."""
    step, to = step_name(catalog, post), audience_name(catalog, post)
    campaign = catalog.campaigns.get(post.campaign)
    is_alone = campaign and any(item.id == post.step and len(item.audiences) == 1 for item in campaign.steps)
    is_said = is_alone and to.lower() in step.lower()
    return f"{step}{'' if is_said else f' ({to[:1].lower()}{to[1:]})'}{_where(post)}"


def step_name(catalog: Catalog, post: Nameable) -> str:
    campaign = catalog.campaigns.get(post.campaign)
    return next((step.name for step in campaign.steps if step.id == post.step), post.step) if campaign else post.step


def audience_name(catalog: Catalog, post: Nameable) -> str:
    audience = catalog.audiences.get(post.audience)
    return audience.name if audience else post.audience


def _where(post: Nameable) -> str:
    return f" ({', '.join(post.places.splitlines())})" if post.places else ""
