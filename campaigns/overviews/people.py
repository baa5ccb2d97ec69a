"""The people of a municipality as its administrators see them, and as the settings' front page counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from campaigns.catalog import Municipality
from campaigns.models import Role
from campaigns.people import persons, staffing
from campaigns.people.persons import Colleague
from campaigns.people.roles import EVERYWHERE
from campaigns.people.sign_ins import SignedIn

FEWEST_ADMINISTRATORS = 2


@dataclass(frozen=True)
class ShownRole:
    """A role in words. `may_be_taken` is whether the one who looks may take it back."""

    membership: int
    words: str
    may_be_taken: bool


@dataclass(frozen=True)
class ShownPerson:
    """A colleague. What the one who looks may do with the person as a whole is `is_within_reach`."""

    id: int
    name: str
    email: str
    roles: Sequence[ShownRole]
    state: str
    is_disabled: bool
    has_password: bool
    is_within_reach: bool
    is_oneself: bool


@dataclass(frozen=True)
class PeoplePage:
    people: Sequence[ShownPerson]
    administrators: int

    @property
    def is_thin(self) -> bool:
        """Whether there are so few administrators that one who is away stops everybody."""
        return self.administrators < FEWEST_ADMINISTRATORS


@dataclass(frozen=True)
class ShownParty:
    """A party with those who may sign for it: by the municipality's file, and by the roles of those with accounts."""

    id: str
    name: str
    listed: Sequence[str]
    approvers: Sequence[str]


def people_page(session: Session, municipality: Municipality, administrator: SignedIn) -> PeoplePage:
    """Everybody with a role here, those who have been shut out last."""
    found = persons.colleagues(session, municipality)
    reach = {row.id: _everywhere_within_reach(session, administrator, row) for row in found}
    return PeoplePage(
        people=[_shown(row, administrator, is_within_reach=reach[row.id]) for row in found],
        administrators=persons.count_administrators(session, municipality.id),
    )


def one_person(session: Session, municipality: Municipality, administrator: SignedIn, person_id: int) -> ShownPerson:
    """One of them. Raises NotFoundError for one who has no role here."""
    staffing.person_here(session, municipality, person_id)
    return next(row for row in people_page(session, municipality, administrator).people if row.id == person_id)


def parties(session: Session, municipality: Municipality) -> Sequence[ShownParty]:
    """The municipality's parties, in the order of its file."""
    found = persons.colleagues(session, municipality)
    return [
        ShownParty(
            party.id,
            party.name,
            party.people,
            [
                row.name
                for row in found
                if not row.is_disabled
                and any(item.role == Role.APPROVER and item.party == party.id for item in row.memberships)
            ],
        )
        for party in municipality.parties
    ]


def _everywhere_within_reach(session: Session, administrator: SignedIn, row: Colleague) -> bool:
    person = persons.by_id(session, row.id)
    return staffing.is_within_reach(administrator, persons.memberships(session, person))


def _shown(row: Colleague, administrator: SignedIn, *, is_within_reach: bool) -> ShownPerson:
    roles = [
        ShownRole(
            item.id or 0,
            words,
            item.municipality != EVERYWHERE or staffing.is_within_reach(administrator, [item]),
        )
        for item, words in zip(row.memberships, row.roles, strict=True)
    ]
    return ShownPerson(
        id=row.id,
        name=row.name,
        email=row.email,
        roles=roles,
        state="avstängd" if row.is_disabled else "" if row.has_password else "har inte valt lösenord än",
        is_disabled=row.is_disabled,
        has_password=row.has_password,
        is_within_reach=is_within_reach,
        is_oneself=row.id == administrator.id,
    )
