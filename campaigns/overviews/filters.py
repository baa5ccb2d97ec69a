"""What a calendar page is narrowed to: the form's fields, and which entries they let through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from campaigns.catalog import Catalog, Municipality
from campaigns.overviews.entries import Entry, Kind
from campaigns.overviews.standing import STAGE_NAMES


@dataclass(frozen=True)
class Choice:
    """A select field of the filter form. The first choice is everything."""

    name: str
    label: str
    everything: str
    options: tuple[tuple[str, str], ...]
    chosen: str


@dataclass(frozen=True)
class Filters:
    """What to show of a period; an empty one lets all through."""

    campaign: str = ""
    audience: str = ""
    channel: str = ""
    stage: str = ""

    @property
    def query(self) -> dict[str, str | int]:
        return {
            name: value
            for name, value in (
                ("kampanj", self.campaign),
                ("malgrupp", self.audience),
                ("kanal", self.channel),
                ("lage", self.stage),
            )
            if value
        }

    def lets_through(self, entry: Entry) -> bool:
        """Risk dates stay as what posts are about; deadlines and activities have no audience, channel or stage."""
        if self.campaign and entry.campaign != self.campaign:
            return False
        if entry.kind is not Kind.POST:
            return entry.kind is Kind.RISK_DATE or not (self.audience or self.channel or self.stage)
        return (
            self.audience in ("", entry.audience)
            and (not self.channel or self.channel in entry.channels)
            and self.stage in ("", entry.standing.stage if entry.standing else "")
        )


def choices_for(catalog: Catalog, municipality: Municipality, query: Mapping[str, str]) -> tuple[Choice, ...]:
    found: list[tuple[str, str, str, Iterable[tuple[str, str]]]] = [
        ("kampanj", "Kampanj", "Alla kampanjer", [(item.id, item.name) for item in catalog.campaigns.values()]),
        ("malgrupp", "Målgrupp", "Alla målgrupper", [(item.id, item.name) for item in catalog.audiences.values()]),
        ("kanal", "Kanal", "Alla kanaler", [(item.id, item.name) for item in municipality.channels]),
        ("lage", "Läge", "Alla lägen", [(stage.value, name) for stage, name in STAGE_NAMES.items()]),
    ]
    return tuple(
        Choice(name, label, everything, tuple(options), query.get(name, "") if _has(options, query.get(name)) else "")
        for name, label, everything, options in found
    )


def _has(options: Iterable[tuple[str, str]], value: str | None) -> bool:
    return value in {option for option, _ in options}
