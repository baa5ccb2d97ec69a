"""What should be in place before the season, and whether it is: people, dates, reminders, channels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session

from campaigns.catalog import Municipality
from campaigns.models import Role
from campaigns.occurrences import Occurrence
from campaigns.overviews.paths import staff
from campaigns.people.persons import colleagues
from campaigns.reminding.addressees import addresses
from campaigns.sending import accounts

LOOKED_AHEAD = timedelta(days=365)


@dataclass(frozen=True)
class Step:
    """Something to have in place. `text` says it as it is now, `link` what the link to it says."""

    text: str
    is_done: bool
    path: str
    link: str


@dataclass(frozen=True)
class SetUp:
    """All that should be in place."""

    steps: tuple[Step, ...]

    @property
    def is_done(self) -> bool:
        return all(step.is_done for step in self.steps)

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)


def set_up(session: Session, municipality: Municipality, found: Iterable[Occurrence], *, today: date) -> SetUp:
    """How far the municipality has come. `found` are its occurrences, `today` is a local day."""
    return SetUp(
        (
            *_people(session, municipality),
            _dates(municipality, found, today=today),
            _reminders(municipality),
            _channels(session, municipality),
        )
    )


def _people(session: Session, municipality: Municipality) -> Iterable[Step]:
    path = staff(municipality, "installningar/personer")
    found = [
        item
        for person in colleagues(session, municipality)
        if not person.is_disabled
        for item in ((person.id, member) for member in person.memberships)
    ]
    administrators = {person for person, member in found if member.role == Role.ADMINISTRATOR}
    yield Step("Minst två administratörer rekommenderas.", len(administrators) > 1, path, "Lägg till en administratör")
    for party in municipality.parties:
        can_sign = any(member.role == Role.APPROVER and member.party == party.id for _, member in found)
        yield Step(f"Någon kan godkänna för {party.name}.", can_sign, path, "Lägg till en godkännare")


def _dates(municipality: Municipality, found: Iterable[Occurrence], *, today: date) -> Step:
    undated = [item for item in found if not item.has_day and today <= item.last_day <= today + LOOKED_AHEAD]
    text = "Alla lokala datum det närmaste året är inlagda."
    if undated:
        names = ", ".join(dict.fromkeys(item.name for item in undated))
        how_many = "Ett lokalt datum" if len(undated) == 1 else f"{len(undated)} lokala datum"
        text = f"{how_many} saknas: {names}."
    return Step(text, not undated, staff(municipality, "kampanjer"), "Lägg in datum")


def _reminders(municipality: Municipality) -> Step:
    is_done = bool(addresses(municipality))
    text = "Påminnelser går till personalen." if is_done else "Ingen i personalen får påminnelser än."
    return Step(text, is_done, staff(municipality, "installningar/paminnelser"), "Ställ in påminnelser")


def _channels(session: Session, municipality: Municipality) -> Step:
    standing = len(accounts.standing(session, municipality=municipality.id))
    text = "Alla kanaler fungerar."
    if standing:
        text = "En kanal är stoppad eller vilar." if standing == 1 else f"{standing} kanaler är stoppade eller vilar."
    return Step(text, not standing, staff(municipality, "installningar/kanaler"), "Gå till Kanaler")
