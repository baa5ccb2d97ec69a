"""The figures of a follow-up. Pure: what was gathered in, a document out.

A post is counted on the local day that it was to go out, a sending on the day that it did (or else was to), an
activity on its day, a risk date on its own day. To count something more: a field in `document`, a function here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from campaigns.catalog import Promise
from campaigns.followup.activities import activity_lines
from campaigns.followup.coverage import coverage_lines
from campaigns.followup.document import (
    ChannelLine,
    Deliveries,
    Document,
    Messages,
    NationalLine,
    PauseLine,
    Section,
    Signing,
    SkippedLine,
    Words,
)
from campaigns.followup.gathered import Gathered
from campaigns.followup.outcomes import (
    day_of,
    has_gone_out,
    is_planned,
    is_to_be_signed,
    post_outcome,
    sending_outcome,
    sendings,
    signing_outcome,
    spreads,
)
from campaigns.followup.periods import Period
from campaigns.models import Act, Delivery, DeliveryState, Pause, Post, PostState
from campaigns.post_names import audience_name, step_name
from campaigns.promises import Wording, answered_by


def promises_in(found: Gathered, period: Period) -> list[Promise]:
    """The municipality's promises that hold on some day of the period, in the order of its file."""
    every = found.catalog.promises_of(found.municipality)
    return [item for item in every if item.first_day <= period.last and period.first <= item.last_day]


def count(found: Gathered, period: Period, *, words: Words | None = None) -> Document:
    """The follow-up of every promise in the period, as things stand when it was gathered."""
    promises = promises_in(found, period)
    parties = [*dict.fromkeys(name for item in promises for name in item.parties)]
    return Document(
        municipality=found.municipality.id,
        municipality_name=found.municipality.name,
        period=period.id,
        title=period.title,
        first_day=period.first,
        last_day=period.last,
        counted_on=found.today,
        parties=tuple(parties or [party.name for party in found.municipality.parties]),
        sections=tuple(section for item in promises for section in _sections(found, item, period)),
        pauses=pause_lines(found, period.first, period.last),
        words=words or Words(),
    )


def _sections(found: Gathered, promise: Promise, period: Period) -> Iterable[Section]:
    """One for each wording that holds in the period."""
    for wording in promise.wordings:
        if wording.first_day <= period.last and period.first <= wording.last_day:
            yield section(
                found, promise, wording, max(wording.first_day, period.first), min(wording.last_day, period.last)
            )


def section(found: Gathered, promise: Promise, wording: Wording, first: date, last: date) -> Section:
    """What was done for a promise from `first` to `last`."""
    answering = _answering(found, promise)
    posts = [post for post in found.posts if post.campaign in answering and is_planned(post, found)]
    due = [post for post in posts if first <= found.day_of(post.due_at) <= last]
    sent = [
        (post, item)
        for post in posts
        for item in sendings(found.deliveries.get(post.id or 0, ()))
        if first <= day_of(item, found) <= last
    ]
    return Section(
        promise=promise.id,
        text=wording.text,
        activity=wording.activity,
        first_day=first,
        last_day=last,
        revised=wording.reason,
        messages=messages(found, due),
        signing=signing(found, due),
        deliveries=deliveries(found, posts, sent, first, last),
        channels=channel_lines(found, sent),
        national=national_lines(found, sent),
        activities=activity_lines(found, promise, answering, first, last),
        skipped=skipped_lines(found, due),
        coverage=coverage_lines(found, answering, posts, first, last),
    )


def _answering(found: Gathered, promise: Promise) -> frozenset[str]:
    """The campaigns that answer to the promise, or did when they were last in the files."""
    return frozenset(
        name
        for name, campaign in found.campaigns.items()
        if promise in answered_by(found.catalog.promises, campaign.promises)
    )


def messages(found: Gathered, due: Sequence[Post]) -> Messages:
    counts = Counter(post_outcome(post, found).value for post in due)
    return Messages(planned=len(due), **counts)


def signing(found: Gathered, due: Iterable[Post]) -> Signing:
    return Signing(**Counter(signing_outcome(post, found).value for post in due if is_to_be_signed(post, found)))


def deliveries(
    found: Gathered, posts: Iterable[Post], sent: Iterable[tuple[Post, Delivery]], first: date, last: date
) -> Deliveries:
    counts = Counter(sending_outcome(item) for _, item in sent)
    later = [
        item
        for post in posts
        for item in found.deliveries.get(post.id or 0, ())
        if item.act != Act.PUBLISH and first <= found.day_of(item.published_at or item.changed_at) <= last
    ]
    withdrawn = sum(item.act == Act.WITHDRAW and item.state == DeliveryState.WITHDRAWN for item in later)
    corrected = sum(item.act == Act.CORRECT and item.published_at is not None for item in later)
    return Deliveries(**counts, withdrawn=withdrawn, corrected=corrected)


def channel_lines(found: Gathered, sent: Iterable[tuple[Post, Delivery]]) -> tuple[ChannelLine, ...]:
    """What went out, by campaign, audience and channel."""
    groups: dict[tuple[str, str, str], list[Post]] = {}
    names: dict[tuple[str, str, str], tuple[str, str, str]] = {}
    channels = {item.id: item.name for item in found.municipality.channels}
    for post, item in sent:
        if has_gone_out(item):
            key = (post.campaign, post.audience, item.channel)
            groups.setdefault(key, []).append(post)
            names[key] = (
                found.campaigns[post.campaign].name,
                audience_name(found.catalog, post),
                channels.get(item.channel) or found.catalog.channels.get(item.channel, item.channel),
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
