"""The figures of a follow-up. Pure: what was gathered in, a document out.

A post and all its sendings are counted on the local day that the post was to go out, so that both numbers are of the
same posts. An activity is counted on its day, a risk date on its own day. To count something more: a field in
`figures`, a function in `lines`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from campaigns.catalog import Promise
from campaigns.followup import lines
from campaigns.followup.activities import activity_lines
from campaigns.followup.coverage import coverage_lines
from campaigns.followup.document import Document, Section, Words
from campaigns.followup.figures import Totals
from campaigns.followup.gathered import Gathered
from campaigns.followup.outcomes import has_gone_out, is_out, is_planned, sendings
from campaigns.followup.periods import Period
from campaigns.models import Delivery, Post
from campaigns.promises import Wording, answered_by


@dataclass(frozen=True)
class Share:
    """What a promise is followed up by from `first` to `last`, while it has one wording."""

    promise: Promise
    wording: Wording
    first: date
    last: date
    answering: frozenset[str]  # the campaigns
    posts: tuple[Post, ...]  # of those campaigns, on any day
    due: tuple[Post, ...]  # of those posts, on these days
    sent: tuple[tuple[Post, Delivery], ...]  # of those that were due


def promises_in(found: Gathered, period: Period) -> list[Promise]:
    """The municipality's promises that hold on some day of the period, in the order of its file."""
    every = found.catalog.promises_of(found.municipality)
    return [item for item in every if item.first_day <= period.last and period.first <= item.last_day]


def count(found: Gathered, period: Period, *, words: Words | None = None) -> Document:
    """The follow-up of every promise in the period, as things stand when it was gathered."""
    promises = promises_in(found, period)
    parties = [*dict.fromkeys(name for item in promises for name in item.parties)]
    shares = [share for item in promises for share in _shares(found, item, period)]
    sections = tuple(_section(found, share) for share in shares)
    return Document(
        municipality=found.municipality.id,
        municipality_name=found.municipality.name,
        period=period.id,
        title=period.title,
        first_day=period.first,
        last_day=period.last,
        counted_on=found.today,
        parties=tuple(parties or [party.name for party in found.municipality.parties]),
        sections=sections,
        pauses=lines.pause_lines(found, period.first, period.last),
        words=words or Words(),
        totals=_totals(found, shares, sections),
    )


def _shares(found: Gathered, promise: Promise, period: Period) -> Iterable[Share]:
    """One for each wording that holds in the period."""
    answering = _answering(found, promise)
    posts = tuple(post for post in found.posts if post.campaign in answering and is_planned(post, found))
    for wording in promise.wordings:
        first, last = max(wording.first_day, period.first), min(wording.last_day, period.last)
        if first <= last:
            due = tuple(post for post in posts if first <= found.day_of(post.due_at) <= last)
            sent = tuple((post, item) for post in due for item in sendings(found.deliveries.get(post.id or 0, ())))
            yield Share(promise, wording, first, last, answering, posts, due, sent)


def _answering(found: Gathered, promise: Promise) -> frozenset[str]:
    """The campaigns that answer to the promise, or did when they were last in the files."""
    return frozenset(
        name
        for name, campaign in found.campaigns.items()
        if promise in answered_by(found.catalog.promises, campaign.promises)
    )


def _section(found: Gathered, share: Share) -> Section:
    first, last, wording = share.first, share.last, share.wording
    return Section(
        promise=share.promise.id,
        text=wording.text,
        activity=wording.activity,
        first_day=first,
        last_day=last,
        revised=wording.reason,
        messages=lines.messages(found, share.due),
        signing=lines.signing(found, share.due),
        deliveries=lines.deliveries(found, share.posts, share.sent, first, last),
        channels=lines.channel_lines(found, share.sent),
        national=lines.national_lines(found, share.sent),
        reach=lines.reach_lines(found, share.due),
        activities=activity_lines(found, share.promise, share.answering, first, last),
        skipped=lines.skipped_lines(found, share.due),
        coverage=coverage_lines(found, share.answering, share.posts, first, last),
    )


def _totals(found: Gathered, shares: Sequence[Share], sections: Sequence[Section]) -> Totals:
    """The whole, each thing once: a campaign may answer to several promises, and a risk date stand under each."""
    out = {item.id for share in shares for _, item in share.sent if has_gone_out(item)}
    return Totals(
        posts=len({post.id for share in shares for post in share.due if is_out(post, found)}),
        sendings=len(out),
        done=len({line.key for section in sections for line in section.activities_that("done")}),
        gaps=len({(gap.name, gap.year, gap.audience_name) for section in sections for gap in section.gaps}),
    )
