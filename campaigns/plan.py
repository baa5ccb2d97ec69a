"""The plan: campaigns laid on occurrences become steps with due times, deadlines and activities. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from campaigns.localtime import to_utc
from campaigns.occurrences import Occurrence, OccurrenceStatus
from campaigns.swedish import long_date


@dataclass(frozen=True)
class Step:
    """One touch in a campaign. Offsets are days from the occurrence's day; times are wall-clock time."""

    id: str
    name: str
    audiences: tuple[str, ...]
    channels: tuple[str, ...]
    offset_days: int
    at: time
    not_after_days: int
    not_after_time: time
    also_for: tuple[str, ...] = ()  # other risk dates that its message is for too, in the same year


class DeadlineKind(StrEnum):
    """What staff must have done by a deadline, in the order of a season."""

    CONFIRM_DATES = "confirm_dates"
    PLAN = "plan"
    WRITE = "write"
    SIGN = "sign"
    NOTE = "note"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True)
class Deadline:
    """An editorial deadline, `offset_days` from the occurrence's day (negative: before)."""

    kind: DeadlineKind
    name: str
    offset_days: int


@dataclass(frozen=True)
class Activity:
    """A step that people do: nattvandring, föräldramöte, tobakstillsyn."""

    id: str
    name: str
    offset_days: int
    responsible: str
    description: str = ""


@dataclass(frozen=True)
class Campaign:
    """The standing recipe for one risk date."""

    id: str
    name: str
    risk_date: str
    promises: tuple[str, ...]
    steps: tuple[Step, ...]
    deadlines: tuple[Deadline, ...]
    activities: tuple[Activity, ...] = ()


@dataclass(frozen=True)
class Adjustment:
    """What a person has decided about one planned step: another day and wall-clock time for it, or that it is left out.

    The recipe's own where None. `left_out` says by whom and why; it is empty for a step that is in.
    """

    offset_days: int | None = None
    at: time | None = None
    left_out: str = ""


@dataclass(frozen=True)
class PlannedStep:
    """One step for one audience and occurrence: what becomes a post. `due_at` and `not_after` are UTC.

    `left_out` says by whom and why the step is left out this year; it is empty for a step that is in.
    """

    campaign: str
    occurrence: Occurrence
    step: Step
    audience: str
    channels: tuple[str, ...]
    due_at: datetime
    not_after: datetime
    merged_into: str | None = None
    places: tuple[str, ...] = ()
    left_out: str = ""

    @cached_property  # asked for some six times in every planning
    def key(self) -> str:
        """(municipality, campaign, year, occurrence, step, audience): stable over any change of date."""
        occurrence = self.occurrence
        where = f"{occurrence.risk_date}.{occurrence.place.id}" if occurrence.place else occurrence.risk_date
        return f"{occurrence.municipality}/{self.campaign}/{occurrence.year}/{where}/{self.step.id}/{self.audience}"

    @property
    def is_preliminary(self) -> bool:
        return self.occurrence.status is OccurrenceStatus.PRELIMINARY


@dataclass(frozen=True)
class PlannedDeadline:
    """An editorial deadline on its day (a calendar day in the municipality's zone)."""

    campaign: str
    campaign_name: str
    occurrence: Occurrence
    deadline: Deadline
    day: date

    @property
    def key(self) -> str:
        return f"{self.campaign}/{self.occurrence.key}/{self.deadline.kind}"


@dataclass(frozen=True)
class PlannedActivity:
    """An activity on its day."""

    campaign: str
    campaign_name: str
    occurrence: Occurrence
    activity: Activity
    day: date

    @property
    def key(self) -> str:
        return f"{self.campaign}/{self.occurrence.key}/{self.activity.id}"


@dataclass(frozen=True)
class Clash:
    """Two different messages to one audience in one channel on one day, and what to do about it."""

    day: date
    audience: str
    channel: str
    first: str
    second: str
    proposal: str


@dataclass(frozen=True)
class Plan:
    steps: tuple[PlannedStep, ...] = ()
    deadlines: tuple[PlannedDeadline, ...] = ()
    activities: tuple[PlannedActivity, ...] = ()
    clashes: tuple[Clash, ...] = field(default=())


def plan(
    found: Sequence[Occurrence],
    *,
    campaigns: Iterable[Campaign],
    channels: Sequence[str],
    zone: ZoneInfo,
    recipes: Mapping[str, str],
    settled: Collection[str] = (),
    adjustments: Mapping[str, Adjustment] | None = None,
) -> Plan:
    """Lay `campaigns` on the occurrences `found`.

    `channels` are the municipality's channel ids: a step's other channels are left out. `recipes` maps an extra date's
    id to the campaign it borrows, and `adjustments` a step's key to what a person has decided about it. At most one
    post goes to an audience in a channel on a day: places that share a day share one post (`merged_into` names it),
    other coincidences are listed as clashes with a proposal.
    """
    by_risk_date: dict[str, list[Campaign]] = {}
    by_id: dict[str, Campaign] = {}
    for campaign in campaigns:
        by_risk_date.setdefault(campaign.risk_date, []).append(campaign)
        by_id[campaign.id] = campaign
    steps: list[PlannedStep] = []
    deadlines: list[PlannedDeadline] = []
    activities: list[PlannedActivity] = []
    wanted = frozenset(channels)
    for occurrence in found:
        borrowed = recipes.get(occurrence.risk_date)
        matching = [by_id[borrowed]] if borrowed in by_id else by_risk_date.get(occurrence.risk_date, [])
        for campaign in matching:
            steps.extend(_steps(campaign, occurrence, wanted, zone, adjustments or {}))
            deadlines.extend(
                PlannedDeadline(campaign.id, campaign.name, occurrence, deadline, _shifted(occurrence, deadline))
                for deadline in campaign.deadlines
            )
            activities.extend(
                PlannedActivity(campaign.id, campaign.name, occurrence, activity, _shifted(occurrence, activity))
                for activity in campaign.activities
            )
    merged = _merge_places(steps, settled=settled)
    return Plan(tuple(merged), tuple(deadlines), tuple(activities), tuple(find_clashes(merged, zone=zone)))


def _shifted(occurrence: Occurrence, item: Deadline | Activity) -> date:
    return occurrence.day + timedelta(days=item.offset_days)


def _steps(
    campaign: Campaign,
    occurrence: Occurrence,
    channels: frozenset[str],
    zone: ZoneInfo,
    adjustments: Mapping[str, Adjustment],
) -> Iterable[PlannedStep]:
    for step in campaign.steps:
        out = tuple(channel for channel in step.channels if channel in channels)
        if not out:
            continue
        due_at = to_utc(occurrence.day + timedelta(days=step.offset_days), step.at, zone)
        not_after = to_utc(occurrence.day + timedelta(days=step.not_after_days), step.not_after_time, zone)
        for audience in step.audiences:
            planned = PlannedStep(campaign.id, occurrence, step, audience, out, due_at, not_after)
            decided = adjustments.get(planned.key) if adjustments else None
            yield planned if decided is None else _adjusted(planned, decided, zone)


def _adjusted(item: PlannedStep, decided: Adjustment, zone: ZoneInfo) -> PlannedStep:
    """The step as a person has decided it. The recipe's last time holds, also one that has become earlier since."""
    if decided.offset_days is None or decided.at is None:
        return replace(item, left_out=decided.left_out)
    moved = to_utc(item.occurrence.day + timedelta(days=decided.offset_days), decided.at, zone)
    return replace(item, due_at=min(moved, item.not_after), left_out=decided.left_out)


def _merge_places(steps: Iterable[PlannedStep], *, settled: Collection[str]) -> list[PlannedStep]:
    """Places whose confirmed day is the same share the post of the first of them, by place id."""
    groups: dict[tuple[object, ...], list[PlannedStep]] = {}
    for item in steps:
        alone = item.is_preliminary or item.occurrence.place is None or item.key in settled
        same = (item.campaign, item.occurrence.risk_date, item.step.id, item.audience, item.due_at, item.left_out)
        groups.setdefault((*same, item.key) if alone else same, []).append(item)
    result: list[PlannedStep] = []
    for group in groups.values():
        group.sort(key=lambda item: item.key)
        leader = group[0]
        names = tuple(item.occurrence.place.name for item in group if item.occurrence.place)
        result.append(replace(leader, places=names) if names else leader)
        result.extend(replace(item, merged_into=leader.key, places=names) for item in group[1:])
    return sorted(result, key=lambda item: (item.due_at, item.key))


_Slot = tuple[date, str, str]
# A message that would have to move further than this no longer says the same thing.
FURTHEST_MOVE = timedelta(days=14)


def find_clashes(steps: Iterable[PlannedStep], *, zone: ZoneInfo) -> list[Clash]:
    """Confirmed posts that meet the same audience in the same channel on the same local day, each with a proposal.

    The message whose occurrence comes first keeps the day (`first`). Each other one (`second`) is proposed the nearest
    earlier day when all its channels to the audience are free, if there is one after the campaign's step before it. One
    message gets one proposal, whatever it clashes with.
    """
    meetings: dict[_Slot, list[PlannedStep]] = {}
    own_days: dict[tuple[str, str, str], list[date]] = {}
    for item in steps:
        if item.merged_into is None and not item.is_preliminary and not item.left_out:
            day = item.due_at.astimezone(zone).date()
            own_days.setdefault(_series(item), []).append(day)
            for slot in _slots(item, day):
                meetings.setdefault(slot, []).append(item)
    busy = set(meetings)
    proposals: dict[str, str] = {}
    clashes: list[Clash] = []
    for (day, audience, channel), meeting in sorted(meetings.items()):
        keeper, *others = sorted(meeting, key=lambda item: (item.occurrence.day, item.key))
        for item in others:
            if item.key not in proposals:
                free = _free_day(item, day, busy, own_days[_series(item)])
                busy.update(_slots(item, free) if free else ())
                proposals[item.key] = _proposal(item, free)
            clashes.append(Clash(day, audience, channel, keeper.key, item.key, proposals[item.key]))
    return clashes


def _series(item: PlannedStep) -> tuple[str, str, str]:
    return item.campaign, item.occurrence.key, item.audience


def _slots(item: PlannedStep, day: date) -> list[_Slot]:
    return [(day, item.audience, channel) for channel in item.channels]


def _free_day(item: PlannedStep, day: date, busy: Set[_Slot], own_days: Iterable[date]) -> date | None:
    floor = max([day - FURTHEST_MOVE, *(own for own in own_days if own < day)])
    while day > floor:
        if busy.isdisjoint(_slots(item, day)):
            return day
        day -= timedelta(days=1)
    return None


def _proposal(item: PlannedStep, free: date | None) -> str:
    title = f"”{', '.join((item.occurrence.name, *item.places))}: {item.step.name}”"
    if free is None:
        return f"Låt ett budskap täcka båda: det finns ingen ledig dag att flytta {title} till."
    return f"Flytta {title} till {long_date(free)}, eller låt ett budskap täcka båda."
