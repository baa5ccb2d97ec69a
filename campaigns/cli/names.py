"""The names that people see in tables, for what the rows hold as ids and keys."""

from __future__ import annotations

from collections.abc import Iterable

from campaigns.catalog import Catalog, Municipality
from campaigns.content import listed
from campaigns.models import Post
from campaigns.overviews.shown import audience_name as audience
from campaigns.overviews.shown import campaign_name, sentence
from campaigns.overviews.shown import step_name as step
from campaigns.plan import Plan

__all__ = ["audience", "campaign", "channels", "message", "planned_step", "step"]


def campaign(catalog: Catalog, post: Post) -> str:
    """”Valborg utan langning”; ”Studenten utan langning (Holavedsgymnasiet, Tranås)”."""
    name = campaign_name(catalog, post)
    return f"{name} ({listed(_places(post))})" if post.places else name


def message(catalog: Catalog, post: Post) -> str:
    """”Valborg utan langning, inför, till syskon och unga vuxna (syskon)”, with the schools that it is for."""
    return ", ".join([sentence(catalog, post), *_places(post)])


def _places(post: Post) -> list[str]:
    return [name for name in post.places.split("\n") if name]


def channels(municipality: Municipality, ids: Iterable[str]) -> str:
    """”Webbsidan, Skärmar”. A channel that the municipality no longer has keeps its id."""
    names = {channel.id: channel.name for channel in municipality.channels}
    return ", ".join(names.get(item, item) for item in ids)


def planned_step(catalog: Catalog, plan: Plan, key: str) -> str:
    """”Nyår utan langning: Veckan före till föräldrar”; the key itself if the plan has no such step."""
    item = next((item for item in plan.steps if item.key == key), None)
    return f"{catalog.campaigns[item.campaign].name}: {item.step.name}" if item else key
