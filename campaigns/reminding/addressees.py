"""Who on the staff is reminded of what, and at which addresses. Pure: all of it stands in the municipality's file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from campaigns.catalog import Municipality, ReminderRole
from campaigns.reminder_kinds import Topic, topic_of

_ABOUT_SIGNING = (Topic.NUDGE,)


class Way(StrEnum):
    MAIL = "e-post"
    APPRISE = "apprise"


@dataclass(frozen=True)
class Address:
    """One way to one person. `place` is the mail address, or the reference to the Apprise address: never logged."""

    id: str  # the same as long as the role is called the same
    way: Way
    place: str = field(repr=False)

    @property
    def is_same_as(self) -> str:
        """Equal for two addresses that are one: a person may have several roles."""
        return f"{self.way}:{self.place.casefold()}"


def addresses(municipality: Municipality) -> dict[str, Address]:
    """Every address of the municipality's staff, by its id."""
    return {address.id: address for entry in municipality.reminders for address in _of(entry)}


def receivers(municipality: Municipality, kind: str, *, parties: Collection[str] = ()) -> list[Address]:
    """Where a reminder of `kind` goes, each place once. `parties` are those that it is for; none means all."""
    topic = topic_of(kind)
    if topic is not Topic.ESCALATION:
        return _each_place_once(_asking(municipality, topic, parties))
    nudged = _asking(municipality, Topic.NUDGE, parties)
    return _each_place_once(_seconds(municipality, nudged))


def seconds_of(municipality: Municipality, address_id: str) -> list[Address]:
    """Where the second named person is reached when `address_id` could not be."""
    own = [entry for entry in municipality.reminders if address_id in [address.id for address in _of(entry)]]
    return _each_place_once(_seconds(municipality, own))


def _asking(municipality: Municipality, topic: Topic, parties: Collection[str]) -> list[ReminderRole]:
    return [
        entry
        for entry in municipality.reminders
        if (not entry.kinds or topic in entry.kinds)
        and not (topic in _ABOUT_SIGNING and entry.parties and parties and set(entry.parties).isdisjoint(parties))
    ]


def _seconds(municipality: Municipality, entries: Iterable[ReminderRole]) -> list[ReminderRole]:
    wanted = {entry.escalate_to for entry in entries}
    return [entry for entry in municipality.reminders if entry.role in wanted]


def _of(entry: ReminderRole) -> Sequence[Address]:
    places = ((Way.MAIL, entry.email), (Way.APPRISE, entry.apprise))
    return [Address(f"{entry.role}/{way}", way, place) for way, place in places if place]


def _each_place_once(entries: Iterable[ReminderRole]) -> list[Address]:
    found: dict[str, Address] = {}
    for entry in entries:
        for address in _of(entry):
            found.setdefault(address.is_same_as, address)
    return list(found.values())
