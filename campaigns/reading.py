"""config/*.toml read into checked values. Every problem is told at once, with file, key and the nearest name."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from campaigns import schema, schema_faults
from campaigns.catalog import (
    Audience,
    Catalog,
    ChannelConfig,
    Fact,
    Municipality,
    National,
    Party,
    Promise,
    ReminderRole,
    Retention,
)
from campaigns.errors import ConfigurationError, Problem, RuleError, suggestion
from campaigns.occurrences import ExtraDate, LocalDate, Place
from campaigns.plan import Activity, Campaign, Deadline, Step
from campaigns.promises import Revision, last_day_from, taken_over
from campaigns.rules import FIRST_YEAR, LAST_YEAR, EasterRule, LocalRule, RecurrenceRule, RiskDate, Rule, day_in_year

T = TypeVar("T", bound=BaseModel)
N = TypeVar("N")


def load(directory: Path, *, channel_kinds: Iterable[str]) -> Catalog:
    """The catalog in `directory`. Raises ConfigurationError with every problem found in any file."""
    if not directory.is_dir():
        raise ConfigurationError(
            [Problem(str(directory), "", "mappen finns inte. Ange rätt mapp med KAMPANJHJUL_CONFIG_DIR.")]
        )
    reader = _Reader(directory, channel_kinds)
    catalog = reader.read()
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return catalog


class _Reader:
    """Reads the files in order of dependence and gathers problems; what is broken is left out, not guessed.

    `names` are the ids that other files may point to, by kind. A broken entry still has its id there, and a kind whose
    file cannot be read is missing altogether: one fault must not give rise to others elsewhere.
    """

    def __init__(self, directory: Path, channel_kinds: Iterable[str]) -> None:
        self.directory = directory
        self.problems: list[Problem] = []
        self.bytes_read = hashlib.sha256()
        self.names: dict[str, frozenset[str]] = {"channel_kinds": frozenset(channel_kinds)}
        for folder in ("campaigns", "municipalities"):
            stems = frozenset(path.stem for path in (directory / folder).glob("*.toml"))
            if stems:
                self.names[folder] = stems
            else:
                self.problems.append(Problem(folder, "", "mappen saknas eller har ingen .toml-fil"))

    def read(self) -> Catalog:
        risk_dates = self.tables("risk_dates", schema.RiskDateTable, self.risk_date)
        if "risk_dates" in self.names:
            dated = {key for key, item in risk_dates.items() if not isinstance(item.rule, LocalRule)}
            self.names["local_risk_dates"] = self.names["risk_dates"] - dated
        audiences = self.tables("audiences", schema.AudienceTable, lambda i, t, _: Audience(i, t.name, t.description))
        channels = self.tables("channels", schema.ChannelNameTable, lambda _i, t, _f: t.name)
        promises = self.promises()
        facts = self.tables("facts", schema.FactTable, self.fact)
        campaigns = {
            name: self.campaign(name, table) for name, _, table in self.files("campaigns", schema.CampaignFile)
        }
        municipalities = {
            name: self.municipality(name, table, file, risk_dates, channels)
            for name, file, table in self.files("municipalities", schema.MunicipalityFile)
        }
        return Catalog(
            risk_dates, audiences, channels, promises, facts, campaigns, municipalities, self.bytes_read.hexdigest()
        )

    # -- files

    def problem(self, file: str, key: str, message: str) -> None:
        self.problems.append(Problem(file, key, message))

    def toml(self, path: Path) -> dict[str, object] | None:
        """What the file says; None, and a problem told, if it cannot be read or says nothing."""
        name = path.relative_to(self.directory).as_posix()
        try:
            # Windows programs like to begin a file with a byte order mark: utf-8-sig takes it away.
            content = path.read_bytes()
            found = tomllib.loads(content.decode("utf-8-sig"))
        except FileNotFoundError:
            self.problem(name, "", "filen saknas")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self.problem(name, "", f"rad {line}: filen är inte UTF-8. Spara om den som UTF-8.")
        except OSError as error:
            self.problem(name, "", f"filen går inte att läsa ({error.strerror}). Kontrollera rättigheterna.")
        except tomllib.TOMLDecodeError as error:
            self.problem(name, "", _not_toml(str(error)))
        else:
            self.bytes_read.update(f"{name} {len(content)}\n".encode() + content)
            if found:
                return found
            self.problem(name, "", "filen är tom")
        return None

    def checked(self, model: type[T], value: object, file: str, at: str = "") -> T | None:
        try:
            return model.model_validate(value, context=self.names)
        except ValidationError as error:
            self.problems.extend(schema_faults.problems_of(error, file=file, model=model, value=value, at=at))
            return None

    def tables(self, kind: str, model: type[T], make: Callable[[str, T, str], N | None]) -> dict[str, N]:
        """The file `kind`.toml, a table for each id."""
        file = f"{kind}.toml"
        read = self.toml(self.directory / file)
        if read is None:
            return {}
        self.names[kind] = frozenset(read)
        found: dict[str, N] = {}
        for key, value in read.items():
            self._id(key, file, key, schema.FACT_ID if kind == "facts" else schema.ID)
            table = self.checked(model, value, file, key)
            made = make(key, table, file) if table is not None else None
            if made is not None:
                found[key] = made
        return found

    def files(self, folder: str, model: type[T]) -> Iterable[tuple[str, str, T]]:
        """Each file in `folder`, whose name is its id."""
        for path in sorted((self.directory / folder).glob("*.toml")):
            file = f"{folder}/{path.name}"
            self._id(path.stem, file, "", schema.ID)
            value = self.toml(path)
            if value is None:
                continue
            self._unique(value, file)
            table = self.checked(model, value, file)
            if table is not None:
                yield path.stem, file, table

    def _id(self, name: str, file: str, key: str, shape: str) -> None:
        if not re.fullmatch(shape, name):
            self.problem(file, key, f"”{name}” {schema_faults.SHAPES[shape]}")

    def _unique(self, value: Mapping[str, object], file: str) -> None:
        """No two entries of a list may have one id. Looked for before the rest, so that no other fault hides it."""
        for key, entries in value.items():
            seen: set[object] = set()
            for entry in entries if isinstance(entries, list) else ():
                name = entry.get("id") or entry.get("kind") if isinstance(entry, dict) else None
                if isinstance(name, str) and name in seen:
                    self.problem(file, key, f"”{name}” står mer än en gång")
                seen.add(name if isinstance(name, str) else None)

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
                self.problem(file, f"{key}.local.usual_last", "ligger före usual_first")
            rules.append(LocalRule(first, last))
        if len(rules) != 1:
            self.problem(file, key, "ska ha exakt en av rule, easter och local")
            return None
        if table.last_offset < table.first_offset:
            self.problem(file, f"{key}.last_offset", "sista dagen ligger före första dagen")
        rule = rules[0]
        if not isinstance(rule, LocalRule):
            self._occurs(rule, file, f"{key}.rule")
        return RiskDate(
            key,
            table.name,
            rule,
            table.first_offset,
            table.last_offset,
            table.on,
            table.description,
            table.day_name.strip(),
        )

    def _occurs(self, rule: RecurrenceRule | EasterRule, file: str, key: str) -> None:
        for year in range(FIRST_YEAR, LAST_YEAR + 1):
            try:
                day_in_year(rule, year)
            except RuleError as error:
                self.problem(file, key, error.message)
                return

    def promises(self) -> dict[str, Promise]:
        """The promises; one that succeeds another must begin when that one is over."""
        found = self.tables("promises", schema.PromiseTable, self.promise)
        for item in found.values():
            before = found.get(item.succeeds or "")
            if before is not None and item.first_day <= before.last_day:
                self.problem(
                    "promises.toml", f"{item.id}.succeeds", f"löftet börjar innan ”{before.id}” är slut: rätta dagarna"
                )
        return taken_over(found)

    def promise(self, key: str, table: schema.PromiseTable, file: str) -> Promise | None:
        first = table.first_day or table.signed_on
        last = table.last_day or (last_day_from(table.signed_on) if table.signed_on else None)
        if first is None or last is None:  # told by the schema
            return None
        if last < first:
            self.problem(file, f"{key}.last_day", "sista dagen ligger före första dagen")
        earlier = first
        for number, item in enumerate(table.revisions, start=1):
            if not earlier < item.first_day <= last:
                at = f"{key}.revisions.{number}.first_day"
                self.problem(file, at, "ska ligga inom löftets period, efter den förra lydelsens första dag")
            earlier = item.first_day
        return Promise(
            key,
            table.text.strip(),
            table.activity,
            tuple(table.municipalities),
            first,
            last,
            table.source,
            tuple(table.parties),
            table.signed_on,
            tuple(Revision(item.first_day, item.text, item.activity, item.reason) for item in table.revisions),
            table.succeeds,
        )

    def fact(self, key: str, table: schema.FactTable, file: str) -> Fact:
        if table.valid_until < table.checked_on:
            self.problem(file, f"{key}.valid_until", "ligger före checked_on")
        return Fact(
            key,
            table.kind,
            table.text,
            table.source,
            table.checked_on,
            table.valid_until,
            table.confirmed,
            table.note,
            self._national(key, table, file) if table.kind == "kampanj" else None,
        )

    def _national(self, key: str, table: schema.FactTable, file: str) -> National:
        if table.valid_from is not None and table.valid_until < table.valid_from:
            self.problem(file, f"{key}.valid_until", "ligger före valid_from")
        return National(
            table.name or table.text,
            table.owner or "",
            tuple(table.audiences),
            tuple(table.risk_dates),
            table.link or "",
            table.valid_from,
            table.closed,
        )

    def campaign(self, key: str, table: schema.CampaignFile) -> Campaign:
        return Campaign(
            key,
            table.name,
            table.risk_date,
            tuple(table.promises),
            tuple(
                Step(
                    step.id,
                    step.name,
                    tuple(dict.fromkeys(step.audiences)),
                    tuple(dict.fromkeys(step.channels)),
                    step.offset_days,
                    step.at,
                    step.not_after.offset_days,
                    step.not_after.at,
                    tuple(step.also_for),
                )
                for step in table.steps
            ),
            tuple(Deadline(item.kind, item.name, item.offset_days) for item in table.deadlines),
            tuple(
                Activity(item.id, item.name, item.offset_days, item.responsible, item.description)
                for item in table.activities
            ),
        )

    def municipality(
        self,
        key: str,
        table: schema.MunicipalityFile,
        file: str,
        risk_dates: Mapping[str, RiskDate],
        channels: Mapping[str, str],
    ) -> Municipality:
        on, off = table.risk_dates.on, table.risk_dates.off
        places: dict[str, tuple[Place, ...]] = {}
        for place in table.places:
            for risk_date in place.risk_dates:
                places[risk_date] = (*places.get(risk_date, ()), Place(place.id, place.name))
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
            tuple(item for item in risk_dates.values() if (item.on_by_default or item.id in on) and item.id not in off),
            places,
            tuple(self._local_dates(table, file, risk_dates, places)),
            tuple(
                ExtraDate(
                    item.id, item.name, item.day, item.first_day or item.day, item.last_day or item.day, item.campaign
                )
                for item in table.extra_dates
            ),
            tuple(
                ReminderRole(
                    item.role, tuple(item.kinds), tuple(item.parties), item.email, item.apprise, item.escalate_to
                )
                for item in table.reminders
            ),
            table.count_clicks_at or "",
            Retention(**table.keep_days.model_dump()),
        )

    def _channel(
        self,
        key: str,
        table: schema.ChannelTable,
        owner: schema.MunicipalityFile,
        file: str,
        names: Mapping[str, str],
    ) -> ChannelConfig:
        languages = tuple(table.languages or owner.languages)
        for language in languages:
            if language not in owner.languages:
                at = f"channels.{key}.languages"
                self.problem(file, at, f"kommunen har inte språket ”{language}”. Lägg till det i languages.")
        return ChannelConfig(
            key,
            table.kind,
            table.name or names.get(key, key),
            languages,
            table.url,
            table.secret,
            table.allow_private_addresses,
            table.instructions,
            table.account,
            table.sender,
            dict(table.recipients),
            table.unsubscribe,
            table.api_version,
            table.per_minute,
            table.at_once,
        )

    def _local_dates(
        self,
        table: schema.MunicipalityFile,
        file: str,
        risk_dates: Mapping[str, RiskDate],
        places: Mapping[str, tuple[Place, ...]],
    ) -> Iterable[LocalDate]:
        seen: set[tuple[str, str, int]] = set()
        for number, item in enumerate(table.local_dates, start=1):
            at = f"local_dates.{number}"
            valid = [place.id for place in places.get(item.risk_date, ())] or [""]
            if item.place not in valid:
                self.problem(file, f"{at}.place", _wrong_place(item, places))
            if (item.risk_date, item.place, item.day.year) in seen:
                self.problem(file, at, "samma riskdatum, plats och år står mer än en gång")
            seen.add((item.risk_date, item.place, item.day.year))
            if item.risk_date not in risk_dates:  # broken, and told where it stands
                continue
            risk_date = risk_dates[item.risk_date]
            first = item.first_day or item.day + timedelta(days=risk_date.first_offset)
            last = item.last_day or item.day + timedelta(days=risk_date.last_offset)
            if not first <= item.day <= last:
                self.problem(file, at, "day ska ligga mellan first_day och last_day")
            yield LocalDate(
                item.risk_date, item.place, item.day.year, item.day, item.confirmed, first, last, item.source
            )


def _wrong_place(item: schema.LocalDateTable, places: Mapping[str, tuple[Place, ...]]) -> str:
    valid = [place.id for place in places.get(item.risk_date, ())]
    if not valid:
        return f"”{item.place}” är ingen plats för {item.risk_date}: lägg till den i places, eller ta bort place"
    if not item.place:
        return f"saknas och måste finnas: {item.risk_date} har flera platser. {suggestion('', valid)}"
    return f"okänd plats ”{item.place}”. {suggestion(item.place, valid)}"


def _not_toml(error: str) -> str:
    """A sentence for what tomllib says, "Expected ... (at line 3, column 8)". The rest of it is for programmers."""
    place = re.search(r"at line (\d+), column (\d+)", error)
    where = f"rad {place[1]}, tecken {place[2]}" if place else "sista raden"
    return (
        f"{where}: filen är inte giltig TOML. Texter ska stå inom citattecken och varje nyckel får stå en gång. "
        "Klockslag skrivs 16:30:00 och datum 2027-06-11."
    )


def _month_day(text: str) -> tuple[int, int]:
    month, day = text.split("-")
    return int(month), int(day)
