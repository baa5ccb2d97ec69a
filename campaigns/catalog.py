"""config/*.toml read into checked values. Every problem is found and told at once, with file, key and the nearest name."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from campaigns import schema
from campaigns.errors import ConfigurationError, NotFoundError, Problem, RuleError, suggestion
from campaigns.localtime import QUIET_FROM, QUIET_TO
from campaigns.occurrences import ExtraDate, LocalDate, Place
from campaigns.plan import Activity, Campaign, Deadline, Step
from campaigns.rules import FIRST_YEAR, LAST_YEAR, EasterRule, LocalRule, RecurrenceRule, RiskDate, Rule, day_in_year

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Audience:
    id: str
    name: str
    description: str = ""


@dataclass(frozen=True)
class Promise:
    """What was promised, for which period. `first_day` and `last_day` are inclusive."""

    id: str
    text: str
    activity: str
    municipalities: tuple[str, ...]
    first_day: date
    last_day: date
    source: str


@dataclass(frozen=True)
class Fact:
    """Something that texts rest on and that ages. Unconfirmed or run-out facts block approval."""

    id: str
    kind: str
    text: str
    source: str
    checked_on: date
    valid_until: date
    is_confirmed: bool
    note: str = ""


@dataclass(frozen=True)
class Party:
    """Who must sign. An empty `people` lets anybody with a name sign as the party; otherwise only those listed."""

    id: str
    name: str
    people: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChannelConfig:
    """A municipality's use of one channel. `secret` is a reference (`env:` or `file:`), never the secret."""

    id: str
    kind: str
    name: str
    languages: tuple[str, ...]
    url: str | None = None
    secret: str | None = None
    allow_private_addresses: bool = False
    instructions: str = ""


@dataclass(frozen=True)
class ReminderRole:
    role: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Municipality:
    id: str
    name: str
    short_name: str
    code: str
    zone: ZoneInfo
    police_area: str
    website: str
    languages: tuple[str, ...]
    parties: tuple[Party, ...]
    promises: tuple[str, ...]
    channels: tuple[ChannelConfig, ...]
    risk_dates: tuple[RiskDate, ...]
    places: Mapping[str, tuple[Place, ...]]
    local_dates: tuple[LocalDate, ...]
    extra_dates: tuple[ExtraDate, ...]
    reminders: tuple[ReminderRole, ...] = ()

    @cached_property
    def channel_ids(self) -> tuple[str, ...]:
        return tuple(channel.id for channel in self.channels)

    @cached_property
    def recipes(self) -> dict[str, str]:
        return {extra.id: extra.campaign for extra in self.extra_dates if extra.campaign}

    def channel(self, channel_id: str) -> ChannelConfig:
        for channel in self.channels:
            if channel.id == channel_id:
                return channel
        raise NotFoundError(f"{self.name} har ingen kanal ”{channel_id}”. {suggestion(channel_id, self.channel_ids)}")

    def party(self, party_id: str) -> Party:
        for party in self.parties:
            if party.id == party_id:
                return party
        names = [party.id for party in self.parties]
        raise NotFoundError(f"{self.name} har ingen part ”{party_id}”. {suggestion(party_id, names)}")


@dataclass(frozen=True)
class Catalog:
    """All configuration, checked as a whole."""

    risk_dates: Mapping[str, RiskDate]
    audiences: Mapping[str, Audience]
    channels: Mapping[str, str]
    promises: Mapping[str, Promise]
    facts: Mapping[str, Fact]
    campaigns: Mapping[str, Campaign]
    municipalities: Mapping[str, Municipality]
    warnings: tuple[Problem, ...] = field(default=())

    def municipality(self, municipality_id: str) -> Municipality:
        return _named(self.municipalities, municipality_id, "kommun")

    def campaign(self, campaign_id: str) -> Campaign:
        return _named(self.campaigns, campaign_id, "kampanj")

    def audience(self, audience_id: str) -> Audience:
        return _named(self.audiences, audience_id, "målgrupp")


N = TypeVar("N")


def _named(items: Mapping[str, N], name: str, what: str) -> N:
    if name not in items:
        raise NotFoundError(f"Det finns ingen {what} ”{name}”. {suggestion(name, items)}")
    return items[name]


def load(directory: Path, *, channel_kinds: Iterable[str]) -> Catalog:
    """The catalog in `directory`. Raises ConfigurationError with every problem found in any file."""
    reader = _Reader(directory, frozenset(channel_kinds))
    catalog = reader.read()
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return catalog


class _Reader:
    """Reads the files in order of dependence and gathers problems; what is broken is left out, not guessed."""

    def __init__(self, directory: Path, channel_kinds: frozenset[str]) -> None:
        self.directory = directory
        self.channel_kinds = channel_kinds
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def read(self) -> Catalog:
        if not self.directory.is_dir():
            self.problems.append(
                Problem(str(self.directory), "", "mappen finns inte. Ange den med KAMPANJHJUL_CONFIG_DIR.")
            )
        risk_dates = self.tables("risk_dates.toml", schema.RiskDateTable, self.risk_date)
        audiences = self.tables("audiences.toml", schema.AudienceTable, lambda i, t, _: Audience(i, t.name, t.description))
        channels = self.tables("channels.toml", schema.ChannelNameTable, lambda _i, t, _f: t.name)
        promises = self.tables("promises.toml", schema.PromiseTable, self.promise)
        facts = self.tables("facts.toml", schema.FactTable, self.fact)
        campaigns = {
            name: self.campaign(name, table, file, risk_dates, audiences, channels, promises)
            for name, file, table in self.files("campaigns", schema.CampaignFile)
        }
        municipalities = {
            name: self.municipality(name, table, file, risk_dates, channels, promises, campaigns)
            for name, file, table in self.files("municipalities", schema.MunicipalityFile)
        }
        return Catalog(
            risk_dates, audiences, channels, promises, facts, campaigns, municipalities, tuple(sorted(self.warnings))
        )

    # -- files

    def toml(self, path: Path) -> dict[str, object]:
        name = str(path.relative_to(self.directory))
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self.problems.append(Problem(name, "", "filen saknas"))
        except UnicodeDecodeError as error:
            self.problems.append(Problem(name, "", f"filen är inte UTF-8 (byte {error.start}): spara om den som UTF-8"))
        except OSError as error:
            self.problems.append(Problem(name, "", f"filen går inte att läsa: {error.strerror}"))
        except tomllib.TOMLDecodeError as error:
            self.problems.append(Problem(name, "", f"filen är inte giltig TOML: {error}"))
        return {}

    def checked(self, model: type[T], value: object, file: str, at: str = "") -> T | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.problems.extend(schema.problems_of(error, file=file, model=model, at=at))
            return None

    def tables(self, name: str, model: type[T], make: Callable[[str, T, str], N | None]) -> dict[str, N]:
        found: dict[str, N] = {}
        for key, value in self.toml(self.directory / name).items():
            table = self.checked(model, value, name, key)
            made = make(key, table, name) if table is not None else None
            if made is not None:
                found[key] = made
        return found

    def files(self, folder: str, model: type[T]) -> Iterable[tuple[str, str, T]]:
        paths = sorted((self.directory / folder).glob("*.toml"))
        if not paths:
            self.problems.append(Problem(folder, "", "mappen har ingen .toml-fil"))
        for path in paths:
            before = len(self.problems)
            value = self.toml(path)
            if len(self.problems) > before:
                continue
            table = self.checked(model, value, f"{folder}/{path.name}")
            if table is not None:
                yield path.stem, f"{folder}/{path.name}", table

    def known(self, names: Iterable[str], valid: Iterable[str], file: str, key: str, what: str) -> tuple[str, ...]:
        valid = tuple(valid)
        good = []
        for name in names:
            if name in valid:
                good.append(name)
            else:
                self.problems.append(Problem(file, key, f"okänd {what} ”{name}”. {suggestion(name, valid)}"))
        return tuple(good)

    # -- values

    def risk_date(self, key: str, table: schema.RiskDateTable, file: str) -> RiskDate | None:
        rules: list[Rule] = []
        if table.rule is not None:
            rules.append(RecurrenceRule(table.rule))
        if table.easter is not None:
            rules.append(EasterRule(table.easter))
        if table.local is not None:
            first, last = _month_day(table.local.usual_first), _month_day(table.local.usual_last)
            if last < first:
                self.problems.append(Problem(file, f"{key}.local.usual_last", "ligger före usual_first"))
            rules.append(LocalRule(first, last))
        if len(rules) != 1:
            self.problems.append(Problem(file, key, "ska ha exakt en av rule, easter och local"))
            return None
        if table.last_offset < table.first_offset:
            self.problems.append(Problem(file, f"{key}.last_offset", "sista dagen ligger före första dagen"))
        rule = rules[0]
        if not isinstance(rule, LocalRule):
            self._occurs(rule, file, f"{key}.rule")
        return RiskDate(key, table.name, rule, table.first_offset, table.last_offset, table.on, table.description)

    def _occurs(self, rule: RecurrenceRule | EasterRule, file: str, key: str) -> None:
        for year in range(FIRST_YEAR, LAST_YEAR + 1):
            try:
                day_in_year(rule, year)
            except RuleError as error:
                self.problems.append(Problem(file, key, error.message))
                return

    def promise(self, key: str, table: schema.PromiseTable, file: str) -> Promise:
        if table.last_day < table.first_day:
            self.problems.append(Problem(file, f"{key}.last_day", "sista dagen ligger före första dagen"))
        return Promise(
            key,
            table.text,
            table.activity,
            tuple(table.municipalities),
            table.first_day,
            table.last_day,
            table.source,
        )

    def fact(self, key: str, table: schema.FactTable, file: str) -> Fact:
        if table.valid_until < table.checked_on:
            self.problems.append(Problem(file, f"{key}.valid_until", "ligger före checked_on"))
        return Fact(
            key,
            table.kind,
            table.text,
            table.source,
            table.checked_on,
            table.valid_until,
            table.confirmed,
            table.note,
        )

    def campaign(
        self,
        key: str,
        table: schema.CampaignFile,
        file: str,
        risk_dates: Mapping[str, RiskDate],
        audiences: Mapping[str, Audience],
        channels: Mapping[str, str],
        promises: Mapping[str, Promise],
    ) -> Campaign:
        self.known([table.risk_date], risk_dates, file, "risk_date", "riskdatum")
        self.known(table.promises, promises, file, "promises", "medborgarlöfte")
        self._unique([step.id for step in table.steps], file, "steps")
        self._unique([activity.id for activity in table.activities], file, "activities")
        self._unique([deadline.kind for deadline in table.deadlines], file, "deadlines")
        steps = []
        for index, step in enumerate(table.steps):
            at = f"steps.{index}"
            self.known(step.audiences, audiences, file, f"{at}.audiences", "målgrupp")
            self.known(step.channels, channels, file, f"{at}.channels", "kanal")
            self._times(step, file, at)
            steps.append(
                Step(
                    step.id,
                    step.name,
                    tuple(dict.fromkeys(step.audiences)),
                    tuple(dict.fromkeys(step.channels)),
                    step.offset_days,
                    step.at,
                    step.not_after.offset_days,
                    step.not_after.at,
                )
            )
        return Campaign(
            key,
            table.name,
            table.risk_date,
            tuple(table.promises),
            tuple(steps),
            tuple(Deadline(item.kind, item.name, item.offset_days) for item in table.deadlines),
            tuple(
                Activity(item.id, item.name, item.offset_days, item.responsible, item.description)
                for item in table.activities
            ),
        )

    def _times(self, step: schema.StepTable, file: str, at: str) -> None:
        if step.at >= QUIET_FROM or step.at < QUIET_TO:
            self.problems.append(Problem(file, f"{at}.at", f"{step.at:%H.%M} ligger i de tysta timmarna 21–07"))
        if step.at.tzinfo is not None or step.not_after.at.tzinfo is not None:
            self.problems.append(Problem(file, f"{at}.at", "ska vara lokal tid utan tidszon"))
            return
        if (step.not_after.offset_days, step.not_after.at) <= (step.offset_days, step.at):
            self.problems.append(
                Problem(file, f"{at}.not_after", "senaste tiden ligger inte efter den planerade tiden")
            )

    def _unique(self, ids: Iterable[str], file: str, key: str) -> None:
        seen: set[str] = set()
        for name in ids:
            if name in seen:
                self.problems.append(Problem(file, key, f"”{name}” står mer än en gång"))
            seen.add(name)

    def municipality(
        self,
        key: str,
        table: schema.MunicipalityFile,
        file: str,
        risk_dates: Mapping[str, RiskDate],
        channels: Mapping[str, str],
        promises: Mapping[str, Promise],
        campaigns: Mapping[str, Campaign],
    ) -> Municipality:
        self.known(table.promises, promises, file, "promises", "medborgarlöfte")
        self.known(table.channels, channels, file, "channels", "kanal")
        on = self.known(table.risk_dates.on, risk_dates, file, "risk_dates.on", "riskdatum")
        off = self.known(table.risk_dates.off, risk_dates, file, "risk_dates.off", "riskdatum")
        active = tuple(
            item for item in risk_dates.values() if (item.on_by_default or item.id in on) and item.id not in off
        )
        places = self._places(table, file, risk_dates)
        return Municipality(
            key,
            table.name,
            table.short_name,
            table.code,
            ZoneInfo(table.zone),
            table.police_area,
            table.website,
            tuple(table.languages),
            tuple(Party(name, party.name, tuple(party.people)) for name, party in table.parties.items()),
            tuple(table.promises),
            tuple(self._channel(name, item, table, file, channels) for name, item in table.channels.items()),
            active,
            places,
            tuple(self._local_dates(table, file, risk_dates, places)),
            tuple(self._extra_dates(table, file, risk_dates, campaigns)),
            tuple(ReminderRole(item.role, tuple(item.kinds)) for item in table.reminders),
        )

    def _channel(
        self,
        key: str,
        table: schema.ChannelTable,
        owner: schema.MunicipalityFile,
        file: str,
        names: Mapping[str, str],
    ) -> ChannelConfig:
        at = f"channels.{key}"
        self.known([table.kind], self.channel_kinds, file, f"{at}.kind", "kanaltyp")
        languages = tuple(table.languages or owner.languages)
        self.known(languages, owner.languages, file, f"{at}.languages", "språkkod (lägg till den i languages)")
        if table.kind == "webhook" and not (table.url and table.secret):
            self.problems.append(Problem(file, at, "en webhook måste ha både url och secret"))
        if table.url and not table.url.startswith(("https://", "http://")):
            self.problems.append(Problem(file, f"{at}.url", "ska börja med https://"))
        return ChannelConfig(
            key,
            table.kind,
            table.name or names.get(key, key),
            languages,
            table.url,
            table.secret,
            table.allow_private_addresses,
            table.instructions,
        )

    def _places(
        self, table: schema.MunicipalityFile, file: str, risk_dates: Mapping[str, RiskDate]
    ) -> dict[str, tuple[Place, ...]]:
        self._unique([place.id for place in table.places], file, "places")
        local = [item.id for item in risk_dates.values() if isinstance(item.rule, LocalRule)]
        by_risk_date: dict[str, tuple[Place, ...]] = {}
        for index, place in enumerate(table.places):
            for risk_date in self.known(
                place.risk_dates, local, file, f"places.{index}.risk_dates", "lokalt beslutat riskdatum"
            ):
                by_risk_date[risk_date] = (*by_risk_date.get(risk_date, ()), Place(place.id, place.name))
        return by_risk_date

    def _local_dates(
        self,
        table: schema.MunicipalityFile,
        file: str,
        risk_dates: Mapping[str, RiskDate],
        places: Mapping[str, tuple[Place, ...]],
    ) -> Iterable[LocalDate]:
        seen: set[tuple[str, str, int]] = set()
        for index, item in enumerate(table.local_dates):
            at = f"local_dates.{index}"
            local = [entry.id for entry in risk_dates.values() if isinstance(entry.rule, LocalRule)]
            if not self.known([item.risk_date], local, file, f"{at}.risk_date", "lokalt beslutat riskdatum"):
                continue
            valid = [place.id for place in places.get(item.risk_date, ())] or [""]
            if not self.known([item.place], valid, file, f"{at}.place", "plats"):
                continue
            if (item.risk_date, item.place, item.day.year) in seen:
                self.problems.append(Problem(file, at, "samma riskdatum, plats och år står mer än en gång"))
            seen.add((item.risk_date, item.place, item.day.year))
            risk_date = risk_dates[item.risk_date]
            first = item.first_day or item.day + timedelta(days=risk_date.first_offset)
            last = item.last_day or item.day + timedelta(days=risk_date.last_offset)
            if not first <= item.day <= last:
                self.problems.append(Problem(file, at, "dagen ska ligga mellan första och sista dagen"))
            yield LocalDate(
                item.risk_date, item.place, item.day.year, item.day, item.confirmed, first, last, item.source
            )

    def _extra_dates(
        self,
        table: schema.MunicipalityFile,
        file: str,
        risk_dates: Mapping[str, RiskDate],
        campaigns: Mapping[str, Campaign],
    ) -> Iterable[ExtraDate]:
        self._unique([item.id for item in table.extra_dates], file, "extra_dates")
        for index, item in enumerate(table.extra_dates):
            at = f"extra_dates.{index}"
            if item.id in risk_dates:
                self.problems.append(Problem(file, f"{at}.id", f"”{item.id}” är redan ett riskdatum: välj ett annat id"))
            if item.campaign:
                self.known([item.campaign], campaigns, file, f"{at}.campaign", "kampanj")
            first, last = item.first_day or item.day, item.last_day or item.day
            if not first <= item.day <= last:
                self.problems.append(Problem(file, at, "dagen ska ligga mellan första och sista dagen"))
            yield ExtraDate(item.id, item.name, item.day, first, last, item.campaign)


def _month_day(text: str) -> tuple[int, int]:
    month, day = text.split("-")
    return int(month), int(day)
