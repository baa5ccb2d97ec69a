"""The lines of a follow-up: counts and lists, each of the posts, sendings and pauses that it is given. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from campaigns.followup.figures import (
    ChannelLine,
    Deliveries,
    Messages,
    NationalLine,
    PauseLine,
    ReachLine,
    Signing,
    SkippedLine,
)
from campaigns.followup.gathered import Gathered
from campaigns.followup.outcomes import (
    has_gone_out,
    is_out,
    is_to_be_signed,
    post_outcome,
    sending_outcome,
    sendings,
    signing_outcome,
    spreads,
)
from campaigns.models import Act, Delivery, DeliveryState, Pause, Post, PostState
from campaigns.post_names import audience_name, step_name
from campaigns.reach_numbers import CLICKS, CLICKS_WORD, MEASURES

NOTED, TOLD, COUNTED = "noted", "told", "counted"


def messages(found: Gathered, due: Sequence[Post]) -> Messages:
    counts = Counter(post_outcome(post, found).value for post in due)
    return Messages(planned=len(due), **counts)


def signing(found: Gathered, due: Iterable[Post]) -> Signing:
    return Signing(**Counter(signing_outcome(post, found).value for post in due if is_to_be_signed(post, found)))


def deliveries(
    found: Gathered, posts: Sequence[Post], sent: Iterable[tuple[Post, Delivery]], first: date, last: date
) -> Deliveries:
    """What became of the sendings of the posts that were due, and what was done in these days with any of `posts`."""
    counts = Counter(sending_outcome(item) for _, item in sent)
    belated = sum(
        has_gone_out(item) and item.published_at is not None and first <= found.day_of(item.published_at) <= last
        for post in posts
        if found.day_of(post.due_at) < first
        for item in sendings(found.deliveries.get(post.id or 0, ()))
    )
    later = [
        item
        for post in posts
        for item in found.deliveries.get(post.id or 0, ())
        if item.act != Act.PUBLISH and first <= found.day_of(item.published_at or item.changed_at) <= last
    ]
    withdrawn = sum(item.act == Act.WITHDRAW and item.state == DeliveryState.WITHDRAWN for item in later)
    corrected = sum(item.act == Act.CORRECT and item.published_at is not None for item in later)
    return Deliveries(**counts, withdrawn=withdrawn, corrected=corrected, belated=belated)


def channel_lines(found: Gathered, sent: Iterable[tuple[Post, Delivery]]) -> tuple[ChannelLine, ...]:
    """What went out, by campaign, audience and channel."""
    groups: dict[tuple[str, str, str], list[Post]] = {}
    names: dict[tuple[str, str, str], tuple[str, str, str]] = {}
    for post, item in sent:
        if has_gone_out(item):
            key = (post.campaign, post.audience, item.channel)
            groups.setdefault(key, []).append(post)
            names[key] = (
                found.campaigns[post.campaign].name,
                audience_name(found.catalog, post),
                channel_name(found, item.channel),
            )
    lines = []
    for key, group in groups.items():
        campaign, audience, channel = names[key]
        lines.append(
            ChannelLine(
                key[0], campaign, key[1], audience, key[2], channel, len({post.id for post in group}), len(group)
            )
        )
    return tuple(sorted(lines, key=lambda line: (line.campaign_name, line.audience_name, line.channel_name)))


def national_lines(found: Gathered, sent: Sequence[tuple[Post, Delivery]]) -> tuple[NationalLine, ...]:
    """The national campaigns, by how often a post that carries them went out; those that none carried are left out."""
    pairs = [(name, post.id) for post, item in sent for name in spreads([item], found)]
    counts = Counter(name for name, _ in pairs)
    return tuple(
        NationalLine(name, found.national_names[name], len({post_id for each, post_id in pairs if each == name}), times)
        for name, times in counts.most_common()
    )


def reach_lines(found: Gathered, due: Iterable[Post]) -> tuple[ReachLine, ...]:
    """The numbers of how far the posts that went out reached, by channel and kind of number."""
    numbers: dict[tuple[str, str, str], list[int]] = {}
    for post in due:
        if not is_out(post, found):
            continue
        for item in found.noted.get(post.id or 0, ()):
            source = TOLD if item.is_channels_own else NOTED
            numbers.setdefault((item.channel, source, item.measure), []).append(item.number)
        for channel, number in found.clicks.get(post.id or 0, {}).items():
            numbers.setdefault((channel, COUNTED, CLICKS), []).append(number)
    words = {**MEASURES, CLICKS: CLICKS_WORD}
    lines = [
        ReachLine(
            channel, channel_name(found, channel), measure, words.get(measure, measure), source, len(each), sum(each)
        )
        for (channel, source, measure), each in numbers.items()
    ]
    return tuple(sorted(lines, key=lambda line: (line.channel_name, line.source, line.measure_name)))


def channel_name(found: Gathered, channel: str) -> str:
    """What the municipality calls a channel; its kind's name, or its id, where it has left the file."""
    own = {item.id: item.name for item in found.municipality.channels}
    return own.get(channel) or found.catalog.channels.get(channel, channel)


def skipped_lines(found: Gathered, due: Iterable[Post]) -> tuple[SkippedLine, ...]:
    """The steps that were left out. By whom stands in the log, not here."""
    return tuple(
        SkippedLine(
            found.campaigns[post.campaign].name,
            step_name(found.catalog, post),
            audience_name(found.catalog, post),
            found.day_of(post.due_at),
            post.reason.partition(": ")[2] or post.reason,
        )
        for post in due
        if post.state == PostState.SKIPPED
    )


def pause_lines(found: Gathered, first: date, last: date) -> tuple[PauseLine, ...]:
    """The pauses on any day from `first` to `last`, with what came up during each of them."""
    channels = {item.id: item.name for item in found.municipality.channels}
    return tuple(
        PauseLine(
            found.day_of(item.paused_at),
            found.day_of(item.resumed_at) if item.resumed_at else None,
            channels.get(item.channel, item.channel),
            item.reason,
            _missed_in(found, item, first, last),
        )
        for item in found.pauses
        if found.day_of(item.paused_at) <= last and (item.resumed_at is None or found.day_of(item.resumed_at) >= first)
    )


def _missed_in(found: Gathered, pause: Pause, first: date, last: date) -> int:
    until = pause.resumed_at or found.now
    return sum(
        item.state == DeliveryState.MISSED
        and pause.channel in ("", item.channel)
        and pause.paused_at <= item.changed_at <= until
        and first <= found.day_of(item.due_at) <= last
        for items in found.deliveries.values()
        for item in sendings(items)
    )
