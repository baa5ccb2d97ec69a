"""Values for tests: each builder makes a whole one, and the test names only what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.catalog import ChannelConfig, Municipality, Party, Promise, ReminderRole
from campaigns.occurrences import ExtraDate, LocalDate, Occurrence, OccurrenceStatus, Place
from campaigns.plan import Activity, Campaign, Deadline, DeadlineKind, Step
from campaigns.rules import LocalRule, RecurrenceRule, RiskDate, Rule

STOCKHOLM = ZoneInfo("Europe/Stockholm")
MIDSOMMAR = RecurrenceRule("FREQ=YEARLY;BYMONTH=6;BYDAY=FR;BYMONTHDAY=19,20,21,22,23,24,25")
STUDENT = LocalRule((5, 31), (6, 16))


def day(text: str) -> date:
    """The day in "Fri 2026-06-19". The weekday is there for the reader, and must be the right one."""
    found = date.fromisoformat(text[4:])
    assert f"{found:%a}" == text[:3], f"{text} is a {found:%A}"
    return found


def make_step(
    id: str = "veckan",  # noqa: A002 - the field's own name
    *,
    name: str = "Veckan före",
    audiences: Sequence[str] = ("foraldrar",),
    channels: Sequence[str] = ("webb",),
    offset_days: int = -7,
    at: time = time(16, 30),
    not_after_days: int | None = None,
    not_after_time: time = time(20, 0),
) -> Step:
    """`not_after_days` is the day after the step's day unless given."""
    last = offset_days + 1 if not_after_days is None else not_after_days
    return Step(id, name, tuple(audiences), tuple(channels), offset_days, at, last, not_after_time)


def make_deadline(
    kind: DeadlineKind = DeadlineKind.SIGN, *, name: str = "Godkänn: kommun och polis", offset_days: int = -21
) -> Deadline:
    return Deadline(kind, name, offset_days)


def make_activity(
    id: str = "nattvandring",  # noqa: A002 - the field's own name
    *,
    name: str = "Nattvandring",
    offset_days: int = 0,
    responsible: str = "Föreningar och föräldrar",
) -> Activity:
    return Activity(id, name, offset_days, responsible)


def make_campaign(
    id: str = "midsommar",  # noqa: A002 - the field's own name
    *,
    name: str | None = None,
    risk_date: str | None = None,
    promises: Sequence[str] = ("langning",),
    steps: Sequence[Step] | None = None,
    deadlines: Sequence[Deadline] = (),
    activities: Sequence[Activity] = (),
) -> Campaign:
    """A campaign for the risk date of the same id, with one step, unless told otherwise."""
    return Campaign(
        id,
        name or f"{id.capitalize()} utan langning",
        risk_date or id,
        tuple(promises),
        (make_step(),) if steps is None else tuple(steps),
        tuple(deadlines),
        tuple(activities),
    )


def make_risk_date(
    id: str = "midsommar",  # noqa: A002 - the field's own name
    *,
    name: str | None = None,
    rule: Rule = MIDSOMMAR,
    first_offset: int = 0,
    last_offset: int = 0,
    is_on: bool = True,
) -> RiskDate:
    return RiskDate(id, name or id.capitalize(), rule, first_offset, last_offset, is_on)


def make_occurrence(
    risk_date: str = "midsommar",
    *,
    municipality: str = "aneby",
    name: str | None = None,
    day: date = date(2027, 6, 25),
    year: int | None = None,
    place: Place | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    status: OccurrenceStatus = OccurrenceStatus.CONFIRMED,
    has_day: bool = True,
) -> Occurrence:
    return Occurrence(
        municipality,
        risk_date,
        name or risk_date.capitalize(),
        year or day.year,
        place,
        day,
        first_day or day,
        last_day or day,
        status,
        has_day,
    )


def make_local_date(
    risk_date: str = "student",
    *,
    place: str = "holaveden",
    day: date = date(2027, 6, 11),
    year: int | None = None,
    is_confirmed: bool = True,
    first_day: date | None = None,
    last_day: date | None = None,
) -> LocalDate:
    return LocalDate(risk_date, place, year or day.year, day, is_confirmed, first_day, last_day)


def make_channel(
    id: str = "webb",  # noqa: A002 - the field's own name
    *,
    kind: str | None = None,
    name: str | None = None,
    languages: Sequence[str] = ("sv",),
    url: str | None = None,
    secret: str | None = None,
    allow_private_addresses: bool = False,
    instructions: str = "",
    **more: Any,
) -> ChannelConfig:
    """A channel of the kind of the same name unless told otherwise. `more` are ChannelConfig's other fields."""
    return ChannelConfig(
        id,
        kind or id,
        name or id.capitalize(),
        tuple(languages),
        url,
        secret,
        allow_private_addresses,
        instructions,
        **more,
    )


def make_promise(
    id: str = "langning",  # noqa: A002 - the field's own name
    *,
    text: str = "Förebygga barn och ungas brottslighet.",
    municipalities: Sequence[str] = ("aneby",),
    first_day: date = date(2025, 1, 1),
    last_day: date = date(2026, 12, 31),
) -> Promise:
    return Promise(id, text, "", tuple(municipalities), first_day, last_day, "Medborgarlöfte")


def make_municipality(
    id: str = "aneby",  # noqa: A002 - the field's own name
    *,
    name: str = "Aneby kommun",
    zone: ZoneInfo = STOCKHOLM,
    languages: Sequence[str] = ("sv",),
    parties: Sequence[Party] = (Party("kommun", "Aneby kommun"), Party("polis", "Lokalpolisområde Höglandet")),
    promises: Sequence[str] = ("langning",),
    channels: Sequence[ChannelConfig] = (make_channel("webb"), make_channel("skarm")),
    risk_dates: Sequence[RiskDate] = (make_risk_date(),),
    places: Mapping[str, Sequence[Place]] | None = None,
    local_dates: Sequence[LocalDate] = (),
    extra_dates: Sequence[ExtraDate] = (),
    reminders: Sequence[ReminderRole] = (),
) -> Municipality:
    return Municipality(
        id=id,
        name=name,
        short_name=name.removesuffix(" kommun"),
        code="0604",
        zone=zone,
        police_area="lokalpolisområde Höglandet",
        website="https://www.aneby.se",
        languages=tuple(languages),
        parties=tuple(parties),
        promises=tuple(promises),
        channels=tuple(channels),
        risk_dates=tuple(risk_dates),
        places={risk_date: tuple(found) for risk_date, found in (places or {}).items()},
        local_dates=tuple(local_dates),
        extra_dates=tuple(extra_dates),
        reminders=tuple(reminders),
    )
