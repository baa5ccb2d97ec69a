"""The lines of a campaign's year, and those of them that are work: editorial deadlines and what people do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from campaigns.catalog import Municipality
from campaigns.models import ActivityRow, OccurrenceRow
from campaigns.overviews.anchors import anchor
from campaigns.overviews.timeline_posts import ShownPost
from campaigns.plan import Campaign, PlannedActivity, PlannedDeadline
from campaigns.swedish import long_date, moment


@dataclass(frozen=True)
class ShownActivity:
    """An activity at one place. `outcome` is done, not_done or empty; `told` says who told of it when."""

    key: str
    place_name: str
    outcome: str
    note: str
    number: int | None
    link: str
    told: str
    is_extra: bool
    can_tell: bool


@dataclass(frozen=True)
class Row:
    """One line. `kind` is step, deadline, activity or today; `day` a local day, which is a guess unless `has_day`.

    `input_time` and `input_last` are a step's two times as a form's field wants them: 2027-04-23T16:30.
    """

    kind: str
    day: date
    time: str
    name: str
    anchor: str
    has_day: bool
    is_past: bool
    about: str = ""
    last: str = ""
    input_time: str = ""
    input_last: str = ""
    is_extra: bool = False
    places: str = ""
    posts: tuple[ShownPost, ...] = ()
    activities: tuple[ShownActivity, ...] = ()

    @property
    def when(self) -> str:
        """”fredag 23 april 2027 kl. 16.30”; only ”tidigast” where the day that it counts from is not known."""
        if not self.has_day:
            return f"Tidigast {long_date(self.day)}"
        told = f"{long_date(self.day).capitalize()}"
        return f"{told} kl. {self.time}" if self.time else told


def deadline_rows(
    deadlines: Iterable[PlannedDeadline],
    campaign: Campaign,
    found: Mapping[str, OccurrenceRow],
    names: Mapping[str, str],
) -> Iterable[Row]:
    groups: dict[tuple[object, ...], list[PlannedDeadline]] = {}
    for item in deadlines:
        if item.campaign == campaign.id and item.occurrence.key in found:
            same = (item.deadline.kind, item.day, item.occurrence.day, item.occurrence.has_day, item.occurrence.name)
            groups.setdefault(same, []).append(item)
    for group in groups.values():
        item = group[0]
        yield Row(
            kind="deadline",
            day=item.day,
            time="",
            name=item.deadline.name,
            anchor=anchor(
                item.deadline.offset_days,
                names[item.occurrence.key],
                item.occurrence.day if item.occurrence.has_day else None,
            ),
            has_day=item.occurrence.has_day,
            is_past=False,
            places=_places([each.occurrence.place.name for each in group if each.occurrence.place]),
        )


def _places(names: Sequence[str]) -> str:
    return "; ".join(names) if len(names) < 3 else f"{names[0]} och {len(names) - 1} till"


def activity_rows(
    session: Session,
    municipality: Municipality,
    activities: Iterable[PlannedActivity],
    campaign: Campaign,
    found: Mapping[str, OccurrenceRow],
    names: Mapping[str, str],
) -> Iterable[Row]:
    query = (
        select(ActivityRow)
        .where(ActivityRow.municipality == municipality.id, ActivityRow.campaign == campaign.id)
        .where(col(ActivityRow.occurrence).in_(list(found)), col(ActivityRow.cancelled_at).is_(None))
        .order_by(col(ActivityRow.day), col(ActivityRow.id))
    )
    told = {row.key: row for row in session.exec(query)}
    groups: dict[tuple[object, ...], list[PlannedActivity]] = {}
    for item in activities:
        if item.campaign == campaign.id and item.occurrence.key in found:
            same = (item.activity.id, item.day, item.occurrence.day, item.occurrence.has_day, item.occurrence.name)
            groups.setdefault(same, []).append(item)
    for group in groups.values():
        first = group[0]
        row = found[first.occurrence.key]
        yield Row(
            kind="activity",
            day=first.day,
            time="",
            name=first.activity.name,
            anchor=anchor(first.activity.offset_days, names[row.key], row.day if row.has_day else None),
            has_day=row.has_day,
            is_past=False,
            about=_sentences(first.activity.responsible, first.activity.description),
            activities=tuple(
                _shown_activity(municipality, item.key, found[item.occurrence.key], told.pop(item.key, None))
                for item in group
            ),
        )
    for key, noted in told.items():  # those that people have added, and those that have left the recipe since
        occurrence = found[noted.occurrence or ""]
        yield Row(
            kind="activity",
            day=noted.day,
            time="",
            name=noted.name,
            anchor=anchor((noted.day - occurrence.day).days, names[occurrence.key], occurrence.day)
            if occurrence.has_day
            else "",
            has_day=True,
            is_past=False,
            about=_sentences(noted.responsible, noted.description),
            is_extra=noted.is_extra,
            activities=(_shown_activity(municipality, key, occurrence, noted),),
        )


def _sentences(*parts: str) -> str:
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _shown_activity(
    municipality: Municipality, key: str, occurrence: OccurrenceRow, row: ActivityRow | None
) -> ShownActivity:
    is_told = row is not None and bool(row.outcome)
    told = f"{row.told_by}, {moment(row.told_at, municipality.zone)}" if row and is_told and row.told_at else ""
    return ShownActivity(
        key=key,
        place_name=occurrence.place_name,
        outcome=row.outcome if row else "",
        note=row.note if row else "",
        number=row.number if row else None,
        link=row.link if row else "",
        told=told,
        is_extra=row is not None and row.is_extra,
        can_tell=occurrence.has_day or (row is not None and row.is_extra),
    )
