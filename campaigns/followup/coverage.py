"""The coverage matrix: each risk date and audience, with our own messages and national campaigns. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from campaigns.followup.figures import CoverageLine
from campaigns.followup.gathered import Gathered
from campaigns.followup.outcomes import is_out, spreads
from campaigns.models import OccurrenceRow, Post


def coverage_lines(
    found: Gathered, answering: Collection[str], posts: Sequence[Post], first: date, last: date
) -> tuple[CoverageLine, ...]:
    """One for each risk date of a year with its day from `first` to `last`, and each audience.

    A risk date with several places is one: what reached the audience for any of them counts. A message that was for
    several risk dates counts for each.
    """
    lines = []
    audiences = _audiences(found, posts)
    for (risk_date, year), group in _risk_dates(found, answering, posts, first, last).items():
        keys = {row.key for row in group}
        of_these = [post for post in posts if post.occurrence in keys or _is_for(found, post, risk_date, year)]
        is_over = all(row.last_day < found.today for row in group)
        for audience in audiences:
            out = [post for post in of_these if post.audience == audience and is_out(post, found)]
            national = [post for post in out if spreads(found.deliveries.get(post.id or 0, ()), found)]
            name = found.catalog.audiences[audience].name if audience in found.catalog.audiences else audience
            lines.append(CoverageLine(risk_date, group[0].name, year, audience, name, len(out), len(national), is_over))
    return tuple(lines)


def _is_for(found: Gathered, post: Post, risk_date: str, year: int) -> bool:
    """Whether the message of another risk date is for this one too."""
    occurrence = found.occurrences.get(post.occurrence)
    is_named = risk_date in found.shared.get((post.campaign, post.step), ())
    return is_named and occurrence is not None and occurrence.year == year


def _risk_dates(
    found: Gathered, answering: Collection[str], posts: Iterable[Post], first: date, last: date
) -> dict[tuple[str, int], list[OccurrenceRow]]:
    """By risk date and year, the places that a campaign is laid on or was, in the order of their days."""
    used = {post.occurrence for post in posts}
    wanted = {campaign.risk_date for campaign in found.catalog.campaigns.values() if campaign.id in answering}
    wanted |= {risk_date for risk_date, recipe in found.municipality.recipes.items() if recipe in answering}
    groups: dict[tuple[str, int], list[OccurrenceRow]] = {}
    for row in sorted(found.occurrences.values(), key=lambda each: (each.day, each.key)):
        is_in = row.key in used or (row.risk_date in wanted and row.cancelled_at is None)
        if is_in and first <= row.day <= last:
            groups.setdefault((row.risk_date, row.year), []).append(row)
    return groups


def _audiences(found: Gathered, posts: Iterable[Post]) -> list[str]:
    return [*dict.fromkeys((*found.catalog.audiences, *(post.audience for post in posts)))]
