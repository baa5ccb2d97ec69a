"""What a post is called when people talk of it. Pure."""

from __future__ import annotations

from typing import Protocol

from campaigns.catalog import Catalog


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


def post_name(catalog: Catalog, post: Nameable) -> str:
    """”Valborg utan langning: Veckan före, till föräldrar”, with the places that it is for, if any."""
    audience = audience_name(catalog, post)
    to = audience[:1].lower() + audience[1:]
    where = f" ({', '.join(post.places.splitlines())})" if post.places else ""
    return f"{campaign_name(catalog, post)}: {step_name(catalog, post)}, till {to}{where}"


def campaign_name(catalog: Catalog, post: Nameable) -> str:
    campaign = catalog.campaigns.get(post.campaign)
    return campaign.name if campaign else post.campaign


def step_name(catalog: Catalog, post: Nameable) -> str:
    campaign = catalog.campaigns.get(post.campaign)
    return next((step.name for step in campaign.steps if step.id == post.step), post.step) if campaign else post.step


def audience_name(catalog: Catalog, post: Nameable) -> str:
    audience = catalog.audiences.get(post.audience)
    return audience.name if audience else post.audience
