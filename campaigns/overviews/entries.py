"""What a municipality's days hold: risk dates, posts, deadlines and activities, each as a row with a link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.content import listed
from campaigns.enqueue import LEFT_OUT
from campaigns.localtime import to_utc
from campaigns.models import ActivityRow, OccurrenceRow, Post
from campaigns.occurrences import Occurrence, OccurrenceStatus
from campaigns.overviews.actions import campaign_path
from campaigns.overviews.paths import staff
from campaigns.overviews.period import Period
from campaigns.overviews.shown import audience_beside_step, channel_names, step_name, usual
from campaigns.overviews.standing import PostStanding, delivery_states, standing_of
from campaigns.plan import DeadlineKind, PlannedActivity, PlannedDeadline
from campaigns.season import Season

OUTCOMES = {"done": "Gjord", "not_done": "Inte gjord"}
# What is done after the day has no place in a calendar until the day is known.
_AFTERWARDS = (DeadlineKind.NOTE, DeadlineKind.FOLLOW_UP)


class Kind(StrEnum):
    """The kinds in the order that a day tells them."""

    RISK_DATE = "riskdatum"
    DEADLINE = "deadline"
    ACTIVITY = "aktivitet"
    POST = "budskap"


KIND_NAMES = {
    Kind.RISK_DATE: "Riskdatum",
    Kind.DEADLINE: "Deadline",
    Kind.ACTIVITY: "Aktivitet",
    Kind.POST: "Budskap",
}


@dataclass(frozen=True)
class Entry:
    """One thing on one day. `time` is "16.30", or "" for what lasts all day. `about` goes on from the title."""

    kind: Kind
    day: date
    title: str
    path: str
    time: str = ""
    about: str = ""
    standing: PostStanding | None = None
    word: str = ""
    is_preliminary: bool = False
    campaign: str = ""
    audience: str = ""
    channels: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[object, ...]:
        return self.day, list(Kind).index(self.kind), self.time, self.title, self.about


def days_of_risk(
    catalog: Catalog, municipality: Municipality, found: Iterable[Occurrence], period: Period
) -> Iterable[Entry]:
    """Each day of each risk time whose day is known. Places with the same days are one."""
    groups: dict[tuple[object, ...], list[Occurrence]] = {}
    for item in found:
        if item.has_day and item.first_day <= period.last and item.last_day >= period.first:
            groups.setdefault((item.risk_date, item.year, item.first_day, item.last_day, item.status), []).append(item)
    for group in groups.values():
        item = group[0]
        day = max(item.first_day, period.first)
        while day <= min(item.last_day, period.last):
            yield Entry(
                Kind.RISK_DATE,
                day,
                item.name,
                campaign_path(catalog, municipality, item),
                about=_places(group),
                is_preliminary=item.status is OccurrenceStatus.PRELIMINARY,
                campaign=campaign_of(catalog, municipality, item),
            )
            day += timedelta(days=1)


def posts(
    session: Session, catalog: Catalog, municipality: Municipality, period: Period, *, now: datetime
) -> Iterable[Entry]:
    """The posts that are due in the period. One whose day nobody knows has no place in a calendar."""
    start = to_utc(period.first, time(0), municipality.zone)
    end = to_utc(period.last + timedelta(days=1), time(0), municipality.zone)
    query = (
        select(Post, OccurrenceRow)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(Post.municipality == municipality.id, Post.due_at >= start, Post.due_at < end)
        .where(col(OccurrenceRow.has_day), col(Post.merged_into).is_(None))
        .where(col(Post.state).not_in(LEFT_OUT))
    )
    rows = session.exec(query).all()
    states = delivery_states(session, [post for post, _ in rows])
    names = channel_names(municipality)
    for post, occurrence in rows:
        at = post.due_at.astimezone(municipality.zone)
        channels = tuple(post.channels.split())
        places = post.places.split("\n") if post.places else []
        about = [audience_beside_step(catalog, post), *[names.get(item, item) for item in channels], _shortly(places)]
        standing = standing_of(post, states.get(post.id or 0, ()), now=now)
        yield Entry(
            Kind.POST,
            at.date(),
            f"{occurrence.name}: {step_name(catalog, post)}",
            staff(municipality, f"mallar/{post.id}"),
            time=f"{at:%H.%M}",
            about=", ".join(item for item in about if item),
            standing=standing,
            word=standing.word,
            is_preliminary=post.is_preliminary,
            campaign=post.campaign,
            audience=post.audience,
            channels=channels,
        )


def deadlines(municipality: Municipality, laid: Season, period: Period, *, today: date) -> Iterable[Entry]:
    """The editorial deadlines. Those for a day that is not known count from the earliest that it could be."""
    groups: dict[tuple[object, ...], list[PlannedDeadline]] = {}
    for item in laid.plan.deadlines:
        occurrence = item.occurrence
        is_told = occurrence.has_day or (occurrence.last_day >= today and item.deadline.kind not in _AFTERWARDS)
        if is_told and period.first <= item.day <= period.last:
            same = (item.campaign, occurrence.risk_date, occurrence.year, item.deadline.kind, item.day)
            groups.setdefault((*same, occurrence.status), []).append(item)
    for group in groups.values():
        item = group[0]
        yield Entry(
            Kind.DEADLINE,
            item.day,
            f"{item.occurrence.name}: {item.deadline.name}",
            staff(municipality, f"kampanjer/{item.campaign}/{item.occurrence.year}"),
            about=_places([other.occurrence for other in group]),
            is_preliminary=item.occurrence.status is OccurrenceStatus.PRELIMINARY,
            campaign=item.campaign,
        )


def activities(
    session: Session, municipality: Municipality, found: Iterable[PlannedActivity], period: Period
) -> Iterable[Entry]:
    """What people do: the planned with what has been told of them, and those that somebody has added."""
    rows = {
        row.key: row for row in session.exec(select(ActivityRow).where(ActivityRow.municipality == municipality.id))
    }
    groups: dict[tuple[object, ...], list[PlannedActivity]] = {}
    for item in found:
        row = rows.get(item.key)
        day = row.day if row else item.day
        is_there = item.occurrence.has_day and (row is None or row.cancelled_at is None)
        if is_there and period.first <= day <= period.last:
            outcome = row.outcome if row else ""
            groups.setdefault((item.campaign, item.occurrence.risk_date, item.activity.id, day, outcome), []).append(
                item
            )
    for group in groups.values():
        item = group[0]
        row = rows.get(item.key)
        yield Entry(
            Kind.ACTIVITY,
            row.day if row else item.day,
            f"{item.occurrence.name}: {item.activity.name}",
            staff(municipality, f"kampanjer/{item.campaign}/{item.occurrence.year}"),
            about=_places([other.occurrence for other in group]) or item.activity.responsible,
            word=OUTCOMES.get(row.outcome, "") if row else "",
            is_preliminary=item.occurrence.status is OccurrenceStatus.PRELIMINARY,
            campaign=item.campaign,
        )
    years = {item.occurrence.key: item.occurrence.year for item in found}
    for row in rows.values():
        if row.is_extra and row.cancelled_at is None and period.first <= row.day <= period.last:
            year = years.get(row.occurrence or "", row.day.year)
            yield Entry(
                Kind.ACTIVITY,
                row.day,
                row.name,
                staff(
                    municipality,
                    f"kampanjer/{row.campaign}/{year}" if row.campaign else f"uppfoljning/insats/{row.id}",
                ),
                about=row.responsible,
                word=OUTCOMES.get(row.outcome, ""),
                campaign=row.campaign,
            )


@dataclass(frozen=True)
class Undated:
    """A risk date whose day nobody has confirmed, and what waits for it."""

    name: str
    places: str
    usually: str
    path: str
    campaign: str


def undated(
    catalog: Catalog, municipality: Municipality, laid: Season, period: Period, *, today: date
) -> Iterable[Undated]:
    """The risk dates without a day that may be in the period, or whose posts may be."""
    earliest: dict[str, date] = {}
    for step in laid.plan.steps:
        day = step.due_at.astimezone(municipality.zone).date()
        earliest[step.occurrence.key] = min(day, earliest.get(step.occurrence.key, day))
    groups: dict[tuple[str, int], list[Occurrence]] = {}
    for item in laid.occurrences:
        begins = earliest.get(item.key, item.first_day)
        if not item.has_day and item.last_day >= max(today, period.first) and begins <= period.last:
            groups.setdefault((item.risk_date, item.year), []).append(item)
    for group in groups.values():
        item = group[0]
        path = campaign_path(catalog, municipality, item)
        campaign = campaign_of(catalog, municipality, item)
        yield Undated(item.name, _places(group), usual(item.first_day, item.last_day), path, campaign)


def campaign_of(catalog: Catalog, municipality: Municipality, item: Occurrence) -> str:
    borrowed = municipality.recipes.get(item.risk_date)
    own = (campaign.id for campaign in catalog.campaigns.values() if campaign.risk_date == item.risk_date)
    return borrowed or next(own, "")


def _places(group: Sequence[Occurrence]) -> str:
    return _shortly([item.place.name for item in group if item.place])


def _shortly(names: Sequence[str]) -> str:
    return listed(names) if len(names) < 3 else f"{len(names)} skolor eller platser"


def in_order(found: Iterable[Entry]) -> Mapping[date, tuple[Entry, ...]]:
    """The entries by day, in the order that a day tells them."""
    days: dict[date, list[Entry]] = {}
    for entry in sorted(found, key=lambda entry: entry.order):
        days.setdefault(entry.day, []).append(entry)
    return {day: tuple(entries) for day, entries in days.items()}
