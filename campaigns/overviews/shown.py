"""Rows made into what the pages and the command line show: names, states, spans of days, days left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from campaigns.catalog import Catalog, Municipality
from campaigns.content import listed
from campaigns.models import Post
from campaigns.occurrences import Occurrence, OccurrenceStatus
from campaigns.post_names import audience_name as audience_name
from campaigns.post_names import campaign_name as campaign_name
from campaigns.post_names import step_name as step_name
from campaigns.swedish import span, usual


@dataclass(frozen=True)
class ShownDate:
    """A risk date as a row for people. Places with the same days share a row. `day` is None while it is not known."""

    id: str
    name: str
    places: str
    days: str
    day: date | None
    week: int | None
    left: str
    is_confirmed: bool


def upcoming(found: Iterable[Occurrence], *, today: date, within: timedelta) -> list[ShownDate]:
    """The occurrences that are not over on `today` (a local day) and begin within a time from it, by day."""
    groups: dict[tuple[object, ...], list[Occurrence]] = {}
    for item in found:
        if item.last_day >= today and item.first_day < today + within:
            same = (item.risk_date, item.year, item.day, item.first_day, item.last_day, item.status, item.has_day)
            groups.setdefault(same, []).append(item)
    rows = sorted(groups.values(), key=lambda group: (group[0].day, group[0].key))
    return [_shown(group, today) for group in rows]


def _shown(group: list[Occurrence], today: date) -> ShownDate:
    item = group[0]
    return ShownDate(
        id=item.risk_date,
        name=item.name,
        places=listed([other.place.name for other in group if other.place]),
        days=span(item.first_day, item.last_day)
        if item.has_day
        else f"datum inte bekräftat än – brukar vara {usual(item.first_day, item.last_day)}",
        day=item.day if item.has_day else None,
        week=item.day.isocalendar().week if item.has_day else None,
        left=days_left(item.first_day, item.last_day, today) if item.has_day else "",
        is_confirmed=item.status is OccurrenceStatus.CONFIRMED,
    )


def days_left(first: date, last: date, today: date) -> str:
    """”om 5 dagar”, ”i morgon”, ”i dag”, ”pågår”."""
    left = (first - today).days
    if left <= 0:
        return "i dag" if first == last else "pågår"
    return "i morgon" if left == 1 else f"om {left} dagar"


def sentence(catalog: Catalog, post: Post) -> str:
    """”Valborg utan langning, inför, till syskon och unga vuxna (syskon)”."""
    step, audience = step_name(catalog, post), audience_beside_step(catalog, post).lower()
    return f"{campaign_name(catalog, post)}, {step[:1].lower()}{step[1:]}{f' ({audience})' if audience else ''}"


def audience_beside_step(catalog: Catalog, post: Post) -> str:
    """The audience's name, or nothing where the step is for that audience alone and its own name says so."""
    name = audience_name(catalog, post)
    campaign = catalog.campaigns.get(post.campaign)
    alone = campaign and any(step.id == post.step and len(step.audiences) == 1 for step in campaign.steps)
    return "" if alone and name.lower() in step_name(catalog, post).lower() else name


def channel_names(municipality: Municipality) -> dict[str, str]:
    """The municipality's names for its channels, by id."""
    return {channel.id: channel.name for channel in municipality.channels}
