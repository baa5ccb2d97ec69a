"""What a person may do in one municipality."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.models import Membership, Role

# A membership of this municipality is one of every municipality: those who run the service.
EVERYWHERE = ""
ROLE_NAMES = {
    Role.EDITOR: "redaktör",
    Role.APPROVER: "godkännare",
    Role.ADMINISTRATOR: "administratör",
    Role.OPERATOR: "driftansvarig",
}


@dataclass(frozen=True)
class Roles:
    """`parties` are the ids of the parties that the person signs for. Administrators may do what editors may."""

    is_editor: bool = False
    is_administrator: bool = False
    parties: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.is_editor or bool(self.parties)


def is_operator(memberships: Iterable[Membership]) -> bool:
    """Whether these are of somebody who has been listed among those who run the service."""
    return any(item.role == Role.OPERATOR for item in memberships)


def roles_in(memberships: Iterable[Membership], municipality: str) -> Roles:
    """The roles that `memberships`, all of one person, give in the municipality. Falsy if there are none."""
    here = [item for item in memberships if item.municipality in (municipality, EVERYWHERE)]
    is_administrator = any(item.role == Role.ADMINISTRATOR for item in here)
    return Roles(
        is_editor=is_administrator or any(item.role == Role.EDITOR for item in here),
        is_administrator=is_administrator,
        parties=tuple(dict.fromkeys(item.party for item in here if item.role == Role.APPROVER)),
    )
