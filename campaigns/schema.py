"""The shape of each configuration file: what keys there are, of what kind, and which must be there.

Names that point to other files are checked here too, against the validation context: {kind of name: the valid ones}.
Where a kind is missing from the context, its own file cannot be read, and nothing is said about what points there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, time
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from campaigns.errors import suggestion
from campaigns.localtime import QUIET_FROM, QUIET_TO
from campaigns.plan import DeadlineKind
from campaigns.reminder_kinds import Topic
from campaigns.rules import FIRST_YEAR, LAST_YEAR

ID = r"^[a-z0-9]+(-[a-z0-9]+)*$"
FACT_ID = r"^[a-z][a-z0-9_]*$"  # also a name in the message templates
LANGUAGE = r"^[a-z]{2,3}$"
CODE = r"^\d{4}$"
MAIL_ADDRESS = r"[^@\s<>,;:\"()\\]+@[^@\s<>,;:\"()\\]+\.[^@\s<>,;:\"()\\]+"

Id = Annotated[str, Field(pattern=ID, max_length=60)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
PromiseText = Annotated[str, Field(max_length=1_000)]
Kind = Annotated[DeadlineKind, Field(strict=False)]  # TOML has no enumerations: the text is taken as one


def _pointer(kind: str, what: str) -> AfterValidator:
    """Accepts only the names of `kind` in the validation context; `what` is what to say of any other."""

    def check(name: str, info: ValidationInfo) -> str:
        valid = (info.context or {}).get(kind)
        if valid is not None and name not in valid:
            raise PydanticCustomError(
                "unknown",
                "{what} ”{name}”. {hint}",
                {"what": what, "name": name, "hint": suggestion(name, valid)},
            )
        return name

    return AfterValidator(check)


RiskDateId = Annotated[str, _pointer("risk_dates", "okänt riskdatum")]
LocalRiskDateId = Annotated[str, _pointer("local_risk_dates", "inget lokalt beslutat riskdatum heter")]
AudienceId = Annotated[str, _pointer("audiences", "okänd målgrupp")]
ChannelId = Annotated[str, _pointer("channels", "okänd kanal")]
ChannelKind = Annotated[str, _pointer("channel_kinds", "okänd kanaltyp")]
PromiseId = Annotated[str, _pointer("promises", "okänt medborgarlöfte")]
CampaignId = Annotated[str, _pointer("campaigns", "okänd kampanj")]
MunicipalityId = Annotated[str, _pointer("municipalities", "okänd kommun")]


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
    if not text.startswith(("env:", "file:")) or text.endswith(":"):
        raise PydanticCustomError(
            "secret", "får inte stå i filen: skriv ”env:NAMN” eller ”file:sökväg” och lägg hemligheten där"
        )
    return text


def _send_time(at: time) -> time:
    if at >= QUIET_FROM or at < QUIET_TO:
        raise PydanticCustomError("quiet", "{at} ligger i de tysta timmarna 21–07", {"at": f"{at:%H.%M}"})
    return at


def _in_tested_years(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise PydanticCustomError(
            "year", "året ska ligga mellan {first} och {last}", {"first": FIRST_YEAR, "last": LAST_YEAR}
        )
    return day


Day = Annotated[date, AfterValidator(_in_tested_years)]
SendTime = Annotated[time, AfterValidator(_send_time)]
MonthDay = Annotated[str, AfterValidator(_month_day)]
Zone = Annotated[str, AfterValidator(_zone)]
SecretReference = Annotated[str, AfterValidator(_reference)]


def _https(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        is_whole = False
    if not is_whole or re.search(r"""[\s"'<>`]""", text):
        raise PydanticCustomError("https", "ska vara en hel adress som börjar med https://")
    return text


HttpsAddress = Annotated[str, Field(max_length=2_000), AfterValidator(_https)]


# Days. Two planned years look back on the one before: what is younger is still in use.
KeptDays = Annotated[int, Field(ge=400, le=36_500)]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LocalRuleTable(Table):
    usual_first: MonthDay
    usual_last: MonthDay
    source: str = ""


class RiskDateTable(Table):
    name: Name
    day_name: str = ""
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


def _said(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("needed", "får inte vara tom")
    return text


class RevisionTable(Table):
    first_day: Day
    text: Annotated[PromiseText, AfterValidator(_said)]
    activity: str = ""
    reason: str = ""


class PromiseTable(Table):
    """The period is given by `signed_on` or by its days; what succeeds another starts from what that one said."""

    text: PromiseText = ""
    activity: str = ""
    municipalities: list[MunicipalityId] = []
    parties: list[Name] = []
    signed_on: Day | None = None
    first_day: Day | None = None
    last_day: Day | None = None
    source: Name
    revisions: list[RevisionTable] = []
    succeeds: PromiseId | None = None

    @model_validator(mode="after")
    def _says_something_for_a_time(self) -> Self:
        if not self.text.strip() and self.succeeds is None:
            raise PydanticCustomError("needed", "text saknas och måste finnas")
        if self.signed_on is None and (self.first_day is None or self.last_day is None):
            raise PydanticCustomError(
                "needed", "ska ha signed_on (då gäller löftet i två år), eller first_day och last_day"
            )
        return self


class FactTable(Table):
    kind: Literal["lag", "hjalplinje", "kampanj", "oppettider", "statistik", "nummer"]
    text: Name
    source: Name
    checked_on: date
    valid_until: date
    confirmed: bool
    note: str = ""
    name: Name | None = None
    owner: Name | None = None
    audiences: list[AudienceId] = []
    risk_dates: list[RiskDateId] = []
    link: HttpsAddress | None = None
    valid_from: date | None = None
    closed: bool = False

    @model_validator(mode="after")
    def _tells_of_a_campaign_only_of_one(self) -> Self:
        told = [key for key in _OF_NATIONAL if getattr(self, key)]
        if told and self.kind != "kampanj":
            raise PydanticCustomError(
                "national",
                "{names} hör till kind = ”kampanj”, inte till andra uppgifter",
                {"names": " och ".join(told)},
            )
        return self


_OF_NATIONAL = ("name", "owner", "audiences", "risk_dates", "link", "valid_from", "closed")


class LastTimeTable(Table):
    offset_days: int = Field(ge=-365, le=365)
    at: time


class StepTable(Table):
    id: Id
    name: Name
    audiences: list[AudienceId] = Field(min_length=1)
    channels: list[ChannelId] = Field(min_length=1)
    offset_days: int = Field(ge=-365, le=365)
    at: SendTime
    not_after: LastTimeTable
    also_for: list[RiskDateId] = []

    @model_validator(mode="after")
    def _ends_after_it_is_due(self) -> Self:
        if (self.not_after.offset_days, self.not_after.at) <= (self.offset_days, self.at):
            raise PydanticCustomError("not_after", "not_after ska vara senare än offset_days och at")
        return self


class DeadlineTable(Table):
    kind: Kind
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
    risk_date: RiskDateId
    promises: list[PromiseId] = Field(min_length=1)
    steps: list[StepTable] = Field(min_length=1)
    deadlines: list[DeadlineTable] = []
    activities: list[ActivityTable] = []


class PartyTable(Table):
    name: Name
    people: list[Name] = []


# What each kind of channel cannot do without.
NEEDED: dict[str, tuple[str, ...]] = {
    "webhook": ("url", "secret"),
    "sitevision": ("url", "secret"),
    "wordpress": ("url", "account", "secret"),
    "facebook": ("account", "secret"),
    "instagram": ("account", "secret"),
    "linkedin": ("account", "secret"),
    "mastodon": ("url", "secret"),
    "bluesky": ("account", "secret"),
    "smtp": ("secret", "sender", "recipients"),
    "sms": ("secret", "sender", "recipients"),
    "teams": ("secret",),
}


class ChannelTable(Table):
    kind: ChannelKind
    name: Name | None = None
    languages: list[str] | None = None
    url: str | None = None
    secret: SecretReference | None = None
    allow_private_addresses: bool = False
    instructions: str = ""
    account: Name | None = None
    sender: Name | None = None
    recipients: dict[Id, Name] = {}
    unsubscribe: Name | None = None
    api_version: Name | None = None
    per_minute: int | None = Field(default=None, ge=1, le=10_000)
    at_once: int = Field(default=1, ge=1, le=16)

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        missing = [name for name in NEEDED.get(self.kind, ()) if not getattr(self, name)]
        if missing:
            raise PydanticCustomError(
                "needed", "{kind} måste ha {names}", {"kind": self.kind, "names": " och ".join(missing)}
            )
        return self

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.url:
            address = urlsplit(self.url)
            if address.scheme != "https" and not (address.scheme == "http" and self.allow_private_addresses):
                raise PydanticCustomError("url", "url ska börja med https://")
            if address.username is not None or not address.hostname:
                raise PydanticCustomError("url", "url ska ha ett värdnamn men inget användarnamn eller lösenord")
        return self


class PlaceTable(Table):
    id: Id
    name: Name
    risk_dates: list[LocalRiskDateId] = Field(min_length=1)
    note: str = ""

    @field_validator("risk_dates")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise PydanticCustomError("doubled", "”{name}” står mer än en gång", {"name": doubled[0]})
        return names


class LocalDateTable(Table):
    risk_date: LocalRiskDateId
    place: str = ""
    day: Day
    first_day: date | None = None
    last_day: date | None = None
    confirmed: bool = False
    source: str = ""


class ExtraDateTable(Table):
    id: Id
    name: Name
    day: Day
    first_day: date | None = None
    last_day: date | None = None
    campaign: CampaignId | None = None

    @model_validator(mode="after")
    def _is_its_own(self, info: ValidationInfo) -> Self:
        if self.id in ((info.context or {}).get("risk_dates") or ()):
            raise PydanticCustomError("taken", "”{id}” är redan ett riskdatum: välj ett annat id", {"id": self.id})
        if not (self.first_day or self.day) <= self.day <= (self.last_day or self.day):
            raise PydanticCustomError("outside", "day ska ligga mellan first_day och last_day")
        return self


class RiskDatesChoice(Table):
    on: list[RiskDateId] = []
    off: list[RiskDateId] = []

    @model_validator(mode="after")
    def _decides(self) -> Self:
        both = sorted({*self.on} & {*self.off})
        if both:
            raise PydanticCustomError("both", "{names} står i både on och off", {"names": ", ".join(both)})
        return self


def _mail_address(text: str) -> str:
    if not re.fullmatch(MAIL_ADDRESS, text):
        raise PydanticCustomError("email", "ska vara en e-postadress, till exempel ”namn@exempel.se”")
    return text


MailAddress = Annotated[str, Field(max_length=254), AfterValidator(_mail_address)]


class ReminderTable(Table):
    role: Name
    kinds: list[Annotated[Topic, Field(strict=False)]] = []
    parties: list[Id] = []
    email: MailAddress | None = None
    apprise: SecretReference | None = None
    escalate_to: Name | None = None


class RetentionTable(Table):
    texts: KeptDays | None = None
    contents: KeptDays | None = None
    attempts: KeptDays | None = None
    reminders: KeptDays | None = None


class MunicipalityFile(Table):
    name: Name
    short_name: Name
    code: Annotated[str, Field(pattern=CODE)]
    zone: Zone = "Europe/Stockholm"
    police_area: Name
    website: str = ""
    languages: list[Annotated[str, Field(pattern=LANGUAGE)]] = Field(default=["sv"], min_length=1)
    parties: dict[Id, PartyTable] = Field(min_length=1)
    promises: list[PromiseId] = []
    channels: dict[ChannelId, ChannelTable] = Field(min_length=1)
    risk_dates: RiskDatesChoice = RiskDatesChoice()
    places: list[PlaceTable] = []
    local_dates: list[LocalDateTable] = []
    extra_dates: list[ExtraDateTable] = []
    reminders: list[ReminderTable] = []
    count_clicks_at: HttpsAddress | None = None
    keep_days: RetentionTable = RetentionTable()

    @field_validator("reminders")
    @classmethod
    def _names_whom_there_is(cls, entries: list[ReminderTable], info: ValidationInfo) -> list[ReminderTable]:
        roles = [entry.role for entry in entries]
        doubled = sorted({role for role in roles if roles.count(role) > 1})
        if doubled:
            raise PydanticCustomError("doubled", "”{name}” står mer än en gång", {"name": doubled[0]})
        for entry in entries:
            others = [role for role in roles if role != entry.role]
            if entry.escalate_to is not None and entry.escalate_to not in others:
                raise _unknown(f"{entry.role}: escalate_to pekar på ”{entry.escalate_to}”", entry.escalate_to, others)
            parties: Iterable[str] = info.data.get("parties") or entry.parties  # one's own fault is told once
            for party in entry.parties:
                if party not in parties:
                    raise _unknown(f"{entry.role}: okänd part ”{party}”", party, parties)
        return entries


def _unknown(what: str, name: str, valid: Iterable[str]) -> PydanticCustomError:
    return PydanticCustomError("unknown", "{what}. {hint}", {"what": what, "hint": suggestion(name, valid)})
