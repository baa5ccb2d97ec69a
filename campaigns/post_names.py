"""What a post is called when people talk of it. Pure."""

from __future__ import annotations

from campaigns.catalog import Catalog
from campaigns.models import Post


def post_name(catalog: Catalog, post: Post) -> str:
    """”Valborg utan langning: Veckan före, till föräldrar”, with the places that it is for, if any."""
    audience = catalog.audiences.get(post.audience)
    to = audience.name[:1].lower() + audience.name[1:] if audience else post.audience
    return f"{campaign_title(catalog, post.campaign)}: {_step(catalog, post)}, till {to}{_where(post)}"


def campaign_title(catalog: Catalog, campaign_id: str) -> str:
    """The campaign's name; its id where it has left the files."""
    campaign = catalog.campaigns.get(campaign_id)
    return campaign.name if campaign else campaign_id


def name_in_campaign(catalog: Catalog, post: Post) -> str:
    """”Tidigt till föräldrar”, ”Inför, till syskon och unga vuxna (syskon)”: where the campaign's name stands above."""
    step, audience = _step(catalog, post), catalog.audiences.get(post.audience)
    to = audience.name if audience else post.audience
    campaign = catalog.campaigns.get(post.campaign)
    is_alone = campaign and any(item.id == post.step and len(item.audiences) == 1 for item in campaign.steps)
    is_said = is_alone and to.lower() in step.lower()
    return f"{step}{'' if is_said else f' ({to[:1].lower()}{to[1:]})'}{_where(post)}"


def _step(catalog: Catalog, post: Post) -> str:
    campaign = catalog.campaigns.get(post.campaign)
    return next((step.name for step in campaign.steps if step.id == post.step), post.step) if campaign else post.step


def _where(post: Post) -> str:
    return f" ({', '.join(post.places.splitlines())})" if post.places else ""
