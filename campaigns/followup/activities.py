"""What people did, and what became of what they were to do. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from campaigns.catalog import Promise
from campaigns.followup.figures import ActivityLine
from campaigns.followup.gathered import Gathered
from campaigns.models import ActivityRow
from campaigns.plan import PlannedActivity

UNTOLD, COMING = "untold", "coming"


def activity_lines(
    found: Gathered, promise: Promise, answering: Collection[str], first: date, last: date
) -> tuple[ActivityLine, ...]:
    """Those of the campaigns in `answering`, and those that were decided on for the promise itself, by day."""
    rows = {row.key: row for row in found.activities}
    lines = [
        _line(found, row)
        for row in found.activities
        if (row.promise == promise.id or row.campaign in answering) and first <= row.day <= last
    ]
    lines += [
        _planned(found, item)
        for item in found.planned
        if item.key not in rows and item.campaign in answering and first <= item.day <= last
    ]
    return tuple(sorted(lines, key=lambda line: (line.day, line.name, line.key)))


def _line(found: Gathered, row: ActivityRow) -> ActivityLine:
    campaign = found.campaigns.get(row.campaign)
    return ActivityLine(
        key=row.key,
        name=row.name,
        campaign_name=campaign.name if campaign else "",
        day=row.day,
        responsible=row.responsible,
        outcome=row.outcome or _untold(found, row.day),
        number=row.number,
        note=row.note,
        link=row.link,
        situation=row.situation,
    )


def _planned(found: Gathered, item: PlannedActivity) -> ActivityLine:
    return ActivityLine(
        key=item.key,
        name=item.activity.name,
        campaign_name=item.campaign_name,
        day=item.day,
        responsible=item.activity.responsible,
        outcome=_untold(found, item.day),
    )


def _untold(found: Gathered, day: date) -> str:
    return UNTOLD if day < found.today else COMING
