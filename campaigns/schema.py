"""The shape of each configuration file: what keys there are, of what kind, and which must be there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from campaigns.errors import Problem, suggestion
from campaigns.plan import DeadlineKind

Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


def _month_day(text: str) -> str:
    try:
        date.fromisoformat(f"2023-{text}")
    except ValueError:
        raise PydanticCustomError("month_day", "ska vara månad och dag, till exempel ”05-31”") from None
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError("zone", "är ingen känd tidszon, skriv till exempel ”Europe/Stockholm”") from None
    return text


def _reference(text: str) -> str:
    if not text.startswith(("env:", "file:")):
        raise PydanticCustomError(
            "secret", "får inte stå i filen: skriv ”env:NAMN” eller ”file:sökväg” och lägg hemligheten där"
        )
    return text


MonthDay = Annotated[str, AfterValidator(_month_day)]
Zone = Annotated[str, AfterValidator(_zone)]
SecretReference = Annotated[str, AfterValidator(_reference)]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LocalRuleTable(Table):
    usual_first: MonthDay
    usual_last: MonthDay
    source: str = ""


class RiskDateTable(Table):
    name: Name
    description: str = ""
    rule: str | None = None
    easter: int | None = Field(default=None, ge=-100, le=200)
    local: LocalRuleTable | None = None
    first_offset: int = Field(default=0, ge=-30, le=30)
    last_offset: int = Field(default=0, ge=-30, le=30)
    on: bool = False


class AudienceTable(Table):
    name: Name
    description: str = ""


class ChannelNameTable(Table):
    name: Name
    description: str = ""


class PromiseTable(Table):
    text: Name
    activity: str = ""
    municipalities: list[Id] = []
    first_day: date
    last_day: date
    source: Name


class FactTable(Table):
    kind: Literal["lag", "hjalplinje", "kampanj", "oppettider", "statistik", "nummer"]
    text: Name
    source: Name
    checked_on: date
    valid_until: date
    confirmed: bool
    note: str = ""


class LastTimeTable(Table):
    offset_days: int = Field(ge=-365, le=365)
    at: time


class StepTable(Table):
    id: Id
    name: Name
    audiences: list[Id] = Field(min_length=1)
    channels: list[Id] = Field(min_length=1)
    offset_days: int = Field(ge=-365, le=365)
    at: time
    not_after: LastTimeTable


class DeadlineTable(Table):
    kind: DeadlineKind
    name: Name
    offset_days: int = Field(ge=-365, le=365)


class ActivityTable(Table):
    id: Id
    name: Name
    offset_days: int = Field(ge=-365, le=365)
    responsible: Name
    description: str = ""


class CampaignFile(Table):
    name: Name
    risk_date: Id
    promises: list[Id] = Field(min_length=1)
    steps: list[StepTable] = Field(min_length=1)
    deadlines: list[DeadlineTable] = []
    activities: list[ActivityTable] = []


class PartyTable(Table):
    name: Name
    people: list[Name] = []


class ChannelTable(Table):
    kind: str
    name: Name | None = None
    languages: list[str] | None = None
    url: str | None = None
    secret: SecretReference | None = None
    allow_private_addresses: bool = False
    instructions: str = ""


class PlaceTable(Table):
    id: Id
    name: Name
    risk_dates: list[Id] = Field(min_length=1)
    note: str = ""


class LocalDateTable(Table):
    risk_date: Id
    place: Id | Literal[""] = ""
    day: date
    first_day: date | None = None
    last_day: date | None = None
    confirmed: bool = False
    source: str = ""


class ExtraDateTable(Table):
    id: Id
    name: Name
    day: date
    first_day: date | None = None
    last_day: date | None = None
    campaign: Id | None = None


class RiskDatesChoice(Table):
    on: list[Id] = []
    off: list[Id] = []


class ReminderTable(Table):
    role: Name
    kinds: list[DeadlineKind] = []


class MunicipalityFile(Table):
    name: Name
    short_name: Name
    code: Annotated[str, Field(pattern=r"^\d{4}$")]
    zone: Zone = "Europe/Stockholm"
    police_area: Name
    website: str = ""
    languages: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] = Field(default=["sv"], min_length=1)
    parties: dict[Id, PartyTable] = Field(min_length=1)
    promises: list[Id] = []
    channels: dict[Id, ChannelTable] = Field(min_length=1)
    risk_dates: RiskDatesChoice = RiskDatesChoice()
    places: list[PlaceTable] = []
    local_dates: list[LocalDateTable] = []
    extra_dates: list[ExtraDateTable] = []
    reminders: list[ReminderTable] = []


_MESSAGES = {
    "missing": "saknas och måste finnas",
    "string_type": "ska vara en text inom citattecken",
    "int_type": "ska vara ett heltal",
    "int_parsing": "ska vara ett heltal",
    "int_from_float": "ska vara ett heltal",
    "bool_type": "ska vara true eller false",
    "bool_parsing": "ska vara true eller false",
    "list_type": "ska vara en lista inom hakparenteser",
    "dict_type": "ska vara en tabell",
    "model_type": "ska vara en tabell",
    "date_type": "ska vara ett datum, till exempel 2027-06-11",
    "date_parsing": "ska vara ett datum, till exempel 2027-06-11",
    "date_from_datetime_parsing": "ska vara ett datum, till exempel 2027-06-11",
    "date_from_datetime_inexact": "ska vara ett datum utan klockslag, till exempel 2027-06-11",
    "time_type": "ska vara ett klockslag, till exempel 16:30:00",
    "time_parsing": "ska vara ett klockslag, till exempel 16:30:00",
    "too_short": "får inte vara tom",
    "string_too_short": "får inte vara tom",
}


def problems_of(error: ValidationError, *, file: str, model: type[BaseModel], at: str = "") -> Iterable[Problem]:
    """Each fault that pydantic found, as a sentence with file and key."""
    for fault in error.errors():
        key = ".".join([part for part in (at, *(str(part) for part in fault["loc"])) if part])
        yield Problem(file, key, _sentence(fault, model))


def _sentence(fault: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        names = _fields_at(model, [part for part in fault["loc"][:-1] if isinstance(part, str)])
        return f"nyckeln finns inte. {suggestion(str(fault['loc'][-1]), names)}"
    if kind in ("enum", "literal_error"):
        return f"”{fault['input']}” är inte ett av de tillåtna värdena: {context['expected']}"
    if kind == "string_pattern_mismatch":
        return f"”{fault['input']}” har fel form (mönster {context['pattern']})"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"{fault['input']} ligger utanför det tillåtna ({context})"
    return _MESSAGES.get(kind, fault["msg"])


def _fields_at(model: type[BaseModel], path: list[str]) -> list[str]:
    """The field names of the table that `path` leads to; best effort, for the nearest-name hint."""
    current: type[BaseModel] = model
    for part in path:
        found = current.model_fields.get(part)
        inner = _table_in(found.annotation) if found else None
        if inner is not None:
            current = inner
    return sorted(current.model_fields)


def _table_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _table_in(argument)
        if found is not None:
            return found
    return None
